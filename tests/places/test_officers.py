"""Officers and their posts: who may give what to whom, what fits where, and how people are found."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend import db
from backend.cases import audience, workflow
from backend.errors import Conflict, Forbidden, Invalid, NotFound
from backend.places import officers, posts, units
from backend.places.models import Change, Officer, Post, Shift
from backend.places.officers import Person
from backend.places.posts import Seat
from backend.places.roles import Force, Level, Role
from backend.places.scope import COMMAND_LINE, posts_of
from backend.times import now
from tests.factories import make_area, make_officer, make_unit
from tests.places.people import make_town, town

__all__ = ["town"]
ZHOU = Person("周晓岚", "138 0000-0001", "A001")


def desk(area, role=Role.INFORMATION_OFFICER):
    return Seat(role, area_id=area.id)


def add(session, town, person=ZHOU, **fields):
    return officers.add(session, town.editor, person, desk(town.community), **fields)


def test_an_officer_is_added_with_a_first_post(session, town):
    officer = add(session, town)
    assert (officer.name, officer.phone, officer.code) == ("周晓岚", "13800000001", "A001")
    [post] = posts_of(session, officer.id)
    assert (post.role, post.area_id) == (Role.INFORMATION_OFFICER, town.community.id)


def test_the_record_holds_no_name_and_no_phone(session, town):
    officer = add(session, town)
    officers.change(session, town.editor, officer.id, Person("周晓兰", "13800000002", "A001"))
    lines = session.scalars(sa.select(Change).order_by(Change.id)).all()
    written = str([(line.name, line.before, line.after) for line in lines])
    assert "周**（A001）" in written
    assert not [word for word in ("周晓", "13800000001", "13800000002") if word in written]
    assert lines[-1].after["name_changed"] is True


@pytest.mark.parametrize(
    ("person", "said"),
    [
        (Person(" "), "请填写姓名"),
        (Person("周" * 31), "最多"),
        (Person("周晓岚", "12"), "电话号码不对"),
    ],
)
def test_what_is_no_person_is_refused(session, town, person, said):
    with pytest.raises(Invalid, match=said):
        add(session, town, person)


def test_a_person_is_written_down_once(session, town):
    add(session, town)
    with pytest.raises(Conflict, match="工号“A001”"):
        add(session, town, Person("别人", code="A001"))
    with pytest.raises(Conflict, match="同名、同电话"):
        add(session, town, Person("周 晓岚", "+8613800000001"))
    assert add(session, town, Person("周晓岚", "13800000009")).id  # a namesake


# What they may do comes with another post, with a case, or with being a resident.
WITHOUT_POSTS = {Role.RESIDENT, Role.SYSTEM, Role.ARBITER, Role.GROUP_MEMBER}


def test_every_role_that_acts_on_cases_fits_somewhere():
    acting = {role for rule in workflow.RULES.values() for role in rule.roles}
    assert acting - WITHOUT_POSTS <= set(posts.GIVEN)
    assert set(Role) - WITHOUT_POSTS == set(posts.GIVEN)


def test_whoever_has_a_post_that_fits_is_found_by_the_audiences(session, town):
    """A post where nobody looks for it would leave its cases to no one."""
    from tests.factories import make_case

    told = {"information_officer", "grid_officer", "safety_officer", "dispatcher", "supervisor"}
    for role in told:
        for level in posts.LEVELS[Role(role)]:
            area = _at(session, town, level)
            officer = make_officer(session, Role(role), area=area)
            case = make_case(session, area, urgent=True)
            found = [o for who in audience.OFFICERS for o in audience.officers(session, who, case.id)]
            assert officer.id in found, (role, level)


def _at(session, town, level):
    near = {Level.DISTRICT: town.district, Level.SUBDISTRICT: town.street, Level.COMMUNITY: town.community}
    return near.get(level) or make_area(session, level, town.community)


@pytest.mark.parametrize(
    ("role", "at", "said"),
    [
        (Role.DISPATCHER, "community", "分拨员不能设在社区，请选择区、街道"),
        (Role.SECRETARY, "grid", "社区书记不能设在网格，请选择社区"),
        (Role.HANDLER, "community", "经办人设在单位里"),
        (Role.INFORMATION_OFFICER, "unit", "信息员不设在单位里"),
    ],
)
def test_a_role_fits_only_where_it_is_looked_for(session, town, role, at, said):
    unit = make_unit(session, town.community)
    seat = Seat(role, unit_id=unit.id) if at == "unit" else desk(getattr(town, at), role)
    officer = add(session, town)
    with pytest.raises(Invalid, match=said):
        posts.give(session, town.editor, officer.id, seat)


def test_a_first_post_may_be_at_a_unit(session, town):
    seat = Seat(Role.HANDLER, unit_id=make_unit(session, town.street).id)
    session.expunge_all()
    officer = officers.add(session, town.editor, ZHOU, seat)
    assert [post.unit_id for post in posts_of(session, officer.id)] == [seat.unit_id]


def test_a_post_needs_one_open_place(session, town):
    officer, unit = add(session, town), make_unit(session, town.community, closed_at=now())
    for seat in (Seat(Role.HANDLER), Seat(Role.MEDIATOR, town.community.id, unit.id)):
        with pytest.raises(Invalid, match="一个地方或者一个单位"):
            posts.give(session, town.editor, officer.id, seat)
    with pytest.raises(NotFound, match="已经停用"):
        posts.give(session, town.editor, officer.id, Seat(Role.HANDLER, unit_id=unit.id))


def test_the_same_post_is_not_held_twice_at_a_time(session, town):
    officer, soon = add(session, town), now() + timedelta(days=7)
    with pytest.raises(Conflict, match="已经是信息员"):
        posts.give(session, town.editor, officer.id, desk(town.community), since=soon)
    [post] = posts_of(session, officer.id)
    posts.end(session, town.editor, post.id, soon)
    with pytest.raises(Conflict, match="已经是信息员"):
        posts.give(session, town.editor, officer.id, desk(town.community), since=soon - timedelta(days=1))
    assert posts.give(session, town.editor, officer.id, desk(town.community), since=soon)
    force = Seat(Role.SAFETY_OFFICER, town.grid.id, force_kind=Force.BUILDING_HEAD)
    assert posts.give(session, town.editor, officer.id, force).force_kind is Force.BUILDING_HEAD


def test_nobody_gives_posts_above_or_outside_their_own_area(session, town):
    officer = add(session, town)
    for area in (town.district, town.other_street):
        with pytest.raises(Forbidden):
            posts.give(session, town.editor, officer.id, desk(area, Role.ADMINISTRATOR))
    there = make_unit(session, town.other_street)
    with pytest.raises(Forbidden):
        posts.give(session, town.editor, officer.id, Seat(Role.HANDLER, unit_id=there.id))
    assert posts.give(session, town.editor, officer.id, desk(town.street, Role.ADMINISTRATOR))


def test_nobody_gives_a_post_to_who_is_unknown_to_them(session, town):
    officer = add(session, town)
    for unknown in (officer.id, 987654):
        with pytest.raises(NotFound, match="不归您管理"):
            posts.give(session, town.neighbour, unknown, desk(town.other_street, Role.DISPATCHER))
    assert posts.give(session, town.chief, officer.id, desk(town.other_street, Role.DISPATCHER))


def test_nobody_ends_or_changes_what_is_anothers(session, town):
    officer = add(session, town)
    [post] = posts_of(session, officer.id)
    with pytest.raises(Forbidden):
        posts.end(session, town.neighbour, post.id)
    with pytest.raises(NotFound):
        officers.change(session, town.neighbour, officer.id, ZHOU)


def test_who_also_has_a_post_elsewhere_is_changed_by_who_administers_both(session, town):
    """Whoever administers a street must not come to name, or bind, the district's administrator."""
    chief = session.get_one(Officer, town.chief.officer_id)
    posts.give(session, town.chief, chief.id, desk(town.community))
    with pytest.raises(Forbidden, match="上级管理员"):
        officers.must_administer(session, town.editor, chief.id)
    assert officers.must_administer(session, town.chief, chief.id) is chief
    for editor, may in (
        (town.editor, False),
        (town.chief, True),
        (COMMAND_LINE, True),
        (town.neighbour, False),
    ):
        assert officers.may_administer(editor, officers.find(session, COMMAND_LINE, chief.id)) is may


