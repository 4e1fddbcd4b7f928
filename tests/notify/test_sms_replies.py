"""A survey by text message is answered by text message: from the phone of somebody who has no WeChat."""

from datetime import timedelta

import pytest
import requests
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from backend import broker
from backend.cases.models import Case, CaseEvent
from backend.cases.survey_models import Survey, SurveyAnswer, SurveyState, Via
from backend.cases.workflow import Action, Status
from backend.notify import sms_optouts, sms_settings
from backend.notify.messages import Message
from backend.notify.models import Contact
from backend.places.models import Resident
from backend.privacy import blind_index
from backend.times import now
from backend.web.sms_replies import read
from tests.cases.scene import at_once
from tests.factories import make_resident
from tests.telling import tell
from tests.texting import PHONE


@pytest.fixture
def session(committed):
    return committed


@pytest.fixture
def asked(committed_scene, sms):
    """A closed case of somebody who left only a number, and their survey, which came by text message."""
    return ask(committed_scene)


def ask(scene, message=Message.SURVEY_INVITED, phone=PHONE):
    resident = scene.session.get_one(Resident, scene.resident_id)
    resident.phone, resident.phone_index = phone, blind_index(phone)
    case = scene.case(Status.CLOSED)
    survey = Survey(case_id=case.id, round=1, resident_id=resident.id, state=SurveyState.SENT, sent_at=now())
    scene.session.add(survey)
    scene.session.commit()
    row = tell(scene.session, Contact(resident_id=resident.id), message, survey=str(survey.id))
    assert (row.channel, row.error) == ("sms", None)
    return case, survey


def text_back(phone, words):
    answer = phone.sandbox.control("POST", f"/users/{phone.user_id}/text_back", {"content": words})
    assert answer["deliveries"] == [{"status": 200}]


def answers(session, survey):
    session.expire_all()
    rows = session.scalars(sa.select(SurveyAnswer).filter_by(survey_id=survey.id).order_by(SurveyAnswer.id))
    return [(row.solved, row.words, row.is_late) for row in rows if row.via is Via.SMS]


def comments(session, case):
    wanted = sa.select(CaseEvent.note).filter_by(case_id=case.id, action=Action.COMMENT)
    return session.scalars(wanted.order_by(CaseEvent.id)).all()


def test_the_digit_one_is_the_answer_that_it_is_solved(session, sms, asked):
    case, survey = asked
    text_back(sms, " １ 已解决 ")
    assert answers(session, survey) == [(True, None, False)]
    assert session.get_one(Survey, survey.id).state is SurveyState.ANSWERED
    assert session.get_one(Case, case.id).status is Status.CLOSED


def test_the_digit_two_with_words_brings_the_case_back_with_them(session, sms, asked):
    case, survey = asked
    text_back(sms, "2 路灯还是不亮")
    assert answers(session, survey) == [(False, "路灯还是不亮", False)]
    assert session.get_one(Case, case.id).round == 2


@pytest.fixture
def resolved(committed_scene, sms):
    """A case with a result, of somebody who left only a number, who was told by text message."""
    return tell_result(committed_scene)


def tell_result(scene, at=None):
    resident = scene.session.get_one(Resident, scene.resident_id)
    resident.phone, resident.phone_index = PHONE, blind_index(PHONE)
    case = scene.case(Status.RESOLVED, resolved_at=at or now())
    scene.session.commit()
    row = tell(scene.session, Contact(resident_id=resident.id), Message.CASE_RESOLVED, number=case.number)
    assert (row.channel, row.error) == ("sms", None)
    return case


def last_step(session, case):
    session.expire_all()
    own = sa.select(CaseEvent).where(CaseEvent.case_id == case.id)
    event = session.scalars(own.order_by(CaseEvent.id.desc()).limit(1)).one()
    return event.action, event.note, session.get_one(Case, case.id).status


@pytest.mark.parametrize(
    ("text", "step"),
    [
        ("1", (Action.CONFIRM, "", Status.CLOSED)),
        ("2 路灯还是不亮", (Action.REOPEN, "路灯还是不亮", Status.ACCEPTED)),
        ("没有解决", (Action.REOPEN, "没有解决", Status.ACCEPTED)),
        ("师傅说明天再来看看", (Action.ADD, "师傅说明天再来看看", Status.RESOLVED)),
    ],
)
def test_a_result_that_came_by_text_message_is_answered_by_one(session, sms, resolved, text, step):
    text_back(sms, text)
    assert last_step(session, resolved) == step


def test_of_a_result_and_a_survey_what_came_last_is_answered(session, sms, committed_scene):
    """The survey came after the result; once it is answered, the next word is about the result."""
    waiting = tell_result(committed_scene, now() - timedelta(hours=1))
    _, survey = ask(committed_scene)
    text_back(sms, "1")
    assert answers(session, survey) == [(True, None, False)]
    text_back(sms, "1 谢谢师傅")
    assert last_step(session, waiting) == (Action.CONFIRM, "谢谢师傅", Status.CLOSED)
    text_back(sms, "2")
    assert answers(session, survey) == [(True, None, False), (False, None, False)]


