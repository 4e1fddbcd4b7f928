"""The published figures, against a small town that was counted by hand."""

from datetime import timedelta

import pytest

from backend.cases import deadlines, exclusions, figures, firsts
from backend.cases.deadline_models import Clock, Deadline, Decision
from backend.cases.firsts import FIRSTS, INTERVALS
from backend.cases.formulas import FORMULAS
from backend.cases.models import Case
from backend.cases.supervision_models import Exclusion, Measure
from backend.cases.survey_models import Survey, SurveyState
from backend.cases.workflow import Status
from backend.errors import Conflict, Forbidden, Invalid, NotFound
from backend.places.models import Area
from backend.places.roles import Level, Role
from backend.places.scope import posts_of
from tests.cases.scene import AT, make_scene
from tests.factories import make_area, make_case, make_officer, make_resident, make_unit

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SINCE, UNTIL, LATER = AT - DAY, AT + 10 * DAY, AT + 100 * DAY
M = Measure


def counted(rate):
    return rate.numerator, rate.denominator, rate.excluded


class Town:
    """Cases written as rows, so that each figure follows from what stands here and from no service."""

    def __init__(self, session):
        self.session, self.scene = session, make_scene(session)
        self.unit, self.community = self.scene.unit, self.scene.community

    def case(self, status=Status.CLOSED, **fields):
        times = {"accepted_at": AT, "resolved_at": AT + HOUR, "closed_at": AT + 2 * HOUR}
        if status is not Status.CLOSED:
            times["closed_at"] = None
        place = fields.pop("place", self.community)
        known = {"status": status, "unit_id": self.unit.id, "discovered_at": AT} | times
        return make_case(self.session, place, **known | fields)

    def clock(self, case, clock, due, stopped=None, **fields):
        row = Deadline(case_id=case.id, clock=clock, started_at=AT - HOUR, due_at=due, stopped_at=stopped)
        row.round = fields.pop("round", case.round)
        for name, value in fields.items():
            setattr(row, name, value)
        self.session.add(row)
        self.session.flush()

    def survey(self, case, satisfaction, at=AT, round=1):
        answered = {"state": SurveyState.ANSWERED, "sent_at": at, "answered_at": at}
        answered |= {"satisfaction": satisfaction, "solved": True, "unit_id": case.unit_id}
        resident_id = make_resident(self.session).id
        self.session.add(Survey(case_id=case.id, round=round, resident_id=resident_id, **answered))
        self.session.flush()

    def exclude(self, case, measure, state=Decision.APPROVED, round=1):
        asked = {"asked_by": self.scene.actor(Role.DISPATCHER).officer_id, "reason": "情况特殊"}
        row = Exclusion(case_id=case.id, round=round, measure=measure, state=state, **asked)
        self.session.add(row)
        self.session.flush()

    def rates(self, reach=None, **given):
        whole = self.community if reach is None else reach
        found = figures.rates(self.session, whole, SINCE, UNTIL, at=LATER, **given)
        return {row.name: {m: counted(rate) for m, rate in row.rates.items()} for row in found}

    def rate(self, measure):
        return self.rates()[""][measure]


@pytest.fixture
def town(session):
    return Town(session)


def test_in_time_acceptance_counts_what_its_clock_decided(town):
    ahead, late = (AT, AT - HOUR), (AT, AT + HOUR)
    for due, stopped in (ahead, ahead, late, (AT, None)):  # the last was never accepted
        town.clock(town.case(Status.SUBMITTED), Clock.ACCEPT, due, stopped)
    assert town.rate(M.ACCEPTED_IN_TIME) == (2, 4, 0)
    town.clock(town.case(Status.WITHDRAWN), Clock.ACCEPT, *ahead)  # taken back in time
    town.clock(town.case(Status.WITHDRAWN), Clock.ACCEPT, *late)
    assert town.rate(M.ACCEPTED_IN_TIME) == (2, 5, 0)
    town.clock(town.case(Status.SUBMITTED), Clock.ACCEPT, UNTIL + DAY)  # still has time
    town.clock(town.case(Status.SUBMITTED), Clock.ACCEPT, AT, paused_at=AT - HOUR)
    town.clock(town.case(Status.SUBMITTED), Clock.ACCEPT, SINCE - DAY, SINCE - 2 * DAY)  # another month's
    assert town.rate(M.ACCEPTED_IN_TIME) == (2, 5, 0)


