"""Who leaves: nothing is left to nobody, who left hears nothing, and of two one stays."""

import threading
import time
from collections import Counter
from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend import auth, db
from backend.auth import LoginSession
from backend.cases import audience, handover
from backend.cases.workflow import Audience, Status
from backend.errors import Conflict
from backend.notify import binding, digests, outbox
from backend.notify import service as notify
from backend.notify.messages import Message
from backend.notify.models import Delivery, Notification
from backend.places import absences, posts
from backend.places.models import Shift
from backend.places.roles import Level, Role
from backend.places.scope import COMMAND_LINE, posts_of, roles_over
from backend.times import now
from tests.cases.handover_scene import officer, only_post, successor
from tests.factories import make_case, make_contact, make_officer, make_unit
from tests.places.people import make_town, town

__all__ = ["officer", "successor", "town"]
DAY = timedelta(days=1)
ACTING = sorted(handover.ACTING - {Role.RESIDENT, Role.SYSTEM})


def placed(session, town, role):
    """Where the role fits, and a case that is open there."""
    if role in (Role.HANDLER, Role.UNIT_HEAD, Role.MEDIATOR):
        unit = make_unit(session, town.community)
        return {"unit": unit}, make_case(session, town.community, unit_id=unit.id, status=Status.IN_PROGRESS)
    here = {Level.DISTRICT: town.district, Level.SUBDISTRICT: town.street, Level.COMMUNITY: town.community}
    area = next(here[level] for level in posts.LEVELS[role] if level in here)
    return {"area": area}, make_case(session, town.grid)


@pytest.mark.parametrize("role", ACTING)
def test_open_cases_are_left_to_nobody_in_no_role(session, town, role):
    where, case = placed(session, town, role)
    leaver = make_officer(session, role, **where, name="走的人")
    heir = make_officer(session, Role.LEADER, area=town.community, name="接的人")
    name = next(iter(where.values())).name
    with pytest.raises(Conflict, match=f"{name}”没有别人，还有 1 件没有办完的诉求"):
        handover.leaves(session, town.chief, leaver.id, {})
    post = only_post(session, leaver)
    handover.leaves(session, town.chief, leaver.id, {post.id: heir.id})
    assert posts_of(session, leaver.id) == []
    assert role in roles_over(posts_of(session, heir.id), case)
    for who in audience.OFFICERS:
        assert leaver.id not in audience.officers(session, who, case.id)


@pytest.mark.parametrize("role", ACTING)
def test_where_another_holds_the_role_nobody_has_to_be_named(session, town, role):
    where, _ = placed(session, town, role)
    leaver, _ = (make_officer(session, role, **where) for _ in range(2))
    [stay] = handover.what_stays(session, leaver.id)
    assert (stay.open_cases, stay.others, stay.needs_successor) == (1, 1, False)
    assert handover.leaves(session, town.chief, leaver.id, {}).left_at is not None


BY_NAME = {Audience.HANDLER, Audience.LEADER, Audience.GROUP}  # named on the case, not by posts


def test_every_audience_still_has_somebody_after_everyone_left(session, town):
    """Whoever is told today is followed by somebody who is told tomorrow."""
    unit = make_unit(session, town.community)
    case = make_case(session, town.community, unit_id=unit.id, status=Status.IN_PROGRESS)
    places = ((Role.INFORMATION_OFFICER, town.community), (Role.DISPATCHER, town.street))
    leavers = [
        make_officer(session, role, area=area) for role, area in (*places, (Role.SUPERVISOR, town.street))
    ]
    leavers.append(make_officer(session, Role.HANDLER, unit=unit))
    leavers.append(make_officer(session, Role.SUPERVISOR, area=town.district))
    told = [who for who in audience.OFFICERS if who not in BY_NAME]
    before = {who: len(audience.officers(session, who, case.id)) for who in told}
    for leaver in leavers:
        heir = make_officer(session, Role.LEADER, area=town.community)
        with pytest.raises(Conflict):
            handover.leaves(session, town.chief, leaver.id, {})
        handover.leaves(session, town.chief, leaver.id, {only_post(session, leaver).id: heir.id})
    assert {who: len(audience.officers(session, who, case.id)) for who in told} == before
    assert all(before.values())


def test_without_open_cases_nobody_has_to_be_named(session, town, officer):
    for status in (Status.CLOSED, Status.REJECTED, Status.WITHDRAWN):
        make_case(session, town.community, status=status)
    make_case(session, town.other_community)
    [stay] = handover.what_stays(session, officer.id)
    assert (stay.open_cases, stay.needs_successor) == (0, False)
    handover.leaves(session, town.editor, officer.id, {})


