"""The pages of duty: the gaps first, the week of a place, and who may plan it."""

from datetime import date, datetime, time, timedelta

import pytest
import sqlalchemy as sa

from backend.places import roster
from backend.places.models import Area, Shift
from backend.places.roles import Level, Role
from backend.places.roster import Turn
from backend.places.scope import COMMAND_LINE, posts_of
from backend.times import SHANGHAI, local, now
from tests.console.conftest import queries_of
from tests.factories import make_area, make_officer, make_unit

MONDAY = date(2030, 1, 7)
WHOLE = [Turn(day, time(0), time(0)) for day in range(7)]


@pytest.fixture
def desk_post(session, place):
    return posts_of(session, place.desk.id)[0]


def plan(client, where, **form):
    said = {"week": MONDAY.isoformat(), "since": "18:00", "until": "08:00", "day": ["0", "4"], "weeks": "1"}
    return client.post(f"/console/roster/{where}/plan", data=said | form)


def test_gaps_come_first_and_those_without_a_roster_apart(session, place, desk_post, as_officer):
    today = local(now()).date()
    roster.plan(session, COMMAND_LINE, desk_post.id, today, WHOLE)
    client = as_officer(place.desk)
    page = client.get("/console/roster/").text
    assert page.index("现在没有人值班") < page.index("现在有人值班") < page.index("还没有排班")
    assert page.index("现在有人值班") < page.index("李梅") < page.index("还没有排班")
    assert page.index("还没有排班") < page.index("望溪街道市政服务中心")
    session.execute(sa.delete(Shift).where(Shift.until > now()))
    session.add(Shift(post_id=desk_post.id, since=now() + timedelta(days=2), until=now() + timedelta(days=3)))
    session.commit()
    page = client.get("/console/roster/").text
    assert page.index("现在没有人值班") < page.index("玉兰社区") < page.index("现在有人值班")


def test_the_front_page_takes_as_many_queries_for_many_places(session, place, desk_post, admin_client):
    street = session.get_one(Area, place.community.subdistrict_id)
    one = len(queries_of(lambda: admin_client.get("/console/roster/")))
    for n in range(3):
        community = make_area(session, Level.COMMUNITY, street, name=f"社区{n}")
        make_officer(session, Role.INFORMATION_OFFICER, area=community)
        make_officer(session, Role.HANDLER, unit=make_unit(session, community))
    assert len(queries_of(lambda: admin_client.get("/console/roster/"))) == one


def test_the_front_page_reads_who_is_on_duty_and_whose_posts_once(session, place, desk_post, as_officer):
    roster.plan(session, COMMAND_LINE, desk_post.id, local(now()).date(), WHOLE)
    client = as_officer(place.desk)
    asked = queries_of(lambda: client.get("/console/roster/"))
    assert len([one for one in asked if "JOIN posts" in one and "shifts.until >" in one]) == 1
    assert len([one for one in asked if "posts.officer_id = " in one]) == 1


def test_a_communitys_desk_plans_its_nights(session, place, desk_post, as_officer):
    client, where = as_officer(place.desk), f"areas/{place.community.id}"
    assert plan(client, where, post=desk_post.id).status_code == 303
    page = client.get(f"/console/roster/{where}?week=2030-01-09").text
    assert page.count("18:00–次日 08:00") == 4  # two turns, in the table and in the list
    assert page.count("没有人</span>") >= 5
    again = plan(client, where, post=desk_post.id)
    assert again.status_code == 409
    assert "和已有的班次重叠" in again.text
    assert 'value="18:00"' in again.text
    for form, said in (({"post": ""}, "请选择谁值班"), ({"post": desk_post.id, "day": []}, "至少勾选一天")):
        assert said in plan(client, where, **form).text
    assert "请填时间" in plan(client, where, post=desk_post.id, since="晚上").text


def test_weeks_and_times_that_nobody_means_are_answered(place, desk_post, as_officer):
    client, where = as_officer(place.desk), f"areas/{place.community.id}"
    for week in ("9999-12-31", "0001-01-01"):
        assert client.get(f"/console/roster/{where}?week={week}").status_code == 200
    assert plan(client, where, post=desk_post.id, since="18:00+08:00").status_code == 303


def test_a_turn_is_moved_and_called_off(session, place, desk_post, as_officer):
    client, where = as_officer(place.desk), f"/console/roster/areas/{place.community.id}"
    [shift] = roster.plan(session, COMMAND_LINE, desk_post.id, MONDAY, [Turn(0, time(9), time(18))])
    session.commit()
    move = {"shift": shift.id, "since": "2030-01-07T10:00", "until": "2030-01-07T19:00", "week": "2030-01-07"}
    assert client.post(f"{where}/move", data=move).status_code == 303
    session.expire_all()
    assert shift.since == datetime(2030, 1, 7, 10, tzinfo=SHANGHAI)
    wrong = client.post(f"{where}/move", data=move | {"until": "2030-01-09T19:00"})
    assert wrong.status_code == 422
    assert "24 小时" in wrong.text
    assert client.post(f"{where}/remove", data=move).status_code == 303
    assert session.scalar(sa.select(sa.func.count()).select_from(Shift)) == 0


def test_who_does_not_answer_for_the_place_cannot_plan_it(session, place, desk_post, as_officer):
    client, where = as_officer(place.handler), f"areas/{place.community.id}"
    assert client.get(f"/console/roster/{where}").status_code == 200
    assert "连续几周" not in client.get(f"/console/roster/{where}").text
    assert plan(client, where, post=desk_post.id).status_code == 403
    other = make_area(session, Level.COMMUNITY, session.get_one(Area, place.community.subdistrict_id))
    stranger = as_officer(make_officer(session, Role.SECRETARY, area=other))
    assert stranger.get(f"/console/roster/{where}").status_code == 404
    assert stranger.get(f"/console/roster/units/{place.unit.id}").status_code == 404
    assert plan(stranger, where, post=desk_post.id).status_code in (403, 404)
    assert "玉兰社区" not in stranger.get("/console/roster/").text


def test_a_head_plans_for_the_own_unit(session, place, as_officer):
    head = as_officer(make_officer(session, Role.UNIT_HEAD, unit=place.unit))
    post = posts_of(session, place.handler.id)[0]
    assert plan(head, f"units/{place.unit.id}", post=post.id).status_code == 303
    assert "陈志" in head.get(f"/console/roster/units/{place.unit.id}?week=2030-01-07").text


def test_an_empty_day_alarms_until_it_is_over(place, desk_post, as_officer):
    client, where = as_officer(place.desk), f"/console/roster/areas/{place.community.id}"
    monday = local(now()).date() - timedelta(days=local(now()).weekday())
    over = client.get(f"{where}?week={monday - timedelta(days=7)}").text
    assert over.count("没排</span>") == 14  # in the table and in the list
    assert 'class="gap' in over
    assert 'class="gap"' not in over
    this_week = client.get(where).text
    past = local(now()).weekday()
    assert this_week.count("没排</span>") == 2 * past
    coming = client.get(f"{where}?week={monday + timedelta(days=7)}").text
    assert "没排" not in coming
    assert 'class="gap"' in coming
