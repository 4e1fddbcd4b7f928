"""One tap at the duty desk: accept a case, say what it is about, and send it to its unit, all or nothing."""

from datetime import datetime

from sqlalchemy.orm import Session

from backend.cases import meanwhile, queries, service
from backend.cases.models import Case
from backend.cases.service import Actor
from backend.cases.workflow import WITH_DESK, Action, Given, Status
from backend.times import now


def send(
    session: Session,
    number: str,
    actor: Actor,
    unit_id: int,
    category_id: int | None = None,
    note: str = "",
    at: datetime | None = None,
    seen: int | None = None,
) -> Case:
    """Accept the case if it is new, file it if it is not filed yet and a category is given, and assign it.

    `seen` is the last event that the officer's page showed. Raises as `service.perform` does; Conflict names
    who did what meanwhile. The same again, as a second tap sends it, changes nothing.
    """
    moment = at or now()
    case = service.lock(session, number, actor)
    if _is_sent(session, case, actor, unit_id):
        return case
    meanwhile.check(session, case, actor, seen, WITH_DESK)
    if case.status is Status.SUBMITTED:
        service.perform(session, number, Action.ACCEPT, actor, at=moment)
    if category_id is not None and case.category_id is None:
        service.classify(session, number, actor, category_id, moment)
    given = Given(note=note, unit_id=unit_id)
    return service.perform(session, number, Action.ASSIGN, actor, given, at=moment)


def _is_sent(session: Session, case: Case, actor: Actor, unit_id: int) -> bool:
    """Whether it waits for this very unit because this officer sent it there."""
    if case.status is not Status.ASSIGNED or case.unit_id != unit_id:
        return False
    last = meanwhile.last_move(queries.timeline(session, case))
    return last is not None and (last.action, last.officer_id) == (Action.ASSIGN, actor.officer_id)
