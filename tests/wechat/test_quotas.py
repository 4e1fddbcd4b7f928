"""Calls a day: counted, told by the platform, kept for what is urgent, and closed when they are used up."""

import logging
from datetime import UTC, datetime

import pytest

from backend.broker import redis_client
from backend.notify import refused_accounts, sms_codes, tasks
from backend.notify.channels import Then
from backend.notify.messages import Message
from backend.notify.models import Delivery
from backend.times import now
from backend.wechat import accounts, quotas, upkeep
from tests.telling import read, tell
from tests.weixin import follower

SEND, TOLD = quotas.CARD, "/cgi-bin/openapi/quota/get"


@pytest.fixture
def session(committed):
    return committed


@pytest.fixture
def app_id(weixin):
    return accounts.get("demo").app_id


def standing(app_id, path=SEND):
    quotas.forget()
    return next(one for one in quotas.standings(app_id) if one.path == path)


def test_our_calls_are_counted_and_the_platform_knows_of_others(session, weixin, resident, app_id):
    _, contact = resident
    tell(session, contact)
    assert (standing(app_id).used, standing(app_id).limit) == (1, 100_000)
    weixin.settings(daily_limits={SEND: 50})
    upkeep.read_quotas()
    told = standing(app_id)
    assert (told.used, told.limit, told.left) == (1, 50, 49)
    assert told.told_at


def test_near_the_limit_what_can_wait_waits_for_tomorrow_and_what_is_urgent_goes(
    session, weixin, resident, app_id
):
    _, contact = resident
    quotas.note(app_id, SEND, 100, 90)
    waits = tell(session, contact, Message.CASE_ACCEPTED)
    assert (waits.status, waits.attempts) == (Delivery.WAITING, 0)
    assert quotas.SCARCE_REASON in waits.error
    assert waits.due_at == quotas.midnight()
    assert tell(session, contact, Message.CASE_RESOLVED).status is Delivery.SENT


def test_a_quota_that_is_used_up_is_not_tried_again_today(session, weixin, app_id):
    _, contact = follower(session, weixin, "li")
    weixin.settings(daily_limits={SEND: 0})
    rows = [tell(session, contact, Message.CASE_RESOLVED, number=f"26112148392{n}") for n in range(5)]
    assert len(weixin.calls(SEND)) == 1
    assert {row.status for row in rows} == {Delivery.WAITING}
    assert {row.due_at for row in rows} == {quotas.midnight()}
    assert standing(app_id).is_closed
    assert standing(app_id).left == 0
    assert any("已用完" in sentence for _, sentence in upkeep.warnings())


def test_a_message_that_waited_for_the_day_goes_on_the_next(session, weixin, resident, app_id):
    _, contact = resident
    quotas.close(app_id, SEND)
    row = tell(session, contact, Message.CASE_RESOLVED)
    assert (row.status, row.due_at) == (Delivery.WAITING, quotas.midnight())
    redis_client().delete(quotas._today(app_id))  # the next day has counts of its own
    quotas.forget()
    row.due_at = now()
    session.commit()
    tasks.deliver([row.id])
    assert (read(session, row.id).status, row.channel) == (Delivery.SENT, "wechat_template")


def test_the_day_is_that_of_shanghai():
    late = datetime(2026, 11, 21, 16, 30, tzinfo=UTC)  # half past midnight there
    assert quotas._today("wx1", late) == "wechat:calls:20261122:wx1"
    assert quotas.midnight(late) == datetime(2026, 11, 22, 16, 0, tzinfo=UTC)


def test_at_four_fifths_the_administrators_are_warned(weixin, app_id):
    quotas.note(app_id, SEND, 100, 79)
    assert upkeep.warnings() == []
    quotas.note(app_id, SEND, 100, 80)
    assert upkeep.warnings() == [
        ("demo", "青岚区的公众号今天的“模板消息”用了 80%，快满时不急的消息会等到明天")
    ]


def test_a_closed_account_is_shown_and_the_ladder_goes_on(session, weixin, resident):
    _, contact = resident
    weixin.faults(api=[{"path": SEND, "errcode": 50007}])
    row = tell(session, contact, Message.CASE_RESOLVED)
    assert row.status is Delivery.WAITING
    assert [rung["channel"] for rung in row.rungs][:2] == ["wechat_chat", "wechat_template"]
    assert len(row.rungs) > 2
    assert "公众号已冻结（50007）" in refused_accounts.of("demo").why
    assert any("公众号已冻结" in sentence for _, sentence in upkeep.warnings())


def test_what_else_a_provider_closed_is_shown_by_its_name(weixin):
    for name in ("demo:mini", "demo:wecom"):
        refused_accounts.note(name, "不让用了")
    assert sms_codes.refused("FailedOperation.InsufficientBalanceInSmsPackage").then is Then.LATER
    said = [sentence for account, sentence in upkeep.warnings() if account == "demo"]
    assert [sentence.partition("，")[0] for sentence in said] == [
        "青岚区的小程序被平台拒绝：不让用了",
        "青岚区的企业微信被平台拒绝：不让用了",
        "短信被平台拒绝：短信套餐的余量用完了（FailedOperation.InsufficientBalanceInSmsPackage）",
    ]


def test_an_app_that_wechat_does_not_know_is_asked_once(weixin, caplog):
    caplog.set_level(logging.INFO)
    weixin.faults(api=[{"path": TOLD, "errcode": 40013}])
    upkeep.read_quotas()
    known = accounts.all_accounts().values()
    apps = len(known) + sum(account.mini_program is not None for account in known)
    assert len(weixin.calls(TOLD)) == apps < apps * len(upkeep.OF_ACCOUNT)
    assert caplog.text == ""


def test_without_redis_messages_go_uncounted(session, weixin, resident, monkeypatch):
    class Away:
        def __getattr__(self, name):
            raise quotas.RedisError("away")

    monkeypatch.setattr(quotas, "_redis", Away)
    quotas.forget()
    _, contact = resident
    assert tell(session, contact).status is Delivery.SENT
    quotas.forget()