def test_a_post_ends_now_or_at_a_date(session, town):
    officer, soon = add(session, town), now() + timedelta(days=7)
    [post] = posts_of(session, officer.id)
    session.add(Shift(post_id=post.id, since=soon - timedelta(hours=1), until=soon + timedelta(hours=7)))
    session.add(Shift(post_id=post.id, since=soon + timedelta(days=1), until=soon + timedelta(days=2)))
    session.commit()
    posts.end(session, town.editor, post.id, soon)
    assert posts_of(session, officer.id)
    assert posts_of(session, officer.id, soon) == []
    assert session.scalars(sa.select(Shift.until)).all() == [soon]
    with pytest.raises(Invalid, match="结束时间要晚于它"):
        posts.end(session, town.editor, post.id, post.since)
    posts.end(session, town.editor, post.id)
    with pytest.raises(Conflict, match="已经结束"):
        posts.end(session, town.editor, post.id)


def test_nobody_ends_their_own_last_administration(session, town):
    [own] = posts_of(session, town.editor.officer_id)
    with pytest.raises(Forbidden, match="最后一个管理员岗位"):
        posts.end(session, town.editor, own.id)
    posts.give(session, town.chief, town.editor.officer_id, desk(town.community, Role.ADMINISTRATOR))
    assert posts.end(session, town.editor_of(session.get_one(Officer, own.officer_id)), own.id).until


