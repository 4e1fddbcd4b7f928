"""Codes of places: random, signed, found again by their scene, and changed by who may change them."""

import re
import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa
import zxingcpp
from PIL import Image

from backend import db
from backend.config import config
from backend.errors import Conflict, Forbidden, Invalid
from backend.places import code_changes, codes
from backend.places.code_changes import Wish
from backend.places.drawing import draw_png, encode
from backend.places.models import Change, CodeScans, PlaceCode
from backend.places.roles import Carrier, Level, Role
from backend.places.scope import COMMAND_LINE, Editor, posts_of
from backend.times import now
from tests.factories import make_area, make_code, make_community, make_officer, make_unit


def test_every_area_without_a_code_gets_one(session):
    community = make_community(session)
    kept = make_code(session, community)
    assert codes.make_codes(session) == 2  # the district and the street
    assert codes.make_codes(session) == 0
    assert codes.by_scene(session, kept.scene) == community
    noted = session.scalars(sa.select(Change).where(Change.subject == "place_codes")).all()
    assert [(row.officer_id, row.after) for row in noted] == [(None, {"carrier": "account"})] * 2


def test_a_revoked_code_leads_nowhere_and_is_replaced(session):
    community = make_community(session)
    old = make_code(session, community)
    old.revoked_at = now()
    session.commit()
    assert codes.by_scene(session, old.scene) is None
    codes.make_codes(session)
    living = sa.select(PlaceCode.scene).where(
        PlaceCode.area_id == community.id, PlaceCode.revoked_at.is_(None)
    )
    assert codes.by_scene(session, session.scalars(living).one()) == community


def test_an_unknown_scene_leads_nowhere(session):
    assert codes.by_scene(session, "nothing") is None


def test_scenes_are_short_random_and_differ():
    scenes = {codes.random_scene() for _ in range(1000)}
    assert len(scenes) == 1000
    assert all(re.fullmatch(r"[a-z2-7]{16}", scene) for scene in scenes)


def test_two_that_make_codes_at_once_make_one_each(committed):
    make_area(committed)

    def make():
        with db.transaction() as session:
            codes.make_codes(session)

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert committed.scalar(sa.select(sa.func.count()).select_from(PlaceCode)) == 1


def test_a_building_may_have_a_code_too(session):
    building = make_area(session, Level.BUILDING, make_community(session))
    codes.make_codes(session)
    scene = session.scalar(sa.select(PlaceCode.scene).where(PlaceCode.area_id == building.id))
    assert codes.by_scene(session, scene) == building


def test_a_closed_place_gets_no_code(session):
    make_community(session, closed_at=now())
    assert codes.make_codes(session) == 2


def test_what_a_picture_holds_is_signed_and_a_guess_is_not(session):
    code = make_code(session, make_community(session), codes.random_scene())
    signed = codes.payload(code.scene)
    assert codes.scene_in(signed) == codes.scene_in(signed.upper()) == code.scene
    assert codes.by_scene(session, signed).name == "玉兰社区"
    for at in (0, 15, 16, 21):
        wrong = signed[:at] + ("a" if signed[at] != "a" else "b") + signed[at + 1 :]
        assert codes.scene_in(wrong) is None
        assert codes.by_scene(session, wrong) is None


@pytest.mark.parametrize("text", ["", "a", "é" * 22, "\x00", "a" * 5000])
def test_what_was_never_signed_is_nothing(text):
    assert codes.scene_in(text) is None


def test_a_new_sealing_key_leaves_the_codes_on_the_walls_as_they_are():
    before, keys = codes.payload("abcdefghijklmnop"), config.data_keys
    object.__setattr__(config, "data_keys", {2: b"x" * 32, **keys})
    try:
        assert codes.payload("abcdefghijklmnop") == before
    finally:
        object.__setattr__(config, "data_keys", keys)


def test_the_address_makes_a_coarse_code_that_is_read_back(tmp_path):
    text = codes.address(codes.random_scene()).replace(config.public_url, "https://shequ.example.gov.cn")
    assert encode(text).side - 8 <= 33  # version 4 has 33 modules
    (tmp_path / "code.png").write_bytes(draw_png(text))
    [read] = zxingcpp.read_barcodes(Image.open(tmp_path / "code.png").convert("L"))
    assert read.text == text


