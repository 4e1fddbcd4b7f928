"""Leave: the stand-in is alerted and may act meanwhile, the officer before and after; who may enter it."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend.cases import audience, intake
from backend.cases.intake import Report
from backend.cases.models import Channel
from backend.cases.workflow import Audience
from backend.errors import Conflict, Forbidden, Invalid, NotFound
from backend.notify.models import Notification
from backend.places import absences, posts
from backend.places.models import Post
from backend.places.posts import Seat
from backend.places.roles import Role
from backend.places.scope import posts_of, roles_over
from backend.times import now
from tests.factories import make_area, make_case, make_officer, make_unit
from tests.places.people import town

__all__ = ["town"]
DAY = timedelta(days=1)


@pytest.fixture
def officer(session, town):
    return make_officer(session, Role.INFORMATION_OFFICER, area=town.community, name="周晓岚")


@pytest.fixture
def colleague(session, town):
    return make_officer(session, Role.SECRETARY, area=town.community, name="方静怡")


def start():
    """A moment ago, so that what begins then is on."""
    return now() - timedelta(minutes=1)


def alerted(session, town):
    """Who is told of a case that a resident reports now."""
    session.execute(sa.delete(Notification))
    report = Report("路灯不亮了", town.community.id, town.community.name, channel=Channel.WEB)
    case = intake.open_case(session, report)
    told = session.scalars(sa.select(Notification.officer_id)).all()
    assert sorted(told) == sorted(audience.officers(session, Audience.COMMUNITY, case.id))
    return told


def test_the_stand_in_is_alerted_during_the_leave_and_the_officer_after_it(session, town, officer, colleague):
    assert alerted(session, town) == [officer.id]
    absences.be_away(session, town.editor, officer.id, start(), now() + DAY, colleague.id)
    assert alerted(session, town) == [colleague.id]
    absences.come_back(session, town.editor, officer.id)
    assert alerted(session, town) == [officer.id]


def test_leave_that_is_over_is_over_by_itself(session, town, officer, colleague):
    absences.be_away(session, town.editor, officer.id, start(), now() + DAY, colleague.id)
    long_ago = {"away_since": now() - 2 * DAY, "away_until": now() - DAY}
    session.execute(sa.update(Post).where(Post.officer_id == officer.id).values(**long_ago))
    stand_in = sa.update(Post).where(Post.for_id.is_not(None))
    session.execute(stand_in.values(since=now() - 2 * DAY, until=now() - DAY))
    assert alerted(session, town) == [officer.id]
    assert absences.be_away(session, town.editor, officer.id, start(), now() + DAY) == []


def test_the_stand_in_may_act_meanwhile_and_no_longer(session, town, officer, colleague):
    case = make_case(session, town.community)
    absences.be_away(session, town.editor, officer.id, now() + DAY, now() + 2 * DAY, colleague.id)
    roles = [roles_over(posts_of(session, colleague.id, now() + n * DAY), case) for n in (0, 1, 2)]
    both = {Role.SECRETARY, Role.INFORMATION_OFFICER}
    assert roles == [{Role.SECRETARY}, both, {Role.SECRETARY}]


def test_without_a_stand_in_the_place_is_as_without_anybody(session, town, officer):
    dispatcher = make_officer(session, Role.DISPATCHER, area=town.street)
    absences.be_away(session, town.editor, officer.id, start(), now() + DAY)
    assert alerted(session, town) == [dispatcher.id]


def test_every_post_of_theirs_is_stood_in_for(session, town, officer, colleague):
    unit = make_unit(session, town.community)
    posts.give(session, town.editor, officer.id, Seat(Role.MEDIATOR, unit_id=unit.id))
    given = absences.be_away(session, town.editor, officer.id, now() + DAY, now() + 2 * DAY, colleague.id)
    assert [(post.role, post.unit_id) for post in given] == [
        (Role.INFORMATION_OFFICER, None),
        (Role.MEDIATOR, unit.id),
    ]
    assert {post.for_id for post in given} == {post.id for post in posts.held_by(session, officer.id)}


def test_officers_enter_their_own_leave_and_nobody_elses(session, town, officer, colleague):
    own, other = town.editor_of(officer), town.editor_of(colleague)
    with pytest.raises(NotFound):
        absences.be_away(session, other, officer.id, now(), now() + DAY)
    with pytest.raises(NotFound):
        absences.be_away(session, town.neighbour, officer.id, now(), now() + DAY)
    assert absences.be_away(session, own, officer.id, now(), now() + DAY, colleague.id)
    with pytest.raises(NotFound):
        absences.come_back(session, other, officer.id)
    absences.come_back(session, own, officer.id)
    posts.give(session, town.chief, officer.id, Seat(Role.SUPERVISOR, town.other_street.id))
    with pytest.raises(Forbidden, match="本人或管理员"):
        absences.be_away(session, town.editor, officer.id, now(), now() + DAY)


def test_leave_must_end_after_it_began_and_after_now(session, town, officer):
    at = now()
    for since, until in ((at, at - DAY), (at + DAY, at + DAY), (at - 3 * DAY, at - DAY)):
        with pytest.raises(Invalid, match="返岗时间"):
            absences.be_away(session, town.editor, officer.id, since, until)


def test_leave_does_not_overlap(session, town, officer, colleague):
    absences.be_away(session, town.editor, officer.id, now() + DAY, now() + 3 * DAY, colleague.id)
    with pytest.raises(Conflict, match="请先销假"):
        absences.be_away(session, town.editor, officer.id, now() + 2 * DAY, now() + 5 * DAY)


def test_who_is_away_or_stands_in_cannot_be_counted_on(session, town, officer, colleague):
    third = make_officer(session, Role.GRID_OFFICER, area=town.grid)
    absences.be_away(session, town.editor, colleague.id, now() + DAY, now() + 2 * DAY, third.id)
    with pytest.raises(Conflict, match="代班的人这段时间也请假"):
        absences.be_away(session, town.editor, officer.id, now(), now() + 3 * DAY, colleague.id)
    with pytest.raises(Conflict, match="替别人代班"):
        absences.be_away(session, town.editor, third.id, now(), now() + 3 * DAY)
    assert absences.be_away(session, town.editor, officer.id, now() + 2 * DAY, now() + 3 * DAY, colleague.id)


def test_only_a_colleague_near_stands_in(session, town, officer):
    far = make_officer(session, Role.SECRETARY, area=town.other_community)
    next_door = make_area(session, town.community.level, town.street)
    near = make_officer(session, Role.SECRETARY, area=next_door)
    for who in (far.id, town.chief.officer_id):
        with pytest.raises(NotFound, match="同一个街道"):
            absences.be_away(session, town.editor_of(officer), officer.id, now(), now() + DAY, who)
    with pytest.raises(Invalid, match="本人"):
        absences.be_away(session, town.editor, officer.id, now(), now() + DAY, officer.id)
    assert absences.be_away(session, town.editor_of(officer), officer.id, now(), now() + DAY, near.id)


def test_coming_back_needs_a_leave(session, town, officer, colleague):
    with pytest.raises(Conflict, match="没有请假"):
        absences.come_back(session, town.editor, officer.id)
    absences.be_away(session, town.editor, officer.id, now() + DAY, now() + 2 * DAY, colleague.id)
    absences.come_back(session, town.editor, officer.id)
    assert posts_of(session, colleague.id, now() + 1.5 * DAY)[0].for_id is None
    assert absences.away(posts.held_by(session, officer.id)) is None


def test_leave_is_on_the_record(session, town, officer, colleague):
    absences.be_away(session, town.editor, officer.id, now(), now() + DAY, colleague.id)
    lines = [(line.action, sorted(line.after)[0]) for line in town.changes("posts")]
    assert lines == [("changed", "away_since"), ("added", "area_id")]


def test_a_post_that_ends_takes_its_stand_in_with_it(session, town, officer, colleague):
    [given] = absences.be_away(session, town.editor, officer.id, start(), now() + DAY, colleague.id)
    posts.end(session, town.editor, given.for_id)
    assert [post.role for post in posts_of(session, colleague.id)] == [Role.SECRETARY]
