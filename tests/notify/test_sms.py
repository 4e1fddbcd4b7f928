"""Text messages: through Tencent Cloud's own kit to the sandbox's end of it, with reports and opting out."""

import logging
import time

import pytest
import requests
import sqlalchemy as sa
from tencentcloud.sms.v20210111 import errorcodes

from backend.notify import mending, sms_channel, sms_client, sms_optouts, sms_settings, tasks, troubles
from backend.notify.channels import Refusal, Then
from backend.notify.messages import Message
from backend.notify.models import Contact, Delivery, Notification
from backend.notify.sms_channel import fit_param
from backend.notify.sms_codes import CODES, fate_of
from backend.notify.sms_models import SmsListed, SmsOptOut
from backend.notify.sms_settings import SmsTemplate
from backend.places.roles import Role
from backend.times import local, next_within, now, parse_hours
from backend.wechat.previews import sample
from tests.factories import make_community, make_officer, make_resident, make_unit
from tests.settings import set_to
from tests.telling import owe, read
from tests.texting import PHONE

PATH = "/sms"
ANY = SmsTemplate("1001", ("number",)), ["261121483920"], "1"


@pytest.fixture
def session(committed):
    return committed


@pytest.fixture
def resident(session):
    resident = make_resident(session, phone=PHONE)
    session.commit()
    return resident


def tell(session, resident, message=Message.CASE_RESOLVED, **fields):
    owed = owe(Contact(resident_id=resident.id), message, f"t:{message}:{fields}", **fields)
    tasks.deliver([owed])
    return read(session, owed)


def until(session, row, status, seconds=5):
    end = time.monotonic() + seconds
    while (found := read(session, row.id)).status is not status:
        assert time.monotonic() < end, found.status
        time.sleep(0.05)
    return found


def test_who_left_a_number_and_has_no_wechat_gets_a_text_message(session, sms, resident):
    row = tell(session, resident, note="路灯换好了，请看")
    assert (row.status, row.channel, row.account) == (Delivery.SENT, "sms", "sms")
    [message] = sms.inbox()
    assert message["content"] == (
        "【青岚区诉求服务】您反映的事情（编号261121483920）有结果了：路灯换好了，请看。请到微信里查看。拒收请回复R"
    )
    assert [rung["channel"] for rung in row.rungs][:2] == ["wechat_chat", "wechat_template"]


def test_at_night_a_resident_gets_none_and_an_officer_does(session, weixin, sms, resident):
    handler = make_officer(session, Role.HANDLER, unit=make_unit(session, make_community(session)))
    handler.phone = "13912345679"
    session.commit()
    hours = parse_hours("13:00-14:00" if local(now()).hour < 12 else "01:00-02:00")
    with set_to(message_hours=hours):
        waits = tell(session, resident)
        danger = owe(Contact(officer_id=handler.id), Message.CASE_ASSIGNED, "danger", urgent="1")
        tasks.deliver([danger])
    assert sms_channel.AT_NIGHT in waits.error
    assert (waits.status, waits.attempts, waits.due_at) == (Delivery.WAITING, 0, next_within(now(), hours))
    assert len(weixin.calls(PATH)) == 1
    assert read(session, danger).channel == "sms"


def test_the_report_that_it_arrived_closes_the_row(session, weixin, sms, resident):
    weixin.settings(receipts=True, receipt_delay_ms=20)
    row = until(session, tell(session, resident), Delivery.RECEIVED)
    assert row.received_at is not None


def test_a_text_message_that_was_lost_is_not_paid_twice(session, weixin, sms, resident):
    weixin.settings(receipts=True, receipt_delay_ms=20, sms_report="FAIL")
    row = until(session, tell(session, resident), Delivery.WAITING)
    assert row.error == "短信没有送达"
    tasks.deliver([row.id])
    assert len(weixin.calls(PATH)) == 1
    row = read(session, row.id)
    assert row.channel is None
    assert {rung["why"] for rung in row.rungs if rung["channel"] == "sms"} == {"短信没有送达"}


def test_a_text_whose_answer_was_lost_goes_when_somebody_has_it_sent_again(session, weixin, sms, resident):
    """By itself it is not sent twice, for it may have come; who decides at the desk has read that."""
    weixin.faults(api=[{"path": PATH, "http_status": 502, "times": 1}])
    row = tell(session, resident)
    session.execute(sa.update(Notification).values(due_at=now()))
    session.commit()
    tasks.deliver([row.id])
    row = read(session, row.id)
    assert sms_channel.UNANSWERED in row.error
    desk = make_officer(session, Role.DISPATCHER, area=make_community(session))
    session.execute(sa.update(Notification).values(status=Delivery.FAILED))
    session.commit()
    assert mending.resend(session, [row.id], desk.id) == [row.id]
    session.commit()
    tasks.deliver([row.id])
    assert (read(session, row.id).status, read(session, row.id).channel) == (Delivery.SENT, "sms")


