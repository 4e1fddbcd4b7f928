"""To whom a case is suggested when the QR code that was scanned for it names a unit or a sort of matter."""

import pytest

from backend.cases import dispatch, intake
from backend.cases.intake import Report
from backend.cases.models import Channel
from backend.places.models import Unit
from backend.times import now
from tests.cases.duty_scene import make_scene
from tests.factories import make_code, make_resident, make_unit


@pytest.fixture
def scene(session):
    return make_scene(session)


@pytest.fixture
def lift(session, scene):
    """A code on a lift in 玉兰社区: whatever it is scanned for is its maintainers'."""
    code = make_code(session, scene.magnolia)
    code.label = "三栋电梯"
    code.unit_id = make_unit(session, scene.here, name="电梯维保站").id
    session.commit()
    return code


def scan(session, code, place):
    resident, code_id = make_resident(session), code and code.id
    report = Report("没人来修", place.id, place.name, Channel.WEB, resident.id, code_id=code_id)
    return intake.open_case(session, report)


def test_the_unit_of_the_scanned_code_comes_before_the_lists_and_says_why(session, scene, lift):
    case = scan(session, lift, scene.magnolia)
    case.category_id = scene.entries["511"].id
    suggestion = dispatch.suggest(session, case)
    assert suggestion.unit.name == "电梯维保站"
    assert [unit.id for unit in suggestion.others] == [scene.office.id, scene.order.id]
    assert "三栋电梯" in suggestion.why
    assert "占道经营 × 望溪街道" in suggestion.why


def test_the_unit_of_the_code_is_suggested_where_no_list_speaks(session, scene, lift):
    suggestion = dispatch.suggest(session, scan(session, lift, scene.magnolia))
    assert suggestion.unit.name == "电梯维保站"
    assert "职责清单" not in suggestion.why


def test_a_code_for_one_sort_of_matter_files_the_case_there_at_once(session, scene, lift):
    lift.category_id = scene.entries["612"].id
    session.commit()
    assert scan(session, lift, scene.magnolia).category_id == scene.entries["612"].id
    assert scan(session, None, scene.magnolia).category_id is None


def test_a_code_for_one_sort_of_matter_has_no_say_in_another(session, scene, lift):
    lift.category_id = scene.entries["5"].id
    session.commit()
    case = scan(session, lift, scene.magnolia)
    assert dispatch.suggest(session, case).unit.name == "电梯维保站"
    case.category_id = scene.entries["511"].id  # more exactly the same
    assert dispatch.suggest(session, case).unit.name == "电梯维保站"
    case.category_id = scene.entries["612"].id
    assert dispatch.suggest(session, case) is None


def test_a_code_has_no_say_in_what_happened_elsewhere(session, scene, lift):
    case = scan(session, lift, scene.magnolia)
    case.place_id, case.community_id, case.subdistrict_id = scene.pines.id, scene.pines.id, scene.there.id
    assert dispatch.suggest(session, case) is None


def test_a_code_that_is_revoked_later_takes_nothing_back_but_files_nothing_new(session, scene, lift):
    lift.category_id = scene.entries["612"].id
    session.commit()
    case = scan(session, lift, scene.magnolia)
    lift.revoked_at = now()
    session.commit()
    assert dispatch.suggest(session, case).unit.name == "电梯维保站"
    assert scan(session, lift, scene.magnolia).category_id is None


def test_a_closed_unit_leaves_the_word_to_the_list(session, scene, lift):
    case = scan(session, lift, scene.magnolia)
    case.category_id = scene.entries["511"].id
    session.get_one(Unit, lift.unit_id).closed_at = now()
    session.commit()
    suggestion = dispatch.suggest(session, case)
    assert suggestion.unit.id == scene.office.id
    assert "三栋电梯" not in suggestion.why
