"""The roster: a week planned once and repeated, nights, who is on duty, and where nobody is."""

from datetime import date, datetime, time, timedelta

import pytest
import sqlalchemy as sa

from backend.errors import Conflict, Forbidden, Invalid, NotFound
from backend.places import absences, duty, roster
from backend.places.models import Shift
from backend.places.roles import Role
from backend.places.roster import Turn
from backend.places.scope import posts_of
from backend.times import SHANGHAI, local, now
from tests.cases.scene import at_once
from tests.factories import make_officer, make_unit
from tests.places.people import editor_of, make_town, town

__all__ = ["town"]
MONDAY = date(2030, 1, 7)
DAY, NIGHT = Turn(0, time(9), time(18)), Turn(4, time(18), time(8))


def at(day, hour, minute=0):
    return datetime.combine(MONDAY + timedelta(days=day), time(hour, minute), SHANGHAI)


@pytest.fixture
def officer(session, town):
    return make_officer(session, Role.INFORMATION_OFFICER, area=town.community, name="周晓岚")


@pytest.fixture
def post(session, officer):
    [post] = posts_of(session, officer.id)
    return post


def spans(session):
    rows = session.execute(sa.select(Shift.since, Shift.until).order_by(Shift.since))
    return [(local(since), local(until)) for since, until in rows]


def names(found):
    return [one.officer.name for one in found]


def test_a_week_is_planned_and_repeated(session, town, post):
    roster.plan(session, town.editor, post.id, MONDAY, [DAY, NIGHT], weeks=2)
    assert spans(session) == [
        (at(0, 9), at(0, 18)),
        (at(4, 18), at(5, 8)),
        (at(7, 9), at(7, 18)),
        (at(11, 18), at(12, 8)),
    ]
    assert [line.action for line in town.changes("shifts")] == ["added"] * 4


def test_a_week_begins_on_its_monday_whatever_day_is_given(session, town, post):
    roster.plan(session, town.editor, post.id, MONDAY + timedelta(days=3), [DAY])
    assert spans(session) == [(at(0, 9), at(0, 18))]


def test_a_turn_may_be_a_whole_day(session, town, post):
    roster.plan(session, town.editor, post.id, MONDAY, [Turn(6, time(0), time(0)), Turn(0, time(8), time(8))])
    assert spans(session) == [(at(0, 8), at(1, 8)), (at(6, 0), at(7, 0))]


@pytest.mark.parametrize(
    ("turns", "weeks", "said"),
    [([], 1, "至少填一个班次"), ([DAY], 0, "1 到 26 周"), ([DAY], 27, "1 到 26 周")],
)
def test_what_is_no_plan_is_refused(session, town, post, turns, weeks, said):
    with pytest.raises(Invalid, match=said):
        roster.plan(session, town.editor, post.id, MONDAY, turns, weeks)


def test_turns_of_one_post_do_not_overlap(session, town, post):
    whole_week = [Turn(6, time(18), time(9)), Turn(0, time(8), time(12))]
    with pytest.raises(Conflict, match="重叠"):
        roster.plan(session, town.editor, post.id, MONDAY, whole_week, weeks=2)  # Sunday's night, Monday
    roster.plan(session, town.editor, post.id, MONDAY, [DAY])
    with pytest.raises(Conflict, match=r"重叠：1月7日（周一） 09:00–18:00"):
        roster.plan(session, town.editor, post.id, MONDAY, [Turn(0, time(17), time(20))])
    assert len(spans(session)) == 1
    roster.plan(session, town.editor, post.id, MONDAY, [Turn(0, time(18), time(20))])


def test_a_post_has_duty_only_while_it_is_held(session, town, post):
    post.until = at(7, 0)
    session.commit()
    roster.plan(session, town.editor, post.id, MONDAY, [DAY])
    with pytest.raises(Conflict, match="起止日期"):
        roster.plan(session, town.editor, post.id, MONDAY, [NIGHT], 2)
    post.since, post.until = at(7, 0), None
    session.commit()
    with pytest.raises(Conflict, match="起止日期"):
        roster.plan(session, town.editor, post.id, MONDAY, [NIGHT])


def test_what_is_over_is_not_planned(session, town, post):
    with pytest.raises(Conflict, match="已经过去"):
        roster.plan(session, town.editor, post.id, date(2020, 1, 6), [NIGHT])
    whole = [Turn(day, time(0), time(0)) for day in range(7)]
    today = local(now()).date()
    made = roster.plan(session, town.editor, post.id, today, whole)
    assert len(made) == 7 - today.weekday()


def test_a_turn_is_moved_and_removed(session, town, post):
    one, other = roster.plan(session, town.editor, post.id, MONDAY, [DAY, NIGHT])
    roster.change(session, town.editor, one.id, at(0, 10), at(0, 19))
    with pytest.raises(Conflict, match="重叠"):
        roster.change(session, town.editor, one.id, at(5, 7), at(5, 9))
    for until in (at(0, 9), at(2, 0)):
        with pytest.raises(Invalid, match="24 小时"):
            roster.change(session, town.editor, one.id, at(0, 10), until)
    roster.remove(session, town.editor, other.id)
    assert spans(session) == [(at(0, 10), at(0, 19))]
    with pytest.raises(NotFound):
        roster.remove(session, town.editor, other.id)
    assert [line.action for line in town.changes("shifts")] == ["added", "added", "changed", "removed"]


def test_a_turn_that_is_on_ends_and_one_that_is_over_stays(session, town, post):
    [shift] = roster.plan(session, town.editor, post.id, MONDAY, [DAY])
    roster.remove(session, town.editor, shift.id, at(0, 12))
    assert spans(session) == [(at(0, 9), at(0, 12))]
    with pytest.raises(Conflict, match="已经过去"):
        roster.remove(session, town.editor, shift.id, at(1, 0))