def test_an_expired_code_leads_nowhere_and_is_found_all_the_same(session):
    community = make_community(session)
    code = make_code(session, community)
    code.expires_at = now() - timedelta(seconds=1)
    session.commit()
    assert codes.by_scene(session, code.scene) is None
    found = codes.find(session, code.scene)
    assert (found.area, found.is_used) == (community, False)


def test_the_code_of_a_closed_place_leads_to_its_successor(session):
    heir = make_community(session, "海棠社区")
    old = make_area(session, Level.COMMUNITY, session.get(type(heir), heir.parent_id), name="老社区")
    code = make_code(session, old)
    old.closed_at, old.successor_id = now(), heir.id
    session.commit()
    assert codes.by_scene(session, code.scene) == heir


def editor_of(session, area):
    officer = make_officer(session, Role.ADMINISTRATOR, area=area)
    return Editor(officer.id, tuple(posts_of(session, officer.id)))


@pytest.fixture
def community(session):
    return make_community(session, latitude=22.7, longitude=114.2)


@pytest.fixture
def editor(session, community):
    return editor_of(session, community)


def changes_of(session, code):
    rows = sa.select(Change).where(Change.subject == "place_codes", Change.subject_id == code.id)
    return [(row.action, row.after) for row in session.scalars(rows.order_by(Change.id))]


def test_a_code_says_where_it_hangs_and_for_whom(session, community, editor):
    unit = make_unit(session, community)
    wish = Wish(label="东门公告栏", unit_id=unit.id, expires_at=now() + timedelta(days=9))
    code, is_new = code_changes.make(session, editor, community.id, Carrier.URL, wish)
    assert is_new
    assert (code.label, code.unit_id, code.carrier, code.ticket) == ("东门公告栏", unit.id, Carrier.URL, None)
    assert codes.text_of(code) == codes.address(code.scene)
    [(action, after)] = changes_of(session, code)
    assert (action, after["label"], after["carrier"]) == ("added", "东门公告栏", "url")


def test_the_same_code_is_not_made_twice_and_another_is(session, community, editor):
    first, _ = code_changes.make(session, editor, community.id, Carrier.URL)
    assert code_changes.make(session, editor, community.id, Carrier.URL) == (first, False)
    gate, is_new = code_changes.make(session, editor, community.id, Carrier.URL, Wish("西门"))
    assert is_new
    assert gate.id != first.id
    assert code_changes.make(session, editor, community.id, Carrier.MINI_PROGRAM)[1]


def test_all_places_of_a_level_get_one_and_who_has_one_keeps_it(session, community, editor):
    buildings = [make_area(session, Level.BUILDING, community) for _ in range(5)]
    make_area(session, Level.BUILDING, community, closed_at=now())
    code_changes.make(session, editor, buildings[0].id, Carrier.URL)
    asked = (session, editor, community.id, Level.BUILDING, Carrier.URL)
    assert code_changes.count_missing(*asked) == 4
    assert code_changes.make_all(*asked) == 4
    assert code_changes.make_all(*asked) == 0
    assert session.scalar(sa.select(sa.func.count(PlaceCode.id))) == 5
    assert session.scalar(sa.select(sa.func.count(Change.id))) == 5


def test_a_change_is_recorded_with_before_and_after_and_the_scene_stays(session, community, editor):
    code, _ = code_changes.make(session, editor, community.id, Carrier.URL, Wish("东门"))
    scene = code.scene
    code_changes.change(session, editor, code.id, Wish("西门"))
    assert (code.label, code.scene) == ("西门", scene)
    assert changes_of(session, code)[1] == ("changed", {"label": "西门"})


