"""The pages of people: masked and whole numbers, posts, leave, leaving, the code by which they bind."""

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend.console import choosing
from backend.notify import binding
from backend.notify.models import Contact
from backend.places import officers, posts
from backend.places.models import Area, Officer, Post
from backend.places.roles import Role
from backend.places.scope import COMMAND_LINE, posts_of
from backend.times import local, now
from tests.console.conftest import queries_of
from tests.factories import make_area, make_case, make_community, make_contact, make_officer, make_unit
from tests.weixin import platform, weixin

__all__ = ["platform", "weixin"]
HERE = "青岚区/望溪街道/玉兰社区"


def named(session, officer):
    """Their name, by which they can be found."""
    officers.fill_indexes(session)
    session.commit()
    return officer.name


@pytest.fixture
def zhou(session, place, admin_client):
    form = {"name": "周晓岚", "phone": "138 0000 0001", "code": "A001", "role": "grid_officer", "place": HERE}
    answer = admin_client.post("/console/officers/new", data=form)
    assert answer.status_code == 303
    return session.scalar(sa.select(Officer).where(Officer.code == "A001"))


def page_of(client, officer):
    return client.get(f"/console/officers/{officer.id}")


def act(client, officer, step, **form):
    return client.post(f"/console/officers/{officer.id}/{step}", data=form)


def test_numbers_are_masked_in_the_list_and_on_the_page(zhou, place, as_officer, admin_client):
    for client in (as_officer(place.desk), admin_client):
        listed = client.get("/console/officers/").text
        assert "138****0001" in listed
        assert "13800000001" not in listed
    for client in (as_officer(place.desk), admin_client):
        assert "13800000001" not in page_of(client, zhou).text


def test_people_are_found_by_whole_name_phone_or_code(zhou, admin_client):
    for said in ("周晓岚", "13800000001", "A001"):
        found = admin_client.get(f"/console/officers/?q={said}", headers={"HX-Request": "true"}).text
        assert "周晓岚" in found
    missed = admin_client.get("/console/officers/?q=周晓").text
    assert "要写完整才找得到" in missed


def test_nobody_outside_is_listed_or_reached(session, zhou, place, as_officer, as_administrator):
    there = make_community(session, name="桂花社区")
    far = session.get_one(Area, there.subdistrict_id)
    client = as_administrator(far)
    assert "周晓岚" not in client.get("/console/officers/?q=A001").text
    assert page_of(client, zhou).status_code == 404
    for name in ("change", "give", "end", "away", "back", "leave", "unbind", "code"):
        form = {"name": "别人", "role": "secretary", "place": HERE, "post": posts_of(session, zhou.id)[0].id}
        answer = act(client, zhou, name, since="2030-01-01T00:00", until="2030-01-02T00:00", **form)
        assert answer.status_code in (403, 404), name
    session.expire_all()
    assert (zhou.name, zhou.left_at) == ("周晓岚", None)


def test_the_list_takes_as_many_queries_for_three_as_for_one(session, place, zhou, admin_client):
    one = len(queries_of(lambda: admin_client.get("/console/officers/?role=grid_officer")))
    for n in range(3):
        make_officer(session, Role.GRID_OFFICER, area=place.community, name=f"员工{n}")
    assert len(queries_of(lambda: admin_client.get("/console/officers/?role=grid_officer"))) == one


def test_what_was_typed_stays_and_the_field_says_what_is_wrong(place, admin_client):
    form = {"name": "周晓岚", "phone": "12", "role": "handler", "place": HERE}
    answer = admin_client.post("/console/officers/new", data=form)
    assert answer.status_code == 422
    assert "没有找到这个单位" in answer.text
    answer = admin_client.post("/console/officers/new", data=form | {"role": "dispatcher"})
    assert "分拨员不能设在社区" in answer.text
    answer = admin_client.post("/console/officers/new", data=form | {"role": "secretary"})
    assert "电话号码不对" in answer.text
    assert 'value="周晓岚"' in answer.text


