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
from backend.wechat import accounts, client, menu, qrcodes


@click.command()
@click.option("--pictures", type=click.Path(file_okay=False, path_type=Path), help="Save the codes here.")
def main(pictures: Path | None) -> None:
    """Publish the menus, and have WeChat make a code for every place that has none. Safe to run again."""
    db.connect(config.database_url)
    try:
        publish()
        saved = save_pictures(pictures) if pictures else 0
    except AppError as error:
        raise click.ClickException(str(error)) from None
    if pictures:
        click.echo(f"{saved} pictures in {pictures}")


def publish() -> None:
    """Menus and codes, each only where it is missing or changed. Raises ProviderError."""
    for account in accounts.all_accounts().values():
        menu.publish(account)
        click.echo(f"{account.name}: the menu is published")
    with db.transaction() as session:
        codes.make_codes(session)
    click.echo(f"{qrcodes.ensure_all_tickets()} new codes of places")


def save_pictures(folder: Path) -> int:
    """Save the picture of every living code under its place's name. Returns how many."""
    folder.mkdir(parents=True, exist_ok=True)
    found = _tickets()
    for name, ticket in found:
        (folder / f"{name.replace('/', ' ')}.jpg").write_bytes(client.qrcode_picture(ticket))
    return len(found)


def _tickets() -> list[tuple[str, str]]:
    """(玉兰社区-玉兰苑东门-17, ticket), by place; the number keeps places of one name apart."""
    above = aliased(Area)
    with db.transaction() as session:
        rows = session.execute(
            sa.select(Area.id, Area.name, above.name, PlaceCode.ticket)
            .join(PlaceCode, PlaceCode.area_id == Area.id)
            .join(above, above.id == Area.parent_id, isouter=True)
            .where(PlaceCode.ticket.is_not(None), PlaceCode.revoked_at.is_(None))
            .order_by(Area.id)
        )
        return [
            (f"{parent}-{name}-{number}" if parent else f"{name}-{number}", str(ticket))
            for number, name, parent, ticket in rows
        ]
