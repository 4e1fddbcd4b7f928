"""Units: added, changed, merged where they are twins, closed, reopened."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend.cases.models import Case, CaseEvent, Duty, DutyList, ListState
from backend.cases.survey_models import Survey
from backend.cases.workflow import Action, Status
from backend.db import Base
from backend.errors import Conflict, Forbidden, Invalid, NotFound
from backend.notify.telephone_models import TelephoneTask
from backend.places import unit_ends, units
from backend.places.models import PlaceCode, Post, Shift, Unit
from backend.places.roles import Role, UnitKind
from backend.places.units import Facts
from backend.times import now
from tests.factories import make_case, make_code, make_officer, make_resident, make_unit
from tests.places.people import town

__all__ = ["town"]


def facts(area, name="望溪街道综治办", **more):
    return Facts(name, UnitKind.OFFICE, area.id, **more)


def make_duty(session, area, unit, *, state=ListState.CURRENT, **fields):
    duty_list = DutyList(area_id=area.id, name="职责清单", state=state)
    session.add(duty_list)
    session.flush()
    duty = Duty(list_id=duty_list.id, unit_id=unit.id, source="三定方案", **fields)
    session.add(duty)
    session.commit()
    return duty


def of(session, table, column="unit_id"):
    return session.scalars(sa.select(getattr(table, column)).order_by(table.id)).all()


def test_a_unit_is_added_cleaned_and_on_the_record(session, town):
    said = facts(
        town.street, " 望溪街道综治办 ", code=" U1 ", aliases=("综治办", " ", "综治办", "望溪街道综治办")
    )
    unit = units.add(session, town.editor, said)
    assert (unit.name, unit.code, unit.aliases, unit.telephone) == ("望溪街道综治办", "U1", ["综治办"], None)
    [change] = town.changes("units")
    assert (change.action, change.name, change.area_id) == ("added", unit.name, town.street.id)
    assert change.officer_id == town.editor.officer_id


@pytest.mark.parametrize(
    ("name", "said"), [("  ", "请填写单位名称"), ("长" * 61, "单位名称太长了"), ("望溪街道综治办", "已经有")]
)
def test_a_name_that_cannot_be_taken_is_refused(session, town, name, said):
    units.add(session, town.editor, facts(town.street))
    with pytest.raises((Invalid, Conflict), match=said):
        units.add(session, town.editor, facts(town.street, name))


@pytest.mark.parametrize(
    "more",
    [
        {"code": "8" * 41},
        {"telephone": "1" * 41},
        {"aliases": ("长" * 61,)},
        {"aliases": tuple(map(str, range(201)))},
    ],
)
def test_what_is_too_long_is_refused_with_how_long_it_may_be(session, town, more):
    with pytest.raises(Invalid, match="最多"):
        units.add(session, town.editor, facts(town.street, **more))


def test_the_same_name_may_stand_in_another_street(session, town):
    units.add(session, town.editor, facts(town.street, "城建办"))
    assert units.add(session, town.neighbour, facts(town.other_street, "城建办")).id


def test_a_code_is_one_units(session, town):
    units.add(session, town.editor, facts(town.street, code="U1"))
    with pytest.raises(Conflict, match="编码“U1”"):
        units.add(session, town.neighbour, facts(town.other_street, "别的单位", code="U1"))


def test_a_change_writes_down_what_was_there_before(session, town):
    unit = units.add(session, town.editor, facts(town.street, telephone="0755-1"))
    units.change(session, town.editor, unit.id, facts(town.community, telephone="0755-2"))
    change = town.changes("units")[-1]
    assert change.before == {"area_id": town.street.id, "telephone": "0755-1"}
    assert change.after == {"area_id": town.community.id, "telephone": "0755-2"}


def test_nobody_touches_the_units_of_another_street(session, town):
    unit, own = make_unit(session, town.street), make_unit(session, town.other_street)
    refused = (
        lambda: units.add(session, town.neighbour, facts(town.street)),
        lambda: units.change(session, town.neighbour, unit.id, facts(town.other_street)),
        lambda: units.change(session, town.neighbour, own.id, facts(town.street)),
        lambda: unit_ends.merge(session, town.neighbour, unit.id, own.id),
        lambda: unit_ends.merge(session, town.neighbour, own.id, unit.id),
        lambda: unit_ends.close(session, town.neighbour, unit.id),
        lambda: unit_ends.close(session, town.neighbour, own.id, unit.id),
        lambda: unit_ends.reopen(session, town.neighbour, unit.id),
    )
    for verb in refused:
        with pytest.raises(Forbidden):
            verb()


def test_what_hangs_on_many_units_is_read_at_once(session, town):
    many = [make_unit(session, town.street, name=f"第{n}办") for n in range(3)]
    make_case(session, town.community, unit_id=many[0].id)
    make_duty(session, town.street, many[1], assisting=[many[0].id, many[2].id])
    asked = []
    connection = session.connection()
    sa.event.listen(connection, "before_cursor_execute", lambda *call: asked.append(call[2]))
    found = unit_ends.touches_of(session, [unit.id for unit in many])
    assert len(asked) == 1
    expected = [unit_ends.Touches(1, 1, 0, 0, 1), *[unit_ends.Touches(0, 0, 0, 0, 1)] * 2]
    assert found == dict(zip([unit.id for unit in many], expected, strict=True))
    assert unit_ends.touches_of(session, []) == {}


def test_who_only_works_in_a_street_cannot_change_its_units(session, town):
    secretary = town.editor_of(make_officer(session, Role.SECRETARY, area=town.street))
    with pytest.raises(Forbidden):
        units.add(session, secretary, facts(town.street))


def test_a_merger_moves_whatever_has_a_unit(session, town):
    unit, into = (
        make_unit(session, town.street, name="城建办"),
        make_unit(session, town.street, name="城建办公室"),
    )
    case = make_case(session, town.community, unit_id=unit.id)
    event = {"case_id": case.id, "round": 1, "action": Action.ASSIGN, "role": Role.DISPATCHER}
    session.add(CaseEvent(**event, unit_id=unit.id, to_status=Status.ASSIGNED))
    asked = {"case_id": case.id, "round": 1, "resident_id": make_resident(session).id}
    session.add(Survey(**asked, unit_id=unit.id))
    make_officer(session, Role.HANDLER, unit=unit)
    make_code(session, town.community).unit_id = unit.id
    told = {"notification_id": 1, "officer_id": town.editor.officer_id, "words": "", "why": ""}
    session.add(TelephoneTask(**told, unit_id=unit.id))
    duty = make_duty(session, town.street, unit, assisting=[into.id])
    helped = make_duty(
        session, town.other_street, make_unit(session, town.district), assisting=[unit.id, into.id]
    )
    assert unit_ends.touches(session, unit.id) == unit_ends.Touches(1, 1, 1, 1, 2)
    unit_ends.merge(session, town.editor, unit.id, into.id)
    for table in (Case, Survey, PlaceCode, Post, TelephoneTask):
        assert unit.id not in of(session, table)
        assert into.id in of(session, table)
    assert of(session, CaseEvent) == [unit.id]  # what it did is not rewritten
    session.expire_all()
    assert (duty.unit_id, duty.assisting, helped.assisting) == (into.id, [], [into.id])
    assert unit_ends.touches(session, unit.id) == unit_ends.Touches(0, 0, 0, 0, 0)


def test_every_table_with_a_unit_is_one_that_a_merger_is_tested_with():
    """A new one needs a line in the test above; what orders bring is in tests/orders/test_unit_ends.py."""
    tested = {"cases", "case_events", "surveys", "posts", "place_codes", "duties", "telephone_tasks"}
    tested |= {"orders", "order_units", "order_events", "supervisions"}
    tested |= {"meetings"}  # are of no unit, ever
    tested |= {"standings", "standing_sums"}  # copies, which follow what is written (cases/test_standings.py)
    assert {table.name for table in Base.metadata.sorted_tables if "unit_id" in table.c} == tested


def test_the_survivor_goes_by_the_names_of_both(session, town):
    unit = make_unit(session, town.street, name="城建办", aliases=["城建"], code="U1", telephone="0755-1")
    into = make_unit(session, town.street, name="城建办公室", aliases=["城建"])
    unit_ends.merge(session, town.editor, unit.id, into.id)
    assert (into.aliases, into.code, into.telephone) == (["城建", "城建办"], "U1", "0755-1")
    assert (unit.closed_at is not None, unit.successor_id) == (True, into.id)
    assert [change.action for change in town.changes("units")] == ["merged", "changed"]


def test_who_held_the_same_post_at_both_holds_it_once(session, town):
    unit, into = make_unit(session, town.street), make_unit(session, town.street)
    officer = make_officer(session, Role.HANDLER, unit=unit)
    session.add(Post(officer_id=officer.id, role=Role.HANDLER, unit_id=into.id))
    session.flush()
    double = session.scalars(sa.select(Post).order_by(Post.id.desc())).first()
    soon = now() + timedelta(days=1)
    session.add(Shift(post_id=double.id, since=soon, until=soon + timedelta(hours=8)))
    session.commit()
    unit_ends.merge(session, town.editor, unit.id, into.id)
    assert unit_ends.touches(session, into.id).posts == 1
    assert of(session, Shift, "post_id") == []


def test_a_merged_unit_does_not_come_back(session, town):
    unit, into = make_unit(session, town.street), make_unit(session, town.street)
    unit_ends.merge(session, town.editor, unit.id, into.id)
    with pytest.raises(Conflict, match="已经并入"):
        unit_ends.reopen(session, town.editor, unit.id)
    with pytest.raises(Conflict, match="已经停用"):
        unit_ends.merge(session, town.editor, unit.id, into.id)


def test_a_unit_is_not_its_own_twin_or_successor(session, town):
    unit = make_unit(session, town.street)
    for verb in (unit_ends.merge, unit_ends.close):
        with pytest.raises(Invalid, match="自己"):
            verb(session, town.editor, unit.id, unit.id)


def test_a_unit_that_has_work_is_closed_only_with_a_successor(session, town):
    unit, successor = make_unit(session, town.street), make_unit(session, town.street)
    case = make_case(session, town.community, unit_id=unit.id)
    closed = make_case(session, town.community, unit_id=unit.id, status=Status.CLOSED)
    make_officer(session, Role.HANDLER, unit=unit)
    make_duty(session, town.street, unit)
    with pytest.raises(Conflict, match="还有 1 件没有办完的诉求、1 个岗位、1 条职责"):
        unit_ends.close(session, town.editor, unit.id)
    unit_ends.close(session, town.editor, unit.id, successor.id)
    session.expire_all()
    assert (case.unit_id, closed.unit_id) == (successor.id, unit.id)
    assert unit_ends.touches(session, unit.id).is_busy is False
    assert unit_ends.touches(session, successor.id) == unit_ends.Touches(1, 1, 1, 0, 1)


def test_duties_of_a_retired_list_hold_nothing_up(session, town):
    unit = make_unit(session, town.street)
    make_duty(session, town.street, unit, state=ListState.RETIRED)
    assert unit_ends.close(session, town.editor, unit.id).closed_at is not None


def test_a_closed_unit_is_reopened_unless_its_name_is_taken(session, town):
    unit = make_unit(session, town.street, name="综治办")
    with pytest.raises(Conflict, match="没有停用"):
        unit_ends.reopen(session, town.editor, unit.id)
    unit_ends.close(session, town.editor, unit.id)
    with pytest.raises(Conflict, match="请先恢复"):
        units.change(session, town.editor, unit.id, facts(town.street))
    again = units.add(session, town.editor, facts(town.street, "综治办"))
    with pytest.raises(Conflict, match="已经有“综治办”"):
        unit_ends.reopen(session, town.editor, unit.id)
    units.change(session, town.editor, again.id, facts(town.street, "平安办"))
    assert unit_ends.reopen(session, town.editor, unit.id).closed_at is None


def test_probable_twins_are_offered_to_who_may_merge_them(session, town):
    twin, other = (
        make_unit(session, town.street, name=name) for name in ("望溪街道城建办", "城市建设办公室")
    )
    make_unit(session, town.other_street, name="城建办")
    make_unit(session, town.street, name="劳动办")
    assert units.offers(session, town.editor) == [[twin, other]]
    assert units.offers(session, town.chief) == [[twin, other]]
    assert units.offers(session, town.neighbour) == []


def test_the_list_holds_the_units_where_one_works(session, town):
    here, there = make_unit(session, town.community), make_unit(session, town.other_community)
    make_unit(session, town.district)
    assert units.page(session, town.editor) == [here]
    assert units.page(session, town.neighbour) == [there]
    assert len(units.page(session, town.chief)) == 3
    assert units.find(session, town.editor, here.id) is here
    with pytest.raises(NotFound):
        units.find(session, town.editor, there.id)


def test_the_list_is_searched_by_name_other_name_and_code(session, town):
    found = make_unit(session, town.street, name="城建办", aliases=["城市建设办公室"], code="U1")
    make_unit(session, town.street, name="劳动办", kind=UnitKind.OFFICE)
    for said in ("城建", "建设办公", "U1"):
        assert units.page(session, town.editor, search=said) == [found]
    assert units.page(session, town.editor, search="%") == []
    assert units.page(session, town.editor, kind=UnitKind.OFFICE) != [found]


def test_the_list_goes_on_after_the_last_one_seen(session, town):
    for name in ("丙", "甲", "乙", "乙"):
        make_unit(session, town.street if name != "乙" else town.community, name=name, closed_at=None)
        if name == "乙":
            session.execute(sa.update(Unit).where(Unit.name == "乙").values(closed_at=now()))
    for name in ("丁", "戊"):
        make_unit(session, town.street, name=name)
    whole = units.page(session, town.editor)
    parts, last = [], None
    while part := units.page(session, town.editor, after=last, limit=2):
        parts += part
        last = part[-1].id
    assert parts == whole
    assert len(whole) == 4
    assert len(units.page(session, town.editor, closed=True)) == 2
