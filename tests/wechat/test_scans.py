"""A scan in the chat: counted once, remembered with its place, and carried by the case that follows."""

import threading

import pytest
import sqlalchemy as sa

from backend import quick
from backend.cases.models import Case
from backend.places import codes
from backend.places.models import CodeScans, PlaceCode
from backend.places.positions import from_wgs84
from backend.times import now
from backend.wechat import inbound, wording
from backend.wechat.models import Conversation
from backend.wechat.talk import EMPTY, Kind
from backend.wechat.turns import CountScan, OpenCase
from tests.factories import make_area
from tests.wechat.pushes import event, location, push, read, send, text
from tests.wechat.talking import CASE, FACTS, GUIHUA, POSITION, YULAN, say
from tests.wechat.talking import send as turn


def scan(state=EMPTY, **facts):
    return turn(Kind.SCAN, state, message={"text": "yulan"}, **{"scanned": YULAN, "code": 3} | facts)


def test_a_scan_is_counted_and_the_case_after_it_carries_the_code():
    scanned = scan()
    assert scanned.effects == (CountScan(3),)
    opened = say("路灯不亮了", scanned.state)
    assert opened.effects == (OpenCase(FACTS.number, "路灯不亮了", YULAN, code=3),)


def test_a_place_that_was_named_or_sent_is_not_the_codes():
    state = scan().state
    assert say("桂花社区门口积水", state, named=GUIHUA).effects[0].code is None
    sent = turn(Kind.LOCATION, state, message=POSITION, near=GUIHUA).state
    assert say("路灯不亮了", sent).effects == (OpenCase(FACTS.number, "路灯不亮了", GUIHUA),)


def test_a_scan_of_yesterday_says_nothing_about_today():
    late = FACTS.now.replace(day=22)
    assert say("路灯不亮了", scan().state, now=late).effects[0].code is None


def test_a_code_that_is_no_longer_used_says_so_and_its_place_is_known():
    scanned = scan(is_code_used=False)
    assert scanned.reply == wording.CODE_ENDED.format(place="玉兰社区")
    assert scanned.effects == (CountScan(3),)
    assert say("路灯不亮了", scanned.state).effects == (OpenCase(FACTS.number, "路灯不亮了", YULAN),)


def test_short_words_join_the_case_and_open_no_other():
    opened = say("路灯不亮了", scan().state)
    assert say("三栋门口", opened.state, last=CASE).effects[0].number == CASE.number


def deliver(client, fields, **more):
    return read(send(client, push(fields, **more)))


def scans(session):
    session.rollback()
    rows = session.execute(sa.select(CodeScans.scans, CodeScans.far, CodeScans.day))
    return [tuple(row) for row in rows]


def test_a_scan_delivered_again_is_counted_once(client, committed):
    fields = event("SCAN", "yulan")
    deliver(client, text("你好"))
    first = deliver(client, fields)
    assert deliver(client, fields) == first
    assert "玉兰社区" in first
    assert scans(committed) == [(1, 0, codes.today())]


def test_a_first_contact_by_a_code_is_counted_too(client, committed):
    deliver(client, event("subscribe", "qrscene_yulan"))
    assert scans(committed) == [(1, 0, codes.today())]


def test_the_case_in_the_database_knows_its_code(client, committed):
    deliver(client, event("subscribe", "qrscene_yulan"))
    deliver(client, text("三号楼楼道里堆满了电动车和纸箱"))
    deliver(client, text("另外，菜市场门口的下水道堵了，污水一直往外流"))
    committed.rollback()
    code = committed.scalar(sa.select(PlaceCode.id))
    assert list(committed.scalars(sa.select(Case.code_id))) == [code, code]


def at_once(*deliveries):
    threads = [
        threading.Thread(target=deliver, args=(client, fields), kwargs={"openid": openid})
        for client, fields, openid in deliveries
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_whoever_finds_the_gate_shut_counts_nothing(client, committed):
    """Two connections that bring one scan read the same version; the second to write finds it gone."""
    deliver(client, text("你好"))
    talk = committed.scalars(sa.select(Conversation)).one()
    code_id = committed.scalar(sa.select(PlaceCode.id))
    values = dict.fromkeys(inbound.SCAN.names) | {
        "state": "{}", "at": now(), "contact_id": talk.contact_id, "version": talk.version, "kind": "scan",
        "content": "{}", "reply": "", "dedupe_key": "k", "code_id": code_id, "day": codes.today(),
    }  # fmt: skip
    assert quick.run(inbound.SCAN, values) is not None
    assert quick.run(inbound.SCAN, values) is None
    assert scans(committed) == [(1, 0, codes.today())]


def test_scans_at_once_are_all_counted(client, committed):
    people = [f"o{n:027d}" for n in range(6)]
    for openid in people:
        deliver(client, text("你好"), openid=openid)
    at_once(*((client, event("SCAN", "yulan"), openid) for openid in people))
    assert scans(committed) == [(6, 0, codes.today())]


@pytest.mark.parametrize("change", [{"revoked_at": now()}, {"expires_at": now()}])
def test_a_revoked_or_expired_code_is_answered_with_its_place(client, committed, change):
    committed.execute(sa.update(PlaceCode).values(**change))
    committed.commit()
    assert "这个二维码已经不用了" in deliver(client, event("subscribe", "qrscene_yulan"))
    reply = deliver(client, text("路灯不亮了，晚上很危险"))
    assert "玉兰社区" in reply
    committed.rollback()
    assert committed.scalars(sa.select(Case.code_id)).one() is None
    assert scans(committed) == [(1, 0, codes.today())]


def test_an_unknown_code_is_not_counted(client, committed):
    assert deliver(client, event("SCAN", "nothing")) == wording.NO_SUCH_CODE
    assert scans(committed) == []


def test_the_code_of_a_closed_place_leads_to_its_successor(client, committed, community):
    heir = make_area(
        committed, community.level, committed.get(type(community), community.parent_id), name="海棠社区"
    )
    community = committed.merge(community)
    community.closed_at, community.successor_id = now(), heir.id
    committed.commit()
    assert "海棠社区" in deliver(client, event("SCAN", "yulan"))


@pytest.mark.parametrize(("latitude", "far"), [(22.70, 0), (22.72, 1)])
def test_a_position_far_from_the_code_is_counted_once_for_a_case(client, committed, latitude, far):
    deliver(client, event("subscribe", "qrscene_yulan"))
    deliver(client, text("三号楼楼道里堆满了电动车和纸箱"))
    for _ in range(2):
        deliver(client, location(*from_wgs84(latitude, 114.20)))
    assert scans(committed) == [(1, far, codes.today())]
