"""Hard cases on the page of a case: the forms of their steps, and what stands of one: people, log, review."""

from collections.abc import Sequence

from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from backend.cases import hard_cases, hard_marks, hard_queries, leaders, service
from backend.cases.attachments import Photo
from backend.cases.models import Case
from backend.cases.service import Actor
from backend.cases.workflow import Action
from backend.console.case_forms import Facts, Form, Section
from backend.times import now
from backend.web.forms import WrongFields, number
from backend.web.words import NOTE_LENGTH, clean

Typed = MultiDict[str, str]
PROMPTS = {
    "cause": "起因：为什么会拖成难案",
    "worked": "做法：什么办法管用",
    "change": "改进：以后要改什么",
}
MORE = 3  # empty lines for members in the form of a group
PROMPT_LENGTH = NOTE_LENGTH // len(PROMPTS) - 10  # characters: with its label each fits into the one note
SHOWN = 7  # days of the log that stand open


def _offer_mark(_session: Session, case: Case, _actor: Actor) -> Facts:
    groups = [(name, [(mark.value, words) for mark, words in own.items()]) for name, own in hard_marks.GROUPS]
    return {"groups": groups, "marks": case.marks, "is_legacy": case.is_legacy}


def _mark(session: Session, case_number: str, actor: Actor, form: Typed, _photos: Sequence[Photo]) -> Case:
    marks, is_legacy = form.getlist("marks"), bool(form.get("legacy"))
    return hard_cases.mark(session, case_number, actor, marks, is_legacy=is_legacy, note=_note(form))


def _offer_charge(session: Session, case: Case, actor: Actor) -> Facts | None:
    words = leaders.words(leaders.over(session, case))
    if not words:
        return None
    own = actor.officer_id if actor.officer_id in words else ""
    return {"leaders": list(words.items()), "chosen": case.leader_id or own}


def _take_charge(
    session: Session, case_number: str, actor: Actor, form: Typed, _photos: Sequence[Photo]
) -> Case:
    officer_id = number(form.get("officer", ""))
    if officer_id is None:
        raise WrongFields({"officer": "请选择由谁包案"})
    return hard_cases.take_charge(session, case_number, actor, officer_id, _note(form))


def _offer_group(session: Session, case: Case, _actor: Actor) -> Facts:
    own = hard_cases.people(session, case, case.group_ids) if case.group_ids else {}
    return {"members": [own[one] for one in case.group_ids if one in own], "more": MORE, "case": case}


def _form_group(
    session: Session, case_number: str, actor: Actor, form: Typed, _photos: Sequence[Photo]
) -> Case:
    typed = [words for words in map(clean, form.getlist("member")) if words]
    if not typed:
        raise WrongFields({"member": "请写至少一位专班成员"})
    case = service.find(session, case_number, actor)
    found = {words: hard_cases.called(session, case, words) for words in typed}
    unknown = "、".join(words for words, officer_id in found.items() if officer_id is None)
    if unknown:
        raise WrongFields({"member": f"没有找到“{unknown}”，或者有几位同名，请从提示里选，或者写工号"})
    ids = [officer_id for officer_id in found.values() if officer_id is not None]
    return hard_cases.form_group(session, case_number, actor, ids, _note(form))


def _offer_review(_session: Session, _case: Case, _actor: Actor) -> Facts:
    return {"prompts": PROMPTS, "most": PROMPT_LENGTH}


def _review(session: Session, case_number: str, actor: Actor, form: Typed, _photos: Sequence[Photo]) -> Case:
    words = {name: clean(form.get(name, "")) for name in PROMPTS}
    long = {
        name: f"写得太长了，最多 {PROMPT_LENGTH} 个字" for name in words if len(words[name]) > PROMPT_LENGTH
    }
    missing = {} if any(words.values()) else {"cause": "请至少写一项"}
    if long or missing:
        raise WrongFields(long | missing)
    cause, worked, change = words.values()
    return hard_cases.review(session, case_number, actor, cause=cause, worked=worked, change=change)


def _note(form: Typed) -> str:
    note = clean(form.get("note", ""))
    if len(note) > NOTE_LENGTH:
        raise WrongFields({"note": f"说明太长了，最多 {NOTE_LENGTH} 个字"})
    return note


def _all(session: Session, case: Case, _actor: Actor) -> Facts | None:
    """What stands of a hard case; None for one that nobody called hard."""
    if not hard_queries.is_hard(case):
        return None
    people = hard_queries.names(session, [*filter(None, [case.leader_id]), *case.group_ids])
    return {
        "marks": hard_marks.words_of(case.marks, case.is_legacy) if case.marks or case.is_legacy else "",
        "leader": people[0] if case.leader_id else "",
        "group": people[1:] if case.leader_id else people,
        "age": hard_queries.days_of(case, now()),
        "days": hard_queries.log_of(session, case),
        "shown": SHOWN,
        "reviews": hard_queries.reviews_of(session, case),
    }


FORMS: dict[Action, Form] = {
    Action.MARK: Form("console/forms/mark.html", _offer_mark, _mark),
    Action.TAKE_CHARGE: Form("console/forms/take_charge.html", _offer_charge, _take_charge),
    Action.FORM_GROUP: Form("console/forms/form_group.html", _offer_group, _form_group),
    Action.REVIEW: Form("console/forms/review.html", _offer_review, _review),
}
SECTIONS: list[Section] = [Section("console/forms/hard.html", _all)]
