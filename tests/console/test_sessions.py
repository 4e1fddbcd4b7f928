"""Where one is logged in: seen by its owner and by who administers them, and ended at once."""

import pytest
import sqlalchemy as sa

from backend import auth
from backend.auth import LoginSession, Via
from backend.console import logins
from backend.places.models import Area, Change, Post
from backend.places.roles import Role
from backend.times import now
from tests.console.conftest import queries_of
from tests.factories import make_community, make_contact, make_officer


@pytest.fixture
def others(session, place):
    """李梅's logins elsewhere: a computer in the office and a second WeChat."""
    contact = make_contact(session, officer=place.desk, account="mixed")
    computer, _ = auth.start_session(session, contact.id, "电脑 Windows Chrome", Via.SCAN)
    wechat, _ = auth.start_session(session, contact.id, "微信（手机）")
    session.commit()
    return {"电脑 Windows Chrome": computer, "微信（手机）": wechat}


def is_living(session, token):
    wanted = LoginSession.token_hash == auth.hash_token(token)
    return session.scalar(sa.select(LoginSession.revoked_at.is_(None)).where(wanted))


def id_of(session, token):
    return session.scalar(sa.select(LoginSession.id).where(LoginSession.token_hash == auth.hash_token(token)))


def test_one_sees_all_ones_logins_and_which_is_this(session, place, as_officer, others):
    colleague = make_contact(session, officer=place.colleague)
    auth.start_session(session, colleague.id, "电脑 Mac Safari")
    session.commit()
    page = as_officer(place.desk).get("/console/sessions/").text
    for device in others:
        assert device in page
    assert page.count("这一个") == 1
    assert page.count('name="login"') == 3
    assert "电脑 Mac Safari" not in page


def test_what_has_ended_is_not_shown(session, place, as_officer, others):
    client = as_officer(place.desk)
    for column in ({"revoked_at": now()}, {"expires_at": now()}):
        token = others.popitem()[1]
        wanted = LoginSession.token_hash == auth.hash_token(token)
        session.execute(sa.update(LoginSession).where(wanted).values(**column))
    session.commit()
    assert client.get("/console/sessions/").text.count('name="login"') == 1


def test_one_login_is_ended_and_opens_nothing_any_more(session, app, place, as_officer, others):
    lost, kept = others["微信（手机）"], others["电脑 Windows Chrome"]
    client = as_officer(place.desk)
    done = client.post("/console/sessions/end", data={"login": id_of(session, lost)}, follow_redirects=True)
    assert "已退出 1 个登录" in done.text
    thief = app.test_client()
    thief.set_cookie(auth.COOKIE, lost)
    assert thief.get("/console/").status_code == 302
    assert is_living(session, kept)
    again = client.post("/console/sessions/end", data={"login": id_of(session, lost)})
    assert again.status_code == 404
    assert "已经退出了" in again.text


def test_all_others_are_ended_and_this_one_stays(session, place, as_officer, others):
    client = as_officer(place.desk)
    assert "已退出 2 个登录" in client.post("/console/sessions/end", follow_redirects=True).text
    assert not any(is_living(session, token) for token in others.values())
    assert "没有别的登录" in client.post("/console/sessions/end", follow_redirects=True).text


def test_nobody_ends_a_login_of_somebody_else(session, place, as_officer, others):
    for person in (place.colleague, place.supervisor):
        client = as_officer(person)
        for token in others.values():
            data = {"login": id_of(session, token)}
            assert client.post("/console/sessions/end", data=data).status_code == 404
        client.post("/console/sessions/end")
    assert all(is_living(session, token) for token in others.values())


def test_who_administers_an_officer_ends_their_logins_and_it_is_recorded(
    session, place, admin_client, others
):
    path = f"/console/sessions/{place.desk.id}"
    page = admin_client.get(path).text
    assert "李梅的登录" in page
    assert "电脑 Windows Chrome" in page
    one = {"login": id_of(session, others["微信（手机）"])}
    assert "已退出 1 个登录" in admin_client.post(f"{path}/end", data=one, follow_redirects=True).text
    assert is_living(session, others["电脑 Windows Chrome"])
    admin_client.post(f"{path}/end")
    assert not is_living(session, others["电脑 Windows Chrome"])
    said = session.scalars(sa.select(Change).where(Change.subject == "officers").order_by(Change.id)).all()
    assert [(change.name, change.after) for change in said] == [("李**", {"logins_ended": 1})] * 2
    assert {change.officer_id for change in said} == {admin_client.officer.id}


@pytest.mark.parametrize("where", ["other street", "below them"])
def test_who_does_not_administer_every_post_of_an_officer_sees_and_ends_nothing(
    session, place, as_administrator, others, where
):
    if where == "other street":
        client = as_administrator(make_community(session, name="银杏社区"))
    else:
        client = as_administrator(place.community)
        session.add(Post(officer_id=place.desk.id, role=Role.LEADER, area_id=place.community.subdistrict_id))
        session.commit()
    path = f"/console/sessions/{place.desk.id}"
    for answer in (client.get(path), client.post(f"{path}/end")):
        assert answer.status_code in {403, 404}
        assert "电脑 Windows Chrome" not in answer.text
    assert all(is_living(session, token) for token in others.values())


def test_only_administrators_see_others(place, as_officer, others):
    client = as_officer(place.supervisor)
    assert client.get(f"/console/sessions/{place.desk.id}").status_code == 403
    assert client.post(f"/console/sessions/{place.desk.id}/end").status_code == 403


def test_a_login_of_the_mini_program_is_called_that(session, place, as_officer):
    contact = make_contact(session, officer=place.desk, account="demo:mini")
    auth.start_session(session, contact.id)
    session.commit()
    assert "小程序" in as_officer(place.desk).get("/console/sessions/").text


def test_more_logins_come_page_by_page(session, place, as_officer, monkeypatch):
    contact = make_contact(session, officer=place.desk)
    for number in range(logins.PAGE):
        auth.start_session(session, contact.id, f"设备{number}。")
    session.commit()
    client = as_officer(place.desk)
    first = client.get("/console/sessions/").text
    assert first.count('name="login"') == logins.PAGE
    assert "设备0。" not in first
    before = first.split("before=")[1].split('"')[0]
    rest = client.get(f"/console/sessions/?before={before}", headers={"HX-Request": "true"}).text
    assert "设备0。" in rest
    assert "<html" not in rest
    assert "更多" not in rest


def test_one_login_costs_as_many_queries_as_three(session, place, as_officer, others):
    one = as_officer(make_officer(session, Role.SECRETARY, area=place.community))
    three = as_officer(place.desk)
    for_one = queries_of(lambda: one.get("/console/sessions/"))
    for_three = queries_of(lambda: three.get("/console/sessions/"))
    assert len(for_three) == len(for_one)


def test_an_area_of_the_record_is_the_officers_own(session, place, admin_client, others):
    admin_client.post(f"/console/sessions/{place.desk.id}/end")
    area_id = session.scalar(sa.select(Change.area_id).where(Change.subject == "officers"))
    assert session.get_one(Area, area_id).name == "玉兰社区"
