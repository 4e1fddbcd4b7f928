"""Places found by the first letters of their names in pinyin."""

import pytest

from backend.places import area_lists, spoken
from backend.places.models import Area
from backend.places.roles import Level, Role
from backend.places.scope import COMMAND_LINE, Editor, posts_of
from tests.factories import make_area, make_community, make_officer


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("玉兰社区", "yl"),
        ("玉兰社区", "ylsq"),
        ("玉兰苑3栋", "yly3d"),
        ("A区（东）", "aqd"),
        ("重阳社区", "cysq"),
        ("重阳社区", "zysq"),
    ],
)
def test_a_name_is_found_by_its_letters_in_any_reading(name, typed):
    assert spoken.begins(name, typed)


@pytest.mark.parametrize("typed", ["lsq", "ylsqx", "yx"])
def test_letters_of_the_middle_or_beyond_the_end_find_nothing(typed):
    assert not spoken.begins("玉兰社区", typed)


@pytest.fixture
def names(session):
    """What an editor finds by these words."""
    community = make_community(session)
    street = session.get_one(type(community), community.parent_id)
    make_area(session, Level.COMMUNITY, street, name="银杏社区", code="yl-9")
    session.flush()
    return lambda editor, said, **after: [
        area.name for area in area_lists.search(session, editor, said, **after)
    ]


def test_the_search_takes_words_letters_and_codes(names):
    assert names(COMMAND_LINE, "ylsq") == ["玉兰社区"]
    assert names(COMMAND_LINE, "YL SQ") == ["玉兰社区"]
    assert names(COMMAND_LINE, "yl") == ["玉兰社区", "银杏社区"]  # by its letters, and by its code
    assert names(COMMAND_LINE, "玉兰") == ["玉兰社区"]


def test_a_name_that_begins_with_a_sign_is_found_by_its_first_letter(session, names):
    make_community(session, "（南）玉兰社区")
    assert names(COMMAND_LINE, "nyl") == ["（南）玉兰社区"]


def test_one_letter_alone_finds_nothing(names):
    assert names(COMMAND_LINE, "w") == []
    assert names(COMMAND_LINE, "wx") == ["望溪街道"]


def test_no_more_names_are_read_than_are_asked_for(session, names):
    community = make_community(session, "栀子社区")
    for number in range(60):
        make_area(session, Level.GRID, community, name=f"第{number}网格")
    read = sum(spoken.letters.cache_info()[:2])
    assert len(spoken.find(session, Area.community_id == community.id, "d1", 2)) == 2
    assert sum(spoken.letters.cache_info()[:2]) - read < 40  # of 60 names' first two


def test_digits_are_those_of_a_code_and_a_percent_sign_is_itself(session, names):
    make_area(session, Level.DISTRICT, name="丹枫区", code="440398")
    assert names(COMMAND_LINE, "440") == ["丹枫区"]
    assert names(COMMAND_LINE, "440%") == names(COMMAND_LINE, "丹%区") == []


def test_letters_find_only_what_one_sees_and_after_what_was_seen(session, names):
    elsewhere = make_community(session, "银杏社区")
    officer = make_officer(session, Role.SECRETARY, area=elsewhere)
    editor = Editor(officer.id, tuple(posts_of(session, officer.id)))
    assert names(editor, "ylsq") == []
    assert names(editor, "yxsq") == ["银杏社区"]
    assert names(editor, "yxsq", after=elsewhere.id) == []
