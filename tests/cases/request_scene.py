"""What the tests of more time start from: a case in hand, and who asks and decides."""

import sqlalchemy as sa

from backend.cases import time_requests
from backend.cases.deadline_models import Clock
from backend.cases.time_requests import Wish
from backend.cases.workflow import Action
from backend.notify.models import Notification
from backend.places.roles import Role
from tests.cases.clock_scene import DAY, HOUR
from tests.cases.scene import AT

A, C = Action, Clock
PROOF = "ab" * 32  # the sha256 of a photo


def in_progress(scene, at=AT):
    """A case that its unit has signed for, with whom the resident has spoken already."""
    case = scene.submit(at)
    scene.do(case, A.ACCEPT, Role.INFORMATION_OFFICER, at)
    scene.do(case, A.ASSIGN, Role.DISPATCHER, at, unit_id=scene.unit.id)
    scene.do(case, A.ACKNOWLEDGE, Role.HANDLER, at)
    return scene.do(case, A.FIRST_CONTACT, Role.HANDLER, at, note="已经打过电话")


def ask_pause(scene, case, at=AT + HOUR, days=2, **fields):
    wish = Wish(C.RESOLVE, "等配件到货", until_at=at + days * DAY, proof=PROOF, **fields)
    return time_requests.ask_pause(scene.session, case.number, scene.actor(Role.HANDLER), wish, at)


def ask_extension(scene, case, at=AT + HOUR, minutes=24 * 60):
    wish = Wish(C.RESOLVE, "需要开挖路面", minutes=minutes, proof=PROOF)
    return time_requests.ask_extension(scene.session, case.number, scene.actor(Role.HANDLER), wish, at)


def decide(scene, case, change, at, is_granted=True, words="", role=Role.SUPERVISOR):
    actor = scene.actor(role)
    return time_requests.decide(
        scene.session, case.number, actor, change.id, is_granted=is_granted, words=words, at=at
    )


def owed(session, message):
    return session.scalars(sa.select(Notification).where(Notification.message == message)).all()
