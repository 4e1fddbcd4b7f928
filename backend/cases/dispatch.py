"""Whose case it is: what the scanned code and the duty lists say, and what is suggested to who dispatches it.

The lists are kept in the process as the engine's index. Two cheap look-ups say whether anything that could
change the answer has been written since; a minute at most passes even if they should miss something.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from threading import Lock
from time import monotonic
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from backend.cases import duty_rules
from backend.cases.models import CaseEvent
from backend.cases.routing import Chain, Decision, Index, decide
from backend.cases.workflow import Action, Status
from backend.places import queries as places
from backend.places.models import PlaceCode, Unit

MOST = 1_000  # changes to look through; of more, one will be of a list
KEPT_S = 60.0  # a change that was written early and committed late is seen after this at the latest
MOST_RULES = 10
ASKED_OF = ("id", "channel", "code_id", "status", "sent_back")  # beside category and places
HANDED = (Action.ASSIGN, Action.ARBITRATE, Action.SEND_BACK)  # over, or back
OTHERS = 2  # units to choose from beside the first


@dataclass(frozen=True)
class Suggestion:
    """The unit a case belongs to, the sentence that says why, and who comes next."""

    unit: Unit
    why: str
    others: Sequence[Unit]


@dataclass(frozen=True)
class Choice:
    """The units that may be given a case, the likely ones first, and what is suggested among them."""

    units: Sequence[Unit]
    suggested: Suggestion | None

    @property
    def options(self) -> list[tuple[int, str]]:
        return [(unit.id, unit.name) for unit in self.units]


@dataclass(frozen=True)
class World:
    """What the lists in force say, and the ways up in the dictionary."""

    index: Index
    chains: Mapping[int, Chain]


NOTHING = World(Index([]), {})


@dataclass(frozen=True)
class _Kept:
    seen: int  # the last change that was looked at
    stamp: tuple[Any, ...]
    at: float
    world: World


_kept: list[_Kept] = []
_lock = Lock()
# Lists, editions, and what has come on the record of changes since the last look (units that merge, areas
# that close). Only the new end of the record is read, which grows with every shift and every code, and of it
# no more than MOST, in an order that leaves the planner only one index to go by.
_STAMP = sa.text("""
    SELECT (SELECT coalesce(max(id), 0) FROM changes),
           (SELECT coalesce(bool_or(subject = ANY(:subjects)), false) OR count(*) = :most
            FROM (SELECT subject FROM changes WHERE id > :seen ORDER BY id DESC LIMIT :most) AS latest),
           (SELECT max(id) FROM editions),
           (SELECT string_agg(id || '@' || switched_on_at, ',' ORDER BY id) FROM duty_lists
            WHERE state = 'current')""")
TOLD_BY = ["areas", "units", "categories", "editions", "duty_lists", "duties"]  # subjects that may change it


def route(session: Session, case_or_facts: Any) -> Decision | None:
    """The duty that says whose this is; None where no list in force has one. Takes a case, or anything with
    its category_id, channel and area columns. One small query while nothing changes."""
    world = in_force(session)
    return decide(world.index, duty_rules.question(case_or_facts, world.chains))


def suggest(session: Session, case: Any) -> Suggestion | None:
    """The unit to send a case to, and why: the one that was proposed when the case was sent back, else the
    one that answers for the QR code that was scanned, else the one of the duty list. None where none of them
    names a unit that is still there. Whoever has just sent it back is not suggested."""
    found = _named(session, case)
    if not getattr(case, "sent_back", 0) or case.status is not Status.ACCEPTED:
        return found
    return _after_return(session, case, found)


def _after_return(session: Session, case: Any, found: Suggestion | None) -> Suggestion | None:
    """The last return names who should have it; the step before it, who has given it back."""
    own = sa.select(CaseEvent).where(CaseEvent.case_id == case.id, CaseEvent.action.in_(HANDED))
    steps = session.scalars(own.order_by(CaseEvent.id.desc()).limit(2)).all()
    if not steps or steps[0].action is not Action.SEND_BACK or steps[0].unit_id is None:
        return found
    back, gave = steps[0], steps[-1].unit_id
    named = [found.unit, *found.others] if found else []
    units = _distinct([*_open_units(session, [steps[0].unit_id]), *named])
    left = [unit for unit in units if unit.id != gave]
    why = f"上一个单位退回：{back.note.splitlines()[0]}。建议由{left[0].name}办理" if left else ""
    return Suggestion(left[0], why, left[1 : 1 + OTHERS]) if left else None


def _named(session: Session, case: Any) -> Suggestion | None:
    """What the scanned code and the duty lists say."""
    decision, by_code = route(session, case), _by_code(session, case)
    named = decision.units[: 2 * (1 + OTHERS)] if decision else []
    units = _open_units(session, list(dict.fromkeys([*by_code, *named])))
    if not units:
        return None
    by_list = f"职责清单：{decision.why(duty_rules.naming(session, [decision]))}" if decision else ""
    why = "。".join(filter(None, (by_code.get(units[0].id), by_list)))
    return Suggestion(units[0], why, units[1 : 1 + OTHERS])


def as_if(case: Any, category_id: int | None) -> Any:
    """The case as it would be asked about if it were filed so."""
    if category_id == case.category_id:
        return case
    columns = {column: getattr(case, column) for column in (*duty_rules.PLACES, *ASKED_OF)}
    return SimpleNamespace(category_id=category_id, **columns)


def choice(session: Session, case: Any) -> Choice:
    """Which units may be given this case: those that the scanned code or the duty list names, then all that
    serve where it is. Nobody else may have it, whichever page or program asks."""
    found, serving = suggest(session, case), places.units_serving(session, case)
    named = [found.unit, *found.others] if found else []
    return Choice(_distinct([*named, *serving]), found)


def may_have(session: Session, case: Any, unit: Unit) -> bool:
    """Whether the unit is one of `choice`. Its places are asked first: that is cheaper, and mostly enough."""
    return unit in places.units_serving(session, case) or unit in choice(session, case).units


def guess(session: Session, case: Any, category_id: int, name: str) -> Choice:
    """The same, with what would be suggested if the case, which is not filed yet, were filed so (as `name`),
    and why with that condition."""
    may, found = choice(session, case), suggest(session, as_if(case, category_id))
    if may.suggested is not None or found is None or found.unit not in may.units:
        return may
    supposed = replace(found, why=f"如果归类为“{name}”：{found.why}")
    return Choice(_distinct([found.unit, *may.units]), supposed)


def _distinct(units: Sequence[Unit]) -> list[Unit]:
    return list({unit.id: unit for unit in units}.values())


def rules(session: Session, case: Any) -> list[tuple[int, str]]:
    """The duties that speak of this case, the most specific first, as (id, words): one of them is what a
    unit rests on that sends it back."""
    decision = route(session, case)
    if decision is None:
        return []
    name = duty_rules.naming(session, [decision])
    return [(duty.id, duty.said(name)) for duty in (decision.duty, *decision.beaten)[:MOST_RULES]]


def in_force(session: Session) -> World:
    """What the lists in force say now; read again only when something has changed."""
    with _lock:
        kept = _kept[0] if _kept else _Kept(0, (), -KEPT_S, NOTHING)
    asked = {"seen": kept.seen, "subjects": TOLD_BY, "most": MOST}
    last, has_news, *stamp = session.execute(_STAMP, asked).one()
    is_old = monotonic() - kept.at >= KEPT_S or last < kept.seen  # what was seen has been rolled back
    if is_old or has_news or tuple(stamp) != kept.stamp:
        world = read(session, duty_rules.in_force(session))
        kept = _Kept(last, tuple(stamp), monotonic(), world)
    with _lock:
        _kept[:] = [replace(kept, seen=last)]
    return kept.world


def read(session: Session, list_ids: Sequence[int]) -> World:
    """What these lists say together (two queries)."""
    return World(Index(duty_rules.load(session, list_ids)), duty_rules.category_chains(session))


def _by_code(session: Session, case: Any) -> dict[int, str]:
    """The unit that answers for what the scanned code hangs on, and the words for it; nothing where the code
    names none, or hangs elsewhere than the case has been found to be. A code that was revoked since takes
    nothing back: the lift is still theirs."""
    if case.code_id is None:
        return {}
    named = sa.select(PlaceCode).where(PlaceCode.id == case.code_id)
    code = session.scalar(named.options(joinedload(PlaceCode.area), joinedload(PlaceCode.unit)))
    if code is None or code.unit is None or not _has_a_say(session, code, case):
        return {}
    where = code.label or code.area.name
    return {code.unit.id: f"扫的“{where}”二维码登记由{code.unit.name}负责，先建议派给它"}


def _has_a_say(session: Session, code: PlaceCode, case: Any) -> bool:
    """A code for one sort of matter has none once the case was filed under another."""
    if code.area_id not in duty_rules.place_chain(case):
        return False
    if code.category_id in (None, case.category_id) or case.category_id is None:
        return True
    chains = in_force(session).chains
    return code.category_id in chains.get(case.category_id, ())


def _open_units(session: Session, ids: Sequence[int]) -> list[Unit]:
    query = sa.select(Unit).where(Unit.id.in_(ids), Unit.closed_at.is_(None)).options(joinedload(Unit.area))
    found = {unit.id: unit for unit in session.scalars(query)}
    return list(filter(None, map(partial(found.get), ids)))
