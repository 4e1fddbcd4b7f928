"""The steps of an order as forms: which are offered now, and what a form gave."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from backend.cases.attachments import Photo
from backend.cases.service import Actor
from backend.cases.workflow import OUTCOME_LABELS, Outcome
from backend.errors import NotFound
from backend.orders import binding, queries, reach
from backend.orders.effects import Told
from backend.orders.models import Order, OrderPhoto, OrderUnit
from backend.orders.workflow import ABOUT_PART, RULES, UNREPORTED, Action, Need, Whose, allowed
from backend.web.forms import WrongFields, number
from backend.web.words import clean

NOTE_LENGTH = 500
ONE_TAP = (Action.APPROVE, Action.ACKNOWLEDGE)  # nothing to fill in: a button, and no more
NOTES = {
    Action.REFUSE: "为什么不批准",
    Action.WITHDRAW: "为什么撤回（受令单位会看到）",
    Action.ADD_UNIT: "",
    Action.WITHDRAW_UNIT: "为什么撤回这个单位",
    Action.ARRIVE: "现场情况",
    Action.REPORT_BACK: "办了什么、结果怎样",
    Action.RETURN: "还差什么",
    Action.ANSWER: "给群众的答复：做了什么、结果怎样",
    Action.ADD: "补充什么",
    Action.URGE: "催办的话",
}
# What has a page of its own (SUCCEED: that of the unit), or forms in order_supervisions.py.
OWN_FORMS = (
    Action.REVISE,
    Action.SUCCEED,
    Action.SUPERVISE,
    Action.ANSWER_SUPERVISION,
    Action.END_SUPERVISION,
)
PHOTOS = (Action.ARRIVE, Action.REPORT_BACK, Action.ANSWER, Action.ADD)  # a unit's steps that may bring some


@dataclass(frozen=True)
class Task:
    """A step as a form."""

    action: Action
    label: str
    part: OrderUnit | None
    note_label: str
    needs_note: bool
    takes_photos: bool
    outcomes: Sequence[tuple[str, str]] = ()
    units: Sequence[tuple[int, str]] = ()
    until: str = ""  # what the time to answer begins with; none is asked for without it
    effects: Sequence[tuple[str, str]] = ()
    supervision_id: int | None = None

    @property
    def key(self) -> str:
        """What tells this form from others of the same step."""
        return str(self.part.id if self.part else self.supervision_id or "")

    @property
    def is_one_tap(self) -> bool:
        return self.action in ONE_TAP


def tasks(session: Session, order: Order, actor: Actor) -> list[Task]:
    """The steps this person may take now, on the order and on its parts."""
    waiting = any(part.status in UNREPORTED for part in order.parts if not part.is_lead)
    found = [
        (action, part)
        for part in (None, *order.parts)
        for action in _allowed(order, part, actor)
        if action not in OWN_FORMS and not (action is Action.ANSWER and waiting)
    ]
    return [_task(session, order, action, part, actor) for action, part in found]


def may_revise(order: Order, actor: Actor) -> bool:
    return Action.REVISE in _allowed(order, None, actor)


def _allowed(order: Order, part: OrderUnit | None, actor: Actor) -> list[Action]:
    """Each step by the roles that count for its sort."""
    status, is_lead = (part.status, part.is_lead) if part else (None, False)
    return [
        action
        for action, rule in RULES.items()
        if action
        in allowed(
            order.status, status, reach.roles_for(actor.posts, order, part, rule.whose), is_lead=is_lead
        )
    ]


def _task(session: Session, order: Order, action: Action, part: OrderUnit | None, actor: Actor) -> Task:
    rule = RULES[action]
    own = any(reach.roles_in(actor.posts, order, one) for one in order.parts if queries.is_bound(one))
    units = _addable(session, order) if action is Action.ADD_UNIT else []
    return Task(
        action=action,
        label=f"{rule.label}：{part.unit.name}" if part and rule.whose is Whose.OF_PART else rule.label,
        part=part if rule.whose in ABOUT_PART else None,
        note_label=NOTES.get(action, "说明"),
        needs_note=Need.NOTE in rule.needs,
        takes_photos=action in PHOTOS and own,
        outcomes=list(OUTCOME_LABELS.items()) if Need.OUTCOME in rule.needs else [],
        units=units,
    )


def _addable(session: Session, order: Order) -> list[tuple[int, str]]:
    bound = {part.unit_id for part in order.parts if queries.is_bound(part)}
    may = binding.choices(session, queries.cases(session, order))
    units = binding.choice(session, order, may.values()).units
    return [(unit.id, unit.name) for unit in units if unit.id not in bound]


def told(form: MultiDict[str, str], photos: Sequence[Photo]) -> Told:
    """What a step's form says. Raises WrongFields."""
    note = clean(form.get("note", ""))
    if len(note) > NOTE_LENGTH:
        raise WrongFields({"note": f"说明太长了，最多 {NOTE_LENGTH} 个字"})
    outcome = form.get("outcome", "")
    if outcome and outcome not in set(Outcome):
        raise WrongFields({"outcome": "没有这种办理结果"})
    return Told(
        note=note,
        part_id=number(form.get("part", "")),
        unit_id=number(form.get("unit", "")),
        task=clean(form.get("task", ""))[:100],
        outcome=Outcome(outcome) if outcome else None,
        latitude=_degrees(form.get("latitude", ""), 90),
        longitude=_degrees(form.get("longitude", ""), 180),
        photos=tuple(photos),
        seen=number(form.get("seen", "")),
    )


def _degrees(text: str, most: int) -> float | None:
    """A position comes from the phone; one that cannot be is none."""
    try:
        found = float(text)
    except ValueError:
        return None
    return found if -most <= found <= most else None


def action_of(name: str) -> Action:
    """Raises NotFound for what is no step of an order."""
    if name not in set(Action):
        raise NotFound("没有这种操作")
    return Action(name)


def photo_of(session: Session, order: Order, photo_id: int) -> tuple[str, str]:
    """SHA-256 and type of a photo of this order. Raises NotFound."""
    own = (OrderPhoto.id == photo_id, OrderPhoto.order_id == order.id)
    row = session.scalar(sa.select(OrderPhoto).where(*own))
    if row is None:
        raise NotFound("这张照片找不到了")
    return row.sha256, row.mime
