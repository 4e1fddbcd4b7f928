"""`python -m backend posters`: draw the posters of all codes under a place into one file."""

from io import BytesIO
from pathlib import Path

import click
import sqlalchemy as sa
from sqlalchemy.orm import Session
from tqdm import tqdm

from backend import db
from backend.cases.code_figures import Wanted
from backend.config import config
from backend.console import posters
from backend.errors import AppError
from backend.places.layouts import Format
from backend.places.models import Area
from backend.places.roles import Level
from backend.places.scope import COMMAND_LINE

LEVELS = click.Choice([level.value for level in Level])
FORMATS = click.Choice([one.value for one in Format])


@click.command("posters")
@click.option("--under", required=True, help="A place: its name, its path like 区/街道/社区, code or number.")
@click.option("--level", type=LEVELS, help="Places of this level only.")
@click.option("--format", "format_", type=FORMATS, default=Format.A4.value)
@click.option("--out", type=click.Path(dir_okay=False, writable=True, path_type=Path), required=True)
@click.option("--zip", "is_zip", is_flag=True, help="A file for each poster, in one archive.")
def main(under: str, level: str | None, format_: str, out: Path, is_zip: bool) -> None:
    """Draw the posters of all used codes under a place."""
    db.connect(config.database_url)
    try:
        with db.transaction() as session:
            area = _find(session, under)
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


def _find(session: Session, said: str) -> Area:
    """By number, code, or name; a path of names where one name is not enough."""
    *above, name = said.split("/")
    query = sa.select(Area).where(sa.or_(Area.name == name, Area.code == name, _is_id(name)))
    query = query.where(Area.closed_at.is_(None))
    found = [area for area in session.scalars(query) if _lies_below(session, area, above)]
    if len(found) == 1:
        return found[0]
    problem = "several places fit: write its path, like 区/街道/社区" if found else "there is no such place"
    raise click.BadParameter(f"{said}: {problem}", param_hint="--under")


def _is_id(name: str) -> sa.ColumnElement[bool]:
    return Area.id == int(name) if name.isdecimal() and len(name) < 18 else sa.false()


def _lies_below(session: Session, area: Area, above: list[str]) -> bool:
    around = [int(area_id) for area_id in area.path.split(".")]
    names = set(session.scalars(sa.select(Area.name).where(Area.id.in_(around))))
    return set(above) <= names