def test_the_reminder_comes_by_text_message_and_is_answered_the_same(session, committed_scene, sms):
    _, survey = ask(committed_scene, Message.SURVEY_REMINDED)
    text_back(sms, "没有解决")
    assert answers(session, survey) == [(False, None, False)]


def reply(address, at, text):
    """What Tencent Cloud tells of an answer that was sent at this moment."""
    there = f"{address}/sms/{sms_settings.settings().callback_token}/reply"
    said = {"extend": "", "mobile": PHONE, "nationcode": "86", "sign": "x", "text": text, "time": at}
    assert requests.post(there, json=said, timeout=5).status_code == 200


def test_a_repeated_delivery_does_not_undo_a_change_of_mind(session, address, asked):
    _, survey = asked
    for at, text in ((100, "1"), (160, "2"), (100, "1")):
        reply(address, at, text)
    assert answers(session, survey) == [(True, None, False), (False, None, False)]


def test_an_answer_told_again_does_not_answer_the_next_question(session, address, committed_scene, sms):
    """Not one after the other, not at the same moment, and not after Redis has forgotten everything."""
    waiting = tell_result(committed_scene)
    _, survey = ask(committed_scene)
    survey.sent_at = now() - timedelta(hours=1)
    session.commit()
    at_once(*[lambda _: reply(address, 100, "2")] * 4)
    broker.redis_client().flushall()
    reply(address, 100, "2")
    assert last_step(session, waiting)[0] is Action.REOPEN
    assert answers(session, survey) == []
    reply(address, 160, "2")
    assert answers(session, survey) == [(False, None, False)]


def test_one_after_two_closes_the_case_again_as_on_the_page(session, sms, asked):
    case, survey = asked
    text_back(sms, "2 路灯还是不亮")
    text_back(sms, "1")
    assert answers(session, survey) == [(False, "路灯还是不亮", False), (True, None, False)]
    assert last_step(session, case) == (Action.CLOSE_AGAIN, "已解决", Status.CLOSED)
    assert session.get_one(Case, case.id).round == 1


def test_the_newest_open_survey_of_the_number_is_meant(session, sms, committed_scene):
    _, older = ask(committed_scene)
    _, newer = ask(committed_scene)
    text_back(sms, "1")
    assert (answers(session, older), answers(session, newer)) == ([], [(True, None, False)])
    text_back(sms, "2")
    assert answers(session, older) == [(False, None, False)]


def test_words_that_answer_nothing_stand_with_the_case(session, sms, asked):
    case, survey = asked
    text_back(sms, "师傅说明天再来看看")
    assert comments(session, case) == ["师傅说明天再来看看"]
    assert session.get_one(Survey, survey.id).state is SurveyState.SENT


def test_what_comes_after_the_end_is_kept_as_late(session, sms, asked):
    case, survey = asked
    survey.state = SurveyState.EXPIRED
    session.commit()
    text_back(sms, "2 又坏了")
    assert answers(session, survey) == [(False, "又坏了", True)]
    assert comments(session, case) == ["回访结束后又说：没有解决。又坏了"]


def test_words_that_follow_an_answer_join_it(session, sms, asked):
    _, survey = asked
    text_back(sms, "1")
    text_back(sms, "灯很亮，晚上放心了")
    assert session.get_one(Survey, survey.id, populate_existing=True).words == "灯很亮，晚上放心了"


def test_a_strangers_number_and_an_old_survey_answer_nothing(session, sms, asked):
    _, survey = asked
    stranger = make_resident(session, phone="13700000000")
    stranger.phone_index = blind_index("13700000000")
    session.get_one(Resident, survey.resident_id).phone_index = blind_index("13600000000")
    session.commit()
    text_back(sms, "1")
    assert answers(session, survey) == []
    session.get_one(Resident, survey.resident_id).phone_index = blind_index(PHONE)
    survey.sent_at = now() - timedelta(days=31)
    session.commit()
    text_back(sms, "1。")
    assert answers(session, survey) == []


def test_text_messages_are_wanted_again_when_it_is_said(session, sms, asked):
    text_back(sms, "R")
    assert sms_optouts.is_kept(session, PHONE)
    text_back(sms, "恢复通知")
    session.rollback()
    assert not sms_optouts.is_kept(session, PHONE)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("1", (True, "")),
        ("２。", (False, "")),
        ("1已解决", (True, "")),
        ("1 已解决，谢谢师傅", (True, "谢谢师傅")),
        ("2没有解决，还是臭", (False, "还是臭")),
        ("2还是不亮", (False, "还是不亮")),
        ("已解决", (True, "")),
        ("没解决，还是臭", (False, "没解决，还是臭")),
        ("1 没有解决", (False, "")),
        ("2栋的灯不亮", (None, "2栋的灯不亮")),
        ("12号楼的灯不亮", (None, "12号楼的灯不亮")),
        ("1.5米的坑", (None, "1.5米的坑")),
        ("", (None, "")),
        ("3", (None, "3")),
    ],
)
def test_an_answer_is_read_with_its_words(text, meant):
    assert read(text) == meant


@given(st.text(max_size=900))
def test_any_answer_can_be_read(text):
    solved, words = read(text)
    assert solved in (True, False, None)
    assert len(words) <= 900
