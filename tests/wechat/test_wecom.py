"""WeCom: cards to officers, and the button that takes the step, over the sandbox and real PostgreSQL."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa
from werkzeug.serving import make_server

from backend import db
from backend.app import create_app
from backend.cases.models import CaseEvent
from backend.cases.workflow import Action, Status
from backend.errors import Conflict
from backend.notify import binding, circuit, tasks
from backend.notify.messages import CATALOGUE, Message
from backend.notify.models import Contact, Delivery
from backend.places.models import Officer
from backend.places.roles import Role
from backend.times import now
from backend.wechat import accounts, contacts, wecom_binding, wecom_channel, wecom_taps
from backend.wechat.wecom_models import WeComTap
from tests.factories import make_case, make_community, make_officer, make_unit
from tests.programs import wait_until
from tests.settings import set_to
from tests.telling import FIELDS, owe, read
from tests.weixin import register_work

assert wecom_channel  # as in the worker: importing the module registers it
HELD_UP = sa.text("SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
SEND, UPDATE = "/cgi-bin/message/send", "/cgi-bin/message/update_template_card"


@pytest.fixture(scope="module")
def address(servers, database_url, engine):
    """Where WeCom finds our callback: the application behind a port."""
    server = make_server("127.0.0.1", 0, create_app(), threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(5)


@pytest.fixture
def session(committed):
    return committed


@pytest.fixture
def account(weixin, address):
    account = accounts.get("demo")
    register_work(weixin, account, callback_url=f"{address}/wecom/demo")
    with set_to(public_url=address):
        yield account


@pytest.fixture
def town(session):
    community = make_community(session)
    return community, make_unit(session, community)


@pytest.fixture
def member(session, weixin, account, town):
    """Makes officers of the unit with a phone that is a member of the corporation: (phone, officer)."""

    def make(key, **where):
        someone = make_officer(session, Role.HANDLER, **(where or {"unit": town[1]}), name=key)
        return joined(session, weixin, account, key, someone)

    return make


def joined(session, weixin, account, key, officer):
    phone = weixin.user(key, app_id=account.wecom.corp_id)
    weixin.control("POST", f"/users/{phone.user_id}/join", {"app_id": account.wecom.corp_id})
    wecom_binding.bind(session, officer.id, "demo", key)
    session.commit()
    return phone, officer


def tell(session, officer, message=Message.CASE_ASSIGNED, **fields):
    owed = owe(Contact(officer_id=officer.id), message, f"t:{message}:{officer.id}:{fields}", **fields)
    tasks.deliver([owed])
    return read(session, owed)


def tap(weixin, phone, message=None, **more):
    number = (message or phone.inbox()[-1])["id"]
    return weixin.control("POST", f"/users/{phone.user_id}/button", {"message_id": number, **more})


def shown(session, phone):
    """What the button of the last card says, once the worker has updated it."""
    session.rollback()
    wecom_taps.update_cards(list(session.scalars(sa.select(WeComTap.id))))
    return phone.inbox()[-1].get("replaced")


def assigned(session, town):
    case = make_case(session, town[0], status=Status.ASSIGNED, unit_id=town[1].id)
    session.commit()
    return case


def test_a_card_in_wecom_says_what_where_and_until_when(session, weixin, member):
    phone, officer = member("zhou")
    row = tell(session, officer)
    [card] = phone.inbox()
    assert (row.status, row.channel, row.account) == (Delivery.SENT, "wecom", "demo:wecom")
    assert card["card"]["title"] == "待签收"
    assert card["card"]["words"] == FIELDS["summary"]
    assert {line["label"]: line["value"] for line in card["card"]["rows"]} == {
        "编号": FIELDS["number"], "地点": "玉兰社区", "时限": "今天 20:00",
    }  # fmt: skip
    assert [button["text"] for button in card["card"]["buttons"]] == ["签收"]
    assert "/wecom/demo/login?next=%2Fconsole%2Fcases%2F261121483920" in card["card"]["url"]


def test_what_asks_for_no_step_is_a_card_with_words(session, weixin, member):
    phone, officer = member("zhou")
    tell(session, officer, Message.CASE_OVERDUE, note="签收", summary="路灯不亮" * 200)
    [card] = phone.inbox()
    assert card["shape"] == "textcard"
    assert card["card"]["title"] == "已超时"
    assert "超过时限还没有签收" in card["card"]["words"]
    assert card["card"]["words"].endswith("…")


def test_every_message_for_officers_is_taken_by_wecom(session, weixin, member):
    weixin.settings(members_per_minute=1_000)
    phone, officer = member("zhou")
    for_officers = [message for message in Message if CATALOGUE[message].link.startswith("/console")]
    rows = [tell(session, officer, message) for message in for_officers]
    assert {row.channel for row in rows} == {"wecom"}
    assert len(phone.inbox()) == len(rows)


@pytest.mark.parametrize("message", [Message.CASE_ASSIGNED, Message.CASE_OVERDUE])
def test_a_message_sent_again_after_a_crash_is_one_card(session, weixin, member, message):
    phone, officer = member("zhou")
    row = tell(session, officer, message)
    session.execute(sa.text("UPDATE notifications SET status = 'waiting', due_at = now()"))
    session.commit()
    tasks.deliver([row.id])
    assert len(weixin.calls(SEND)) == 2
    assert len(phone.inbox()) == 1


def test_two_messages_that_say_the_same_are_two_cards(session, weixin, member):
    phone, officer = member("zhou")
    said = {"number": "", "summary": "3 件新诉求", "note": "3 件新诉求", "at": "2026-11-21 18:30"}
    for key in ("digest:1", "digest:2"):
        tasks.deliver([owe(Contact(officer_id=officer.id), Message.DIGEST, key, **said)])
    cards = [message["card"] for message in phone.inbox()]
    assert [card["words"] for card in cards] == ["您有 3 件新诉求，请点开看。"] * 2


def test_the_button_signs_for_the_case(session, weixin, member, town):
    phone, officer = member("zhou")
    case = assigned(session, town)
    tell(session, officer, number=case.number)
    assert tap(weixin, phone)["deliveries"][0]["status"] == 200
    session.refresh(case)
    assert case.status is Status.IN_PROGRESS
    event = session.scalars(sa.select(CaseEvent).where(CaseEvent.action == Action.ACKNOWLEDGE)).one()
    assert event.officer_id == officer.id
    assert shown(session, phone) == "已签收"
    assert weixin.calls(UPDATE)[-1]["errcode"] == 0


def test_the_button_accepts_a_new_case(session, weixin, account, town):
    desk = make_officer(session, Role.INFORMATION_OFFICER, area=town[0], name="desk")
    phone, _ = joined(session, weixin, account, "desk", desk)
    case = make_case(session, town[0])
    session.commit()
    tell(session, desk, Message.CASE_SUBMITTED, number=case.number)
    tap(weixin, phone)
    session.refresh(case)
    assert case.status is Status.ACCEPTED
    assert shown(session, phone) == "已受理"


def test_the_same_tap_delivered_three_times_is_one_step(session, weixin, member, town):
    phone, officer = member("zhou")
    case = assigned(session, town)
    tell(session, officer, number=case.number)
    first = tap(weixin, phone)
    for _ in range(2):
        tap(weixin, phone, response_code=first["response_code"])
    assert session.scalar(sa.select(sa.func.count()).select_from(WeComTap)) == 1
    assert shown(session, phone) == "已签收"


def test_a_second_tap_and_a_colleagues_tap_get_a_kind_word(session, weixin, member, town):
    (phone, officer), (other_phone, other) = member("zhou"), member("wu")
    case = assigned(session, town)
    for one in (officer, other):
        tell(session, one, number=case.number)
    tap(weixin, phone)
    tap(weixin, phone)
    tap(weixin, other_phone)
    answers = session.scalars(sa.select(WeComTap.answer).order_by(WeComTap.id)).all()
    assert answers == ["已签收", "您已经签收了", "别人已经签收了"]
    assert shown(session, other_phone) == "别人已经签收了"


def test_who_has_left_or_lost_the_case_takes_no_step(session, weixin, member, town):
    phone, officer = member("zhou")
    case = assigned(session, town)
    tell(session, officer, number=case.number)
    case.unit_id = make_unit(session, town[0]).id
    session.commit()
    tap(weixin, phone)
    session.execute(sa.update(Officer).where(Officer.id == officer.id).values(left_at=sa.func.now()))
    session.commit()
    tap(weixin, phone)
    binding.release(session, officer.id)
    session.commit()
    tap(weixin, phone)
    answers = session.scalars(sa.select(WeComTap.answer).order_by(WeComTap.id)).all()
    assert answers == [wecom_taps.NOT_YOURS, wecom_taps.LEFT, wecom_taps.NOT_BOUND]
    session.refresh(case)
    assert case.status is Status.ASSIGNED


def test_four_colleagues_tapping_at_once_sign_once(session, weixin, member, town):
    people = [member(f"z{number}") for number in range(4)]
    case = assigned(session, town)
    for _, officer in people:
        tell(session, officer, number=case.number)
    threads = [threading.Thread(target=tap, args=(weixin, phone)) for phone, _ in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    answers = sorted(session.scalars(sa.select(WeComTap.answer)))
    assert answers == ["别人已经签收了"] * 3 + ["已签收"]


@pytest.mark.parametrize(
    ("fault", "status"),
    [("wrong_signature", 403), ("stale_timestamp", 400), ("bad_padding", 400), ("foreign_app", 400)],
)
def test_a_delivery_that_is_not_wecoms_takes_no_step(session, weixin, member, town, fault, status):
    phone, officer = member("zhou")
    case = assigned(session, town)
    tell(session, officer, number=case.number)
    weixin.faults(push={fault: True})
    assert tap(weixin, phone)["deliveries"][0]["status"] == status
    session.refresh(case)
    assert case.status is Status.ASSIGNED


def test_wecom_checks_the_address(weixin, account):
    corp = account.wecom.corp_id
    assert weixin.control("POST", f"/apps/{corp}/verify")["verified"]


def test_who_is_no_member_any_more_is_reached_another_way(session, weixin, member, account):
    phone, officer = member("zhou")
    weixin.control("POST", f"/users/{phone.user_id}/quit", {"app_id": account.wecom.corp_id})
    row = tell(session, officer)
    [tried] = [rung for rung in row.rungs if rung["channel"] == "wecom"]
    assert "可见范围" in tried["why"]
    assert row.status is Delivery.WAITING


def test_too_many_calls_are_a_matter_of_minutes_in_wecom(session, weixin, member):
    _, officer = member("zhou")
    weixin.faults(api=[{"path": SEND, "errcode": 45009}])
    row = tell(session, officer)
    assert (row.status, row.attempts) == (Delivery.WAITING, 1)
    assert row.due_at < now() + timedelta(minutes=1)


def test_a_code_that_nobody_knows_leads_to_the_next_rung_and_stops_no_calls(session, weixin, member):
    _, officer = member("zhou")
    weixin.faults(api=[{"path": SEND, "errcode": 987654}])
    for number in range(circuit.FAILURES + 1):
        row = tell(session, officer, number=f"26112148392{number}")
    assert [rung["channel"] for rung in row.rungs][:2] == ["wecom", "wechat_template"]
    assert circuit.stopped() == frozenset()


def test_a_token_that_wecom_forgot_is_fetched_once_more(session, weixin, member):
    phone, officer = member("zhou")
    weixin.faults(api=[{"path": SEND, "errcode": 42001, "times": 1}])
    assert tell(session, officer).channel == "wecom"
    assert len(weixin.calls("/cgi-bin/gettoken")) == 2
    assert len(phone.inbox()) == 1


def test_a_card_leads_to_its_page_signed_in(session, member, town):
    phone, officer = member("zhou")
    case = assigned(session, town)
    tell(session, officer, number=case.number)
    page = phone.open(phone.inbox()[-1]["card"]["url"])
    assert (page.status_code, case.number in page.text) == (200, True)


def test_a_member_who_is_nobodys_is_told_how_to_be_bound(session, weixin, member, account, address):
    phone, officer = member("zhou")
    binding.release(session, officer.id)
    session.commit()
    page = phone.open(f"{address}/wecom/demo/login?next=/console/")
    assert "把企业微信账号告诉管理员" in page.text
    assert "session" not in phone.web.cookies.get_dict()


def test_where_wecom_does_not_answer_nobody_is_told_that_they_were_not_recognized(
    session, weixin, member, address
):
    phone, _ = member("zhou")
    weixin.faults(api=[{"path": "/cgi-bin/auth/getuserinfo", "http_status": 502}])
    page = phone.open(f"{address}/wecom/demo/login?next=/console/")
    assert ("企业微信暂时没有回应，请过一会儿再点" in page.text, "没有认出" in page.text) == (True, False)


def test_a_members_name_is_one_officers_alone(session, weixin, member, town):
    _, officer = member("zhou")
    other = make_officer(session, Role.HANDLER, unit=town[1])
    with pytest.raises(Exception, match="另一位"):
        wecom_binding.bind(session, other.id, "demo", "ZHOU")
    with pytest.raises(Exception, match="企业微信账号"):
        wecom_binding.bind(session, other.id, "demo", "周 明")
    assert wecom_binding.userids(session, officer.id) == {"demo": "zhou"}


def test_of_two_who_give_a_member_to_two_officers_at_once_the_second_is_told(session, account, town):
    first, second = (make_officer(session, Role.HANDLER, unit=town[1]).id for _ in range(2))
    contacts.meet(session, "demo:wecom", "zhou")
    session.commit()
    wecom_binding.bind(session, first, "demo", "zhou")
    with ThreadPoolExecutor(1) as pool:
        waits = pool.submit(bound, second)
        wait_until(somebody_waits)
        session.commit()
        with pytest.raises(Conflict, match="另一位"):
            waits.result()
    assert wecom_binding.userids(session, first) == {"demo": "zhou"}


def somebody_waits():
    with db.transaction() as looking:
        return looking.scalars(HELD_UP).all()


def bound(officer_id):
    with db.transaction() as other:
        wecom_binding.bind(other, officer_id, "demo", "zhou")


def test_a_new_wechat_leaves_wecom_as_it_is(session, weixin, member):
    _, officer = member("zhou")
    code = binding.issue(session, officer.id)
    person = session.scalars(sa.select(Contact).limit(1)).one()
    fresh = Contact(account="demo", openid="o" + "9" * 27, resident_id=person.resident_id)
    session.add(fresh)
    session.flush()
    binding.redeem(session, code, fresh.id)
    assert wecom_binding.userids(session, officer.id) == {"demo": "zhou"}
