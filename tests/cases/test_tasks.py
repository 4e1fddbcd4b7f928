import threading
from collections import Counter
from contextlib import suppress
from datetime import timedelta

import sqlalchemy as sa

from backend import db
from backend.cases import surveys, tasks
from backend.cases.deadline_models import Clock, Deadline
from backend.cases.models import Case, CaseEvent, Channel
from backend.cases.service import SYSTEM, perform
from backend.cases.survey_models import Survey, SurveyState
from backend.cases.workflow import Action, Status
from backend.config import config
from backend.errors import Conflict
from backend.notify.messages import Message
from backend.notify.models import Notification
from backend.places.roles import Role
from backend.times import now
from tests.factories import make_case, make_community, make_officer, make_resident

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def make_survey(session, case=None, **fields):
    case = case or make_case(session, resident_id=make_resident(session).id, status=Status.CLOSED)
    survey = Survey(case_id=case.id, round=case.round, resident_id=case.resident_id, **fields)
    session.add(survey)
    session.commit()
    return survey


def make_deadline(session, case, clock, due_at, **fields):
    row = Deadline(case_id=case.id, round=case.round, clock=clock, due_at=due_at, **fields)
    session.add(row)
    session.commit()
    return row


def owed(session):
    return session.scalars(sa.select(Notification).order_by(Notification.id)).all()


def test_a_due_survey_is_asked_once_and_names_itself(session):
    at = now()
    survey = make_survey(session, next_at=at)
    assert tasks.ask_due(session, at, 10) == 1
    assert tasks.ask_due(session, at, 10) == 0
    [message] = owed(session)
    assert message.message is Message.SURVEY_INVITED
    assert message.key == f"survey:{survey.id}:survey_invited:resident:{survey.resident_id}"
    assert message.fields["survey"] == str(survey.id)
    assert message.fields["summary"] == "玉兰苑门口的路灯不亮了，晚上走路看不清"
    assert "token" not in message.fields
    assert survey.state is SurveyState.SENT


def test_a_survey_is_asked_reminded_and_then_over(session):
    at = now()
    survey = make_survey(session, next_at=at)
    for _ in range(3):
        tasks.ask_due(session, survey.next_at, 10)
    assert [message.message for message in owed(session)] == [Message.SURVEY_INVITED, Message.SURVEY_REMINDED]
    assert (survey.state, survey.next_at) == (SurveyState.EXPIRED, None)


def test_a_survey_that_is_not_due_or_was_answered_is_left_alone(session):
    at = now()
    make_survey(session, next_at=at + HOUR)
    answered = make_survey(session, next_at=at)
    surveys.answer(answered, solved=True, satisfaction=5)
    session.commit()
    assert tasks.ask_due(session, at, 10) == 0
    assert owed(session) == []


def test_a_silent_resident_s_case_is_closed_and_a_survey_planned(session):
    at = now()
    waited = timedelta(days=config.close_after_days)
    silent = make_case(
        session, resident_id=make_resident(session).id, status=Status.RESOLVED, resolved_at=at - waited
    )
    recent = make_case(session, status=Status.RESOLVED, resolved_at=at - waited + HOUR)
    working = make_case(session, status=Status.IN_PROGRESS, resolved_at=at - 2 * waited)
    assert tasks.close_unanswered(session, at, 10) == 1
    assert tasks.close_unanswered(session, at, 10) == 0
    assert [case.status for case in (silent, recent, working)] == [
        Status.CLOSED,
        Status.RESOLVED,
        Status.IN_PROGRESS,
    ]
    [event] = session.scalars(sa.select(CaseEvent).where(CaseEvent.case_id == silent.id))
    assert (event.action, event.role) == (Action.CLOSE, Role.SYSTEM)
    assert [message.message for message in owed(session)] == [Message.CASE_CLOSED]
    assert session.scalar(sa.select(Survey.state).where(Survey.case_id == silent.id)) is SurveyState.DUE


def test_what_waited_for_the_morning_is_asked_turn_by_turn(committed):
    community, resident = make_community(committed), make_resident(committed)
    total = tasks.SURVEYS + 3
    for n in range(total):
        case = Case(
            number=f"26112100{n:04d}",
            channel=Channel.WECHAT,
            report="路灯不亮",
            place_id=community.id,
            resident_id=resident.id,
            status=Status.CLOSED,
        )
        committed.add(case)
        committed.flush()
        committed.add(Survey(case_id=case.id, round=1, resident_id=resident.id, next_at=now()))
    committed.commit()
    tasks.send_surveys()
    assert len(owed(committed)) == tasks.SURVEYS
    committed.rollback()
    tasks.send_surveys()
    assert len(owed(committed)) == total


def test_two_workers_at_one_survey_ask_once(committed):
    for _ in range(6):
        make_survey(committed, next_at=now())
    threads = [threading.Thread(target=tasks.send_surveys) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(message.message for message in owed(committed)) == {Message.SURVEY_INVITED: 6}


def test_each_silent_case_is_closed_once_whoever_else_closes(committed):
    at = now() - timedelta(days=config.close_after_days + 1)
    numbers = [make_case(committed, status=Status.RESOLVED, resolved_at=at).number for _ in range(5)]

    def by_hand():
        with suppress(Conflict), db.transaction() as session:
            perform(session, numbers[0], Action.CLOSE, SYSTEM)

    threads = [threading.Thread(target=call) for call in (by_hand, tasks.close_silent, tasks.close_silent)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    events = committed.scalars(sa.select(CaseEvent.action)).all()
    assert events == [Action.CLOSE] * 5


def test_the_actors_leave_nothing_due(committed):
    community, at = make_community(committed), now()
    make_officer(committed, Role.SUPERVISOR, area=community)
    late = at - HOUR / 6
    make_deadline(committed, make_case(committed, community), Clock.ACCEPT, late, started_at=late - HOUR)
    tasks.fire_deadlines()
    tasks.fire_deadlines()
    assert [message.message for message in owed(committed)] == [Message.CASE_OVERDUE]
