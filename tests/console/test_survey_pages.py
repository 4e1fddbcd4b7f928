"""The pages of surveys: reviews of bad answers, and how surveys are asked where."""

import re

import pytest
import sqlalchemy as sa

from backend.cases import attachments, survey_answers
from backend.cases.survey_answers import Said
from backend.cases.survey_models import (
    Follow,
    ReviewState,
    Survey,
    SurveyPolicy,
    SurveyReview,
    SurveyState,
    Via,
)
from backend.cases.workflow import Action
from backend.places.models import Area
from backend.places.roles import Role
from tests.cases.pictures import jpeg
from tests.console.conftest import asked_again, open_case, queries_of, walk
from tests.factories import make_category, make_community, make_officer

REVIEWS, POLICIES = "/console/survey-reviews/", "/console/survey-policies/"
STEPS = (Action.ACCEPT, Action.ASSIGN, Action.ACKNOWLEDGE, Action.RESOLVE)


def dissent(session, place):
    """A closed case of this place whose resident does not accept what was done."""
    case = open_case(session, place.community)
    walk(session, case, place, *STEPS)
    from_resident = survey_answers.Actor(resident_id=case.resident_id)
    survey_answers.service.perform(session, case.number, Action.CONFIRM, from_resident)
    session.flush()
    survey = session.scalars(sa.select(Survey).where(Survey.case_id == case.id)).one()
    survey.state = SurveyState.SENT
    survey_answers.give(session, survey.id, Said(False, 1, "灯还是坏的"), Via.PAGE)
    session.commit()
    return case, session.scalars(sa.select(SurveyReview).where(SurveyReview.case_id == case.id)).one()


@pytest.fixture
def reviewed(session, place):
    session.add(SurveyPolicy(area_id=place.community.id, on_unsolved=Follow.REVIEW))
    return dissent(session, place)


def form(review, **more):
    return {"review": str(review.id), "decision": "uphold", "note": "到现场看过，灯是亮的"} | more


def test_a_supervisor_reads_the_words_and_upholds_with_a_reason(session, place, reviewed, as_officer):
    case, review = reviewed
    client = as_officer(place.supervisor)
    page = client.get(REVIEWS).text
    for words in ("没有解决：灯还是坏的", "已换新灯泡", case.number, "前复核"):
        assert words in page
    assert "由我包案" not in page
    assert client.post(REVIEWS, data=form(review)).status_code == 303
    session.refresh(review)
    assert review.state is ReviewState.UPHELD
    assert "到现场看过，灯是亮的" in client.get(f"{REVIEWS}?state=upheld").text


def test_numbers_in_their_words_stay_masked_and_what_is_decided_is_not_asked_for_again(
    session, place, reviewed, as_officer
):
    _, review = reviewed
    review.complaint = "没有解决：打13812345678找我"
    session.commit()
    client = as_officer(place.supervisor)
    page = client.get(REVIEWS).text
    assert ("13812345678" in page, "138****5678" in page, "every 15s" in page) == (False, True, True)
    assert "every 15s" not in client.get(f"{REVIEWS}?state=upheld").text


def again(session, place, case):
    """The case is worked on once more, and its resident does not accept that either, with a photo."""
    walk(session, case, place, *STEPS[1:3])
    attachments.attach(session, case, attachments.prepare(jpeg(83, 61)), by_resident=True)
    walk(session, case, place, STEPS[3])
    survey_answers.service.perform(
        session, case.number, Action.CONFIRM, survey_answers.Actor(resident_id=case.resident_id)
    )
    session.flush()
    survey = session.scalars(sa.select(Survey).where(Survey.case_id == case.id, Survey.round == 2)).one()
    survey.state = SurveyState.SENT
    survey_answers.give(session, survey.id, Said(False, 1, "换了又坏"), Via.PAGE)
    survey_answers.add_photos(session, survey.id, [attachments.prepare(jpeg(81, 61))])
    session.commit()


