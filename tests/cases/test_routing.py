"""The duty list: who answers, why, and what is wrong with a list."""

import pytest

from backend.cases.routing import (
    Alike,
    Comparison,
    Decision,
    Difference,
    Duty,
    Gap,
    Index,
    Question,
    compare,
    dead,
    decide,
    gaps,
    overlaps,
)

DISTRICT, EAST, WEST, WILLOW, PINE, MAPLE = 1, 2, 3, 21, 22, 31
STREETS, STALLS, NOISE, SITE_NOISE = 10, 11, 20, 21
BUREAU, OFFICE, WATER, GONE = 101, 102, 103, 199

NAMES = {
    ("category", STALLS): "占道经营",
    ("category", STREETS): "市容环卫",
    ("area", DISTRICT): "全区",
    ("area", EAST): "东河街道",
    ("channel", "hotline"): "热线",
    ("unit", BUREAU): "城市管理局",
    ("unit", OFFICE): "城管办（东河街道办事处）",
    ("unit", WATER): "水务局",
}

ASKED = Question((STALLS, STREETS), (WILLOW, EAST, DISTRICT), "hotline")


def name(kind, which):
    return NAMES[kind, which]


def decided(*duties, question=ASKED):
    return decide(Index(duties), question)


# The most specific first: each of these beats all that follow.
ORDER = [
    (STALLS, WILLOW, "hotline"),
    (STALLS, WILLOW, None),
    (STALLS, EAST, "hotline"),
    (STALLS, EAST, None),
    (STALLS, DISTRICT, None),
    (STALLS, None, "hotline"),
    (STALLS, None, None),
    (STREETS, WILLOW, "hotline"),
    (STREETS, WILLOW, None),
    (STREETS, None, None),
    (None, WILLOW, None),
    (None, EAST, None),
    (None, None, "hotline"),
    (None, None, None),
]


@pytest.mark.parametrize("at", range(len(ORDER)))
def test_the_most_specific_duty_wins_and_the_rest_follow_in_order(at):
    keys = ORDER[at:]
    duties = [Duty(90 - place, 200 + place, *key) for place, key in enumerate(keys)]
    decision = decided(*reversed(duties))
    assert (decision.duty, *decision.beaten) == tuple(duties)


@pytest.mark.parametrize(
    "key",
    [
        (NOISE, None, None),
        (None, PINE, None),
        (None, WEST, None),
        (None, None, "wechat"),
        (STALLS, EAST, "wechat"),
    ],
)
def test_a_duty_for_something_else_does_not_answer(key):
    assert decided(Duty(1, BUREAU, *key)) is None


def test_without_a_channel_only_duties_for_any_channel_answer():
    asked = ASKED._replace(channel=None)
    assert decided(Duty(1, BUREAU, STALLS, channel="hotline"), question=asked) is None
    assert decided(Duty(1, BUREAU, STALLS), question=asked).duty.unit_id == BUREAU


def test_a_case_without_category_or_place_goes_by_what_is_known():
    anywhere = Duty(1, BUREAU, STREETS)
    whatever = Duty(2, OFFICE, None, EAST)
    assert decided(anywhere, whatever, question=Question((STREETS,), ())).duty == anywhere
    assert decided(anywhere, whatever, question=Question((), (WILLOW, EAST, DISTRICT))).duty == whatever
    assert decided(anywhere, whatever, question=Question((), ())) is None


def test_the_next_choices_are_other_units_each_once():
    chain = [
        Duty(1, OFFICE, STALLS, EAST),
        Duty(2, OFFICE, STALLS),
        Duty(3, BUREAU, STREETS),
        Duty(4, OFFICE),
    ]
    assert decided(*chain).units == [OFFICE, BUREAU]


def test_of_two_duties_for_the_same_the_first_wins_and_it_is_said():
    decision = decided(Duty(8, BUREAU, STALLS, EAST), Duty(7, OFFICE, STALLS, EAST), Duty(9, WATER))
    assert decision.units == [OFFICE, BUREAU, WATER]
    assert [duty.id for duty in decision.overlapping] == [8]
    assert "同样的职责还写给了城市管理局，这里按登记在先的，请核对职责清单" in decision.why(name)


def test_the_same_duty_twice_is_no_overlap():
    assert decided(Duty(1, OFFICE, STALLS), Duty(2, OFFICE, STALLS)).overlapping == ()


