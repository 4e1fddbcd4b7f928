"""A district with two streets, units, a small dictionary, and a duty list in force."""

from types import SimpleNamespace

import sqlalchemy as sa

from backend.cases import duties
from backend.cases.duties import Told
from backend.cases.models import Duty
from backend.places.models import Post
from backend.places.roles import Level, Role
from backend.places.scope import COMMAND_LINE, Editor, posts_of
from tests.cases.dictionary import make_dictionary, make_full_dictionary
from tests.factories import make_area, make_officer, make_unit


def editor_of(session, area, role=Role.ADMINISTRATOR):
    officer = make_officer(session, role, area=area)
    return Editor(officer.id, tuple(posts_of(session, officer.id)))


def duties_of(session, duty_list):
    return session.scalars(sa.select(Duty).where(Duty.list_id == duty_list.id).order_by(Duty.id)).all()


def make_scene(session):
    """青岚区 with 望溪街道 (玉兰社区, 石桥社区) and 东岭街道 (松林社区).

    市容环卫 is 城管局's, but 占道经营 in 望溪街道 is its 城管办's."""
    district = make_area(session, name="青岚区", code="440399")
    here = make_area(session, Level.SUBDISTRICT, district, name="望溪街道")
    there = make_area(session, Level.SUBDISTRICT, district, name="东岭街道")
    scene = SimpleNamespace(
        district=district,
        here=here,
        there=there,
        magnolia=make_area(session, Level.COMMUNITY, here, name="玉兰社区"),
        bridge=make_area(session, Level.COMMUNITY, here, name="石桥社区"),
        pines=make_area(session, Level.COMMUNITY, there, name="松林社区"),
        order=make_unit(session, district, name="城管局"),
        water=make_unit(session, district, name="水务局"),
        office=make_unit(session, here, name="城管办"),
        other_office=make_unit(session, there, name="城管办"),
        entries=make_dictionary(session),
        editor=editor_of(session, district),
    )
    scene.duty_list = duties.draft(
        session,
        scene.editor,
        district.id,
        "第一份",
        told(scene, ("5", None, "order"), ("51", "here", "office")),
    )
    duties.switch_on(session, scene.editor, scene.duty_list.id)
    session.commit()
    return scene


def told(scene, *rows):
    """Duties as (code, name of an area or None, name of a unit)."""
    return [
        Told(
            getattr(scene, unit).id,
            scene.entries[code].id if code else None,
            getattr(scene, area).id if area else None,
            source="三定方案",
        )
        for code, area, unit in rows
    ]


def make_full_scene(session, streets=6, communities=4):
    """A district of 24 communities, 4,096 leaves, and a list of 5,265 duties: one for each entry, and a
    street's office for every eighth."""
    entries = make_full_dictionary(session)
    district = make_area(session)
    areas = [make_area(session, Level.SUBDISTRICT, district) for _ in range(streets)]
    for street in areas:
        for _ in range(communities):
            make_area(session, Level.COMMUNITY, street)
    units = [make_unit(session, district) for _ in range(30)]
    offices = [make_unit(session, street) for street in areas]
    rows = [Told(units[i % 30].id, row.id) for i, row in enumerate(entries.values())]
    rows += [
        Told(offices[i % streets].id, row.id, areas[i % streets].id)
        for i, row in enumerate(entries.values())
        if i % 8 == 0
    ]
    duty_list = duties.draft(session, COMMAND_LINE, district.id, "大清单", rows)
    duties.switch_on(session, COMMAND_LINE, duty_list.id)
    session.commit()
    session.execute(sa.text("ANALYZE categories, duties, areas"))
    return SimpleNamespace(district=district, entries=entries, duty_list=duty_list, streets=areas)


def post_of(session, editor):
    return session.scalars(sa.select(Post).where(Post.officer_id == editor.officer_id)).one()
