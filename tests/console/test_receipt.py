"""The receipt as a part of the officers' page of a case."""

from backend.cases import sealing
from backend.console.receipt_sections import SECTIONS
from tests.cases.scene import make_scene


def test_officers_read_the_receipt_once_the_first_step_is_sealed(session):
    scene = make_scene(session)
    case = scene.submit()
    [section] = SECTIONS
    assert section.facts(session, case, None) is None
    sealing.seal(session, 0)
    assert section.facts(session, case, None)["receipt"].steps == 1
