"""Who may end a post and who may follow: refusals, races, and what stands on the record."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend.cases import audience, handover, workflow
from backend.cases.models import Case
from backend.cases.workflow import Audience
from backend.errors import Conflict, Forbidden, Invalid, NotFound
from backend.places import posts
from backend.places.models import Officer, Post
from backend.places.posts import Seat
from backend.places.roles import Role
from backend.places.scope import COMMAND_LINE, posts_of
from backend.times import now
from tests.cases.handover_scene import officer, only_post, successor
from tests.cases.scene import at_once
from tests.factories import make_case, make_officer
from tests.places.people import administrator, make_town, town

__all__ = ["officer", "successor", "town"]
DAY = timedelta(days=1)


def test_nobody_lets_go_whom_they_do_not_administer(session, town, officer):
    with pytest.raises(NotFound):
        handover.leaves(session, town.neighbour, officer.id, {})
    posts.give(session, town.chief, officer.id, Seat(Role.SUPERVISOR, town.other_street.id))
    with pytest.raises(Forbidden, match="上级管理员"):
        handover.leaves(session, town.editor, officer.id, {})
    with pytest.raises(Forbidden):
        handover.ends(session, town.neighbour, only_post_at(session, officer, town.community).id)
    with pytest.raises(Forbidden, match="另一位管理员"):
        handover.leaves(session, town.chief, town.chief.officer_id, {})


def only_post_at(session, officer, area):
    return next(post for post in posts_of(session, officer.id) if post.area_id == area.id)


def test_successors_are_known_and_for_posts_that_are_there(session, town, officer):
    stranger = make_officer(session, Role.SECRETARY, area=town.other_community)
    post = only_post(session, officer)
    for heirs, error in (({post.id: stranger.id}, NotFound), ({0: officer.id}, Invalid)):
        with pytest.raises(error):
            handover.leaves(session, town.editor, officer.id, heirs)
        session.rollback()
    with pytest.raises(Invalid, match="不能由本人接任"):
        handover.leaves(session, town.editor, officer.id, {post.id: officer.id})


def test_the_last_administrator_is_followed_by_another(session, town):
    first = session.get_one(Officer, town.chief.officer_id)
    with pytest.raises(Conflict, match="管理员 · 青岚区”没有别人"):
        handover.leaves(session, COMMAND_LINE, first.id, {})
    street = session.get_one(Officer, town.editor.officer_id)
    assert handover.leaves(session, COMMAND_LINE, street.id, {})  # the district's is above
    administrator(session, town.district, "第二位")
    assert handover.leaves(session, COMMAND_LINE, first.id, {})


def test_one_post_ends_with_a_successor_from_then_on(session, town, officer, successor):
    make_case(session, town.community)
    post, soon = only_post(session, officer), now() + DAY
    with pytest.raises(Conflict, match="请指定接任的人"):
        handover.ends(session, town.editor, post.id, soon)
    handover.ends(session, town.editor, post.id, soon, successor.id)
    held = [[p.role for p in posts_of(session, successor.id, at)] for at in (now(), soon)]
    assert held == [[Role.SECRETARY], [Role.SECRETARY, Role.INFORMATION_OFFICER]]
    assert [p.id for p in posts_of(session, officer.id)] == [post.id]
    other = make_officer(session, Role.INFORMATION_OFFICER, area=town.community)
    assert handover.ends(session, town.editor, only_post(session, other).id).until


def test_nobody_goes_on_with_their_own_post(session, town, officer):
    make_case(session, town.community)
    post = only_post(session, officer)
    for until in (None, now() + DAY):
        with pytest.raises(Invalid, match="不能由本人接任"):
            handover.ends(session, town.editor, post.id, until, officer.id)
    assert only_post(session, officer).until is None


def test_leaving_is_on_the_record_without_the_name(session, town, officer):
    handover.leaves(session, town.editor, officer.id, {})
    line = town.changes("officers")[-1]
    assert (line.name, line.before["left_at"], line.area_id) == ("周**", None, town.community.id)
    assert line.after["left_at"]


def test_of_two_who_leave_at_once_one_stays(committed):
    town = make_town(committed)
    make_case(committed, town.community)
    leavers = [make_officer(committed, Role.INFORMATION_OFFICER, area=town.community) for _ in range(2)]
    ids = [leaver.id for leaver in leavers]
    results = at_once(
        *(lambda session, id=officer_id: handover.leaves(session, COMMAND_LINE, id, {}) for officer_id in ids)
    )
    assert sorted(isinstance(result, Conflict) for result in results) == [False, True]
    case_id = committed.scalar(sa.select(Case.id))
    committed.rollback()
    assert len(audience.officers(committed, Audience.COMMUNITY, case_id)) == 1


def test_two_who_name_each_other_do_not_both_leave(committed):
    town = make_town(committed)
    make_case(committed, town.grid)
    roles = ((Role.INFORMATION_OFFICER, town.community), (Role.GRID_OFFICER, town.grid))
    ids = [make_officer(committed, role, area=area).id for role, area in roles]
    posts_by = {officer_id: posts_of(committed, officer_id)[0].id for officer_id in ids}
    committed.rollback()
    one, other = ids
    results = at_once(
        lambda session: handover.leaves(session, COMMAND_LINE, one, {posts_by[one]: other}),
        lambda session: handover.leaves(session, COMMAND_LINE, other, {posts_by[other]: one}),
    )
    assert sorted(isinstance(result, Conflict) for result in results) == [False, True]
    held = committed.scalars(
        sa.select(Post.role).where(posts.is_held(), Post.role.in_([r for r, _ in roles]))
    )
    assert set(held) == {Role.INFORMATION_OFFICER, Role.GRID_OFFICER}


def test_the_roles_that_act_are_those_of_the_workflow():
    assert {Role.HANDLER, Role.SUPERVISOR, Role.SECRETARY} <= handover.ACTING
    assert Role.LEADER not in handover.ACTING
    assert workflow.OPEN
