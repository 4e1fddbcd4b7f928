"""Which area an operator means by a code, a name or a path."""

import pytest

from backend.errors import Invalid, NotFound
from backend.places import naming
from backend.places.models import Area
from backend.places.roles import Level, Role
from backend.places.scope import Editor, posts_of
from backend.times import now
from tests.factories import make_area, make_community, make_officer


@pytest.fixture
def community(session):
    return make_community(session)


def editor_at(session, area):
    officer = make_officer(session, Role.ADMINISTRATOR, area=area)
    return Editor(officer.id, tuple(posts_of(session, officer.id)))


@pytest.mark.parametrize("words", ["玉兰社区", "青岚区/望溪街道/玉兰社区", " 玉兰社区 ", "440309001"])
def test_a_place_is_known_by_name_path_or_code(session, community, words):
    community.code = "440309001"
    session.flush()
    assert naming.the_one(session, words).id == community.id


def test_a_station_is_known_by_its_name_alone(session, community):
    gate = make_area(session, Level.STATION, community, name="玉兰苑东门")
    assert naming.the_one(session, "玉兰苑东门").id == gate.id


def test_a_community_is_meant_rather_than_a_station_of_the_same_name(session, community):
    make_area(session, Level.STATION, community, name="玉兰社区")
    assert naming.the_one(session, "玉兰社区").id == community.id


def test_several_of_one_name_need_their_path(session, community):
    street = session.get_one(Area, community.subdistrict_id)
    other = make_area(session, Level.COMMUNITY, street, name="海棠社区")
    for above in (community, other):
        make_area(session, Level.GRID, above, name="一网格")
    with pytest.raises(Invalid, match=r"有 2 个地点叫“一网格”.*海棠社区/一网格（没有编码）"):
        naming.the_one(session, "一网格")
    assert naming.the_one(session, "青岚区/望溪街道/海棠社区/一网格").parent_id == other.id


def test_of_many_namesakes_the_first_are_listed(session, community):
    for _ in range(naming.SHOWN + 1):
        make_area(session, Level.GRID, make_area(session, Level.ZONE, community), name="一网格")
    with pytest.raises(Invalid, match="有很多地点叫") as refusal:
        naming.the_one(session, "一网格")
    assert refusal.value.message.count("没有编码") == naming.SHOWN


def test_of_namesakes_an_editor_means_their_own_and_hears_of_no_other(session, community):
    for name in ("甲区", "乙区", "丙区"):
        make_area(session, Level.COMMUNITY, make_area(session, name=name), name="海棠社区")
    own = make_area(
        session, Level.COMMUNITY, session.get_one(Area, community.subdistrict_id), name="海棠社区"
    )
    assert naming.the_one(session, "海棠社区", editor_at(session, own)).id == own.id
    with pytest.raises(NotFound):
        naming.the_one(session, "海棠社区", editor_at(session, community))


def test_what_is_an_editors_own_is_meant_before_what_is_larger_elsewhere(session, community):
    make_area(session, Level.COMMUNITY, make_area(session, name="丹枫区"), name="东门")
    gate = make_area(session, Level.GRID, community, name="东门")
    street = session.get_one(Area, community.subdistrict_id)
    assert naming.the_one(session, "东门", editor_at(session, street)).id == gate.id


def test_no_more_namesakes_are_read_than_are_shown(session, community):
    for _ in range(naming.SHOWN + 3):
        make_area(session, Level.GRID, make_area(session, Level.ZONE, community), name="1栋")
    assert len(naming.called(session, "1栋")) == naming.SHOWN + 1
    make_area(session, Level.COMMUNITY, make_area(session, name="丹枫区"), name="1栋")
    assert [area.level for area in naming.called(session, "1栋")] == [Level.COMMUNITY]


def test_a_closed_or_unknown_place_is_not_found(session, community):
    community.closed_at = now()
    session.flush()
    for words in ("玉兰社区", "没有的地方", "青岚区/没有"):
        with pytest.raises(NotFound, match="没有找到地点"):
            naming.the_one(session, words)
