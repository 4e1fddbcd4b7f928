"""Logins and signed links: what opens, what does not any more, and what never did."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask, g, jsonify

from backend import auth, db
from backend.auth import (
    COOKIE,
    LIFE,
    SECOND_FACTOR_LIFE,
    LoginSession,
    Via,
    Who,
    hash_token,
    require,
    sign,
    start_session,
    unsign,
)
from backend.config import config
from backend.errors import AppError, Gone, NoPost, NotFound, SecondFactorNeeded
from backend.places.models import Post
from backend.places.roles import Role
from backend.times import now
from tests.factories import make_community, make_contact, make_officer

DAY = timedelta(days=1)


@pytest.fixture
def client(session):
    """An app with one page for each sort of caller, and a way out."""
    app = Flask("asked")

    @app.get("/resident")
    @require(Who.RESIDENT)
    def resident():
        return jsonify(contact=g.contact_id, resident=g.resident_id, officer=g.officer_id)

    app.add_url_rule("/officer", "officer", require(Who.OFFICER)(lambda: "office"))
    edit = require(Who.ADMINISTRATOR)(lambda: "edited")
    app.add_url_rule("/edit", "edit", edit, methods=["GET", "POST", "PUT", "DELETE"])

    @app.post("/out")
    @require(Who.RESIDENT)
    def out():
        with db.transaction() as inner:
            auth.end_session(inner)
        return "bye"

    @app.errorhandler(AppError)
    def refuse(error):
        return error.message, error.status

    return app.test_client(use_cookies=False)


@pytest.fixture
def contact(session):
    return make_contact(session)


@pytest.fixture
def token(session, contact):
    token, _ = start_session(session, contact.id)
    session.commit()
    return token


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def cookie(token):
    return {"Cookie": f"{COOKIE}={token}"}


@pytest.mark.parametrize("carry", [bearer, cookie])
def test_a_login_is_known_by_cookie_and_by_bearer(client, contact, token, carry):
    known = client.get("/resident", headers=carry(token))
    assert known.json == {"contact": contact.id, "resident": contact.resident_id, "officer": None}


def test_a_bearer_comes_before_a_cookie_and_another_scheme_is_no_bearer(session, client, contact, token):
    other, _ = start_session(session, make_contact(session).id)
    session.commit()
    both = client.get("/resident", headers=bearer(token) | cookie(other))
    assert both.json["contact"] == contact.id
    basic = {"Authorization": "Basic c29tZTpvbmU="}  # a gate in front of a trial installation
    assert client.get("/resident", headers=basic | cookie(token)).json["contact"] == contact.id
    assert client.get("/resident", headers=basic).status_code == 401


@pytest.mark.parametrize("forged", ["", "x", "Bearer", "é", "0" * 43, "' OR 1=1 --", "a" * 5000])
def test_a_token_that_was_never_given_opens_nothing(client, token, forged):
    for carry in (bearer, cookie):
        refused = client.get("/resident", headers=carry(forged))
        assert (refused.status_code, refused.text) == (401, "请从微信里重新打开")


def test_a_token_with_one_character_changed_opens_nothing(client, token):
    for at in (0, 20, -1):
        changed = list(token)
        changed[at] = "A" if changed[at] != "A" else "B"
        assert client.get("/resident", headers=bearer("".join(changed))).status_code == 401


def test_a_login_ends_after_its_life(session, client, token):
    login = session.scalar(sa.select(LoginSession))
    assert timedelta(0) <= now() + LIFE - login.expires_at < timedelta(minutes=1)
    login.expires_at = now() - timedelta(seconds=1)
    session.commit()
    assert client.get("/resident", headers=bearer(token)).status_code == 401


def test_logging_out_ends_this_login_and_no_other(session, client, contact, token):
    other, _ = start_session(session, contact.id)
    session.commit()
    assert client.post("/out", headers=bearer(token)).text == "bye"
    assert client.get("/resident", headers=bearer(token)).status_code == 401
    assert client.get("/resident", headers=bearer(other)).status_code == 200


def test_what_the_table_holds_does_not_open_a_login(session, client, token):
    kept = session.scalar(sa.select(LoginSession.token_hash))
    assert token.encode() not in kept
    for carry in (bearer, cookie):
        assert client.get("/resident", headers=carry(kept.hex())).status_code == 401


def test_tokens_do_not_repeat(session, contact):
    assert len({start_session(session, contact.id)[0] for _ in range(50)}) == 50


def test_officers_pages_are_for_those_bound_to_an_officer(session, client, token):
    refused = client.get("/officer", headers=bearer(token))
    assert (refused.status_code, refused.text) == (401, "这个页面只给已绑定的工作人员使用")
    officer = make_officer(session, Role.SECRETARY, area=make_community(session))
    theirs, _ = start_session(session, make_contact(session, officer=officer).id)
    session.commit()
    assert client.get("/officer", headers=bearer(theirs)).text == "office"
    assert client.get("/resident", headers=bearer(theirs)).json["officer"] == officer.id
    assert client.get("/officer").text == "请从微信里重新打开"


@pytest.fixture
def log_in(session):
    """A function that makes an officer of a role, and answers their login and its token."""

    def log_in(role, **fields):
        officer = make_officer(session, role, area=make_community(session))
        token, _ = start_session(session, make_contact(session, officer=officer).id, **fields)
        session.commit()
        login = session.scalar(sa.select(LoginSession).where(LoginSession.token_hash == hash_token(token)))
        return officer, login, token

    return log_in


def end_post(session, officer, role=None):
    ended = sa.update(Post).where(Post.officer_id == officer.id, Post.role == (role or Post.role))
    session.execute(ended.values(since=now() - DAY, until=now()))
    session.commit()


def test_an_officer_whose_last_post_ended_is_out_at_once(session, client, log_in):
    officer, _, token = log_in(Role.SECRETARY)
    assert client.get("/officer", headers=bearer(token)).status_code == 200
    end_post(session, officer)
    refused = client.get("/officer", headers=bearer(token))
    assert (refused.status_code, refused.text) == (403, NoPost.message)
    assert client.get("/resident", headers=bearer(token)).status_code == 200


def test_a_post_that_has_not_begun_opens_nothing_yet(session, client, log_in):
    officer, _, token = log_in(Role.SECRETARY)
    session.execute(sa.update(Post).where(Post.officer_id == officer.id).values(since=now() + DAY))
    session.commit()
    assert client.get("/officer", headers=bearer(token)).status_code == 403


def test_who_has_left_is_a_resident_like_others(session, client, log_in):
    officer, _, token = log_in(Role.ADMINISTRATOR)
    officer.left_at = now()
    session.commit()
    assert client.get("/officer", headers=bearer(token)).status_code == 401
    assert client.get("/resident", headers=bearer(token)).json["officer"] is None


@pytest.mark.parametrize("role", [Role.SECRETARY, Role.LEADER, Role.SUPERVISOR])
def test_an_administrators_pages_are_for_nobody_else(client, log_in, role):
    _, _, token = log_in(role)
    for method in ("GET", "POST"):
        assert client.open("/edit", method=method, headers=bearer(token)).status_code == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_an_administrator_reads_at_once_and_changes_with_a_fresh_second_factor(
    session, client, log_in, method
):
    _, login, token = log_in(Role.ADMINISTRATOR)
    assert client.get("/edit", headers=bearer(token)).status_code == 200
    for shown_at, status in (
        (None, 403),
        (now() - SECOND_FACTOR_LIFE - timedelta(seconds=1), 403),
        (now() - SECOND_FACTOR_LIFE + timedelta(minutes=1), 200),
    ):
        login.second_factor_at = shown_at
        session.commit()
        answered = client.open("/edit", method=method, headers=bearer(token))
        assert answered.status_code == status
        assert (answered.text == SecondFactorNeeded.message) is (status == 403)


def test_an_administrator_no_more_changes_nothing_whatever_they_have_shown(session, client, log_in):
    officer, login, token = log_in(Role.ADMINISTRATOR)
    session.add(Post(officer_id=officer.id, role=Role.SECRETARY, area_id=make_community(session).id))
    login.second_factor_at = now()
    end_post(session, officer, Role.ADMINISTRATOR)
    assert client.get("/officer", headers=bearer(token)).status_code == 200
    assert client.post("/edit", headers=bearer(token)).status_code == 403


def test_a_login_by_scan_lives_as_long_as_a_day_of_work(log_in):
    lives = {via: log_in(Role.SECRETARY, via=via)[1] for via in Via}
    for via, length in ((Via.WECHAT, timedelta(days=30)), (Via.SCAN, timedelta(hours=12))):
        assert abs(lives[via].expires_at - now() - length) < timedelta(minutes=1)


def test_when_a_login_was_last_used_is_written_once_a_minute(session, client, log_in):
    _, login, token = log_in(Role.SECRETARY)
    begun = login.seen_at
    client.get("/officer", headers=bearer(token))
    session.refresh(login)
    assert login.seen_at == begun
    login.seen_at = begun - timedelta(seconds=61)
    session.commit()
    client.get("/officer", headers=bearer(token))
    session.refresh(login)
    assert login.seen_at >= begun


@pytest.mark.parametrize("value", [7, "261121483920", {"id": 7, "of": "demo"}, [1, 2]])
def test_a_signed_value_comes_back_as_it_was(value):
    assert unsign("survey", sign("survey", value), DAY) == value


def test_a_signature_is_good_for_its_own_purpose_only():
    with pytest.raises(NotFound, match="链接不对"):
        unsign("file", sign("survey", 7), DAY)


@pytest.mark.parametrize(
    "forge", [lambda t: t[:-1], lambda t: "x" + t, lambda t: "", lambda t: "a.b.c", lambda t: "é"]
)
def test_a_forged_link_is_not_found(forge):
    with pytest.raises(NotFound, match="链接不对"):
        unsign("survey", forge(sign("survey", 7)), DAY)


def test_a_link_of_another_installation_is_not_found():
    token, before = sign("survey", 7), config.secret_key
    object.__setattr__(config, "secret_key", "another-secret-of-some-length")
    try:
        with pytest.raises(NotFound):
            unsign("survey", token, DAY)
    finally:
        object.__setattr__(config, "secret_key", before)


def test_a_link_that_is_too_old_is_gone():
    token = sign("survey", 7)
    with pytest.raises(Gone):
        unsign("survey", token, timedelta(seconds=-1))
