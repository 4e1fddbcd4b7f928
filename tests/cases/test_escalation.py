"""The sweep: who hears of a late clock and when, whatever happens to processes and to their clocks."""

import threading
from collections import Counter
from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend import db
from backend.cases import deadlines, escalation, tasks
from backend.cases.deadline_models import CalendarDay, Clock, Deadline
from backend.cases.workflow import Status
from backend.notify.messages import Message
from backend.notify.models import Notification
from backend.places.models import Area, Post, Shift
from backend.places.roles import Role
from backend.times import now
from tests.cases.clock_scene import DAY, HOUR, MINUTE, fresh, make_part
from tests.cases.scene import AT
from tests.factories import make_case, make_community, make_officer, make_unit

__all__ = ["fresh"]
pytestmark = pytest.mark.usefixtures("fresh")
M = Message
LATE = [M.CASE_SOON_DUE, M.CASE_OVERDUE, M.CASE_ESCALATED, M.CASE_ESCALATED, M.CASE_ESCALATED]


def make_clock(session, case, clock=Clock.ACCEPT, at=AT, **fields):
    """A clock of an hour, half of it amber."""
    times = {"amber_at": at + 30 * MINUTE, "due_at": at + HOUR, "next_at": at + 30 * MINUTE}
    own = {"case_id": case.id, "round": 1, "clock": clock, "minutes": 60, "started_at": at}
    row = Deadline(**own | times | fields)
    session.add(row)
    session.commit()
    return row


def sweep(session, at):
    return escalation.fire_due(session, at, 500)


def told(session, since=0):
    """(message, officer) of all that is owed, in order."""
    rows = session.scalars(sa.select(Notification).order_by(Notification.id)).all()
    return [(row.message, row.officer_id) for row in rows[since:]]


@pytest.fixture
def staff(session):
    """A community with everybody whom a clock may climb to; a second district with as many."""
    found = {}
    for name in ("", "别的"):
        community = make_community(session, name=f"{name}玉兰社区")
        district = session.get_one(Area, community.district_id)
        unit = make_unit(session, community)
        people = {
            "desk": make_officer(session, Role.INFORMATION_OFFICER, area=community),
            "secretary": make_officer(session, Role.SECRETARY, area=community),
            "handler": make_officer(session, Role.HANDLER, unit=unit),
            "head": make_officer(session, Role.UNIT_HEAD, unit=unit),
            "supervisor": make_officer(session, Role.SUPERVISOR, area=community),
            "dispatcher": make_officer(session, Role.DISPATCHER, area=district),
            "leader": make_officer(session, Role.LEADER, area=district),
            "administrator": make_officer(session, Role.ADMINISTRATOR, area=district),
        }
        found[name] = {"community": community, "unit": unit} | {k: one.id for k, one in people.items()}
    return found[""]


def names(staff, found):
    who = {one: name for name, one in staff.items() if isinstance(one, int)}
    return [(message, who[officer]) for message, officer in found]


def test_a_clock_climbs_from_its_holders_to_the_leader_and_each_step_is_told_once(session, staff):
    case = make_case(session, staff["community"], unit_id=staff["unit"].id, status=Status.IN_PROGRESS)
    row = make_clock(session, case, Clock.RESOLVE)
    heard = []
    for minutes in range(0, 240, 5):
        before = len(told(session))
        sweep(session, AT + minutes * MINUTE)
        sweep(session, AT + minutes * MINUTE)
        heard += [(minutes, *one) for one in names(staff, told(session, before))]
    assert sorted(heard) == [
        (30, M.CASE_SOON_DUE, "handler"),
        (30, M.CASE_SOON_DUE, "head"),
        (60, M.CASE_OVERDUE, "handler"),
        (60, M.CASE_OVERDUE, "head"),
        (60, M.CASE_OVERDUE, "supervisor"),
        (90, M.CASE_ESCALATED, "head"),
        (120, M.CASE_ESCALATED, "dispatcher"),
        (180, M.CASE_ESCALATED, "leader"),
    ]
    session.refresh(row)
    assert (row.stage, row.next_at, row.fired_at) == (5, None, AT + HOUR)


def test_before_a_unit_has_it_the_community_and_its_secretary_are_told(session, staff):
    make_clock(session, make_case(session, staff["community"]))
    for minutes in (30, 60, 90):
        sweep(session, AT + minutes * MINUTE)
    assert names(staff, told(session)) == [
        (M.CASE_SOON_DUE, "desk"),
        (M.CASE_OVERDUE, "desk"),
        (M.CASE_OVERDUE, "supervisor"),
        (M.CASE_ESCALATED, "secretary"),
    ]


