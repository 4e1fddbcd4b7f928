"""What others did to a case since a page was opened: its reader is told who and what, before doing more."""

from collections.abc import Collection

from sqlalchemy.orm import Session

from backend.cases import queries
from backend.cases.models import Case
from backend.cases.queries import Step
from backend.cases.service import Actor
from backend.cases.workflow import RULES, STATUS_LABELS, Action, Status
from backend.errors import Conflict
from backend.times import spoken

# Beside whatever moved the case on: who took it into their own hands, or said that it is another matter.
NEWS = frozenset({Action.CLAIM, Action.CLASSIFY, Action.LOCATE})


def check(
    session: Session, case: Case, actor: Actor, seen: int | None, statuses: Collection[Status]
) -> list[Step]:
    """The case's steps, if it is in one of these statuses and nobody else changed it after event `seen`.

    Raises Conflict, which names who did what.
    """
    steps = queries.timeline(session, case)
    if case.status not in statuses:
        raise Conflict(_told(last_move(steps), case))
    since = [step for step in steps if seen is not None and step.id > seen]
    news = [step for step in since if step.officer_id != actor.officer_id and _is_news(step)]
    if news:
        raise Conflict(_told(news[-1], case))
    return steps


def repeated(session: Session, case: Case, action: Action, actor: Actor, seen: int) -> str | None:
    """What to say if this officer has taken this very step after event `seen`: a second tap. Else None.

    Raises Conflict when the case was moved on instead, by them in another window or by anybody.
    """
    since = (step for step in queries.timeline(session, case) if step.id > seen)
    for step in reversed(list(since)):
        if step.action is action and step.officer_id == actor.officer_id:
            return f"“{RULES[action].label}”已经办好了，不用再点"
        if RULES[step.action].target is not None:
            raise Conflict(_told(step, case))
    return None


def last_move(steps: list[Step]) -> Step | None:
    """The step that brought the case to where it is."""
    return next((step for step in reversed(steps) if RULES[step.action].target is not None), None)


def _is_news(step: Step) -> bool:
    return step.action in NEWS or RULES[step.action].target is not None


def _told(step: Step | None, case: Case) -> str:
    """何静在今天 10:05 已“派单给城管局”，现在是“待签收”，…"""
    status = STATUS_LABELS[case.status]
    if step is None:
        return f"这件事现在是“{status}”，请看清楚再办"
    return f"{step.who}在{spoken(step.at)}已“{step.label}”，现在是“{status}”，请看清楚再办"