def test_who_answers_for_a_place_plans_its_duty_and_nobody_else(session, town, post):
    unit = make_unit(session, town.street)
    worker = posts_of(session, make_officer(session, Role.HANDLER, unit=unit).id)[0]
    head = make_officer(session, Role.UNIT_HEAD, unit=unit)
    other_head = make_officer(session, Role.UNIT_HEAD, unit=make_unit(session, town.street))
    secretary = make_officer(session, Role.SECRETARY, area=town.community)
    grid_officer = make_officer(session, Role.GRID_OFFICER, area=town.grid)
    far = make_officer(session, Role.SECRETARY, area=town.other_community)
    may = {
        post: [town.editor, town.chief, town.editor_of(secretary)],
        worker: [town.editor, town.chief, town.editor_of(head)],
    }
    everyone = [town.editor, town.neighbour, town.chief]
    everyone += [town.editor_of(who) for who in (head, other_head, secretary, grid_officer, far)]
    for wanted, planners in may.items():
        ids = {planner.officer_id for planner in planners}
        for editor in everyone:
            assert roster.may_plan(editor, wanted) is (editor.officer_id in ids), editor
    with pytest.raises(Forbidden, match="值班表由"):
        roster.plan(session, town.neighbour, post.id, MONDAY, [DAY])
    [shift] = roster.plan(session, town.editor, post.id, MONDAY, [DAY])
    for verb in (lambda e: roster.change(session, e, shift.id, at(0, 10), at(0, 11)),
                 lambda e: roster.remove(session, e, shift.id)):  # fmt: skip
        with pytest.raises(Forbidden):
            verb(town.neighbour)


def test_information_officers_plan_for_their_own_community(session, town, post, officer):
    assert roster.may_plan(town.editor_of(officer), post)


def test_who_is_on_duty_is_known_for_every_moment(session, town, post):
    roster.plan(session, town.editor, post.id, MONDAY, [DAY, NIGHT])
    moments = (at(0, 8, 59), at(0, 9), at(0, 17, 59), at(0, 18), at(4, 23), at(5, 7, 59), at(5, 8))
    on = [bool(duty.on_duty(session, moment)) for moment in moments]
    assert on == [False, True, True, False, True, True, False]
    assert names(duty.on_duty(session, at(0, 9), area_id=town.community.id)) == ["周晓岚"]
    assert duty.on_duty(session, at(0, 9), area_id=town.other_community.id) == []


def test_whoever_stands_in_is_on_duty(session, town, post, officer):
    roster.plan(session, town.editor, post.id, MONDAY, [DAY])
    colleague = make_officer(session, Role.SECRETARY, area=town.community, name="方静怡")
    absences.be_away(session, town.editor, officer.id, at(0, 0), at(1, 0), colleague.id)
    [found] = duty.on_duty(session, at(0, 9))
    assert (found.officer.name, found.for_officer.name) == ("方静怡", "周晓岚")
    absences.come_back(session, town.editor, officer.id)
    absences.be_away(session, town.editor, officer.id, at(0, 0), at(1, 0))
    assert duty.on_duty(session, at(0, 9)) == []


def test_where_nobody_is_on_duty_is_seen(session, town, post):
    unit, idle = make_unit(session, town.street, name="甲"), make_unit(session, town.street, name="乙")
    workers = [make_officer(session, Role.HANDLER, unit=each) for each in (unit, idle)]
    make_unit(session, town.street, name="没有经办人的")
    make_officer(session, Role.SECRETARY, area=town.other_community)
    roster.plan(session, town.editor, post.id, MONDAY, [DAY])
    roster.plan(session, town.editor, posts_of(session, workers[0].id)[0].id, MONDAY, [NIGHT])
    found = duty.uncovered(session, town.editor, at(0, 9))
    told = [[spot.name for spot in part] for part in (found.covered, found.empty, found.bare)]
    assert told == [["玉兰社区"], ["甲"], ["乙"]]
    night = duty.uncovered(session, town.editor, at(4, 23))
    assert [spot.name for spot in night.empty] == ["玉兰社区"]
    assert duty.uncovered(session, town.neighbour, at(0, 9)) == duty.Coverage([], [], [])


def test_the_week_has_a_row_for_every_post(session, town, post):
    other = make_officer(session, Role.SECRETARY, area=town.community)
    roster.plan(session, town.editor, post.id, MONDAY, [DAY, NIGHT])
    spot = duty.find(session, town.editor, town.community.id, is_unit=False)
    rows = duty.week(session, spot, MONDAY)
    assert {row.post.officer_id for row in rows} == {post.officer_id, other.id}
    [row] = [row for row in rows if row.post.id == post.id]
    assert [len(day) for day in row.days] == [1, 0, 0, 0, 1, 0, 0]
    assert all(not any(row.days) for row in duty.week(session, spot, MONDAY + timedelta(days=7)))
    with pytest.raises(NotFound):
        duty.find(session, town.neighbour, town.community.id, is_unit=False)


def test_of_two_who_plan_the_same_turn_at_once_one_is_refused(committed):
    town = make_town(committed)
    officer = make_officer(committed, Role.INFORMATION_OFFICER, area=town.community)
    post_id, chief = posts_of(committed, officer.id)[0].id, editor_of(committed, officer)
    committed.rollback()
    results = at_once(
        *(lambda session: roster.plan(session, chief, post_id, MONDAY, [DAY]) for _ in range(2))
    )
    assert sorted(isinstance(result, Conflict) for result in results) == [False, True]
    assert committed.scalar(sa.select(sa.func.count()).select_from(Shift)) == 1
