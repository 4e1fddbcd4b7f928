"""The survey's page: answered by whoever holds the link, anew within a day, and heard after its end."""

import io
import re
import time
from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend import auth
from backend.cases.models import Attachment, Case, CaseEvent, Stored
from backend.cases.survey_models import (
    Follow,
    ReviewState,
    Survey,
    SurveyAnswer,
    SurveyPolicy,
    SurveyReview,
    SurveyState,
    Via,
)
from backend.cases.survey_policies import LONGEST_OPEN
from backend.cases.thanks_models import Thanks, ThanksKind
from backend.cases.workflow import Action, Status
from backend.times import spoken
from tests.browser import add_form_token
from tests.cases.pictures import jpeg

DAY = 24 * 3600
GOOD = {"solved": "yes", "satisfaction": "5"}


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


def test_to_show_the_page_nothing_is_held(browser, link, queries):
    with queries() as asked:
        assert browser.get(link).status_code == 200
    assert not [statement for statement in asked if "FOR UPDATE" in statement]


def test_a_good_answer_is_thanked_and_leaves_the_case_closed(session, browser, link, survey):
    status, page = reply(browser, link, solved="yes", satisfaction="5", words="谢谢师傅")
    answered, case = row(session, survey)
    assert status == 200
    assert "谢谢您的评价" in page
    assert (answered.state, answered.solved, answered.satisfaction) == (SurveyState.ANSWERED, True, 5)
    assert answered.words == "谢谢师傅"
    assert case.status is Status.CLOSED


@pytest.mark.parametrize("answers", [GOOD, {"solved": "no"}])
def test_the_thanks_say_until_when_the_answer_may_be_changed_and_lead_there(
    session, browser, link, survey, answers
):
    _, page = reply(browser, link, **answers)
    until = spoken(row(session, survey)[0].answered_at + timedelta(days=1))
    assert f"{until}前想改，点“改评价”就行。" in page
    assert f'href="{link}">改评价</a>' in page


@pytest.mark.parametrize("is_followed", [False, True])
def test_the_thanks_promise_no_change_once_the_answer_stands(
    session, browser, link, survey, case, is_followed
):
    reply(browser, link, **GOOD)
    if is_followed:  # the next round of the case has a survey of its own
        of_next = {"case_id": case.id, "round": 2, "resident_id": survey.resident_id}
        session.add(Survey(**of_next, state=SurveyState.DUE))
    else:
        row(session, survey)[0].answered_at -= timedelta(days=1)
    session.commit()
    page = browser.get(f"{link}/thanks").get_data(as_text=True)
    assert "谢谢您的评价" in page
    assert "改评价" not in page


def test_who_ticks_thanks_says_them_once(session, browser, link, survey):
    assert "我想说声谢谢" in browser.get(link).get_data(as_text=True)
    reply(browser, link, **GOOD, words="师傅来得快", thanks="1")
    reply(browser, link, solved="yes", satisfaction="4", words="师傅来得快", thanks="1")
    [said] = session.scalars(sa.select(Thanks)).all()
    assert (said.kind, said.words, said.survey_id) == (ThanksKind.SURVEY, "师傅来得快", survey.id)


def test_a_tick_at_thanks_beside_not_solved_thanks_nobody(session, browser, link, survey):
    assert reply(browser, link, solved="no", satisfaction="5", words="师傅来得快", thanks="1")[0] == 200
    assert session.scalars(sa.select(Thanks)).all() == []
    assert row(session, survey)[0].solved is False


def test_the_page_says_which_case_it_asks_about_before_and_after_the_answer(session, browser, link, case):
    case.report = "<b>3 栋</b>楼下的路灯坏了，晚上看不清路，老人走路容易摔倒，请派人来修，电话 13800138000"
    session.commit()
    for _ in range(2):
        page = browser.get(link).get_data(as_text=True)
        assert "您反映的“&lt;b&gt;3 栋&lt;/b&gt;楼下的路灯坏了" in page
        assert f"…”（编号 {case.number}）已经结案。" in page
        assert "13800138000" not in page
        reply(browser, link, **GOOD)


def test_reasons_of_another_policy_stand_apart_in_their_own_words(session, browser, link, survey, case):
    reply(browser, link, solved="no", reasons=["没有人来", "时间太长"])
    session.add(SurveyPolicy(area_id=case.community_id, reasons=["没有人来", "灯不够亮"]))
    session.commit()
    page = browser.get(link).get_data(as_text=True)
    before, now_offered = page.split("您上次选的：")[1].split("现在可以选的：")
    ticked = re.compile(r'value="([^"]+)" checked')
    assert (ticked.findall(before), ticked.findall(now_offered.split("</fieldset>")[0])) == (
        ["时间太长"],
        ["没有人来"],
    )
    assert reply(browser, link, solved="no", reasons=["时间太长", "灯不够亮"])[0] == 200
    assert row(session, survey)[0].reasons == ["时间太长", "灯不够亮"]


