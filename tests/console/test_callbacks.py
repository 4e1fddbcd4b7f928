"""The pages of telephone callbacks: take one, see the number, say what came of it."""

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend.cases import survey_answers, tasks
from backend.cases.callback_models import CallAttempt, CallbackState, Heard, PhoneCallback
from backend.cases.models import Case
from backend.cases.survey_answers import Said
from backend.cases.survey_models import Follow, Survey, SurveyPolicy, Via
from backend.cases.workflow import Status
from backend.places.models import Resident
from backend.places.roles import Role
from backend.times import SHANGHAI, local, now
from tests.console.conftest import asked_again, open_case, queries_of, tap
from tests.factories import make_community, make_officer

NUMBER, MASKED, LINK = "13812345678", "138****5678", 'href="tel:13812345678"'
INDEX = "/console/callbacks/"


def due_callback(session, place, **fields):
    """A callback about a case that was closed a day ago, due now."""
    case = open_case(session, place.community, **fields)
    case.status, case.answer = Status.CLOSED, "灯泡换好了"
    session.add(
        Survey(case_id=case.id, round=1, resident_id=case.resident_id, next_at=now() - timedelta(hours=1))
    )
    session.flush()
    tasks.ask_due(session, now(), 100)
    session.commit()
    return session.scalar(sa.select(PhoneCallback).where(PhoneCallback.case_id == case.id))


@pytest.fixture
def callback(session, place):
    return due_callback(session, place)


def post(client, callback, step, **form):
    return client.post(f"{INDEX}{callback.id}/{step}", data=form)


def again(session, callback):
    session.expire_all()
    return session.get_one(PhoneCallback, callback.id)


def test_an_officer_takes_it_sees_the_number_once_calls_and_says_what_was_answered(
    session, place, as_officer, callback
):
    client, page = as_officer(place.desk), f"{INDEX}{callback.id}"
    listed = client.get(INDEX).text
    assert "没有微信，打电话问" in listed
    assert NUMBER not in listed
    assert post(client, callback, "take").location == page
    shown = client.get(page).text
    assert "电话打得怎么样" not in shown  # nobody has called yet
    assert "玉兰社区的工作人员李梅" in shown
    assert "事情真的解决了吗？" in shown
    assert (MASKED in shown, LINK in shown) == (True, False)
    answer = post(client, callback, "dial")
    assert LINK in answer.text
    assert "电话打得怎么样" in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    begun = client.get(page).text
    assert (LINK in begun, "电话打得怎么样" in begun, "再看一次号码" in begun) == (False, True, True)
    assert (
        post(client, callback, "record", heard="answered", solved="yes", satisfaction="4").status_code == 303
    )
    assert again(session, callback).state is CallbackState.ANSWERED
    case_page = client.get(f"/console/cases/{session.get_one(Case, callback.case_id).number}").text
    assert "查看了电话，准备拨打" in case_page
    assert "接通：已解决，满意" in case_page
    assert "<strong>已回访</strong>（没有微信，打电话问）" in case_page


def test_the_second_who_takes_it_reads_who_was_quicker(place, as_officer, callback):
    post(as_officer(place.desk), callback, "take")
    late = post(as_officer(place.colleague), callback, "take")
    assert late.status_code == 409
    assert "李梅正在打这个电话" in late.text


def test_the_number_is_for_who_took_it_alone(session, place, as_officer, callback):
    post(as_officer(place.desk), callback, "take")
    refused = post(as_officer(place.colleague), callback, "dial")
    assert refused.status_code == 409
    assert NUMBER not in refused.text
    assert session.scalars(sa.select(CallAttempt)).all() == []


@pytest.mark.parametrize("role", [Role.SECRETARY, Role.LEADER])
def test_who_does_not_call_has_neither_list_nor_page(session, place, as_officer, callback, role):
    client = as_officer(make_officer(session, role, area=place.community))
    for address in (INDEX, f"{INDEX}{callback.id}"):
        assert client.get(address).status_code == 403
    assert INDEX not in client.get("/console/").text