def test_a_message_says_what_has_to_be_done_by_when(session, staff):
    case = make_case(session, staff["community"], report="路灯不亮，我的电话 13912345678")
    make_clock(session, case)
    sweep(session, AT + 30 * MINUTE)
    [message] = session.scalars(sa.select(Notification))
    assert message.fields["number"] == case.number
    assert (message.fields["note"], message.fields["place"]) == ("受理", "玉兰社区")
    assert message.fields["until"] == "今天 11:00"
    assert "13912345678" not in message.fields["summary"]


def test_the_chain_of_a_short_clock_leaves_people_ten_minutes(session, staff):
    short = {"minutes": 5, "amber_at": AT, "due_at": AT, "next_at": AT}
    row = make_clock(session, make_case(session, staff["community"]), **short)
    for minutes, stage in ((0, 2), (9, 2), (10, 3), (19, 3), (20, 4), (39, 4), (40, 5)):
        sweep(session, AT + minutes * MINUTE)
        session.refresh(row)
        assert row.stage == stage, minutes


def test_a_clock_in_working_time_climbs_in_working_time(session, staff):
    """A leader is not woken for what is measured in days of work; a day that was declared free counts."""
    session.add(CalendarDay(day=(AT + DAY).date(), is_working=False, name="设备检修"))
    evening = AT + timedelta(hours=7, minutes=50)  # 17:50 in Shanghai
    times = {"due_at": evening, "amber_at": evening, "next_at": evening, "in_working_time": True}
    row = make_clock(session, make_case(session, staff["community"]), minutes=60, **times)
    sweep(session, evening)
    session.refresh(row)
    assert row.next_at == AT + 2 * DAY - HOUR + 20 * MINUTE  # the day after next, 09:20


# Who is told, instead of skipping it, where those who should have it are not there.
NOBODY = {
    "the community has nobody": (Clock.ACCEPT, {"desk"}, {}, "dispatcher"),
    "the unit has nobody": (Clock.RESOLVE, {"handler", "head"}, {}, "dispatcher"),
    "the unit was closed": (Clock.RESOLVE, set(), {"closed_at": AT}, "dispatcher"),
    "nobody dispatches either": (Clock.RESOLVE, {"handler", "head", "dispatcher"}, {}, "supervisor"),
    "only an administrator is left": (
        Clock.RESOLVE,
        {"handler", "head", "dispatcher", "supervisor"},
        {},
        "administrator",
    ),
}


@pytest.mark.parametrize("why", NOBODY)
@pytest.mark.parametrize("how", ["ended", "away"])
def test_no_case_is_skipped(session, staff, why, how):
    clock, missing, of_unit, instead = NOBODY[why]
    for name, value in of_unit.items():
        setattr(staff["unit"], name, value)
    gone = {"until": now()} if how == "ended" else {"away_since": now() - DAY, "away_until": now() + DAY}
    ids = [staff[name] for name in missing]
    session.execute(sa.update(Post).where(Post.officer_id.in_(ids)).values(since=now() - 2 * DAY, **gone))
    make_clock(session, make_case(session, staff["community"], unit_id=staff["unit"].id), clock)
    for stage, minutes in enumerate((30, 60, 90, 120, 180)):
        before = len(told(session))
        sweep(session, AT + minutes * MINUTE)
        heard = names(staff, told(session, before))
        assert heard, (why, minutes)
        assert {message for message, _ in heard} == {LATE[stage]}
        assert not missing & {who for _, who in heard}
        if minutes < 90:
            assert instead in {who for _, who in heard}


def test_a_case_that_a_unit_gave_back_is_the_communitys(session, staff):
    make_clock(session, make_case(session, staff["community"], unit_id=None), Clock.RESOLVE)
    sweep(session, AT + 30 * MINUTE)
    assert names(staff, told(session)) == [(M.CASE_SOON_DUE, "desk")]


def test_while_a_case_is_in_dispute_its_arbiters_hear_of_every_clock(session, staff):
    case = make_case(session, staff["community"], unit_id=None, status=Status.DISPUTED)
    make_clock(session, case, Clock.RESOLVE)
    make_clock(session, case, Clock.ARBITRATE)
    sweep(session, AT + 30 * MINUTE)
    assert names(staff, told(session)) == [(M.CASE_SOON_DUE, "dispatcher")] * 2  # the district's


def test_the_dispatcher_on_duty_is_told_rather_than_those_at_home(session, staff):
    district = session.get_one(Area, staff["community"].district_id)
    on_duty = make_officer(session, Role.DISPATCHER, area=district)
    post = session.scalars(sa.select(Post).where(Post.officer_id == on_duty.id)).one()
    session.add(Shift(post_id=post.id, since=now() - HOUR, until=now() + HOUR))
    make_clock(session, make_case(session, staff["community"]), stage=3, next_at=AT)
    sweep(session, AT + 2 * HOUR)
    assert told(session) == [(M.CASE_ESCALATED, on_duty.id)]