def test_a_post_is_given_at_a_unit_and_ended_with_a_successor(session, zhou, place, admin_client):
    where = "望溪街道市政服务中心（玉兰社区）"
    assert act(admin_client, zhou, "give", role="handler", place=where).status_code == 303
    post = next(post for post in posts_of(session, zhou.id) if post.role is Role.HANDLER)
    assert post.unit_id == place.unit.id
    twice = act(admin_client, zhou, "give", role="handler", place=where)
    assert twice.status_code == 409
    grid = next(post for post in posts_of(session, zhou.id) if post.role is Role.GRID_OFFICER)
    make_case(session, place.community)
    refused = act(admin_client, zhou, "end", post=grid.id)
    assert refused.status_code == 409
    assert "还有 1 件没有办完的诉求" in refused.text
    assert (
        act(admin_client, zhou, "end", post=grid.id, successor="周晓（信息员 · 玉兰社区）").status_code == 422
    )
    assert (
        act(admin_client, zhou, "end", post=grid.id, successor=named(session, place.desk)).status_code == 303
    )
    assert Role.GRID_OFFICER in {post.role for post in posts_of(session, place.desk.id)}
    others = posts_of(session, place.handler.id)[0]
    assert act(admin_client, zhou, "end", post=others.id).status_code == 422


def test_a_unit_that_is_not_suggested_is_found_by_what_was_typed(
    session, zhou, place, admin_client, monkeypatch
):
    make_unit(session, place.community, name="玉兰社区党群服务中心", code="U9")
    monkeypatch.setattr(choosing, "SUGGESTED", 0)
    for said, status in (("没有这个", 422), ("U9", 303)):
        assert act(admin_client, zhou, "give", role="handler", place=said).status_code == status


def test_who_works_beside_somebody_is_offered_first(session, place):
    for name in ("甲", "乙"):
        make_officer(
            session, Role.SUPERVISOR, area=session.get_one(Area, place.community.district_id), name=name
        )
    last = make_officer(session, Role.SECRETARY, area=place.community, name="丙")
    held = posts_of(session, place.desk.id)
    named = [officer_id for officer_id, _ in choosing.colleagues(session, COMMAND_LINE, None, held)]
    beside = session.scalars(sa.select(Post.officer_id).where(Post.area_id == place.community.id)).all()
    assert last.id in beside
    assert set(named[: len(set(beside))]) == set(beside)


def test_a_colleague_who_is_not_suggested_is_found_by_what_was_typed(
    session, zhou, place, admin_client, monkeypatch
):
    twin = make_officer(session, Role.SECRETARY, area=place.community, name="何静")
    twin.code = "A2"
    named(session, twin)
    monkeypatch.setattr(choosing, "SUGGESTED", 0)
    [grid] = posts_of(session, zhou.id)
    refused = act(admin_client, zhou, "end", post=grid.id, successor="何静")
    assert (refused.status_code, "有几位同名的工作人员" in refused.text) == (422, True)
    assert 'value="何静"' in refused.text
    for said, officer in (("A2", twin), (f"何静（{posts.name_of(posts_of(session, twin.id)[0])}）", twin)):
        assert choosing.colleague_called(session, COMMAND_LINE, said, "successor") == officer.id


def test_who_works_elsewhere_is_not_found_as_a_colleague(session, zhou, place, admin_client):
    elsewhere = make_area(session, name="丹枫区")
    far_officer = make_officer(session, Role.LEADER, area=elsewhere, name="远方")
    [grid] = posts_of(session, zhou.id)
    answer = act(admin_client, zhou, "end", post=grid.id, successor=named(session, far_officer))
    assert (answer.status_code, "没有找到这位工作人员" in answer.text) == (422, True)


def test_days_that_nobody_means_are_asked_for_again(zhou, admin_client):
    refused = act(admin_client, zhou, "give", role="secretary", place=HERE, until="9999-12-31")
    assert refused.status_code == 422
    assert "请选择日期" in refused.text


