"""The operator's way to a first administrator, and to help one who lost the phone with the digits."""

from concurrent.futures import ThreadPoolExecutor

import click
import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from backend import administrators, bind, db
from backend.config import config
from backend.errors import Conflict, Invalid, NotFound
from backend.notify import binding
from backend.places import second_factors
from backend.places.models import Area, Change, Officer, Post
from backend.places.roles import Role
from backend.privacy import blind_index
from backend.times import now
from backend.wechat import accounts
from tests.factories import make_area, make_community, make_contact, make_officer
from tests.weixin import platform, weixin

__all__ = ["platform", "weixin"]


@pytest.fixture
def district(committed):
    """All there is: one district."""
    return make_area(committed, name="青岚区", code="440399")


@pytest.fixture
def call(database_url):
    """A function that runs the command against the tests' database."""

    def call(*words):
        real = config.database_url
        object.__setattr__(config, "database_url", database_url)
        try:
            return CliRunner().invoke(administrators.main, list(words))
        finally:
            object.__setattr__(config, "database_url", real)

    return call


def appoint(*given, **more):
    with db.transaction() as session:
        return administrators.appoint(session, *given, **more)


def posts_of(session, officer_id=None):
    query = sa.select(Post.area_id).where(Post.role == Role.ADMINISTRATOR)
    return session.scalars(query.where(Post.officer_id == (officer_id or Post.officer_id))).all()


def test_the_account_to_bind_at_is_said_as_the_command_bind_says_it():
    said = [
        {option.name: option.help for option in one.params}["account"]
        for one in (bind.main, administrators.main)
    ]
    assert said[0] == said[1]


def test_on_a_database_of_places_alone_the_first_administrator_is_made_and_bound(
    committed, district, weixin, call
):
    shown = call("高远", "--at", "青岚区", "--phone", "13800138000")
    assert shown.exit_code == 0, shown.output
    assert "高远（管理员 · 青岚区）：已任命" in shown.output
    assert "█" in shown.output
    officer = committed.scalars(sa.select(Officer)).one()
    assert (officer.name, officer.phone) == ("高远", "13800138000")
    assert officer.name_index == blind_index("高远")
    assert posts_of(committed) == [district.id]
    contact = make_contact(committed)
    [code] = weixin.codes()
    binding.redeem(committed, code["scene"].removeprefix(binding.SCENE_PREFIX), contact.id)
    assert contact.officer_id == officer.id


def test_it_is_recorded_as_done_on_the_command_line(committed, district):
    done = appoint("高远", "440399")
    said = committed.execute(sa.select(Change.subject, Change.officer_id, Change.area_id)).all()
    assert set(said) == {("officers", None, district.id), ("posts", None, district.id)}
    assert done.is_new


def test_to_run_it_again_changes_nothing(committed, district, weixin, call):
    for _ in range(2):
        call("高远", "--at", "青岚区", "--phone", "13800138000")
    again = call("高远", "--at", "440399")
    assert "原来就是，没有改动" in again.output
    assert committed.scalar(sa.select(sa.func.count(Officer.id))) == 1
    assert posts_of(committed) == [district.id]


def test_who_is_bound_already_is_not_shown_another_code(committed, district, weixin, call):
    done = appoint("高远", "青岚区")
    make_contact(committed, officer=committed.get_one(Officer, done.officer_id))
    shown = call("高远", "--at", "青岚区")
    assert shown.exit_code == 0
    assert "微信已经绑定" in shown.output
    assert weixin.codes() == []


def test_an_officer_who_is_there_gets_the_post_and_stays_one_person(committed, district):
    officer = make_officer(committed, Role.LEADER, area=district, name="高远")
    done = appoint("高远", "青岚区", "138 0013 8000")
    assert (done.officer_id, done.is_new) == (officer.id, True)
    assert posts_of(committed, officer.id) == [district.id]


def test_a_post_that_ended_is_given_anew(committed, district):
    done = appoint("高远", "青岚区")
    committed.execute(sa.update(Post).values(since=now() - binding.LIFE, until=now()))
    committed.commit()
    assert appoint("高远", "青岚区").is_new
    assert posts_of(committed, done.officer_id) == [district.id] * 2


def test_a_namesake_with_another_number_is_not_taken_for_them(committed, district):
    first = appoint("高远", "青岚区", "13800138000")
    with pytest.raises(click.ClickException, match=f"--id {first.officer_id}；不是，请加 --new"):
        appoint("高远", "青岚区", "13900139000")
    second = appoint("高远", "青岚区", "13900139000", is_new=True)
    assert second.officer_id != first.officer_id
    assert appoint("高远", "青岚区", "13900139000").officer_id == second.officer_id
    with pytest.raises(click.ClickException, match="有几位同名的工作人员"):
        appoint("高远", "青岚区")
    assert not appoint("高远", "青岚区", officer_id=first.officer_id).is_new


