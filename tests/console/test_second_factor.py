"""Six digits before an administrator's change: set up once, each code taken once, reset by another."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pyotp
import pytest
import sqlalchemy as sa

from backend import auth, db
from backend.auth import LoginSession
from backend.broker import redis_client
from backend.errors import Conflict, Forbidden, Invalid, NotFound
from backend.places import scope, second_factors
from backend.places.models import Area, Change, Officer, Post
from backend.places.roles import Role
from backend.places.scope import COMMAND_LINE, Editor
from backend.times import now
from backend.web import protection
from tests.factories import make_community, make_officer

NOON = datetime(2026, 11, 21, 4, 0, 10, tzinfo=UTC)
STEP = timedelta(seconds=30)
FORM = {"next": "/console/units/?q=x"}


@pytest.fixture
def fresh():
    """Nobody has tried anything."""
    redis_client().flushall()


@pytest.fixture
def community(session):
    return make_community(session)


@pytest.fixture
def officer(session, community):
    return make_officer(session, Role.ADMINISTRATOR, area=community, name="高远")


@pytest.fixture
def secret(session, officer):
    """The officer's, whose last code was shown long ago."""
    officer.second_factor, officer.second_factor_step = second_factors.new_secret(), 1
    session.commit()
    return officer.second_factor


@pytest.fixture
def client(fresh, officer, as_officer):
    """The administrator, logged in, with no second factor shown."""
    return as_officer(officer)


def code_at(secret, moment):
    return pyotp.TOTP(secret).at(moment)


def login_of(session, client):
    token = client.get_cookie(auth.COOKIE).value
    wanted = sa.select(LoginSession).where(LoginSession.token_hash == auth.hash_token(token))
    return session.scalar(wanted.execution_options(populate_existing=True))


def editor_of(session, officer):
    return Editor(officer.id, tuple(scope.posts_of(session, officer.id)))


@pytest.mark.parametrize("drift", [-STEP, timedelta(0), STEP])
def test_a_phones_clock_may_be_half_a_minute_wrong(session, officer, secret, drift):
    second_factors.show(session, officer.id, code_at(secret, NOON + drift), NOON)
    assert officer.second_factor_step == int((NOON + drift).timestamp()) // 30


@pytest.mark.parametrize("drift", [-2 * STEP, 2 * STEP])
def test_a_code_of_another_minute_is_refused(session, officer, secret, drift):
    with pytest.raises(Invalid, match="动态码不对"):
        second_factors.show(session, officer.id, code_at(secret, NOON + drift), NOON)


@pytest.mark.parametrize("given", ["", "1", "12345", "1234567", "abcdef", "六位数字", "' OR 1", "\0"])
def test_what_is_no_code_is_refused(session, officer, secret, given):
    with pytest.raises(Invalid):
        second_factors.show(session, officer.id, given, NOON)


def test_digits_are_taken_however_they_were_typed(session, officer, secret):
    code = code_at(secret, NOON)
    wide = " ".join(chr(ord(digit) + 0xFEE0) for digit in code)
    second_factors.show(session, officer.id, wide, NOON)
    assert officer.second_factor_step == int(NOON.timestamp()) // 30


def test_a_code_is_good_once_and_none_before_it(session, officer, secret):
    second_factors.show(session, officer.id, code_at(secret, NOON), NOON)
    for moment in (NOON, NOON - STEP):
        with pytest.raises(Invalid):
            second_factors.show(session, officer.id, code_at(secret, moment), NOON)
    second_factors.show(session, officer.id, code_at(secret, NOON + STEP), NOON)


def test_one_code_sent_many_times_at_one_moment_is_taken_once(committed):
    officer = make_officer(committed, Role.ADMINISTRATOR, area=make_community(committed))
    secret = officer.second_factor = second_factors.new_secret()
    committed.commit()
    start = Barrier(8)

    def show(_):
        try:
            with db.transaction() as session:
                session.execute(sa.select(1))
                start.wait(10)
                second_factors.show(session, officer.id, code_at(secret, NOON), NOON)
        except Invalid:
            return 0
        return 1

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(show, range(8))) == 1


