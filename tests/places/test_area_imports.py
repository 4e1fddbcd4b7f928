"""Tables of places: whatever shape a city sends is taken as it is, and each row is told its fate and cure."""

# ruff: noqa: E501  (tables are read across)

from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from backend import db, sheets
from backend.errors import Invalid, NotFound
from backend.places import area_index, imports, scope, tree
from backend.places.area_imports import AREAS
from backend.places.area_rows import HEADERS
from backend.places.fields import told
from backend.places.imports import Fate, Options
from backend.places.models import Area, Change, Import
from backend.places.roles import Datum, Level, Role
from backend.places.scope import COMMAND_LINE, Editor
from backend.times import now
from bench import district as invented
from tests.factories import make_area, make_officer
from tests.places.test_areas import wrong_copies

L = Level
SHARED = Path(__file__).parents[3] / "shared/data"
needs_records = pytest.mark.skipif(not SHARED.exists(), reason="the real records are not beside the project")


def sheet_of(headers, *rows):
    return sheets.write_csv(headers, rows)


def plan(session, content, editor=COMMAND_LINE, **options):
    return AREAS.plan(session, sheets.read(content, "地点.csv"), editor, Options(**options))


def take(session, content, editor=COMMAND_LINE, **options):
    """Take the table in; returns how many rows met each fate that any met."""
    row = imports.look(session, AREAS, content, "地点.csv", editor, Options(**options))
    imports.apply(session, AREAS, row, editor, skip_refused=options.get("skip_refused", False))
    return {fate: count for fate, count in row.counts.items() if count}


def refusal(session, sheet, editor=COMMAND_LINE, **options):
    """What is said of the one row that is refused."""
    [row] = plan(session, sheet, editor, **options).refused()
    return " ".join(f"{one.column}:{one.value}:{one.problem}。{one.cure}" for one in row.findings)


def paths(session):
    return {node.path for node in area_index.load(session).by_id.values()}


@pytest.fixture
def district(session):
    return make_area(session, name="青岚区", code="990001")


@pytest.fixture
def street(session, district):
    return make_area(session, L.SUBDISTRICT, district, name="望溪街道", code="990001001")


OWN = [
    ("990001", "区", "青岚区", None, None, 22.705, 114.245, "WGS-84", "0755-00000001", "在用"),
    ("990001001", "街道", "望溪街道", "990001", "青岚区", None, None, None, None, "在用"),
    ("990001001001", "社区", "玉兰社区", "990001001", "青岚区/望溪街道", 22.7077, 114.2187, "GCJ-02", None, "在用"),
    (None, "网格", "一网格", "990001001001", "青岚区/望溪街道/玉兰社区", None, None, None, None, "在用"),
    (None, "站点", "东门", "990001001001", "青岚区/望溪街道/玉兰社区", 22.7, 114.2, "WGS-84", "0755-00000002转1", "在用"),
    (None, "楼栋", "1栋", None, "青岚区/望溪街道/玉兰社区/一网格", None, None, None, None, "在用"),
]  # fmt: skip


@pytest.mark.parametrize("write", [sheets.write_csv, sheets.write_xlsx])
def test_what_is_exported_is_imported_and_is_the_same_again(session, write):
    sheet = sheet_of(HEADERS, *OWN)
    assert take(session, sheet) == {"added": 6}
    assert take(session, sheet) == {"same": 6}
    again = write(AREAS.headers, AREAS.export(session, COMMAND_LINE))
    assert sheets.read(again, "地点").headers == HEADERS
    rows = [tuple(row.values()) for _, row in sheets.read(again, "地点").rows]
    assert sorted(rows) == sorted(tuple("" if cell is None else str(cell) for cell in row) for row in OWN)
    assert take(session, again) == {"same": 6}
    assert wrong_copies(session) == []


def test_an_exported_table_builds_the_same_tree_elsewhere(session, street):
    make_area(session, L.GRID, make_area(session, L.COMMUNITY, street, name="玉兰社区"), name="一网格")
    exported = sheets.write_csv(AREAS.headers, AREAS.export(session, COMMAND_LINE))
    before = paths(session)
    session.execute(sa.delete(Area))
    session.expunge_all()
    assert take(session, exported) == {"added": 4}
    assert paths(session) == before


def test_children_may_stand_before_their_parents(session):
    assert take(session, sheet_of(HEADERS, *reversed(OWN))) == {"added": 6}
    assert wrong_copies(session) == []