def test_who_answers_t_gets_none_any_more(session, weixin, sms, resident):
    tell(session, resident)
    weixin.control("POST", f"/users/{sms.user_id}/text_back", {"content": "T"})
    row = tell(session, resident, Message.SURVEY_INVITED, survey="7")
    assert row.rungs[-1]["why"] == "对方退订了短信"
    assert len(weixin.calls(PATH)) == 1
    assert session.scalar(sa.select(sa.func.count()).select_from(SmsOptOut)) == 1


def test_any_other_answer_changes_nothing(session, weixin, sms, resident):
    tell(session, resident)
    weixin.control("POST", f"/users/{sms.user_id}/text_back", {"content": "谢谢，已经好了"})
    assert not sms_optouts.is_kept(session, PHONE)


LISTED = "号码在腾讯云的退订名单里，请管理员到腾讯云控制台移出"


def why_not(session, resident, note):
    """What an administrator reads of the text message among what was tried; None where it was sent."""
    row = tell(session, resident, note=note)
    said = [one.why for one in troubles.tried(row) if one.channel == "短信"]
    return said[-1] if row.channel != "sms" else None


def test_taking_an_opt_out_back_does_not_pretend_that_tencent_clouds_list_is_empty(
    session, weixin, sms, resident
):
    """Tencent Cloud takes whoever answers T on its list, too, and 恢复 does not take them off."""
    for words in ("T", "恢复"):
        weixin.control("POST", f"/users/{sms.user_id}/text_back", {"content": words})
    session.rollback()
    assert not sms_optouts.is_kept(session, PHONE)
    assert why_not(session, resident, "一").startswith(LISTED)
    weixin.control("POST", f"/users/{sms.user_id}/text_back", {"content": "恢复"})
    asked = len(weixin.calls(PATH))
    assert why_not(session, resident, "二") == LISTED
    assert len(weixin.calls(PATH)) == asked  # nobody asks again on the same day


def test_once_the_console_has_emptied_the_list_text_messages_go_again_the_next_day(
    session, weixin, sms, resident
):
    for words in ("T", "恢复"):
        weixin.control("POST", f"/users/{sms.user_id}/text_back", {"content": words})
    assert LISTED in why_not(session, resident, "一")
    weixin.control("DELETE", f"/users/{sms.user_id}/sms_list")
    session.execute(sa.update(SmsListed).values(refused_at=now() - sms_optouts.LISTED_FOR))
    session.commit()
    assert why_not(session, resident, "二") is None


def test_a_number_on_the_list_whose_owner_opted_out_here_stays_opted_out(session, sms, resident):
    sms_optouts.keep(session, PHONE)
    sms_optouts.note_listed(session, PHONE, now())
    session.commit()
    assert why_not(session, resident, "一") == "对方退订了短信"
    sms_optouts.drop(session, PHONE)
    assert sms_optouts.is_listed(session, PHONE, now())


def test_no_number_stands_in_a_log_or_a_row(session, weixin, sms, resident, caplog):
    caplog.set_level(logging.DEBUG)
    weixin.faults(api=[{"path": PATH, "errcode": "InvalidParameterValue.IncorrectPhoneNumber", "times": 1}])
    row = tell(session, resident)
    tell(session, resident, note="再一次")
    assert PHONE not in caplog.text
    assert PHONE not in repr(session.execute(sa.text("SELECT * FROM notifications")).all())
    assert "手机号不对" in row.error


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ({"errcode": "LimitExceeded.PhoneNumberDailyLimit"}, Delivery.WAITING),
        ({"errcode": "FailedOperation.InsufficientBalanceInSmsPackage"}, Delivery.WAITING),
        ({"http_status": 502}, Delivery.WAITING),
    ],
)
def test_what_may_pass_is_tried_again(session, weixin, sms, resident, fault, status):
    weixin.faults(api=[{"path": PATH, **fault}])
    assert tell(session, resident).status is status