def test_who_is_away_or_only_stands_in_for_the_leaver_does_not_count(session, town, officer, successor):
    make_case(session, town.community)
    other = make_officer(session, Role.INFORMATION_OFFICER, area=town.community)
    absences.be_away(session, town.editor, other.id, now() - DAY, now() + DAY)
    absences.be_away(session, town.editor, officer.id, now() - DAY, now() + DAY, successor.id)
    [stay] = handover.what_stays(session, officer.id)
    assert stay.others == 0
    with pytest.raises(Conflict, match="正在请假"):
        handover.leaves(session, town.editor, officer.id, {stay.post.id: other.id})


def test_the_stand_in_becomes_the_successor(session, town, officer, successor):
    make_case(session, town.community)
    absences.be_away(session, town.editor, officer.id, now() - DAY, now() + DAY, successor.id)
    own = posts.held_by(session, officer.id)[0]
    handover.leaves(session, town.editor, officer.id, {own.id: successor.id})
    held = [post for post in posts_of(session, successor.id) if post.role is Role.INFORMATION_OFFICER]
    assert [(post.for_id, post.until) for post in held] == [(None, None)]


@pytest.mark.parametrize("goes", ["leaves", "ends"])
def test_a_colleague_in_the_same_post_takes_over_without_a_second_one(session, town, officer, goes):
    make_case(session, town.community)
    colleague = make_officer(session, Role.INFORMATION_OFFICER, area=town.community)
    own, post = only_post(session, colleague), only_post(session, officer)
    if goes == "leaves":
        assert handover.leaves(session, town.editor, officer.id, {post.id: colleague.id}).left_at
    else:
        handover.ends(session, town.editor, post.id, successor_id=colleague.id)
    assert (posts_of(session, colleague.id), posts_of(session, officer.id)) == ([own], [])


def test_a_colleague_whose_own_post_ends_sooner_goes_on_in_the_other(session, town, officer):
    make_case(session, town.community)
    colleague = make_officer(session, Role.INFORMATION_OFFICER, area=town.community)
    own, post = only_post(session, colleague), only_post(session, officer)
    own.until = now() + DAY
    handover.leaves(session, town.editor, officer.id, {post.id: colleague.id})
    held = posts.held_by(session, colleague.id)
    assert [(one.since, one.until) for one in held] == [(own.since, own.until), (own.until, None)]


def test_who_stands_in_is_followed_for_as_long(session, town, officer, successor):
    make_case(session, town.community)
    until = now() + DAY
    absences.be_away(session, town.editor, officer.id, now() - DAY, until, successor.id)
    third = make_officer(session, Role.GRID_OFFICER, area=town.grid)
    stays = handover.what_stays(session, successor.id)
    standing_in = next(stay.post for stay in stays if stay.post.for_id)
    with pytest.raises(Conflict, match="信息员"):
        handover.leaves(session, town.editor, successor.id, {})
    heirs = {stay.post.id: third.id for stay in stays}
    handover.leaves(session, town.editor, successor.id, heirs)
    taken = next(post for post in posts_of(session, third.id) if post.for_id)
    assert (taken.for_id, taken.until) == (standing_in.for_id, until)


def test_a_leave_and_the_end_of_a_post_do_not_lock_each_other_out(committed):
    town = make_town(committed)
    officer = make_officer(committed, Role.INFORMATION_OFFICER, area=town.community)
    post = only_post(committed, officer)
    committed.commit()

    def end():
        with db.transaction() as session:
            handover.ends(session, COMMAND_LINE, post.id)

    second = threading.Thread(target=end)
    with db.transaction() as session:
        posts.lock_officer(session, officer.id)
        second.start()  # it must wait for the officer before it holds the post
        time.sleep(0.3)
        absences.be_away(session, COMMAND_LINE, officer.id, now(), now() + DAY)
    second.join()
    committed.expire_all()
    assert post.until is not None


def test_who_left_gets_in_no_more(session, town, officer):
    contact = make_contact(session, officer=officer)
    auth.start_session(session, contact.id)
    code = binding.issue(session, officer.id)
    handover.leaves(session, town.editor, officer.id, {})
    session.expire_all()
    assert contact.officer_id is None
    assert session.scalar(sa.select(LoginSession.revoked_at)) is not None
    with pytest.raises(Conflict, match="已经离岗"):
        handover.leaves(session, town.editor, officer.id, {})
    assert binding.is_bound(session, officer.id) is False
    with pytest.raises(Exception, match="已经离岗"):
        binding.redeem(session, code, contact.id)