def test_a_position_of_a_chinese_map_is_stored_in_wgs84(session):
    take(session, sheet_of(HEADERS, *OWN))
    community = session.scalar(sa.select(Area).where(Area.code == "990001001001"))
    assert (community.datum, told(community).latitude) == (Datum.GCJ02, 22.7077)
    assert community.latitude != 22.7077


def test_every_row_written_is_on_the_record_with_its_import(session):
    take(session, sheet_of(HEADERS, *OWN))
    taken = sa.select(sa.func.max(Import.id)).scalar_subquery()
    rows = session.scalars(sa.select(Change).where(Change.import_id == taken).order_by(Change.id)).all()
    assert {(row.action, row.name) for row in rows} == {("added", row[2]) for row in OWN}
    assert len(rows) == len(OWN)


WIDE = ("区", "街道", "社区", "片区", "网格", "楼栋")


def test_a_wide_table_adds_the_chain_that_each_row_names(session):
    sheet = sheet_of(
        WIDE,
        ("青岚区", "望溪街道", "玉兰社区", "-", "一网格", "1栋"),
        ("青岚区", "望溪街道", "玉兰社区", "东片区", "二网格", "2栋"),
        ("青岚区", "松屿街道", "玉兰社区", "", "", ""),
        ("青岚区", "望溪街道", "", "", "", ""),
        ("青岚区", "松屿街道", "玉兰社区", "无", "/", "—"),
    )
    assert take(session, sheet) == {"added": 4, "repeated": 1}
    assert paths(session) == {
        "青岚区", "青岚区/望溪街道", "青岚区/松屿街道", "青岚区/望溪街道/玉兰社区", "青岚区/松屿街道/玉兰社区",
        "青岚区/望溪街道/玉兰社区/一网格", "青岚区/望溪街道/玉兰社区/一网格/1栋", "青岚区/望溪街道/玉兰社区/东片区",
        "青岚区/望溪街道/玉兰社区/东片区/二网格", "青岚区/望溪街道/玉兰社区/东片区/二网格/2栋",
    }  # fmt: skip
    assert wrong_copies(session) == []
    assert take(session, sheet) == {"same": 4, "repeated": 1}


def test_a_row_is_of_the_level_below_the_deepest_parent_beside_it(session, street):
    sheet = sheet_of(
        ("code", "name", "streetCode", "street", "district"),
        ("990001001009", "桂香社区居民委员会", "990001001", "望溪街道", "青岚区"),
    )
    assert take(session, sheet) == {"added": 1}
    community = session.scalar(sa.select(Area).where(Area.code == "990001001009"))
    assert (community.level, community.parent_id) == (L.COMMUNITY, street.id)


def test_rows_without_parents_lie_in_the_area_that_the_sender_chose(session, street):
    assert take(session, sheet_of(("社区", "网格"), ("玉兰社区", "一网格")), under_id=street.id) == {
        "added": 1
    }
    assert take(session, sheet_of(("名称", "电话"), ("枫溪社区", "110")), under_id=street.id) == {"added": 1}
    assert {"青岚区/望溪街道/枫溪社区", "青岚区/望溪街道/玉兰社区/一网格"} <= paths(session)
    with pytest.raises(NotFound):
        plan(session, sheet_of(("名称",), ("枫溪社区",)), under_id=10**12)


def test_a_blank_cell_and_a_column_that_is_not_there_change_nothing(session, street):
    make_area(
        session,
        L.COMMUNITY,
        street,
        name="玉兰社区",
        code="C-1",
        telephone="110",
        latitude=22.7,
        longitude=114.2,
    )
    assert take(session, sheet_of(("编码", "名称", "电话"), ("C-1", "玉兰社区", ""))) == {"same": 1}
    assert take(session, sheet_of(("编码", "名称", "电话"), ("C-1", "玉兰苑社区", "119"))) == {"changed": 1}
    area = session.scalar(sa.select(Area).where(Area.code == "C-1"))
    assert (area.name, area.telephone, area.latitude) == ("玉兰苑社区", "119", 22.7)


def test_what_changes_is_told_with_before_and_after(session, street):
    make_area(session, L.COMMUNITY, street, name="玉兰社区", telephone="110")
    sheet = sheet_of(("名称", "上级名称", "电话"), ("玉兰社区", "青岚区/望溪街道", "119"))
    [row] = plan(session, sheet).rows
    assert (row.row, row.name, row.fate) == (2, "青岚区/望溪街道/玉兰社区", Fate.CHANGED)
    assert (row.before, row.after) == ({"电话": "110"}, {"电话": "119"})


