"""`python -m backend publish`: give the official accounts their menus, and every place its QR code."""

from pathlib import Path

import click
import sqlalchemy as sa
from sqlalchemy.orm import aliased

from backend import db
from backend.config import config
from backend.errors import AppError
from backend.places import codes
from backend.places.models import Area, PlaceCode
from backend.places.roles import Carrier
from backend.wechat import accounts, menu, qrcodes


@click.command(help="发布公众号菜单，请微信给没有二维码的地点做码。可以重复运行。")
@click.option("--pictures", type=click.Path(file_okay=False, path_type=Path), help="图片存到这个文件夹。")
def main(pictures: Path | None) -> None:
    """Publish the menus, and have WeChat make a code for every place that has none. Safe to run again."""
    db.connect(config.database_url)
    try:
        publish()
        saved = save_pictures(pictures) if pictures else 0
    except AppError as error:
        raise click.ClickException(str(error)) from None
    if pictures:
        click.echo(f"存了 {saved} 张图片：{pictures}")


def publish() -> None:
    """Menus and codes, each only where it is missing or changed. Raises ProviderError."""
    for account in accounts.all_accounts().values():
        menu.publish(account)
        click.echo(f"{account.name}：菜单已发布")
    with db.transaction() as session:
        codes.make_codes(session)
    click.echo(f"新做了 {qrcodes.ensure_all_tickets()} 个地点的二维码")


def save_pictures(folder: Path) -> int:
    """Save the picture of every code that is made and in use, under its place's name. Returns how many."""
    folder.mkdir(parents=True, exist_ok=True)
    found = _made()
    for name, code in found:
        content, ending = qrcodes.picture(code)
        (folder / f"{name.replace('/', ' ')}.{ending}").write_bytes(content)
    return len(found)


def _made() -> list[tuple[str, PlaceCode]]:
    """(玉兰社区-玉兰苑东门-17, code), by place; the number keeps places of one name apart, and a place's
    other codes have their own behind it."""
    above = aliased(Area)
    with db.transaction() as session:
        rows = session.execute(
            sa.select(Area.id, Area.name, above.name, PlaceCode)
            .join(PlaceCode, PlaceCode.area_id == Area.id)
            .join(above, above.id == Area.parent_id, isouter=True)
            .where(codes.living(), PlaceCode.ticket.is_not(None) | (PlaceCode.carrier == Carrier.URL))
            .order_by(Area.id, PlaceCode.id)
        ).all()
    seen: set[int] = set()
    named = []
    for number, name, parent, code in rows:
        file = "-".join(filter(None, (parent, name, str(number))))
        named.append((f"{file}-{code.id}" if number in seen else file, code))
        seen.add(number)
    return named
