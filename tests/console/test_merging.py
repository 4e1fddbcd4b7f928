"""Merging from the pages of two cases at once: both get an answer, and nobody waits for ever."""

import sqlalchemy as sa
from werkzeug.datastructures import MultiDict

from backend import db
from backend.cases.models import Case
from backend.cases.workflow import Action, Status
from backend.console import tasks
from backend.errors import Conflict
from backend.places.roles import Role
from tests.cases.scene import at_once, committed_scene

__all__ = ["committed_scene"]


def test_two_who_merge_two_cases_into_each_other_both_get_an_answer(committed, committed_scene):
    one, two = (committed_scene.submit() for _ in range(2))
    desk = committed_scene.actor(Role.INFORMATION_OFFICER)
    committed.commit()

    def merge(number, into):
        form = MultiDict({"case": into, "seen": "999999"})
        return lambda session: tasks.take(session, number, Action.MERGE, desk, form, ())

    results = at_once(merge(one.number, two.number), merge(two.number, one.number))
    assert sum(isinstance(result, Conflict) for result in results) == 1
    with db.transaction() as session:
        merged = sa.select(sa.func.count()).where(Case.status == Status.MERGED)
        assert session.scalar(merged) == 1