def test_on_time_closing_goes_by_the_newest_round_and_by_what_was_granted(town):
    good, bad, extended = town.case(), town.case(), town.case()
    town.clock(good, Clock.RESOLVE, AT + 2 * HOUR, AT + HOUR)
    town.clock(bad, Clock.RESOLVE, AT, AT + HOUR)
    town.clock(extended, Clock.RESOLVE, AT + 2 * DAY, AT + DAY, fired_at=AT)  # then it got more time
    again = town.case(round=2)
    town.clock(again, Clock.RESOLVE, AT, AT + HOUR, round=1)
    town.clock(again, Clock.RESOLVE, AT + 2 * DAY, AT + DAY)
    assert town.rate(M.CLOSED_ON_TIME) == (3, 4, 0)


def test_a_case_whose_clock_was_started_anew_counts_once(town):
    case = town.case()
    town.clock(case, Clock.RESOLVE, AT, AT + HOUR)
    town.clock(case, Clock.RESOLVE, AT + DAY, AT + HOUR, started_at=AT)
    assert town.rate(M.CLOSED_ON_TIME) == (1, 1, 0)


def test_first_time_resolution_and_the_resolved_share(town):
    town.case(), town.case()
    town.case(round=2)
    town.case(Status.IN_PROGRESS, round=2)
    town.case(Status.RESOLVED)
    town.case(Status.WITHDRAWN)
    town.case(Status.REJECTED, accepted_at=None)
    town.case(accepted_at=SINCE - HOUR, closed_at=UNTIL)
    assert town.rate(M.SOLVED_FIRST_TIME) == (2, 3, 0)
    assert town.rate(M.RESOLVED) == (4, 5, 0)


def test_satisfaction_is_of_the_latest_answer_of_each_case(town):
    for satisfaction in (5, 4, 3, 2):
        town.survey(town.case(), satisfaction)
    town.survey(town.case(), None)
    changed = town.case(round=2)
    town.survey(changed, 1)
    town.survey(changed, 5, AT + HOUR, round=2)
    reopened = town.case(Status.IN_PROGRESS, round=2)
    town.survey(reopened, 1)
    assert town.rate(M.SATISFIED) == (3, 6, 0)


def test_what_was_merged_or_split_counts_with_the_case_that_it_belongs_to(town):
    master = town.case()
    town.case(master_id=master.id)
    town.case(parent_id=master.id)
    assert town.rate(M.SOLVED_FIRST_TIME) == (1, 1, 0)


def test_what_is_excluded_is_in_neither_and_is_shown_beside(town):
    kept, out, asked, refused = [town.case(round=2) for _ in range(4)]
    town.case()
    town.exclude(out, M.SOLVED_FIRST_TIME, round=2)
    town.exclude(kept, M.SOLVED_FIRST_TIME, round=1)  # of a round that is not judged any more
    town.exclude(asked, M.SOLVED_FIRST_TIME, Decision.ASKED, round=2)
    town.exclude(refused, M.SOLVED_FIRST_TIME, Decision.REFUSED, round=2)
    assert town.rate(M.SOLVED_FIRST_TIME) == (1, 4, 1)
    assert town.rate(M.RESOLVED) == (5, 5, 0)


def test_units_and_communities_have_their_own_and_posts_count_what_they_reach(town):
    subdistrict = town.session.get(Area, town.community.subdistrict_id)
    other = make_area(town.session, Level.COMMUNITY, subdistrict, name="海棠社区")
    unit = make_unit(town.session, other, name="房管所")
    town.case(), town.case(round=2)
    town.case(place=other, unit_id=unit.id)
    town.case(Status.ACCEPTED, place=other, unit_id=None)
    measure = M.SOLVED_FIRST_TIME
    by_unit = town.rates(subdistrict, by="unit")
    assert {name: row[measure] for name, row in by_unit.items()} == {
        "市政服务中心": (1, 2, 0),
        "房管所": (1, 1, 0),
        "（没有派给单位）": (0, 0, 0),
    }
    rows = figures.rates(town.session, subdistrict, SINCE, UNTIL, by="unit", at=LATER)
    assert [figures.total(rows)] == figures.rates(town.session, subdistrict, SINCE, UNTIL, at=LATER)
    by_community = town.rates(subdistrict, by="community")
    assert [row[measure] for row in by_community.values()] == [(1, 1, 0), (1, 2, 0)]
    officer = make_officer(town.session, Role.UNIT_HEAD, unit=unit)
    assert town.rates(posts_of(town.session, officer.id))[""][measure] == (1, 1, 0)
    assert town.rates(())[""] == dict.fromkeys(FORMULAS, (0, 0, 0))


