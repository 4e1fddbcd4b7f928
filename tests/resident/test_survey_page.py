"""The survey's page: answered once by whoever holds the link; a bad answer brings the case back."""

import re
import time

import pytest

from backend import auth
from backend.cases.models import Case
from backend.cases.survey_models import Survey, SurveyState
from backend.cases.workflow import Status
from backend.config import config
from tests.browser import add_form_token

DAY = 24 * 3600


@pytest.fixture
def link(survey):
    return f"/r/surveys/{auth.sign('survey', survey.id)}"


@pytest.fixture
def browser(app):
    """Somebody who is not logged in."""
    client = app.test_client()
    add_form_token(client)
    return client


def reply(browser, link, **answers):
    response = browser.post(link, data=answers, follow_redirects=True)
    return response.status_code, response.get_data(as_text=True)


def row(session, survey):
    session.expire_all()
    return session.get(Survey, survey.id), session.get(Case, survey.case_id)


def test_both_questions_are_on_one_page(browser, link):
    page = browser.get(link).get_data(as_text=True)
    for words in ("事情真的解决了吗", "很满意", "满意", "一般", "不满意", "很不满意"):
        assert words in page
    assert "选“没有解决”、“不满意”或“很不满意”，这件事会重新办理" in page


def test_a_good_answer_is_thanked_and_leaves_the_case_closed(session, browser, link, survey):
    status, page = reply(browser, link, solved="yes", satisfaction="5", words="谢谢师傅")
    answered, case = row(session, survey)
    assert status == 200
    assert "谢谢您的评价" in page
    assert (answered.state, answered.solved, answered.satisfaction) == (SurveyState.ANSWERED, True, 5)
    assert answered.words == "谢谢师傅"
    assert case.status is Status.CLOSED


@pytest.mark.parametrize(
    "answers", [{"solved": "no", "satisfaction": "3"}, {"solved": "yes", "satisfaction": "2"}]
)
def test_a_bad_answer_brings_the_case_back(session, browser, link, survey, answers):
    _, page = reply(browser, link, **answers, words="灯又坏了")
    _, case = row(session, survey)
    assert "这件事会重新办理，有进展会马上告诉您。" in page
    assert (case.status, case.round) == (Status.ACCEPTED, 2)


def test_an_answered_link_says_so(browser, link):
    reply(browser, link, solved="yes", satisfaction="4")
    again = browser.get(link)
    assert again.status_code == 410
    assert "已经答过了" in again.get_data(as_text=True)


def test_a_second_answer_is_refused_and_changes_nothing(session, browser, link, survey):
    reply(browser, link, solved="yes", satisfaction="4")
    status, _ = reply(browser, link, solved="no", satisfaction="1")
    answered, case = row(session, survey)
    assert status == 410
    assert answered.solved is True
    assert case.status is Status.CLOSED


def test_an_expired_survey_says_so(session, browser, link, survey):
    survey.state, survey.next_at = SurveyState.EXPIRED, None
    session.commit()
    response = browser.get(link)
    assert response.status_code == 410
    assert "已经结束" in response.get_data(as_text=True)


def test_a_link_lives_a_day_longer_than_the_survey(browser, survey, monkeypatch):
    link, days = f"/r/surveys/{auth.sign('survey', survey.id)}", config.survey_days_open
    signed_at = time.time()
    monkeypatch.setattr("time.time", lambda: signed_at + days * DAY + DAY / 2)
    assert browser.get(link).status_code == 200
    monkeypatch.setattr("time.time", lambda: signed_at + days * DAY + DAY * 1.5)
    response = browser.get(link)
    assert response.status_code == 410
    assert "链接已失效" in response.get_data(as_text=True)


@pytest.mark.parametrize("token", ["1", "x.y.z", "{other}"])
def test_a_forged_link_is_not_found(browser, survey, token):
    forged = token.format(other=auth.sign("file", survey.id))
    for path in (f"/r/surveys/{forged}", f"/r/surveys/{forged}/thanks"):
        assert browser.get(path).status_code == 404


@pytest.mark.parametrize(
    "answers",
    [{}, {"solved": "yes"}, {"satisfaction": "5"}, {"solved": "maybe", "satisfaction": "5"},
     {"solved": "yes", "satisfaction": "6"}, {"solved": "yes", "satisfaction": "五"}],
)  # fmt: skip
def test_half_an_answer_asks_for_the_other_half_and_keeps_the_words(session, browser, link, survey, answers):
    status, page = reply(browser, link, **answers, words="路还是黑的")
    assert status == 422
    assert "请先点一下事情是不是解决了" in page or "请再点一下您是不是满意" in page
    assert "路还是黑的" in page
    assert row(session, survey)[0].state is SurveyState.SENT


def test_whoever_has_nothing_solved_need_not_say_how_satisfied(session, browser, link, survey):
    assert reply(browser, link, solved="no", words="灯还是不亮")[0] == 200
    answered = row(session, survey)[0]
    assert (answered.state, answered.solved, answered.satisfaction) == (SurveyState.ANSWERED, False, None)


def test_nobody_is_thanked_for_an_answer_not_given(browser, link):
    assert browser.get(f"{link}/thanks").status_code == 404


def test_the_case_leads_to_its_survey(phone, survey, case):
    _, page = phone.open(f"/r/cases/{case.number}")
    assert "说一说办得怎么样" in page
    link = re.search(r'href="(/r/surveys/[^"]+)"', page).group(1)
    assert phone.open(link)[0] == 200
