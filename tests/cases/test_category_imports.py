"""Taking event dictionaries in as cities keep them, and giving ours out."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from backend import sheets
from backend.cases import categories, category_imports, editions, limits
from backend.cases.category_imports import ABSENT, CATEGORIES, HEADERS, HINTS
from backend.cases.category_models import CaseKind, Edition
from backend.cases.models import Duty, DutyList
from backend.errors import Forbidden, Invalid
from backend.places.imports import Fate, Options
from backend.places.models import Area, Import
from backend.places.roles import Level, Role
from backend.places.scope import COMMAND_LINE, Editor, posts_of
from backend.sheets import Sheet
from tests.cases.dictionary import make_dictionary, path
from tests.cases.duty_scene import duties_of
from tests.factories import make_area, make_case, make_community, make_officer, make_unit

REAL = Path("../shared/data")
CITY = ("大类", "小类", "事项", "责任单位", "时限")


def sheet(headers, *rows):
    cells = (dict(zip(headers, row, strict=True)) for row in rows)
    return Sheet("字典.csv", tuple(headers), tuple(enumerate(cells, start=2)))


def plan(session, table, **options):
    return category_imports.plan(session, table, COMMAND_LINE, Options(**options))


def take(session, table, **options):
    taken = plan(session, table, **options)
    row = Import(kind="categories", file_name="字典.csv", sha256="", report="[]")
    session.add(row)
    session.flush()
    taken.write(session, row.id)
    session.commit()
    return taken


def fates(taken):
    return [row.fate for row in taken.rows if not row.name.startswith((HINTS, ABSENT))]


def hints(taken):
    said = [row for row in taken.rows if row.name.startswith((HINTS, ABSENT))]
    return [finding.problem for row in said for finding in row.findings]


def rows_of(taken):
    return [row for row in taken.rows if not row.name.startswith((HINTS, ABSENT))]


def real(name):
    file = REAL / name
    if not file.exists():
        pytest.skip(f"{file} is not here")
    return sheets.read(file.read_bytes(), file.name)


@pytest.mark.parametrize(
    ("said", "hours", "in_working_days"),
    [
        ("3个工作日", 72, True),
        ("5工作日内", 120, True),
        ("24小时", 24, False),
        ("2天", 48, False),
        ("十五日以内", 360, False),
        ("一周", 168, False),
        ("即时", 1, False),
        ("", None, False),
    ],
)
def test_a_limit_is_read_as_people_write_it(said, hours, in_working_days):
    assert limits.parse(said) == (hours, in_working_days)


@pytest.mark.parametrize("said", ["3", "尽快", "0天", "9999天", "十十天", "半个工作日"])
def test_a_limit_that_cannot_be_read_is_refused_with_the_cure(said):
    with pytest.raises(Invalid, match="请写成"):
        limits.parse(said)


@pytest.mark.parametrize("limit", [(72, True), (24, False), (48, False), (1, False), (None, False)])
def test_a_limit_is_written_as_it_is_read(limit):
    assert limits.parse(limits.words(*limit)) == limit


def test_a_citys_table_is_taken_with_limits_and_units(session):
    community = make_community(session)
    district = session.get_one(Area, community.district_id)
    unit = make_unit(session, district, name="城管局")
    table = sheet(
        CITY,
        ("市容", "占道", "游商", "城管局", "3个工作日"),
        ("市容", "占道", "店外", "没有这个局", "即时"),
    )
    taken = take(session, table, under_id=district.id, name="第一版")
    assert fates(taken) == [Fate.ADDED, Fate.ADDED]
    assert rows_of(taken)[1].findings[0].column == "责任单位"
    rows = {row.path: row for row in editions.standing(session).values()}
    assert (rows[path("市容", "占道", "游商")].resolve_hours, rows["市容"].level) == (72, 1)
    duty_list = session.scalars(sa.select(DutyList)).one()
    assert (duty_list.name, duty_list.state) == ("第一版", "draft")
    assert [duty.unit_id for duty in duties_of(session, duty_list)] == [unit.id]


def test_units_without_an_area_are_left_out_and_said(session):
    taken = take(session, sheet(CITY, ("市容", "占道", "游商", "城管局", "")))
    assert any("责任单位没有带入" in hint for hint in hints(taken))
    assert session.scalar(sa.select(sa.func.count()).select_from(DutyList)) == 0


def test_the_same_file_again_changes_nothing(session):
    district = make_area(session)
    make_unit(session, district, name="城管局")
    table = sheet(CITY, ("市容", "占道", "游商", "城管局", "2天"))
    take(session, table, under_id=district.id)
    again = take(session, table, under_id=district.id)
    assert fates(again) == [Fate.SAME]
    for counted in (Edition, DutyList, Duty):
        assert session.scalar(sa.select(sa.func.count()).select_from(counted)) == 1


def test_an_unreadable_limit_and_an_empty_row_are_refused(session):
    taken = plan(session, sheet(CITY, ("市容", "占道", "游商", "", "尽快"), ("-", "", "", "城管局", "")))
    assert fates(taken) == [Fate.REFUSED, Fate.REFUSED]
    assert [row.findings[0].column for row in rows_of(taken)[:2]] == ["时限", "名称"]


def test_a_path_that_comes_twice_is_repeated(session):
    taken = plan(session, sheet(("一级", "二级"), ("市容", "占道"), ("市容", "占道")))
    assert fates(taken) == [Fate.ADDED, Fate.REPEATED]


def test_a_name_may_be_that_of_its_parent(session):
    take(session, sheet(("一级", "二级"), ("信息咨询", "信息咨询")))
    assert {row.path for row in editions.standing(session).values()} == {
        "信息咨询",
        path("信息咨询", "信息咨询"),
    }


def test_of_two_paths_with_one_code_the_later_gets_a_code_of_ours(session):
    table = sheet(("大类", "小类", "小类编码"), ("市容", "占道", "602"), ("市容", "噪声", "602"))
    taken = plan(session, table)
    assert fates(taken) == [Fate.ADDED, Fate.ADDED]
    assert "前面已经给了“市容 / 占道”，这一项改用编码 p" in rows_of(taken)[1].findings[0].problem
    take(session, table)
    assert fates(plan(session, table)) == [Fate.SAME, Fate.SAME]


def test_a_code_of_more_than_forty_characters_is_refused_with_its_row(session):
    taken = plan(session, sheet(("一级", "一级编码"), ("市容", "5" * 41), ("噪声", "6" * 40)))
    assert fates(taken) == [Fate.REFUSED, Fate.ADDED]
    assert "最多 40 个字" in rows_of(taken)[0].findings[0].cure


def test_codes_that_begin_anew_on_each_level_get_those_above_before_them(session):
    headers = ("major_id", "major", "minor_id", "minor")
    take(session, sheet(headers, ("01", "市容", "01", "占道"), ("02", "施工", "01", "噪声")))
    assert set(editions.standing(session)) == {"01", "02", "0101", "0201"}


def test_parents_may_be_named_by_code(session):
    headers = ("编码", "上级编码", "名称")
    taken = take(session, sheet(headers, ("52", "5", "占道"), ("5", "", "市容")))
    assert fates(taken) == [Fate.ADDED, Fate.ADDED]
    assert editions.standing(session)["52"].path == path("市容", "占道")


def test_a_circle_of_parents_is_refused(session):
    taken = plan(session, sheet(("编码", "上级编码", "名称"), ("1", "2", "甲"), ("2", "1", "乙")))
    assert fates(taken) == [Fate.REFUSED, Fate.REFUSED]


@pytest.mark.parametrize("headers", [("甲", "乙"), ("名称", "时限")])
def test_a_table_without_levels_is_refused(session, headers):
    with pytest.raises(Invalid, match="看不出哪几列是分类"):
        plan(session, sheet(headers, ("一", "二")))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("物业纠纷", CaseKind.DISPUTE),
        ("律师咨询", CaseKind.LEGAL),
        ("心理疏导", CaseKind.COUNSELLING),
        ("困难救助", CaseKind.ASSISTANCE),
        ("路灯", CaseKind.COMPLAINT),
    ],
)
def test_a_kind_is_guessed_from_the_words(session, name, kind):
    taken = take(session, sheet(("一级", "二级"), ("社会", name)))
    assert {row.name: row.kind for row in editions.standing(session).values()}[name] is kind
    assert sum("推断" in hint for hint in hints(taken)) == 1


def test_a_kind_that_is_none_of_the_five_is_refused(session):
    taken = plan(session, sheet(("一级", "五大类"), ("路灯", "部件")))
    assert fates(taken) == [Fate.REFUSED]


def test_what_the_file_has_no_column_for_stays(session):
    take(session, sheet(("一级", "同义词", "时限"), ("路灯", "灯杆、街灯", "2天")))
    taken = plan(session, sheet(("一级",), ("路灯",)))
    assert fates(taken) == [Fate.SAME]


def test_what_is_not_in_the_file_stays_unless_the_file_is_whole(session):
    rows = make_dictionary(session)
    make_case(session, category_id=rows["611"].id)
    table = sheet(("编码", "一级"), ("5", "市容环卫"))
    kept = plan(session, table)
    assert any("会继续保留" in hint for hint in hints(kept))
    whole = take(session, table, is_whole=True)
    assert set(editions.standing(session)) == {"5"}
    assert any("1 件诉求" in hint for hint in hints(whole))
    assert sum("将停用" in hint for hint in hints(whole)) == 9


def test_a_refused_row_does_not_end_its_entry(session):
    make_dictionary(session)
    table = sheet(("一级", "二级", "时限"), ("市容环卫", "占道经营", "尽快"), ("市政设施", "", ""))
    take(session, table, is_whole=True, skip_refused=True)
    assert set(editions.standing(session)) == {"5", "51", "6"}


def test_a_file_that_renames_replaces_and_carries_on(session):
    make_dictionary(session)
    table = sheet(("编码", "一级", "二级"), ("51", "市容环卫", "占用道路"))
    taken = take(session, table)
    assert fates(taken) == [Fate.CHANGED]
    assert rows_of(taken)[0].before == {"事项": path("市容环卫", "占道经营")}
    assert editions.standing(session)["511"].path == path("市容环卫", "占用道路", "无照经营游商")


def test_a_new_code_for_a_path_that_stands_keeps_the_old_one(session):
    make_dictionary(session)
    taken = plan(session, sheet(("编码", "一级"), ("99", "市容环卫")))
    assert fates(taken) == [Fate.SAME]


def test_a_known_code_on_anothers_path_is_refused(session):
    make_dictionary(session)
    taken = plan(session, sheet(("编码", "一级"), ("6", "市容环卫")))
    assert fates(taken) == [Fate.REFUSED]
    assert "请把编码改成 5" in rows_of(taken)[0].findings[0].cure


def test_what_is_given_out_is_taken_in_as_it_is(session):
    make_dictionary(session, resolve_hours=72, in_working_days=True)
    rows = list(CATEGORIES.export(session, COMMAND_LINE))
    for write, name in ((sheets.write_csv, "字典.csv"), (sheets.write_xlsx, "字典.xlsx")):
        taken = plan(session, sheets.read(write(HEADERS, rows), name), is_whole=True)
        assert set(fates(taken)) == {Fate.SAME}
    categories.end(session, COMMAND_LINE, editions.standing(session)["5"].id)
    categories.end(session, COMMAND_LINE, editions.standing(session)["6"].id)
    take(session, sheets.read(sheets.write_csv(HEADERS, rows), "字典.csv"))
    assert list(CATEGORIES.export(session, COMMAND_LINE)) == rows


def test_only_a_districts_administrator_may_take_a_dictionary_in(session):
    district = make_area(session)
    street = make_area(session, Level.SUBDISTRICT, district)
    officer = make_officer(session, Role.ADMINISTRATOR, area=street)
    editor = Editor(officer.id, tuple(posts_of(session, officer.id)))
    with pytest.raises(Forbidden):
        category_imports.plan(session, sheet(("一级",), ("路灯",)), editor, Options())


@pytest.mark.parametrize(
    ("file", "rows", "counts", "entries"),
    [
        ("pingshan2018/event_types.csv", 374, {"added": 372, "repeated": 2}, 524),
        ("tipdm2020c/taxonomy_l3.csv", 517, {"added": 517}, None),
        ("event_dictionaries/haikou12345_taxonomy.csv", 1579, {"added": 1579}, 2818),
    ],
)
def test_a_real_dictionary_is_taken_as_it_is(session, file, rows, counts, entries):
    table = real(file)
    taken = take(session, table, skip_refused=True)
    assert len(fates(taken)) == rows
    assert {fate: count for fate, count in taken.count().items() if count and fate != "same"} == counts
    assert entries in (None, len(editions.standing(session)))
    again = plan(session, table, is_whole=True)
    assert {row.fate for row in again.rows} <= {Fate.SAME, Fate.REPEATED, Fate.REFUSED}
