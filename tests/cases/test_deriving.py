"""A duty list from past cases: what it proposes, what it leaves out, and whether real cases agree."""

import csv
import logging
from collections import Counter, defaultdict
from datetime import date
from itertools import chain
from pathlib import Path

import pytest

from backend.cases.deriving import Past, derive
from backend.cases.routing import Index, Question, decide
from backend.places.twins import twins

log = logging.getLogger(__name__)

EVENTS = Path(__file__).parents[3] / "shared/data/pingshan2018/events.csv"
OCTOBER, NOVEMBER = date(2018, 10, 1), date(2018, 11, 1)

DISTRICT, EAST, WEST, WILLOW, PINE = 1, 2, 3, 21, 22
STALLS, NOISE, STREETS, ENVIRONMENT = 11, 12, 10, 20
BUREAU, EAST_OFFICE, WEST_OFFICE, WATER = 101, 102, 103, 104
DAY = date(2026, 3, 2)


def cases(count, unit_id, category=(STALLS, STREETS), area=(EAST, DISTRICT), channel=None, on=DAY):
    return [Past(category, area, channel, unit_id, on)] * count


def proposed(past, **how):
    return {duty.key: duty.unit_id for duty in derive(past, **how)}


def first(past, category, area, channel=None, **how):
    decision = decide(Index(derive(past, **how)), Question(category, area, channel))
    return decision and decision.units[0]


def test_the_unit_that_answered_for_most_is_proposed():
    past = cases(5, BUREAU) + cases(2, WATER)
    assert first(past, (STALLS, STREETS), (EAST, DISTRICT)) == BUREAU


def test_nothing_past_proposes_nothing():
    assert derive([]) == []


def test_each_duty_says_which_cases_it_rests_on():
    past = cases(3, BUREAU, on=date(2026, 2, 8)) + cases(1, WATER, on=date(2026, 9, 30))
    assert {duty.source for duty in derive(past) if duty.unit_id == BUREAU} == {
        "由 2026-02-08 至 2026-09-30 的 4 件诉求归纳，其中 75% 派给该单位"
    }


def test_a_duty_that_only_repeats_wider_ones_is_left_out():
    past = cases(4, BUREAU) + cases(4, BUREAU, (NOISE, ENVIRONMENT), (WEST, DISTRICT))
    assert proposed(past) == {(None, DISTRICT, None): BUREAU}


def test_a_duty_stays_if_without_it_one_place_below_would_go_elsewhere():
    water = cases(9, WATER, (NOISE, STREETS), (WILLOW, EAST, DISTRICT))
    past = cases(50, BUREAU) + cases(5, BUREAU, (STALLS, STREETS), (PINE, EAST, DISTRICT)) + water
    assert first(past, (STALLS, STREETS), (WILLOW, EAST, DISTRICT)) == BUREAU


def test_a_unit_of_one_street_is_not_named_for_the_district():
    past = cases(9, EAST_OFFICE) + cases(2, BUREAU) + cases(2, BUREAU, area=(WEST, DISTRICT))
    assert first(past, (STALLS, STREETS), (EAST, DISTRICT)) == EAST_OFFICE
    assert first(past, (STALLS, STREETS), (WEST, DISTRICT)) == BUREAU
    assert first(past, (STALLS, STREETS), (DISTRICT,)) == BUREAU


def test_of_units_with_as_many_cases_the_one_that_has_more_nearby_is_named():
    tied = cases(1, WATER) + cases(1, BUREAU)
    assert first(tied + cases(3, WATER, (NOISE, STREETS)), (STALLS, STREETS), (EAST, DISTRICT)) == WATER
    assert first(tied + cases(3, BUREAU, (NOISE, STREETS)), (STALLS, STREETS), (EAST, DISTRICT)) == BUREAU


def test_too_few_cases_are_left_to_wider_duties():
    past = cases(6, BUREAU) + cases(1, WATER, (NOISE, STREETS))
    assert first(past, (NOISE, STREETS), (EAST, DISTRICT)) == WATER
    assert first(past, (NOISE, STREETS), (EAST, DISTRICT), support=2) == BUREAU


def test_a_community_needs_a_clear_lead_to_differ_from_its_street():
    street = cases(4, BUREAU, area=(WILLOW, EAST, DISTRICT)) + cases(4, BUREAU, area=(WEST, DISTRICT))
    asked = (STALLS, STREETS), (PINE, EAST, DISTRICT)
    assert first(street + cases(2, WATER, area=(PINE, EAST, DISTRICT)), *asked) == BUREAU
    assert first(street + cases(3, WATER, area=(PINE, EAST, DISTRICT)), *asked) == WATER