def test_a_changed_code_is_taken_and_pointed_out(session, street):
    make_area(session, L.COMMUNITY, street, name="玉兰社区", code="C-1")
    sheet = sheet_of(("编码", "名称", "街道"), ("C-2", "玉兰社区", "望溪街道"))
    [row] = plan(session, sheet).rows
    assert row.fate is Fate.CHANGED
    assert "编码原来是 C-1" in row.findings[0].problem
    assert take(session, sheet) == {"changed": 1}
    assert take(session, sheet) == {"same": 1}


def test_a_name_that_may_be_another_word_for_a_sibling_is_pointed_out(session, street):
    make_area(session, L.COMMUNITY, street, name="玉兰社区")
    sheet = sheet_of(("名称", "街道"), ("玉兰社区居民委员会", "望溪街道"), ("桂香社区", "望溪街道"))
    twin, other = plan(session, sheet).rows
    assert (twin.fate, other.fate, other.findings) == (Fate.ADDED, Fate.ADDED, [])
    assert "“玉兰社区”可能是同一个地方" in twin.findings[0].problem
    assert "合并" in twin.findings[0].cure


def test_a_namesake_deeper_in_the_same_place_is_pointed_out(session, street):
    community = make_area(session, L.COMMUNITY, street, name="玉兰社区")
    zone = make_area(session, L.ZONE, community, name="玉兰东片区")
    grid = make_area(session, L.GRID, zone, name="一网格")
    make_area(session, L.GRID, community, name="二网格")
    make_area(session, L.BUILDING, grid, name="玉兰苑3栋")
    make_area(session, L.BUILDING, grid, name="玉兰苑4栋", closed_at=now())
    rows = [("楼栋", name, above) for above in ("玉兰社区", "二网格") for name in ("玉兰苑3栋", "玉兰苑4栋")]
    twin, *others = plan(session, sheet_of(("层级", "名称", "上级名称"), *rows)).rows
    assert [row.fate for row in (twin, *others)] == [Fate.ADDED] * 4
    assert [row.findings for row in others] == [[], [], []]
    [finding] = twin.findings
    assert finding.problem == "玉兰社区里已有同名的楼栋（玉兰东片区/一网格/玉兰苑3栋）"
    assert finding.cure == "如果是同一个，请把上级改成它的上级"


def test_a_name_given_up_within_the_table_is_nobodys_namesake(session, street):
    community = make_area(session, L.COMMUNITY, street, name="玉兰社区")
    grid = make_area(session, L.GRID, community, name="一网格")
    make_area(session, L.BUILDING, grid, name="玉兰苑3栋", code="B-3")
    rows = [("B-3", "楼栋", "玉兰苑三栋", "一网格"), ("", "楼栋", "玉兰苑3栋", "玉兰社区")]
    renamed, added = plan(session, sheet_of(("编码", "层级", "名称", "上级名称"), *rows)).rows
    assert (renamed.fate, added.fate, added.findings) == (Fate.CHANGED, Fate.ADDED, [])


ERRORS = [
    (("", "社区", "", "990001001", "", "", "", "", "", ""), "名称::请填名称"),
    (("编码一", "社区", "甲社区", "990001001", "", "", "", "", "", ""), "编码:编码一:编码只能有"),
    (("", "小区", "甲社区", "990001001", "", "", "", "", "", ""), "层级:小区:不认识这个层级。请填其中一个：区、街道"),
    (("", "社区", "甲社区", "990009", "", "", "", "", "", ""), "上级编码:990009:没有找到上级“990009”"),
    (("", "社区", "甲社区", "", "青岚区/没有街道", "", "", "", "", ""), "上级名称:青岚区/没有街道:没有找到上级"),
    (("", "社区", "甲社区", "", "", "", "", "", "", ""), "层级:社区:社区没有写上级。社区的上级可以是街道"),
    (("", "网格", "甲网格", "990001001", "", "", "", "", "", ""), "网格不能放在“望溪街道”下面。网格的上级可以是社区、片区"),
    (("990001001", "社区", "望溪街道", "990001001", "", "", "", "", "", ""), "“青岚区/望溪街道”是街道，不是社区"),
    (("C-1", "社区", "玉兰社区", "990001002", "", "", "", "", "", ""), "现在属于“青岚区/望溪街道”。导入不会移动地点"),
    (("C-1", "社区", "枫溪社区", "990001001", "", "", "", "", "", ""), "编码是“青岚区/望溪街道/玉兰社区”的，名称是"),
    (("", "社区", "甲社区", "990001001", "", "114.2", "22.7", "", "", ""), "填反了。请对调：纬度是较小的那个数"),
    (("", "社区", "甲社区", "990001001", "", "22.7", "14.2", "", "", ""), "这个位置不在国内。请核对"),
    (("", "社区", "甲社区", "990001001", "", "22.7", "", "", "", ""), "纬度和经度要一起填"),
    (("", "社区", "甲社区", "990001001", "", "北纬22度", "114", "", "", ""), "纬度:北纬22度:纬度不是数字"),
    (("", "社区", "甲社区", "990001001", "", "22.7", "114.2", "BD-09", "", ""), "坐标系:BD-09:不认识这个坐标系"),
    (("", "社区", "甲社区", "990001001", "", "", "", "", "没有电话", ""), "电话:没有电话:电话只能有"),
    (("", "社区", "甲社区", "990001001", "", "", "", "", "", "拆了"), "状态:拆了:不认识这个状态。请填在用或停用"),
    (("", "社区", "甲社区", "990001001", "", "", "", "", "", "停用"), "导入不会停用地点"),
    (("C-9", "社区", "旧社区", "990001001", "", "", "", "", "", "在用"), "已经停用。请先在地点页面恢复"),
    (("", "社区", "乙社区", "990001001", "", "", "", "", "119", ""), "和第 2 行是同一个地点，内容却不同"),
    (("D-1", "社区", "丁社区", "990001001", "", "", "", "", "", ""), "编码和第 3 行“丙社区”相同"),
]  # fmt: skip
GOOD = [
    ("", "社区", "乙社区", "990001001", "", "", "", "", "110", ""),
    ("D-1", "社区", "丙社区", "990001001", "", "", "", "", "", ""),
]


