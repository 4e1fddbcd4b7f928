"""Beside each step on the page of a case: who was told of it, how, and whether it arrived."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.cases.models import Case
from backend.console import outbox_lines
from backend.notify import telephone, troubles
from backend.notify.models import Delivery, Notification
from backend.times import local

Row = Notification
LAST = "zz"  # behind every name of a message, in every language's order


@dataclass(frozen=True)
class Told:
    """Somebody who was to be told of a step: `says` ends with how, or why not."""

    says: str
    has_failed: bool


def of_case(session: Session, case: Case) -> Mapping[int, list[Told]]:
    """Who was told of each step, by the step's id (two queries)."""
    begins = f"case:{case.id}:"
    own = Row.key.between(begins, begins + LAST) & Row.key.startswith(begins)  # the index, then the letter
    rows = session.scalars(sa.select(Row).where(own).order_by(Row.id)).all()
    officers = outbox_lines.names(session, [row.officer_id for row in rows])
    found: Mapping[int, list[Told]] = defaultdict(list)
    for row in rows:
        if step := troubles.step_of(row):
            who = officers.get(row.officer_id or 0, outbox_lines.NAMELESS)
            found[step].append(Told(_said(row, who), troubles.has_failed(row)))
    return found


def _said(row: Notification, who: str) -> str:
    how, owed_at = troubles.label_of(row.channel), row.created_at
    match row.status:
        case Delivery.RECEIVED:
            return f"已通知{who}（{how}，{_clock(row.received_at, owed_at)}送达）"
        case Delivery.SENT:
            return f"已通知{who}（{how}，{_clock(row.sent_at, owed_at)}发出）"
        case Delivery.FAILED:
            return f"没有送达{who}：{row.error}"
        case Delivery.WAITING if troubles.is_put_off(row) and telephone.ASKED in (row.error or ""):
            return f"还没有送达{who}，{outbox_lines.CALLED}"
        case Delivery.WAITING if troubles.is_put_off(row):
            return f"还没有送达{who}，等对方下次来公众号再发：{row.error}"
        case _:
            return f"正在通知{who}"


def _clock(moment: datetime | None, owed_at: datetime) -> str:
    """10:02; with the day when it is another than that of the step."""
    if moment is None:
        return ""
    is_same_day = local(moment).date() == local(owed_at).date()
    return local(moment).strftime("%H:%M" if is_same_day else "%m-%d %H:%M")