def test_revoking_is_undone_and_both_are_on_the_record(session, community, editor):
    code, _ = code_changes.make(session, editor, community.id, Carrier.URL)
    code_changes.revoke(session, editor, code.id)
    assert codes.by_scene(session, code.scene) is None
    with pytest.raises(Conflict, match="已经停用"):
        code_changes.revoke(session, editor, code.id)
    code_changes.unrevoke(session, editor, code.id)
    assert codes.by_scene(session, code.scene) == community
    with pytest.raises(Conflict, match="不用恢复"):
        code_changes.unrevoke(session, editor, code.id)
    assert [action for action, _ in changes_of(session, code)] == ["added", "closed", "reopened"]


@pytest.mark.parametrize(
    ("wish", "sentence"),
    [
        (Wish("长" * 41), "最多 40 个字"),
        (Wish(expires_at=now() - timedelta(days=1)), "到期日已经过去"),
        (Wish(unit_id=999_999), "没有这个单位"),
    ],
)
def test_what_a_code_cannot_say_is_refused_with_the_cure(session, community, editor, wish, sentence):
    with pytest.raises(Invalid, match=sentence):
        code_changes.make(session, editor, community.id, Carrier.URL, wish)


def test_a_closed_place_gets_no_new_code_and_its_old_one_does_not_come_back(session, community, editor):
    code, _ = code_changes.make(session, editor, community.id, Carrier.URL)
    code_changes.revoke(session, editor, code.id)
    community.closed_at = now()
    session.flush()
    with pytest.raises(Conflict, match="地点已经停用"):
        code_changes.make(session, editor, community.id, Carrier.URL)
    with pytest.raises(Conflict, match="先恢复地点"):
        code_changes.unrevoke(session, editor, code.id)


def test_the_administrator_of_a_neighbouring_street_changes_nothing_here(session, community):
    street = make_area(session, Level.SUBDISTRICT, session.get(type(community), community.district_id))
    neighbour = editor_of(session, street)
    make_area(session, Level.BUILDING, make_area(session, Level.COMMUNITY, street))
    code, _ = code_changes.make(session, COMMAND_LINE, community.id, Carrier.URL)
    for forbidden in (
        lambda: code_changes.make(session, neighbour, community.id, Carrier.URL),
        lambda: code_changes.make_all(session, neighbour, community.id, Level.COMMUNITY, Carrier.URL),
        lambda: code_changes.count_missing(session, neighbour, community.id, Level.COMMUNITY, Carrier.URL),
        lambda: code_changes.change(session, neighbour, code.id, Wish("x")),
        lambda: code_changes.revoke(session, neighbour, code.id),
        lambda: code_changes.unrevoke(session, neighbour, code.id),
    ):
        with pytest.raises(Forbidden):
            forbidden()
    assert session.scalar(sa.select(sa.func.count(PlaceCode.id))) == 1
    assert code.label is None


@pytest.mark.parametrize("is_bulk", [False, True])
def test_two_who_make_codes_for_a_place_at_once_make_one(committed, is_bulk):
    area = make_area(committed)

    def make():
        with db.transaction() as session:
            if is_bulk:
                code_changes.make_all(session, COMMAND_LINE, area.id, Level.DISTRICT, Carrier.URL)
            else:
                code_changes.make(session, COMMAND_LINE, area.id, Carrier.URL)

    together(*[make] * 4)
    assert committed.scalar(sa.select(sa.func.count(PlaceCode.id))) == 1


def together(*calls):
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_scans_at_once_are_all_counted(committed):
    code = make_code(committed, make_area(committed))

    def scan():
        with db.transaction() as session:
            codes.count(session, code.id, scans=1)

    together(*[scan] * 8)
    row = committed.scalars(sa.select(CodeScans)).one()
    assert (row.scans, row.far, row.day) == (8, 0, codes.today())


@pytest.mark.parametrize(("north", "is_far"), [(0.0, False), (0.0044, False), (0.0046, True)])
def test_half_a_kilometre_from_its_place_is_far(session, community, north, is_far):
    code = make_code(session, community)
    assert codes.note_position(session, code.id, (22.7 + north, 114.2)) is is_far
    assert (session.scalar(sa.select(sa.func.sum(CodeScans.far))) or 0) == int(is_far)


def test_nothing_is_far_from_a_place_without_a_position(session):
    code = make_code(session, make_area(session))
    assert not codes.note_position(session, code.id, (22.7, 114.2))
