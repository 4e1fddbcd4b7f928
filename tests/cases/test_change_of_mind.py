"""A resident changes an answer within a day: what came back is closed again, unless somebody has acted."""

import pytest
import sqlalchemy as sa

from backend.cases import deadlines, rounds, survey_reviews, surveys
from backend.cases.deadline_models import Clock, Deadline
from backend.cases.survey_answers import Said
from backend.cases.survey_models import Follow, ReviewState, Survey, SurveyPolicy
from backend.cases.workflow import Action, Outcome, Status
from backend.errors import Gone
from backend.notify.messages import Message
from backend.orders.models import Order, OrderCase
from backend.orders.workflow import Status as OrderStatus
from backend.places.roles import Role
from tests.cases.clock_scene import running
from tests.cases.scene import AT
from tests.cases.survey_scene import BAD, DAY, GOOD, HOUR, MINUTE, close, give, notes, on_record
from tests.factories import make_officer

FOLLOWS = (Action.REOPEN, Action.DISSENT, Action.COMMENT)


def test_from_good_to_bad_within_a_day_the_case_comes_back_and_both_answers_stand(session, scene, closed):
    case, survey = closed
    give(session, survey, GOOD)
    give(session, survey, BAD, AT + 23 * HOUR)
    assert (case.round, survey.solved, survey.answered_at) == (2, False, AT)
    assert on_record(session, survey) == [(True, 4, None, False), (False, 1, "灯还是坏的", False)]


def test_from_bad_to_good_what_came_back_is_closed_again_as_if_it_had_not_come(session, scene):
    case = scene.resolve(scene.submit(), AT - DAY)
    scene.do(case, Action.CLOSE, Role.SYSTEM, AT - HOUR)
    survey = session.scalars(sa.select(Survey)).one()
    times = {name: getattr(case, name) for name in rounds.TIMES}
    give(session, survey, BAD)
    give(session, survey, GOOD, AT + HOUR)
    assert (case.status, case.round, case.due_at) == (Status.CLOSED, 1, None)
    assert (survey.solved, survey.reasons) == (True, [])
    assert {name: getattr(case, name) for name in rounds.TIMES} == times | {"confirmed_at": AT + HOUR}
    assert (case.outcome, case.handler_id) == (Outcome.SOLVED, scene.actor(Role.HANDLER).officer_id)
    assert scene.events(case)[-1].round == 1
    assert notes(scene, case, Action.CLOSE_AGAIN) == ["已解决，满意"]
    assert not session.scalar(sa.select(Deadline.id).where(Deadline.stopped_at.is_(None)))
    assert session.scalars(sa.select(Survey)).all() == [survey]
    told = {row.message: row.fields["note"] for row in scene.told(case)}
    assert told[Message.CASE_CLOSED_AGAIN] == "已解决，满意"
    assert survey_reviews.state_of(session, survey.id) is ReviewState.TAKEN_BACK


def test_who_changes_to_and_fro_within_the_day_is_heard_each_time(session, scene, closed):
    case, survey = closed
    for n, said in enumerate((BAD, GOOD, Said(False), Said(True, 2), Said(True, 5))):
        give(session, survey, said, AT + n * HOUR)
        assert (case.status, case.round) == (
            (Status.ACCEPTED, 2) if surveys.is_bad(survey) else (Status.CLOSED, 1)
        )
    assert len(notes(scene, case, Action.REOPEN)) == len(notes(scene, case, Action.CLOSE_AGAIN)) == 2


def test_clocks_of_a_round_that_was_taken_back_do_not_come_to_life_in_the_next_one(session, scene, closed):
    case, survey = closed
    for said, at in ((BAD, AT), (GOOD, AT + HOUR), (Said(False), AT + 23 * HOUR)):
        give(session, survey, said, at)
    answer = AT + 23 * HOUR + deadlines.length(Clock.ANSWER, urgent=False)
    assert running(session, case)[Clock.ANSWER] == answer
    deadlines.turn(session, case, Action.MERGE, AT + 24 * HOUR)
    deadlines.turn(session, case, Action.UNMERGE, AT + 30 * HOUR)
    assert running(session, case)[Clock.ANSWER] == answer


def claim(scene, case):
    scene.do(case, Action.CLAIM, Role.INFORMATION_OFFICER, AT)


def supervise(scene, case):
    scene.do(case, Action.SUPERVISE, Role.SUPERVISOR, AT, note="请尽快", unit_id=scene.unit.id)


