"""What the pages of orders offer: the form of a draft, and the steps that may be taken now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from backend.cases import dispatch
from backend.cases import service as cases
from backend.cases.attachments import Photo
from backend.cases.intake import summary
from backend.cases.models import Case
from backend.cases.service import Actor
from backend.cases.workflow import OUTCOME_LABELS, Outcome
from backend.errors import Invalid, NotFound
from backend.orders import queries, reach
from backend.orders.drafting import TEXT_LENGTH, Draft
from backend.orders.effects import Told
from backend.orders.models import Order, OrderPhoto, OrderUnit
from backend.orders.workflow import CHANGES_PART, RULES, UNREPORTED, Action, Need, Whose, allowed
from backend.places import queries as places
from backend.places.models import Area, Unit
from backend.privacy import mask_phones
from backend.web.forms import WrongFields, number, numbers
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

    @property
    def is_one_tap(self) -> bool:
        return self.action in ONE_TAP


@dataclass(frozen=True)
class Choice:
    """A unit that a draft may name."""

    id: int
    name: str
    is_lead: bool = False
    is_named: bool = False
    task: str = ""


@dataclass(frozen=True)
class Sheet:
    """The form of a draft as it is first shown."""

    title: str
    text: str
    address: str
    urgent: bool
    place_id: int | None
    cases: Sequence[Case]
    first: Sequence[Choice]  # suggested, or named already
    rest: Sequence[Choice]
    why: str = ""


def tasks(session: Session, order: Order, actor: Actor) -> list[Task]:
    """The steps this person may take now, on the order and on its parts."""
    waiting = any(part.status in UNREPORTED for part in order.parts if not part.is_lead)
    found = [
        (action, part)
        for part in (None, *order.parts)
        for action in _allowed(order, part, actor)
        if action is not Action.REVISE and not (action is Action.ANSWER and waiting)
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
    own = any(reach.roles_in(actor.posts, order, one) for one in order.parts)
    units = _addable(session, order) if action is Action.ADD_UNIT else []
    return Task(
        action=action,
        label=f"{rule.label}：{part.unit.name}" if part and rule.whose is Whose.OF_PART else rule.label,
        part=part if rule.whose in CHANGES_PART else None,
        note_label=NOTES.get(action, "说明"),
        needs_note=Need.NOTE in rule.needs,
        takes_photos=action in PHOTOS and own,
        outcomes=list(OUTCOME_LABELS.items()) if Need.OUTCOME in rule.needs else [],
        units=units,
    )


def _addable(session: Session, order: Order) -> list[tuple[int, str]]:
    bound = {part.unit_id for part in order.parts if queries.is_bound(part)}
    return [(unit.id, unit.name) for unit in places.units_serving(session, order) if unit.id not in bound]


# -- what a step's form gave


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
    )


def _degrees(text: str, most: int) -> float | None:
    """A position comes from the phone; one that cannot be is none."""
    try:
        found = float(text)
    except ValueError:
        return None
    return found if -most <= found <= most else None


# -- the form of a draft


def blank(session: Session, actor: Actor, case_numbers: Sequence[str], place_id: int | None) -> Sheet:
    """The form from cases, or from nothing at a place (the first of the caller's unless one is named)."""
    found = [cases.find(session, case, actor) for case in dict.fromkeys(case_numbers)]
    if found:
        return _of_cases(session, found)
    known = dict(queries.places(session, actor.posts))
    chosen = place_id if place_id in known else next(iter(known), None)
    units = places.units_serving(session, session.get_one(Area, chosen)) if chosen else []
    return Sheet("", "", "", False, chosen, [], [], _choices(units))


def _of_cases(session: Session, found: Sequence[Case]) -> Sheet:
    """Title and text in the words of the reports; the units that the duty list names come first."""
    first = found[0]
    suggestion = dispatch.suggest(session, first)
    named: list[Unit] = [suggestion.unit, *suggestion.others] if suggestion else []
    others = [unit for unit in places.units_serving(session, first) if unit.id not in {u.id for u in named}]
    text = "\n".join(mask_phones(case.report) for case in found)
    return Sheet(
        title=summary(first.report),
        text=text[:TEXT_LENGTH],
        address=first.address or "",
        urgent=any(case.urgent for case in found),
        place_id=first.place_id,
        cases=found,
        first=_choices(named, lead_id=named[0].id if named else None),
        rest=_choices(others),
        why=suggestion.why if suggestion else "",
    )


def of_order(session: Session, order: Order) -> Sheet:
    """The form of a draft that is to be changed."""
    named = {part.unit_id for part in order.parts}
    first = [
        Choice(part.unit_id, part.unit.name, part.is_lead, not part.is_lead, part.task)
        for part in order.parts
    ]
    rest = [unit for unit in places.units_serving(session, order) if unit.id not in named]
    under = queries.cases(session, order)
    return Sheet(
        order.title,
        order.text,
        order.address or "",
        order.urgent,
        order.place_id,
        under,
        first,
        _choices(rest),
    )


def _choices(units: Sequence[Unit], lead_id: int | None = None) -> list[Choice]:
    return [Choice(unit.id, unit.name, is_lead=unit.id == lead_id) for unit in units]


def drafted(form: MultiDict[str, str]) -> Draft:
    """What the form of a draft says. Raises WrongFields."""
    place_id, lead_id = number(form.get("place", "")), number(form.get("lead", ""))
    said = {
        "title": "" if form.get("title", "").strip() else "请写一句标题",
        "text": "" if form.get("text", "").strip() else "请写明要办什么",
        "place": "" if place_id else "请选择地点",
        "lead": "" if lead_id else "请选一个主办单位",
    }
    if wrong := {name: sentence for name, sentence in said.items() if sentence}:
        raise WrongFields(wrong)
    assisting = [unit_id for unit_id in numbers(form.getlist("unit")) if unit_id != lead_id]
    named = [lead_id or 0, *assisting]
    return Draft(
        title=clean(form["title"]),
        text=clean(form["text"]),
        place_id=place_id or 0,
        lead_id=lead_id,
        assisting=assisting,
        tasks=_tasks_of(form, named),
        cases=[clean(one) for one in form.getlist("case")],
        address=clean(form.get("address", ""))[:100],
        urgent="urgent" in form,
        key=form.get("key") or None,
    )


def _tasks_of(form: MultiDict[str, str], unit_ids: Sequence[int]) -> Mapping[int, str]:
    said = _tasks_sent(form)
    return {unit_id: clean(said[unit_id]) for unit_id in unit_ids if said.get(unit_id, "").strip()}


def _tasks_sent(form: MultiDict[str, str]) -> dict[int, str]:
    """Every unit's line of the form, by the unit's id: a hidden field before each says whose it is."""
    sent = zip(form.getlist("of"), form.getlist("task"), strict=False)
    return {unit_id: task for of, task in sent if (unit_id := number(of)) is not None}


def kept(sheet: Sheet, form: MultiDict[str, str]) -> Sheet:
    """The form as it was sent, when it was refused."""
    lead, named = number(form.get("lead", "")), set(numbers(form.getlist("unit")))
    tasks_sent = _tasks_sent(form)

    def again(choice: Choice) -> Choice:
        task = tasks_sent.get(choice.id, "")
        return Choice(choice.id, choice.name, choice.id == lead, choice.id in named, task)

    return Sheet(
        form.get("title", ""),
        form.get("text", ""),
        form.get("address", ""),
        "urgent" in form,
        number(form.get("place", "")) or sheet.place_id,
        sheet.cases,
        [again(choice) for choice in sheet.first],
        [again(choice) for choice in sheet.rest],
        sheet.why,
    )


def action_of(name: str) -> Action:
    """Raises NotFound for what is no step of an order, Invalid for one that has a page of its own."""
    if name not in set(Action):
        raise NotFound("没有这种操作")
    if Action(name) in (Action.DRAFT, Action.REVISE):
        raise Invalid("请用起草页面")
    return Action(name)


def photo_of(session: Session, order: Order, photo_id: int) -> tuple[str, str]:
    """SHA-256 and type of a photo of this order. Raises NotFound."""
    own = (OrderPhoto.id == photo_id, OrderPhoto.order_id == order.id)
    row = session.scalar(sa.select(OrderPhoto).where(*own))
    if row is None:
        raise NotFound("这张照片找不到了")
    return row.sha256, row.mime
