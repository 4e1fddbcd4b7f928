"""The sweep: looks at every clock whose next moment has come, and tells who has to hear of it, up the chain.

What is due is asked of the database's clock: all workers share that one, and one whose own was set wrong can
fire nothing early. Every stage of a clock lies at a moment of its own, counted from when it is due and never
from when somebody looked, and the row says how many it has behind it. So a clock that was set forward and
back again, a sweep that was stopped for an hour, or two sweeps at once tell nothing twice and miss nothing.
"""

import logging
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.broker import nudge
from backend.cases import duty_rules, ladders, policies, worktime
from backend.cases.clocks import POLICY
from backend.cases.deadline_models import Deadline
from backend.cases.intake import summary, write_json
from backend.cases.ladders import Group
from backend.cases.routing import Chain
from backend.db import after_commit
from backend.notify.messages import Message, haste
from backend.notify.tasks import deliver
from backend.times import spoken, stamp

logger = logging.getLogger(__name__)
SHORTEST = 20  # minutes that steps up the chain are measured by at least: so the first is ten after the hour
BEHIND = 1_000  # ids that may be committed later than greater ones
FIRST_LOOK = 100_000  # rows that are looked through for clocks of old code when a process starts


@dataclass(frozen=True)
class Stage:
    """One moment of a clock: who is told what. `after` is in lengths of the clock behind its end."""

    groups: tuple[Group, ...]
    of_case: Message
    of_order: Message
    after: float | None = None  # None: when it turns amber


G, M = Group, Message
# fmt: off
STAGES = (
    Stage((G.HOLDERS,), M.CASE_SOON_DUE, M.ORDER_SOON_DUE),
    Stage((G.HOLDERS, G.SUPERVISORS, G.DESK_FOR_EMPTY), M.CASE_OVERDUE, M.ORDER_OVERDUE, 0),
    Stage((G.HEADS,), M.CASE_ESCALATED, M.ORDER_ESCALATED, 0.5),
    Stage((G.DESK,), M.CASE_ESCALATED, M.ORDER_ESCALATED, 1),
    Stage((G.LEADERS,), M.CASE_ESCALATED, M.ORDER_ESCALATED, 2),
)
# fmt: on
RED = 2  # how many stages are behind a clock that was told to be overdue

CLAIM = sa.text("""
    SELECT id, case_id, order_unit_id, clock, minutes, in_working_time, started_at, amber_at, due_at, stage,
        stopped_at, fired_at, paused_at
    FROM deadlines WHERE next_at <= :at ORDER BY next_at LIMIT :most FOR UPDATE SKIP LOCKED""")
MOVE_ON = sa.text("""
    UPDATE deadlines d SET stage = v.stage, next_at = v.next_at,
        fired_at = CASE WHEN v.stage >= :red THEN coalesce(d.fired_at, :at) ELSE d.fired_at END
    FROM unnest(CAST(:ids AS bigint[]), CAST(:stages AS smallint[]), CAST(:nexts AS timestamptz[]))
        v(id, stage, next_at)
    WHERE d.id = v.id""")
# A clock of code that knew nothing of `next_at` is watched from when it is due. Rows are looked through once.
REPAIR = sa.text("""
    UPDATE deadlines SET next_at = due_at WHERE id IN (
        SELECT id FROM deadlines WHERE id > :seen AND next_at IS NULL AND stopped_at IS NULL
            AND fired_at IS NULL AND paused_at IS NULL AND stage = 0
        FOR UPDATE SKIP LOCKED)""")
# What is said goes over once for each clock, as one JSON text: escaping an array of texts costs the most.
OWE = sa.text("""
    INSERT INTO notifications (key, message, officer_id, fields, haste)
    SELECT v.key, v.message, v.officer_id, said.fields, v.haste
    FROM unnest(CAST(:keys AS text[]), CAST(:messages AS text[]), CAST(:officers AS bigint[]),
        CAST(:hastes AS int[]), CAST(:places AS int[])) v(key, message, officer_id, haste, place)
    JOIN jsonb_array_elements(CAST(:fields AS jsonb)) WITH ORDINALITY said(fields, place) USING (place)
    ON CONFLICT (key) DO NOTHING RETURNING id""")
OWED = ("keys", "messages", "officers", "hastes", "places", "fields")
_seen: list[int] = []


@dataclass(frozen=True)
class Step:
    """What a clock that was claimed comes to."""

    row: Any
    stage: int
    next_at: datetime | None

    @property
    def is_told(self) -> bool:
        return self.stage > _behind(self.row)

    @property
    def stages(self) -> list[Stage]:
        """What is told: the highest stage; and if nobody has heard yet that it is overdue, that, too."""
        highest = [STAGES[self.stage - 1]] if self.is_told else []
        return highest + ([STAGES[RED - 1]] if self.stage > RED > _behind(self.row) else [])


def database_time(session: Session) -> datetime:
    """What the database's clock says."""
    moment: datetime = session.execute(sa.text("SELECT clock_timestamp()")).scalar_one()
    return moment


def repair(session: Session) -> None:
    """Let the sweep see the clocks that old code has started during a rollout. Costs what is new."""
    last = session.scalar(sa.select(sa.func.max(Deadline.id))) or 0
    seen = _seen[0] if _seen and _seen[0] <= last else last - FIRST_LOOK
    session.execute(REPAIR, {"seen": seen})
    _seen[:] = [last - BEHIND]