@pytest.mark.parametrize(
    ("duties", "said"),
    [
        (
            [Duty(1, OFFICE, STALLS, EAST), Duty(2, BUREAU, STALLS, DISTRICT)],
            "按“占道经营 × 东河街道”的职责，派给城管办（东河街道办事处）；"
            "比“占道经营 × 全区”（城市管理局）更具体",
        ),
        (
            [Duty(1, OFFICE, STALLS, EAST, "hotline"), Duty(2, OFFICE, STREETS)],
            "按“占道经营 × 东河街道 × 热线”的职责，派给城管办（东河街道办事处）；"
            "“市容环卫 × 任何地点”的职责也是派给它",
        ),
        ([Duty(1, BUREAU)], "按“任何类别 × 任何地点”的职责，派给城市管理局"),
    ],
)
def test_a_decision_says_why_in_words_an_officer_knows(duties, said):
    assert decided(*duties).why(name) == said


def test_overlaps_are_found_in_the_list_itself():
    same = Duty(5, BUREAU, STALLS, EAST), Duty(2, OFFICE, STALLS, EAST)
    others = Duty(1, BUREAU, STALLS), Duty(3, BUREAU, STREETS), Duty(4, BUREAU, STREETS)
    assert overlaps([*same, *others]) == [(same[1], same[0])]


LEAVES = [(STALLS, STREETS), (SITE_NOISE, NOISE)]
PLACES = [(WILLOW, EAST, DISTRICT), (PINE, EAST, DISTRICT), (MAPLE, WEST, DISTRICT)]


@pytest.mark.parametrize(
    ("duties", "found"),
    [
        ([], [(STALLS, DISTRICT), (SITE_NOISE, DISTRICT)]),
        ([Duty(1, BUREAU)], []),
        ([Duty(1, BUREAU, channel="hotline"), Duty(2, BUREAU, NOISE)], [(STALLS, DISTRICT)]),
        ([Duty(1, BUREAU, NOISE), Duty(2, OFFICE, STREETS, WEST)], [(STALLS, EAST)]),
        ([Duty(1, BUREAU, NOISE), Duty(2, OFFICE, STALLS, WILLOW)], [(STALLS, PINE), (STALLS, WEST)]),
    ],
)
def test_a_gap_is_told_once_at_the_highest_area_it_fills(duties, found):
    assert gaps(LEAVES, PLACES, Index(duties)) == [Gap(*gap) for gap in found]


def test_a_duty_that_names_what_is_no_more_is_found_with_its_cures():
    well = Duty(1, BUREAU, STALLS, EAST, assisting=(OFFICE,))
    broken = Duty(2, GONE, GONE, GONE, assisting=(OFFICE, GONE))
    half = Duty(3, BUREAU, area_id=GONE)
    found = dead([well, broken, half], {BUREAU, OFFICE}, {STALLS}, {EAST})
    assert found == [
        (
            broken,
            "责任单位已停用或不存在，请改为现在的单位；协办单位已停用或不存在，请去掉或更换；"
            "类别已停用或不存在，请改为现在的类别；地点已停用或不存在，请改为现在的地点",
        ),
        (half, "地点已停用或不存在，请改为现在的地点"),
    ]


def test_two_lists_are_compared_on_past_cases():
    stalls, noise = Duty(1, BUREAU, STALLS), Duty(2, BUREAU, NOISE)
    moved, added = Duty(1, OFFICE, STALLS), Duty(3, WATER, None, WEST)
    at_east, at_west = (EAST, DISTRICT), (WEST, DISTRICT)
    past = [
        Alike(1, Question((STALLS,), at_east), OFFICE),
        Alike(2, Question((NOISE,), at_east), BUREAU, 2),
        Alike(3, Question((SITE_NOISE,), at_west), WATER),
        Alike(4, Question((SITE_NOISE,), at_east), WATER, 3),
    ]
    counts, differences = compare(Index([stalls, noise]), Index([moved, added]), past)
    assert counts == Comparison(
        same=3, changed=1, newly_answered=1, no_longer_answered=2, agreed_before=2, agreed_after=2
    )
    assert differences == [
        Difference(1, Decision(stalls), Decision(moved), OFFICE),
        Difference(2, Decision(noise), None, BUREAU, 2),
        Difference(3, None, Decision(added), WATER),
    ]


def test_another_duty_that_names_the_same_unit_is_no_difference():
    past = [Alike(1, ASKED, BUREAU)]
    counts, differences = compare(Index([Duty(1, BUREAU)]), Index([Duty(2, BUREAU, STALLS)]), past)
    assert (counts.same, counts.agreed_before, counts.agreed_after) == (1, 1, 1)
    assert differences == []
