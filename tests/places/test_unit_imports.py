"""Tables of units: our own columns, and a district's list of departments as it is."""

from collections import Counter
from pathlib import Path

import pytest
import sqlalchemy as sa

from backend import sheets
from backend.errors import Invalid, NotFound
from backend.places import unit_ends, unit_imports, units
from backend.places.imports import Fate, Options
from backend.places.models import Import, Unit
from backend.places.roles import Level, UnitKind
from backend.places.scope import COMMAND_LINE
from backend.sheets import Sheet
from tests.factories import make_area, make_unit
from tests.places.people import town

__all__ = ["town"]
REAL = Path(__file__).parents[2].parent / "shared" / "data" / "pingshan2018"
FATES = Fate.ADDED, Fate.CHANGED, Fate.SAME, Fate.REPEATED, Fate.REFUSED


def sheet_of(*rows, headers=unit_imports.HEADERS):
    cells = [dict(zip(headers, row, strict=True)) for row in rows]
    return Sheet("单位.csv", tuple(headers), tuple(enumerate(cells, start=2)))


def plan(session, editor, *rows, **options):
    table = rows[0] if isinstance(rows[0], Sheet) else sheet_of(*rows)
    return unit_imports.plan(session, table, editor, Options(**options))


def write(session, found):
    row = Import(kind="units", file_name="单位.csv", sha256="0", report="[]")
    session.add(row)
    session.flush()
    found.write(session, row.id)
    return row


def fates(found):
    return [row.fate for row in found.rows]


def office(name="望溪街道综治办", code="U1", area="青岚区/望溪街道", kind="街道科室", phone="", aliases=""):
    return (code, name, kind, area, phone, aliases)


def test_a_new_unit_is_added_with_all_its_columns(session, town):
    found = plan(session, town.editor, office(phone="0755-1", aliases="综治办、平安办"))
    assert fates(found) == [Fate.ADDED]
    imported = write(session, found)
    [unit] = units.page(session, town.editor)
    assert (unit.code, unit.kind, unit.area_id) == ("U1", UnitKind.OFFICE, town.street.id)
    assert (unit.telephone, unit.aliases) == ("0755-1", ["综治办", "平安办"])
    [line] = town.changes("units")
    assert (line.action, line.import_id, line.officer_id) == ("added", imported.id, town.editor.officer_id)


def test_planning_writes_nothing(session, town):
    plan(session, town.editor, office())
    assert session.scalars(sa.select(Unit)).all() == []


def test_the_same_file_again_changes_nothing(session, town):
    rows = [office(aliases="综治办"), office("城建办", "", kind=""), office("城建办", "", kind="")]
    write(session, plan(session, town.editor, *rows))
    again = plan(session, town.editor, *rows)
    assert fates(again) == [Fate.SAME, Fate.SAME, Fate.REPEATED]
    write(session, again)
    assert len(units.page(session, town.editor)) == 2
    assert len(town.changes("units")) == 2


def test_what_is_given_out_can_be_taken_in_again(session, town):
    make_unit(
        session, town.street, name="综治办", code="007", aliases=["平安办", "维稳办"], telephone="0755-1"
    )
    make_unit(session, town.community, name="玉兰社区工作站", kind=UnitKind.COMMUNITY)
    make_unit(session, town.other_street, name="别处的")
    out = list(unit_imports.export(session, town.editor))
    assert [row[1] for row in out] == ["综治办", "玉兰社区工作站"]
    for write_file in (sheets.write_csv, sheets.write_xlsx):
        back = sheets.read(write_file(unit_imports.HEADERS, out), "单位")
        assert fates(plan(session, town.editor, back)) == [Fate.SAME, Fate.SAME]


def test_a_new_name_keeps_the_old_one(session, town):
    write(session, plan(session, town.editor, office(phone="0755-1")))
    found = plan(session, town.editor, office("望溪街道平安法治办"))
    assert (found.rows[0].before["名称"], found.rows[0].after["名称"]) == (
        "望溪街道综治办",
        "望溪街道平安法治办",
    )
    write(session, found)
    [unit] = units.page(session, town.editor)
    assert (unit.name, unit.aliases, unit.telephone) == ("望溪街道平安法治办", ["望溪街道综治办"], "0755-1")
    assert fates(plan(session, town.editor, office())) == [Fate.SAME]  # an old file does not turn it back


def test_a_unit_without_code_gets_the_one_of_the_table(session, town):
    unit = make_unit(session, town.street, name="望溪街道综治办", kind=UnitKind.OFFICE)
    found = plan(session, town.editor, office())
    assert fates(found) == [Fate.CHANGED]
    write(session, found)
    assert unit.code == "U1"


def test_a_place_is_named_by_path_code_or_lone_name(session, town):
    town.street.code = "440301"
    session.commit()
    for area in ("青岚区/望溪街道", "青岚区 / 望溪街道", "440301", "望溪街道"):
        assert plan(session, town.editor, office(area=area)).rows[0].after["服务区域"] == "青岚区/望溪街道"