def assign(scene, case):
    scene.do(case, Action.ASSIGN, Role.SECRETARY, AT, unit_id=scene.unit.id)


def merge(scene, case):
    other = scene.case(Status.ACCEPTED)
    scene.do(other, Action.MERGE, Role.SECRETARY, AT, case_id=case.id)


def look(scene, case):
    """A call leaves no other trace."""
    scene.do(case, Action.SEE_PHONE, Role.INFORMATION_OFFICER, AT)


def draft(scene, case):
    drafted_by = scene.actor(Role.SECRETARY).officer_id
    values = {"number": "F1", "title": "修路灯", "text": "今天修好", "drafted_by": drafted_by}
    order = Order(**values, place_id=case.place_id, unit_id=scene.unit.id)
    scene.session.add(order)
    scene.session.flush()
    scene.session.add(OrderCase(order_id=order.id, case_id=case.id))


def forget(scene, case):
    """It came back before rounds were kept."""
    case.last_round = None


@pytest.mark.parametrize("act", [claim, supervise, assign, merge, look, draft, forget])
def test_once_somebody_has_acted_the_case_goes_on_and_both_sides_read_it(session, scene, closed, act):
    case, survey = closed
    make_officer(session, Role.HANDLER, unit=scene.unit)
    give(session, survey, BAD)
    act(scene, case)
    status = case.status
    give(session, survey, GOOD, AT + HOUR)
    assert (case.status, case.round, survey.solved) == (status, 2, True)
    holds = "这件事已经有人在重新办理，会接着办完"
    assert notes(scene, case, Action.COMMENT) == [f"改了评价：已解决，满意。{holds}"]
    assert Message.SURVEY_COMMENTED in [row.message for row in scene.told(case)]
    assert survey_reviews.after_all(session, survey) == holds


@pytest.mark.parametrize("status", [Status.RESOLVED, Status.CLOSED, Status.WITHDRAWN])
def test_of_work_that_has_ended_nobody_reads_that_it_goes_on(session, scene, closed, status):
    case, survey = closed
    give(session, survey, BAD)
    claim(scene, case)
    give(session, survey, GOOD, AT + HOUR)
    assert survey_reviews.after_all(session, survey)
    case.status = status
    assert survey_reviews.after_all(session, survey) == ""
    case.status, case.round = Status.ASSIGNED, 3  # of which this answer does not speak
    assert survey_reviews.after_all(session, survey) == ""


def test_what_is_brought_back_by_another_way_is_not_said_to_be_left_alone(session, scene, closed):
    case, survey = closed
    give(session, survey, BAD)
    give(session, survey, GOOD, AT + HOUR)
    assert survey_reviews.after_all(session, survey) == "这件事不再重新办理"
    scene.do(case, Action.REOPEN, Role.RESIDENT, AT + 2 * HOUR, note="又坏了")
    assert survey_reviews.after_all(session, survey) == ""
    case.status = Status.CLOSED  # it has been worked on again
    assert survey_reviews.after_all(session, survey) == ""


def test_an_order_that_has_ended_and_the_residents_own_words_are_no_work(session, scene, closed):
    case, survey = closed
    draft(scene, case)
    session.scalars(sa.select(Order)).one().status = OrderStatus.WITHDRAWN
    give(session, survey, BAD)
    scene.do(case, Action.ADD, Role.RESIDENT, AT, note="等了一周")
    give(session, survey, GOOD, AT + HOUR)
    assert case.status is Status.CLOSED


def test_what_a_supervisor_or_the_resident_brought_back_no_other_answer_closes(session, scene, closed):
    case, survey = closed
    give(session, survey, Said(True, 3))
    scene.do(case, Action.REOPEN, Role.RESIDENT, AT, note="又坏了")
    give(session, survey, GOOD, AT + HOUR)  # it never was a bad one
    assert (case.status, case.round) == (Status.ACCEPTED, 2)
    session.add(SurveyPolicy(area_id=scene.community.id, on_unsolved=Follow.REVIEW))
    other, asked = close(scene)
    give(session, asked, BAD)
    scene.do(other, Action.REOPEN, Role.SUPERVISOR, AT, note="现场看过，没有修好")
    give(session, asked, GOOD, AT + HOUR)
    assert (other.status, other.round) == (Status.ACCEPTED, 2)


