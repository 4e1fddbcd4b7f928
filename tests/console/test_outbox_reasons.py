"""The outbox desk in a trouble of many: the reasons with whom they concern, and what is being tried again."""

from datetime import timedelta

from backend.broker import redis_client
from backend.notify import circuit
from backend.notify.messages import Message
from backend.notify.models import Delivery, Held
from backend.places.roles import Role
from backend.times import now
from tests.console.test_outbox import NO_TEMPLATE, desk, owed, town
from tests.factories import make_officer

__all__ = ["town"]
HOUR = timedelta(hours=1)


def test_all_that_failed_for_one_reason_are_mended_together(town, as_officer):
    rows = [owed(town, f"k{n}") for n in range(3)]
    other = owed(town, "other", error="微信系统繁忙")
    client = as_officer(town.dispatcher)
    page = desk(client, error=NO_TEMPLATE)
    assert page.count('class="card board-case"') == 3
    client.post(f"/console/outbox/{owed(town, 'single').id}/resend?tab=failed")
    assert "现在有 <strong>3</strong> 条" in desk(client, error=NO_TEMPLATE)
    address = "/console/outbox/all/resend"
    query = {"tab": "failed", "error": NO_TEMPLATE}
    assert "已重新安排发送 3 条消息" in client.post(address, query_string=query, follow_redirects=True).text
    again = client.post(address, query_string=query)
    assert (again.status_code, "已经有人处理过了" in again.text) == (409, True)
    for row in (*rows, other):
        town.session.refresh(row)
    assert [row.status for row in (*rows, other)] == [Delivery.WAITING] * 3 + [Delivery.FAILED]


def test_each_reason_shows_whom_its_latest_messages_are_to(town, as_officer, monkeypatch):
    for n in range(5):
        owed(town, f"k{n}", due_at=now() - n * HOUR)
    owed(town, "other", to={"officer_id": town.handler.id}, error="微信系统繁忙", message=Message.CASE_URGED)
    client = as_officer(town.dispatcher)
    reasons = desk(client).split("按原因一起处理")[1].split("</section>")[0]
    first, second = reasons.split('<div class="list-group-item">')[1:]
    assert (NO_TEMPLATE in first, first.count("王** 138****5678：办理进展"), first.count(">5<")) == (
        True,
        3,
        1,
    )
    assert "看全部 5 条，一起处理" in first
    assert ("微信系统繁忙" in second, "陈志：催办" in second, "看全部" in second) == (True, True, False)
    stranger = as_officer(make_officer(town.session, Role.SUPERVISOR, area=town.dangui))
    assert "按原因一起处理" not in desk(stranger)


def test_from_the_first_failed_attempt_on_the_desk_shows_what_is_tried_again(town, as_officer):
    """While calls are stopped the desk says whose; what waits for the night or a digest is no trouble."""
    at, waits = now(), {"status": Delivery.WAITING, "error": "微信接口暂时不通，恢复后马上发"}
    held = waits | {"held": Held.OUTAGE, "attempts": 0, "due_at": at + HOUR / 12, "account": "demo"}
    owed(town, "outage", **held)
    owed(town, "first", **waits | {"attempts": 1, "due_at": at + HOUR / 360, "error": "微信系统繁忙"})
    owed(town, "calling", **waits | {"status": Delivery.SENDING, "error": "微信系统繁忙"})
    owed(town, "night", **held | {"held": Held.NIGHT, "error": "夜里不发"})
    owed(town, "fresh", **waits | {"attempts": 0, "error": None, "due_at": at})
    client = as_officer(town.dispatcher)
    assert "接口现在不通" not in desk(client)
    page = desk(client, tab="retried")
    assert page.count('class="card board-case"') == 3
    for words in ("恢复后马上发", "已经试过 1 次", "正在再发一次"):
        assert words in page
    redis_client().hset(circuit.OPEN, "demo", f"{at.timestamp() + 60} 5")
    try:
        assert "微信接口现在不通，要发的消息在“正在重试”里等着" in desk(client)
    finally:
        redis_client().delete(circuit.OPEN)
