"""More time and pauses: asked for, granted by another post, ended by themselves; and the ledger in words."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend.cases import deadlines, escalation, lateness, pauses, time_requests
from backend.cases.deadline_models import Clock, DeadlineChange, Decision
from backend.cases.service import Actor
from backend.cases.time_requests import Wish
from backend.cases.workflow import Action, Status
from backend.errors import Conflict, Forbidden, Invalid, NotFound
from backend.notify.messages import Message
from backend.places.models import Area, Post
from backend.places.roles import Role
from tests.cases.clock_scene import DAY, HOUR, MINUTE, clock_of, fresh, running
from tests.cases.request_scene import PROOF, ask_extension, ask_pause, decide, in_progress, owed
from tests.cases.scene import AT
from tests.factories import make_officer

__all__ = ["fresh"]
pytestmark = pytest.mark.usefixtures("fresh")
A, C = Action, Clock


def test_a_granted_extension_moves_the_deadline_and_says_from_where(session, scene):
    case = in_progress(scene)
    scene.actor(Role.SUPERVISOR)
    change = ask_extension(scene, case)
    assert running(session, case) == {C.RESOLVE: AT + 48 * HOUR}  # asking wins no time
    [wanted] = owed(session, Message.TIME_WANTED)
    assert "延长 1 天：需要开挖路面" in wanted.fields["note"]
    decide(scene, case, change, AT + 2 * HOUR)
    assert running(session, case) == {C.RESOLVE: AT + 72 * HOUR}
    assert case.due_at == AT + 72 * HOUR
    assert (change.state, change.due_before, change.due_after) == (
        Decision.APPROVED,
        AT + 48 * HOUR,
        AT + 72 * HOUR,
    )
    row = clock_of(session, case, C.RESOLVE)
    assert (row.amber_at, row.next_at, row.stage) == (AT + 48 * HOUR, AT + 48 * HOUR, 0)
    assert "办结延期：同意到 " in owed(session, Message.TIME_DECIDED)[0].fields["note"]


def test_a_refused_request_changes_nothing_and_another_may_follow(session, scene):
    case = in_progress(scene)
    change = ask_extension(scene, case)
    with pytest.raises(Conflict, match="已经有一份申请"):
        ask_pause(scene, case)
    decide(scene, case, change, AT + 2 * HOUR, is_granted=False, words="配件两天内可到")
    assert running(session, case) == {C.RESOLVE: AT + 48 * HOUR}
    assert (change.state, change.due_after) == (Decision.REFUSED, None)
    with pytest.raises(NotFound):
        decide(scene, case, change, AT + 3 * HOUR)
    assert ask_pause(scene, case).state is Decision.ASKED


def test_a_granted_pause_stands_still_and_goes_on_by_itself_with_what_was_left(session, scene):
    case = in_progress(scene)
    decide(scene, case, ask_pause(scene, case), AT + 8 * HOUR)
    row = clock_of(session, case, C.RESOLVE)
    assert (row.paused_at, row.next_at, case.due_at) == (AT + 8 * HOUR, None, None)
    assert escalation.fire_due(session, AT + 60 * HOUR, 10) == 0
    over = AT + HOUR + 2 * DAY
    assert pauses.ended(session, over - MINUTE, 10) == []
    assert pauses.ended(session, over, 10) == [case.number]
    pauses.end_pauses(session, case.number, over)
    assert running(session, case) == {C.RESOLVE: over + 40 * HOUR}
    assert case.due_at == over + 40 * HOUR
    pauses.end_pauses(session, case.number, over + HOUR)
    assert running(session, case) == {C.RESOLVE: over + 40 * HOUR}
    line = session.scalars(sa.select(DeadlineChange)).one()
    assert (line.ended_at, line.due_before, line.due_after) == (over, AT + 48 * HOUR, over + 40 * HOUR)
    assert scene.events(case)[-1].action is A.RESUME


def test_whoever_may_can_end_a_pause_before_its_time(session, scene):
    case = in_progress(scene)
    with pytest.raises(Conflict, match="没有挂起"):
        time_requests.resume(session, case.number, scene.actor(Role.HANDLER), at=AT)
    decide(scene, case, ask_pause(scene, case), AT + 8 * HOUR)
    time_requests.resume(session, case.number, scene.actor(Role.HANDLER), "配件到了", AT + 10 * HOUR)
    assert running(session, case) == {C.RESOLVE: AT + 50 * HOUR}


def test_an_amber_that_was_told_is_not_told_again_after_a_pause(session, scene):
    case = in_progress(scene)
    escalation.fire_due(session, AT + 30 * HOUR, 10)
    decide(scene, case, ask_pause(scene, case, AT + 30 * HOUR), AT + 31 * HOUR)
    time_requests.resume(session, case.number, scene.actor(Role.HANDLER), at=AT + 41 * HOUR)
    row = clock_of(session, case, C.RESOLVE)
    assert (row.stage, row.next_at) == (1, AT + 58 * HOUR)
    assert len(owed(session, Message.CASE_SOON_DUE)) == 1
    escalation.fire_due(session, AT + 58 * HOUR, 10)
    assert len(owed(session, Message.CASE_OVERDUE)) == 2  # the handler and the supervisor


def test_after_an_extension_of_a_late_clock_it_is_told_of_anew(session, scene):
    case = in_progress(scene)
    scene.actor(Role.SUPERVISOR)
    escalation.fire_due(session, AT + 49 * HOUR, 10)
    before = len(owed(session, Message.CASE_OVERDUE))
    decide(scene, case, ask_extension(scene, case, AT + 50 * HOUR), AT + 51 * HOUR)
    row = clock_of(session, case, C.RESOLVE)
    assert (row.fired_at, row.due_at) == (None, AT + 72 * HOUR)
    escalation.fire_due(session, AT + 72 * HOUR, 10)
    assert len(owed(session, Message.CASE_OVERDUE)) == 2 * before > 0


@pytest.mark.parametrize(
    ("wish", "error"),
    [
        (Wish(C.RESOLVE, " ", minutes=60, proof=PROOF), "请写明理由"),
        (Wish(C.RESOLVE, "理由", minutes=60), "请附上证明材料的照片"),
        (Wish(C.RESOLVE, "理由", minutes=0, proof=PROOF), "请填写延长多久"),
        (Wish(C.RESOLVE, "理由", minutes=91 * 24 * 60, proof=PROOF), "最长 90 天"),
        (Wish(C.ACKNOWLEDGE, "理由", minutes=60, proof=PROOF), "不能挂起或延期"),
        (Wish(C.ANSWER, "理由", minutes=60, proof=PROOF), "没有在计时"),
    ],
)
def test_a_wish_that_will_not_do_is_refused_in_words(session, scene, wish, error):
    case = in_progress(scene)
    with pytest.raises((Invalid, Conflict), match=error):
        time_requests.ask_extension(session, case.number, scene.actor(Role.HANDLER), wish, AT)
    assert session.scalars(sa.select(DeadlineChange)).all() == []


def test_a_pause_needs_an_end_that_lies_ahead_and_a_clock_that_is_not_late(session, scene):
    case = in_progress(scene)
    for days in (0, -1, 91):
        with pytest.raises(Invalid, match="恢复计时"):
            ask_pause(scene, case, days=days)
    with pytest.raises(Conflict, match="已经超时"):
        ask_pause(scene, case, AT + 48 * HOUR)


def test_nobody_grants_their_own_request_and_a_handler_none_at_all(session, scene):
    case = in_progress(scene)
    officer = make_officer(session, Role.HANDLER, unit=scene.unit)
    posts = (
        Post(role=Role.HANDLER, unit_id=scene.unit.id),
        Post(role=Role.SUPERVISOR, area=scene.community, area_id=scene.community.id),
    )
    both = Actor(officer_id=officer.id, posts=posts)
    wish = Wish(C.RESOLVE, "理由", minutes=60, proof=PROOF)
    change = time_requests.ask_extension(session, case.number, both, wish, AT)
    with pytest.raises(Forbidden, match="自己提出"):
        time_requests.decide(session, case.number, both, change.id, is_granted=True, at=AT)
    with pytest.raises(Forbidden, match="您的岗位不能"):
        time_requests.decide(
            session, case.number, scene.actor(Role.HANDLER), change.id, is_granted=True, at=AT
        )


def test_where_nobody_supervises_the_duty_desk_hears_of_the_request(session, scene):
    case = in_progress(scene)
    district = session.get_one(Area, scene.community.district_id)
    dispatcher = make_officer(session, Role.DISPATCHER, area=district)
    ask_extension(scene, case)
    told = {row.officer_id for row in owed(session, Message.TIME_WANTED)}
    assert told == {dispatcher.id, scene.actor(Role.DISPATCHER).officer_id}


def test_what_was_asked_is_settled_when_the_clock_stops(session, scene):
    case = in_progress(scene)
    change = ask_extension(scene, case)
    scene.do(case, A.RESOLVE, Role.HANDLER, AT + 2 * HOUR, note="换好了灯泡，已经亮了", outcome="explained")
    session.refresh(change)
    assert (change.state, change.decision) == (Decision.REFUSED, "时限已经停止")


def test_the_ledger_goes_with_the_case_to_another_unit_and_to_a_member(session, scene):
    case = in_progress(scene)
    change = ask_extension(scene, case)
    decide(scene, case, change, AT + 2 * HOUR)
    pending = ask_pause(scene, case)
    case.status = Status.ACCEPTED
    deadlines.turn(session, case, A.SEND_BACK, AT + 3 * HOUR)
    assert running(session, case)[C.RESOLVE] == AT + 72 * HOUR
    case.status = Status.IN_PROGRESS
    member = scene.submit(AT)
    deadlines.turn(session, member, A.MERGE, AT + HOUR)
    deadlines.move(session, case, member, AT + 4 * HOUR)
    member.status, member.unit_id = Status.IN_PROGRESS, scene.unit.id
    session.flush()
    assert decide(scene, member, pending, AT + 5 * HOUR).state is Decision.APPROVED
    said = "\n".join(lateness.why_late(session, member, AT + 6 * HOUR))
    assert "延期 1 天" in said
    assert f"由 {case.number} 转来" in said


# Why it is late ---------------------------------------------------------------


def test_why_it_is_late_is_told_by_its_ledger(session, scene):
    case = in_progress(scene)
    decide(scene, case, ask_extension(scene, case), AT + 2 * HOUR, is_granted=False, words="先抓紧办")
    decide(scene, case, ask_pause(scene, case), AT + 8 * HOUR)
    pauses.end_pauses(session, case.number, AT + HOUR + 2 * DAY)
    said = lateness.why_late(session, case, AT + 5 * DAY)
    clocks = {line.split("时限")[0] for line in said}
    assert clocks == {"受理", "分拨", "答复居民", "签收", "办结", "先行联系"}
    [resolve] = [line for line in said if line.startswith("办结")]
    assert resolve == (
        "办结时限 2 天，11月23日（周一） 10:00起算，11月25日（周三） 10:00到期；"
        "周明申请延期 1 天（需要开挖路面），没有同意：先抓紧办；"
        "挂起 1 天 17 小时（等配件到货，批准人 周明），到期改为 昨天 03:00；"
        "已超时 1 天 7 小时"
    )
    [accept] = [line for line in said if line.startswith("受理")]
    assert accept.endswith("没有超时")


def test_it_says_so_where_the_holidays_of_a_year_are_not_known(session, scene):
    case = in_progress(scene)
    row = clock_of(session, case, C.RESOLVE)
    row.in_working_time, row.minutes, row.due_at = True, 100 * 420, AT + timedelta(days=200)
    session.flush()
    [said] = [line for line in lateness.why_late(session, case, AT) if line.startswith("办结")]
    assert "办结时限 100 个工作日" in said
    assert "按周末规则估算，2027 年的放假安排还没有登记" in said


def test_the_ledger_of_many_clocks_takes_as_few_statements_as_of_few(session, scene):
    first, second = scene.submit(AT), in_progress(scene)
    counts = []
    for case in (first, second):
        sent = []
        connection = session.connection()
        listen = lambda *args, sent=sent: sent.append(args[2])  # noqa: E731
        sa.event.listen(connection, "before_cursor_execute", listen)
        lateness.why_late(session, case, AT)
        sa.event.remove(connection, "before_cursor_execute", listen)
        counts.append(len(sent))
    assert counts[1] <= counts[0] + 1
