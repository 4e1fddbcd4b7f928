"""Up the chain: who hears of a late clock and when."""

from collections import Counter
from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend.cases import deadlines
from backend.cases.deadline_models import CalendarDay, Clock
from backend.cases.workflow import Status
from backend.notify.messages import Message
from backend.notify.models import Notification
from backend.places.models import Area, Post, Shift
from backend.places.roles import Role
from backend.times import now
from tests.cases.clock_scene import DAY, HOUR, MINUTE, fresh, make_part
from tests.cases.late_scene import make_clock, names, staff, sweep, told
from tests.cases.scene import AT
from tests.factories import make_case, make_officer, misplaced

__all__ = ["fresh", "staff"]
pytestmark = pytest.mark.usefixtures("fresh")
M = Message
LATE = [M.CASE_SOON_DUE, M.CASE_OVERDUE, M.CASE_ESCALATED, M.CASE_ESCALATED, M.CASE_ESCALATED]


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
    assert misplaced(session) == []


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