def test_another_community_sees_nothing_of_it(session, place, as_officer, callback):
    other = make_officer(session, Role.INFORMATION_OFFICER, area=make_community(session, name="枫溪社区"))
    client = as_officer(other)
    assert "路灯" not in client.get(INDEX).text
    assert client.get(f"{INDEX}{callback.id}").status_code == 403
    assert post(client, callback, "take").status_code == 403


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({}, "请选电话打得怎么样"),
        ({"heard": "sleeping"}, "请选电话打得怎么样"),
        ({"heard": "answered", "words": "说还行"}, "请选事情解决了没有"),
        ({"heard": "answered", "solved": "yes", "words": "说还行"}, "请选是不是满意"),
        ({"heard": "answered", "solved": "yes", "satisfaction": "9", "words": "说还行"}, "请选是不是满意"),
        ({"heard": "later", "later": "明天", "words": "说还行"}, "请选什么时候再打"),
        ({"heard": "later", "later": "2020-01-01T10:00", "words": "说还行"}, "请选再打的时间"),
    ],
)
def test_what_cannot_be_taken_is_said_with_what_was_typed(session, place, as_officer, callback, form, said):
    client = as_officer(place.desk)
    post(client, callback, "take")
    post(client, callback, "dial")
    answer = post(client, callback, "record", **form)
    assert answer.status_code == 422
    assert said in answer.text
    assert form.get("words", "") in answer.text
    assert session.scalars(sa.select(CallAttempt.heard)).all() == [None]


def test_nobody_picked_up_and_the_list_says_so(session, place, as_officer, callback):
    client = as_officer(place.desk)
    post(client, callback, "take")
    post(client, callback, "dial")
    assert post(client, callback, "record", heard="no_answer").status_code == 303
    assert f"{INDEX}{callback.id}" not in client.get(INDEX).text
    later = client.get(f"{INDEX}?view=later").text
    assert "1 次没打通" in later
    page = client.get(f"{INDEX}{callback.id}").text
    assert re.search(r"李梅：没有人接（从看号码到记结果 1 分钟）", page)


def test_who_asks_for_another_time_is_called_then(session, place, as_officer, callback):
    client = as_officer(place.desk)
    post(client, callback, "take")
    post(client, callback, "dial")
    wanted = (local(now()) + timedelta(days=1)).replace(hour=15, minute=30, second=0, microsecond=0)
    later = wanted.strftime("%Y-%m-%dT%H:%M")
    assert post(client, callback, "record", heard="later", later=later).status_code == 303
    assert again(session, callback).next_at.astimezone(SHANGHAI) == wanted
    assert session.scalars(sa.select(CallAttempt.heard)).all() == [Heard.LATER]


def test_what_is_given_back_is_on_the_list_again(session, place, as_officer, callback):
    client = as_officer(place.desk)
    post(client, callback, "take")
    assert f"{callback.id}/take" not in client.get(INDEX).text
    assert post(client, callback, "give_back").status_code == 303
    assert f"{callback.id}/take" in as_officer(place.colleague).get(INDEX).text


def test_not_solved_brings_the_case_back_and_the_case_page_offers_no_second_way(
    session, place, as_officer, callback
):
    client = as_officer(place.desk)
    number = session.get_one(Case, callback.case_id).number
    refused = tap(client, session, session.get_one(Case, callback.case_id), "call_back", note="打过了")
    assert refused.status_code == 409
    assert "请在“电话回访”页面里办理" in refused.text
    assert f'href="{INDEX}{callback.id}"' in client.get(f"/console/cases/{number}").text
    post(client, callback, "take")
    post(client, callback, "dial")
    post(client, callback, "record", heard="answered", solved="no", words="晚上还是不亮")
    page = client.get(f"/console/cases/{number}").text
    assert "第 2 次办理" in page
    assert "晚上还是不亮" in page


def test_the_list_asks_by_itself_for_what_is_new(session, place, as_officer, callback):
    client = as_officer(place.desk)
    address = asked_again(client.get(INDEX).text)
    assert client.get(address).status_code == 204
    post(as_officer(place.colleague), callback, "take")
    assert client.get(address).status_code == 200


def test_a_page_of_the_list_costs_the_same_for_one_and_for_three(session, place, as_officer, callback):
    client = as_officer(place.desk)
    client.get(INDEX)
    one = len(queries_of(lambda: client.get(INDEX)))
    for _ in range(2):
        due_callback(session, place)
    assert len(queries_of(lambda: client.get(INDEX))) == one