def fire_due(session: Session, at: datetime, limit: int) -> int:
    """Move so many of the clocks on whose moment has come, and owe what has to be told of them.

    Returns how many there were. About ten statements, however many they are.
    """
    rows = session.execute(CLAIM, {"at": at, "most": limit}).all()
    if not rows:
        return 0
    subjects = ladders.subjects(session, rows)
    world = policies.in_force(session)
    steps = [_step(world, row, subjects, at) for row in rows]
    moved: dict[str, Any] = {
        "ids": [step.row.id for step in steps],
        "stages": [step.stage for step in steps],
        "nexts": [step.next_at for step in steps],
    }
    session.execute(MOVE_ON, moved | {"red": RED, "at": at})
    _tell(session, [step for step in steps if step.is_told], subjects, at)
    return len(rows)


def _step(world: policies.World, row: Any, subjects: Mapping[ladders.Key, Any], at: datetime) -> Step:
    """A clock that has stopped or is paused was left by code that did not know of the sweep."""
    if row.stopped_at is not None or row.paused_at is not None:
        return Step(row, row.stage, None)
    chain = duty_rules.place_chain(subjects[ladders.key_of(row)]) if row.in_working_time else ()
    stage = _behind(row)
    while stage < len(STAGES):
        moment = moment_of(world, row, STAGES[stage], chain)
        if moment > at:
            return Step(row, stage, moment)
        stage += 1
    return Step(row, stage, None)


def _behind(row: Any) -> int:
    """The stages behind a clock; old code has told of one that it fired, and written that only."""
    return max(row.stage, RED) if row.fired_at is not None else int(row.stage)


def moment_of(world: policies.World, row: Any, stage: Stage, chain: Chain) -> datetime:
    """When this stage of the clock comes: a clock in working time climbs in working time."""
    due_at: datetime = row.due_at
    if stage.after is None:
        return row.amber_at or due_at
    own = row.minutes or (due_at - row.started_at) // timedelta(minutes=1)
    minutes = int(max(own, SHORTEST) * stage.after)
    if not row.in_working_time or minutes == 0:
        return due_at + timedelta(minutes=minutes)
    return worktime.add_working(due_at, minutes, world.hours_of(chain), world.is_working)


def _tell(session: Session, steps: Sequence[Step], subjects: Mapping[ladders.Key, Any], at: datetime) -> None:
    """One message to a person about a clock, of the highest stage they hear of; all in one statement."""
    groups: dict[Group, set[ladders.Key]] = defaultdict(set)
    for step in steps:
        for group in _groups(step):
            groups[ladders.of_clock(group, step.row, subjects)].add(ladders.key_of(step.row))
    people = ladders.people(session, groups)
    owed: dict[str, list[Any]] = {name: [] for name in OWED}
    for step in steps:
        _owe(owed, step, subjects[ladders.key_of(step.row)], _told(step, subjects, people), at)
    if owed["keys"]:
        ids = list(session.scalars(OWE, owed | {"fields": write_json(owed["fields"])}))
        after_commit(session, lambda: nudge(deliver, ids))


def _groups(step: Step) -> Collection[Group]:
    return {group for stage in step.stages for group in stage.groups}


def _told(step: Step, subjects: Mapping[ladders.Key, Any], people: ladders.People) -> dict[int, Message]:
    """Who is told what. Where a stage finds nobody, the duty desk is told instead."""
    key = ladders.key_of(step.row)
    found: dict[int, Message] = {}
    for stage in step.stages:
        message = stage.of_order if step.row.order_unit_id is not None else stage.of_case
        named = [ladders.of_clock(group, step.row, subjects) for group in stage.groups]
        officers = [one for group in named for one in people.get((group, key), ())]
        for officer in officers or people.get((Group.DESK, key), ()):
            found.setdefault(officer, message)
    return found


def _owe(
    owed: dict[str, list[Any]], step: Step, subject: Any, told: Mapping[int, Message], at: datetime
) -> None:
    """The key names the clock, when it is due and the stage: nothing is owed twice, and a clock that was
    given more time is told of again."""
    row, due = step.row, int(step.row.due_at.timestamp())
    if not told:
        logger.error("nobody can be told of the late clock %d: the district has no staff", row.id)
    owed["fields"].append(_fields(row, subject, at))
    for officer, message in told.items():
        owed["keys"].append(f"deadline:{row.id}:{due}:{step.stage}:officer:{officer}")
        owed["messages"].append(message.value)
        owed["officers"].append(officer)
        owed["hastes"].append(haste(message, owed["fields"][-1]))
        owed["places"].append(len(owed["fields"]))


def _fields(row: Any, subject: Any, at: datetime) -> dict[str, str]:
    """What the messages may say (see notify/messages.py)."""
    return {
        "number": subject.number,
        "urgent": "1" if subject.urgent else "",
        "place": subject.place,
        "area": str(subject.place_id),
        "summary": summary(subject.words),
        "at": stamp(at),
        "until": spoken(row.due_at, at),
        "note": POLICY[row.clock].label,
        "who": subject.unit or "社区",
    }