def test_reasons_are_left_out_of_a_good_answer_whatever_they_are(session, browser, link, survey):
    """The form holds them still, hidden: perhaps of a list that holds no longer, or it comes back."""
    _, page = reply(browser, link, solved="yes", reasons=["没有人来"])
    assert 'value="没有人来" checked' not in page
    assert reply(browser, link, **GOOD, reasons=["早就没有的原因"])[0] == 200
    assert row(session, survey)[0].reasons == []


def test_who_changes_to_solved_thanks_without_the_old_complaint_and_reads_what_holds(
    session, browser, link, survey
):
    """The form is sent as it stands: the words of the complaint are still in their box."""
    reply(browser, link, solved="no", satisfaction="1", words="灯还是坏的")
    page = browser.get(link).get_data(as_text=True)
    assert "不会把它当作感谢" in page
    _, page = reply(browser, link, solved="yes", satisfaction="5", words="灯还是坏的", thanks="1")
    assert "您的评价我们收到了。这件事不再重新办理。" in page
    answered, case = row(session, survey)
    assert (case.status, case.round, answered.words) == (Status.CLOSED, 1, None)
    assert session.scalars(sa.select(Thanks.words)).all() == [""]
    assert "不会把它当作感谢" not in browser.get(link).get_data(as_text=True)


@pytest.mark.parametrize(
    "answers", [{"solved": "no", "satisfaction": "3"}, {"solved": "yes", "satisfaction": "2"}]
)
def test_a_bad_answer_brings_the_case_back(session, browser, link, survey, answers):
    _, page = reply(browser, link, **answers, words="灯又坏了")
    _, case = row(session, survey)
    assert "这件事会重新办理，有进展会马上告诉您。" in page
    assert (case.status, case.round) == (Status.ACCEPTED, 2)


def test_while_somebody_looks_at_it_the_case_says_so_and_then_that_it_was_looked_at(
    session, browser, link, survey, phone, case
):
    session.add(SurveyPolicy(area_id=case.community_id, on_unsolved=Follow.REVIEW))
    session.commit()
    assert "督查人员会核查这件事" in reply(browser, link, solved="no", words="灯又坏了")[1]
    own = f"/r/cases/{case.number}"
    assert "您说的问题，督查人员正在核查，结果会告诉您。" in phone.open(own)[1]
    session.execute(sa.update(SurveyReview).values(state=ReviewState.UPHELD))
    session.commit()
    assert "督查人员核查过了" in phone.open(own)[1]
    assert "您说的，我们会转告负责的单位" in browser.get(link).get_data(as_text=True)
    assert "记下了，已转告负责的单位" in reply(browser, link, solved="no", words="还是坏的")[1]


def test_who_says_solved_after_all_reads_that_nobody_looks_at_it_any_more(
    session, browser, link, survey, phone, case
):
    session.add(SurveyPolicy(area_id=case.community_id, on_unsolved=Follow.REVIEW))
    session.commit()
    reply(browser, link, solved="no", words="灯又坏了")
    assert "您的评价我们收到了。督查人员不再核查这件事。" in reply(browser, link, **GOOD)[1]
    own = phone.open(f"/r/cases/{case.number}")[1]
    assert "这件事已经结案，谢谢您的评价。" in own
    assert "您改了评价，督查人员不再复核" in own


def test_within_a_day_an_answered_link_shows_the_answer_and_takes_another(session, browser, link, survey):
    reply(browser, link, solved="yes", satisfaction="4", words="师傅很快")
    page = browser.get(link).get_data(as_text=True)
    assert "您已经评价过了" in page
    assert "师傅很快" in page
    assert reply(browser, link, solved="no", satisfaction="1", words="又坏了")[0] == 200
    answered, case = row(session, survey)
    assert (answered.solved, answered.satisfaction, answered.words) == (False, 1, "又坏了")
    assert case.round == 2
    given = session.scalars(survey.answers.select().order_by(SurveyAnswer.id)).all()
    assert [(one.solved, one.via) for one in given] == [(True, Via.PAGE), (False, Via.PAGE)]


def test_after_a_day_the_answer_stands_and_what_is_said_is_kept(session, browser, link, survey):
    reply(browser, link, solved="yes", satisfaction="4")
    row(session, survey)[0].answered_at -= timedelta(days=1, minutes=1)
    session.commit()
    again = browser.get(link)
    assert again.status_code == 410
    assert "已经答过了" in again.get_data(as_text=True)
    status, page = reply(browser, link, solved="no", satisfaction="1", words="又坏了")
    answered, case = row(session, survey)
    assert (status, answered.solved, case.status) == (410, True, Status.CLOSED)
    assert "您刚才说的，我们记下了" in page
    assert last_note(session, case) == "回访结束后又说：没有解决，很不满意。又坏了"


