"""Quiet hours: at night nobody is woken for what can wait until the morning."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend.config import config
from backend.notify import fading, outbox, quiet, service
from backend.notify.messages import Message
from backend.notify.models import Delivery, Held, Notification
from backend.notify.tasks import deliver
from backend.places.models import Post, Shift
from backend.places.roles import Role
from backend.times import local, moment, now, parse_hours
from tests.factories import make_community, make_officer, make_resident

NIGHT, MORNING, DAY = moment("2026-11-21 23:10"), moment("2026-11-22 07:30"), moment("2026-11-22 10:00")
FIELDS = {"number": "261121483920", "place": "玉兰社区", "urgent": ""}


@pytest.fixture(autouse=True)
def _hours():
    set_hours("07:30-22:00")
    yield
    set_hours("00:00-24:00")


def set_hours(text):
    object.__setattr__(config, "message_hours", parse_hours(text))


def owe(session, message, at, *, officer=None, resident=None, key="k", **fields):
    """One message owed to somebody at this moment."""
    people = {"officers": [officer.id]} if officer else {"residents": [resident.id]}
    [owed] = service.owe(session, message, key, FIELDS | fields, due_at=at, **people)
    session.flush()
    return session.get_one(Notification, owed)


def goes_out(session, row, at):
    """Whether a worker that is told of it takes it at this moment."""
    quiet.hold(session, [row.id], at)
    return [owed.id for owed in outbox.claim(session, [row.id], at=at)] == [row.id]


def test_what_can_wait_is_sent_in_the_morning_and_says_why_it_waits(session):
    row = owe(session, Message.CASE_ACCEPTED, NIGHT, resident=make_resident(session))
    assert not goes_out(session, row, NIGHT)
    session.refresh(row)
    assert (row.status, row.due_at, row.error) == (Delivery.WAITING, MORNING, "夜里不打扰，早上再发")
    assert outbox.due(session, at=MORNING - timedelta(minutes=1)) == []
    assert outbox.due(session, at=MORNING) == [row.id]
    assert goes_out(session, row, MORNING)


def test_by_day_nothing_waits(session):
    row = owe(session, Message.CASE_ACCEPTED, DAY, resident=make_resident(session))
    assert goes_out(session, row, DAY)


@pytest.mark.parametrize(
    ("message", "fields"),
    [(Message.ORDER_ISSUED, {}), (Message.CASE_ASSIGNED, {}), (Message.CASE_SOON_DUE, {"urgent": "1"})],
)
def test_what_is_urgent_by_itself_or_of_an_urgent_case_goes_at_night(session, message, fields):
    officer = make_officer(session, Role.INFORMATION_OFFICER, area=make_community(session))
    assert goes_out(session, owe(session, message, NIGHT, officer=officer, **fields), NIGHT)


def test_who_is_on_duty_hears_at_night_and_their_colleague_in_the_morning(session):
    community = make_community(session)
    on_duty, asleep = (make_officer(session, Role.DISPATCHER, area=community) for _ in range(2))
    post = session.scalars(sa.select(Post).filter_by(officer_id=on_duty.id)).one()
    session.add(Shift(post_id=post.id, since=NIGHT - timedelta(hours=1), until=NIGHT + timedelta(hours=7)))
    session.flush()
    told, waits = (
        owe(session, Message.TIME_WANTED, NIGHT, officer=officer, key=str(officer.id))
        for officer in (on_duty, asleep)
    )
    assert goes_out(session, told, NIGHT)
    assert not goes_out(session, waits, NIGHT)


def test_while_somebody_is_away_whoever_stands_in_hears_in_their_place(session):
    community = make_community(session)
    away, stand_in = (make_officer(session, Role.DISPATCHER, area=community) for _ in range(2))
    post = session.scalars(sa.select(Post).filter_by(officer_id=away.id)).one()
    post.away_since, post.away_until = NIGHT - timedelta(days=1), NIGHT + timedelta(days=1)
    their = session.scalars(sa.select(Post).filter_by(officer_id=stand_in.id)).one()
    their.for_id, their.since = post.id, NIGHT - timedelta(days=1)
    session.add(Shift(post_id=post.id, since=NIGHT - timedelta(hours=1), until=NIGHT + timedelta(hours=7)))
    session.flush()
    told, waits = (
        owe(session, Message.TIME_WANTED, NIGHT, officer=officer, key=str(officer.id))
        for officer in (stand_in, away)
    )
    assert goes_out(session, told, NIGHT)
    assert not goes_out(session, waits, NIGHT)


def test_in_the_morning_nobody_hears_what_is_no_news_any_more(session):
    resident, neighbour = make_resident(session), make_resident(session)
    accepted, other = (
        owe(session, Message.CASE_ACCEPTED, NIGHT, resident=person, key=str(person.id))
        for person in (resident, neighbour)
    )
    rejected = owe(session, Message.CASE_REJECTED, NIGHT, resident=neighbour, key="r", number="261121000001")
    for row in (accepted, other, rejected):
        assert not goes_out(session, row, NIGHT)
    owe(session, Message.CASE_RESOLVED, NIGHT, resident=resident, key="done")
    assert fading.drop(session, at=NIGHT) == 0
    assert fading.drop(session, at=MORNING) == 1
    for row in (accepted, other, rejected):
        session.refresh(row)
    assert (accepted.status, accepted.error) == (Delivery.FAILED, fading.FADED)
    assert {other.status, rejected.status} == {Delivery.WAITING}


def test_what_must_be_read_is_told_though_something_came_after_it(session):
    leader = make_officer(session, Role.LEADER, area=make_community(session))
    charge = owe(session, Message.CASE_IN_CHARGE, NIGHT, officer=leader)
    assert not goes_out(session, charge, NIGHT)
    owe(session, Message.CASE_ESCALATED, NIGHT, officer=leader, key="later")
    assert fading.drop(session, at=MORNING) == 0


def test_the_worker_itself_keeps_the_hours(session):
    set_hours("13:00-14:00" if local(now()).hour < 12 else "01:00-02:00")
    row = owe(session, Message.CASE_ACCEPTED, now(), resident=make_resident(session))
    session.commit()
    deliver([row.id])
    session.refresh(row)
    assert (row.status, row.attempts, row.error) == (Delivery.WAITING, 0, quiet.HELD)


def test_a_worker_whose_clock_is_late_holds_what_the_database_calls_due(session, monkeypatch):
    set_hours("13:00-14:00" if local(now()).hour < 12 else "01:00-02:00")
    row = owe(session, Message.CASE_ACCEPTED, now(), resident=make_resident(session))
    session.commit()
    monkeypatch.setattr(quiet, "now", lambda: now() - timedelta(seconds=3))
    deliver([row.id])
    session.refresh(row)
    assert (row.status, row.held) == (Delivery.WAITING, Held.NIGHT)