def test_the_secret_is_sealed_and_its_setting_up_recorded_without_it(session, officer):
    secret = second_factors.new_secret()
    second_factors.set_up(session, officer.id, secret, code_at(secret, NOON), NOON)
    raw = session.scalar(sa.text("SELECT second_factor FROM officers WHERE id = :id"), {"id": officer.id})
    assert secret.encode() not in raw
    change = session.scalars(sa.select(Change)).one()
    assert (change.subject_id, change.officer_id, change.name) == (officer.id, officer.id, "高**")
    assert (change.before, change.after) == ({"second_factor": False}, {"second_factor": True})


def test_a_second_secret_is_refused_so_that_a_stolen_login_gains_nothing(session, officer, secret):
    other = second_factors.new_secret()
    with pytest.raises(Conflict, match="让另一位管理员重置"):
        second_factors.set_up(session, officer.id, other, code_at(other, NOON), NOON)
    assert session.get_one(Officer, officer.id, populate_existing=True).second_factor == secret


def test_only_another_administrator_over_every_post_resets_it(session, officer, secret, community):
    street = session.get_one(Area, community.subdistrict_id)
    elsewhere = make_community(session, name="银杏社区")
    above = make_officer(session, Role.ADMINISTRATOR, area=street)
    for stranger, refusal in (
        (make_officer(session, Role.ADMINISTRATOR, area=elsewhere), NotFound),
        (make_officer(session, Role.LEADER, area=street), NotFound),
        (officer, Forbidden),
    ):
        with pytest.raises(refusal):
            second_factors.reset(session, editor_of(session, stranger), officer.id)
    second_factors.reset(session, editor_of(session, above), officer.id)
    assert not second_factors.is_set_up(session, officer.id)
    with pytest.raises(Conflict, match="还没有设置"):
        second_factors.reset(session, editor_of(session, above), officer.id)


def test_who_administers_a_street_does_not_reset_a_districts_administrator(
    session, officer, secret, community
):
    session.add(Post(officer_id=officer.id, role=Role.ADMINISTRATOR, area_id=community.district_id))
    session.commit()
    street = session.get_one(Area, community.subdistrict_id)
    below = make_officer(session, Role.ADMINISTRATOR, area=street)
    with pytest.raises(Forbidden, match="在别处也有岗位"):
        second_factors.reset(session, editor_of(session, below), officer.id)


def test_after_a_reset_no_login_counts_as_having_shown_it(session, officer, secret, client):
    login_of(session, client).second_factor_at = now()
    session.commit()
    second_factors.reset(session, COMMAND_LINE, officer.id)
    session.commit()
    assert login_of(session, client).second_factor_at is None
    change = session.scalars(sa.select(Change)).one()
    assert (change.officer_id, change.after) == (None, {"second_factor": False})


def offered(page):
    return re.search(r'name="offer" value="([^"]+)"', page)[1], re.search(r"<code[^>]*>(\w+)<", page)[1]


def test_the_first_time_it_is_set_up_with_a_code_of_the_app(session, client, officer):
    page = client.get("/console/second-factor?next=/console/units/?q%3Dx").text
    offer, secret = offered(page)
    assert "<svg" in page
    wrong = client.post("/console/second-factor/setup", data=FORM | {"offer": offer, "code": "000000"})
    assert wrong.status_code == 422
    assert "动态码不对" in wrong.text
    assert offered(wrong.text)[1] == secret
    code = pyotp.TOTP(secret).now()
    done = client.post("/console/second-factor/setup", data=FORM | {"offer": offer, "code": code})
    assert (done.status_code, done.location) == (303, "/console/units/?q=x")
    assert login_of(session, client).second_factor_at is not None
    again = client.get("/console/second-factor").text
    assert secret not in again
    assert "请输入六位动态码" in again


def test_only_a_secret_that_was_offered_to_oneself_is_taken(session, client, officer):
    secret = second_factors.new_secret()
    code = pyotp.TOTP(secret).now()
    for offer in ("", secret, auth.sign("second factor", [officer.id + 1, secret]), auth.sign("file", [1])):
        form = {"offer": offer, "code": code}
        assert (
            "用新的二维码"
            in client.post("/console/second-factor/setup", data=form, follow_redirects=True).text
        )
    assert not second_factors.is_set_up(session, officer.id)


