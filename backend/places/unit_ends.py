"""How a unit ends: merged into its twin, or closed with or without a successor; and how it comes back."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from backend.db import Base
from backend.errors import Conflict, Invalid
from backend.places import changes, post_ends, units
from backend.places.changes import Did
from backend.places.models import Change, Post, Unit
from backend.places.scope import Editor
from backend.places.units import COLUMNS, locked
from backend.times import now


@dataclass(frozen=True)
class Touches:
    """How much hangs on a unit: what a merger or a closure moves."""

    cases: int
    open_cases: int
    posts: int  # that are held, or will be
    codes: int  # that hang somewhere
    duties: int  # of lists in force or in draft
    orders: int = 0  # that wait for its part

    @property
    def is_busy(self) -> bool:
        """Whether someone has to go on with its work."""
        return bool(self.open_cases or self.posts or self.duties or self.orders)


COUNTED = tuple(field.name for field in fields(Touches))
# Cases and duties are known to packages above this one, whose tables are read here by their names.
_TOUCHES = sa.text("""
    WITH named AS (
        SELECT n.unit_id, count(*) AS duties
        FROM duties d JOIN duty_lists l ON l.id = d.list_id,
            LATERAL (SELECT d.unit_id UNION SELECT unnest(d.assisting)) n(unit_id)
        WHERE l.state <> 'retired' AND (d.unit_id = ANY(:ids) OR d.assisting && :ids)
        GROUP BY n.unit_id)
    SELECT u.id,
        (SELECT count(*) FROM cases WHERE unit_id = u.id) AS cases,
        (SELECT count(*) FROM cases WHERE unit_id = u.id
            AND status NOT IN ('closed', 'rejected', 'withdrawn')) AS open_cases,
        (SELECT count(*) FROM posts WHERE unit_id = u.id AND (until IS NULL OR until > :at)) AS posts,
        (SELECT count(*) FROM place_codes WHERE unit_id = u.id AND revoked_at IS NULL) AS codes,
        coalesce((SELECT duties FROM named WHERE unit_id = u.id), 0) AS duties,
        (SELECT count(*) FROM order_units p JOIN orders o ON o.id = p.order_id WHERE p.unit_id = u.id
            AND o.status = 'issued' AND p.status NOT IN ('reported', 'withdrawn')) AS orders
    FROM unnest(:ids) AS u(id)""").bindparams(sa.bindparam("ids", type_=ARRAY(sa.BigInteger)))
_ASSISTING = sa.text("""
    UPDATE duties SET assisting = array_remove(array_replace(array_remove(assisting, :into), :id, :into),
        CASE WHEN unit_id = :into THEN CAST(:into AS bigint) END)
    WHERE :id = ANY(assisting) OR unit_id = :into AND :into = ANY(assisting)""")
# Open orders that the one leads while the other is in them, too: an order has one part for a unit, so that
# the lead's could not follow, and nobody could answer. The application ends units through
# orders/successions.py, which has made one of the two before; this guards whoever calls the endings directly.
_LED_BESIDE = sa.text("""
    SELECT o.number FROM orders o
        JOIN order_units led ON led.order_id = o.id AND led.unit_id = :id AND led.is_lead
        JOIN order_units other ON other.order_id = o.id AND other.unit_id = :into
    WHERE o.status IN ('drafted', 'issued') ORDER BY o.id LIMIT 1""")
STAYS = frozenset({"case_events", "order_events"})  # what a unit once did stays with it
# Of an order that names both, what is left here is over or was joined (orders/successions.py), and stays.
_ALONE = """NOT EXISTS (SELECT FROM order_units other
    WHERE other.order_id = order_units.order_id AND other.unit_id = :into)"""
# What goes to the successor of a unit that is closed; what is over stays where it was.
_GOES_ON = {
    "cases": "status NOT IN ('closed', 'rejected', 'withdrawn')",
    "posts": "(until IS NULL OR until > :at)",
    "place_codes": "revoked_at IS NULL",
    "duties": "list_id IN (SELECT id FROM duty_lists WHERE state <> 'retired')",
    "orders": "status IN ('drafted', 'issued')",
    "order_units": f"status <> 'withdrawn' AND {_ALONE} AND EXISTS (SELECT FROM orders o"
    " WHERE o.id = order_id AND o.status IN ('drafted', 'issued'))",
    "supervisions": "state <> 'closed'",
}


def touches(session: Session, unit_id: int) -> Touches:
    """What hangs on the unit now (one query)."""
    return touches_of(session, [unit_id])[unit_id]


def touches_of(session: Session, unit_ids: Sequence[int]) -> dict[int, Touches]:
    """What hangs on each of these units now, by its id (one query)."""
    rows = session.execute(_TOUCHES, {"ids": list(unit_ids), "at": now()}).mappings()
    return {row["id"]: Touches(**{name: row[name] for name in COUNTED}) for row in rows}


def merge(session: Session, editor: Editor, unit_id: int, into_id: int, at: datetime | None = None) -> Unit:
    """Make one of two that are the same: everything of the first becomes the second's, and its name an alias.

    It cannot be taken back: who had what is not known afterwards. Returns the survivor. Raises Conflict while
    the first leads an order that the second is in, too.
    """
    units.take_turns(session)
    if unit_id == into_id:
        raise Invalid("不能和自己合并，请选择另一个单位")
    unit, into = locked(session, editor, unit_id), locked(session, editor, into_id)
    units.must_be_open(unit)
    units.must_be_open(into)
    _must_not_lead_beside(session, unit, into)
    moment, found = at or now(), touches(session, unit_id)
    before, before_into = changes.snapshot(unit, COLUMNS), changes.snapshot(into, COLUMNS)
    _move_everything(session, unit.id, into.id)
    post_ends.end_doubles(session, Post.unit_id, into.id, moment)
    into.aliases = units.other_names(into.name, [*into.aliases, unit.name, *unit.aliases])
    into.telephone = into.telephone or unit.telephone
    unit.closed_at, unit.successor_id = moment, into.id
    if into.code is None and unit.code is not None:
        code, unit.code = unit.code, None
        session.flush()  # the code is free only then
        into.code = code
    session.flush()
    units.record(session, editor, Did.MERGED, unit, before, {"into": into.name, **vars(found)})
    units.record(session, editor, Did.CHANGED, into, before_into)
    return into


def close(session: Session, editor: Editor, unit_id: int, successor_id: int | None = None) -> Unit:
    """Take a unit out of use. Raises Conflict while someone has to go on with its work and nobody is named,
    and while it leads an order that its successor is in, too.

    The successor gets its open cases, posts, codes and duties; what is over stays with the closed one.
    """
    units.take_turns(session)
    unit = locked(session, editor, unit_id)
    units.must_be_open(unit)
    found = touches(session, unit_id)
    before = changes.snapshot(unit, COLUMNS)
    if successor_id is not None:
        _hand_over(session, editor, unit, successor_id)
    elif found.is_busy:
        raise Conflict(_still_has(unit, found))
    unit.closed_at, unit.successor_id = now(), successor_id
    session.flush()
    units.record(session, editor, Did.CLOSED, unit, before, vars(found))
    return unit


def reopen(session: Session, editor: Editor, unit_id: int) -> Unit:
    """Use a closed unit again; what its successor got stays there. Raises Conflict where it was merged."""
    units.take_turns(session)
    unit = locked(session, editor, unit_id)
    if unit.closed_at is None:
        raise Conflict(f"“{unit.name}”没有停用，不用恢复")
    if _was_merged(session, unit_id):
        raise Conflict(f"“{unit.name}”已经并入别的单位，不能恢复。需要的话请新增一个单位")
    units.must_be_free(session, units.facts_of(unit), but=unit.id)
    before = changes.snapshot(unit, COLUMNS)
    unit.closed_at = unit.successor_id = None
    session.flush()
    units.record(session, editor, Did.REOPENED, unit, before)
    return unit


def _move_everything(session: Session, unit_id: int, into_id: int) -> None:
    """Whatever has a unit follows, but not what it did; so does who only assists. A duty is not its own
    assistant."""
    for table in Base.metadata.sorted_tables:
        if "unit_id" in table.c and table.name not in STAYS:
            which = f" AND {_ALONE}" if table.name == "order_units" else ""
            moved = f"UPDATE {table.name} SET unit_id = :into WHERE unit_id = :id{which}"
            session.execute(sa.text(moved), {"id": unit_id, "into": into_id})
    session.execute(_ASSISTING, {"id": unit_id, "into": into_id})
    session.execute(sa.update(Unit).where(Unit.successor_id == unit_id).values(successor_id=into_id))


def _hand_over(session: Session, editor: Editor, unit: Unit, successor_id: int) -> None:
    if successor_id == unit.id:
        raise Invalid("不能由自己接手，请选择另一个单位")
    successor = locked(session, editor, successor_id)
    units.must_be_open(successor)
    _must_not_lead_beside(session, unit, successor)
    for name, condition in _GOES_ON.items():
        moved = f"UPDATE {name} SET unit_id = :into WHERE unit_id = :id AND {condition}"
        session.execute(sa.text(moved), {"id": unit.id, "into": successor.id, "at": now()})
    session.execute(_ASSISTING, {"id": unit.id, "into": successor.id})
    post_ends.end_doubles(session, Post.unit_id, successor.id, now())


def _must_not_lead_beside(session: Session, unit: Unit, into: Unit) -> None:
    """Raises Conflict while the unit leads an order that names the other one, too."""
    number = session.scalar(_LED_BESIDE, {"id": unit.id, "into": into.id})
    if number is not None:
        raise Conflict(
            f"发令单 {number} 由“{unit.name}”主办，“{into.name}”也在里面，主办不能交给它。"
            "请先办结这张发令单，或者请书记撤回、改好再来"
        )


def _still_has(unit: Unit, found: Touches) -> str:
    counts = {
        "件没有办完的诉求": found.open_cases,
        "张没有反馈的发令单": found.orders,
        "个岗位": found.posts,
        "条职责": found.duties,
    }
    held = "、".join(f"{count} {what}" for what, count in counts.items() if count)
    return f"“{unit.name}”还有 {held}，请指定由哪个单位接手，再停用"


def _was_merged(session: Session, unit_id: int) -> bool:
    own = (Change.subject == "units") & (Change.subject_id == unit_id)
    found = sa.select(Change.id).where(own, Change.action == Did.MERGED.value)
    return session.execute(found.limit(1)).first() is not None
