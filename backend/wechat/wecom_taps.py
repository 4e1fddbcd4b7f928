"""A tap on a card in WeCom takes the step on the button, as the member who tapped, and the card says so.

The step and what the card is to say are written in one transaction; the card itself is updated after it, by
a worker. An update that is lost leaves the button: the next tap takes no second step, it says what is.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from backend import db
from backend.broker import actor as job
from backend.broker import nudge
from backend.cases import service as cases
from backend.cases.models import Case, CaseEvent
from backend.cases.service import Actor
from backend.cases.workflow import RULES, Action
from backend.errors import AppError, Conflict, Forbidden, NotFound
from backend.notify.models import Contact
from backend.orders import service as orders
from backend.orders.models import OrderEvent
from backend.orders.workflow import Action as OrderAction
from backend.places import scope
from backend.places.models import Officer
from backend.times import now
from backend.wechat import accounts, wecom_client
from backend.wechat.accounts import WECOM
from backend.wechat.codes import ProviderError
from backend.wechat.wecom_models import WeComTap

logger = logging.getLogger(__name__)

KEPT = timedelta(hours=72)  # for which a response code is good
# What the button says afterwards; short, for it stands on a button.
NOT_BOUND, LEFT = "请先绑定企业微信", "您已离岗，不用办了"
NOT_YOURS, NOT_NOW, FAILED = "这件事不归您办了", "现在不用{}了", "没有办成，请点开看"
MINE_ALREADY, ANOTHERS = "您已经{}了", "别人已经{}了"


@dataclass(frozen=True)
class Tap:
    """What WeCom says of one tap."""

    userid: str
    key: str
    response_code: str


@dataclass(frozen=True)
class Step:
    """What a button does: its name, how to take it, and who has taken it (a colleague, say), if anyone."""

    label: str
    take: Callable[[Session, str, Actor], object]
    taker: Callable[[Session, str, Actor], int | None]


def receive(session: Session, account: str, tap: Tap) -> str:
    """Take the step, once for each response code. Returns what the card says from now on."""
    tap_id = session.scalar(
        insert(WeComTap)
        .values(account=account, userid=tap.userid, key=tap.key, response_code=tap.response_code)
        .on_conflict_do_nothing(index_elements=["response_code"])
        .returning(WeComTap.id)
    )
    if tap_id is None:  # WeCom delivers again what it thinks was lost
        known = sa.select(WeComTap.answer).where(WeComTap.response_code == tap.response_code)
        return session.scalar(known) or ""
    answer = _take(session, account, tap)
    session.execute(sa.update(WeComTap).where(WeComTap.id == tap_id).values(answer=answer))
    db.after_commit(session, lambda: nudge(update_cards, [tap_id]))
    return answer


def _take(session: Session, account: str, tap: Tap) -> str:
    word, _, number = tap.key.partition(":")
    step, person = STEPS.get(word), _officer(session, account, tap.userid)
    if step is None:
        return FAILED
    if person is None:
        return NOT_BOUND
    if person.left_at is not None:
        return LEFT
    actor = Actor(officer_id=person.id, posts=tuple(scope.posts_of(session, person.id)))
    try:
        with session.begin_nested():
            step.take(session, number, actor)
        return f"已{step.label}"
    except AppError as refused:
        logger.info("a tap in WeCom at %s took no step: %s", account, refused.code)
        return _why_not(session, step, number, actor, refused)


def _why_not(session: Session, step: Step, number: str, actor: Actor, refused: AppError) -> str:
    if isinstance(refused, Forbidden | NotFound):
        return NOT_YOURS
    if not isinstance(refused, Conflict):
        return FAILED
    taker = step.taker(session, number, actor)
    words = NOT_NOW if taker is None else MINE_ALREADY if taker == actor.officer_id else ANOTHERS
    return words.format(step.label)


def _officer(session: Session, account: str, userid: str) -> Officer | None:
    bound = (Contact.account == account + WECOM, Contact.openid == userid.lower())
    return session.scalar(sa.select(Officer).join(Contact, Contact.officer_id == Officer.id).where(*bound))


def _case_step(action: Action) -> Step:
    def take(session: Session, number: str, actor: Actor) -> object:
        return cases.perform(session, number, action, actor)

    def taker(session: Session, number: str, _actor: Actor) -> int | None:
        done = sa.select(CaseEvent.officer_id).join(Case, Case.id == CaseEvent.case_id)
        of_round = (Case.number == number, CaseEvent.round == Case.round, CaseEvent.action == action)
        return session.scalar(done.where(*of_round).order_by(CaseEvent.id.desc()).limit(1))

    return Step(RULES[action].label, take, taker)


def _sign(session: Session, number: str, actor: Actor) -> object:
    return orders.perform(session, number, OrderAction.ACKNOWLEDGE, actor)


def _signer(session: Session, number: str, actor: Actor) -> int | None:
    own = [part.id for part in orders.own_parts(orders.find(session, number, actor), actor)]
    signed = (OrderEvent.order_unit_id.in_(own), OrderEvent.action == OrderAction.ACKNOWLEDGE)
    done = sa.select(OrderEvent.officer_id).where(*signed)
    return session.scalar(done.order_by(OrderEvent.id.desc()).limit(1))


# By the word on the button (wecom_cards.BUTTONS).
STEPS: dict[str, Step] = {
    "accept": _case_step(Action.ACCEPT),
    "acknowledge": _case_step(Action.ACKNOWLEDGE),
    "sign": Step("签收", _sign, _signer),
}


@job("notify")
def update_cards(ids: list[int]) -> None:
    """Say on these cards what came of the taps. Safe to run twice: a response code is good for one update."""
    for tap_id in ids:
        with db.transaction() as session:
            tap = session.get(WeComTap, tap_id)
        if tap is not None and tap.updated_at is None and tap.answer:
            _update(tap, tap.answer)


def _update(tap: WeComTap, answer: str) -> None:
    app = accounts.get(tap.account).wecom
    if app is None or now() - tap.created_at > KEPT:
        return
    try:
        wecom_client.close_button(app, [tap.userid], tap.response_code, answer)
    except ProviderError as error:  # the next tap says it
        logger.warning("a card in WeCom at %s was not updated: %s", tap.account, error)
        return
    with db.transaction() as session:
        session.execute(sa.update(WeComTap).where(WeComTap.id == tap.id).values(updated_at=now()))
