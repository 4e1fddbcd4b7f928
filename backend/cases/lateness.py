"""Why is it late (为什么超时): the ledger of a case's clocks, in words."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.cases import policies, worktime
from backend.cases.clock_words import plain, span
from backend.cases.clocks import POLICY
from backend.cases.deadline_models import ChangeKind, Deadline, DeadlineChange, Decision
from backend.cases.duty_rules import place_chain
from backend.cases.models import Case
from backend.cases.policies import World
from backend.places.models import Officer
from backend.times import local, now, spoken

ESTIMATED = "按周末规则估算，{} 年的放假安排还没有登记"
KINDS = {
    ChangeKind.PAUSE: "挂起",
    ChangeKind.EXTEND: "延期",
    ChangeKind.HASTEN: "提前",
    ChangeKind.MOVE: "转来",
}


def why_late(session: Session, case: Case, at: datetime | None = None) -> list[str]:
    """One sentence for each clock of the case in the order in which they started (four queries)."""
    moment, world = at or now(), policies.in_force(session)
    query = sa.select(Deadline).where(Deadline.case_id == case.id).order_by(Deadline.started_at, Deadline.id)
    clocks = session.scalars(query, execution_options={"populate_existing": True}).all()
    lines = _lines(session, clocks)
    names = _names(session, [line for found in lines.values() for line in found])
    return [_sentence(world, case, row, lines.get(row.id, []), names, moment) for row in clocks]


def _lines(session: Session, clocks: Sequence[Deadline]) -> Mapping[int, list[DeadlineChange]]:
    ids = [row.id for row in clocks]
    query = sa.select(DeadlineChange).where(DeadlineChange.deadline_id.in_(ids)).order_by(DeadlineChange.id)
    found: dict[int, list[DeadlineChange]] = defaultdict(list)
    for line in session.scalars(query, execution_options={"populate_existing": True}):
        found[line.deadline_id].append(line)
    return found


def _names(session: Session, lines: Sequence[DeadlineChange]) -> dict[int, str]:
    ids = {one for line in lines for one in (line.asked_by, line.decided_by) if one is not None}
    rows = session.execute(sa.select(Officer.id, Officer.name).where(Officer.id.in_(ids))) if ids else ()
    return {officer_id: name for officer_id, name in rows}


def _sentence(
    world: World,
    case: Case,
    row: Deadline,
    lines: Sequence[DeadlineChange],
    names: Mapping[int, str],
    at: datetime,
) -> str:
    """签收时限 30 分钟，今天 09:00 起算，今天 09:30 到期；…；超时 3 小时"""
    changed = [line for line in lines if line.due_after is not None and line.due_after != line.due_before]
    first_due = changed[0].due_before if changed else row.due_at
    length = f" {span(world, case, row, row.minutes)}" if row.minutes else ""
    begin = f"{POLICY[row.clock].label}时限{length}，{spoken(row.started_at, at)}起算，"
    parts = [
        f"{begin}{spoken(first_due, at)}到期",
        *(_line(world, line, case, row, names, at) for line in lines),
    ]
    return "；".join([*parts, *_estimate(world, row), _end(world, case, row, at)])


def _line(
    world: World, line: DeadlineChange, case: Case, row: Deadline, names: Mapping[int, str], at: datetime
) -> str:
    what = _what(world, line, case, row, at)
    if line.state is Decision.ASKED:
        return f"{_who(names, line.asked_by)}申请{what}（{line.reason}），还没有批"
    if line.state is Decision.REFUSED:
        why = f"：{line.decision}" if line.decision else ""
        return f"{_who(names, line.asked_by)}申请{what}（{line.reason}），没有同意{why}"
    by = f"，批准人 {names[line.decided_by]}" if line.decided_by and line.decided_by in names else ""
    until = f"，到期改为 {spoken(line.due_after, at)}" if line.due_after else ""
    return f"{what}（{line.reason}{by}）{until}"


def _what(world: World, line: DeadlineChange, case: Case, row: Deadline, at: datetime) -> str:
    if line.kind is ChangeKind.EXTEND and line.minutes:
        return f"延期 {span(world, case, row, line.minutes)}"
    if line.kind is not ChangeKind.PAUSE:
        return KINDS[line.kind]
    if line.state is not Decision.APPROVED or line.decided_at is None:
        return f"挂起到{spoken(line.until_at, at)}" if line.until_at else "挂起"
    if line.ended_at is None:
        return f"{spoken(line.decided_at, at)}挂起，还没有恢复"
    return f"挂起 {plain((line.ended_at - line.decided_at) // timedelta(minutes=1))}"


def _end(world: World, case: Case, row: Deadline, at: datetime) -> str:
    """How it stands, or stood when it stopped."""
    done = row.stopped_at
    if done is not None:
        how = f"超时 {_late(world, case, row, done)}" if done > row.due_at else "没有超时"
        return f"{spoken(done, at)}停止计时，{how}"
    if row.paused_at is not None:
        return "现在是挂起"
    if at > row.due_at:
        return f"已超时 {_late(world, case, row, at)}"
    return "还没有到期"


def _late(world: World, case: Case, row: Deadline, until: datetime) -> str:
    """By how much, as the clock counts; by a night, though nobody worked, is by some time."""
    if not row.in_working_time:
        return plain((until - row.due_at) // timedelta(minutes=1))
    hours = world.hours_of(place_chain(case))
    late = worktime.working_between(row.due_at, until, hours, world.is_working)
    return span(world, case, row, max(1, late // timedelta(minutes=1)))


def _estimate(world: World, row: Deadline) -> list[str]:
    year = local(row.due_at).year
    return [ESTIMATED.format(year)] if row.in_working_time and not world.is_known(year) else []


def _who(names: Mapping[int, str], officer_id: int | None) -> str:
    return names.get(officer_id or 0, "承办单位")
