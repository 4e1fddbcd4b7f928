"""Duty lists: drafting, changing, checking, trying on the past, switching on and back, and who answers."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend import db
from backend.cases import categories, dispatch, duties, duty_checks, duty_queries, duty_switches
from backend.cases.duties import Told
from backend.cases.models import Channel, DutyList, ListState
from backend.errors import Conflict, Forbidden, Invalid, NotFound
from backend.places import changes
from backend.places.changes import Did
from backend.places.models import Change
from backend.places.roles import Role
from backend.places.scope import COMMAND_LINE
from backend.times import now
from tests.cases.duty_scene import duties_of, editor_of, make_scene, told
from tests.factories import make_area, make_case, make_unit


@pytest.fixture
def scene(session):
    return make_scene(session)


def draft_of(session, scene):
    return duties.copy(session, scene.editor, scene.duty_list.id, "修改稿")


def case_at(session, scene, place, code, **fields):
    category_id = scene.entries[code].id if code else None
    return make_case(session, getattr(scene, place), category_id=category_id, **fields)


def unit_for(session, case):
    decision = dispatch.route(session, case)
    return decision and decision.duty.unit_id


def test_the_most_specific_duty_decides(session, scene):
    assert unit_for(session, case_at(session, scene, "magnolia", "511")) == scene.office.id
    assert unit_for(session, case_at(session, scene, "pines", "511")) == scene.order.id
    assert unit_for(session, case_at(session, scene, "magnolia", "521")) == scene.order.id
    assert unit_for(session, case_at(session, scene, "magnolia", "611")) is None
    assert unit_for(session, case_at(session, scene, "magnolia", None)) is None


def test_a_suggestion_says_why_and_who_comes_next(session, scene):
    suggestion = dispatch.suggest(session, case_at(session, scene, "magnolia", "511"))
    assert suggestion.unit.id == scene.office.id
    assert [unit.id for unit in suggestion.others] == [scene.order.id]
    assert "占道经营 × 望溪街道" in suggestion.why
    assert "城管局" in suggestion.why


def test_a_streets_own_list_beats_the_districts_and_does_not_speak_for_neighbours(session, scene):
    street = editor_of(session, scene.here)
    own = duties.draft(
        session, street, scene.here.id, "街道", told(scene, ("5", None, "office"), ("6", None, "office"))
    )
    duties.switch_on(session, street, own.id)
    assert unit_for(session, case_at(session, scene, "magnolia", "521")) == scene.office.id
    assert unit_for(session, case_at(session, scene, "magnolia", "611")) == scene.office.id
    assert unit_for(session, case_at(session, scene, "pines", "611")) is None


def test_an_old_case_goes_to_who_answers_for_its_code_now(session, scene):
    case = case_at(session, scene, "magnolia", "511")
    categories.rename(session, COMMAND_LINE, scene.entries["51"].id, "占用道路")
    assert unit_for(session, case) == scene.office.id


def test_a_channel_of_its_own_counts(session, scene):
    new = draft_of(session, scene)
    one = Told(scene.water.id, scene.entries["51"].id, scene.here.id, Channel.HOTLINE)
    duties.put(session, scene.editor, new.id, one)
    duties.switch_on(session, scene.editor, new.id)
    assert (
        unit_for(session, case_at(session, scene, "magnolia", "511", channel=Channel.HOTLINE))
        == scene.water.id
    )
    assert unit_for(session, case_at(session, scene, "magnolia", "511")) == scene.office.id


def test_what_is_switched_on_counts_at_once(session, scene):
    case = case_at(session, scene, "magnolia", "511")
    assert unit_for(session, case) == scene.office.id
    new = draft_of(session, scene)
    duties.put(session, scene.editor, new.id, *told(scene, ("51", "here", "water")))
    assert unit_for(session, case) == scene.office.id
    duties.switch_on(session, scene.editor, new.id)
    assert unit_for(session, case) == scene.water.id


def test_switching_the_former_on_again_undoes(session, scene):
    new = draft_of(session, scene)
    duties.put(session, scene.editor, new.id, *told(scene, ("51", "here", "water")))
    duties.switch_on(session, scene.editor, new.id)
    duties.switch_on(session, scene.editor, scene.duty_list.id)
    assert unit_for(session, case_at(session, scene, "magnolia", "511")) == scene.office.id
    states = dict(session.execute(sa.select(DutyList.id, DutyList.state)).all())
    assert states == {scene.duty_list.id: ListState.CURRENT, new.id: ListState.RETIRED}


def test_switching_on_is_on_the_record_with_what_it_changes(session, scene):
    new = draft_of(session, scene)
    duties.put(
        session,
        scene.editor,
        new.id,
        *told(
            scene,
            ("51", "here", "water"),
        )[:1],
    )
    duties.put(session, scene.editor, new.id, *told(scene, ("6", None, "water")))
    touched = duty_switches.touches(session, new)
    assert (touched.retires, touched.added, touched.changed, touched.removed, touched.same) == (
        "第一份",
        1,
        1,
        0,
        1,
    )
    duties.switch_on(session, scene.editor, new.id)
    change = session.scalars(
        sa.select(Change).where(Change.action == "switched_on").order_by(Change.id.desc())
    ).first()
    assert (change.subject_id, change.after["changed"]) == (new.id, 1)


def test_a_list_in_force_is_not_changed(session, scene):
    with pytest.raises(Conflict, match="复制成草稿"):
        duties.put(session, scene.editor, scene.duty_list.id, *told(scene, ("6", None, "water")))
    duty = duties_of(session, scene.duty_list)[0]
    with pytest.raises(Conflict):
        duties.remove(session, scene.editor, duty.id)
    with pytest.raises(Conflict):
        duties.discard(session, scene.editor, scene.duty_list.id)


def test_an_empty_list_and_one_in_force_are_not_switched_on(session, scene):
    empty = duties.draft(session, scene.editor, scene.district.id, "空")
    with pytest.raises(Conflict, match="空的"):
        duties.switch_on(session, scene.editor, empty.id)
    with pytest.raises(Conflict, match="已经在使用"):
        duties.switch_on(session, scene.editor, scene.duty_list.id)


def test_a_list_with_dead_duties_is_not_switched_on(session, scene):
    new = draft_of(session, scene)
    scene.office.closed_at = now()
    categories.end(session, COMMAND_LINE, scene.entries["5"].id)
    dead = duties.dead_duties(session, new)
    assert len(dead) == 2
    with pytest.raises(Conflict, match="2 条职责"):
        duties.switch_on(session, scene.editor, new.id)


def test_the_same_duty_again_is_changed_and_not_doubled(session, scene):
    new = draft_of(session, scene)
    first = duties.put(session, scene.editor, new.id, *told(scene, ("6", None, "water")))
    again = duties.put(session, scene.editor, new.id, *told(scene, ("6", None, "order")))
    assert (first.id, again.unit_id) == (again.id, scene.order.id)


def test_the_lists_own_area_is_no_area(session, scene):
    new = draft_of(session, scene)
    duty = duties.put(session, scene.editor, new.id, *told(scene, ("6", "district", "water")))
    assert duty.area_id is None


def test_a_duty_is_removed_and_a_draft_thrown_away(session, scene):
    new = draft_of(session, scene)
    duties.remove(session, scene.editor, duties_of(session, new)[0].id)
    assert duties.discard(session, scene.editor, new.id) == 1
    assert session.get(DutyList, new.id) is None


def test_what_cannot_be_named_is_refused(session, scene):
    new = draft_of(session, scene)
    stranger = make_unit(session, make_area(session, name="邻区"))
    closed = make_unit(session, scene.district, closed_at=now())
    for wrong in (
        Told(stranger.id),
        Told(closed.id),
        Told(scene.water.id, area_id=stranger.area_id),
        Told(scene.water.id, assisting=(stranger.id,)),
        Told(scene.water.id, category_id=10**9),
    ):
        with pytest.raises(Invalid):
            duties.put(session, scene.editor, new.id, wrong)


def test_a_neighbour_neither_reads_nor_edits(session, scene):
    street = duties.draft(session, scene.editor, scene.here.id, "望溪的", told(scene, ("5", None, "office")))
    neighbour = editor_of(session, scene.there)
    assert [row.DutyList.name for row in duty_queries.lists(session, neighbour)] == ["第一份"]
    assert [row.DutyList.name for row in duty_queries.lists(session, editor_of(session, scene.here))] == [
        "望溪的",
        "第一份",
    ]
    with pytest.raises(NotFound):
        duty_queries.get(session, neighbour, street.id)
    for verb in (
        lambda: duties.draft(session, neighbour, scene.here.id, "甲"),
        lambda: duties.put(session, neighbour, street.id, *told(scene, ("6", None, "office"))),
        lambda: duties.remove(session, neighbour, duties_of(session, street)[0].id),
        lambda: duties.discard(session, neighbour, street.id),
        lambda: duties.switch_on(session, neighbour, street.id),
        lambda: duties.switch_on(session, neighbour, scene.duty_list.id),
        lambda: duties.copy(session, neighbour, scene.duty_list.id),
        lambda: duty_checks.draft_derived(
            session, neighbour, scene.here.id, "甲", now() - timedelta(9), now()
        ),
    ):
        with pytest.raises(Forbidden):
            verb()


def test_a_reader_without_administration_edits_nothing(session, scene):
    reader = editor_of(session, scene.district, Role.SUPERVISOR)
    assert duty_queries.get(session, reader, scene.duty_list.id)
    with pytest.raises(Forbidden):
        duties.copy(session, reader, scene.duty_list.id)


def test_twins_gaps_and_the_dead_are_found(session, scene):
    new = draft_of(session, scene)
    duties.fill(session, new, told(scene, ("51", "here", "water"), ("612", "here", "water")))
    found = duty_checks.check(session, new)
    assert [[rule.unit_id for rule in group] for group in found.overlaps] == [
        [scene.office.id, scene.water.id]
    ]
    codes = {row.id: code for code, row in scene.entries.items()}
    gaps = {(codes[gap.category_id], gap.area_id) for gap in found.gaps}
    assert gaps == {("611", scene.district.id), ("612", scene.there.id)}
    assert not found.dead


def test_a_list_without_duties_has_one_gap_for_each_leaf(session, scene):
    area = make_area(session, name="新区")
    empty = duties.draft(session, COMMAND_LINE, area.id, "空")
    assert {gap.area_id for gap in duty_checks.gaps(session, empty)} == {area.id}
    assert len(duty_checks.gaps(session, empty)) == 5


def test_past_cases_are_tried_on_a_draft(session, scene):
    for place, code in (("magnolia", "511"), ("magnolia", "512"), ("pines", "511"), ("bridge", "612")):
        case_at(session, scene, place, code, unit_id=scene.office.id)
    case_at(session, scene, "bridge", "612")
    new = draft_of(session, scene)
    duties.put(session, scene.editor, new.id, *told(scene, ("511", None, "water")))
    duties.put(session, scene.editor, new.id, *told(scene, ("61", "here", "office")))
    trial = duty_checks.try_on_past(session, new, now() - timedelta(30), now())
    assert trial.cases == 4
    assert (trial.counts.same, trial.counts.changed, trial.counts.newly_answered) == (1, 2, 1)
    assert (trial.counts.agreed_before, trial.counts.agreed_after) == (2, 2)
    assert dict(trial.moves) == {
        (scene.office.id, scene.water.id): 1,
        (scene.order.id, scene.water.id): 1,
        (None, scene.office.id): 1,
    }
    assert duty_checks.try_on_past(session, new, now() - timedelta(30), now() - timedelta(29)).cases == 0


def test_cases_that_are_alike_are_counted_and_shown_one_by_one(session, scene):
    made = [case_at(session, scene, "magnolia", "511", unit_id=scene.office.id) for _ in range(3)]
    made += [case_at(session, scene, "pines", "511", unit_id=scene.office.id)]
    made += [case_at(session, scene, "magnolia", "511", unit_id=scene.water.id)]
    case_at(session, scene, "pines", "512", unit_id=scene.office.id)
    new = draft_of(session, scene)
    duties.put(session, scene.editor, new.id, *told(scene, ("511", None, "water")))
    trial = duty_checks.try_on_past(session, new, now() - timedelta(30), now())
    assert trial.cases == 6
    assert trial.counts.changed + trial.counts.newly_answered == 5
    assert trial.counts.agreed_after - trial.counts.agreed_before == 1 - 3
    assert sum(count for _, count in trial.moves) == 5
    shown = [(each.case_id, each.after.duty.unit_id, each.actual) for each in trial.differences]
    assert shown == [(case.id, scene.water.id, case.unit_id) for case in made]


def test_a_trial_tells_cases_by_channel_where_a_list_does(session, scene):
    for channel in (Channel.HOTLINE, Channel.WECHAT):
        case_at(session, scene, "magnolia", "511", unit_id=scene.office.id, channel=channel)
    new = draft_of(session, scene)
    category, unit = scene.entries["511"].id, scene.water.id
    duties.put(session, scene.editor, new.id, Told(unit, category, None, Channel.HOTLINE, source="文件"))
    trial = duty_checks.try_on_past(session, new, now() - timedelta(30), now())
    assert (trial.counts.changed, trial.counts.same) == (1, 1)


def test_a_draft_is_derived_from_past_cases(session, scene):
    for _ in range(5):
        case_at(session, scene, "magnolia", "511", unit_id=scene.office.id)
        case_at(session, scene, "pines", "611", unit_id=scene.water.id)
    new = duty_checks.draft_derived(
        session, scene.editor, scene.district.id, "推出来的", now() - timedelta(30), now()
    )
    duties.switch_on(session, scene.editor, new.id)
    assert unit_for(session, case_at(session, scene, "magnolia", "511")) == scene.office.id
    assert unit_for(session, case_at(session, scene, "pines", "611")) == scene.water.id


def test_of_too_many_sorts_of_past_cases_the_commonest_are_asked(session, scene, monkeypatch):
    monkeypatch.setattr(duty_checks, "MOST", 1)
    case_at(session, scene, "pines", "611", unit_id=scene.water.id)
    for _ in range(2):
        case_at(session, scene, "magnolia", "511", unit_id=scene.office.id)
    month = (now() - timedelta(30), now())
    new = duty_checks.draft_derived(session, scene.editor, scene.district.id, "推出来的", *month)
    assert {duty.unit_id for duty in duties_of(session, new)} == {scene.office.id}


def test_without_past_cases_nothing_is_derived(session, scene):
    with pytest.raises(Invalid, match="推不出"):
        duty_checks.draft_derived(
            session, scene.editor, scene.district.id, "甲", now() - timedelta(30), now()
        )


def test_of_two_who_switch_on_at_once_the_later_stays(committed):
    scene = make_scene(committed)
    drafts = [duties.copy(committed, scene.editor, scene.duty_list.id, f"稿{n}").id for n in range(4)]
    committed.commit()

    def switch(list_id):
        with db.transaction() as own:
            duties.switch_on(own, COMMAND_LINE, list_id)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(switch, drafts))
    states = [
        row.state for row in committed.scalars(sa.select(DutyList).execution_options(populate_existing=True))
    ]
    assert sorted(states) == [ListState.CURRENT, *[ListState.RETIRED] * 4]


def test_no_area_has_two_lists_in_force(session, scene):
    session.add(DutyList(area_id=scene.district.id, name="乙", state=ListState.CURRENT))
    with pytest.raises(sa.exc.IntegrityError):
        session.flush()


def test_the_lists_are_read_again_for_a_unit_and_not_for_a_shift(session, scene):
    def happens(subject):
        entry = changes.Entry(Did.ADDED, subject, 1, "某项", scene.district.id, after={"name": "某项"})
        changes.record(session, COMMAND_LINE, [entry])
        return dispatch.in_force(session)

    before = dispatch.in_force(session)
    assert happens("shifts") is before
    after = happens("units")
    assert after is not before
    assert happens("place_codes") is after
