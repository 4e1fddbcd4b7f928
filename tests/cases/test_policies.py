"""How long clocks run: which policy wins, in what time it counts, and what the process remembers of it."""

from datetime import date, timedelta
from threading import Thread
from time import sleep

import pytest
import sqlalchemy as sa

from backend import db
from backend.cases import deadlines, intake, policies, worktime
from backend.cases.clocks import POLICY
from backend.cases.deadline_models import CalendarDay, Clock, Deadline, Policy
from backend.cases.intake import Report
from backend.cases.models import Channel
from backend.cases.policies import Facts
from backend.cases.workflow import Action, Status
from backend.places.models import Area
from backend.places.roles import Level, Role
from tests.cases.clock_scene import DAY, HOUR, MINUTE, fresh, running
from tests.cases.scene import AT, make_scene
from tests.factories import make_area, make_category, make_unit

__all__ = ["fresh"]
pytestmark = pytest.mark.usefixtures("fresh")


def make_policy(session, clock, minutes, **fields):
    for name in ("area", "category"):
        if name in fields:
            fields[f"{name}_id"] = fields.pop(name).id
    row = Policy(clock=clock, minutes=minutes, source="试点方案", **fields)
    session.add(row)
    session.commit()
    policies.forget()
    return row


def minutes_for(session, place, clock=Clock.RESOLVE, **fields):
    """What a clock of a case at this place would run."""
    world = policies.read(session)
    columns = [getattr(place, name) for name in ("grid_id", "zone_id", "community_id", "subdistrict_id")]
    chain = [place.id, *columns, place.district_id]
    facts = Facts(chain=tuple(dict.fromkeys(each for each in chain if each)), place_id=place.id, **fields)
    return policies.terms(world, clock, facts)[0]


def test_the_policy_that_names_more_wins_in_a_fixed_order(session, scene):
    """The entry before the area, the area before the level, that before the urgency; nearer before far."""
    place, top = scene.community, make_category(session)
    below = make_category(session, "路灯", parent=top)
    district = session.get_one(Area, place.district_id)
    steps = (
        (900, {}),
        (800, {"urgent": False}),
        (700, {"level": Level.COMMUNITY}),
        (600, {"area": district}),
        (500, {"area": place}),
        (400, {"category": top}),
        (300, {"category": top, "urgent": False}),
        (250, {"category": top, "level": Level.COMMUNITY}),
        (200, {"category": top, "area": district}),
        (100, {"category": below}),
    )
    assert minutes_for(session, place, category_id=below.id) == 48 * 60
    for minutes, named in steps:
        make_policy(session, Clock.RESOLVE, minutes, **named)
        assert minutes_for(session, place, category_id=below.id) == minutes, named


def test_a_policy_about_something_else_has_no_say(session, scene):
    other = make_area(session)
    make_policy(session, Clock.RESOLVE, 60, area=other)
    make_policy(session, Clock.RESOLVE, 61, category=make_category(session))
    make_policy(session, Clock.RESOLVE, 62, level=Level.STATION)
    make_policy(session, Clock.RESOLVE, 63, urgent=True)
    make_policy(session, Clock.ANSWER, 64)
    ended = make_policy(session, Clock.RESOLVE, 65)
    ended.ended_at = AT
    session.commit()
    assert minutes_for(session, scene.community) == 48 * 60


def test_what_holds_for_all_gives_an_urgent_case_no_longer_than_it_had(session, scene):
    make_policy(session, Clock.RESOLVE, 72 * 60)
    assert minutes_for(session, scene.community, urgent=True) == 4 * 60
    make_policy(session, Clock.RESOLVE, 5 * 60, urgent=True)
    assert minutes_for(session, scene.community, urgent=True) == 5 * 60


def test_an_entrys_own_limit_yields_to_a_policy_for_that_entry_alone(session, scene):
    category = make_category(session, resolve_hours=24)
    limit = {"category_id": category.id, "limit": (24, False)}
    make_policy(session, Clock.RESOLVE, 600, area=scene.community)
    assert minutes_for(session, scene.community, **limit) == 24 * 60
    make_policy(session, Clock.RESOLVE, 300, category=category)
    assert minutes_for(session, scene.community, **limit) == 300


def test_an_old_case_goes_by_who_follows_its_entry_under_the_same_code(session, scene):
    old = make_category(session, code="0101", until_id=make_category(session).since_id)
    now = make_category(session, "路灯照明", code="0101")
    make_policy(session, Clock.RESOLVE, 300, category=now)
    assert minutes_for(session, scene.community, category_id=old.id) == 300


def test_a_clock_takes_its_length_and_amber_from_the_policy(session, scene):
    make_policy(session, Clock.ACKNOWLEDGE, 100, area=scene.community, amber=20)
    case = scene.case(Status.ACCEPTED)
    scene.do(case, Action.ASSIGN, Role.DISPATCHER, unit_id=make_unit(session, scene.community).id)
    row = session.scalars(sa.select(Deadline).where(Deadline.clock == Clock.ACKNOWLEDGE)).one()
    assert (row.minutes, row.amber_at, row.due_at) == (100, AT + 80 * MINUTE, AT + 100 * MINUTE)


