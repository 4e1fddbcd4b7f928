"""Callback surveys: when they are asked, how often, how they end, and that one answer counts once."""

import threading
from datetime import datetime, time, timedelta

import pytest
import sqlalchemy as sa

from backend import db
from backend.cases import service, surveys, tasks
from backend.cases.models import Case
from backend.cases.survey_models import Survey, SurveyState
from backend.cases.surveys import SATISFACTION, answer, find_open, is_bad, take_due
from backend.cases.workflow import Action, Given, Status
from backend.config import config
from backend.errors import Conflict, Gone, Invalid, NotFound
from backend.notify.messages import Message
from backend.notify.models import Notification
from backend.places.roles import Role
from backend.times import SHANGHAI
from tests.cases.scene import at_once
from tests.factories import make_resident

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def shanghai(day, clock):
    """A moment in November 2026."""
    return datetime.combine(datetime(2026, 11, day).date(), time.fromisoformat(clock), SHANGHAI)  # noqa: DTZ001


@pytest.fixture(autouse=True)
def office_hours():
    """Surveys a day after closing, between nine and eight, open for a week: as they are by default."""
    before = {name: getattr(config, name) for name in ("survey_hours", "survey_delay_minutes")}
    object.__setattr__(config, "survey_hours", (time(9), time(20)))
    object.__setattr__(config, "survey_delay_minutes", 24 * 60)
    yield lambda name, value: object.__setattr__(config, name, value)
    for name, value in before.items():
        object.__setattr__(config, name, value)


def close(scene, at, **fields):
    """A case that was closed at this moment, and its survey."""
    case = scene.case(Status.RESOLVED, **fields)
    scene.do(case, Action.CLOSE, Role.SYSTEM, at)
    return case, scene.session.scalar(sa.select(Survey).where(Survey.case_id == case.id))


def messages(steps):
    return [step.message for step in steps]


@pytest.mark.parametrize(
    ("closed", "due"),
    [
        (shanghai(20, "12:00"), shanghai(21, "12:00")),
        (shanghai(20, "08:00"), shanghai(21, "09:00")),
        (shanghai(20, "21:30"), shanghai(22, "09:00")),
        (shanghai(20, "09:00"), shanghai(21, "09:00")),
        (shanghai(20, "20:00"), shanghai(21, "20:00")),
        (shanghai(20, "00:30"), shanghai(21, "09:00")),
    ],
)
def test_a_survey_is_due_a_day_after_closing_within_the_hours(session, scene, closed, due):
    case, survey = close(scene, closed)
    assert (survey.state, survey.round, survey.next_at) == (SurveyState.DUE, case.round, due)


def test_without_a_delay_a_late_closing_is_asked_about_in_the_morning(session, scene, office_hours):
    office_hours("survey_delay_minutes", 0)
    assert close(scene, shanghai(20, "21:30"))[1].next_at == shanghai(21, "09:00")
    assert close(scene, shanghai(20, "12:00"))[1].next_at == shanghai(20, "12:00")


def test_a_survey_is_asked_then_reminded_once_then_over(session, scene):
    _, survey = close(scene, shanghai(1, "12:00"))
    assert messages(take_due(session, shanghai(2, "11:59"))) == []
    assert messages(take_due(session, shanghai(2, "12:00"))) == [Message.SURVEY_INVITED]
    assert messages(take_due(session, shanghai(5, "08:59"))) == []
    assert messages(take_due(session, shanghai(5, "09:00"))) == [Message.SURVEY_REMINDED]
    assert messages(take_due(session, shanghai(9, "09:00"))) == []
    assert survey.state is SurveyState.SENT
    assert messages(take_due(session, shanghai(9, "18:00"))) == [None]
    assert (survey.state, survey.next_at) == (SurveyState.EXPIRED, None)
    assert take_due(session, shanghai(30, "12:00")) == []


@pytest.mark.parametrize("late", [shanghai(2, "20:01"), shanghai(3, "03:00"), shanghai(3, "08:59")])
def test_after_an_outage_nobody_is_asked_at_night(session, scene, late):
    close(scene, shanghai(1, "12:00"))
    assert take_due(session, late) == []
    assert messages(take_due(session, shanghai(3, "09:00"))) == [Message.SURVEY_INVITED]


def test_an_outage_longer_than_the_surveys_life_still_leaves_time_to_answer(session, scene):
    """Everything is long overdue: yet one sweep takes one step, and each message leaves its days."""
    _, survey = close(scene, shanghai(1, "12:00"))
    take_due(session, shanghai(2, "12:00"))
    back = shanghai(20, "12:00")
    assert messages(take_due(session, back)) == [Message.SURVEY_REMINDED]
    assert take_due(session, back) == []
    assert survey.next_at - back >= 4 * DAY
    assert find_open(session, survey.id).id == survey.id


def test_an_outage_before_the_first_question_puts_off_the_rest(session, scene):
    _, survey = close(scene, shanghai(1, "12:00"))
    back = shanghai(20, "12:00")
    assert messages(take_due(session, back)) == [Message.SURVEY_INVITED]
    assert take_due(session, back) == []
    assert survey.next_at - back >= 2 * DAY


def test_a_sweep_asks_in_the_name_of_the_case_and_only_its_resident(session, scene):
    case, survey = close(scene, shanghai(1, "12:00"))
    make_resident(session)
    tasks.ask_due(session, shanghai(2, "12:00"), 10)
    [asked] = session.scalars(
        sa.select(Notification).where(Notification.message == Message.SURVEY_INVITED)
    ).all()
    assert (asked.resident_id, asked.officer_id) == (scene.resident_id, None)
    assert (asked.fields["number"], asked.fields["survey"]) == (case.number, str(survey.id))