def test_a_percentage_is_rounded_half_up():
    said = [figures.Rate(M.RESOLVED, good, of, 0).percent for good, of in ((2, 3), (1, 3), (1, 16), (1, 80))]
    assert said == ["66.7%", "33.3%", "6.3%", "1.3%"]


def test_a_percentage_says_a_hundred_only_of_all():
    assert figures.Rate(M.RESOLVED, 9_999, 10_000, 0).percent == "99.9%"
    assert figures.Rate(M.RESOLVED, 3, 3, 0).percent == "100.0%"
    assert figures.Rate(M.RESOLVED, 0, 0, 2).percent == "—"


def test_every_measure_has_a_formula_and_every_time_is_a_column_of_cases():
    assert set(FORMULAS) == set(Measure)
    columns = {column.key for column in Case.__table__.columns}
    assert {first.column for first in FIRSTS} | {
        one for interval in INTERVALS.values() for one in (interval.start, interval.end)
    } <= columns


def test_a_case_gone_all_the_way_has_its_times_and_intervals(session):
    scene = make_scene(session)
    case = scene.resolve(scene.submit())
    case.discovered_at, case.accepted_at, case.resolved_at = AT, AT + HOUR, AT + 3 * HOUR
    assert [at for _, at in firsts.times(case)] == [AT, AT + HOUR, AT + 3 * HOUR, None, None]
    assert ("发现到受理", "1小时") in firsts.lengths(case)
    assert ("发现到办结", "3小时") in firsts.lengths(case)
    case.first_contact_at = case.assigned_at - HOUR
    assert INTERVALS["first_contact"].of(case) is None


class Court:
    """A case whose acceptance was late, and who may have a say in it."""

    def __init__(self, session):
        self.session, self.town = session, Town(session)
        community = self.town.community
        self.areas = {
            "community": community,
            "subdistrict": session.get(Area, community.subdistrict_id),
            "district": session.get(Area, community.district_id),
        }
        self.late = self.town.case()
        self.town.clock(self.late, Clock.ACCEPT, AT, AT + HOUR)

    def actor(self, role, where):
        unit = self.town.unit if where == "unit" else None
        officer = make_officer(self.session, role, area=self.areas.get(where), unit=unit)
        return type(self.town.scene.actor(role))(
            officer_id=officer.id, posts=tuple(posts_of(self.session, officer.id))
        )

    def ask(self, actor, reason="群众当天撤了又提"):
        return exclusions.ask(self.session, self.late.number, actor, M.ACCEPTED_IN_TIME, reason, AT)


@pytest.fixture
def court(session):
    return Court(session)


@pytest.mark.parametrize(
    ("asker", "decider", "may"),
    [
        ((Role.UNIT_HEAD, "unit"), (Role.SUPERVISOR, "community"), False),
        ((Role.UNIT_HEAD, "unit"), (Role.SUPERVISOR, "subdistrict"), True),
        ((Role.DISPATCHER, "community"), (Role.SUPERVISOR, "subdistrict"), True),
        ((Role.DISPATCHER, "subdistrict"), (Role.SUPERVISOR, "subdistrict"), False),
        ((Role.SUPERVISOR, "subdistrict"), (Role.SUPERVISOR, "district"), True),
        ((Role.SUPERVISOR, "district"), (Role.SUPERVISOR, "district"), False),
        ((Role.SUPERVISOR, "district"), (Role.LEADER, "district"), True),
        ((Role.UNIT_HEAD, "unit"), (Role.LEADER, "subdistrict"), False),
        ((Role.UNIT_HEAD, "unit"), (Role.DISPATCHER, "district"), False),
    ],
)
def test_an_exclusion_is_decided_higher_up_than_it_was_asked(court, asker, decider, may):
    row = court.ask(court.actor(*asker))
    if not may:
        with pytest.raises(Forbidden):
            exclusions.decide(court.session, row.id, court.actor(*decider), "", is_approved=True)
        return
    exclusions.decide(court.session, row.id, court.actor(*decider), "情况属实", is_approved=True)
    assert court.town.rate(M.ACCEPTED_IN_TIME) == (0, 0, 1)


