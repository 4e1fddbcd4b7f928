"""Owing messages about a case: to whom its audiences are, with what a message may say."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from backend.cases import audience, deadlines
from backend.cases.deadline_models import Clock
from backend.cases.intake import summary
from backend.cases.models import Case, CaseEvent
from backend.cases.workflow import Action, Audience, Rule, Status
from backend.notify import service as notify
from backend.notify.messages import Message
from backend.places.models import Area, Unit
from backend.times import spoken, stamp

# What these messages ask for has a clock of its own; the others speak of whichever runs out first.
UNTIL = {
    Message.CASE_SUBMITTED: Clock.ACCEPT,
    Message.CASE_ASSIGNED: Clock.ACKNOWLEDGE,
    Message.CASE_ARBITRATED: Clock.ACKNOWLEDGE,
}
BARE = ("没有解决", "不满意")  # verdicts of which nobody has said why
WHY_INSIDE = "，说了原因的话，点开能看到"


def tell_all(
    session: Session, case: Case, rule: Rule, event: CaseEvent, at: datetime, former_unit_id: int | None
) -> None:
    """Owe what the row says, but nothing to whoever took the step: they were answered on the spot."""
    for who, message in rule.tells:
        if who is Audience.RESIDENT and event.resident_id is not None:
            continue
        note = "" if who is Audience.RESIDENT and not event.public else _note(event)
        cause = f"{message}:{event.id}"
        tell(
            session,
            case,
            who,
            message,
            cause,
            note=note,
            at=at,
            but=event.officer_id,
            former_unit_id=former_unit_id,
        )


def _note(event: CaseEvent) -> str:
    """Who says in chat that nothing is solved is asked why, and may answer a moment after this message."""
    is_bare = event.action is Action.REOPEN and event.resident_id is not None and event.note in BARE
    return f"{event.note}{WHY_INSIDE}" if is_bare else event.note


def tell(
    session: Session,
    case: Case,
    who: Audience,
    message: Message,
    cause: str,
    *,
    note: str,
    at: datetime,
    but: int | None = None,
    former_unit_id: int | None = None,
) -> None:
    """Owe one message about a case to everyone in the audience but one. `cause` makes it owed once."""
    key = f"case:{case.id}:{cause}"
    residents = [case.resident_id] if who is Audience.RESIDENT and case.resident_id is not None else []
    found = [] if who is Audience.RESIDENT else _officers(session, case, who, former_unit_id)
    officers = [officer for officer in found if officer != but]
    if residents or officers:
        fields = fields_of(session, case, note, at) | _until(session, case, message, at)
        notify.owe(session, message, key, fields, officers=officers, residents=residents)


def _officers(session: Session, case: Case, who: Audience, former_unit_id: int | None) -> list[int]:
    """Those who have a merged case are those who have the one it was merged into."""
    if who is not Audience.FORMER_UNIT:
        is_merged = case.status is Status.MERGED and case.master_id is not None
        return audience.officers(session, who, case.master_id if is_merged and case.master_id else case.id)
    if former_unit_id in (None, case.unit_id):
        return []
    assert former_unit_id is not None
    return audience.of_unit(session, former_unit_id)


def _until(session: Session, case: Case, message: Message, at: datetime) -> dict[str, str]:
    """By when what the message asks for is to be done; another clock may run out before it."""
    clock = UNTIL.get(message)
    due_at = deadlines.until(session, case, clock) if clock else None
    return {"until": spoken(due_at, at)} if due_at else {}


def fields_of(session: Session, case: Case, note: str, at: datetime) -> dict[str, Any]:
    """What a message about this case may say (see notify/messages.py)."""
    unit = session.get(Unit, case.unit_id) if case.unit_id else None
    return {
        "number": case.number,
        "urgent": "1" if case.urgent else "",
        "place": session.get_one(Area, case.place_id).name,
        "area": str(case.place_id),
        "summary": summary(case.report),
        "at": stamp(at),
        "until": spoken(case.due_at, at) if case.due_at else "",
        "note": note,
        "answer": case.answer or "",
        "who": unit.name if unit else "工作人员",
    }
