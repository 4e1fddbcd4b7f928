"""附议: who has the same to say has a case of their own in the matter, and wakes nobody."""

import pytest

from backend.cases import deadlines, joining, merging
from backend.cases.intake import Report
from backend.cases.models import Channel
from backend.cases.workflow import Action, Status
from backend.errors import NotFound
from backend.notify.messages import Message
from backend.places.roles import Role
from tests.cases.kin_scene import DESK, at_work, report, resident_heard, told_by_the_system
from tests.cases.scene import AT, SOLVED
from tests.factories import make_case, make_category, make_community, make_resident


def words_of(scene, text="我家楼下也这样", **fields):
    """What a resident of their own has to say at the scene's place."""
    place = scene.community
    resident = make_resident(scene.session)
    return Report(text, place.id, place.name, Channel.WEB, resident_id=resident.id, **fields)


def officers_heard(scene, case):
    return {row.message for row in scene.told(case) if row.officer_id is not None}


def test_who_joins_a_matter_has_a_case_of_their_own_in_it(session, scene):
    master, words = at_work(scene), words_of(scene)
    case = merging.join(session, words, master.id, AT)
    assert (case.status, case.master_id, case.resident_id) == (Status.MERGED, master.id, words.resident_id)
    scene.do(master, Action.RESOLVE, Role.HANDLER, **vars(SOLVED))
    late = merging.join(session, words, master.id, AT)
    assert late.status is Status.SUBMITTED  # nothing is lost: it is looked at by itself


def test_nobody_is_woken_by_a_joiner_but_the_matter_says_who_joined(session, scene):
    scene.actor(DESK)
    master = at_work(scene)
    case = merging.join(session, words_of(scene), master.id, AT)
    assert officers_heard(scene, case) == set()
    assert resident_heard(scene, case) == []  # they were answered on the spot
    assert told_by_the_system(scene, master, Action.JOINED)[0][0] == case.number
    assert scene.events(case)[-1].action is Action.JOIN
    assert not deadlines.running(session, case.id)


def test_a_joiner_who_speaks_of_danger_or_comes_too_late_is_heard_as_ever(session, scene):
    scene.actor(DESK)
    master, done = at_work(scene), scene.resolve(report(scene))
    urgent = merging.join(session, words_of(scene, "起火了", urgent=True), master.id, AT)
    assert (urgent.status, master.urgent) == (Status.MERGED, True)
    assert Message.CASE_SUBMITTED in officers_heard(scene, urgent)
    late = merging.join(session, words_of(scene), done.id, AT)
    assert (late.status, officers_heard(scene, late)) == (Status.SUBMITTED, {Message.CASE_SUBMITTED})


def test_who_has_just_reported_joins_with_that_very_case_while_nobody_has_looked_at_it(session, scene):
    master, own, seen = at_work(scene), report(scene), at_work(scene)
    assert merging.join_with(session, own.number, own.resident_id, master.id, AT) is own
    assert (own.status, own.master_id) == (Status.MERGED, master.id)
    assert merging.join_with(session, seen.number, seen.resident_id, master.id, AT) is None
    elsewhere = make_case(session, make_community(session, name="月季社区"))
    fresh = report(scene)
    assert merging.join_with(session, fresh.number, fresh.resident_id, elsewhere.id, AT) is None
    assert merging.join_with(session, fresh.number, fresh.resident_id, fresh.id, AT) is None
    with pytest.raises(NotFound):
        merging.join_with(session, fresh.number, master.resident_id, master.id, AT)
    assert (seen.status, fresh.status) == (Status.IN_PROGRESS, Status.SUBMITTED)


def test_the_matters_of_a_community_are_what_others_reported_there_and_is_open(session, scene):
    category = make_category(session, "路灯不亮")
    case = at_work(scene)
    case.category_id = category.id
    session.flush()
    [matter] = joining.matters(session, scene.community.id, None)
    assert matter.id == case.id
    assert matter.words.startswith("路灯不亮（玉兰社区，")
    assert joining.name_of(session, case.id) == "路灯不亮"
    joiner = merging.join(session, words_of(scene), case.id)
    for resident_id in (case.resident_id, joiner.resident_id):
        assert joining.matters(session, scene.community.id, resident_id) == []
    assert joining.matters(session, None, None) == []
