"""The steps an officer may take on a case, as forms: what a form asks is what the workflow's row needs."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from backend.cases import attachments, category_search, dispatch, queries, service, workflow
from backend.cases.attachments import Photo
from backend.cases.models import Case, Category
from backend.cases.service import Actor
from backend.cases.workflow import OUTCOME_LABELS, STATUS_LABELS, Action, Given, Need, Outcome
from backend.errors import Conflict, Invalid, TooLarge
from backend.places import queries as places
from backend.places.models import Area
from backend.times import now, spoken
from backend.web.forms import WrongFields
from backend.web.words import NOTE_LENGTH, clean

WITH_PHOTOS = frozenset({Action.ADD})  # photos are welcome here without being asked for as proof
MISSING = {  # by field; what the browser says of an empty one, and the server says again
    "note": "请填写说明",
    "unit": "请选择责任单位",
    "place": "请选择地点",
    "outcome": "请选择办理结果",
    "category": "请选择事项",
}
THERE_ALREADY = "这些照片已经在这件事里了，不用再传"
UNPLEASANT = frozenset({Action.REJECT, Action.SEND_BACK})


@dataclass(frozen=True)
class Task:
    """One form. `units`, `places` and `outcomes` are (value, words) to choose from; empty: not asked."""

    action: Action
    label: str
    kind: str  # of the button: primary, default or warn
    is_next: bool  # the step by which the case goes forward
    needs_note: bool
    is_internal: bool  # the resident does not see the note
    takes_photos: bool
    units: Sequence[tuple[int, str]] = ()
    suggested: int | str = ""  # of these units
    why: str = ""
    places: Sequence[tuple[int, str]] = ()
    outcomes: Sequence[tuple[str, str]] = ()
    categories: Sequence[tuple[int, str]] | None = None  # what the report may be about; None: not asked


def tasks(session: Session, case: Case, actor: Actor) -> list[Task]:
    """The forms for everything this officer may do to this case now, the most likely one first."""
    return [
        _task(session, case, action, rule) for action, rule in queries.steps_for(case, actor.roles_over(case))
    ]


def _task(session: Session, case: Case, action: Action, rule: workflow.Rule) -> Task:
    is_next = action is queries.NEXT_STEP.get(case.status)
    units, suggested, why = _units(session, case) if Need.UNIT in rule.needs else ((), "", "")
    return Task(
        action=action,
        label=rule.label,
        kind="warn" if action in UNPLEASANT else "primary",
        is_next=is_next,
        needs_note=Need.NOTE in rule.needs,
        is_internal=action in service.INTERNAL,
        takes_photos=Need.PROOF in rule.needs or action in WITH_PHOTOS,
        units=units,
        suggested=suggested,
        why=why,
        places=_places(session, case) if action is Action.LOCATE else (),
        categories=_categories(session, case) if Need.CATEGORY in rule.needs else None,
        outcomes=[(o.value, OUTCOME_LABELS[o]) for o in Outcome] if Need.OUTCOME in rule.needs else (),
    )


def _units(session: Session, case: Case) -> tuple[list[tuple[int, str]], int | str, str]:
    """The units to choose from, first those that are suggested; the first of these, and why it is that."""
    serving = [(unit.id, unit.name) for unit in places.units_serving(session, case)]
    found = dispatch.suggest(session, case)
    if found is None:
        return serving, "", ""
    named = [(unit.id, unit.name) for unit in (found.unit, *found.others)]
    return list(dict.fromkeys(named + serving)), found.unit.id, found.why


def _places(session: Session, case: Case) -> list[tuple[int, str]]:
    if case.district_id is None:
        return []
    found = places.choices(session, case.district_id)
    return [(p.id, p.name if p.path.endswith(p.name) else f"{p.path} / {p.name}") for p in found]


def _categories(session: Session, case: Case) -> list[tuple[int, str]]:
    """What the dictionary has for the words of the report, and what the case is filed under already."""
    said = [one.category for one in category_search.category_suggestions(session, case.report)]
    filed = session.get(Category, case.category_id) if case.category_id else None
    return list(
        {one.id: one.path for one in (filed, *said) if one is not None and one.until_id is None}.items()
    )


def find_categories(session: Session, text: str) -> list[tuple[int, str]]:
    """The entries of the dictionary that somebody may mean who has typed this."""
    return [(one.category.id, one.category.path) for one in category_search.find(session, text, limit=10)]


def prepare(contents: Sequence[bytes]) -> list[Photo]:
    """The photos of a form, ready before a transaction holds the case. Raises WrongFields for a bad one."""
    try:
        return [attachments.prepare(content) for content in contents]
    except (Invalid, TooLarge) as error:
        raise WrongFields({"photos": error.message}) from None


def take(
    session: Session,
    number: str,
    action: Action,
    actor: Actor,
    form: MultiDict[str, str],
    photos: Sequence[Photo],
) -> tuple[Case, str | None]:
    """Take the step with what the form gave. Returns the case, and what to say if this tap was a repeat.

    Raises NotFound, Forbidden, Conflict, Invalid or TooMany, each with a Chinese sentence.
    """
    session.execute(sa.select(Case.id).where(Case.number == number).with_for_update())
    case = service.find(session, number, actor)
    if since := _since(session, case, action, actor, _number(form, "seen") or 0):
        return case, since
    at = now()
    new = sum(attachments.attach(session, case, photo, by_resident=False, at=at)[1] for photo in photos)
    if action is Action.LOCATE:
        return service.locate(session, number, actor, _chosen_place(session, case, form)), None
    if action is Action.CLASSIFY:
        return service.classify(session, number, actor, _chosen_category(form), at), None
    given = _given(session, case, action, form, photos)
    if action is Action.ADD and attachments.brings_nothing(given.note, photos, new):
        return case, THERE_ALREADY
    return service.perform(session, number, action, actor, given, at=at), None


def _since(session: Session, case: Case, action: Action, actor: Actor, seen: int) -> str | None:
    """What happened after the page was opened: nothing of importance, this very step, or another's step."""
    for step in reversed(queries.timeline(session, case)):
        if step.id <= seen:
            break
        if step.action is action and step.officer_id == actor.officer_id:
            return f"“{workflow.RULES[action].label}”已经办好了，不用再点"
        if workflow.RULES[step.action].target is not None:
            status = STATUS_LABELS[case.status]
            raise Conflict(f"{step.who}在{spoken(step.at)}已“{step.label}”，现在是“{status}”，请看清楚再办")
    return None


