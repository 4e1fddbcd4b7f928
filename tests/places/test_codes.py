"""Codes of places: one each, random, found again by their scene."""

import re
import threading

import sqlalchemy as sa

from backend import db
from backend.places import codes
from backend.places.models import PlaceCode
from backend.places.roles import Level
from backend.times import now
from tests.factories import make_area, make_code, make_community


def test_every_area_without_a_code_gets_one(session):
    community = make_community(session)
    kept = make_code(session, community)
    assert codes.make_codes(session) == 2  # the district and the street
    assert codes.make_codes(session) == 0
    assert codes.by_scene(session, kept.scene) == community


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
