"""The outbox desk in a trouble of many: the reasons with whom they concern, and what is being tried again."""

import html
import re
from datetime import timedelta

from backend.broker import redis_client
from backend.console import outbox_lists, outbox_waits
from backend.notify import circuit
from backend.notify.messages import Message
from backend.notify.models import Delivery, Held
from backend.notify.outbox import NEXT_VISIT
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
    assert "接口暂时不通，" not in desk(client)
    page = desk(client, tab="retried")
    assert page.count('class="card board-case"') == 3
    for words in ("恢复后马上发", "已经试过 1 次", "正在再发一次"):
        assert words in page
    redis_client().hset(circuit.OPEN, "demo", f"{at.timestamp() + 60} 5")
    try:
        for page in (desk(client), client.get("/console/outbox/tabs").text):
            assert "微信接口暂时不通，3 条在等，恢复后马上发" in page
    finally:
        redis_client().delete(circuit.OPEN)


def test_what_is_in_hand_or_due_behind_an_outage_is_counted_for_those_whose_it_is(town, as_officer):
    """What has not been tried since calls stopped stands in no list, and waits all the same."""
    at, plain = now(), {"attempts": 0, "error": None}
    owed(town, "hanging", status=Delivery.SENDING, due_at=at, **plain)
    owed(town, "behind", status=Delivery.WAITING, due_at=at, **plain)
    owed(town, "tomorrow", status=Delivery.WAITING, due_at=at + HOUR, **plain)
    elsewhere = as_officer(make_officer(town.session, Role.SUPERVISOR, area=town.dangui))
    redis_client().hset(circuit.OPEN, "demo", f"{at.timestamp() + 60} 5")
    try:
        page = desk(as_officer(town.dispatcher))
        assert "微信接口暂时不通，2 条在等，恢复后马上发" in page
        assert "微信接口暂时不通，要发的消息会等着" in desk(elsewhere)
    finally:
        redis_client().delete(circuit.OPEN)


def test_what_waits_for_room_under_a_limit_or_a_quota_is_found_by_a_number(town, as_officer):
    at, waits = now(), {"status": Delivery.WAITING, "attempts": 0}
    soon = waits | {"due_at": at + HOUR}
    owed(town, "limit", **soon | {"held": Held.LIMIT, "error": "一天里已发 8 条，稍后再发"})
    owed(town, "quota", **soon | {"error": "公众号今天的条数用完了", "due_at": at + 2 * HOUR})
    owed(town, "night", **soon | {"held": Held.NIGHT, "error": "夜里不打扰，早上再发"})
    owed(town, "fresh", **soon | {"error": None})
    owed(town, "failed", **soon | {"error": "微信系统繁忙", "attempts": 1})
    owed(town, "visit", **waits | {"due_at": at + NEXT_VISIT, "error": "对方没有关注公众号"})
    client = as_officer(town.dispatcher)
    assert "另有 2 条因为发满了条数在等" in desk(client)
    page = client.get("/console/outbox/held").text
    for words in ("一天里已发 8 条，稍后再发", "公众号今天的条数用完了"):
        assert words in page
    assert page.count('class="card board-case"') == 2
    assert "重新发送" not in page
    stranger = as_officer(make_officer(town.session, Role.SUPERVISOR, area=town.dangui))
    assert "发满了条数在等，" not in desk(stranger)
    assert 'class="card board-case"' not in stranger.get("/console/outbox/held").text


def test_the_list_of_what_waits_for_room_goes_on_page_by_page(town, as_officer, monkeypatch):
    monkeypatch.setattr(outbox_waits, "PAGE", 2)
    monkeypatch.setattr(outbox_lists, "PAGE", 2)
    for n in range(3):
        held = {"status": Delivery.WAITING, "held": Held.LIMIT, "attempts": 0}
        owed(town, f"limit{n}", error=f"第 {n} 条", due_at=now() + (n + 1) * HOUR, **held)
    client = as_officer(town.dispatcher)
    page = client.get("/console/outbox/held").text
    assert ("第 0 条" in page, "第 1 条" in page, "第 2 条" in page) == (True, True, False)
    more = html.unescape(re.search(r'hx-get="(/console/outbox/held[^"]*)"', page)[1])
    last = client.get(more, headers={"HX-Request": "true"}).text
    assert ("第 1 条" in last, "第 2 条" in last, "<html" in last) == (False, True, False)


def test_one_cause_is_one_group_whatever_later_ways_said_beside_it(town, as_officer):
    """The chat that comes first and the text message behind it say something else for each person."""
    cause = "模板编号不对（40037）"
    said = (cause, f"{cause}；这类消息没有短信模板", f"对方近期没有给公众号发过消息；{cause}；留的不是手机号")
    rows = [owed(town, f"k{n}", error=error) for n, error in enumerate(said)]
    other = owed(town, "other", error="对方没有关注公众号；这类消息没有短信模板")
    client = as_officer(town.dispatcher)
    reasons = desk(client).split("按原因一起处理")[1].split("</section>")[0]
    heads = re.findall(r"<strong>(.*?)</strong>.*?(\d+)</span></p>", reasons)
    assert heads == [(cause, "3"), ("对方没有关注公众号", "1")]
    assert reasons.count("办理进展") == 4
    assert desk(client, error=cause).count('class="card board-case"') == 3
    query = {"tab": "failed", "error": cause}
    done = client.post("/console/outbox/all/resend", query_string=query, follow_redirects=True)
    assert "已重新安排发送 3 条消息" in done.text
    for row in (*rows, other):
        town.session.refresh(row)
    assert [row.status for row in (*rows, other)] == [Delivery.WAITING] * 3 + [Delivery.FAILED]


def test_a_later_page_of_one_reason_opens_by_itself(town, as_officer):
    """Its number stands above the first page; of a full list the rest is asked for by a link."""
    owed(town)
    query = {"error": NO_TEMPLATE, "after": f"0~{(now() + HOUR).isoformat()}"}
    page = as_officer(town.dispatcher).get("/console/outbox/", query_string=query)
    assert (page.status_code, NO_TEMPLATE in page.text) == (200, True)
