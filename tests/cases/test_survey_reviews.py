"""Reviews of bad answers: begun with a clock, seen by those who decide, ended by a step on the case."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend.cases import escalation, survey_answers, survey_decisions, survey_reviews
from backend.cases.deadline_models import Clock, Deadline
from backend.cases.models import Case
from backend.cases.supervision_models import Supervision
from backend.cases.survey_answers import Said
from backend.cases.survey_decisions import DECISION_LABELS, Decision
from backend.cases.survey_models import Follow, ReviewState, SurveyPolicy, SurveyReview, Via
from backend.cases.workflow import Action, Status
from backend.errors import AppError, Conflict, Forbidden, Invalid, NotFound
from backend.notify.messages import Message
from backend.places.roles import Role
from tests.cases.scene import AT, at_once, make_scene
from tests.cases.survey_scene import close

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BAD = Said(False, 1, "灯还是坏的")
WORDS = "已到现场看过，灯是亮的"


def dissent(scene, round=1):
    """A closed case whose resident does not accept what was done, and the review of that."""
    session = scene.session
    if round == 1:
        session.add(SurveyPolicy(area_id=scene.community.id, on_unsolved=Follow.REVIEW))
    case, survey = close(scene, round)
    survey_answers.give(session, survey.id, BAD, Via.PAGE, at=AT)
    session.commit()
    return case, session.scalars(sa.select(SurveyReview).where(SurveyReview.case_id == case.id)).one()


def decide(scene, review, role, decision=Decision.REOPEN, words=WORDS, **more):
    return survey_decisions.decide(
        scene.session, review.id, scene.actor(role), decision, words, at=AT + HOUR, **more
    )


def told(scene, case):
    return {(row.message, row.officer_id or row.resident_id) for row in scene.told(case)}


@pytest.fixture
def people(scene):
    """The supervisor and the leader of the place, and the unit's head, by their roles."""
    return {role: scene.actor(role).officer_id for role in (Role.SUPERVISOR, Role.LEADER, Role.UNIT_HEAD)}


def test_by_policy_somebody_looks_at_it_first_and_the_unit_and_its_head_read_the_words(
    session, scene, people
):
    case, review = dissent(scene)
    assert (case.status, case.round, review.state) == (Status.CLOSED, 1, ReviewState.OPEN)
    assert (review.complaint, review.due_at) == ("没有解决：灯还是坏的", AT + DAY)
    assert told(scene, case) >= {
        (Message.ANSWER_DISPUTED, people[Role.UNIT_HEAD]),
        (Message.REVIEW_WANTED, people[Role.SUPERVISOR]),
    }
    assert people[Role.LEADER] not in {one for _, one in told(scene, case)}
    notes = {row.fields["note"] for row in scene.told(case) if row.message is Message.ANSWER_DISPUTED}
    assert notes == {"没有解决：灯还是坏的"}


def test_a_review_that_nobody_decides_turns_red_and_climbs(session, scene, people):
    case, _ = dissent(scene)
    late = AT + 3 * DAY + HOUR
    session.execute(sa.update(Deadline).where(Deadline.clock != Clock.REVIEW).values(next_at=None))
    escalation.fire_due(session, late, 10)
    session.flush()
    assert (Message.CASE_ESCALATED, people[Role.LEADER]) in told(scene, case)
    assert Message.CASE_OVERDUE in {message for message, _ in told(scene, case)}


def test_to_reopen_takes_the_words_along_and_stops_the_clock(session, scene):
    case, review = dissent(scene)
    decide(scene, review, Role.SUPERVISOR)
    session.refresh(review)
    assert (case.status, case.round, review.state) == (Status.ACCEPTED, 2, ReviewState.REOPENED)
    assert WORDS not in "".join(event.note for event in scene.events(case) if event.public)
    assert (scene.events(case)[-1].note, review.decision) == ("没有解决：灯还是坏的", WORDS)
    assert review.decided_by == scene.actor(Role.SUPERVISOR).officer_id
    running = sa.select(Deadline.clock).where(Deadline.case_id == case.id, Deadline.stopped_at.is_(None))
    assert Clock.REVIEW not in session.scalars(running).all()


