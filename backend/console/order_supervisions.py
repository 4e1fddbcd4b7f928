"""Supervision orders (督办单) on the page of an order: their three steps as forms."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from backend.cases.service import Actor
from backend.cases.supervision_models import Supervision
from backend.cases.supervisions import EFFECT_LABELS, NOT_FOUND
from backend.console import supervision_forms
from backend.console.order_forms import Task
from backend.errors import NotFound
from backend.orders import supervising
from backend.orders.models import Order
from backend.orders.supervision_lists import Line
from backend.orders.workflow import RULES, Action

Typed = MultiDict[str, str]
Take = Callable[[Session, Actor, Typed], Supervision]
NOTES = {Action.ANSWER_SUPERVISION: "答复", Action.END_SUPERVISION: "办结意见"}


def tasks(order: Order, lines: Sequence[Line], actor: Actor, at: datetime) -> list[Task]:
    """What this person may do now: ask a unit, answer for their own, say what it brought."""
    found = [
        _of_line(line, action) for line in lines for action in supervising.offered(order, line.row, actor)
    ]
    parts = supervising.askable(order, actor)
    if parts:
        units = [(part.unit_id, part.unit.name) for part in parts]
        until = supervision_forms.default_until(order, at)
        found.append(_task(Action.SUPERVISE, "要求", units=units, until=until))
    return found


def _of_line(line: Line, action: Action) -> Task:
    effects = list(EFFECT_LABELS.items()) if action is Action.END_SUPERVISION else []
    return _task(action, NOTES[action], f"：{line.unit}", effects=effects, supervision_id=line.row.id)


def _task(action: Action, note_label: str, whose: str = "", **more: Any) -> Task:
    label = f"{RULES[action].label}{whose}"
    return Task(action, label, None, note_label, needs_note=True, takes_photos=False, **more)


def _of_order(take: Take) -> Callable[[Session, str, Actor, Typed], Supervision]:
    """The supervision must be of the order whose page the form stood on."""

    def take_here(session: Session, order_number: str, actor: Actor, form: Typed) -> Supervision:
        row = take(session, actor, form)
        order = session.get(Order, row.order_id) if row.order_id else None
        if order is None or order.number != order_number:
            raise NotFound(NOT_FOUND)
        return row

    return take_here


TAKES: dict[Action, Callable[[Session, str, Actor, Typed], Supervision]] = {
    Action.SUPERVISE: supervision_forms.take_issue_on_order,
    Action.ANSWER_SUPERVISION: _of_order(supervision_forms.take_answer),
    Action.END_SUPERVISION: _of_order(supervision_forms.take_end),
}