def test_a_call_without_an_answer_is_never_repeated(session, weixin, sms, resident):
    weixin.faults(api=[{"path": PATH, "http_status": 502, "times": 1}])
    row = tell(session, resident)
    session.execute(sa.text("UPDATE notifications SET due_at = now()"))
    session.commit()
    tasks.deliver([row.id])
    assert len(weixin.calls(PATH)) == 1
    assert sms_channel.UNANSWERED in [rung["why"] for rung in read(session, row.id).rungs]


def test_a_service_that_was_never_reached_is_asked_again(session, weixin, sms, resident):
    with set_to(wechat_api_base="http://127.0.0.1:9"), pytest.raises(Refusal) as refused:
        sms_client.send(sms_settings.settings(), PHONE, *ANY)
    refusal = refused.value
    assert (refusal.then, refusal.uncertain, refusal.next_rung) == (Then.LATER, False, False)
    assert PHONE not in refusal.reason


def test_a_wrong_key_is_said_to_whoever_must_repair_it(session, weixin, sms, resident, caplog):
    weixin.control(
        "PUT", "/sms", {"sdk_app_id": "1", "sign": "x", "secret_id": "AKIDtestsOnly", "secret_key": "y"}
    )
    row = tell(session, resident)
    assert "AuthFailure.SignatureFailure" in row.error
    assert "somebody has to repair it" in caplog.text


@pytest.mark.parametrize(
    ("text", "fitted"),
    [
        ("261121483920", "261121483920"),
        ("路灯换好了，晚上请您去看一看是不是真的亮了", "路灯换好了…"),
        ("请打 13912345678 问", "请打…"),
        ("", "见微信"),
        ("见 https://example.test/x", "见"),
        ("两行\n文字", "两行 文字"),
        ("修好了🙂🙂🙂🙂🙂🙂", "修好了🙂🙂🙂🙂…"),
    ],
)
def test_a_parameter_is_short_one_line_and_never_empty(text, fitted):
    assert fit_param(text, 12) == fitted


def test_a_unit_stands_whole_in_a_text_message_or_not_at_all(sms):
    template, rows = SmsTemplate("1001", ("who",)), {}
    for who in ("市政服务中心、城管执法中队", "青岚区城市管理和综合执法局"):
        rows[who] = sms_channel.params_of(sample(Message.CASE_ACCEPTED, {"who": who}), template)
    assert list(rows.values()) == [["市政服务中心等"], ["见微信"]]


def test_every_code_of_the_kit_has_a_fate():
    codes = [value for name, value in vars(errorcodes).items() if name.isupper()]
    assert len(codes) > 60
    assert all(fate_of(code) is not fate_of("Nonsense") for code in codes)
    assert all(code in codes or "." not in code or code.startswith("UnauthorizedOperation") for code in CODES)


def test_nobody_without_the_token_reports_anything(address, sms, session):
    there, token = f"{address}/sms", sms_settings.settings().callback_token
    for path in ("wrong/report", f"{token}/else", ""):
        assert requests.post(f"{there}/{path}", json=[], timeout=5).status_code == 404
    assert requests.post(f"{there}/{token}/report", data=b"{", timeout=5).status_code == 400
    assert requests.get(f"{there}/{token}/report", timeout=5).status_code == 405
    unknown = requests.post(f"{there}/{token}/report", json=[{"sid": "x"}, 7], timeout=5)
    assert unknown.json() == {"result": 0, "errmsg": "OK"}


@pytest.mark.parametrize(
    ("table", "field"),
    [
        ({"sign": "x" * 99}, "sign"),
        ({"callback_token": "aaaaaaaaaaaaaaaaaaaa"}, "callback_token"),
        ({"templates": {"nonsense": {"id": "1"}}}, "templates.nonsense"),
        ({"templates": {"case_resolved": {"id": "T"}}}, "templates.case_resolved.id"),
        (
            {"templates": {"case_resolved": {"id": "1", "params": ["phone"]}}},
            "templates.case_resolved.params",
        ),
        ({"other": "1"}, "other"),
        ({"secret_key": ""}, "secret_key"),
    ],
)
def test_a_bad_table_is_said_by_its_field_and_never_by_its_value(table, field):
    good = {
        "sdk_app_id": "1400006666", "sign": "青岚区诉求服务", "secret_id": "AKIDtestsOnly",
        "secret_key": "testsOnlySecretKey", "callback_token": "tests-only-callback-token",
    }  # fmt: skip
    with pytest.raises(SystemExit) as stop:
        sms_settings.read(good | table)
    assert f"[sms] 的 {field}：" in str(stop.value)
    assert "testsOnlySecretKey" not in str(stop.value)