def test_the_digits_open_changes_for_this_login_alone(session, client, secret, officer, as_officer):
    other = as_officer(officer)
    code = pyotp.TOTP(secret).now()
    done = client.post("/console/second-factor", data=FORM | {"code": code}, follow_redirects=True)
    assert "验证通过" in done.text
    assert login_of(session, client).second_factor_at is not None
    assert login_of(session, other).second_factor_at is None


def test_after_five_tries_even_the_right_digits_wait_and_others_are_not_held_up(
    session, client, secret, as_administrator
):
    answers = [client.post("/console/second-factor", data={"code": "000000"}) for _ in range(5)]
    assert {answer.status_code for answer in answers} == {422}
    right = client.post("/console/second-factor", data={"code": pyotp.TOTP(secret).now()})
    assert right.status_code == 429
    assert "请过十分钟再试" in right.text
    assert login_of(session, client).second_factor_at is None
    colleague = as_administrator(make_community(session, name="银杏社区"))
    assert colleague.post("/console/second-factor", data={"code": "000000"}).status_code == 409


def test_tries_are_counted_without_redis_too(client, secret, monkeypatch):
    away = protection.storage_from_string(
        "redis://127.0.0.1:1", wrap_exceptions=True, socket_connect_timeout=1
    )
    monkeypatch.setattr(protection, "_shared", protection.FixedWindowRateLimiter(away))
    monkeypatch.setattr(protection, "_own", protection.FixedWindowRateLimiter(protection.MemoryStorage()))
    answers = [client.post("/console/second-factor", data={"code": "000000"}) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [422] * 5 + [429]


def test_who_is_no_administrator_needs_none(as_officer, place, fresh):
    client = as_officer(place.desk)
    for answer in (client.get("/console/second-factor"), client.post("/console/second-factor/setup")):
        assert answer.status_code == 403


def test_a_change_without_it_asks_and_leads_back_to_the_form(client, officer):
    """A form that was sent cannot be sent again for them, and the page says so."""
    headers = {"Referer": "http://localhost/console/sessions/?a=1"}
    asked = client.post(f"/console/sessions/{officer.id}/end", headers=headers)
    assert (asked.status_code, asked.location) == (
        303, "/console/second-factor?next=/console/sessions/?a%3D1",
    )  # fmt: skip
    assert "刚才的改动还没有保存" in client.get(asked.location).text


def test_a_script_leads_the_whole_page_there(client, officer):
    headers = {"HX-Request": "true", "HX-Current-URL": "http://localhost/console/sessions/"}
    asked = client.post(f"/console/sessions/{officer.id}/end", headers=headers)
    assert asked.headers["HX-Redirect"] == "/console/second-factor?next=/console/sessions/"


@pytest.mark.parametrize("referer", ["https://evil.example/x", "", "http://localhost//evil.example"])
def test_it_leads_back_to_pages_of_ours_alone(client, officer, referer, secret):
    asked = client.post(f"/console/sessions/{officer.id}/end", headers={"Referer": referer})
    page = client.get(asked.location).text
    assert "evil" not in page


def test_a_program_is_told_by_a_code(client, officer):
    asked = client.post(f"/console/sessions/{officer.id}/end", headers={"Accept": "application/json"})
    assert (asked.status_code, asked.json["error"]) == (403, "second_factor_needed")


def test_the_page_of_an_officers_logins_resets_it(session, officer, secret, community, as_administrator):
    admin = as_administrator(session.get_one(Area, community.district_id), name="林晓")
    assert "重置动态码" in admin.get(f"/console/sessions/{officer.id}").text
    done = admin.post(f"/console/second-factor/{officer.id}/reset", follow_redirects=True)
    assert "已重置：高远下次改动时会重新设置动态码" in done.text
    assert not second_factors.is_set_up(session, officer.id)
    assert "重置动态码" not in admin.get(f"/console/sessions/{officer.id}").text
