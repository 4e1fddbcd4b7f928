"""One unit under several names, and what only looks like one."""

import csv
import logging
from collections import defaultdict
from itertools import combinations
from pathlib import Path

import pytest

from backend.places.twins import twins

log = logging.getLogger(__name__)

DEPARTMENTS = Path(__file__).parents[3] / "shared/data/pingshan2018/departments.csv"


def groups(*names):
    """Ids 1, 2, … for these names; the groups as sets of names."""
    return [{name for _, name in group} for group in twins(enumerate(names, start=1))]


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("城管办（东河街道办事处）", "东河街道城管办"),
        ("城管办（东河街道办事处）", "东河街道办事处城管办"),
        ("城管办（东河街道办事处）", "东河街道办城管办"),
        ("城管办（东河街道办事处）", "东河办事处城管办"),
        ("城管办（东河街道办事处）", "城管办(东河街道)"),
        ("城管办（东河街道办事处）", "东河街道城管办（东河街道办事处）"),
        ("城管办（东河街道办事处）", " 城市管理办公室 （东河街道办）"),
        ("消防安全委员会办公室（东河街道办事处）", "东河街道消安委办"),
        ("城管办（东河街道办事处）", "城管办（东河办）"),
        ("自来水公司（东河街道）", "自来水公司（东河辖区）"),
        ("柳林社区", "柳林社区（东河街道办事处）"),
    ],
)
def test_one_office_of_one_street_is_found_under_both_names(name, other):
    assert groups(name, other) == [{name, other}]


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("城管办（东河街道办事处）", "城管办（西山街道办事处）"),
        ("城管办（东河街道办事处）", "西山街道城管办"),
        ("城管办（东河街道办事处）", "城建办（东河街道办事处）"),
        ("城管办（东河街道办事处）", "城管办"),
        ("城建办", "城建办"),
        ("城管办（东河街道办事处）", "西山街道城管办（东河街道办事处）"),
        ("柳林社区", "柳林社区工作站（东河街道办事处）"),
        ("东河供电局", "供电局（东河街道办事处）"),
        ("财政局（国资办）", "财政局（东河街道办事处）"),
        ("办公室（东河街道办事处）", "东河街道办事处"),
        ("办公室（东河街道办事处）", "东河街道办"),
    ],
)
def test_what_only_looks_alike_stays_apart(name, other):
    assert groups(name, other) == []


def test_a_bare_word_in_brackets_is_a_street_only_where_another_name_shows_it():
    assert groups("土地整备中心（东河）", "东河街道土地整备中心") == [
        {"土地整备中心（东河）", "东河街道土地整备中心"}
    ]
    assert groups("土地整备中心（东河）", "土地整备中心（东河办）") == []


def test_a_community_of_two_streets_is_not_guessed():
    assert groups("柳林社区", "柳林社区（东河街道办事处）", "柳林社区（西山街道办事处）") == []


def test_the_same_id_is_the_same_unit_whatever_its_names():
    rows = [(7, "指挥中心"), (8, "教育局"), (7, "指挥中心处置")]
    assert twins(rows) == [[(7, "指挥中心"), (7, "指挥中心处置")]]


def test_a_name_without_street_has_that_of_its_ids_other_name():
    rows = [
        (7, "城建办"),
        (7, "城建办（东河街道办事处）"),
        (8, "城建办"),
        (8, "西山街道城建办"),
        (9, "东河街道城建办"),
    ]
    assert twins(rows) == [
        [(7, "城建办"), (7, "城建办（东河街道办事处）"), (9, "东河街道城建办")],
        [(8, "城建办"), (8, "西山街道城建办")],
    ]


def test_an_id_with_names_of_two_streets_does_not_join_their_offices():
    muddled = [(1, "城管办（东河街道办事处）"), (1, "城管办（西山街道办事处）")]
    assert twins([*muddled, (2, "东河街道城管办"), (3, "西山街道城管办")]) == [muddled]


def test_a_long_list_is_grouped_through_its_ids():
    rows = [(1, "东河街道城管办"), (2, "城管办（东河街道办事处）"), (2, "城管队"), (3, "教育局")]
    assert twins(rows) == [rows[:3]]


def test_a_repeated_row_is_no_twin():
    assert twins([(1, "教育局"), (1, "教育局")]) == []


@pytest.mark.skipif(not DEPARTMENTS.exists(), reason="needs ../shared/data/pingshan2018")
def test_by_name_alone_real_units_are_joined_but_never_two_of_them():
    with DEPARTMENTS.open(encoding="utf-8-sig") as file:
        rows = [(row["DISPOSE_UNIT_ID"], row["DISPOSE_UNIT_NAME"]) for row in csv.DictReader(file)]
    names = [row for row in enumerate(rows) if row[1][1] != "-"]
    true_id = {number: unit_id for number, (unit_id, _) in names}
    found = {
        pair
        for group in twins((number, name) for number, (_, name) in names)
        for pair in combinations([number for number, _ in group], 2)
    }
    by_id = defaultdict(list)
    for number, (unit_id, _) in names:
        by_id[unit_id].append(number)
    true = {pair for numbers in by_id.values() for pair in combinations(numbers, 2)}
    log.info("%d of %d true pairs, %d false", len(found & true), len(true), len(found - true))
    assert {(true_id[one], true_id[other]) for one, other in found - true} == set()
    assert len(found & true) > len(true) / 2
