"""`python -m backend administrator`: names one, on a database that holds only places too; lists them all."""

from dataclasses import dataclass

import click
import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from backend import bind, db
from backend.config import config
from backend.errors import AppError
from backend.notify import binding
from backend.places import naming, officers, posts, second_factors
from backend.places.models import Area, Officer, Post
from backend.places.officers import Person
from backend.places.posts import PLACES, Seat
from backend.places.roles import Role
from backend.places.scope import COMMAND_LINE, is_held

WITH_POSTS = selectinload(Officer.posts).options(*PLACES)


@dataclass(frozen=True)
class Appointed:
    """Who administers a place now."""

    officer_id: int
    said: str  # 高远（管理员 · 青岚区）
    is_new: bool  # the post was given just now
    is_bound: bool  # their WeChat is known


@click.command(help="让 NAME 成为一个地点的管理员，并显示绑定微信的二维码。可以重复运行。")
@click.argument("name", required=False)
@click.option("--at", "place", help="哪个区（或街道、社区）：名称、全称或编码。")
@click.option("--phone", help="本人的电话。")
@click.option("--id", "officer_id", type=int, help="有几个人同名时，是哪一位（编号）。")
@click.option("--new", "is_new", is_flag=True, help="不是已有的同名人员，新建这个人。")
@click.option("--account", help="在哪个公众号里绑定；不写就用其岗位所在地方的公众号。")
@click.option("--reset-second-factor", "resets", is_flag=True, help="重置动态码：给丢了验证器手机的人。")
@click.option("--list", "lists", is_flag=True, help="列出全部管理员。")
def main(
    name: str | None,
    place: str | None,
    phone: str | None,
    officer_id: int | None,
    is_new: bool,
    account: str | None,
    resets: bool,
    lists: bool,
) -> None:
    """Make NAME an administrator of a place, and show the code that binds their WeChat. Safe to run again."""
    if not lists and (not name or not (place or resets)):
        raise click.UsageError("请给出姓名和 --at 地点；重置动态码用 --reset-second-factor，查看用 --list")
    db.connect(config.database_url)
    try:
        if lists:
            _show_all()
        elif resets:
            _reset(name or "", officer_id)
        else:
            _appoint_and_bind(name or "", place or "", phone, officer_id, is_new, account)
    except AppError as error:
        raise click.ClickException(error.message) from None


def appoint(
    session: Session,
    name: str,
    place: str,
    phone: str | None = None,
    *,
    officer_id: int | None = None,
    is_new: bool = False,
) -> Appointed:
    """Find or add the officer and give them the post, unless they hold it.

    Raises AppError, or ClickException where it is not clear which person is meant.
    """
    area = _area(session, place)
    known = None if is_new else _known(session, name, phone, officer_id)
    seat = Seat(Role.ADMINISTRATOR, area_id=area.id)
    if known is None:
        _must_mean_it(session, name, is_new)
        known = officers.add(session, COMMAND_LINE, Person(name, phone), seat)
        gave = True
    else:
        gave = not any(
            post.role is seat.role and post.area_id == area.id for post in posts.held_by(session, known.id)
        )
        if gave:
            posts.give(session, COMMAND_LINE, known.id, seat)
    return Appointed(known.id, _said(session, known.id), gave, binding.is_bound(session, known.id))


def _must_mean_it(session: Session, name: str, is_new: bool) -> None:
    """Where people are known already, an unknown name is more likely a slip than somebody new."""
    if not is_new and session.scalar(sa.select(Officer.id).limit(1)) is not None:
        raise click.ClickException(f"没有叫“{name}”的工作人员。名字没有写错、要新建这个人的话，请加 --new")


def everyone(session: Session) -> list[str]:
    """A line for each administrator: who, where, and what is still missing."""
    administers = sa.select(Post.officer_id).where(Post.role == Role.ADMINISTRATOR, is_held())
    query = sa.select(Officer).where(Officer.id.in_(administers), Officer.left_at.is_(None))
    found = session.scalars(query.options(WITH_POSTS).order_by(Officer.id)).all()
    return [f"{bind.describe(officer)}：{_missing(session, officer)}" for officer in found]


def _missing(session: Session, officer: Officer) -> str:
    wechat = "已绑定微信" if binding.is_bound(session, officer.id) else "还没有绑定微信"
    digits = "已设置动态码" if officer.second_factor is not None else "还没有设置动态码"
    return f"{wechat}，{digits}"


def _show_all() -> None:
    with db.transaction() as session:
        lines = everyone(session)
    click.echo("\n".join(lines) or "还没有管理员")


def _reset(name: str, officer_id: int | None) -> None:
    with db.transaction() as session:
        officer = bind.only(bind.named(session, officers.plain_name(name)), officer_id)
        second_factors.reset(session, COMMAND_LINE, officer.id)
    click.echo(f"已重置：{name}下次改动时会重新设置动态码")


def _appoint_and_bind(
    name: str, place: str, phone: str | None, officer_id: int | None, is_new: bool, account: str | None
) -> None:
    with db.transaction() as session:
        done = appoint(session, name, place, phone, officer_id=officer_id, is_new=is_new)
    click.echo(f"{done.said}：{'已任命' if done.is_new else '原来就是，没有改动'}")
    if done.is_bound:
        click.echo(f"微信已经绑定。要换一个微信，请运行 python -m backend bind {name}")
        return
    try:
        bind.show(bind.make(officers.plain_name(name), done.officer_id, account))
    except AppError as error:
        again = "任命已经保存；微信可以用之后，把这条命令再运行一次，就会显示绑定二维码"
        raise click.ClickException(f"没有拿到绑定二维码：{error.message}。{again}") from None


def _area(session: Session, said: str) -> Area:
    """The place that is meant, held, so that two who run this at once do it one after the other."""
    return session.get_one(Area, naming.the_one(session, said).id, with_for_update=True)


def _known(session: Session, name: str, phone: str | None, officer_id: int | None) -> Officer | None:
    """The officer who is meant, or None for somebody new. Who has another number may be somebody else."""
    namesakes = bind.named(session, officers.plain_name(name))
    if not namesakes and officer_id is None:
        return None
    number = officers.plain_phone(phone)
    officer = bind.only([each for each in namesakes if number == each.phone] or namesakes, officer_id)
    if officer_id is None and number and officer.phone not in (None, number):
        hint = f"是同一位，请加 --id {officer.id}；不是，请加 --new"
        raise click.ClickException(f"已有同名的工作人员，电话不同：{bind.describe(officer)}。{hint}")
    return officer


def _said(session: Session, officer_id: int) -> str:
    query = sa.select(Officer).where(Officer.id == officer_id).options(WITH_POSTS)
    return bind.describe(session.scalars(query, execution_options={"populate_existing": True}).one())
