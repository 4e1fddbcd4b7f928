"""A resident who says 已解决 before their bad answer was reviewed: there is nothing to decide any more."""

import pytest
import sqlalchemy as sa

from backend.cases import survey_answers, survey_decisions, survey_reviews
from backend.cases.deadline_models import Clock, Deadline
from backend.cases.survey_answers import Said
from backend.cases.survey_decisions import Decision
from backend.cases.survey_models import ReviewState, Survey, Via
from backend.cases.workflow import Action, Status
from backend.errors import Conflict
from backend.notify.messages import Message
from backend.places.roles import Role
from tests.cases.scene import AT
from tests.cases.survey_scene import close
from tests.cases.test_survey_reviews import DAY, HOUR, decide, dissent, people, told

__all__ = ["people"]


def again(scene, said, at):
    survey = scene.session.scalars(sa.select(Survey)).one()
    return survey_answers.give(scene.session, survey.id, said, Via.PAGE, at=at)


def clocks(scene, case):
    own = sa.select(Deadline.clock).where(Deadline.case_id == case.id, Deadline.stopped_at.is_(None))
    return scene.session.scalars(own).all()


def test_who_says_solved_before_anybody_has_decided_ends_the_review_and_all_read_it(session, scene, people):
    case, review = dissent(scene)
    survey = again(scene, Said(True, 5), AT + HOUR)
    session.refresh(review)
    assert (case.status, case.round, case.due_at, clocks(scene, case)) == (Status.CLOSED, 1, None, [])
    assert (review.state, review.decision) == (ReviewState.TAKEN_BACK, "居民改了评价，当时还没有人决定")
    assert (review.decided_by, review.decided_at) == (None, AT + HOUR)
    last = scene.events(case)[-1]
    assert (last.action, last.note, last.public) == (Action.ASSENT, "改了评价：已解决，很满意", True)
    ended = {(Message.REVIEW_ENDED, people[role]) for role in (Role.UNIT_HEAD, Role.SUPERVISOR)}
    assert told(scene, case) >= ended
    assert survey_reviews.after_all(session, survey) == "督查人员不再核查这件事"
    with pytest.raises(Conflict, match="居民改了评价"):
        decide(scene, review, Role.SUPERVISOR)


def test_what_was_complained_of_first_stays_with_the_review_that_was_ended(session, scene):
    """Reasons that are ticked in chat, and words, come after the answer that began it."""
    dissent(scene)
    survey = session.scalars(sa.select(Survey)).one()
    who = {"resident_id": scene.resident_id, "at": AT}
    survey_answers.add_reasons(session, survey.id, ["没有人来"], **who)
    survey_answers.add_words(session, survey.id, "等了一周", **who)
    again(scene, Said(True, 2, "态度不好"), AT + HOUR)
    again(scene, Said(True, 5), AT + 2 * HOUR)
    session.expire_all()
    [line] = survey_decisions.page(session, scene.actor(Role.SUPERVISOR), ReviewState.TAKEN_BACK)
    whole = "没有解决：灯还是坏的\n没有解决：没有人来。灯还是坏的\n等了一周\n不满意：态度不好"
    assert line.row.complaint == whole


def test_who_is_unhappy_once_more_begins_the_review_anew_with_its_whole_time(session, scene):
    case, review = dissent(scene)
    again(scene, Said(True, 5), AT + HOUR)
    survey = again(scene, Said(False, 1, "晚上又坏了"), AT + 2 * HOUR)
    session.refresh(review)
    assert (review.state, review.complaint) == (ReviewState.OPEN, "没有解决：晚上又坏了")
    assert (review.due_at, clocks(scene, case)) == (AT + 2 * HOUR + DAY, [Clock.REVIEW])
    assert (review.decision, review.decided_at) == ("", None)
    assert survey_reviews.after_all(session, survey) == ""


@pytest.mark.parametrize("decision", [Decision.UPHOLD, Decision.REOPEN])
def test_what_was_decided_stands_also_where_the_resident_says_solved_later(session, scene, decision):
    case, review = dissent(scene)
    decide(scene, review, Role.SUPERVISOR, decision)
    state, status = review.state, case.status
    again(scene, Said(True, 5), AT + 2 * HOUR)
    session.refresh(review)
    assert (review.state, case.status) == (state, status)
    assert scene.events(case)[-1].action is Action.COMMENT


def test_a_leader_who_was_asked_to_decide_hears_that_nobody_has_to(session, scene, people):
    case, review = dissent(scene)
    review.is_leaders = True
    again(scene, Said(True, 5), AT + HOUR)
    assert (Message.REVIEW_ENDED, people[Role.LEADER]) in told(scene, case)


def test_what_was_decided_about_stays_as_it_was_read(session, scene):
    _, review = dissent(scene)
    who = {"resident_id": scene.resident_id, "at": AT}
    survey = session.scalars(sa.select(Survey)).one()
    survey_answers.add_reasons(session, survey.id, ["没有人来"], **who)
    decide(scene, review, Role.SUPERVISOR, Decision.UPHOLD)
    survey_answers.add_words(session, survey.id, "维持什么", **who)
    again(scene, Said(True, 5), AT + 2 * HOUR)
    session.refresh(review)
    assert "没有人来" in review.complaint
    assert "维持什么" not in review.complaint


def test_nobody_agrees_after_all_where_there_is_nothing_to_decide(session, scene):
    case, _ = close(scene)
    with pytest.raises(Conflict, match="没有要复核的"):
        scene.do(case, Action.ASSENT, Role.RESIDENT, note="已解决")
