"""Figures of codes: counted by day in Shanghai, one meaning of solved, quick with a city of them."""

from datetime import date, datetime, timedelta

import pytest

from backend.cases import code_figures
from backend.cases.code_figures import Figures, Wanted
from backend.cases.survey_models import Survey, SurveyState
from backend.cases.workflow import Outcome, Status
from backend.places import codes
from backend.places.models import Area, CodeScans
from backend.places.roles import Carrier, Level, Role
from backend.places.scope import COMMAND_LINE, Editor, posts_of
from backend.times import SHANGHAI, now
from tests.factories import make_area, make_case, make_code, make_community, make_officer, make_resident

DAY = date(2026, 11, 20)


@pytest.fixture
def community(session):
    return make_community(session)


@pytest.fixture
def code(session, community):
    return make_code(session, community)


def scanned(session, code, day, scans, far=0):
    session.add(CodeScans(code_id=code.id, day=day, scans=scans, far=far))
    session.commit()


def reported(session, code, hour=12, answer=None, **fields):
    at = datetime(2026, 11, 20, hour, tzinfo=SHANGHAI)
    place = session.get(Area, code.area_id)
    case = make_case(session, place, code_id=code.id, discovered_at=at, **fields)
    if answer is not None:
        session.add(
            Survey(
                case_id=case.id, round=case.round, resident_id=make_resident(session).id,
                state=SurveyState.ANSWERED, solved=answer,
            )
        )  # fmt: skip
        session.commit()
    return case


def figures_of(session, code, since=DAY, until=DAY):
    return code_figures.figures(session, [code.id], since, until)[code.id]


def test_scans_become_reports_become_solved(session, code):
    scanned(session, code, DAY, 7, far=1)
    reported(session, code)
    reported(session, code, status=Status.CLOSED, outcome=Outcome.SOLVED)
    assert figures_of(session, code) == Figures(scans=7, far=1, reports=2, solved=1)


@pytest.mark.parametrize(
    ("status", "outcome", "answer", "solved"),
    [
        (Status.CLOSED, Outcome.SOLVED, None, 1),
        (Status.CLOSED, Outcome.SOLVED, True, 1),
        (Status.CLOSED, Outcome.SOLVED, False, 0),
        (Status.CLOSED, Outcome.EXPLAINED, None, 0),
        (Status.CLOSED, Outcome.EXPLAINED, True, 1),
        (Status.CLOSED, None, None, 0),
        (Status.RESOLVED, Outcome.SOLVED, True, 0),
    ],
)
def test_a_case_is_solved_as_its_resident_says_or_else_its_officer(
    session, code, status, outcome, answer, solved
):
    reported(session, code, status=status, outcome=outcome, answer=answer)
    assert figures_of(session, code).solved == solved


def test_the_survey_of_an_earlier_round_says_nothing_about_this_one(session, code):
    case = reported(session, code, status=Status.CLOSED, outcome=Outcome.SOLVED, answer=False)
    case.round = 2
    session.commit()
    assert figures_of(session, code).solved == 1


def test_days_begin_at_midnight_in_shanghai_and_both_ends_count(session, code):
    reported(session, code, hour=0)
    reported(session, code, hour=23)
    for days in range(-1, 2):
        scanned(session, code, DAY + timedelta(days=days), 1)
    assert figures_of(session, code) == Figures(scans=1, reports=2)
    assert figures_of(session, code, DAY + timedelta(days=1), DAY + timedelta(days=1)).reports == 0
    assert figures_of(session, code, DAY - timedelta(days=1)).scans == 2


def old(session, code, days=91):
    code.created_at = now() - timedelta(days=days)
    session.commit()


def listed(session, editor=COMMAND_LINE, **wanted):
    return [code.id for code in code_figures.page(session, editor, Wanted(**wanted))]


def test_a_code_that_nobody_scanned_for_ninety_days_is_listed_unless_it_is_new(session, community):
    young, silent, busy, long_ago = (make_code(session, community) for _ in range(4))
    for code in (silent, busy, long_ago):
        old(session, code)
    scanned(session, busy, codes.today() - timedelta(days=89), 1)
    scanned(session, long_ago, codes.today() - timedelta(days=92), 5)
    assert listed(session, state="silent") == [long_ago.id, silent.id]
    assert young.id in listed(session)


def test_a_code_used_from_afar_is_listed(session, community):
    far, near = make_code(session, community), make_code(session, community)
    scanned(session, far, codes.today(), 3, far=1)
    scanned(session, near, codes.today(), 3)
    assert listed(session, state="far") == [far.id]


def test_lists_are_narrowed_by_words_carrier_state_and_place(session, community):
    building = make_area(session, Level.BUILDING, community, name="8栋")
    gate, eighth = make_code(session, community), make_code(session, building)
    gate.label, gate.carrier = "东门100%公告栏", Carrier.URL
    eighth.revoked_at = now()
    session.commit()
    assert listed(session, words="公告") == listed(session, words="100%") == [gate.id]
    assert listed(session, words="1_0%") == []
    assert listed(session, words="8栋") == listed(session, state="revoked") == listed(session, area=building)
    assert listed(session, carrier=Carrier.URL) == listed(session, state="used") == [gate.id]
    eighth.revoked_at = None
    session.commit()
    assert listed(session, state="waiting") == [eighth.id]
    assert listed(session, area=community) == [eighth.id, gate.id]


def test_the_list_goes_on_by_key(session, community):
    made = [make_code(session, community).id for _ in range(5)]
    first = code_figures.page(session, COMMAND_LINE, Wanted(), limit=2)
    rest = code_figures.page(session, COMMAND_LINE, Wanted(), before=first[-1].id)
    assert [code.id for code in (*first, *rest)] == made[::-1]


def test_the_codes_of_a_neighbouring_street_are_not_in_the_list(session, community, code):
    street = make_area(session, Level.SUBDISTRICT, session.get(Area, community.district_id))
    own = make_code(session, street)
    officer = make_officer(session, Role.ADMINISTRATOR, area=street)
    editor = Editor(officer.id, tuple(posts_of(session, officer.id)))
    assert listed(session, editor) == [own.id]
    assert listed(session, editor, words="玉兰") == []
