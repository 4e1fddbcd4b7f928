"""An officer's own messages (我的消息, /console/messages), and what to do when they do not arrive."""

from typing import Any

import sqlalchemy as sa
from flask import Blueprint, g, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from backend import db
from backend.auth import Who, require
from backend.console import outbox_lines
from backend.console.outbox_lines import Line
from backend.notify.models import Contact, Delivery, Held, Notification
from backend.notify.records import NEXT_VISIT
from backend.notify.troubles import DROPPED, HANDED_ON, is_put_off
from backend.times import now, spoken
from backend.web.forms import last_seen

bp = Blueprint("my_messages", __name__, url_prefix="/console/messages")

PAGE = 20
ARRIVED = (Delivery.SENT, Delivery.RECEIVED)
Row = Notification


@bp.get("/")
@require(Who.OFFICER)
def index() -> ResponseReturnValue:
    with db.transaction() as session:
        rows = _rows(session, g.officer_id, last_seen("before"))
        lines = outbox_lines.lines(session, rows)
        facts: dict[str, Any] = {
            "lines": lines,
            "arrived": ARRIVED,
            "follows": _follows(session, g.officer_id),
        }
        facts["put_off"] = _put_off(session, g.officer_id)
        facts["when"] = {line.row.id: _when(line) for line in lines}
    facts["more"] = rows[-1].id if len(rows) == PAGE else None
    whole = "desk/messages_rows.html" if "HX-Request" in request.headers else "desk/messages.html"
    return render_template(whole, **facts)


def _rows(session: Session, officer_id: int, before: int | None) -> list[Notification]:
    """The latest first. What was passed on to somebody else is not theirs any more."""
    left = sa.func.coalesce(Row.error, "").in_((HANDED_ON, DROPPED)) & (Row.status == Delivery.FAILED)
    own = sa.select(Row).where(Row.officer_id == officer_id, ~left)
    if before is not None:
        own = own.where(Row.id < before)
    return list(session.scalars(own.order_by(Row.id.desc()).limit(PAGE)))


def _follows(session: Session, officer_id: int) -> bool:
    """Whether messages can reach the officer in WeChat at all."""
    own = sa.exists().where(Contact.officer_id == officer_id, Contact.follows)
    return bool(session.scalar(sa.select(own)))


def _put_off(session: Session, officer_id: int) -> int:
    """How many messages wait until the officer comes to us: nothing else brings those."""
    own = sa.select(sa.func.count(Row.id)).where(Row.officer_id == officer_id)
    far = (Row.status == Delivery.WAITING, Row.due_at > now() + NEXT_VISIT / 2)
    return session.scalar(own.where(*far)) or 0


def _when(line: Line) -> str:
    """When a message comes that is on its way by itself; empty for any other."""
    row, at = line.row, now()
    if is_put_off(row) or row.status not in (Delivery.WAITING, Delivery.SENDING):
        return ""
    if row.held is Held.OUTAGE:
        return "恢复后马上发，不用您做什么。"
    if row.status is Delivery.SENDING or row.due_at <= at:
        return "正在发，马上就到。"
    return f"{spoken(row.due_at, at)}发到您的微信，不用您做什么。"
