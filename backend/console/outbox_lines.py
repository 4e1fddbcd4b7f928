"""Messages as they are read: to whom (masked), about what, why, what was tried, what was done about it.

Every list takes the same few queries, however many messages there are.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.cases.models import CaseEvent
from backend.cases.workflow import RULES
from backend.notify import telephone, troubles
from backend.notify.messages import CATALOGUE
from backend.notify.models import Did, Notification, NotificationChange
from backend.notify.telephone_models import TelephoneTask
from backend.notify.troubles import Tried
from backend.places.models import Officer, Resident
from backend.places.officers import masked_name
from backend.privacy import mask_phone, mask_phones

DID_LABELS = {Did.RESENT: "重新发送", Did.OTHER_CHANNEL: "改用", Did.GIVEN_UP: "决定不再发送"}
NAMELESS = "居民"
CALLED = "已经请人打电话"


@dataclass(frozen=True)
class Done:
    """What somebody decided about a message."""

    change: NotificationChange
    who: str
    what: str


@dataclass(frozen=True)
class Line:
    """A message as it is read."""

    row: Notification
    to: str
    kind: str
    why: str
    tried: Sequence[Tried]
    done: Sequence[Done]
    call: str  # what became of it, where somebody was asked to call; empty where nobody is

    @property
    def error(self) -> str:
        """Why it did not go out; that somebody was asked to call is no reason."""
        said = (self.row.error or "").split("；")
        return "；".join(words for words in said if words != telephone.ASKED)

    @property
    def number(self) -> str:
        """Of the case or order that the message is about; empty for what is about none, or many."""
        says_it = "{number}" in CATALOGUE[self.row.message].text
        return str(self.row.fields.get("number", "")) if says_it else ""

    @property
    def is_of_order(self) -> bool:
        return self.row.message.startswith("order_")

    @property
    def state(self) -> str:
        is_asked = self.call and troubles.is_put_off(self.row)
        return CALLED if is_asked else troubles.state_of(self.row)

    @property
    def channel(self) -> str:
        return troubles.label_of(self.row.channel) if self.row.sent_at else ""

    @property
    def text(self) -> str:
        return mask_phones(troubles.text_of(self.row))


def lines(session: Session, rows: Sequence[Notification]) -> list[Line]:
    """These messages with all names and reasons in them (five queries)."""
    officers = names(session, [row.officer_id for row in rows])
    residents = _residents(session, [row.resident_id for row in rows])
    steps, done = _steps(session, rows), _done(session, [row.id for row in rows])
    calls = _calls(session, rows)
    return [
        Line(
            row=row,
            to=officers.get(row.officer_id or 0) or residents.get(row.resident_id or 0, NAMELESS),
            kind=CATALOGUE[row.message].status,
            why=steps.get(troubles.step_of(row) or 0) or troubles.cause_of(row),
            tried=[one for one in troubles.tried(row) if one.why != telephone.ASKED],
            done=done[row.id],
            call=calls.get(row.id, ""),
        )
        for row in rows
    ]


def names(session: Session, ids: Iterable[int | None]) -> dict[int, str]:
    """The officers' names: colleagues know each other's."""
    found = session.execute(sa.select(Officer.id, Officer.name).where(Officer.id.in_(set(ids) - {None})))
    return {officer_id: name for officer_id, name in found}


def _residents(session: Session, ids: Iterable[int | None]) -> dict[int, str]:
    """Residents as everyone may read them."""
    wanted = sa.select(Resident).where(Resident.id.in_(set(ids) - {None}))
    return {one.id: _masked(one) for one in session.scalars(wanted)}


def _masked(resident: Resident) -> str:
    name = masked_name(resident.name) if resident.name else NAMELESS
    return f"{name} {mask_phone(resident.phone)}" if resident.phone else name


def _steps(session: Session, rows: Sequence[Notification]) -> dict[int, str]:
    """The steps that caused the messages, by their ids."""
    wanted = {troubles.step_of(row) for row in rows} - {None}
    found = session.execute(sa.select(CaseEvent.id, CaseEvent.action).where(CaseEvent.id.in_(wanted)))
    return {event_id: f"办理步骤“{RULES[action].label}”" for event_id, action in found}


def _calls(session: Session, rows: Sequence[Notification]) -> dict[int, str]:
    """Where the calls stand that somebody was asked to make about messages that did not arrive."""
    wanted = [row.id for row in rows if troubles.is_put_off(row) or troubles.has_failed(row)]
    own = sa.select(TelephoneTask).where(TelephoneTask.notification_id.in_(wanted))
    open_calls = session.scalars(own.where(TelephoneTask.done_at.is_(None)))
    return {one.notification_id: _call(one) for one in open_calls}


def _call(task: TelephoneTask) -> str:
    return f"{CALLED}，打过 {task.tries} 次，没有人接" if task.tries else CALLED


def _done(session: Session, ids: Sequence[int]) -> Mapping[int, list[Done]]:
    rows = session.execute(
        sa.select(NotificationChange, Officer.name)
        .join(Officer, Officer.id == NotificationChange.officer_id)
        .where(NotificationChange.notification_id.in_(ids))
        .order_by(NotificationChange.id)
    )
    found: Mapping[int, list[Done]] = defaultdict(list)
    for change, who in rows:
        channel = troubles.label_of(change.channel)
        found[change.notification_id].append(Done(change, who, f"{DID_LABELS[change.action]}{channel}"))
    return found
