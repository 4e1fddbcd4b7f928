"""Taking duty lists in from files, and giving them out."""

import pytest
import sqlalchemy as sa

from backend import sheets
from backend.cases import duties, duty_imports
from backend.cases.duties import Told
from backend.cases.duty_imports import DUTIES, HEADERS
from backend.cases.models import Channel, DutyList, ListState
from backend.errors import Forbidden, Invalid
from backend.places.imports import Fate, Options
from backend.places.models import Import
from backend.places.roles import Role
from backend.sheets import Sheet
from tests.cases.duty_scene import duties_of, editor_of, make_scene, told
from tests.factories import make_area


@pytest.fixture
def scene(session):
    return make_scene(session)


def sheet(*rows, headers=HEADERS):
    cells = (dict(zip(headers, (*row, *[""] * (len(headers) - len(row))), strict=True)) for row in rows)
    return Sheet("职责.csv", headers, tuple(enumerate(cells, start=2)))


def plan(session, scene, table, **options):
    return duty_imports.plan(session, table, scene.editor, Options(under_id=scene.district.id, **options))


def take(session, scene, table, **options):
    taken = plan(session, scene, table, **options)
    row = Import(kind="duties", file_name="职责.csv", sha256="", report="[]")
    session.add(row)
    session.flush()
    taken.write(session, row.id)
    session.commit()
    return taken


def fates(taken):
    return [row.fate for row in taken.rows]


def newest(session):
    return session.scalars(sa.select(DutyList).order_by(DutyList.id.desc())).first()


def test_a_file_becomes_a_draft_and_leaves_what_is_in_force(session, scene):
    table = sheet(
        ("511", "", "望溪街道", "", "城管办", "水务局、城管局", "会议纪要"),
        ("", "市政设施/公用部件", "", "12345 热线", "水务局"),
    )
    assert fates(take(session, scene, table, name="新的")) == [Fate.ADDED, Fate.ADDED]
    made = newest(session)
    assert (made.name, made.state, made.area_id) == ("新的", ListState.DRAFT, scene.district.id)
    first, second = duties_of(session, made)
    assert (first.category.code, first.area_id, first.unit_id) == ("511", scene.here.id, scene.office.id)
    assert (first.assisting, first.source) == ([scene.water.id, scene.order.id], "会议纪要")
    assert (second.category.code, second.area_id, second.channel) == ("61", None, Channel.HOTLINE)
    assert session.get_one(DutyList, scene.duty_list.id).state is ListState.CURRENT


def test_the_same_file_again_makes_nothing(session, scene):
    table = sheet(("511", "", "玉兰社区", "", "城管局"), ("511", "", "玉兰社区", "", "城管局"))
    assert fates(take(session, scene, table)) == [Fate.ADDED, Fate.REPEATED]
    assert fates(take(session, scene, table)) == [Fate.SAME, Fate.REPEATED]
    assert session.scalar(sa.select(sa.func.count()).select_from(DutyList)) == 2


def test_a_row_for_another_unit_is_a_change(session, scene):
    taken = plan(session, scene, sheet(("5", "", "", "", "水务局", "", "三定方案")))
    assert fates(taken) == [Fate.CHANGED]
    assert taken.rows[0].before["责任单位"] == "城管局（青岚区）"


@pytest.mark.parametrize(
    ("row", "column"),
    [
        (("999", "", "", "", "城管局"), "事项编码"),
        (("", "没有这一项", "", "", "城管局"), "事项"),
        (("511", "", "别的街道", "", "城管局"), "区域"),
        (("511", "", "", "烽火台", "城管局"), "渠道"),
        (("511", "", "", "", "没有这个局"), "责任单位"),
        (("511", "", "", "", "城管办"), "责任单位"),  # which of the two streets'?
        (("511", "", "", "", "-"), "责任单位"),
        (("511", "", "", "", "城管局", "没有这个局"), "协办单位"),
    ],
)
def test_what_cannot_be_told_is_refused_by_its_column(session, scene, row, column):
    taken = plan(session, scene, sheet(row))
    assert fates(taken) == [Fate.REFUSED]
    assert [finding.column for finding in taken.rows[0].findings] == [column]
    assert taken.rows[0].findings[0].cure