@pytest.fixture
def known(session, district, street):
    make_area(session, L.SUBDISTRICT, district, name="松屿街道", code="990001002")
    make_area(session, L.COMMUNITY, street, name="玉兰社区", code="C-1")
    make_area(session, L.COMMUNITY, street, name="枫溪社区", code="C-2")
    make_area(session, L.COMMUNITY, street, name="旧社区", code="C-9", closed_at=sa.func.now())


@pytest.mark.parametrize(("row", "sentence"), ERRORS)
def test_a_row_that_cannot_be_taken_says_why_and_what_to_do(session, known, row, sentence):
    assert sentence in refusal(session, sheet_of(HEADERS, *GOOD, row))


def test_a_file_with_errors_of_every_sort_is_taken_without_them_if_that_is_wanted(session, known):
    rows = [*GOOD, *(row for row, _ in ERRORS), GOOD[0]]
    sheet = sheets.write_xlsx(HEADERS, rows)
    before = session.scalar(sa.select(sa.func.count(Area.id)))
    with pytest.raises(Invalid, match=f"有 {len(ERRORS)} 行不能导入"):
        take(session, sheet)
    assert session.scalar(sa.select(sa.func.count(Area.id))) == before
    planned = plan(session, sheet)
    assert [row.row for row in planned.rows] == list(range(2, len(rows) + 2))
    for fate, (_, sentence) in zip(planned.rows[2:-1], ERRORS, strict=True):
        said = " ".join(f"{one.column}:{one.value}:{one.problem}。{one.cure}" for one in fate.findings)
        assert sentence in said
    assert take(session, sheet, skip_refused=True) == {"added": 2, "repeated": 1, "refused": len(ERRORS)}


def test_a_name_and_a_code_that_become_free_go_to_another_place_of_the_same_table(session, street):
    old = make_area(session, L.COMMUNITY, street, name="玉兰社区", code="C-1")
    coded = make_area(session, L.COMMUNITY, street, name="枫溪社区", code="D-1")
    sheet = sheet_of(
        ("编码", "名称", "街道"),
        ("C-1", "玉兰苑社区", "望溪街道"),
        ("C-2", "玉兰社区", "望溪街道"),
        ("D-2", "枫溪社区", "望溪街道"),
        ("D-1", "桂香社区", "望溪街道"),
    )
    assert take(session, sheet) == {"added": 2, "changed": 2}
    assert take(session, sheet) == {"same": 4}
    assert (old.name, coded.code) == ("玉兰苑社区", "D-2")


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (("望溪街道", "1", "玉兰社区", "1"), "这一行里两个地点的编码相同"),
        (("望溪街道", "编码一", "玉兰社区", "2"), "编码只能有数字"),
        (("望" * 61, "", "玉兰社区", "2"), "名称最多 60 字"),
        (("望溪街道", "990001", "玉兰社区", "2"), "编码 990001 是“青岚区”的，不是“望溪街道”的"),
        (("", "9", "玉兰社区", "2"), "街道只有编码，没有名称"),
    ],
)
def test_a_chain_that_cannot_be_added_says_why(session, district, row, sentence):
    sheet = sheet_of(("街道", "街道编码", "社区", "社区编码"), row)
    assert sentence in refusal(session, sheet, under_id=district.id)


