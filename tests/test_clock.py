import json
import time

import pytest
import sqlalchemy as sa

from backend import clock
from backend.cases.survey_models import Survey, SurveyState
from backend.cases.workflow import Status
from backend.notify.messages import Message
from backend.notify.models import Notification
from backend.times import now
from tests.factories import make_case, make_resident
from tests.programs import CLOCK, WORKER, kill, running, wait_until

START = 120  # seconds that a process may take to import everything on a busy machine
TAKES_OVER = 10  # seconds; one or two when the machine has nothing else to do
CLOCKS = sa.text("""
    SELECT count(*) FROM pg_stat_activity
    WHERE application_name LIKE 'clock %' AND datname = current_database()""")
LEADER = sa.text("""
    SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a USING (pid)
    WHERE l.locktype = 'advisory' AND l.granted AND l.objid = :lock AND a.datname = current_database()""")
CUT_OFF = sa.text("""
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name = :name AND datname = current_database()""")


@pytest.fixture
def leader(engine):
    """Asks the database which process leads; None when nobody does, an error when two do."""

    def ask():
        with engine.connect() as connection:
            names = connection.execute(LEADER, {"lock": clock.LOCK}).scalars().all()
        assert len(names) <= 1
        return int(names[0].removeprefix("clock ")) if names else None

    return ask


@pytest.fixture
def settings(database_url, broker):
    """For a program that is to work on this run's database and queue."""
    return {"DATABASE_URL": database_url}


def make_due_survey(session):
    case = make_case(session, resident_id=make_resident(session).id, status=Status.CLOSED)
    survey = Survey(case_id=case.id, round=1, resident_id=case.resident_id, next_at=now())
    session.add(survey)
    session.commit()
    return survey


def events(log):
    """The records of a program that say something, as text."""
    lines = log.read_text().splitlines() if log.exists() else []
    return [json.loads(line)["event"] for line in lines if line.startswith("{")]


def clocks_connected(engine):
    with engine.connect() as connection:
        return connection.execute(CLOCKS).scalar()


def is_asked(session, survey):
    session.rollback()
    asked = sa.select(Notification.id).where(Notification.key.like(f"survey:{survey.id}:%"))
    return len(session.scalars(asked).all())


def test_of_two_clocks_one_leads_and_the_other_takes_over_and_each_survey_is_asked_once(
    committed, settings, leader, engine, tmp_path
):
    first_survey = make_due_survey(committed)
    log = tmp_path / "programs.log"
    with (
        running(WORKER, log, **settings),
        running(CLOCK, log, **settings) as one,
        running(CLOCK, log, **settings) as other,
    ):
        led = wait_until(leader, START)
        assert led in {one.pid, other.pid}
        wait_until(lambda: is_asked(committed, first_survey), START)
        wait_until(lambda: clocks_connected(engine) == 2, START)
        second_survey = make_due_survey(committed)
        killed, heir = (one, other) if led == one.pid else (other, one)
        kill(killed)
        wait_until(lambda: leader() == heir.pid, TAKES_OVER)
        wait_until(lambda: is_asked(committed, second_survey))
        time.sleep(2)
        assert heir.poll() is None
    assert is_asked(committed, first_survey) == is_asked(committed, second_survey) == 1
    assert set(committed.scalars(sa.select(Survey.state))) == {SurveyState.SENT}
    assert set(committed.scalars(sa.select(Notification.message))) == {Message.SURVEY_INVITED}


def test_a_clock_that_loses_the_database_leads_again_and_frees_the_lead_when_it_ends(
    settings, leader, engine, tmp_path
):
    log = tmp_path / "clock.log"
    with running(CLOCK, log, **settings) as process:
        wait_until(lambda: leader() == process.pid, START)
        with engine.connect() as connection:
            connection.execute(CUT_OFF, {"name": f"clock {process.pid}"})
        wait_until(lambda: "this clock leads no more" in events(log), 5)
        wait_until(lambda: events(log).count("this clock leads") == 2, 5)
        assert leader() == process.pid
        process.terminate()
        assert process.wait(10) == 0
        assert leader() is None


def test_a_clock_without_the_queue_stays_and_says_what_it_could_not_send(settings, leader, tmp_path):
    log = tmp_path / "clock.log"
    with running(CLOCK, log, **settings, REDIS_URL="redis://127.0.0.1:1/0") as process:
        wait_until(lambda: any("send_surveys was not sent" in event for event in events(log)), START)
        assert process.poll() is None
        assert leader() == process.pid


def test_a_clock_without_a_database_waits_for_one(settings, tmp_path):
    log = tmp_path / "clock.log"
    with running(CLOCK, log, DATABASE_URL="postgresql://127.0.0.1:1/nowhere") as process:
        wait_until(lambda: len(events(log)) > 1, START)
        assert process.poll() is None
        assert all("without the database" in event for event in events(log))