@pytest.mark.parametrize(
    ("row", "column", "cure"),
    [
        (office(area="没有这里"), "服务区域", "从区开始的全称"),
        (office(kind="衙门"), "类型", "部门、街道科室"),
        (office("长" * 61), "名称", "最多 60 个字"),
        (office(area="", name="综治办"), "服务区域", "选择一个上级地点"),
        (office(area="青岚区/松屿街道"), "服务区域", "上级管理员"),
        (office(area="青岚区"), "服务区域", "上级管理员"),
    ],
)
def test_a_row_that_cannot_be_taken_says_why_and_what_to_do(session, town, row, column, cure):
    [fate] = plan(session, town.editor, row).rows
    assert fate.fate is Fate.REFUSED
    assert fate.findings[0].column == column
    assert cure in fate.findings[0].cure


@pytest.mark.parametrize(
    ("row", "column"),
    [
        (office(code="8" * 41), "编码"),
        (office(phone="找王主任"), "电话"),
        (office(aliases="长" * 61), "其他名称"),
    ],
)
def test_a_cell_that_is_too_long_or_none_is_refused(session, town, row, column):
    [refused] = plan(session, town.editor, row).rows
    assert (refused.fate, refused.findings[0].column) == (Fate.REFUSED, column)


def test_nobody_changes_another_streets_unit_by_its_code(session, town):
    make_unit(session, town.other_street, name="松屿街道综治办", code="U1")
    assert fates(plan(session, town.editor, office())) == [Fate.REFUSED]
    assert fates(plan(session, town.editor, office(area=""))) == [Fate.REFUSED]


def test_two_codes_do_not_share_a_name_in_one_area(session, town):
    found = plan(session, town.editor, office(code="U1"), office(code="U2"))
    assert fates(found) == [Fate.ADDED, Fate.REFUSED]
    assert "同一个编码" in found.rows[1].findings[0].cure


def test_a_merged_unit_does_not_come_back_with_the_old_file(session, town):
    rows = [office(), office("望溪街道平安办", "U2")]
    write(session, plan(session, town.editor, *rows))
    one, other = units.page(session, town.editor)
    unit_ends.merge(session, town.editor, one.id, other.id)
    again = plan(session, town.editor, *rows)
    assert set(fates(again)) == {Fate.SAME}
    assert "已经停用" in next(row for row in again.rows if row.name == one.name).findings[0].problem


def test_probable_twins_are_pointed_out(session, town):
    make_unit(session, town.street, name="望溪街道城市建设办公室")
    [fate] = plan(session, town.editor, office("城建办（望溪街道办事处）", "U9")).rows
    assert fate.fate is Fate.ADDED
    assert [said.cure for said in fate.findings] == ["导入后可以在单位页面合并"]


def test_a_table_of_other_things_is_refused(session, town):
    with pytest.raises(Invalid, match="名称"):
        plan(session, town.editor, sheet_of(("1",), headers=("经度",)))
    with pytest.raises(NotFound, match="上级地点"):
        plan(session, town.editor, office(), under_id=987654)


@pytest.fixture
def pingshan(session):
    if not REAL.exists():
        pytest.skip("the district's tables are not here")
    district = make_area(session, name="坪山区")
    streets = {}
    for _, row in sheets.read((REAL / "communities.csv").read_bytes(), "communities.csv").rows:
        name = row["STREET_NAME"]
        if name not in streets:
            streets[name] = make_area(session, Level.SUBDISTRICT, district, name=name)
        if row["COMMUNITY_NAME"].endswith("社区"):
            make_area(session, Level.COMMUNITY, streets[name], name=row["COMMUNITY_NAME"])
    return district


def test_a_districts_list_of_departments_is_taken_in_as_it_is(session, pingshan):
    table = sheets.read((REAL / "departments.csv").read_bytes(), "departments.csv")
    found = plan(session, COMMAND_LINE, table, under_id=pingshan.id)
    assert found.refused() == []
    assert found.count()["added"] == len({row["DISPOSE_UNIT_ID"] for _, row in table.rows} - {"-"})
    write(session, found)
    again = plan(session, COMMAND_LINE, table, under_id=pingshan.id)
    assert Counter(fates(again)) == {Fate.SAME: len(table.rows)}


def test_of_several_names_the_most_used_one_wins(session, pingshan):
    table = sheets.read((REAL / "departments.csv").read_bytes(), "departments.csv")
    write(session, plan(session, COMMAND_LINE, table, under_id=pingshan.id))
    known = {
        unit.code: unit for unit in session.scalars(sa.select(Unit).options(sa.orm.joinedload(Unit.area)))
    }
    said = {code: (known[code].name, known[code].area.name, known[code].kind) for code in known}
    assert said["8484"] == ("坪山街道综合执法队", "坪山街道", UnitKind.OFFICE)
    assert known["8484"].aliases == ["坪山街道综合执法队（坪山街道办事处）"]
    assert said["1755"] == ("六联社区", "六联社区", UnitKind.COMMUNITY)
    assert said["1891"] == ("坪山公安分局", "坪山区", UnitKind.DEPARTMENT)
    assert said["9444"] == ("城建办", "坑梓街道", UnitKind.OFFICE)
    assert said["1868"] == ("土地整备中心（碧岭办）", "碧岭街道", UnitKind.OFFICE)
    assert said["8565"] == ("坑梓自来水公司（坑梓辖区）", "坑梓街道", UnitKind.ENTERPRISE)
    assert said["1830"] == ("石井社区工作站", "石井社区", UnitKind.COMMUNITY)