@pytest.mark.parametrize("name", ["城管办（东岭街道）", "城管办(东岭街道)"])
def test_a_namesake_is_told_by_its_street(session, scene, name):
    take(session, scene, sheet(("511", "", "", "", name)))
    assert duties_of(session, newest(session))[0].unit_id == scene.other_office.id


def test_a_place_may_be_a_path_or_a_code(session, scene):
    for said in ("望溪街道/玉兰社区", "青岚区 / 望溪街道 / 玉兰社区", "玉兰社区"):
        take(session, scene, sheet(("511", "", said, "", "水务局")), name=said)
        assert duties_of(session, newest(session))[0].area_id == scene.magnolia.id


def test_a_twin_is_taken_and_said(session, scene):
    taken = plan(session, scene, sheet(("511", "", "", "", "城管局"), ("511", "", "", "", "水务局")))
    assert fates(taken) == [Fate.ADDED, Fate.ADDED]
    assert "前面的" in taken.rows[1].findings[0].cure


def test_a_file_without_units_is_refused(session, scene):
    with pytest.raises(Invalid, match="责任单位"):
        plan(session, scene, sheet(("511",), headers=("事项编码",)))


def test_what_is_given_out_is_taken_in_as_it_is(session, scene):
    new = duties.copy(session, scene.editor, scene.duty_list.id, "新的")
    full = Told(
        scene.office.id,
        scene.entries["512"].id,
        scene.magnolia.id,
        Channel.MAILBOX,
        (scene.water.id, scene.order.id),
        "=会议",
    )
    duties.put(session, scene.editor, new.id, full)
    duties.put(session, scene.editor, new.id, *told(scene, (None, None, "other_office")))
    duties.switch_on(session, scene.editor, new.id)
    rows = list(DUTIES.export(session, scene.editor))
    for write, name in ((sheets.write_csv, "职责.csv"), (sheets.write_xlsx, "职责.xlsx")):
        taken = plan(session, scene, sheets.read(write(HEADERS, rows), name))
        assert fates(taken) == [Fate.SAME] * 4
    assert rows[0][:5] == ("5", "市容环卫", "440399", "", "城管局")


def test_a_neighbours_list_is_not_given_out(session, scene):
    own = duties.draft(session, scene.editor, scene.here.id, "望溪的", told(scene, ("6", None, "water")))
    duties.switch_on(session, scene.editor, own.id)
    assert len(list(DUTIES.export(session, editor_of(session, scene.here)))) == 3
    assert len(list(DUTIES.export(session, editor_of(session, scene.there)))) == 2
    stranger = editor_of(session, make_area(session, name="邻区"))
    assert list(DUTIES.export(session, stranger)) == []


def test_nobody_takes_in_a_neighbours_list(session, scene):
    table = sheet(("511", "", "", "", "城管局"))
    for editor in (
        editor_of(session, scene.there),
        editor_of(session, scene.here, Role.SUPERVISOR),
    ):
        with pytest.raises(Forbidden):
            duty_imports.plan(session, table, editor, Options(under_id=scene.here.id))


def test_who_administers_one_area_need_not_choose_it(session, scene):
    table = sheet(("511", "", "", "", "城管局"))
    assert fates(duty_imports.plan(session, table, scene.editor, Options())) == [Fate.ADDED]


def test_a_plan_costs_the_same_queries_for_one_row_and_for_many(session, scene):
    rows = [("511", "", "玉兰社区", "", "城管局", "水务局"), ("512", "", "石桥社区", "", "水务局")] * 20
    assert len(_statements(session, scene, rows[:1])) == len(_statements(session, scene, rows))


def _statements(session, scene, rows):
    found = []

    def note(_connection, _cursor, statement, *_):
        found.extend([statement] if statement.startswith("SELECT") else [])

    session.expire_all()
    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    plan(session, scene, sheet(*rows))
    sa.event.remove(sa.Engine, "before_cursor_execute", note)
    return found
