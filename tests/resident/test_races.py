"""Double taps that arrive at the same moment, on real connections."""

import threading

import pytest

from backend.cases.models import Case, CaseEvent
from backend.cases.survey_models import Survey, SurveyState
from backend.cases.workflow import Action, Status
from backend.wechat import accounts
from tests.factories import make_code, make_community
from tests.resident.conftest import Desk, MiniProgram, open_case


@pytest.fixture
def place(committed):
    accounts.reset()
    place = make_community(committed)
    make_code(committed, place, "yulan")
    return place


def at_once(*calls):
    """What each call returned, all made at the same moment."""
    start, results = threading.Barrier(len(calls)), [None] * len(calls)

    def run(n):
        start.wait()
        results[n] = calls[n]()

    threads = [threading.Thread(target=run, args=[n]) for n in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_four_taps_on_submit_open_one_case(app, committed, place):
    mini = MiniProgram(app, committed)
    body = {"report": "3 栋楼下的路灯坏了", "scene": "yulan", "key": "k"}
    answers = at_once(*[lambda: mini.post("/cases", **body)] * 4)
    assert sorted(status for status, _ in answers) == [200, 200, 200, 201]
    assert len({case["number"] for _, case in answers}) == 1
    assert committed.query(Case).count() == 1


def test_four_taps_on_confirm_are_one_step(app, committed, place):
    mini = MiniProgram(app, committed)
    case = open_case(committed, place, mini.resident_id)
    Desk(committed, place).resolve(case.number)
    answers = at_once(*[lambda: mini.post(f"/cases/{case.number}/confirm")] * 4)
    assert [status for status, _ in answers] == [200] * 4
    assert committed.query(CaseEvent).filter_by(action=Action.CONFIRM).count() == 1
    assert committed.query(Survey).count() == 1


def test_an_answer_and_a_reopening_at_once_bring_the_case_back_once(app, committed, place):
    """Both lock the case first, so neither waits for the other for ever."""
    mini = MiniProgram(app, committed)
    case = open_case(committed, place, mini.resident_id)
    Desk(committed, place).resolve(case.number)
    mini.post(f"/cases/{case.number}/confirm")
    answered, reopened = at_once(
        lambda: mini.post(f"/cases/{case.number}/survey", solved=False, satisfaction=1),
        lambda: mini.post(f"/cases/{case.number}/reopen", note="又坏了"),
    )
    committed.expire_all()
    row, survey = committed.query(Case).one(), committed.query(Survey).one()
    assert (row.status, row.round) == (Status.ACCEPTED, 2)
    assert sorted([answered[0], reopened[0]]) in ([200, 409], [200, 410])
    assert survey.state is (SurveyState.ANSWERED if answered[0] == 200 else SurveyState.EXPIRED)