def test_working_time_goes_by_the_hours_of_the_nearest_area_and_by_days_said_here(session, scene):
    make_policy(session, Clock.RESOLVE, 10 * 60, in_working_time=True)
    session.get_one(Area, scene.community.district_id).hours = "09:00-12:00 13:00-17:00"
    scene.community.hours = "08:00-12:00 14:00-18:00"
    session.add(CalendarDay(day=date(2026, 11, 24), is_working=False, name="停电检修"))
    session.commit()
    policies.forget()
    case = scene.case(Status.ACCEPTED)
    scene.do(case, Action.ASSIGN, Role.DISPATCHER, unit_id=make_unit(session, scene.community).id)
    # Monday 10:00: six hours until 18:00, nobody works on Tuesday, four more on Wednesday from 08:00.
    assert running(session, case)[Clock.RESOLVE] == AT + 2 * DAY + 2 * HOUR


def test_past_the_last_known_year_it_goes_by_the_weekday_and_says_so(session, scene):
    make_policy(session, Clock.RESOLVE, 60 * 7 * 60, in_working_time=True)  # sixty working days
    found = policies.times_of(policies.read(session), Clock.RESOLVE, Facts(), AT)
    assert (found.due_at.year, found.is_estimated) == (2027, True)
    session.add_all(
        CalendarDay(day=date(2027, 1, 1) + n * DAY, is_working=False, name="元旦") for n in range(7)
    )
    session.flush()
    later = policies.times_of(policies.read(session), Clock.RESOLVE, Facts(), AT)
    assert (later.is_estimated, later.due_at > found.due_at) == (False, True)


def test_opening_a_case_goes_by_policies_without_asking_for_them_each_time(session, scene):
    make_policy(session, Clock.ACCEPT, 20, area=scene.community)
    make_policy(session, Clock.ACCEPT, 90, in_working_time=True)
    case = scene.submit(AT)
    assert running(session, case) == {Clock.ACCEPT: AT + 20 * MINUTE}
    assert scene.told(case) == [] or "10:20" in scene.told(case)[0].fields["until"]
    sent = []
    connection = session.connection()
    listen = lambda *args: sent.append(args[2])  # noqa: E731
    sa.event.listen(connection, "before_cursor_execute", listen)
    found = deadlines.accept_times(False, AT, scene.community.id)
    elsewhere = deadlines.accept_times(False, AT - 2 * HOUR, None)
    sa.event.remove(connection, "before_cursor_execute", listen)
    assert sent == []
    assert (found.minutes, found.due_at) == (20, AT + 20 * MINUTE)
    assert (elsewhere.in_working_time, elsewhere.due_at) == (True, AT + 30 * MINUTE)  # from 09:00 on


def test_what_is_known_is_asked_for_again_after_half_a_minute(session, scene, monkeypatch):
    assert deadlines.accept_times(False, AT).minutes == 30
    session.add(Policy(clock=Clock.ACCEPT, minutes=20, source="试点方案"))
    session.commit()
    assert deadlines.accept_times(False, AT).minutes == 30
    later = policies.monotonic() + policies.KEPT_S + 1
    monkeypatch.setattr(policies, "monotonic", lambda: later)
    assert deadlines.accept_times(False, AT).minutes == 20


def test_without_policies_a_clock_runs_as_the_table_says():
    for clock, terms in POLICY.items():
        for urgent, length in ((False, terms.normal), (True, terms.urgent)):
            found = policies.terms(policies.World(), clock, Facts(urgent))
            assert timedelta(minutes=found[0]) == length
            assert found[1] is (terms.in_working_time and not urgent)


def test_hours_that_cannot_be_read_hold_nobody_up(session, scene):
    scene.community.hours = "早九晚五"
    session.commit()
    assert policies.read(session).hours == {}


@pytest.fixture
def one_connection(database_url):
    """A pool of one: whoever holds it and asks for another waits in vain."""
    there = db.Session.kw["bind"]
    engine = sa.create_engine(database_url, pool_size=1, max_overflow=0, pool_timeout=1)
    db.Session.configure(bind=engine)
    yield
    db.Session.configure(bind=there)
    engine.dispose()


def test_who_is_in_a_transaction_asks_for_policies_in_that(committed, one_connection):
    place = make_scene(committed).community
    committed.commit()
    report = Report("路灯不亮了", place.id, place.name, channel=Channel.WEB)
    with db.transaction() as session:
        assert policies.in_force(session).hours_of((place.id,)) == worktime.HOURS
        policies.forget()
        assert intake.open_case(session, report, AT, quietly=True).due_at == AT + 30 * MINUTE


def test_who_is_in_a_transaction_does_not_wait_for_who_waits_for_a_connection(committed, one_connection):
    """Nothing is known yet: one asks outside of any transaction, and gets the connection only afterwards."""
    with db.transaction() as session:
        session.execute(sa.text("SELECT 1"))
        outside = Thread(target=policies.kept)
        outside.start()
        while not policies._lock.locked():
            sleep(0.01)
        assert policies.in_force(session).rules == {}
    outside.join(5)
    assert not outside.is_alive()