def test_a_table_of_something_else_is_refused(session):
    with pytest.raises(Invalid, match="没有认出这张表"):
        plan(session, sheet_of(("工号", "姓名"), ("1", "周明")))


def test_the_administrator_of_a_neighbouring_street_imports_and_exports_only_their_own(
    session, district, street
):
    other = make_area(session, L.SUBDISTRICT, district, name="松屿街道", code="990001002")
    make_area(session, L.COMMUNITY, street, name="玉兰社区", code="C-1")
    make_area(session, L.COMMUNITY, other, name="枫溪社区", code="C-2")
    officer = make_officer(session, Role.ADMINISTRATOR, area=other)
    neighbour = Editor(officer.id, tuple(scope.posts_of(session, officer.id)))
    sheet = sheet_of(
        ("编码", "名称", "上级名称", "层级", "电话"),
        ("C-1", "玉兰社区", "青岚区/望溪街道", "", "119"),
        ("", "桂香社区", "青岚区/望溪街道", "", ""),
        ("", "青岚新区", "", "区", ""),
        ("", "青岚区", "", "区", "119"),
        ("C-2", "枫溪社区", "青岚区/松屿街道", "", "119"),
    )
    planned = plan(session, sheet, neighbour)
    assert [row.fate for row in planned.rows] == [Fate.REFUSED] * 4 + [Fate.CHANGED]
    assert {row.findings[0].problem for row in planned.refused()} == {scope.NOT_YOURS}
    wide = sheet_of(WIDE[:3], ("青岚区", "新街道", "新社区"), ("青岚区", "松屿街道", "新社区"))
    assert [row.fate for row in plan(session, wide, neighbour).rows] == [Fate.REFUSED, Fate.ADDED]
    assert [row[2] for row in AREAS.export(session, neighbour)] == ["松屿街道", "枫溪社区"]


@needs_records
def test_the_official_tables_of_a_city_are_taken_as_they_are(session):
    for name, count in (("districts", 9), ("streets", 79), ("committees_nbs2023", 788)):
        sheet = (SHARED / f"shenzhen_divisions/{name}.csv").read_bytes()
        assert take(session, sheet) == {"added": count}
        assert take(session, sheet) == {"same": count}
    counts = sa.select(Area.level, sa.func.count()).group_by(Area.level)
    levels = {level: count for level, count in session.execute(counts)}
    assert levels == {L.DISTRICT: 9, L.SUBDISTRICT: 79, L.COMMUNITY: 788}
    longhua = "shenzhen_divisions/longhua_management_communities.csv"
    sheet = (SHARED / longhua).read_bytes()
    planned = plan(session, sheet)
    assert planned.refused() == []
    twins = [row for row in planned.rows if row.findings]
    assert len(twins) == 22  # of the 51 communities that manage, these have a committee of the same name
    assert take(session, sheet) == {"added": 51}
    assert take(session, sheet) == {"same": 51}
    assert wrong_copies(session) == []


@needs_records
def test_a_districts_own_list_is_taken_as_it_is(session, district):
    sheet = (SHARED / "pingshan2018/communities.csv").read_bytes()
    assert take(session, sheet, under_id=district.id) == {"added": 23, "same": 2}
    assert take(session, sheet, under_id=district.id) == {"same": 25}
    streets = session.scalars(sa.select(Area.name).where(Area.level == L.SUBDISTRICT)).all()
    assert len(streets) == 6
    assert wrong_copies(session) == []


def test_a_dry_run_waits_for_nobody_and_the_real_run_for_whoever_changes_places(committed):
    content = sheet_of(("层级", "名称"), ("区", "青岚区"))
    with db.transaction() as other:
        tree.lock(other)
        with db.transaction() as session:
            session.execute(sa.text("SET LOCAL lock_timeout = '500ms'"))
            row = imports.look(session, AREAS, content, "地点.csv", COMMAND_LINE, Options())
            with pytest.raises(OperationalError), session.begin_nested():
                imports.apply(session, AREAS, row, COMMAND_LINE)


@pytest.mark.slow
def test_a_district_of_ten_thousand_places_comes_in_whole(session):
    content = invented.areas_csv()
    assert take(session, content) == {"added": 10_600}
    assert wrong_copies(session) == []
    assert take(session, content) == {"same": 10_600}
