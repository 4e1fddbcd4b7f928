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


@click.command("posters", help="把一个地点下面所有在用二维码的海报画进一个文件。")
@click.option("--under", required=True, help="哪个地点：名称、区/街道/社区 这样的全称，或编码。")
@click.option("--level", type=LEVELS, help="只画这一级的地点。")
@click.option("--format", "format_", type=FORMATS, default=Format.A4.value, help="纸张。")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    required=True,
    help="画进哪个文件。",
)
@click.option("--zip", "is_zip", is_flag=True, help="每张海报一个文件，打成一个压缩包。")
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
    click.echo(f"画了 {posters.total(sheets, is_zip=is_zip)} 张海报：{out}")
    missing = sheets.left_out + (0 if is_zip else len(sheets.pictures))
    if missing:
        click.echo(f"漏了 {missing} 个码：微信还没有生成，或者只有单独的图片（加 --zip 才有）")


def _draw(sheets: posters.Sheets, format: Format, *, is_zip: bool) -> bytes:
    file = BytesIO()
    with tqdm(total=posters.total(sheets, is_zip=is_zip), desc="画海报", unit="张", disable=None) as bar:
        posters.draw(sheets, format, file, is_zip=is_zip, on_page=lambda done: _show(bar, done))
    return file.getvalue()


def _show(bar: "tqdm[None]", done: int) -> None:
    bar.update(done - bar.n)
