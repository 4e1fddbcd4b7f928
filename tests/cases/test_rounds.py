"""The rounds of a case: what closes one, what the resident says then, what begins the next, or undoes it."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend.cases import firsts, rounds, service, surveys
from backend.cases.deadline_models import Deadline
from backend.cases.survey_models import Survey, SurveyState
from backend.cases.workflow import Action, Outcome, Status
from backend.places.roles import Role
from tests.cases.clock_scene import DAY, HOUR
from tests.cases.kin_scene import DESK, at_work, report
from tests.cases.scene import AT, SOLVED
from tests.cases.survey_scene import BAD, GOOD, give
from tests.factories import make_unit


def test_closing_for_a_silent_resident_confirms_nothing(session, scene):
    case = scene.resolve(scene.submit())
    scene.do(case, Action.CLOSE, Role.SYSTEM, AT + HOUR)
    assert (case.confirmed_at, case.fed_back_at) == (None, AT + HOUR)


def test_reopening_begins_a_new_round_and_clears_what_the_last_one_reached(session, scene):
    case = scene.resolve(scene.submit())
    scene.do(case, Action.CONFIRM, Role.RESIDENT)
    scene.do(case, Action.REOPEN, Role.RESIDENT, AT + DAY, note="又不亮了")
    assert (case.status, case.round, case.outcome) == (Status.ACCEPTED, 2, None)
    assert {case.resolved_at, case.confirmed_at, case.fed_back_at, case.closed_at} == {None}
    assert case.accepted_at == AT
    running = session.scalars(sa.select(Deadline).where(Deadline.stopped_at.is_(None))).all()
    assert {(clock.round, clock.clock) for clock in running} == {(2, "assign"), (2, "answer")}
    assert case.due_at == min(clock.due_at for clock in running) == AT + DAY + HOUR


def test_the_second_round_has_a_survey_of_its_own(session, scene):
    case = scene.resolve(scene.submit())
    scene.do(case, Action.CONFIRM, Role.RESIDENT)
    scene.do(case, Action.REOPEN, Role.RESIDENT)
    scene.do(case, Action.ASSIGN, Role.SECRETARY, AT + HOUR, unit_id=scene.unit.id)
    scene.do(case, Action.ACKNOWLEDGE, Role.HANDLER, AT + HOUR)
    scene.do(case, Action.RESOLVE, Role.HANDLER, AT + HOUR, **vars(SOLVED))
    scene.do(case, Action.CONFIRM, Role.RESIDENT, AT + HOUR)
    found = session.execute(sa.select(Survey.round, Survey.state).order_by(Survey.round)).all()
    assert found == [(1, SurveyState.EXPIRED), (2, SurveyState.DUE)]


def closed(scene):
    case = scene.resolve(scene.submit())
    scene.do(case, Action.CLOSE, Role.SYSTEM)
    survey = scene.session.scalars(sa.select(Survey).where(Survey.case_id == case.id)).one()
    return case, survey


def answered(scene, survey, **answer):
    survey = surveys.find_open(scene.session, survey.id, scene.resident_id)
    surveys.answer(survey, at=AT + DAY, **answer)
    service.answer_survey(scene.session, survey, scene.actor(Role.RESIDENT), AT + DAY)


@pytest.mark.parametrize(
    ("answer", "note"),
    [
        ({"solved": False}, "没有解决"),
        ({"solved": False, "satisfaction": 5, "words": "灯还是坏的"}, "没有解决：灯还是坏的"),
        ({"solved": True, "satisfaction": 2}, "不满意"),
        ({"solved": True, "satisfaction": 1, "words": "拖了一周"}, "不满意：拖了一周"),
    ],
)
def test_a_bad_answer_reopens_the_case_even_if_it_was_solved(session, scene, answer, note):
    case, survey = closed(scene)
    answered(scene, survey, **answer)
    assert (case.status, case.round) == (Status.ACCEPTED, 2)
    last = scene.events(case)[-1]
    assert (last.action, last.role, last.note) == (Action.REOPEN, Role.RESIDENT, note)
    assert (survey.state, survey.round) == (SurveyState.ANSWERED, 1)


@pytest.mark.parametrize("satisfaction", [None, 3, 4, 5])
def test_a_good_answer_confirms_the_case(session, scene, satisfaction):
    case, survey = closed(scene)
    answered(scene, survey, solved=True, satisfaction=satisfaction)
    assert (case.status, case.round, case.confirmed_at) == (Status.CLOSED, 1, AT + DAY)


def test_a_late_word_about_the_first_round_does_not_touch_the_second(session, scene):
    case, first = closed(scene)
    answered(scene, first, solved=False)
    scene.do(case, Action.ASSIGN, Role.SECRETARY, AT + DAY, unit_id=scene.unit.id)
    scene.do(case, Action.ACKNOWLEDGE, Role.HANDLER, AT + DAY)
    scene.do(case, Action.RESOLVE, Role.HANDLER, AT + DAY, **vars(SOLVED))
    surveys.rate(first, 1)
    service.answer_survey(session, first, scene.actor(Role.RESIDENT), AT + 2 * DAY)
    assert (case.status, case.round, case.confirmed_at) == (Status.RESOLVED, 2, None)


def test_however_often_a_case_is_sent_on_the_first_times_of_the_round_count(session, scene):
    case = scene.case(Status.ACCEPTED)
    other = make_unit(session, scene.community)
    first, again = AT + timedelta(minutes=1), AT + timedelta(hours=5)
    scene.do(case, Action.ASSIGN, Role.DISPATCHER, first, unit_id=scene.unit.id)
    scene.do(case, Action.ACKNOWLEDGE, Role.HANDLER, first)
    reason = {"note": "不归我们", "basis": "第 3 条", "unit_id": other.id}
    scene.do(case, Action.SEND_BACK, Role.HANDLER, again, **reason)
    scene.do(case, Action.ASSIGN, Role.DISPATCHER, again, unit_id=scene.unit.id)
    scene.do(case, Action.ACKNOWLEDGE, Role.HANDLER, again)
    assert (case.assigned_at, case.acknowledged_at) == (first, first)
    case.round = 2
    assert "受理到派单" not in dict(firsts.lengths(case))


def kept(case):
    """What rounds begin anew with."""
    return {name: getattr(case, name) for name in (*rounds.TIMES, *rounds.FACTS)}


def declared_beyond_duty(scene):
    case = at_work(scene)
    beyond = {"note": "不归我们管", "outcome": Outcome.BEYOND_DUTY}
    return scene.do(case, Action.RESOLVE, Role.HANDLER, AT - DAY, **beyond), {"outcome": Outcome.BEYOND_DUTY}


def resolved_by_the_head(scene):
    case = scene.do(at_work(scene), Action.RESOLVE, Role.UNIT_HEAD, AT - DAY, **vars(SOLVED))
    return case, {"handler_id": scene.actor(Role.HANDLER).officer_id}


def followed_its_master(scene):
    master, member = at_work(scene), report(scene)
    scene.do(member, Action.MERGE, DESK, AT - DAY, case_id=master.id)
    scene.do(master, Action.RESOLVE, Role.HANDLER, AT - DAY, **vars(SOLVED))
    return member, {"master_id": master.id, "handler_id": None}


def sent_back_and_decided(scene):
    case, other = at_work(scene), make_unit(scene.session, scene.community)
    reason = {"note": "不归我们", "basis": "第 3 条", "unit_id": other.id}
    mine = {"unit_id": scene.unit.id}
    scene.do(case, Action.SEND_BACK, Role.HANDLER, AT - 9 * HOUR, **reason)
    scene.do(case, Action.ASSIGN, DESK, AT - 8 * HOUR, **mine)
    scene.do(case, Action.DISPUTE, Role.HANDLER, AT - 7 * HOUR, **reason)
    scene.do(case, Action.ARBITRATE, Role.ARBITER, AT - 6 * HOUR, note="由市政办理", **mine)
    scene.do(case, Action.ACKNOWLEDGE, Role.HANDLER, AT - 5 * HOUR)
    scene.do(case, Action.RESOLVE, Role.HANDLER, AT - 4 * HOUR, **vars(SOLVED))
    return case, {"sent_back": 2, "arbitrated_at": AT - 6 * HOUR}


ENDINGS = [declared_beyond_duty, resolved_by_the_head, followed_its_master, sent_back_and_decided]


@pytest.mark.parametrize("end", ENDINGS)
def test_the_round_before_is_there_again_as_it_was(session, scene, end):
    case, facts = end(scene)
    scene.do(case, Action.CLOSE, Role.SYSTEM, AT - HOUR)
    survey = session.scalars(sa.select(Survey).where(Survey.case_id == case.id)).one()
    before = kept(case)
    assert before.items() >= facts.items()
    give(session, survey, BAD)
    assert not any(kept(case).values())
    give(session, survey, GOOD, AT + HOUR)
    session.flush()
    session.refresh(case)
    assert kept(case) == before | {"confirmed_at": AT + HOUR}
    assert (case.status, case.round, case.last_round) == (Status.CLOSED, 1, None)
