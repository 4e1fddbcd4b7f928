"""Kept standings: at any moment they say what the formulas count, whatever was written and however late."""

import itertools
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from backend import db
from backend.cases import exclusions, figures, standings
from backend.cases.deadline_models import Clock, Deadline, Decision
from backend.cases.formulas import SURVEYED
from backend.cases.standing_models import Standing, StandingMark, StandingSum
from backend.cases.supervision_models import Exclusion, Measure
from backend.cases.survey_models import Survey
from backend.cases.workflow import Action, Status
from backend.places.models import Area, Post
from backend.places.roles import Level, Role
from backend.times import SHANGHAI, now
from tests.cases.scene import AT, at_once
from tests.cases.test_figures import Court, Town
from tests.factories import make_area, make_case, make_category, make_unit

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SPAN = 25 * DAY  # between two of the old cases
LATER = AT + 200 * DAY
M = Measure
BY_SURVEYS = ("subdistrict", "month", "category", "way")


def count(session, table):
    return session.scalar(sa.select(sa.func.count()).select_from(table))


class Year:
    """Ten closed cases over nine months, each with its clocks and an answered survey, looked at once."""

    def __init__(self, session):
        self.session, self.town = session, Town(session)
        self.community = self.town.community
        self.subdistrict = session.get(Area, self.community.subdistrict_id)
        self.district = session.get(Area, self.community.district_id)
        self.other = make_area(session, Level.COMMUNITY, self.subdistrict, name="海棠社区")
        self.units = [self.town.unit, make_unit(session, self.other, name="房管所")]
        self.cases = [self.add(number) for number in range(10)]
        self.old = self.cases[4]
        look(session)

    def add(self, number):
        at = AT - number * SPAN
        times = {"accepted_at": at, "resolved_at": at + HOUR, "closed_at": at + 2 * HOUR}
        unit_id = self.units[number % 2].id
        case = self.town.case(round=1 + number % 3 // 2, unit_id=unit_id, discovered_at=at, **times)
        self.town.clock(case, Clock.ACCEPT, at + number % 2 * HOUR, at)
        self.town.clock(case, Clock.RESOLVE, at + number % 4 * HOUR, at + 2 * HOUR)
        self.town.survey(case, 1 + number % 5, at + DAY)
        return case

    def row(self, table):
        own = sa.select(table).where(table.case_id == self.old.id).order_by(table.id.desc())
        return self.session.scalars(own).first()

    def said(self):
        """What may be asked, of periods that begin within a month and on its first day, and of none."""
        first = datetime(2026, 3, 1, tzinfo=SHANGHAI)
        periods = [
            (AT - 400 * DAY, AT + 40 * DAY),
            (AT - 120 * DAY, AT - 40 * DAY),
            (first, first + timedelta(days=92)),
            (self.old.accepted_at - HOUR, self.old.accepted_at + 3 * HOUR),
            (AT + DAY, AT - DAY),
        ]
        ways = itertools.cycle(("unit", "community"))
        asked = [(self.district, period, by) for period, by in zip(periods, ways, strict=False)]
        asked += [(reach, periods[0], None) for reach in (self.subdistrict, self.community, self.posts())]
        said = [figures.rates(self.session, reach, *period, by, LATER) for reach, period, by in asked]
        surveyed = (self.district, *periods[0])
        return said + [figures.rates(self.session, *surveyed, by, LATER, SURVEYED) for by in BY_SURVEYS]

    def posts(self):
        head = Post(role=Role.UNIT_HEAD, unit_id=self.units[1].id)
        return [head, Post(role=Role.SUPERVISOR, area=self.other, area_id=self.other.id)]

    def is_true(self, monkeypatch):
        """Whether what is kept is what the formulas count, now and when it has been looked at again."""
        with monkeypatch.context() as live:
            live.setattr(figures, "MANY", 0)
            counted = self.said()
        assert self.said() == counted
        look(self.session)
        assert self.said() == counted
        return counted


def look(session):
    """Until nothing waits: a first look notes the newest case, which has settled by the second."""
    at = now()
    while standings.look_again(session, at=at) or standings.waiting(session, 1):
        at += standings.SETTLED


@pytest.fixture
def year(session):
    return Year(session)


def reopen(year):
    year.old.status, year.old.round, year.old.closed_at = Status.IN_PROGRESS, 2, None
    year.town.clock(year.old, Clock.RESOLVE, LATER, None)


def move(year):
    year.old.community_id = year.old.place_id = year.other.id


def merge(year):
    year.old.master_id = year.cases[0].id


def split(year):
    year.old.parent_id = year.cases[0].id


def withdraw(year):
    year.old.status = Status.WITHDRAWN


def give_to_another(year):
    year.old.unit_id = year.units[1].id


def take_from_all(year):
    year.old.unit_id = None


def accept_in_another_month(year):
    year.old.accepted_at += 40 * DAY


def allow_an_exclusion(year):
    for measure in Measure:
        year.town.exclude(year.old, measure)


def extend(year):
    year.row(Deadline).due_at += 40 * DAY


def pause(year):
    clock = year.row(Deadline)
    clock.paused_at, clock.stopped_at = AT - 300 * DAY, None


def move_a_clock(year):
    year.row(Deadline).case_id = year.add(11).id


def answer_again(year):
    year.town.survey(year.old, 5, AT, round=2)


def take_an_answer_away(year):
    year.session.delete(year.row(Survey))
    year.session.flush()


def write_without_the_orm(year):
    year.session.execute(sa.text("UPDATE cases SET closed_at = closed_at - interval '35 days'"))


CHANGES = [
    reopen,
    move,
    merge,
    split,
    withdraw,
    give_to_another,
    take_from_all,
    accept_in_another_month,
    allow_an_exclusion,
    extend,
    pause,
    move_a_clock,
    answer_again,
    take_an_answer_away,
    write_without_the_orm,
]


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_kept_is_what_the_formulas_count_however_late_it_changes(year, monkeypatch, change):
    before = year.is_true(monkeypatch)
    change(year)
    year.session.flush()
    assert year.is_true(monkeypatch) != before


def test_an_exclusion_taken_back_leaves_no_trace(year, monkeypatch):
    before = year.is_true(monkeypatch)
    allow_an_exclusion(year)
    look(year.session)
    year.session.execute(sa.update(Exclusion).values(state=Decision.REFUSED))
    assert year.is_true(monkeypatch) == before


def test_another_category_changes_the_figures_by_category_alone(year, monkeypatch):
    before = year.is_true(monkeypatch)
    year.old.category_id = make_category(year.session).id
    year.session.flush()
    assert count(year.session, StandingMark) == 1
    after = year.is_true(monkeypatch)
    assert [was != now for was, now in zip(before, after, strict=True)][-4:] == [False, False, True, False]
    assert before[:-4] == after[:-4]


def test_what_the_verbs_do_to_an_old_case_is_counted_at_once(session, monkeypatch):
    """By way of the services: resolved, looked at, reopened months later, then left out of a rate."""
    court = Court(session)
    scene, at = court.town.scene, AT + 60 * DAY
    case = scene.resolve(scene.submit())
    look(session)

    def rate(measure):
        [row] = figures.rates(session, scene.community, AT - DAY, AT + 100 * DAY, at=LATER)
        return row.rates[measure].numerator, row.rates[measure].denominator, row.rates[measure].excluded

    assert rate(M.RESOLVED) == (2, 2, 0)
    scene.do(case, Action.REOPEN, Role.RESIDENT, at, note="又不亮了")
    assert rate(M.RESOLVED) == (1, 2, 0)
    look(session)
    assert rate(M.RESOLVED) == (1, 2, 0)
    row = court.ask(court.actor(Role.UNIT_HEAD, "unit"))
    exclusions.decide(
        session, row.id, court.actor(Role.SUPERVISOR, "subdistrict"), "情况属实", is_approved=True
    )
    assert rate(M.ACCEPTED_IN_TIME) == (1, 1, 1)
    look(session)
    assert rate(M.ACCEPTED_IN_TIME) == (1, 1, 1)


def test_looking_twice_changes_nothing_and_a_second_looker_leaves_it_to_the_first(committed):
    year = Year(committed)
    committed.commit()
    sums = sorted(committed.execute(sa.select(StandingSum.month, StandingSum.good, StandingSum.counted)))
    committed.execute(sa.insert(StandingMark), [{"case_id": case.id} for case in year.cases * 2])
    committed.commit()
    done = at_once(*[lambda session: standings.look_again(session)] * 2)
    assert max(done) == 2 * len(year.cases)
    with db.transaction() as session:
        look(session)
    assert sums == sorted(
        committed.execute(sa.select(StandingSum.month, StandingSum.good, StandingSum.counted))
    )
    assert count(committed, Standing) == len(Measure) * len(year.cases)


def test_a_case_that_was_just_opened_counts_though_it_left_no_mark(year, monkeypatch):
    before = year.is_true(monkeypatch)
    make_case(year.session, year.community, accepted_at=AT)
    assert count(year.session, StandingMark) == 0
    assert year.is_true(monkeypatch) != before


def test_a_case_that_is_committed_after_a_newer_one_is_not_passed_over(committed):
    year = Year(committed)
    committed.commit()
    at = now()
    with db.Session() as slow:
        older = make_case(slow, slow.get_one(Area, year.community.id), accepted_at=AT)
        slow.flush()
        newer = make_case(committed, year.community, accepted_at=AT)
        committed.commit()
        assert older.id < newer.id
        assert standings.look_again(committed, at=at) == 0
        assert standings.look_again(committed, at=at + timedelta(seconds=90)) == 0
        committed.commit()
        slow.commit()
    assert standings.look_again(committed, at=at + standings.SETTLED) == 2


def test_new_cases_are_taken_however_much_is_written_meanwhile(year):
    """There is always a mark in a busy city: new cases must not wait for a moment without one."""
    make_case(year.session, year.community, accepted_at=AT)
    at = now()
    for _ in range(2):
        year.old.urged += 1
        year.session.flush()
        standings.look_again(year.session, at=at)
        at += standings.SETTLED
    assert standings.waiting(year.session, 1) == 0


def test_a_reader_sees_the_same_while_somebody_looks_again(committed):
    """What was looked at and is not committed yet still counts by its mark."""
    year = Year(committed)
    year.old.status = Status.WITHDRAWN
    committed.commit()
    wanted = (year.district, AT - 400 * DAY, AT + 40 * DAY, None, LATER)
    with db.Session() as looker, db.Session() as reader:
        before = figures.rates(reader, *wanted)
        standings.look_again(looker)
        assert figures.rates(reader, *wanted) == before
        looker.commit()
        assert figures.rates(reader, *wanted) == before


def test_a_case_that_was_written_while_somebody_looked_is_looked_at_again(committed):
    year = Year(committed)
    year.old.urged = 1
    committed.commit()
    with db.Session() as looker:
        standings.look_again(looker)
        year.old.status = Status.WITHDRAWN
        committed.commit()
        looker.commit()
    assert count(committed, StandingMark) == 1


def test_what_standings_do_not_know_is_counted_by_the_formulas(year):
    grid = make_area(year.session, Level.GRID, year.community)
    year.old.grid_id = grid.id
    year.session.flush()
    [row] = figures.rates(year.session, grid, AT - 400 * DAY, AT, at=LATER)
    assert row.rates[M.RESOLVED] == figures.Rate(M.RESOLVED, 1, 1, 0)