def test_where_a_unit_plans_turns_of_duty_and_nobody_is_on_the_desk_hears_of_it_too(session, staff):
    post = session.scalars(sa.select(Post).where(Post.officer_id == staff["handler"])).one()
    shift = Shift(post_id=post.id, since=now() - 9 * HOUR, until=now() - HOUR)
    session.add(shift)
    case = make_case(session, staff["community"], unit_id=staff["unit"].id)
    make_clock(session, case, Clock.RESOLVE)
    sweep(session, AT + HOUR)
    assert (M.CASE_OVERDUE, "dispatcher") in names(staff, told(session))
    shift.until = now() + HOUR
    make_clock(session, case, Clock.ANSWER)
    before = len(told(session))
    sweep(session, AT + HOUR)
    assert (M.CASE_OVERDUE, "dispatcher") not in names(staff, told(session, before))


def test_who_holds_the_clock_and_supervises_too_is_told_once(session, staff):
    session.add(Post(officer_id=staff["desk"], role=Role.SUPERVISOR, area_id=staff["community"].id))
    make_clock(session, make_case(session, staff["community"]))
    sweep(session, AT + HOUR)
    assert Counter(officer for _, officer in told(session))[staff["desk"]] == 1


def test_a_stopped_or_paused_clock_is_told_to_nobody(session, staff):
    case = make_case(session, staff["community"])
    make_clock(session, case, stopped_at=AT)  # as old code stops one: its next look stands still
    make_clock(session, case, Clock.ASSIGN, paused_at=AT)
    assert sweep(session, AT + HOUR) == 2
    assert told(session) == []
    assert sweep(session, AT + HOUR) == 0


def test_after_an_hour_without_a_sweep_each_clock_is_told_once_at_the_stage_it_has_reached(session, staff):
    """Not a burst of amber, red and more: the highest step, and who has not heard yet that it is late."""
    case = make_case(session, staff["community"])
    make_clock(session, case)
    sweep(session, AT + 29 * MINUTE)
    sweep(session, AT + 129 * MINUTE)
    assert sorted(names(staff, told(session))) == [
        (M.CASE_ESCALATED, "dispatcher"),
        (M.CASE_OVERDUE, "desk"),
        (M.CASE_OVERDUE, "supervisor"),
    ]
    sweep(session, AT + 130 * MINUTE)
    assert len(told(session)) == 3
    sweep(session, AT + 180 * MINUTE)
    assert names(staff, told(session, 3)) == [(M.CASE_ESCALATED, "leader")]


def test_a_clock_set_forward_and_back_again_fires_nothing_twice_and_misses_nothing(session, staff):
    row = make_clock(session, make_case(session, staff["community"]))
    sweep(session, AT + 95 * MINUTE)  # an hour ahead: it is 35 past
    early = told(session)
    session.refresh(row)
    assert row.next_at == AT + 2 * HOUR  # counted from when it is due, not from a wrong now
    for minutes in range(36, 119, 2):
        sweep(session, AT + minutes * MINUTE)
    assert told(session) == early
    sweep(session, AT + 2 * HOUR)
    assert names(staff, told(session, len(early))) == [(M.CASE_ESCALATED, "dispatcher")]


def test_a_clock_set_back_delays_and_then_tells_each_stage_once(session, staff):
    make_clock(session, make_case(session, staff["community"]))
    for minutes in (20, 31, -60, -20, 20, 31, 45, 61, 59, 62):
        sweep(session, AT + minutes * MINUTE)
    counted = Counter(message for message, _ in told(session))
    assert counted == {M.CASE_SOON_DUE: 1, M.CASE_OVERDUE: 2}  # the desk and the supervisor


def test_a_worker_whose_own_clock_is_wrong_fires_nothing_early(committed, monkeypatch):
    """The database says what time it is."""
    community = make_community(committed)
    make_officer(committed, Role.INFORMATION_OFFICER, area=community)
    make_clock(committed, make_case(committed, community), at=now())
    monkeypatch.setattr(tasks, "now", lambda: now() + DAY)
    tasks.fire_deadlines()
    assert told(committed) == []


def test_four_workers_tell_every_clock_once_between_them(committed):
    community = make_community(committed)
    make_officer(committed, Role.INFORMATION_OFFICER, area=community)
    make_officer(committed, Role.SUPERVISOR, area=community)
    for n in range(120):
        make_clock(committed, make_case(committed, community), at=AT - n * MINUTE)
    start, done = threading.Barrier(4), []

    def work():
        start.wait()
        for _ in range(60):
            with db.transaction() as session:
                done.append(escalation.fire_due(session, AT + HOUR, limit=7))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(done) == 120
    keys = committed.scalars(sa.select(Notification.key)).all()
    per_clock = Counter(key.split(":officer:")[0] for key in keys)
    assert len(per_clock) == 120
    assert len(keys) == len(set(keys))


