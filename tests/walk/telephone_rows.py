"""Calls to be made to the officers of a street and to a resident, with what the chat answered them."""

from typing import Any

import sqlalchemy as sa

from backend.notify.messages import Message
from backend.notify.models import Contact, Notification
from backend.notify.outbox import NEXT_VISIT
from backend.notify.telephone_models import TelephoneTask
from backend.places.scope import COLUMNS
from backend.times import now
from backend.wechat.models import InboundMessage


def add_calls(street: Any) -> None:
    """Two calls to the grid officer and one to a resident that wait to be made."""
    officer, resident = street.people["grid officer"], street.residents[0]
    result = {"fields": {"number": street.book["number"][2]}}  # which is resolved
    _add_call(street, Message.CASE_URGED, officer_id=officer.id)
    _add_call(street, Message.CASE_URGED, officer_id=officer.id)
    _add_call(street, Message.CASE_RESOLVED, resident_id=resident.id, **result)
    contact = sa.select(Contact.id).where(Contact.resident_id == resident.id)
    reply = f"编号 {street.book['number'][2]}：{street.marks.text('inbound_messages.reply')}"
    heard = {"dedupe_key": f"{street.marks.word}:reply", "kind": "text", "content": {}, "reply": reply}
    street.add(InboundMessage(contact_id=street.session.scalars(contact).first(), **heard))


def _add_call(street: Any, message: Message, **to: Any) -> None:
    marks, place, key = street.marks, street.areas["grid"], f"walk:call:{street.marks.word}"
    key = f"{key}:{len(street.book['task_id'])}"
    row = street.add(Notification(key=key, message=message, due_at=now() + NEXT_VISIT, **to))
    where = {column: getattr(place, column) for column in COLUMNS.values()} | {"place_id": place.id}
    said = {"words": marks.text("telephone_tasks.words"), "why": marks.text("telephone_tasks.why")}
    officer_id = to.get("officer_id")
    task = TelephoneTask(notification_id=row.id, officer_id=officer_id, **said, **where)
    street.book["task_id"].append(street.add(task).id)