def test_people_are_found_by_whole_name_phone_or_code(session, town):
    officer = add(session, town)
    add(session, town, Person("周晓", "13800000002"))
    for said in ("周晓岚", " 周 晓岚 ", "13800000001", "+86 138-0000-0001", "A001"):
        assert officers.page(session, town.editor, search=said) == [officer]
    assert officers.page(session, town.editor, search="晓岚") == []
    assert officers.page(session, town.neighbour, search="A001") == []


def test_who_was_written_down_without_indexes_is_found_once_they_are_filled(session, town):
    officer = make_officer(session, Role.SECRETARY, area=town.community, name="方静怡")
    assert officers.page(session, town.editor, search="方静怡") == []
    assert officers.fill_indexes(session) == 4  # the three administrators, too
    assert officers.page(session, town.editor, search="方静怡") == [officer]
    assert officers.fill_indexes(session) == 0


def test_the_list_holds_who_works_where_one_works(session, town):
    officer, unit = add(session, town), make_unit(session, town.street)
    handler = make_officer(session, Role.HANDLER, unit=unit)
    street_editor, chief = town.editor.officer_id, town.chief.officer_id
    listed = {o.id for o in officers.page(session, town.editor)}
    assert listed == {officer.id, handler.id, street_editor}
    assert chief in {o.id for o in officers.page(session, town.chief)}
    assert {o.id for o in officers.page(session, town.neighbour)} == {town.neighbour.officer_id}
    assert officers.page(session, town.editor, unit_id=unit.id) == [handler]
    assert officers.page(session, town.editor, role=Role.HANDLER) == [handler]
    with pytest.raises(NotFound):
        officers.find(session, town.neighbour, officer.id)


def test_the_list_goes_on_after_the_last_one_seen(session, town):
    people = [add(session, town, Person(f"员工{n}", code=f"B{n}")) for n in range(3)]
    first = officers.page(session, town.editor, role=Role.INFORMATION_OFFICER, limit=2)
    rest = officers.page(session, town.editor, role=Role.INFORMATION_OFFICER, after=first[-1].id)
    assert first + rest == people


def test_what_only_refers_to_a_held_row_does_not_wait(committed):
    town = make_town(committed)
    unit = make_unit(committed, town.street)
    officer = make_officer(committed, Role.SECRETARY, area=town.community)
    committed.commit()
    with db.transaction() as session:
        posts.lock_officer(session, officer.id)
        units.locked(session, COMMAND_LINE, unit.id)
        with db.transaction() as other:
            other.execute(sa.text("SET LOCAL lock_timeout = '1s'"))
            other.add(Post(officer_id=officer.id, role=Role.HANDLER, unit_id=unit.id))
        # The other transaction is through while both rows are still held.
        held = sa.select(Post.role).where(Post.officer_id == officer.id)
        assert set(session.scalars(held)) == {Role.SECRETARY, Role.HANDLER}


def test_who_left_is_listed_apart(session, town):
    officer = add(session, town)
    officer.left_at = now()
    session.execute(sa.update(Post).where(Post.officer_id == officer.id).values(until=now()))
    assert officer not in officers.page(session, town.editor)
    assert officers.page(session, town.editor, left=True) == [officer]
    with pytest.raises(Conflict, match="已经离岗"):
        posts.give(session, town.editor, officer.id, desk(town.community))