def test_a_killed_sweep_leaves_everything_as_it_was_due(committed):
    community = make_community(committed)
    make_officer(committed, Role.INFORMATION_OFFICER, area=community)
    make_clock(committed, make_case(committed, community))

    class Killed(Exception):
        pass

    def begin():
        with db.transaction() as session:
            escalation.fire_due(session, AT + HOUR, 500)
            raise Killed

    with pytest.raises(Killed):
        begin()
    assert told(committed) == []
    with db.transaction() as session:
        assert escalation.fire_due(session, AT + HOUR, 500) == 1
    assert [message for message, _ in told(committed)] == [M.CASE_OVERDUE]


def test_clocks_that_old_code_started_or_fired_are_found_and_not_told_again(session, staff):
    """During a rollout: old code knows neither `next_at` nor stages."""
    escalation._seen.clear()
    old = {"next_at": None, "amber_at": None, "minutes": None}
    case = make_case(session, staff["community"])
    started = make_clock(session, case, **old)
    fired = make_clock(session, case, Clock.ASSIGN, **old | {"next_at": AT + HOUR, "fired_at": AT + HOUR})
    escalation.repair(session)
    sweep(session, AT + 61 * MINUTE)
    assert [message for message, _ in told(session)] == [M.CASE_OVERDUE] * 2
    session.refresh(started)
    session.refresh(fired)
    assert (started.stage, started.next_at) == (2, AT + 90 * MINUTE)
    assert (fired.stage, fired.next_at, fired.fired_at) == (2, AT + 90 * MINUTE, AT + HOUR)


def test_a_unit_under_an_order_climbs_by_itself_too(session, staff):
    secretary = session.get_one(Post, session.scalar(sa.select(sa.func.min(Post.id))))
    part = make_part(session, staff["community"], staff["unit"], secretary)
    deadlines.start_part(session, part, [Clock.ORDER_ACKNOWLEDGE], AT)
    heard = []
    for minutes in range(0, 60):
        before = len(told(session))
        sweep(session, AT + minutes * MINUTE)
        heard += [(minutes, *one) for one in names(staff, told(session, before))]
    assert sorted(heard) == [
        (5, M.ORDER_SOON_DUE, "handler"),
        (5, M.ORDER_SOON_DUE, "head"),
        (10, M.ORDER_OVERDUE, "handler"),
        (10, M.ORDER_OVERDUE, "head"),
        (10, M.ORDER_OVERDUE, "supervisor"),
        (20, M.ORDER_ESCALATED, "head"),
        (30, M.ORDER_ESCALATED, "dispatcher"),
        (50, M.ORDER_ESCALATED, "leader"),
    ]
    fields = session.scalars(sa.select(Notification.fields)).first()
    assert (fields["number"], fields["summary"]) == (part.order.number, "清理占道摊点")
    assert (fields["note"], fields["who"]) == ("签收", staff["unit"].name)


def test_the_sweep_costs_what_is_due_not_what_exists(session, staff):
    case = make_case(session, staff["community"])
    session.execute(
        sa.text("""
        INSERT INTO deadlines (case_id, round, clock, started_at, due_at, next_at)
        SELECT :case_id, 1, 'resolve', moment, moment, CASE WHEN n % 2 = 0 THEN moment END
        FROM generate_series(1, 8000) n,
            LATERAL (SELECT cast(:at AS timestamptz) + n * interval '1 minute') t(moment)
        """),
        {"case_id": case.id, "at": AT},
    )
    session.execute(sa.text("ANALYZE deadlines"))
    claim = f"EXPLAIN {escalation.CLAIM.text}"
    plan = "\n".join(session.scalars(sa.text(claim), {"at": AT + 9 * MINUTE, "most": 500}))
    assert "ix_deadlines_next" in plan
    assert "Seq Scan" not in plan


def test_a_batch_takes_as_many_statements_for_one_clock_as_for_thirty(session, staff):
    counts = []
    for many in (1, 30):
        for _ in range(many):
            make_clock(session, make_case(session, staff["community"]), next_at=AT)
        sent = []
        connection = session.connection()
        listen = lambda *args, sent=sent: sent.append(args[2])  # noqa: E731
        sa.event.listen(connection, "before_cursor_execute", listen)
        sweep(session, AT + 40 * MINUTE)
        sa.event.remove(connection, "before_cursor_execute", listen)
        counts.append(len(sent))
        session.execute(sa.text("UPDATE deadlines SET next_at = NULL"))
    assert counts[1] <= counts[0] <= 12