def test_what_was_written_of_a_bad_answer_is_not_said_again_with_a_good_one(session, scene, closed):
    case, survey = closed
    give(session, survey, BAD)
    for _ in range(2):  # the form still holds the words; a double tap
        give(session, survey, Said(True, 4, BAD.words), AT + HOUR)
    assert on_record(session, survey) == [(False, 1, BAD.words, False), (True, 4, None, False)]
    assert notes(scene, case, Action.CLOSE_AGAIN) == ["已解决，满意"]


def test_from_bad_to_worse_begins_no_second_round(session, scene, closed):
    case, survey = closed
    give(session, survey, BAD)
    give(session, survey, Said(False, 1, "人也没来"), AT + HOUR)
    assert case.round == 2
    assert notes(scene, case, Action.COMMENT) == ["改了评价：没有解决：人也没来"]


UNSOLVED, DISSATISFIED = Said(False, None, "灯还是坏的"), Said(True, 2, "等得太久")
BOTH = (Follow.REOPEN, Follow.REVIEW)


@pytest.mark.parametrize("second", BOTH)
@pytest.mark.parametrize("first", BOTH)
@pytest.mark.parametrize("answers", [(UNSOLVED, DISSATISFIED), (DISSATISFIED, UNSOLVED)])
def test_each_bad_answer_brings_what_its_own_policy_says(session, scene, answers, first, second):
    """What was brought back is at work: there the second one is told to the unit."""
    names = ("on_unsolved", "on_dissatisfied")
    ordered = names if answers[0] is UNSOLVED else names[::-1]
    session.add(SurveyPolicy(area_id=scene.community.id, **dict(zip(ordered, (first, second), strict=True))))
    case, survey = close(scene)
    for n, said in enumerate(answers):
        give(session, survey, said, AT + n * HOUR)
    took = [event.action for event in scene.events(case) if event.action in FOLLOWS]
    assert (
        took
        == {
            (Follow.REOPEN, Follow.REOPEN): [Action.REOPEN, Action.COMMENT],
            (Follow.REOPEN, Follow.REVIEW): [Action.REOPEN, Action.COMMENT],
            (Follow.REVIEW, Follow.REOPEN): [Action.DISSENT, Action.REOPEN],
            (Follow.REVIEW, Follow.REVIEW): [Action.DISSENT, Action.COMMENT],
        }[first, second]
    )
    state = survey_reviews.state_of(session, survey.id)
    assert state is (ReviewState.REOPENED if Follow.REOPEN in (first, second) else ReviewState.OPEN)


@pytest.mark.parametrize("second", BOTH)
def test_what_a_review_has_upheld_is_reviewed_no_second_time_but_another_policy_holds(session, scene, second):
    policy = {"on_dissatisfied": Follow.REVIEW, "on_unsolved": second}
    session.add(SurveyPolicy(area_id=scene.community.id, **policy))
    case, survey = close(scene)
    give(session, survey, DISSATISFIED)
    scene.do(case, Action.UPHOLD, Role.SUPERVISOR, AT + HOUR, note="已到现场看过，灯是亮的")
    give(session, survey, UNSOLVED, AT + 2 * HOUR)
    last = scene.events(case)[-1].action
    assert last is (Action.REOPEN if second is Follow.REOPEN else Action.COMMENT)


def test_who_is_satisfied_after_all_has_confirmed_it(session, scene):
    session.add(SurveyPolicy(area_id=scene.community.id, on_unsolved=Follow.REVIEW))
    case, survey = close(scene)
    give(session, survey, BAD)
    give(session, survey, GOOD, AT + HOUR)
    assert (case.status, case.confirmed_at) == (Status.CLOSED, AT + HOUR)


def test_after_a_day_the_answer_stands(session, scene, closed):
    case, survey = closed
    give(session, survey, GOOD)
    with pytest.raises(Gone, match="已经答过了"):
        give(session, survey, BAD, AT + DAY + MINUTE)
    assert (case.status, survey.solved) == (Status.CLOSED, True)


def test_once_the_next_round_has_its_survey_the_answer_stands(session, scene, closed):
    case, survey = closed
    give(session, survey, BAD)
    session.add(Survey(case_id=case.id, round=2, resident_id=scene.resident_id))
    session.flush()
    with pytest.raises(Gone, match="已经答过了"):
        give(session, survey, GOOD, AT + HOUR)
