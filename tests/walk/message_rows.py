"""Messages of a street that did not arrive: about its cases and orders, and about neither."""

from datetime import timedelta
from typing import Any

from backend.notify.messages import Message
from backend.notify.models import Delivery, Did, Notification, NotificationChange
from backend.notify.outbox import NEXT_VISIT
from backend.times import now

HOUR = timedelta(hours=1)


def add_messages(street: Any) -> None:
    """Three failed, one waits for a visit, one has no receipt, one is late."""
    marks, book = street.marks, street.book
    officer, resident = {"officer_id": street.people["desk"].id}, {"resident_id": street.residents[0].id}
    failed = {"status": Delivery.FAILED, "attempts": 9, "due_at": now() - HOUR}
    put_off = {"due_at": now() + NEXT_VISIT}
    sent = {"status": Delivery.SENT, "sent_at": now() - 2 * HOUR, "channel": "wechat_template"}
    rows = (
        (Message.CASE_PROGRESS, resident, {"number": book["number"][0]}, failed),
        (Message.ORDER_URGED, officer, {"number": book["order_number"][0]}, failed),
        (Message.CASE_URGED, officer, {}, failed),
        (Message.CASE_URGED, officer, {"number": book["number"][0]}, put_off),
        (Message.CASE_URGED, officer, {"number": book["number"][0]}, sent | {"provider_id": marks.word}),
        (Message.CASE_URGED, officer, {"number": book["number"][0]}, {"due_at": now() - HOUR}),
    )
    for n, (message, to, fields, state) in enumerate(rows):
        told = {"fields": fields | {"note": marks.text("notifications.note")}}
        why = {"error": marks.text("notifications.error")}
        tried = [
            {"channel": "wechat_chat", "why": marks.text("notifications.rungs"), "at": "2026-11-20 10:00"}
        ]
        key = f"walk:{marks.word}:{n}"
        row = Notification(key=key, message=message, rungs=tried, **to | told | why | state)
        book["message_id"].append(street.add(row).id)
    change = {"officer_id": street.people["supervisor"].id, "action": Did.RESENT}
    reason = marks.text("notification_changes.reason")
    street.add(NotificationChange(notification_id=book["message_id"][0], reason=reason, **change))
