"""One tap at the duty desk: accept a case, say what it is about, and send it to its unit, all or nothing."""

from datetime import datetime

from sqlalchemy.orm import Session

from backend.cases import dispatch, queries, service
from backend.cases.models import Case
from backend.cases.queries import Step
from backend.cases.service import Actor
from backend.cases.workflow import RULES, STATUS_LABELS, WITH_DESK, Action, Given, Status
from backend.errors import Conflict, NotFound
from backend.places import queries as places
from backend.times import now, spoken

# What another did since the page was opened that its reader has to know before sending: whatever moved the
# case on, and who took it into their own hands or said that it is about something else.
NEWS = frozenset({Action.CLAIM, Action.CLASSIFY, Action.LOCATE})


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
    _check_meanwhile(session, case, actor, seen)
    if case.status is Status.SUBMITTED:
        service.perform(session, number, Action.ACCEPT, actor, at=moment)
    if category_id is not None and case.category_id is None:
        service.classify(session, number, actor, category_id, moment)
    _must_serve(session, case, unit_id)
    given = Given(note=note, unit_id=unit_id)
    return service.perform(session, number, Action.ASSIGN, actor, given, at=moment)


def _is_sent(session: Session, case: Case, actor: Actor, unit_id: int) -> bool:
    """Whether it waits for this very unit because this officer sent it there."""
    if case.status is not Status.ASSIGNED or case.unit_id != unit_id:
        return False
    last = _last_move(queries.timeline(session, case))
    return last is not None and (last.action, last.officer_id) == (Action.ASSIGN, actor.officer_id)


def _check_meanwhile(session: Session, case: Case, actor: Actor, seen: int | None) -> None:
    steps = queries.timeline(session, case)
    if case.status not in WITH_DESK:
        raise Conflict(_told(_last_move(steps), case))
    since = [step for step in steps if seen is not None and step.id > seen]
    news = [step for step in since if step.officer_id != actor.officer_id and _is_news(step)]
    if news:
        raise Conflict(_told(news[-1], case))


def _is_news(step: Step) -> bool:
    return step.action in NEWS or RULES[step.action].target is not None


def _last_move(steps: list[Step]) -> Step | None:
    return next((step for step in reversed(steps) if RULES[step.action].target is not None), None)


def _told(step: Step | None, case: Case) -> str:
    """何静在今天 10:05 已“派单给城管局”，现在是“待签收”，…"""
    status = STATUS_LABELS[case.status]
    if step is None:
        return f"这件事现在是“{status}”，请看清楚再办"
    return f"{step.who}在{spoken(step.at)}已“{step.label}”，现在是“{status}”，请看清楚再办"


def _must_serve(session: Session, case: Case, unit_id: int) -> None:
    """A unit of the case's places, or one that the duty list or the scanned code names for it."""
    if unit_id in {unit.id for unit in places.units_serving(session, case)}:
        return
    found = dispatch.suggest(session, case)
    if found is None or unit_id not in {unit.id for unit in (found.unit, *found.others)}:
        raise NotFound("这个单位不管这个地方，或者已经撤销，请重新选择")