def test_of_places_with_one_name_the_code_says_which(committed, district):
    make_community(committed, name="玉兰社区", code="440399001001")
    make_community(committed, name="玉兰社区", code="440399001002")
    with pytest.raises(Invalid, match="440399001002"):
        appoint("高远", "玉兰社区")
    appoint("高远", "440399001002")
    [area_id] = posts_of(committed)
    assert committed.get_one(Area, area_id).code == "440399001002"


@pytest.mark.parametrize(
    ("name", "place", "phone", "refusal"),
    [
        ("高远", "没有区", None, NotFound),
        ("", "青岚区", None, Invalid),
        ("高远", "青岚区", "123", Invalid),
        ("高远", "一号楼", None, Invalid),
        ("高远", "旧区", None, NotFound),
    ],
)
def test_what_does_not_fit_is_refused_and_leaves_nothing(committed, district, name, place, phone, refusal):
    make_area(committed, "building", make_community(committed), name="一号楼")
    make_area(committed, name="旧区", closed_at=now())
    with pytest.raises(refusal):
        appoint(name, place, phone)
    assert committed.scalar(sa.select(sa.func.count(Officer.id))) == 0


def test_the_command_says_a_refusal_in_one_sentence(committed, district, call):
    shown = call("高远", "--at", "没有区")
    assert shown.exit_code == 1
    assert "没有找到地点“没有区”" in shown.output
    assert call("高远").exit_code == 2
    assert call().exit_code == 2


def test_run_many_times_at_one_moment_it_makes_one_administrator(committed, district):
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: appoint("高远", "青岚区"), range(4)))
    assert len({each.officer_id for each in made}) == 1
    assert [each.is_new for each in made].count(True) == 1
    assert posts_of(committed) == [district.id]


def test_without_wechat_the_post_is_given_and_the_sentence_says_what_is_left(
    committed, district, weixin, call
):
    weixin.faults(api=[{"path": "/cgi-bin/qrcode/create", "errcode": -1, "errmsg": "system error"}])
    shown = call("高远", "--at", "青岚区")
    assert shown.exit_code == 1
    assert "任命已经保存" in shown.output
    assert posts_of(committed) == [district.id]
    weixin.faults()
    assert "█" in call("高远", "--at", "青岚区").output


def test_all_administrators_are_listed_with_what_is_missing(committed, district, call):
    accounts.reset()
    assert "还没有管理员" in call("--list").output
    done = appoint("高远", "青岚区")
    make_officer(committed, Role.LEADER, area=district, name="周明")
    gone = make_officer(committed, Role.ADMINISTRATOR, area=district, name="吴桐")
    gone.left_at = now()
    committed.commit()
    assert call("--list").output == "高远（管理员 · 青岚区）：还没有绑定微信，还没有设置动态码\n"
    officer = committed.get_one(Officer, done.officer_id)
    officer.second_factor = second_factors.new_secret()
    make_contact(committed, officer=officer)
    assert call("--list").output == "高远（管理员 · 青岚区）：已绑定微信，已设置动态码\n"


def test_a_lost_phone_is_helped_from_the_command_line_and_recorded(committed, district, call):
    done = appoint("高远", "青岚区")
    officer = committed.get_one(Officer, done.officer_id)
    officer.second_factor = second_factors.new_secret()
    committed.commit()
    assert "已重置" in call("高远", "--reset-second-factor").output
    committed.refresh(officer)
    assert officer.second_factor is None
    last = committed.scalars(sa.select(Change).order_by(Change.id.desc())).first()
    assert (last.officer_id, last.after) == (None, {"second_factor": False})
    nothing = call("高远", "--reset-second-factor")
    assert (nothing.exit_code, "还没有设置动态码" in nothing.output) == (1, True)
    assert call("无名", "--reset-second-factor").exit_code == 1


def test_somebody_new_is_not_somebody_with_the_same_name_and_number(committed, district):
    appoint("高远", "青岚区", "13800138000")
    with pytest.raises(Conflict, match="同名、同电话"):
        appoint("高远", "青岚区", "13800138000", is_new=True)


def test_a_name_that_nobody_has_is_not_made_an_administrator_by_a_slip(committed, district):
    appoint("高远", "青岚区")
    with pytest.raises(click.ClickException, match="没有叫“高园”的工作人员"):
        appoint("高园", "青岚区")
    assert appoint("高园", "青岚区", is_new=True).is_new