def last_note(session, case):
    own = sa.select(CaseEvent.note).where(CaseEvent.case_id == case.id)
    return session.scalar(own.order_by(CaseEvent.id.desc()).limit(1))


def test_an_expired_survey_says_so_and_hears_what_is_said(session, browser, link, survey):
    survey.state, survey.next_at = SurveyState.EXPIRED, None
    session.commit()
    response = browser.get(link)
    assert response.status_code == 410
    assert "已经结束" in response.get_data(as_text=True)
    assert reply(browser, f"{link}/late", words="")[0] == 422
    for _ in range(2):  # a double tap
        assert "您说的我们记下了" in reply(browser, f"{link}/late", words="出差才回来，灯还是坏的")[1]
    answered, case = row(session, survey)
    assert last_note(session, case) == "回访结束后又说：出差才回来，灯还是坏的"
    assert session.query(CaseEvent).filter_by(case_id=case.id, action=Action.COMMENT).count() == 1
    assert (answered.state, answered.words) == (SurveyState.EXPIRED, None)


def test_too_many_answers_bring_the_form_back_with_the_words(session, browser, link, survey, monkeypatch):
    monkeypatch.setattr("backend.cases.survey_answers.MOST_ANSWERS", 1)
    reply(browser, link, solved="yes", satisfaction="5")
    status, page = reply(browser, link, solved="yes", satisfaction="4", words="还想说一句")
    assert status == 429
    assert "这次说的没有再记，前面说的都记下了" in page
    assert "还想说一句" in page


def test_what_comes_late_says_that_photos_were_not_kept_and_keeps_the_thanks(session, browser, link, survey):
    survey.state, survey.next_at = SurveyState.EXPIRED, None
    session.commit()
    photo = (io.BytesIO(jpeg()), "a.jpg")
    answer = {"solved": "yes", "satisfaction": "5", "words": "师傅来得快", "thanks": "1"}
    status, page = reply(browser, link, **answer, photos=photo)
    assert status == 410
    assert "您刚才说的，我们记下了，照片没有收下" in page
    assert last_note(session, row(session, survey)[1]) == "回访时感谢：师傅来得快"
    [said] = session.scalars(sa.select(SurveyAnswer)).all()
    assert (said.is_late, said.solved, said.satisfaction) == (True, True, 5)


def test_nobody_is_heard_without_end_after_the_end(session, browser, link, survey):
    survey.state, survey.next_at = SurveyState.EXPIRED, None
    session.commit()
    statuses = [reply(browser, f"{link}/late", words=f"第{n}次")[0] for n in range(6)]
    assert statuses == [200] * 5 + [429]


def test_a_link_lives_a_month_longer_than_any_survey(browser, survey, monkeypatch):
    link, days = f"/r/surveys/{auth.sign('survey', survey.id)}", LONGEST_OPEN + 30
    signed_at = time.time()
    monkeypatch.setattr("time.time", lambda: signed_at + (days - 1) * DAY)
    assert browser.get(link).status_code == 200
    monkeypatch.setattr("time.time", lambda: signed_at + (days + 1) * DAY)
    response = browser.get(link)
    assert response.status_code == 410
    assert "链接已失效" in response.get_data(as_text=True)


def test_why_not_is_ticked_and_shown_by_photos(session, browser, link, survey):
    _, page = reply(browser, link)
    assert "没有人来" in page
    photo = (io.BytesIO(jpeg()), "a.jpg")
    reasons = ["没有人来", "时间太长"]
    assert reply(browser, link, solved="no", reasons=reasons, words="等了一周", photos=photo)[0] == 200
    answered, case = row(session, survey)
    assert answered.reasons == reasons
    noted = sa.select(CaseEvent.note).where(CaseEvent.action == Action.REOPEN)
    assert session.scalar(noted) == "没有解决：没有人来、时间太长。等了一周"
    kept = session.scalars(sa.select(Attachment).where(Attachment.case_id == case.id)).one()
    assert (kept.round, kept.by_resident, kept.state) == (1, True, Stored.STORED)


def test_a_reason_that_is_not_on_the_list_is_refused_and_the_words_stay(session, browser, link, survey):
    status, page = reply(browser, link, solved="no", reasons="别的", words="等了一周")
    assert status == 422
    assert "等了一周" in page
    assert row(session, survey)[0].state is SurveyState.SENT


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