def test_turns_of_duty_end_with_the_post(session, town, officer):
    post, at = only_post(session, officer), now()
    session.add_all(
        Shift(post_id=post.id, since=at + n * DAY, until=at + (n + 0.5) * DAY) for n in (-0.25, 1)
    )
    session.commit()
    handover.leaves(session, town.editor, officer.id, {}, at)
    assert session.scalars(sa.select(Shift.until)).all() == [at]


def test_what_was_still_owed_goes_to_the_successor_or_is_dropped_with_a_note(
    session, town, officer, successor
):
    case = make_case(session, town.community)
    fields = {"number": case.number, "place": "玉兰社区", "summary": "路灯", "at": ""}
    notify.owe(session, Message.CASE_SUBMITTED, "case:1", fields, officers=[officer.id])
    notify.owe(session, Message.CASE_URGED, "case:2", fields | {"number": "000"}, officers=[officer.id])
    handover.leaves(session, town.editor, officer.id, {only_post(session, officer).id: successor.id})
    rows = session.scalars(sa.select(Notification).order_by(Notification.id)).all()
    told = {(row.officer_id, row.message, row.status, row.error) for row in rows}
    assert told == {
        (officer.id, Message.CASE_SUBMITTED, Delivery.FAILED, handover.HANDED_ON),
        (officer.id, Message.CASE_URGED, Delivery.FAILED, handover.DROPPED),
        (successor.id, Message.CASE_SUBMITTED, Delivery.WAITING, None),
    }


def test_what_waits_in_a_digest_goes_to_the_successor_too(session, town, officer, successor):
    cases = [make_case(session, town.community) for _ in range(12)]
    for case in cases:
        notify.owe(
            session, Message.CASE_ASSIGNED, f"case:{case.id}", {"number": case.number}, officers=[officer.id]
        )
    digest = Notification(
        key="digest:1", message=Message.DIGEST, officer_id=officer.id, fields={"number": "12"},
        due_at=now() + outbox.NEXT_VISIT,
    )  # fmt: skip
    session.add(digest)
    session.flush()
    held = sa.update(Notification).where(Notification.message == Message.CASE_ASSIGNED)
    session.execute(held.values(status=Delivery.SENDING, digest_id=digest.id))
    handover.leaves(session, town.editor, officer.id, {only_post(session, officer).id: successor.id})
    digests.share(session)
    rows = session.scalars(sa.select(Notification).where(Notification.message == Message.CASE_ASSIGNED)).all()
    told = Counter((row.officer_id, row.status, row.error) for row in rows)
    assert told == {
        (officer.id, Delivery.FAILED, handover.HANDED_ON): 12,
        (successor.id, Delivery.WAITING, None): 12,
    }
    session.refresh(digest)
    assert (digest.status, digest.error) == (Delivery.FAILED, digests.DISSOLVED)


def test_who_was_told_anyway_is_not_told_twice(session, town, officer, successor):
    case = make_case(session, town.community)
    people = [officer.id, successor.id]
    notify.owe(session, Message.CASE_SUBMITTED, "case:1", {"number": case.number}, officers=people)
    handover.leaves(session, town.editor, officer.id, {only_post(session, officer).id: successor.id})
    own = sa.select(Notification.id).where(Notification.officer_id == successor.id)
    assert len(session.scalars(own).all()) == 1


def test_what_somebody_had_in_hand_is_the_units_again_and_what_they_led_goes_to_who_leads_next(session, town):
    unit = make_unit(session, town.community)
    leaver = make_officer(session, Role.LEADER, area=town.community, name="走的人")
    heir = make_officer(session, Role.HANDLER, unit=unit, name="接的人")
    had = {"handler_id": leaver.id, "leader_id": leaver.id, "group_ids": [leaver.id, heir.id]}
    kept, closed = (
        make_case(session, town.community, unit_id=unit.id, status=status, **had)
        for status in (Status.IN_PROGRESS, Status.CLOSED)
    )
    post = only_post(session, leaver)
    handover.leaves(session, town.chief, leaver.id, {post.id: heir.id})
    session.refresh(kept)
    session.refresh(closed)
    assert (kept.handler_id, kept.leader_id, kept.group_ids) == (None, heir.id, [heir.id])
    assert (closed.handler_id, closed.leader_id) == (leaver.id, leaver.id)  # the record says who it was
