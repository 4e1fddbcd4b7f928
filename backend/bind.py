"""`python -m backend bind NAME`: a personal code on the terminal, for an officer to scan in WeChat."""

import sys
from dataclasses import dataclass
from datetime import datetime

import click
import qrcode
import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload, selectinload

from backend import db
from backend.config import config
from backend.errors import AppError
from backend.notify import binding
from backend.places.models import Officer, Post
from backend.places.roles import ROLE_LABELS
from backend.times import now, stamp
from backend.wechat import accounts, qrcodes


@dataclass(frozen=True)
class Personal:
    """A code made for one officer: the text for the picture, and until when it is good."""

    officer: str
    url: str
    until: datetime


@click.command(help="显示工作人员 NAME 的绑定码，本人用微信扫一扫就绑定。只能用一次，一天内有效。")
@click.argument("name")
@click.option("--id", "officer_id", type=int, help="有几个人同名时，是哪一位（编号）。")
@click.option("--account", help="在哪个公众号里绑定；不写就用其岗位所在地方的公众号。")
def main(name: str, officer_id: int | None, account: str | None) -> None:
    """Show a code that binds the officer NAME to the WeChat that scans it: once, within a day."""
    db.connect(config.database_url)
    try:
        made = make(name, officer_id, account)
    except AppError as error:
        raise click.ClickException(error.message) from None
    show(made)


def show(made: Personal) -> None:
    """Draw the code on the terminal, and say whose it is."""
    picture = qrcode.QRCode(border=2)
    picture.add_data(made.url)
    picture.print_ascii(out=sys.stdout, invert=True)
    click.echo(f"{made.officer}：请本人用微信扫一扫。只能用一次，{stamp(made.until)}前有效。")


def make(name: str, officer_id: int | None = None, account: str | None = None) -> Personal:
    """Issue the code, and have WeChat make its picture. Raises AppError, or ClickException for a name."""
    named_one = accounts.get(account) if account else None
    with db.transaction() as session:
        officer = only(named(session, name), officer_id)
        who, at = describe(officer), now()
        official = named_one or qrcodes.account_of_officer(session, officer.id)
        code = binding.issue(session, officer.id, at)
    _, url = qrcodes.personal_code(official, code)
    return Personal(who, url, at + binding.LIFE)


def describe(officer: Officer) -> str:
    """周晓岚（信息员 · 玉兰社区）"""
    held = [(post, post.area or post.unit) for post in officer.posts if post.until is None]
    posts = [f"{ROLE_LABELS[post.role]} · {where.name}" for post, where in held if where is not None]
    return f"{officer.name}（{'，'.join(posts)}）"


def named(session: Session, name: str) -> list[Officer]:
    """Who has not left and is called so, with posts. Names are sealed, so that everyone's has to be read."""
    posts = selectinload(Officer.posts)
    everyone = session.scalars(
        sa.select(Officer)
        .where(Officer.left_at.is_(None))
        .options(posts.options(joinedload(Post.area), joinedload(Post.unit)))
        .order_by(Officer.id)
    )
    return [officer for officer in everyone if officer.name == name]


def only(found: list[Officer], officer_id: int | None = None) -> Officer:
    """The one of these, or the one with this id. Raises ClickException, which lists namesakes."""
    wanted = [officer for officer in found if officer_id in (None, officer.id)]
    if not wanted:
        raise click.ClickException("没有这位工作人员")
    if len(wanted) > 1:
        lines = [f"  --id {officer.id}  {describe(officer)}" for officer in wanted]
        raise click.ClickException("\n".join(["有几位同名的工作人员，请用 --id 说明是哪一位：", *lines]))
    return wanted[0]