def test_the_card_has_what_is_needed_to_decide(session, place, reviewed, as_officer):
    """The report, what was answered each time and what the resident said to that, and their photos."""
    case, review = reviewed
    case.report = "楼道的灯不亮，请打13812345678。" + "很黑" * 100
    client = as_officer(place.supervisor)
    client.post(REVIEWS, data=form(review, decision="reopen", note="请再去看看"))
    session.expire_all()
    again(session, place, case)
    card = client.get(REVIEWS).text.split('class="board-list"')[1]
    assert ("原来反映：" in card, "楼道的灯不亮，请打138****5678" in card, "很黑" * 100 in card) == (
        True,
        True,
        False,
    )
    first, second = card.split("次办理答复：")[1:]
    assert ("已换新灯泡" in first, '居民：<span class="said">没有解决：灯还是坏的' in first) == (True, True)
    assert ("已换新灯泡" in second, "居民：<span" in second) == (True, False)
    assert '居民说：</strong><span class="said">没有解决：换了又坏' in card
    assert card.count("<img ") == 1
    [photo] = re.findall(r'<img src="(.*?)"', second)
    assert client.get(photo).status_code == 200


def test_what_is_refused_is_said_at_its_row_with_what_was_typed(session, place, reviewed, as_officer):
    _, review = reviewed
    client = as_officer(place.supervisor)
    answer = client.post(REVIEWS, data=form(review, decision="supervise"))
    assert answer.status_code == 422
    assert "请填写答复时限" in answer.text
    assert "到现场看过，灯是亮的" in answer.text
    assert client.post(REVIEWS, data=form(review, decision="", note="")).status_code == 422


def test_where_no_unit_can_be_supervised_nobody_is_asked_until_when(session, place, reviewed, as_officer):
    case, _ = reviewed
    client = as_officer(place.supervisor)
    assert "督办答复时限" in client.get(REVIEWS).text
    case.unit_id = None
    session.commit()
    page = client.get(REVIEWS).text
    assert ("维持原结果" in page, "督办" in page.split('class="board-list"')[1]) == (True, False)


def test_the_unit_reads_it_and_decides_nothing_and_others_do_not_see_it(session, place, reviewed, as_officer):
    _, review = reviewed
    page = as_officer(place.handler).get(REVIEWS).text
    assert "灯还是坏的" in page
    assert "<form" not in page.split('class="board-list"')[1]
    assert as_officer(place.handler).post(REVIEWS, data=form(review)).status_code == 403
    stranger = make_officer(session, Role.SUPERVISOR, area=make_community(session))
    assert "灯还是坏的" not in as_officer(stranger).get(REVIEWS).text
    assert as_officer(stranger).post(REVIEWS, data=form(review)).status_code == 404


def test_the_page_says_by_itself_that_there_is_something_new(session, place, reviewed, as_officer):
    client = as_officer(place.supervisor)
    again = asked_again(client.get(REVIEWS).text)
    assert client.get(again).status_code == 204
    dissent(session, place)
    assert "有新" in client.get(again).text or client.get(again).status_code == 200


@pytest.mark.parametrize("role", [Role.SUPERVISOR, Role.LEADER])
def test_three_reviews_cost_as_many_queries_as_one(session, place, reviewed, as_officer, role):
    """Also of those that are a leader's: whether there is one is asked for all at once."""
    client = as_officer(make_officer(session, role, area=place.community))
    client.get(REVIEWS)
    one = len(queries_of(lambda: client.get(REVIEWS)))
    for _ in range(2):
        dissent(session, place)
    session.execute(sa.update(SurveyReview).values(is_leaders=True))
    session.commit()
    three = queries_of(lambda: client.get(REVIEWS))
    assert len(three) <= one + 1  # who leads, once


def test_the_page_of_the_case_leads_to_the_review_and_upholds_nothing(session, place, reviewed, as_officer):
    case, review = reviewed
    client = as_officer(place.supervisor)
    page = client.get(f"/console/cases/{case.number}").text
    assert "居民不认可，等复核" in page
    assert 'href="/console/survey-reviews/"' in page
    assert "复核后维持" not in page
    answer = client.post(f"/console/cases/{case.number}/uphold", data={"note": "到现场看过，灯是亮的"})
    assert answer.status_code == 409
    session.refresh(review)
    assert review.state is ReviewState.OPEN