def _given(
    session: Session, case: Case, action: Action, form: MultiDict[str, str], photos: Sequence[Photo]
) -> Given:
    note = clean(form.get("note", ""))
    if len(note) > NOTE_LENGTH:
        raise WrongFields({"note": f"说明太长了，最多 {NOTE_LENGTH} 个字"})
    if action is Action.ADD and not note and not photos:
        raise WrongFields({"note": "请写一句说明，或者选照片"})
    return Given(
        note=note,
        unit_id=_chosen_unit(session, case, form),
        outcome=_outcome(form),
        has_proof=service.has_proof(session, case),
    )


def _chosen_unit(session: Session, case: Case, form: MultiDict[str, str]) -> int | None:
    unit_id = _number(form, "unit")
    if unit_id is not None and unit_id not in dict(_units(session, case)[0]):
        raise WrongFields({"unit": "这个单位不管这个地方，请重新选择"})
    return unit_id


def _chosen_place(session: Session, case: Case, form: MultiDict[str, str]) -> Area:
    place_id = _number(form, "place")
    if place_id is None or place_id not in dict(_places(session, case)):
        raise WrongFields({"place": MISSING["place"]})
    return session.get_one(Area, place_id)


def _chosen_category(form: MultiDict[str, str]) -> int:
    category_id = _number(form, "category")
    if category_id is None:
        raise WrongFields({"category": MISSING["category"]})
    return category_id


def _outcome(form: MultiDict[str, str]) -> Outcome | None:
    wanted = form.get("outcome", "")
    if wanted and wanted not in set(Outcome):
        raise WrongFields({"outcome": "没有这种办理结果"})
    return Outcome(wanted) if wanted else None


def _number(form: MultiDict[str, str], name: str) -> int | None:
    """A number of the form; None where there is none, or nothing that could be an id."""
    text = form.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