def test_to_reopen_takes_along_what_was_said_after_the_answer_itself(session, scene, people):
    """In chat the reasons are asked for, and ticked, once nothing is solved."""
    session.add(SurveyPolicy(area_id=scene.community.id, on_unsolved=Follow.REVIEW))
    case, survey = close(scene)
    survey_answers.give(session, survey.id, Said(False), Via.CHAT, at=AT)
    survey_answers.add_reasons(session, survey.id, ["没有人来"], resident_id=scene.resident_id, at=AT)
    decide(scene, survey_reviews.open_of(session, case), Role.SUPERVISOR)
    notes = {row.fields["note"] for row in scene.told(case) if row.message is Message.CASE_RETURNED}
    assert notes == {scene.events(case)[-1].note} == {"没有解决：没有人来"}


def test_to_uphold_is_told_to_the_resident_with_the_reason(session, scene):
    case, review = dissent(scene)
    decide(scene, review, Role.SUPERVISOR, Decision.UPHOLD)
    session.refresh(review)
    assert (case.status, case.due_at, review.state) == (Status.CLOSED, None, ReviewState.UPHELD)
    [said] = [row for row in scene.told(case) if row.message is Message.ANSWER_UPHELD]
    assert (said.resident_id, said.fields["note"]) == (scene.resident_id, WORDS)


def test_to_supervise_is_to_reopen_and_ask_the_unit(session, scene):
    case, review = dissent(scene)
    decide(scene, review, Role.SUPERVISOR, Decision.SUPERVISE, until=AT + 2 * DAY)
    [asked] = session.scalars(sa.select(Supervision)).all()
    assert (asked.unit_id, asked.text, case.round) == (scene.unit.id, WORDS, 2)


def test_in_the_third_round_it_goes_to_the_leader_who_may_take_charge(session, scene, people):
    case, review = dissent(scene, round=3)
    assert review.is_leaders
    heard = {one for one in told(scene, case) if one[0].startswith("review_")}
    assert heard == {
        (Message.REVIEW_FOR_LEADER, people[Role.LEADER]),
        (Message.REVIEW_WITH_LEADER, people[Role.SUPERVISOR]),
    }
    with pytest.raises(Forbidden, match="请领导决定"):
        decide(scene, review, Role.SUPERVISOR)
    decide(scene, review, Role.LEADER, Decision.CHARGE)
    assert (case.round, case.leader_id) == (4, people[Role.LEADER])


def test_where_there_is_no_leader_the_supervisor_is_asked_and_decides(session, scene):
    supervisor = scene.actor(Role.SUPERVISOR).officer_id
    case, review = dissent(scene, round=3)
    assert (Message.REVIEW_WANTED, supervisor) in told(scene, case)
    decide(scene, review, Role.SUPERVISOR)
    assert case.round == 4


@pytest.mark.parametrize(
    ("role", "decision", "words", "more", "error", "said"),
    [
        (Role.HANDLER, Decision.REOPEN, WORDS, {}, Forbidden, "不能“复核后维持”"),
        (Role.SUPERVISOR, Decision.REOPEN, "  ", {}, Invalid, "请写明理由"),
        (Role.SUPERVISOR, Decision.UPHOLD, "感谢您的支持", {}, Invalid, "写清楚"),
        (Role.SUPERVISOR, Decision.SUPERVISE, WORDS, {}, Invalid, "答复时限"),
        (Role.SUPERVISOR, Decision.CHARGE, WORDS, {}, Forbidden, "包案的应当是"),
    ],
)
def test_what_cannot_be_decided_so_is_refused_in_words(
    session, scene, role, decision, words, more, error, said
):
    case, review = dissent(scene)
    with pytest.raises(error, match=said):
        decide(scene, review, role, decision, words, **more)
    session.refresh(review)
    assert (case.round, review.state) == (1, ReviewState.OPEN)


