"""Letting a desktop in by scanning its code: who may, once, and nobody in their place."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
import sqlalchemy as sa

from backend import auth, db
from backend.app import create_app
from backend.auth import LoginSession, LoginTicket
from backend.console import tickets
from backend.errors import AppError
from backend.places.models import Post
from backend.places.roles import Role
from backend.times import now
from tests.browser import add_form_token
from tests.console.desks import WEIXIN, Desk, desk, phone, ticket_of
from tests.factories import make_community, make_contact, make_officer

__all__ = ["desk", "phone"]


def logins(session):
    return session.scalar(sa.select(sa.func.count(LoginSession.id)))


def test_a_scan_and_a_tap_let_the_desktop_in(session, desk, phone, place):
    assert desk.poll().status_code == 204
    asked = phone.get(desk.path).text
    assert "请确认这是您自己面前的电脑" in asked
    for words in (desk.number, "电脑 Windows Chrome（网络地址 127.0.0.1）", "今天", "确认登录", "不是我操作"):
        assert words in asked
    scanned = desk.poll().text
    assert "李** 已扫码，请在手机上确认" in scanned
    assert "seen=scanned" in scanned
    assert desk.poll("scanned").status_code == 204
    assert "已确认" in phone.post(f"{desk.path}/confirm", follow_redirects=True).text
    confirmed = desk.poll("scanned").text
    assert f'hx-post="{desk.path}/enter"' in confirmed
    assert "every 2s" not in confirmed
    entered = desk.enter()
    assert (entered.status_code, entered.headers["HX-Redirect"]) == (200, "/console/?tab=all")
    assert desk.client.get("/console/?tab=all").status_code == 200
    login = session.scalars(sa.select(LoginSession).order_by(LoginSession.id.desc())).first()
    assert login.device == "电脑 Windows Chrome（网络地址 127.0.0.1）"
    assert login.expires_at < now() + timedelta(hours=12)


def test_without_scripts_a_button_enters_too(desk, phone):
    phone.get(desk.path)
    phone.post(f"{desk.path}/confirm")
    entered = desk.client.post(f"{desk.path}/enter", data={"next": "/console/units/"})
    assert (entered.status_code, entered.location) == (303, "/console/units/")


def test_looking_changes_nothing_but_that_it_was_scanned(session, desk, phone):
    for _ in range(2):
        phone.get(desk.path)
        desk.poll()
    ticket = ticket_of(session, desk)
    assert ticket.contact_id is not None
    assert (ticket.confirmed_at, ticket.refused_at, ticket.used_at) == (None, None, None)
    for way in ("confirm", "refuse", "enter"):
        assert phone.get(f"{desk.path}/{way}").status_code == 405


def test_the_forms_need_their_token(app, desk, phone):
    del phone.environ_base["HTTP_X_CSRFTOKEN"]
    for way in ("confirm", "refuse", "enter"):
        assert phone.post(f"{desk.path}/{way}").status_code == 400


def test_who_did_not_ask_keeps_the_desktop_out(session, desk, phone):
    phone.get(desk.path)
    assert "已拒绝" in phone.post(f"{desk.path}/refuse", follow_redirects=True).text
    answered = desk.poll("scanned").text
    assert "手机上拒绝了这次登录" in answered
    assert "/console/login?next=/console/?tab%3Dall" in answered
    assert phone.post(f"{desk.path}/confirm").status_code == 409
    assert desk.enter().status_code == 409


def test_a_second_thought_keeps_out_what_is_not_yet_in(desk, phone):
    phone.get(desk.path)
    phone.post(f"{desk.path}/confirm")
    phone.post(f"{desk.path}/refuse")
    assert desk.enter().status_code == 409


def test_what_is_in_already_is_ended_in_the_list_of_logins(desk, phone):
    phone.get(desk.path)
    phone.post(f"{desk.path}/confirm")
    desk.enter()
    refused = phone.post(f"{desk.path}/refuse")
    assert refused.status_code == 409
    assert "我的登录" in refused.text


def test_after_two_minutes_a_code_is_of_no_use(session, desk, phone):
    ticket = ticket_of(session, desk)
    assert ticket.expires_at - now() < timedelta(minutes=2)
    ticket.expires_at = now()
    session.commit()
    assert "二维码已过期" in desk.poll().text
    assert "二维码已过期" in phone.get(desk.path).text
    assert phone.post(f"{desk.path}/confirm").status_code == 410
    assert ticket_of(session, desk).contact_id is None


def test_what_was_confirmed_at_the_last_second_still_comes_in_but_not_for_long(session, desk, phone):
    phone.get(desk.path)
    ticket = ticket_of(session, desk)
    ticket.expires_at = now() + timedelta(seconds=5)
    session.commit()
    phone.post(f"{desk.path}/confirm")
    ticket = ticket_of(session, desk)
    assert timedelta(seconds=25) < ticket.expires_at - now() < timedelta(seconds=31)
    ticket.expires_at = now()
    session.commit()
    assert desk.enter().status_code == 409


def test_a_poll_address_alone_is_worthless(session, app, desk, phone):
    thief = app.test_client()
    add_form_token(thief)
    phone.get(desk.path)
    phone.post(f"{desk.path}/confirm")
    before = logins(session)
    for browser in (None, "guess", Desk(app).client.get_cookie("desk", path=desk.path + "/")):
        if browser:
            thief.set_cookie("desk", "guess", path=desk.path + "/")
        assert thief.get(f"{desk.path}/state").status_code == 404
        assert thief.post(f"{desk.path}/enter").status_code == 404
    assert phone.get(f"{desk.path}/state").status_code == 404
    assert logins(session) == before
    assert desk.enter().status_code == 200


def test_two_tabs_of_one_browser_do_not_disturb_each_other(desk, app, phone):
    page = desk.client.get("/console/login")
    assert re.search(r"/console/login/([^/]+)/state", page.text)[1] != desk.token
    assert desk.poll().status_code == 204


def test_the_cookie_goes_to_its_own_ticket_and_to_no_script(desk):
    [cookie] = [c for c in desk.page.headers.getlist("Set-Cookie") if c.startswith("desk=")]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert f"Path={desk.path}/" in cookie


def test_what_the_table_holds_opens_nothing(session, desk, phone):
    ticket = ticket_of(session, desk)
    phone.get(desk.path)
    phone.post(f"{desk.path}/confirm")
    desk.client.set_cookie("desk", ticket.browser_hash.hex(), path=desk.path + "/")
    assert desk.enter().status_code == 404


def test_only_officers_with_a_post_let_anybody_in(session, app, desk, place, as_officer):
    resident, retired = as_officer(None), as_officer(place.colleague)
    session.execute(sa.update(Post).where(Post.officer_id == place.colleague.id).values(until=now()))
    session.commit()
    for client, status in ((resident, 401), (retired, 403)):
        assert client.get(desk.path).status_code == status
        assert client.post(f"{desk.path}/confirm").status_code == status
    stranger = app.test_client()
    stranger.environ_base["HTTP_USER_AGENT"] = WEIXIN
    assert stranger.get(desk.path).location == f"/wechat/demo/login?next={desk.path}"
    assert ticket_of(session, desk).contact_id is None


def test_what_one_scanned_another_does_not_confirm(session, desk, phone, place, as_officer):
    phone.get(desk.path)
    other = as_officer(place.colleague)
    for answer in (
        other.get(desk.path),
        other.post(f"{desk.path}/confirm"),
        other.post(f"{desk.path}/refuse"),
    ):
        assert answer.status_code == 409
        assert "已经被另一个微信扫过" in answer.text
    assert tickets.state(ticket_of(session, desk), now()) is tickets.State.SCANNED


def test_a_desktop_lets_no_other_desktop_in(app, desk, phone):
    phone.get(desk.path)
    phone.post(f"{desk.path}/confirm")
    desk.enter()
    other = Desk(app)
    for answer in (desk.client.get(other.path), desk.client.post(f"{other.path}/confirm")):
        assert answer.status_code == 403
        assert "请用手机微信" in answer.text


def test_a_browser_gets_a_new_login_and_the_old_one_ends(session, desk, phone, place, as_officer):
    earlier, _ = auth.start_session(session, make_contact(session, officer=place.colleague).id)
    session.commit()
    desk.client.set_cookie(auth.COOKIE, earlier)
    phone.get(desk.path)
    phone.post(f"{desk.path}/confirm")
    desk.enter()
    assert desk.client.get_cookie(auth.COOKIE).value != earlier
    ended = LoginSession.token_hash == auth.hash_token(earlier)
    assert session.scalar(sa.select(LoginSession.revoked_at).where(ended)) is not None


@pytest.fixture
def confirmed(committed):
    """A ticket that was confirmed, as (token, browser)."""
    officer = make_officer(committed, Role.SECRETARY, area=make_community(committed))
    contact = make_contact(committed, officer=officer)
    token, browser = tickets.issue(committed, "电脑")
    committed.commit()
    with db.transaction() as session:
        tickets.confirm(session, token, contact.id)
    return token, browser


def at_once(times, call):
    """Call it from many threads, each with its transaction open; counts how many did not raise."""
    start = Barrier(times)

    def attempt(number):
        try:
            with db.transaction() as session:
                session.execute(sa.select(1))
                start.wait(10)
                call(session, number)
        except AppError:
            return 0
        return 1

    with ThreadPoolExecutor(times) as pool:
        return sum(pool.map(attempt, range(times)))


def test_of_many_polls_at_one_moment_one_enters(committed, confirmed):
    assert at_once(8, lambda session, _: tickets.enter(session, *confirmed)) == 1
    assert logins(committed) == 1


def test_of_many_phones_at_one_moment_one_lets_it_in(committed):
    community = make_community(committed)
    officers = [make_officer(committed, Role.SECRETARY, area=community) for _ in range(8)]
    contacts = [make_contact(committed, officer=officer).id for officer in officers]
    token, _ = tickets.issue(committed, "电脑")
    committed.commit()
    assert at_once(8, lambda session, number: tickets.confirm(session, token, contacts[number])) == 1
    ticket = committed.scalars(sa.select(LoginTicket)).one()
    assert ticket.contact_id in contacts


def test_to_confirm_twice_is_to_confirm(committed, confirmed):
    token, _ = confirmed
    contact_id = committed.scalar(sa.select(LoginTicket.contact_id))
    assert at_once(4, lambda session, _: tickets.confirm(session, token, contact_id)) == 4


def test_every_form_of_the_console_needs_its_token(session):
    app = create_app()
    client = app.test_client()
    for rule in app.url_map.iter_rules():
        if "POST" in rule.methods and rule.rule.startswith("/console"):
            path = re.sub(r"<int:[^>]+>", "1", re.sub(r"<any\((\w+)[^>]*>", r"\1", rule.rule))
            assert client.post(re.sub(r"<[^>]+>", "x", path)).status_code in {400, 429}, rule.rule
