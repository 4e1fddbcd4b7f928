"""GCJ-02 and WGS-84: known points, the way back, and distances."""

import pytest

from backend.places.positions import distance_m, from_wgs84, to_wgs84

# WGS-84 and the GCJ-02 that published implementations of the formula give for it.
KNOWN = [
    ((39.915, 116.404), (39.91640428150164, 116.41024449916938)),
    ((39.9087, 116.3975), (39.91010349934476, 116.40374357265176)),
    ((22.69, 114.346), (22.68728646481855, 114.35091568214943)),
    ((43.8256, 87.6168), (43.82680539311119, 87.61964994946926)),
]
CITIES = [(22.5431, 114.0579), (31.2304, 121.4737), (39.9087, 116.3975), (47.35, 130.30), (18.25, 109.51)]


@pytest.mark.parametrize(("true", "shown"), KNOWN)
def test_the_push_is_the_published_one(true, shown):
    assert from_wgs84(*true) == pytest.approx(shown, abs=1e-12)


@pytest.mark.parametrize("true", CITIES)
def test_the_way_back_is_exact_to_a_millimetre(true):
    assert distance_m(to_wgs84(*from_wgs84(*true)), true) < 0.001


@pytest.mark.parametrize("true", CITIES)
def test_chinese_maps_lie_some_hundred_metres_off(true):
    assert 50 < distance_m(from_wgs84(*true), true) < 1_000


def test_nothing_is_pushed_outside_the_mainland():
    assert from_wgs84(48.8584, 2.2945) == (48.8584, 2.2945) == to_wgs84(48.8584, 2.2945)


def test_a_degree_of_latitude_is_111_kilometres():
    assert distance_m((30.0, 114.0), (31.0, 114.0)) == pytest.approx(111_195, abs=1)


def test_a_point_is_no_way_from_itself():
    assert distance_m((22.69, 114.346), (22.69, 114.346)) == 0