RULE = {"asked": "yes", "delay": "2", "hours": "10:00-18:00", "days": "5", "on_unsolved": "review"}


def test_a_policy_is_put_shown_edited_recorded_and_ended(session, admin_client, place):
    district = session.get_one(Area, place.community.district_id)
    category = make_category(session, "路灯不亮")
    answer = admin_client.post(POLICIES, data=RULE | {"category": "路灯不亮", "why": "没人来修\n灯又坏了"})
    assert answer.status_code == 303
    row = session.scalars(sa.select(SurveyPolicy)).one()
    assert (row.area_id, row.category_id, row.delay_minutes, row.days_open) == (
        district.id, category.id, 120, 5,
    )  # fmt: skip
    assert (row.on_unsolved, row.on_dissatisfied, row.reasons) == (
        Follow.REVIEW,
        None,
        ["没人来修", "灯又坏了"],
    )
    page = admin_client.get(POLICIES).text
    for words in ("结案后 2 小时", "10:00-18:00 之间", "没有解决：先由督查复核", "原因：没人来修、灯又坏了"):
        assert words in page
    form = admin_client.get(f"{POLICIES}?edit={row.id}").text
    assert 'value="10:00-18:00"' in form
    edited = RULE | {"category": "路灯不亮", "days": "9"}
    assert admin_client.post(POLICIES, data=edited).status_code == 303
    session.expire_all()
    new = session.scalars(sa.select(SurveyPolicy).where(SurveyPolicy.ended_at.is_(None))).one()
    assert (new.days_open, new.reasons, row.ended_at is None) == (9, None, False)
    assert admin_client.post(f"{POLICIES}{new.id}/end").status_code == 303
    assert "还没有自己的规则" in admin_client.get(POLICIES).text
    record = admin_client.get("/console/changes/").text
    assert "新增回访规则" in record
    assert "停用回访规则" in record
    assert "on_unsolved" not in record


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"days": "31"}, "1 到 30"),
        ({"days": "x"}, "请填写天数"),
        ({"delay": "许久"}, "请填写小时数"),
        ({"delay": "nan"}, "请填写小时数"),
        ({"delay": "999"}, "最多等 30 天"),
        ({"hours": "18:00-09:00"}, "09:00-20:00"),
        ({"why": "\n".join("一二三四五六七八九十")}, "最多 9 条"),
        ({"category": "没有这一项"}, "事件字典"),
        ({"area": "没有这个地方"}, "没有"),
        ({name: "" for name in RULE}, "请至少填写一项"),
    ],
)
def test_what_cannot_be_is_refused_and_stays_in_the_form(session, admin_client, place, typed, said):
    answer = admin_client.post(POLICIES, data=RULE | typed)
    assert answer.status_code in (404, 422)
    assert said in answer.text
    assert session.scalars(sa.select(SurveyPolicy)).all() == []


def test_only_administrators_of_the_place_change_its_policies(session, place, as_officer, as_administrator):
    row = SurveyPolicy(area_id=place.community.id, days_open=3)
    session.add(row)
    session.commit()
    assert as_officer(place.supervisor).get(POLICIES).status_code == 403
    elsewhere = as_administrator(make_community(session))
    assert elsewhere.post(f"{POLICIES}{row.id}/end").status_code == 404
    assert elsewhere.get(f"{POLICIES}?edit={row.id}").status_code == 404
    session.refresh(row)
    assert row.ended_at is None


def test_where_nothing_waits_the_page_says_where_what_came_back_at_once_stands(session, place, as_officer):
    """Without a policy of its own a bad answer brings the case back, and nobody has to decide."""
    case, review = dissent(session, place)
    assert review.state is ReviewState.REOPENED
    client = as_officer(place.supervisor)
    page = client.get(REVIEWS).text
    assert "按规则直接重新办理的，不用复核，在“已重新办理”里看" in page
    found = client.get(f"{REVIEWS}?state=reopened").text
    assert (case.number in found, "不用复核" in found) == (True, False)
