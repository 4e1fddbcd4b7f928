"""Calls to be made to the officers of a street, and what WeCom and text messages leave behind."""

from typing import Any

from backend.notify.messages import Message
from backend.notify.models import Notification
from backend.notify.outbox import NEXT_VISIT
from backend.notify.telephone_models import TelephoneTask
from backend.places.scope import COLUMNS
from backend.times import now


def add_calls(street: Any) -> None:
    """Two calls to the grid officer that wait to be made."""
    marks, officer, place = street.marks, street.people["grid officer"], street.areas["grid"]
    where = {column: getattr(place, column) for column in COLUMNS.values()} | {"place_id": place.id}
    for n in range(2):
        row = street.add(
            Notification(
                key=f"walk:call:{marks.word}:{n}",
                message=Message.CASE_URGED,
                officer_id=officer.id,
                due_at=now() + NEXT_VISIT,
            )
        )
        said = {"words": marks.text("telephone_tasks.words"), "why": marks.text("telephone_tasks.why")}
        task = TelephoneTask(notification_id=row.id, officer_id=officer.id, **said, **where)
        street.book["task_id"].append(street.add(task).id)