def test_an_officer_enters_their_own_leave_with_a_colleague(session, place, as_officer):
    client = as_officer(place.desk)
    assert "登记请假" in page_of(client, place.desk).text
    assert "登记请假" not in page_of(client, place.handler).text
    until = local(now() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    since = local(now() - timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M")
    leave = {"since": since, "until": until, "substitute": named(session, place.colleague)}
    assert client.post("/console/officers/me/away", data=leave).status_code == 303
    shown = page_of(client, place.desk).text
    assert "由 何静 代班" in shown
    assert "请假" in client.get("/console/officers/").text
    assert client.post("/console/officers/me/back").status_code == 303
    assert client.post("/console/officers/me/leave").status_code == 404
    assert client.post("/console/officers/me/away", data={}).status_code == 422


def test_an_administrators_own_leave_gives_their_powers_to_nobody(session, place, admin_client):
    until = local(now() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    leave = {"since": until, "until": until[:-5] + "23:59", "substitute": named(session, place.desk)}
    answer = admin_client.post("/console/officers/me/away", data=leave)
    assert (answer.status_code, "请由上级管理员安排代班" in answer.text) == (403, True)
    assert session.scalar(sa.select(sa.func.count()).where(Post.for_id.is_not(None))) == 0


def test_who_leaves_is_followed_and_gone(session, zhou, place, admin_client):
    make_case(session, place.community)
    shown = page_of(admin_client, zhou).text
    assert "件没有办完" not in shown  # it is counted only for who wants to know
    assert f"/console/officers/{zhou.id}?leave=1#leave" in shown
    shown = admin_client.get(f"/console/officers/{zhou.id}?leave=1").text
    assert "没有别人，有 1 件没有办完，要指定接任的人" in shown
    refused = act(admin_client, zhou, "leave", sure="1")
    assert refused.status_code == 409
    assert "请指定接任的人" in refused.text
    assert act(admin_client, zhou, "leave", sure="1", **{"post²": "1"}).status_code == 409
    [post] = posts_of(session, zhou.id)
    wrong = act(admin_client, zhou, "leave", sure="1", **{f"post{post.id}": "没有这个人"})
    assert (wrong.status_code, "没有找到这位工作人员，请从提示里选，或者写工号" in wrong.text) == (422, True)
    assert (
        act(
            admin_client, zhou, "leave", sure="1", **{f"post{post.id}": named(session, place.desk)}
        ).status_code
        == 303
    )
    assert "离岗" in page_of(admin_client, zhou).text
    assert "周晓岚" not in admin_client.get("/console/officers/").text
    assert "周晓岚" in admin_client.get("/console/officers/?left=1").text
    assert "办理离岗" not in page_of(admin_client, admin_client.officer).text


def test_each_named_successor_is_looked_up_by_one_query(session, zhou, place, admin_client):
    heir = named(session, place.desk)

    def queries_with(heirs):
        form = {f"post{number}": heir for number in range(1, heirs + 1)} | {"post9": "没有这个人"}
        return len(queries_of(lambda: act(admin_client, zhou, "leave", sure="1", **form), 422))

    assert queries_with(3) - queries_with(1) == 2


def test_the_code_is_shown_once_and_ends_the_one_before(session, zhou, place, admin_client, weixin):
    answer = act(admin_client, zhou, "code")
    assert answer.status_code == 200
    assert "<svg" in answer.text
    assert "只能用一次" in answer.text
    assert re.search(r"粘贴这个地址<br><code[^>]*>http", answer.text)  # for the sandbox's phones
    contact = make_contact(session, officer=zhou)
    assert "已绑定" in page_of(admin_client, zhou).text
    assert act(admin_client, zhou, "unbind").status_code == 303
    session.expire_all()
    assert session.get_one(Contact, contact.id).officer_id is None
    assert "没有绑定" in page_of(admin_client, zhou).text
    assert not binding.is_bound(session, zhou.id)


def test_who_administers_a_street_binds_nobody_above_them(session, place, as_administrator, admin_client):
    """A street's administrator, to whom the district's is known by a post in the street."""
    street = session.get_one(Area, place.community.subdistrict_id)
    editor = as_administrator(street, name="街道管理员")
    session.add(Post(officer_id=admin_client.officer.id, role=Role.LEADER, area_id=street.id))
    session.commit()
    answer = act(editor, admin_client.officer, "code")
    assert answer.status_code == 403
    assert "上级管理员" in answer.text
    assert "绑定微信" not in page_of(editor, admin_client.officer).text


def test_the_record_tells_what_was_done(zhou, admin_client):
    text = re.sub(r"\s+", " ", page_of(admin_client, zhou).text)
    assert "新增：周**（A001）" in text
    assert "新增：网格员 · 玉兰社区" in text
    assert posts.GIVEN


def test_a_unit_lists_its_people(session, place, admin_client):
    unit = make_unit(session, place.community)
    make_officer(session, Role.MEDIATOR, unit=unit, name="车立群")
    assert "车立群" in admin_client.get(f"/console/units/{unit.id}").text


def test_a_whole_number_is_shown_to_who_asks_and_that_is_written_down(zhou, admin_client):
    zhou.phone = "13800000001"
    page = f"/console/officers/{zhou.id}"
    assert "13800000001" not in admin_client.get(page).text
    assert "13800000001" in admin_client.post(f"{page}/phone").text
    assert "查看了：电话" in admin_client.get("/console/changes/").text
    assert "13800000001" not in admin_client.get("/console/changes/").text


def test_a_number_that_is_not_given_again_stays(session, zhou, admin_client):
    zhou.phone = "13800000001"
    session.commit()
    assert act(admin_client, zhou, "change", name="周晓岚", phone="", code="").status_code == 303
    assert session.get_one(Officer, zhou.id, populate_existing=True).phone == "13800000001"