def test_nobody_decides_elsewhere_and_nobody_twice(session, scene):
    case, review = dissent(scene)
    stranger = make_scene(session).actor(Role.SUPERVISOR)
    with pytest.raises(NotFound):
        survey_decisions.decide(session, review.id, stranger, Decision.REOPEN, WORDS)
    assert survey_decisions.page(session, stranger) == []
    [line] = survey_decisions.page(session, scene.actor(Role.SUPERVISOR))
    assert line.case.id == case.id
    decide(scene, review, Role.SUPERVISOR)
    with pytest.raises(Conflict, match="已经有结果了"):
        decide(scene, review, Role.SUPERVISOR, Decision.UPHOLD)


@pytest.mark.parametrize("action", [Action.UPHOLD, Action.REOPEN])
def test_nobody_takes_a_leaders_decision_by_another_way(session, scene, people, action):
    case, review = dissent(scene, round=3)
    with pytest.raises(Forbidden, match="请领导决定"):
        scene.do(case, action, Role.SUPERVISOR, note=WORDS)
    session.refresh(review)
    assert (case.round, review.state) == (3, ReviewState.OPEN)
    scene.do(case, action, Role.LEADER, note=WORDS)
    assert survey_reviews.open_of(session, case) is None


def test_nobody_upholds_where_there_is_nothing_to_decide(session, scene):
    case, _ = close(scene)
    with pytest.raises(Conflict, match="没有要复核的"):
        scene.do(case, Action.UPHOLD, Role.SUPERVISOR, note=WORDS)
    assert Message.ANSWER_UPHELD not in {message for message, _ in told(scene, case)}


def test_a_secretary_in_charge_is_no_leader_whom_a_supervisor_waits_for(session, scene):
    case, review = dissent(scene, round=3)
    case.leader_id = scene.actor(Role.SECRETARY).officer_id
    decide(scene, review, Role.SUPERVISOR)
    assert case.round == 4


def test_of_two_who_decide_at_once_one_does(committed, committed_scene):
    scene = committed_scene
    _, review = dissent(scene)
    first, second = scene.actor(Role.SUPERVISOR), scene.actor(Role.LEADER)
    committed.commit()
    review_id = review.id
    results = at_once(
        lambda session: survey_decisions.decide(session, review_id, first, Decision.REOPEN, WORDS),
        lambda session: survey_decisions.decide(session, review_id, second, Decision.UPHOLD, WORDS),
    )
    assert len([result for result in results if isinstance(result, AppError)]) == 1
    committed.expire_all()
    reopened = committed.scalar(sa.select(Case.round)) == 2
    assert committed.scalar(sa.select(SurveyReview.state)) is (
        ReviewState.REOPENED if reopened else ReviewState.UPHELD
    )


def test_a_resident_who_brings_it_back_themselves_ends_the_review(session, scene):
    case, review = dissent(scene)
    scene.do(case, Action.REOPEN, Role.RESIDENT, note="又坏了")
    session.refresh(review)
    assert (review.state, review.decided_by) == (ReviewState.REOPENED, None)
    assert review.decision == "居民自己要求重新办理：又坏了"


def test_where_the_policy_reopens_at_once_supervisors_see_the_answer_as_decided(session, scene):
    case, survey = close(scene)
    survey_answers.give(session, survey.id, BAD, Via.PAGE, at=AT)
    [line] = survey_decisions.page(session, scene.actor(Role.SUPERVISOR), ReviewState.REOPENED)
    assert (line.row.complaint, line.row.decided_by, case.round) == ("没有解决：灯还是坏的", None, 2)


def test_every_decision_has_a_label():
    assert set(DECISION_LABELS) == set(Decision)
