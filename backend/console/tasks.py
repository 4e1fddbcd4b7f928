"""The steps an officer may take on a case, as forms: what a form asks is what the workflow's row needs."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from backend.cases import attachments, category_search, meanwhile, merging, queries, service, workflow
from backend.cases.attachments import Photo
from backend.cases.models import Case
from backend.cases.service import Actor
from backend.cases.workflow import OUTCOME_LABELS, Action, Given, Need, Outcome
from backend.console import (
    callback_sections,
    deadline_forms,
    figures_sections,
    hard_forms,
    order_sections,
    receipt_sections,
    review_sections,
    supervision_forms,
    thanks_forms,
)
from backend.console.case_forms import Facts, Form, Section
from backend.console.case_verbs import VERBS
from backend.console.offers import Offers
from backend.errors import Invalid, TooLarge
from backend.times import now
from backend.web.forms import WrongFields
from backend.web.forms import number as read_number
from backend.web.words import NOTE_LENGTH, clean

A = Action
# Photos are welcome here without being asked for as proof.
WITH_PHOTOS = frozenset({A.ADD, A.PROGRESS, A.FIRST_CONTACT, A.PAUSE, A.EXTEND, A.THANK})
THERE_ALREADY = "这些照片已经在这件事里了，不用再传"
UNPLEASANT = frozenset({A.REJECT, A.SEND_BACK, A.DISPUTE, A.RETRACT})
# What the fields are called in the form of a step; elsewhere a unit is the one it is sent to.
UNIT_LABELS = {
    A.SEND_BACK: "建议由哪个单位办",
    A.DISPUTE: "建议由哪个单位办",
    A.ARBITRATE: "裁定由哪个单位办",
}
CASE_LABELS = {A.MERGE: "并入哪一件（编号）", A.LINK: "和哪一件有关（编号）"}
NOTE_LABELS = {
    A.SPLIT: "拆出去的是什么事",
    A.ASK: "要问居民的一个问题",
    A.FIRST_CONTACT: "怎样联系的、谈了什么",
    A.LOG: "今天做了什么",
}
# The topics under which the steps beside the next one stand on the page; the others come first.
TOPICS: dict[str, tuple[Action, ...]] = {
    "分工": (A.CLAIM, A.TAKE, A.DELEGATE, A.RETRACT, A.SPLIT, A.MERGE, A.UNMERGE, A.LINK),
    "居民": (A.FIRST_CONTACT, A.ASK, A.PROGRESS, A.THANK, A.STRIKE_THANKS),
    "时限": (A.PAUSE, A.EXTEND, A.GRANT, A.DENY, A.RESUME),
    "监督": (A.URGE, A.SUPERVISE, A.ANSWER_SUPERVISION, A.END_SUPERVISION),
    "难案": (A.MARK, A.TAKE_CHARGE, A.FORM_GROUP, A.LOG, A.REVIEW),
}
# What the topics bring.
FORMS: dict[Action, Form] = {
    **deadline_forms.FORMS,
    **hard_forms.FORMS,
    **supervision_forms.FORMS,
    **thanks_forms.FORMS,
    **callback_sections.FORMS,
    **review_sections.FORMS,
}
SECTIONS: tuple[Section, ...] = (
    *order_sections.SECTIONS,
    *deadline_forms.SECTIONS,
    *figures_sections.SECTIONS,
    *supervision_forms.SECTIONS,
    *hard_forms.SECTIONS,
    *thanks_forms.SECTIONS,
    *callback_sections.SECTIONS,
    *review_sections.SECTIONS,
    *receipt_sections.SECTIONS,
)


@dataclass(frozen=True)
class Task:
    """One form. What there is to choose from is (value, words); empty: not asked.

    With a `template` of its own the form's fields are there, filled from `offer`.
    """

    action: Action
    label: str
    topic: str
    kind: str  # of the button: primary, default or warn
    is_next: bool  # the step by which the case goes forward
    needs_note: bool
    note_label: str
    is_internal: bool  # the resident does not see the note
    takes_photos: bool
    unit_label: str = ""
    units: Sequence[tuple[int, str]] = ()
    suggested: int | str = ""  # of these units
    why: str = ""
    rules: Sequence[tuple[int, str]] | None = None  # the duties it may rest on; None: not asked
    officers: Sequence[tuple[int, str]] = ()
    case_label: str = ""
    places: Sequence[tuple[int, str]] = ()
    outcomes: Sequence[tuple[str, str]] = ()
    categories: Sequence[tuple[int, str]] | None = None  # what the report may be about; None: not asked
    template: str = ""
    offer: Facts | None = None


def tasks(
    session: Session, case: Case, actor: Actor, among: Collection[Action] = tuple(Action)
) -> list[Task]:
    """The forms for everything (of `among`) this officer may do to this case now, the likeliest first."""
    steps = queries.steps_for(case, actor.roles_over(case))
    offered = Offers(session, case)
    found = (_task(offered, actor, action, rule) for action, rule in steps if action in among)
    return [task for task in found if task is not None]


def sections(session: Session, case: Case, actor: Actor) -> list[tuple[str, Facts]]:
    """What there is to read beside the case itself, as templates with their facts."""
    found = ((section.template, section.facts(session, case, actor)) for section in SECTIONS)
    return [(template, facts) for template, facts in found if facts is not None]


def _task(offered: Offers, actor: Actor, action: Action, rule: workflow.Rule) -> Task | None:
    session, case = offered.session, offered.case
    own = FORMS.get(action)
    offer = own.offer(session, case, actor) if own else None
    if own is not None and offer is None:
        return None
    return Task(
        action=action,
        label=rule.label,
        topic=next((topic for topic, actions in TOPICS.items() if action in actions), ""),
        kind="warn" if action in UNPLEASANT else "primary",
        is_next=action is queries.NEXT_STEP.get(case.status),
        needs_note=Need.NOTE in rule.needs,
        note_label=NOTE_LABELS.get(action, "说明"),
        is_internal=action in service.INTERNAL,
        takes_photos=Need.PROOF in rule.needs or action in WITH_PHOTOS,
        template=own.template if own else "",
        offer=offer,
        **({} if own else _fields(offered, action, rule)),
    )


def _fields(offered: Offers, action: Action, rule: workflow.Rule) -> dict[str, Any]:
    """What the row needs, as things to choose from."""
    fields: dict[str, Any] = {}
    if Need.UNIT in rule.needs:
        fields |= _unit_fields(offered, action)
    if Need.BASIS in rule.needs:
        fields["rules"] = offered.rules
    if Need.OFFICER in rule.needs:
        fields["officers"] = offered.officers
    if Need.CASE in rule.needs:
        fields["case_label"] = CASE_LABELS[action]
    if Need.CATEGORY in rule.needs:
        fields["categories"] = offered.categories
    if Need.OUTCOME in rule.needs:
        fields["outcomes"] = [(outcome.value, OUTCOME_LABELS[outcome]) for outcome in Outcome]
    if action is A.LOCATE:
        fields["places"] = offered.places
    return fields


def _unit_fields(offered: Offers, action: Action) -> dict[str, Any]:
    """Whoever sends back proposes another unit than their own, so nothing is chosen for them."""
    found, case = offered.units, offered.case
    if action in (A.SEND_BACK, A.DISPUTE):
        others = [(unit_id, name) for unit_id, name in found.options if unit_id != case.unit_id]
        return {"units": others, "unit_label": UNIT_LABELS[action]}
    label = UNIT_LABELS.get(action, "派给哪个单位")
    if found.suggested is None or action is A.SPLIT:
        return {"units": found.options, "unit_label": label}
    first = found.suggested
    return {"units": found.options, "unit_label": label, "suggested": first.unit.id, "why": first.why}


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
    if action is A.MERGE:
        merging.take_turns(session, number, clean(form.get("case", "")).strip())
    session.execute(sa.select(Case.id).where(Case.number == number).with_for_update())
    case = service.find(session, number, actor)
    if said := meanwhile.repeated(session, case, action, actor, read_number(form.get("seen", "")) or 0):
        return case, said
    if own := FORMS.get(action):
        return own.take(session, number, actor, form, photos), None
    at = now()
    new = sum(attachments.attach(session, case, photo, by_resident=False, at=at)[1] for photo in photos)
    given = _given(session, case, action, form, photos)
    if action is A.ADD and attachments.brings_nothing(given.note, photos, new):
        return case, THERE_ALREADY
    if verb := VERBS.get(action):
        return verb(session, case, actor, form, given), None
    return service.perform(session, number, action, actor, given, at=at), None


def _given(
    session: Session, case: Case, action: Action, form: MultiDict[str, str], photos: Sequence[Photo]
) -> Given:
    note = clean(form.get("note", ""))
    if len(note) > NOTE_LENGTH:
        raise WrongFields({"note": f"说明太长了，最多 {NOTE_LENGTH} 个字"})
    if action is A.ADD and not note and not photos:
        raise WrongFields({"note": "请写一句说明，或者选照片"})
    needs = workflow.RULES[action].needs
    return Given(
        note=note,
        unit_id=read_number(form.get("unit", "")) if Need.UNIT in needs else None,
        officer_id=read_number(form.get("officer", "")) if Need.OFFICER in needs else None,
        basis=_basis(session, case, form) if Need.BASIS in needs else "",
        outcome=_outcome(form),
        has_proof=service.has_proof(session, case),
    )


def _basis(session: Session, case: Case, form: MultiDict[str, str]) -> str:
    """The duty that was chosen, and whatever was written about it."""
    rule = dict(Offers(session, case).rules).get(read_number(form.get("rule", "")) or 0, "")
    return "。".join(filter(None, (rule, clean(form.get("basis", "")).strip())))[:NOTE_LENGTH]


def _outcome(form: MultiDict[str, str]) -> Outcome | None:
    wanted = form.get("outcome", "")
    if wanted and wanted not in set(Outcome):
        raise WrongFields({"outcome": "没有这种办理结果"})
    return Outcome(wanted) if wanted else None
