"""The form of a draft (起草发令单): filled from cases or empty, and what it gave."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from backend.cases import service as cases
from backend.cases.intake import summary
from backend.cases.models import Case
from backend.cases.service import Actor
from backend.orders import binding, queries
from backend.orders.drafting import TEXT_LENGTH, Draft
from backend.orders.models import Order
from backend.places.models import Area, Unit
from backend.privacy import mask_phones
from backend.web.forms import WrongFields, number, numbers
from backend.web.words import clean


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
    wants_callback: bool = False


def blank(session: Session, actor: Actor, case_numbers: Sequence[str], place_id: int | None) -> Sheet:
    """The form from cases, or from nothing at a place (the first of the caller's unless one is named)."""
    found = [cases.find(session, case, actor) for case in dict.fromkeys(case_numbers)]
    if found:
        return _of_cases(session, found)
    known = dict(queries.places(session, actor.posts))
    chosen = place_id if place_id in known else next(iter(known), None)
    units = binding.choice(session, session.get_one(Area, chosen)).units if chosen else []
    return Sheet("", "", "", False, chosen, [], [], _choices(units))


def _of_cases(session: Session, found: Sequence[Case]) -> Sheet:
    """Title and text in the words of the reports; the units that the duty list names come first."""
    first = found[0]
    choice = binding.choice(session, first, binding.choices(session, found).values())
    suggestion = choice.suggested
    named: list[Unit] = [suggestion.unit, *suggestion.others] if suggestion else []
    others = [unit for unit in choice.units if unit.id not in {u.id for u in named}]
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
    under = queries.cases(session, order)
    may = binding.choice(session, order, binding.choices(session, under).values())
    rest = [unit for unit in may.units if unit.id not in named]
    return Sheet(
        order.title,
        order.text,
        order.address or "",
        order.urgent,
        order.place_id,
        under,
        first,
        _choices(rest),
        wants_callback=order.wants_callback,
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
        wants_callback="callback" in form,
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
        "callback" in form,
    )