def test_nobody_decides_what_they_asked_for_themselves(court):
    actor = court.actor(Role.SUPERVISOR, "subdistrict")
    row = court.ask(actor)
    with pytest.raises(Forbidden):
        exclusions.decide(court.session, row.id, actor, "", is_approved=True)


def test_asking_and_deciding_stand_in_the_history_and_are_done_once(court):
    head, supervisor = court.actor(Role.UNIT_HEAD, "unit"), court.actor(Role.SUPERVISOR, "subdistrict")
    with pytest.raises(Invalid):
        court.ask(head, " ")
    with pytest.raises(Forbidden):
        court.ask(court.actor(Role.HANDLER, "unit"))
    row = court.ask(head)
    with pytest.raises(Conflict, match="待审批"):
        court.ask(head)
    with pytest.raises(Invalid):
        exclusions.decide(court.session, row.id, supervisor, " ", is_approved=False)
    exclusions.decide(court.session, row.id, supervisor, "理由不成立", is_approved=False)
    with pytest.raises(Conflict, match="不同意剔除"):
        exclusions.decide(court.session, row.id, supervisor, "", is_approved=True)
    notes = [event.note for event in court.town.scene.events(court.late)]
    assert notes == [
        "申请从“按时受理率”剔除：群众当天撤了又提",
        "不同意从“按时受理率”剔除：理由不成立",
    ]
    assert court.ask(head).state is Decision.ASKED  # with a better reason, perhaps


def test_what_does_not_count_need_not_be_excluded_and_strangers_see_nothing(court):
    head = court.actor(Role.UNIT_HEAD, "unit")
    with pytest.raises(Conflict, match="不计入"):
        exclusions.ask(court.session, court.late.number, head, M.CLOSED_ON_TIME, "x", AT)
    row = court.ask(head)
    elsewhere = make_officer(court.session, Role.SUPERVISOR, area=make_area(court.session))
    stranger = type(head)(officer_id=elsewhere.id, posts=tuple(posts_of(court.session, elsewhere.id)))
    assert exclusions.listed(court.session, stranger.posts) == []
    assert exclusions.listed(court.session, head.posts) == [row]
    with pytest.raises(NotFound):
        exclusions.decide(court.session, row.id, stranger, "", is_approved=True)


def test_the_clocks_that_the_service_turns_are_the_ones_that_are_counted(session):
    """From the first step to the last by the verbs themselves: in time, on time, at once."""
    scene = make_scene(session)
    scene.resolve(scene.submit())
    late = scene.submit()
    due = deadlines.running(session, late.id)[0].due_at
    scene.resolve(late, due + HOUR)
    [row] = figures.rates(session, scene.community, AT - DAY, AT + 30 * DAY, at=LATER)
    assert counted(row.rates[M.ACCEPTED_IN_TIME]) == (1, 2, 0)
    assert counted(row.rates[M.CLOSED_ON_TIME]) == (2, 2, 0)
    assert counted(row.rates[M.RESOLVED]) == (2, 2, 0)


def test_on_one_line_a_case_shows_which_firsts_it_has_reached_and_how_fast(session):
    case = Town(session).case(Status.RESOLVED, accepted_at=AT + timedelta(minutes=5))
    said = [(one.word, one.is_reached, one.took) for one in firsts.firsts(case)]
    assert said == [
        ("发现", True, ""),
        ("受理", True, "5分钟"),
        ("化解", True, "1小时"),
        ("确认", False, ""),
        ("反馈", False, ""),
    ]