def test_a_case_that_nobody_reported_has_no_survey(session, scene):
    assert close(scene, shanghai(1, "12:00"), resident_id=None)[1] is None


def test_a_survey_can_be_answered_before_it_is_sent(session, scene):
    """The page of the case offers it at once; then nobody is asked again."""
    _, survey = close(scene, shanghai(1, "12:00"))
    answer(
        find_open(session, survey.id), solved=True, satisfaction=5, words=" 谢谢 ", at=shanghai(1, "13:00")
    )
    assert (survey.state, survey.next_at, survey.words) == (SurveyState.ANSWERED, None, "谢谢")
    assert survey.answered_at == shanghai(1, "13:00")
    assert take_due(session, shanghai(30, "12:00")) == []


def test_an_answered_survey_says_so_when_it_is_opened_again(session, scene):
    _, survey = close(scene, shanghai(1, "12:00"))
    answer(find_open(session, survey.id), solved=True)
    with pytest.raises(Gone, match="已经答过了"):
        find_open(session, survey.id)


def test_an_expired_survey_says_so(session, scene):
    _, survey = close(scene, shanghai(1, "12:00"))
    survey.state, survey.next_at = SurveyState.EXPIRED, None
    with pytest.raises(Gone, match="已经结束"):
        find_open(session, survey.id)


def test_a_stranger_does_not_find_the_survey(session, scene):
    _, survey = close(scene, shanghai(1, "12:00"))
    stranger = make_resident(session).id
    for survey_id in (survey.id, 999_999):
        with pytest.raises(NotFound, match="没有找到这次回访"):
            find_open(session, survey_id, stranger)


@pytest.mark.parametrize("sent", [False, True])
def test_a_case_that_comes_back_by_another_way_ends_the_open_survey(session, scene, sent):
    case, survey = close(scene, shanghai(1, "12:00"))
    if sent:
        take_due(session, shanghai(2, "12:00"))
    scene.do(case, Action.REOPEN, Role.SUPERVISOR, shanghai(2, "13:00"), note="现场看过，没有修好")
    assert (survey.state, survey.next_at) == (SurveyState.EXPIRED, None)
    with pytest.raises(Gone, match="已经结束"):
        find_open(session, survey.id)


def test_a_survey_that_was_answered_stays_answered_when_the_case_comes_back(session, scene):
    case, survey = close(scene, shanghai(1, "12:00"))
    answer(find_open(session, survey.id), solved=True, satisfaction=3)
    scene.do(case, Action.REOPEN, Role.RESIDENT, shanghai(5, "12:00"))
    session.refresh(survey)
    assert (survey.state, survey.solved, survey.satisfaction) == (SurveyState.ANSWERED, True, 3)


@pytest.mark.parametrize("satisfaction", [0, 6, -1, 99])
def test_a_step_that_is_not_one_of_five_is_refused(session, scene, satisfaction):
    _, survey = close(scene, shanghai(1, "12:00"))
    with pytest.raises(Invalid, match="1 到 5"):
        answer(survey, solved=True, satisfaction=satisfaction)
    with pytest.raises(Invalid, match="1 到 5"):
        surveys.rate(survey, satisfaction)
    assert (survey.state, survey.satisfaction) == (SurveyState.DUE, None)


def test_not_solved_or_dissatisfied_is_a_bad_answer():
    bad = {
        (solved, step)
        for solved in (True, False)
        for step in (None, *SATISFACTION)
        if is_bad(Survey(solved=solved, satisfaction=step))
    }
    assert bad == {(False, step) for step in (None, *SATISFACTION)} | {(True, 1), (True, 2)}


def test_of_two_answers_at_the_same_moment_one_counts(committed, committed_scene):
    scene = committed_scene
    _, survey = close(scene, shanghai(1, "12:00"))
    survey_id, actor = survey.id, scene.actor(Role.RESIDENT)
    committed.commit()
    committed.expunge_all()

    def give(solved, satisfaction):
        def run(session):
            found = find_open(session, survey_id)
            answer(found, solved=solved, satisfaction=satisfaction)
            service.answer_survey(session, found, actor)
            return satisfaction

        return run

    results = at_once(give(True, 5), give(True, 4), give(False, 1))
    won = [result for result in results if isinstance(result, int)]
    assert len(won) == 1
    assert all(isinstance(result, Gone) for result in results if result not in won)
    assert committed.scalars(sa.select(Survey.satisfaction)).all() == won
    assert committed.scalar(sa.select(Case.round)) == (2 if won == [1] else 1)


def test_an_answer_and_a_reopening_do_not_wait_for_each_other(committed, committed_scene):
    """Both lock the case before its survey. In different orders PostgreSQL would have to end one of them."""
    scene = committed_scene
    case, survey = close(scene, shanghai(1, "12:00"))
    survey_id, number = survey.id, case.number
    supervisor, resident = scene.actor(Role.SUPERVISOR), scene.actor(Role.RESIDENT)
    committed.commit()
    committed.expunge_all()
    refused = []

    def reopen():
        try:
            with db.transaction() as session:
                service.perform(session, number, Action.REOPEN, supervisor, Given(note="没有修好"))
        except Conflict as error:
            refused.append(error.message)

    with db.transaction() as session:
        found = find_open(session, survey_id)
        other = threading.Thread(target=reopen)
        other.start()
        other.join(0.5)  # it waits by now, holding what it could lock
        answer(found, solved=False, satisfaction=1)
        service.answer_survey(session, found, resident)
    other.join()
    assert refused == ["这件事现在是“待分拨”，不能“没有解决”"]
    assert committed.scalar(sa.select(Case.round)) == 2
    assert committed.scalar(sa.select(Survey.state)) is SurveyState.ANSWERED