def test_at_night_the_list_says_when_calling_begins_and_offers_no_call(place, as_officer, callback, night):
    client = as_officer(place.desk)
    listed = client.get(INDEX).text
    assert f"现在不打回访电话，{night}起可以打" in listed
    page = client.get(f"{INDEX}{callback.id}").text
    assert f"现在不打回访电话，{night}起可以打" in page
    for shown in (listed, page):
        assert "/take" not in shown
    refused = post(client, callback, "take")
    assert refused.status_code == 409
    assert f"现在不打回访电话，{night}起可以打" in refused.text


def test_what_was_taken_by_day_is_not_dialled_at_night(session, place, as_officer, callback, request):
    client = as_officer(place.desk)
    post(client, callback, "take")
    by_day = asked_again(client.get(f"{INDEX}?view=mine").text)
    request.getfixturevalue("night")  # falls
    assert client.get(by_day).status_code == 200  # the page that shows it is told
    page = client.get(f"{INDEX}{callback.id}").text
    assert ("/dial" in page, "起可以打" in page, "/give_back" in page) == (False, True, True)
    refused = post(client, callback, "dial")
    assert (refused.status_code, NUMBER in refused.text) == (409, False)
    assert "现在不打回访电话" in refused.text
    assert session.scalars(sa.select(CallAttempt)).all() == []


def test_a_list_or_a_page_that_is_not_there_says_so(place, as_officer, callback):
    client = as_officer(place.desk)
    assert client.get(f"{INDEX}?view=nothing").status_code == 404
    assert client.get(f"{INDEX}?after=x").status_code == 422
    assert client.get(f"{INDEX}999999").status_code == 404


def test_a_name_stands_masked_until_the_number_is_seen(session, place, as_officer, callback):
    session.get_one(Resident, callback.resident_id).name = "王秀英"
    session.commit()
    client = as_officer(place.desk)
    post(client, callback, "take")
    page = client.get(f"{INDEX}{callback.id}").text
    assert ("王**" in page, "王秀英" in page) == (True, False)
    assert "王秀英" in post(client, callback, "dial").text


def test_the_page_promises_what_the_policy_of_the_place_does(session, place, as_officer, callback):
    page = as_officer(place.desk).get(f"{INDEX}{callback.id}").text
    assert "没有解决的，我们会再去办。" in page
    session.add(SurveyPolicy(area_id=place.community.id, on_unsolved=Follow.REVIEW))
    session.commit()
    page = as_officer(place.desk).get(f"{INDEX}{callback.id}").text
    assert ("督查人员会去核查" in page, "我们会再去办" in page) == (True, False)


def test_what_was_said_is_not_lost_where_they_answered_in_chat_meanwhile(
    session, place, as_officer, callback
):
    client = as_officer(place.desk)
    post(client, callback, "take")
    post(client, callback, "dial")
    survey_answers.give(session, callback.survey_id, Said(True, 4), Via.CHAT)
    session.commit()
    words = "晚上又灭了，打13912345678找我"
    answer = post(client, callback, "record", heard="answered", solved="no", words=words)
    assert (answer.status_code, again(session, callback).state) == (303, CallbackState.REPLIED)
    page = client.get(f"{INDEX}{callback.id}").text
    assert ("晚上又灭了" in page, "139****5678" in page, "13912345678" in page) == (True, True, False)
    case_page = client.get(f"/console/cases/{session.get_one(Case, callback.case_id).number}").text
    assert "回访结束后又说：没有解决。晚上又灭了" in case_page


@pytest.mark.parametrize(
    ("via", "said"), [(Via.SMS, "已用短信答复"), (Via.CHAT, "已在微信答复"), (Via.PAGE, "已在网页答复")]
)
def test_who_answered_by_themselves_is_no_call_that_was_made(session, place, as_officer, callback, via, said):
    client = as_officer(place.desk)
    survey_answers.give(session, callback.survey_id, Said(True, 4), via)
    session.commit()
    listed = client.get(f"{INDEX}?view=done").text
    assert said in listed
    assert "<dt>今天打完</dt><dd>0</dd>" in listed
    assert said in client.get(f"{INDEX}{callback.id}").text
    assert said in client.get(f"/console/cases/{session.get_one(Case, callback.case_id).number}").text
    assert said in post(client, callback, "take").text
