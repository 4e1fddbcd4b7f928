"""Drafting an order, from cases or from nothing, and changing it until it is approved."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backend.cases.dispatch import Choice
from backend.cases.service import Actor
from backend.errors import Forbidden, Invalid, NotFound
from backend.orders import alerts, binding, reach, service, under, workflow
from backend.orders.models import Order, OrderCase, OrderUnit
from backend.orders.workflow import RULES, Action, Given
from backend.places.models import Area, Unit
from backend.places.scope import COLUMNS
from backend.times import local, now

TITLE_LENGTH, TEXT_LENGTH, TASK_LENGTH = 60, 600, 100  # characters: an order prints on one page
UNITS = 12
NUMBERS = 10  # draws; with a thousand orders a day one in a hundred numbers is taken by the evening
WHERE = ("place_id", *COLUMNS.values())


@dataclass(frozen=True)
class Draft:
    """What an order says. `tasks` holds what each unit is to do, by its id; `key` is the form's own."""

    title: str
    text: str
    place_id: int
    lead_id: int | None
    assisting: Sequence[int] = ()
    tasks: Mapping[int, str] = field(default_factory=dict)
    cases: Sequence[str] = ()  # numbers
    address: str | None = None
    urgent: bool = False
    wants_callback: bool = False  # once its cases are closed, those who reported them are called
    key: str | None = None

    @property
    def unit_ids(self) -> list[int]:
        """The lead first, each unit once."""
        named = [self.lead_id] if self.lead_id is not None else []
        return list(dict.fromkeys([*named, *self.assisting]))


def new_number(at: datetime) -> str:
    """F, the day, then five digits at random, so that no number tells the next."""
    return f"F{local(at):%y%m%d}{secrets.randbelow(10**5):05d}"


def draft(session: Session, actor: Actor, drafted: Draft, *, at: datetime | None = None) -> Order:
    """Write an order that waits for its approval; the community's secretaries are told.

    The same `key` again returns the same order. Raises Forbidden, NotFound, Conflict or Invalid.
    """
    if drafted.key is not None and (known := _with_key(session, drafted.key, actor)) is not None:
        return known
    moment = at or now()
    order = Order(
        key=drafted.key, drafted_by=actor.officer_id, status=workflow.Status.DRAFTED, created_at=moment
    )
    found = under.find(session, actor, drafted.cases)
    may = binding.choices(session, found)
    under.check_lead(session, found, drafted.lead_id, may)
    units = _put(session, order, actor, drafted, Action.DRAFT, may.values())
    _insert(session, order, moment)
    _name_units(session, order, drafted, units)
    for case in found:
        if case.community_id != order.community_id:
            raise Invalid("诉求不在发令单的社区里，请重新选择地点")
        session.add(OrderCase(order_id=order.id, case_id=case.id))
    return _written(session, order, Action.DRAFT, actor, moment)


def revise(
    session: Session, number: str, actor: Actor, drafted: Draft, *, at: datetime | None = None
) -> Order:
    """Change a draft; its cases stay. Raises as `draft` does."""
    order = service.lock(session, number, actor)
    role = workflow.acting_role(Action.REVISE, reach.roles_over(actor.posts, order))
    workflow.check(order.status, None, Action.REVISE, role, _given(drafted))
    found = under.of_order(session, order)
    may = binding.choices(session, found)
    under.check_lead(session, found, drafted.lead_id, may)
    units = _put(session, order, actor, drafted, Action.REVISE, may.values())
    _name_units(session, order, drafted, units)
    return _written(session, order, Action.REVISE, actor, at or now())


def _with_key(session: Session, key: str, actor: Actor) -> Order | None:
    """The order that this key drafted before. Taking the key's lock makes a double tap wait for the first."""
    session.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(f"order:{key}", 0))))
    known = session.scalar(sa.select(Order).where(Order.key == key))
    if known is not None and known.drafted_by != actor.officer_id:
        raise NotFound("没有找到这张发令单")
    return known


def _given(drafted: Draft) -> Given:
    return Given(title=drafted.title, text=drafted.text, unit_id=drafted.lead_id)


def _put(
    session: Session, order: Order, actor: Actor, drafted: Draft, action: Action, of_cases: Iterable[Choice]
) -> list[Unit]:
    """Write what the order says, if this person commands at its place. Its units come after it has an id:
    they are returned, the lead first."""
    place = session.get(Area, drafted.place_id)
    if place is None or place.closed_at is not None:
        raise NotFound("没有这个地方，请重新选择地点")
    if place.community_id is None:
        raise Invalid("发令单由社区发出，请选择社区里的地点")
    _check_lengths(drafted)
    named = [part.unit for part in order.parts] if order.community_id == place.community_id else []
    order.place, order.place_id = place, place.id
    for column in COLUMNS.values():
        setattr(order, column, getattr(place, column))
    if reach.roles_over(actor.posts, order).isdisjoint(RULES[action].roles):
        raise Forbidden("您不能在这个地方发令")
    workflow.check_needs(action, _given(drafted))
    units = binding.units(session, place, drafted.unit_ids, of_cases, named)
    order.unit, order.unit_id = units[0], units[0].id
    order.title, order.text = drafted.title.strip(), drafted.text.strip()
    order.address, order.urgent = (drafted.address or "").strip() or None, drafted.urgent
    order.wants_callback = drafted.wants_callback
    return units


def _check_lengths(drafted: Draft) -> None:
    if len(drafted.title) > TITLE_LENGTH:
        raise Invalid(f"标题太长了，最多 {TITLE_LENGTH} 个字")
    if len(drafted.text) > TEXT_LENGTH:
        raise Invalid(f"内容太长了，最多 {TEXT_LENGTH} 个字")
    if any(len(task) > TASK_LENGTH for task in drafted.tasks.values()):
        raise Invalid(f"单位的任务太长了，最多 {TASK_LENGTH} 个字")
    if len(drafted.unit_ids) > UNITS:
        raise Invalid(f"一张发令单最多 {UNITS} 个单位，请分开发令")


def _insert(session: Session, order: Order, at: datetime) -> None:
    """A number that is taken costs another try, no more."""
    for attempt in range(NUMBERS):
        try:
            with session.begin_nested():
                order.number = new_number(at)
                session.add(order)
                session.flush()
            return
        except IntegrityError as error:
            if "uq_orders_number" not in str(error) or attempt == NUMBERS - 1:
                raise


def _name_units(session: Session, order: Order, drafted: Draft, units: Sequence[Unit]) -> None:
    """Nothing has happened to a part of a draft, so that all may be written anew."""
    session.execute(sa.delete(OrderUnit).where(OrderUnit.order_id == order.id))
    for unit in units:
        task = drafted.tasks.get(unit.id, "").strip()
        session.add(
            OrderUnit(order_id=order.id, unit_id=unit.id, is_lead=unit.id == order.unit_id, task=task)
        )
    session.flush()


def _written(session: Session, order: Order, action: Action, actor: Actor, at: datetime) -> Order:
    """The step in the history, and who is told; returns the order with its parts."""
    session.flush()
    whole = service.lock(session, order.number, actor)
    rule = RULES[action]
    role = workflow.acting_role(action, reach.roles_over(actor.posts, whole))
    step = service.write(session, whole, action, rule, role, actor, "", at)
    alerts.tell_all(session, whole, rule, step, None, at)
    return whole
