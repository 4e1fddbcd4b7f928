"""Cases of several residents at a scene's place, and what is heard of them: for what hangs together."""

from backend.cases.workflow import Action
from backend.places.roles import Role
from tests.factories import make_resident

DESK = Role.INFORMATION_OFFICER


def report(scene, **fields):
    """A case of a resident of its own, as it is submitted."""
    return scene.submit(resident_id=make_resident(scene.session).id, **fields)


def at_work(scene, **fields):
    """A case of a resident of its own that the unit has signed for."""
    case = report(scene, **fields)
    scene.do(case, Action.ACCEPT, DESK)
    scene.do(case, Action.ASSIGN, DESK, unit_id=scene.unit.id)
    return scene.do(case, Action.ACKNOWLEDGE, Role.HANDLER)


def resident_heard(scene, case):
    return [row.message for row in scene.told(case) if row.resident_id == case.resident_id]


def told_by_the_system(scene, case, action):
    steps = [step for step in scene.events(case) if step.action is action and step.role is Role.SYSTEM]
    return [(step.note, step.public, step.to_status) for step in steps]