def test_a_streets_single_case_shows_its_own_office():
    past = cases(9, BUREAU) + cases(1, WEST_OFFICE, area=(WEST, DISTRICT))
    assert first(past, (STALLS, STREETS), (WEST, DISTRICT)) == WEST_OFFICE


def test_a_channel_of_its_own_needs_a_clear_lead_and_can_be_left_out():
    past = cases(5, BUREAU, channel="hotline") + cases(4, WATER, channel="wechat")
    asked = (STALLS, STREETS), (EAST, DISTRICT), "wechat"
    assert first(past, *asked) == WATER
    assert first(past + cases(2, BUREAU, channel="wechat"), *asked) == BUREAU
    assert first(past, *asked, by_channel=False) == BUREAU
    assert all(duty.channel is None for duty in derive(past, by_channel=False))


def test_the_same_cases_in_another_order_propose_the_same_list():
    past = cases(3, BUREAU) + cases(3, WATER) + cases(2, EAST_OFFICE, (NOISE, ENVIRONMENT))
    assert derive(past) == derive(past[::-1])


@pytest.mark.skipif(not EVENTS.exists(), reason="needs ../shared/data/pingshan2018")
def test_octobers_units_are_named_at_least_as_often_as_by_looking_up_the_majority():
    past = _events()
    known = [case for case in past if case.on < OCTOBER]
    asked = [case for case in past if OCTOBER <= case.on < NOVEMBER]
    lists = {"duties": derive(known), "without channels": derive(known, by_channel=False)}
    found = {which: _hits(_by_duties(duties), asked) for which, duties in lists.items()}
    found["majority"] = baseline = _hits(_by_majority(known), asked)
    for which, (first_choice, among_three) in found.items():
        rows = len(lists.get(which, ()))
        log.info("%s (%d): first choice %.3f, among three %.3f", which, rows, first_choice, among_three)
    assert found["duties"][0] >= baseline[0]
    assert found["duties"][1] >= baseline[1]
    assert found["without channels"][0] >= baseline[0]


def _events():
    """The district's cases whose unit is known. Twins are one unit, under their lowest id."""
    with EVENTS.open(encoding="utf-8-sig") as file:
        rows = [row for row in csv.DictReader(file) if row["DISPOSE_UNIT_ID"] != "-"]
    groups = twins((int(row["DISPOSE_UNIT_ID"]), row["DISPOSE_UNIT_NAME"]) for row in rows)
    one = {unit_id: group[0][0] for group in groups for unit_id, _ in group}
    return [_case(row, one) for row in rows]


def _case(row, one):
    """Ids of different levels overlap: each level has its own thousands. A broken street is no place."""
    levels = (("SUB_TYPE_ID", 20_000), ("MAIN_TYPE_ID", 10_000), ("EVENT_TYPE_ID", 0))
    categories = tuple(int(row[column]) + shift for column, shift in levels if row[column] != "-")
    columns = ("COMMUNITY_ID", "STREET_ID", "DISTRICT_ID") if row["STREET_NAME"] != "-" else ()
    areas = tuple(int(row[column]) for column in columns if row[column] != "-")
    unit_id = int(row["DISPOSE_UNIT_ID"])
    on = date.fromisoformat(row["CREATE_TIME"][:10])
    return Past(categories, areas, row["EVENT_SRC_NAME"], one.get(unit_id, unit_id), on)


def _by_duties(duties):
    index = Index(duties)

    def name(case):
        decision = decide(index, Question(case.categories, case.areas, case.channel))
        return decision.units if decision else []

    return name


def _by_majority(known):
    """Sub-category and street, else sub-category, else main category, else all; then the runners-up."""
    tables = defaultdict(Counter)
    for case in known:
        for key in _falling_back(case):
            tables[key][case.unit_id] += 1
    ranked = {key: [unit_id for unit_id, _ in table.most_common()] for key, table in tables.items()}
    return lambda case: list(dict.fromkeys(chain(*(ranked.get(key, ()) for key in _falling_back(case)))))


def _falling_back(case):
    sub, main, street = case.categories[0], case.categories[1:2], case.areas[1:2]
    return (sub, street), (sub,), (main,), ()


def _hits(name, asked):
    """The shares of cases whose unit is named first, and among the first three."""
    named = [(case.unit_id, name(case)) for case in asked]
    firsts = sum(unit_id in units[:1] for unit_id, units in named)
    threes = sum(unit_id in units[:3] for unit_id, units in named)
    return firsts / len(asked), threes / len(asked)
