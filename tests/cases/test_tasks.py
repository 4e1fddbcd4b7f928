import threading
from collections import Counter
from contextlib import suppress
from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend import db
from backend.cases import deadlines, surveys, tasks
from backend.cases.deadline_models import Clock, Deadline
from backend.cases.models import Case, CaseEvent, Channel, Survey, SurveyState
from backend.cases.service import SYSTEM, perform
from backend.cases.workflow import Action, Status
from backend.config import config
from backend.errors import Conflict
from backend.notify.messages import Message
from backend.notify.models import Notification
from backend.places.models import Post
from backend.places.roles import Role
from backend.times import now
from tests.factories import make_case, make_community, make_officer, make_resident, make_unit

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


def test_an_overdue_clock_is_told_once_to_its_holders_and_to_the_supervisors(session):
    community, at = make_community(session), now()
    desk = make_officer(session, Role.INFORMATION_OFFICER, area=community)
    supervisor = make_officer(session, Role.SUPERVISOR, area=community)
    make_officer(session, Role.INFORMATION_OFFICER, area=make_community(session, name="别的社区"))
    case = make_case(session, community)
    make_deadline(session, case, Clock.ACCEPT, at)
    assert tasks.tell_overdue(session, at, 10) == 1
    assert tasks.tell_overdue(session, at + HOUR, 10) == 0
    assert {message.officer_id for message in owed(session)} == {desk.id, supervisor.id}
    assert {message.message for message in owed(session)} == {Message.CASE_OVERDUE}
    assert {message.fields["note"] for message in owed(session)} == {"受理"}


@pytest.mark.parametrize("clock", [Clock.ACKNOWLEDGE, Clock.RESOLVE])
def test_once_assigned_it_is_the_unit_that_holds_the_clock(session, clock):
    community, at = make_community(session), now()
    unit = make_unit(session, community)
    handler = make_officer(session, Role.HANDLER, unit=unit)
    make_officer(session, Role.INFORMATION_OFFICER, area=community)
    case = make_case(session, community, unit_id=unit.id, status=Status.ASSIGNED)
    make_deadline(session, case, clock, at)
    tasks.tell_overdue(session, at, 10)
    assert [message.officer_id for message in owed(session)] == [handler.id]


def test_who_holds_the_clock_and_supervises_too_is_told_once(session):
    community, at = make_community(session), now()
    officer = make_officer(session, Role.INFORMATION_OFFICER, area=community)
    session.add(Post(officer_id=officer.id, role=Role.SUPERVISOR, area_id=community.id))
    make_deadline(session, make_case(session, community), Clock.ACCEPT, at)
    tasks.tell_overdue(session, at, 10)
    assert [message.officer_id for message in owed(session)] == [officer.id]


def test_a_clock_that_runs_out_again_in_the_same_round_is_told_again(session):
    community, at = make_community(session), now()
    make_officer(session, Role.SUPERVISOR, area=community)
    case = make_case(session, community, status=Status.ACCEPTED)
    make_deadline(session, case, Clock.ASSIGN, at, started_at=at - 2 * HOUR)
    tasks.tell_overdue(session, at, 10)
    make_deadline(session, case, Clock.ASSIGN, at + DAY, started_at=at + HOUR)
    tasks.tell_overdue(session, at + DAY, 10)
    assert len(owed(session)) == 2


def test_a_stopped_clock_does_not_fire(session):
    community, at = make_community(session), now()
    make_officer(session, Role.SUPERVISOR, area=community)
    make_deadline(session, make_case(session, community), Clock.ACCEPT, at, stopped_at=at - HOUR)
    make_deadline(session, make_case(session, community), Clock.ACCEPT, at + HOUR)
    assert tasks.tell_overdue(session, at, 10) == 0


def test_every_clock_has_a_holder():
    assert set(tasks.HOLDERS) == set(Clock) == set(deadlines.POLICY)


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


def test_more_than_one_batch_is_done_in_one_call(committed):
    community, resident = make_community(committed), make_resident(committed)
    total = tasks.BATCH + 3
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
    make_deadline(committed, make_case(committed, community), Clock.ACCEPT, at - HOUR)
    tasks.fire_deadlines()
    tasks.fire_deadlines()
    assert [message.message for message in owed(committed)] == [Message.CASE_OVERDUE]
