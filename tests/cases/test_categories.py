"""The event dictionary: finding an entry, editing one, and editions that leave old cases as they were."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from backend import db
from backend.cases import categories, editions
from backend.cases.categories import KIND_LABELS
from backend.cases.category_models import CaseKind, Category, Edition
from backend.cases.category_search import category_suggestions, find
from backend.cases.models import Duty, DutyList
from backend.errors import Conflict, Forbidden, Invalid
from backend.places.models import Change, PlaceCode
from backend.places.roles import Level, Role
from backend.places.scope import COMMAND_LINE, Editor, posts_of
from tests.cases.dictionary import make_dictionary, path
from tests.factories import make_area, make_case, make_code, make_community, make_officer, make_unit


@pytest.fixture
def entries(session):
    return make_dictionary(session)


def editor_of(session, area):
    officer = make_officer(session, Role.ADMINISTRATOR, area=area)
    return Editor(officer.id, tuple(posts_of(session, officer.id)))


def names(found):
    return [each.category.name for each in found]


def test_all_five_kinds_have_a_label():
    assert set(KIND_LABELS) == set(CaseKind)


def test_an_entry_knows_its_path_and_level(entries):
    assert entries["511"].path == path("市容环卫", "占道经营", "无照经营游商")
    assert entries["511"].level == 3


def test_a_usual_reading_gives_the_initials():
    assert editions.initials("银行噪声", ["重阳节A1"]) == "yhzs cyja1"


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("511", "无照经营游商"),
        ("51", "占道经营"),
        ("路灯", "路灯"),
        ("占道", "占道经营"),
        ("xsjg", "下水井盖"),
        ("LDT", "无照经营游商"),  # of its synonym 流动摊贩
        ("窨井盖", "下水井盖"),
        ("灯不亮", "路灯"),
        ("占道 游商", "无照经营游商"),
    ],
)
def test_an_entry_is_found_by(session, entries, typed, first):
    assert names(find(session, typed))[0] == first


def test_what_is_found_comes_by_rank_and_leaves_first(session, entries):
    assert names(find(session, "经营")) == ["店外经营", "无照经营游商", "占道经营"]
    assert names(find(session, "5"))[:2] == ["市容环卫", "店外经营"]


def test_the_synonym_that_matched_is_told(session, entries):
    assert [each.by for each in find(session, "窨井")] == ["窨井盖"]
    assert [each.by for each in find(session, "路灯")] == [""]


@pytest.mark.parametrize("typed", ["", "  ", "%", "_", "\\", "'; --", "没有这样的事"])
def test_nothing_is_found_by(session, entries, typed):
    assert find(session, typed) == []


def test_ended_entries_are_not_found(session, entries):
    categories.end(session, COMMAND_LINE, entries["611"].id)
    assert find(session, "下水井盖") == []


def test_a_report_suggests_the_entry_with_the_longest_word_said(session, entries):
    suggested = category_suggestions(session, "路灯下面的窨井盖翘起来了")
    assert [each.category.code for each in suggested] == ["611", "612"]
    assert suggested[0].said == ["窨井盖"]


def test_a_report_that_says_nothing_known_suggests_nothing(session, entries):
    assert category_suggestions(session, "你好，其他") == []


def test_entries_below_come_in_their_order_and_by_kind(session, entries):
    assert [row.code for row in categories.below(session)] == ["5", "6"]
    assert [row.code for row in categories.below(session, entries["51"])] == ["511", "512"]
    assert categories.below(session, kind=CaseKind.LEGAL) == []
    categories.add(session, COMMAND_LINE, "合同咨询", under_id=entries["61"].id, kind=CaseKind.LEGAL)
    assert [row.code for row in categories.below(session, kind=CaseKind.LEGAL)] == ["6"]
    assert categories.tally(session)[CaseKind.LEGAL] == 1


def test_the_way_up_begins_at_the_top(session, entries):
    assert [row.code for row in categories.above(session, entries["511"])] == ["5", "51"]
    assert categories.above(session, entries["5"]) == []


def test_words_and_limit_change_in_place_and_on_the_record(session, entries):
    row = categories.amend(
        session,
        COMMAND_LINE,
        entries["512"].id,
        synonyms=["出店经营"],
        keywords=[],
        resolve_hours=72,
        in_working_days=True,
    )
    assert row.id == entries["512"].id
    assert names(find(session, "cdjy")) == ["店外经营"]
    change = session.scalars(sa.select(Change).where(Change.subject == "categories")).one()
    assert (change.before["resolve_hours"], change.after["resolve_hours"]) == (None, 72)
    assert session.scalar(sa.select(sa.func.count()).select_from(Edition)) == 1


def test_a_renamed_entry_leaves_old_cases_as_they_were(session, entries):
    case = make_case(session, category_id=entries["511"].id)
    row = categories.rename(session, COMMAND_LINE, entries["51"].id, "占用道路经营")
    old = session.get_one(Category, case.category_id, populate_existing=True)
    assert old.path == path("市容环卫", "占道经营", "无照经营游商")
    assert row.code == "51"
    assert [each.code for each in categories.below(session, row)] == ["511", "512"]
    assert find(session, "511")[0].category.path == path("市容环卫", "占用道路经营", "无照经营游商")


def test_duties_and_codes_follow_a_renamed_entry(session, entries):
    community = make_community(session)
    code = make_code(session, community)
    code.category_id = entries["511"].id
    duty = _duty(session, community, entries["511"])
    categories.rename(session, COMMAND_LINE, entries["51"].id, "占用道路经营")
    new = editions.standing(session)["511"]
    assert session.get_one(Duty, duty.id, populate_existing=True).category_id == new.id
    assert session.get_one(PlaceCode, code.id, populate_existing=True).category_id == new.id


def _duty(session, area, category):
    duty_list = DutyList(area_id=area.id, name="清单")
    session.add(duty_list)
    session.flush()
    unit = make_unit(session, area)
    duty = Duty(list_id=duty_list.id, category_id=category.id, unit_id=unit.id, source="三定方案")
    session.add(duty)
    session.commit()
    return duty


def test_an_entry_moves_with_what_lies_below_it(session, entries):
    categories.move(session, COMMAND_LINE, entries["61"].id, entries["5"].id)
    assert editions.standing(session)["612"].path == path("市容环卫", "公用部件", "路灯")


def test_an_entry_cannot_move_below_itself_or_too_deep(session, entries):
    with pytest.raises(Invalid, match="自己的下级"):
        categories.move(session, COMMAND_LINE, entries["5"].id, entries["511"].id)
    with pytest.raises(Invalid, match="最多四级"):
        categories.move(session, COMMAND_LINE, entries["6"].id, entries["51"].id)


def test_two_entries_of_one_path_are_refused(session, entries):
    with pytest.raises(Invalid, match="已经有了"):
        categories.add(session, COMMAND_LINE, "路灯", under_id=entries["61"].id, kind=CaseKind.COMPLAINT)


def test_a_name_that_was_used_once_can_be_used_again(session, entries):
    first = categories.add(session, COMMAND_LINE, "护栏", under_id=entries["61"].id, kind=CaseKind.COMPLAINT)
    categories.rename(session, COMMAND_LINE, first.id, "道路护栏")
    second = categories.add(session, COMMAND_LINE, "护栏", under_id=entries["61"].id, kind=CaseKind.COMPLAINT)
    assert second.code != first.code


def test_what_an_end_touches_is_counted_before(session, entries):
    community = make_community(session)
    make_case(session, community, category_id=entries["511"].id)
    _duty(session, community, entries["512"])
    touched = categories.end_touches(session, entries["51"].id)
    assert (touched.entries, touched.cases, touched.duties, touched.codes) == (3, 1, 1, 0)


def test_what_an_end_touches_is_counted_up_to_many(session, entries, monkeypatch):
    community = make_community(session)
    for _ in range(3):
        make_case(session, community, category_id=entries["511"].id)
    monkeypatch.setattr(categories, "MANY", 2)
    assert categories.end_touches(session, entries["51"].id).cases == 2


def test_an_ended_entry_cannot_be_edited(session, entries):
    categories.end(session, COMMAND_LINE, entries["51"].id)
    with pytest.raises(Conflict, match="已经停用"):
        categories.rename(session, COMMAND_LINE, entries["511"].id, "游商")


def test_an_edition_tells_what_it_changed(session, entries):
    categories.rename(session, COMMAND_LINE, entries["51"].id, "占用道路经营")
    edition = categories.editions_page(session)[0]
    told = categories.edition_changes(session, edition.id)
    assert {old.code for old, _ in told.replaced} == {"51", "511", "512"}
    assert not told.added
    assert not told.ended
    assert [row.name for row, _ in categories.history(session, entries["51"])] == [
        "占用道路经营",
        "占道经营",
    ]


def test_nothing_new_makes_no_edition(session, entries):
    make_dictionary(session, name="又一版")
    assert session.scalar(sa.select(sa.func.count()).select_from(Edition)) == 1


def test_two_who_change_the_dictionary_at_once_take_turns(committed):
    entries = make_dictionary(committed)

    def rename(n):
        with db.transaction() as own:
            row = own.scalars(
                sa.select(Category).where(Category.code == "61", Category.until_id.is_(None))
            ).one()
            try:
                categories.rename(own, COMMAND_LINE, row.id, f"部件{n}")
            except Conflict:  # somebody else was first
                return 0
            return 1

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(rename, range(4))) >= 1
    assert len(editions.standing(committed)) == len(entries)


def test_only_a_districts_administrator_keeps_the_dictionary(session, entries):
    community = make_community(session)
    district = session.get_one(type(community), community.district_id)
    street = make_area(session, Level.SUBDISTRICT, district)
    with pytest.raises(Forbidden, match="区一级"):
        categories.rename(session, editor_of(session, street), entries["5"].id, "市容")
    assert categories.rename(session, editor_of(session, district), entries["5"].id, "市容").name == "市容"
