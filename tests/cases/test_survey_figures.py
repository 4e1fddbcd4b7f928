"""What surveys come to, against answers counted by hand: rates, the silent, the words of the unhappy."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend.cases import figures, formulas, survey_figures, surveys
from backend.cases.callback_models import CallbackState, PhoneCallback, Why
from backend.cases.figures import Rate
from backend.cases.intervals import wilson
from backend.cases.models import Case
from backend.cases.standing_models import Way
from backend.cases.supervision_models import Measure
from backend.cases.survey_models import Survey, SurveyState
from backend.cases.workflow import Status
from backend.places.models import Area, Post
from backend.places.roles import Level, Role
from backend.places.scope import posts_of
from tests.cases.scene import AT
from tests.cases.test_figures import Town
from tests.cases.test_queries import plan_of
from tests.cases.test_standings import look
from tests.factories import make_area, make_category, make_officer, make_resident, make_unit

DAY = timedelta(days=1)
SINCE, UNTIL, LATER = AT - DAY, AT + 10 * DAY, AT + 100 * DAY
M = Measure
ANSWERED, EXPIRED, SENT, DUE = (
    SurveyState.ANSWERED,
    SurveyState.EXPIRED,
    SurveyState.SENT,
    SurveyState.DUE,
)


class Street:
    """Closed cases, each asked about; what was said stands here and follows from no service."""

    def __init__(self, session):
        self.session, self.town = session, Town(session)
        self.community = self.town.community
        self.district = session.get(Area, self.community.district_id)

    def ask(self, state=ANSWERED, case=None, at=AT, **said):
        case = case or self.town.case(**{name: said.pop(name) for name in CASE & said.keys()})
        known = {"solved": True, "satisfaction": 5} if state is ANSWERED else {}
        times = {"sent_at": None if state is DUE else at, "answered_at": at if state is ANSWERED else None}
        times["next_at"] = at + DAY if state in (DUE, SENT) else None
        asked = {"case_id": case.id, "round": case.round, "unit_id": case.unit_id}
        row = Survey(**asked | times | known | said, state=state)
        row.resident_id = make_resident(self.session).id
        self.session.add(row)
        self.session.flush()
        return row

    def rates(self, by=None, reach=None):
        rows = survey_figures.rates(self.session, reach or self.district, SINCE, UNTIL, by, LATER)
        return {
            row.id if by == "month" else row.name: [
                (rate.numerator, rate.denominator, rate.excluded) for rate in row.rates.values()
            ]
            for row in rows
        }


CASE = {"round", "unit_id", "place", "category_id"}


def waiting(street, posts, since=SINCE, until=UNTIL):
    return survey_figures.waiting(street.session, posts, since, until, AT)


@pytest.fixture
def street(session):
    return Street(session)


def test_who_was_asked_counts_once_sent_and_who_answered_counts_as_they_said(street):
    street.ask()
    street.ask(solved=False, satisfaction=1)
    street.ask(solved=False, satisfaction=None)  # in chat the second question may stay unanswered
    street.ask(EXPIRED)
    street.ask(SENT)
    street.ask(DUE)  # nobody was asked yet
    street.ask(EXPIRED).sent_at = None  # the case came back before anybody was asked
    surveys.expire_open(street.session, street.session.get(Case, street.ask(SENT).case_id))  # or answered
    street.session.flush()
    assert street.rates() == {"": [(3, 5, 0), (1, 3, 0), (1, 2, 0)]}


def test_who_is_to_be_called_counts_when_they_said_something_or_their_time_is_over(street):
    """By every way of counting: of all, by unit, kept and not kept."""
    street.ask()
    call(street, survey := street.ask(SENT), Why.NO_WECHAT, CallbackState.WAITING)
    call(
        street, street.ask(EXPIRED), Why.ORDERED, CallbackState.UNCALLED
    )  # is no better for not being called
    street.ask(DUE)
    nothing, unasked = [(1, 2, 0), (1, 1, 0), (1, 1, 0)], survey_figures.Waiting(1, 1)
    posts = posts_at(street, Role.SUPERVISOR)
    for _ in range(2):
        assert street.rates() == {"": nothing}
        assert street.rates("unit") == {"市政服务中心": nothing}
        assert waiting(street, posts) == unasked
        look(street.session)
    survey.state, survey.solved, survey.satisfaction, survey.answered_at = ANSWERED, True, 4, AT + DAY
    street.session.flush()
    for _ in range(2):
        assert street.rates() == {"": [(2, 3, 0), (2, 2, 0), (2, 2, 0)]}
        assert waiting(street, posts) == survey_figures.Waiting(1, 0)
        look(street.session)
    elsewhere = make_officer(street.session, Role.SUPERVISOR, area=make_area(street.session))
    nobodys = waiting(street, posts_of(street.session, elsewhere.id))
    assert nobodys == survey_figures.Waiting(0, 0)


def test_who_is_to_be_called_stands_beside_the_month_in_which_the_survey_was_sent(street):
    """Also when that month is over. What is not sent belongs to the month that it is."""
    call(street, street.ask(SENT, at=SINCE - DAY), Why.NO_WECHAT, CallbackState.WAITING)
    for state in (CallbackState.WAITING, CallbackState.UNREACHED):
        call(street, street.ask(SENT, at=SINCE), Why.ORDERED, state)
    street.ask(DUE, at=SINCE - DAY)
    posts = posts_at(street, Role.SUPERVISOR)
    assert waiting(street, posts) == survey_figures.Waiting(1, 2)
    assert waiting(street, posts, SINCE - 2 * DAY, SINCE) == survey_figures.Waiting(0, 1)
    assert waiting(street, posts, UNTIL, LATER) == survey_figures.Waiting(0, 0)


def test_what_waits_is_found_by_when_something_is_to_be_done(street):
    """And not among all surveys there ever were."""
    street.ask(DUE)
    for way in ("seqscan", "nestloop"):  # that are quicker with one survey
        street.session.execute(sa.text(f"SET LOCAL enable_{way} = off"))
    posts = posts_at(street, Role.SUPERVISOR)
    plan = plan_of(street.session, lambda: waiting(street, posts))
    assert "ix_surveys_next" in plan


def test_of_several_rounds_the_newest_counts_and_an_exclusion_is_for_its_rate_alone(street):
    again = street.ask(solved=False, satisfaction=1).case_id
    case = street.session.get(Case, again)
    case.round = 2
    street.ask(case=case)
    assert street.rates() == {"": [(1, 1, 0), (1, 1, 0), (1, 1, 0)]}
    street.town.exclude(case, M.SATISFIED, round=2)
    assert street.rates() == {"": [(1, 1, 0), (1, 1, 0), (0, 0, 1)]}


@pytest.mark.parametrize("is_kept", [True, False])
def test_each_unit_area_category_month_and_way_has_its_own(street, is_kept, monkeypatch):
    session = street.session
    lamps = make_category(session, name="市政设施")
    dark = make_category(session, name="路灯不亮", parent=lamps)
    other = make_area(
        session, Level.COMMUNITY, session.get(Area, street.community.subdistrict_id), name="海棠社区"
    )
    unit = make_unit(session, other, name="房管所")
    street.ask(category_id=dark.id)
    street.ask(category_id=lamps.id, solved=False)
    street.ask(EXPIRED, place=other, unit_id=unit.id)
    street.ask(SENT, place=other, unit_id=None, at=AT - 3 * DAY + 9 * DAY)
    if is_kept:
        look(session)
    else:
        monkeypatch.setattr(figures, "MANY", 0)
    answered, silent, nothing = [(2, 2, 0), (1, 2, 0), (2, 2, 0)], (0, 1, 0), (0, 0, 0)
    nobody = [silent, nothing, nothing]
    assert street.rates("unit") == {"市政服务中心": answered, "房管所": nobody, "（没有派给单位）": nobody}
    assert street.rates("community") == {"玉兰社区": answered, "海棠社区": [(0, 2, 0), nothing, nothing]}
    assert list(street.rates("subdistrict")) == ["望溪街道"]
    assert street.rates("category") == {"市政设施": answered, "（还没有归类）": [(0, 2, 0), nothing, nothing]}
    assert {str(month) for month in street.rates("month")} == {"2026-11-01"}
    assert street.rates("way") == {Way.SELF: answered, Way.SILENT: nobody, Way.OPEN: nobody}
    head = make_officer(session, Role.UNIT_HEAD, unit=unit)
    assert street.rates(reach=posts_of(session, head.id)) == {"": nobody}


def test_an_answer_that_comes_late_or_is_about_something_else_moves_to_where_it_belongs(street):
    """What was looked at before says what is true now, by category and way, too."""
    late = street.ask(SENT)
    look(street.session)
    late.state, late.solved, late.satisfaction, late.answered_at = ANSWERED, True, 4, AT + DAY
    street.session.get(Case, late.case_id).category_id = make_category(street.session, name="噪声").id
    street.session.flush()
    for _ in range(2):
        assert street.rates("way") == {Way.SELF: [(1, 1, 0)] * 3}
        assert street.rates("category") == {"噪声": [(1, 1, 0)] * 3}
        look(street.session)


def test_where_everybody_who_was_asked_has_answered_there_is_no_interval(street):
    """By the way of answering, those who answered are never all."""
    for satisfaction in (5, 2, None):
        street.ask(satisfaction=satisfaction, solved=satisfaction != 2)
    read = lambda by=None: survey_figures.rates(  # noqa: E731
        street.session, street.district, SINCE, UNTIL, by, LATER
    )
    [row] = read()
    assert [row.rates[measure].caution for measure in (M.RESPONDED, M.SOLVED)] == ["", ""]
    assert row.rates[M.SATISFIED].caution == wilson(1, 2).words  # one gave no mark
    assert figures.total(read("unit"), formulas.SURVEYED).rates[M.SOLVED].interval is None
    [own] = read("way")
    assert own.rates[M.SOLVED].caution == wilson(2, 3).words
    street.ask(EXPIRED)
    assert read()[0].rates[M.SOLVED].caution == wilson(2, 3).words


def test_what_is_compared_are_the_same_rates_by_how_the_answer_came(street):
    street.ask()
    street.ask(satisfaction=2)
    street.ask(EXPIRED)
    solved, satisfied = survey_figures.compare(street.session, street.district, SINCE, UNTIL, LATER)
    assert (solved.alone, satisfied.alone) == (Rate(M.SOLVED, 2, 2, 0), Rate(M.SATISFIED, 1, 2, 0))
    assert (solved.sampled.denominator, solved.whole, solved.difference) == (0, None, "—")


def call(street, survey, why, state):
    case = street.session.get(Case, survey.case_id)
    known = {"round": survey.round, "survey_id": survey.id, "resident_id": survey.resident_id}
    moments = {"next_at": AT, "until_at": AT + DAY}
    street.session.add(
        PhoneCallback(case_id=case.id, place_id=case.place_id, why=why, state=state, **known | moments)
    )
    street.session.flush()


def test_the_sampled_silent_stand_apart_from_those_who_answered_and_those_who_must_be_called(street):
    ended = CallbackState
    for solved in (True, True, False):
        street.ask(solved=solved)
    for solved in (True, False):
        call(street, street.ask(solved=solved), Why.SAMPLED, ended.ANSWERED)
    call(street, street.ask(EXPIRED), Why.SAMPLED, ended.UNREACHED)
    street.ask(EXPIRED)
    street.ask(SENT)  # may still answer: neither
    call(street, street.ask(solved=False), Why.NO_WECHAT, ended.ANSWERED)
    call(street, street.ask(EXPIRED), Why.NO_WECHAT, ended.UNCALLED)
    call(street, street.ask(), Why.ORDERED, ended.REPLIED)  # was quicker than whoever was to call
    solved, satisfied = survey_figures.compare(street.session, street.district, SINCE, UNTIL, LATER)
    assert (solved.alone, solved.sampled) == (Rate(M.SOLVED, 3, 4, 0), Rate(M.SOLVED, 1, 2, 0))
    assert solved.called == Rate(M.SOLVED, 0, 1, 0)
    assert solved.difference == "自己答复的高 25.0 个百分点"
    assert solved.whole.share == pytest.approx(0.5 * 0.75 + 0.5 * 0.5)  # four answered, four did not
    assert satisfied.whole.share == 1
    look(street.session)
    assert survey_figures.compare(street.session, street.district, SINCE, UNTIL, LATER) == [solved, satisfied]
    assert street.rates()[""] == [(7, 11, 0), (4, 7, 0), (7, 7, 0)]


def test_the_words_of_the_unhappy_come_newest_first_to_those_whose_cases_they_are(street, monkeypatch):
    monkeypatch.setattr(survey_figures, "PAGE", 2)
    said = [
        street.ask(at=AT + number * DAY, solved=False, satisfaction=None, words=f"第{number}次还没修好")
        for number in range(3)
    ]
    street.ask(words="修得很好")
    street.ask(solved=False)
    street.ask(at=UNTIL, solved=False, words="下个月的")
    area = posts_at(street, Role.SUPERVISOR)
    first = survey_figures.voices(street.session, area, SINCE, UNTIL)
    assert first == [said[2], said[1]]
    last = (first[-1].answered_at, first[-1].id)
    assert survey_figures.voices(street.session, area, SINCE, UNTIL, last) == [said[0]]
    elsewhere = make_officer(street.session, Role.SUPERVISOR, area=make_area(street.session))
    assert survey_figures.voices(street.session, posts_of(street.session, elsewhere.id), SINCE, UNTIL) == []
    assert survey_figures.verdict(said[0]) == "没有解决"


def test_the_reasons_of_the_unhappy_are_counted_and_nobody_elses(street):
    street.ask(solved=False, reasons=["没有修好", "来得太慢"])
    street.ask(satisfaction=2, reasons=["没有修好"])
    street.ask(reasons=["态度不好"])  # was happy in the end
    posts = posts_at(street, Role.SUPERVISOR)
    found = survey_figures.reasons(street.session, posts, SINCE, UNTIL)
    assert found == [("没有修好", 2), ("来得太慢", 1)]


def posts_at(street, role):
    officer = make_officer(street.session, role, area=street.community)
    return posts_of(street.session, officer.id)


def test_an_answer_counts_for_the_unit_that_had_done_what_was_asked_about(session, street):
    """A case that came back and went to another unit: the answer of before is not the other one's."""
    case = street.town.case()
    done_by = street.town.unit.name
    street.ask(case=case, solved=False, satisfaction=1, words="还是老样子")
    other = make_unit(session, street.community, name="后来的单位")
    case.unit_id, case.status, case.round = other.id, Status.IN_PROGRESS, 2
    session.flush()
    for _ in range(2):  # counted live, and then as it is kept
        assert set(street.rates("unit")) == {done_by}
        look(session)
    heads = [Post(role=Role.UNIT_HEAD, unit_id=unit.id) for unit in (street.town.unit, other)]
    seen = [survey_figures.voices(session, [head], SINCE, UNTIL) for head in heads]
    assert [len(voices) for voices in seen] == [1, 0]


def test_an_answer_about_what_was_settled_on_the_spot_counts_for_no_unit(session, street):
    street.ask(case=street.town.case(unit_id=None), solved=False, satisfaction=1)
    assert set(street.rates("unit")) == {"（没有派给单位）"}


def test_what_was_said_before_we_asked_counts_in_no_rate(street):
    """Only the unhappy speak up by themselves; whoever is asked counts, whatever they say."""
    street.ask(sent_at=None, solved=False, satisfaction=1)
    assert street.rates() == {"": [(0, 0, 0)] * 3}
    street.ask(solved=False, satisfaction=1)
    assert street.rates() == {"": [(1, 1, 0), (0, 1, 0), (0, 1, 0)]}
