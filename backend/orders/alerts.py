"""Owing messages about an order: what goes to units is one statement for all their people.

Each reads the task and the time of their own unit.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.broker import nudge
from backend.cases import audience
from backend.cases.intake import summary, write_json
from backend.db import after_commit
from backend.notify import service as notify
from backend.notify.messages import Message, haste
from backend.notify.tasks import deliver
from backend.orders.models import Order, OrderEvent, OrderUnit
from backend.orders.workflow import BOUND, UNREPORTED, Audience, PartStatus, Rule
from backend.times import spoken, stamp

# The secretaries of the community; where it has none at hand, those above and the dispatchers, who find one.
APPROVERS: LiteralString = f"""
    SELECT DISTINCT officer_id FROM (
        SELECT p.officer_id, is_own, bool_or(is_own) OVER () AS has_own
        FROM posts p, LATERAL (
            SELECT p.role = 'secretary' AND p.area_id IN (c.place_id, c.grid_id, c.zone_id, c.community_id)
        ) near (is_own)
        WHERE {audience.HELD} AND (is_own
            OR p.role IN ('secretary', 'dispatcher') AND p.area_id IN (c.subdistrict_id, c.district_id))
    ) near WHERE is_own OR NOT has_own"""

OFFICERS: dict[Audience, LiteralString] = {
    Audience.APPROVERS: APPROVERS,
    Audience.SUPERVISORS: audience.SUPERVISORS,
}

TELL_UNITS: LiteralString = f"""
    INSERT INTO notifications (key, message, officer_id, fields, haste)
    SELECT 'order:' || c.order_id || ':' || %(message)s || ':' || %(event_id)s || ':' || c.part_id
        || ':officer:' || told.officer_id, %(message)s, told.officer_id, c.fields, c.haste
    FROM (
        SELECT o.id AS order_id, o.subdistrict_id, o.district_id, part.*
        FROM orders o, jsonb_to_recordset(%(parts)s::jsonb)
            part(part_id bigint, unit_id bigint, fields jsonb, haste int)
        WHERE o.id = %(order_id)s
    ) c, LATERAL ({audience.UNIT}) told
    WHERE told.officer_id IS DISTINCT FROM %(but)s
    ON CONFLICT (key) DO NOTHING
    RETURNING id"""


def tell_all(
    session: Session, order: Order, rule: Rule, event: OrderEvent, part: OrderUnit | None, at: datetime
) -> None:
    """Owe what the row of the table says, but nothing to whoever took the step."""
    for who, message in rule.tells:
        parts = _parts(order, who, part)
        if parts is not None:
            _tell_units(session, order, message, event, parts, at)
            continue
        told = [one for one in officers(session, order, who) if one != event.officer_id]
        key, unit = f"order:{order.id}:{message}:{event.id}", event.unit.name if event.unit else ""
        if told:
            fields = fields_of(order, event.note, at, who=unit)
            notify.owe(session, message, key, fields, officers=told)


def fields_of(
    order: Order, note: str, at: datetime, *, who: str = "", until: datetime | None = None
) -> dict[str, Any]:
    """What a message about this order may say (see notify/messages.py); place, parts and units are loaded."""
    bound = [part.unit.name for part in order.parts if part.status is not PartStatus.WITHDRAWN]
    return {
        "number": order.number,
        "urgent": "1" if order.urgent else "",
        "place": order.place.name,
        "area": str(order.place_id),
        "summary": summary(order.title),
        "at": stamp(at),
        "until": spoken(until, at) if until else "",
        "note": note,
        "who": who or "、".join(bound),
    }


def _parts(order: Order, who: Audience, part: OrderUnit | None) -> list[OrderUnit] | None:
    """The parts whose units are told; None for an audience that is no unit. A draft binds nobody yet."""
    if who not in (Audience.UNITS, Audience.UNREPORTED, Audience.UNIT, Audience.LEAD):
        return None
    if order.approved_at is None:
        return []
    if who is Audience.UNIT:
        return [part] if part else []
    if who is Audience.LEAD:
        return [one for one in order.parts if one.is_lead]
    wanted = BOUND if who is Audience.UNITS else UNREPORTED
    return [one for one in order.parts if one.status in wanted]


def _tell_units(
    session: Session,
    order: Order,
    message: Message,
    event: OrderEvent,
    parts: Sequence[OrderUnit],
    at: datetime,
) -> None:
    if not parts:
        return
    rows = [_row(order, message, event, part, at) for part in parts]
    values = {
        "order_id": order.id,
        "event_id": event.id,
        "message": message.value,
        "parts": write_json(rows),
        "but": event.officer_id,
    }
    owed = list(session.connection().exec_driver_sql(TELL_UNITS, values).scalars())
    after_commit(session, lambda: nudge(deliver, owed))


def _row(order: Order, message: Message, event: OrderEvent, part: OrderUnit, at: datetime) -> dict[str, Any]:
    """What this unit reads: its own task and time where it is bound, else what was written with the step."""
    is_issued = message is Message.ORDER_ISSUED
    note = part.task or summary(order.text) if is_issued else event.note
    who = event.unit.name if event.unit and not is_issued else ""
    fields = fields_of(order, note, at, who=who, until=part.due_at)
    return {
        "part_id": part.id,
        "unit_id": part.unit_id,
        "fields": fields,
        "haste": haste(message, fields),
    }


def officers(session: Session, order: Order, who: Audience) -> list[int]:
    """Whose ids are told of this order. Supervisors have heard of it only once it was issued."""
    if who is Audience.SUPERVISORS and order.approved_at is None:
        return []
    if who is Audience.DRAFTER:
        return [order.drafted_by]
    if who is Audience.COMMUNITY:
        return list(dict.fromkeys(one for one in (order.drafted_by, order.approved_by) if one is not None))
    statement = f"SELECT told.officer_id FROM orders c, LATERAL ({OFFICERS[who]}) told WHERE c.id = :id"
    return list(session.scalars(sa.text(statement), {"id": order.id}))
