"""`python -m backend posters`: draw the posters of all codes under a place into one file."""

from io import BytesIO
from pathlib import Path

import click
from tqdm import tqdm

from backend import db
from backend.cases.code_figures import Wanted
from backend.config import config
from backend.console import posters
from backend.errors import AppError
from backend.places import naming
from backend.places.layouts import Format
from backend.places.roles import Level
from backend.places.scope import COMMAND_LINE

LEVELS = click.Choice([level.value for level in Level])
FORMATS = click.Choice([one.value for one in Format])


@click.command("posters")
@click.option("--under", required=True, help="A place: its name, its path like 区/街道/社区, or its code.")
@click.option("--level", type=LEVELS, help="Places of this level only.")
@click.option("--format", "format_", type=FORMATS, default=Format.A4.value)
@click.option("--out", type=click.Path(dir_okay=False, writable=True, path_type=Path), required=True)
@click.option("--zip", "is_zip", is_flag=True, help="A file for each poster, in one archive.")
def main(under: str, level: str | None, format_: str, out: Path, is_zip: bool) -> None:
    """Draw the posters of all used codes under a place."""
    db.connect(config.database_url)
    try:
        with db.transaction() as session:
            area = naming.the_one(session, under)
            kind = Level(level) if level else None
            sheets = posters.collect(session, COMMAND_LINE, Wanted(area=area), level=kind)
        drawn = _draw(sheets, Format(format_), is_zip=is_zip)
    except AppError as error:
        raise click.ClickException(error.message) from None
    out.write_bytes(drawn)
    click.echo(f"{posters.total(sheets, is_zip=is_zip)} posters in {out}")
    missing = sheets.left_out + (0 if is_zip else len(sheets.pictures))
    if missing:
        click.echo(f"{missing} codes left out: WeChat has not made them, or gives a picture only (--zip)")


def _draw(sheets: posters.Sheets, format: Format, *, is_zip: bool) -> bytes:
    file = BytesIO()
    with tqdm(total=posters.total(sheets, is_zip=is_zip), desc="posters", unit="page") as bar:
        posters.draw(sheets, format, file, is_zip=is_zip, on_page=lambda done: _show(bar, done))
    return file.getvalue()


def _show(bar: "tqdm[None]", done: int) -> None:
    bar.update(done - bar.n)
