"""Supervision orders (督办单) on the page of a case: the forms of their three steps, and all there were."""

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta

from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from backend.cases import supervision_lists, supervisions
from backend.cases.attachments import Photo
from backend.cases.models import Case
from backend.cases.service import Actor
from backend.cases.supervision_lists import Line
from backend.cases.supervision_models import Effect, Supervised, Supervision
from backend.cases.supervisions import EFFECT_LABELS, STATE_LABELS
from backend.cases.workflow import Action
from backend.console.case_forms import Facts, Form, Section
from backend.errors import NotFound
from backend.orders import supervising
from backend.orders.models import Order
from backend.times import SHANGHAI, local, moment, now
from backend.web.forms import WrongFields, number
from backend.web.words import NOTE_LENGTH, clean

MISSING = {  # by field; what the browser says of an empty one, and the server says again
    "unit": "请选择督办哪个单位",
    "until": "请填写答复时限，例如 2026-12-01T18:00",
    "note": "请填写说明",
    "effect": "请选择督办效果",
    "supervision": "请选择是哪一张督办单",
}
EVENING = time(18)
SOON = timedelta(hours=4)  # what an urgent case is given to answer
Typed = MultiDict[str, str]


def _offer_issue(session: Session, case: Case, _actor: Actor) -> Facts | None:
    units = supervisions.units(session, case)
    if not units:
        return None
    choices = [(unit.id, unit.name) for unit in units]
    return {"units": choices, "until": default_until(case, now()), "missing": MISSING}


def default_until(about: Case | Order, at: datetime) -> str:
    """What the form of a supervision begins with: tomorrow evening; for what is urgent, in four hours."""
    there = local(at + SOON)
    if not about.urgent:
        there = datetime.combine(local(at).date() + timedelta(days=1), EVENING, SHANGHAI)
    return there.strftime("%Y-%m-%dT%H:%M")


def take_issue(
    session: Session, case_number: str, actor: Actor, form: Typed, _photos: Sequence[Photo] = ()
) -> Case:
    """Issue what the form says. Raises WrongFields, and whatever supervisions.issue raises."""
    row = supervisions.issue(session, case_number, actor, *_asked(form))
    return session.get_one(Case, row.case_id)


def take_issue_on_order(session: Session, order_number: str, actor: Actor, form: Typed) -> Supervision:
    """The same of an order. Raises WrongFields, and whatever supervising.issue_on_order raises."""
    return supervising.issue_on_order(session, order_number, actor, *_asked(form))


def _asked(form: Typed) -> tuple[int, str, datetime]:
    """Of whom, what, and until when."""
    unit_id, until = number(form.get("unit", "")), _moment(form.get("until", ""))
    _must_have({"unit": unit_id, "until": until, "note": _words(form)})
    assert unit_id is not None
    assert until is not None
    return unit_id, _words(form), until


def _offer_answer(session: Session, case: Case, actor: Actor) -> Facts | None:
    own = {post.unit_id for post in actor.posts}
    lines = [line for line in _open(session, case) if line.row.unit_id in own]
    return {"lines": lines, "missing": MISSING} if lines else None


def _take_answer(
    session: Session, case_number: str, actor: Actor, form: Typed, _photos: Sequence[Photo]
) -> Case:
    return _case_of(session, take_answer(session, actor, form), case_number)


def take_answer(session: Session, actor: Actor, form: Typed) -> Supervision:
    """Answer as the form says. Raises WrongFields, and whatever supervising.answer raises."""
    chosen = number(form.get("supervision", ""))
    _must_have({"supervision": chosen, "note": _words(form)})
    return supervising.answer(session, chosen or 0, actor, _words(form))


def _offer_end(session: Session, case: Case, _actor: Actor) -> Facts | None:
    lines = _open(session, case, Supervised.OPEN, Supervised.ANSWERED)
    effects = [(effect.value, EFFECT_LABELS[effect]) for effect in Effect]
    return {"lines": lines, "effects": effects, "missing": MISSING} if lines else None


def _take_end(
    session: Session, case_number: str, actor: Actor, form: Typed, _photos: Sequence[Photo]
) -> Case:
    return _case_of(session, take_end(session, actor, form), case_number)


def take_end(session: Session, actor: Actor, form: Typed) -> Supervision:
    """End as the form says. Raises WrongFields, and whatever supervising.end raises."""
    chosen, effect = number(form.get("supervision", "")), form.get("effect", "")
    _must_have({"supervision": chosen, "effect": effect in set(Effect), "note": _words(form)})
    return supervising.end(session, chosen or 0, actor, Effect(effect), _words(form))


def _case_of(session: Session, row: Supervision, case_number: str) -> Case:
    """The case of a supervision, which must be the one whose page the form stood on."""
    case = session.get(Case, row.case_id) if row.case_id else None
    if case is None or case.number != case_number:
        raise NotFound(supervisions.NOT_FOUND)
    return case


def _open(session: Session, case: Case, *states: Supervised) -> list[Line]:
    wanted = states or (Supervised.OPEN,)
    return [line for line in supervision_lists.of_case(session, case.id) if line.row.state in wanted]


def _all(session: Session, case: Case, _actor: Actor) -> Facts | None:
    lines = supervision_lists.of_case(session, case.id)
    return {"lines": lines, "states": STATE_LABELS, "effects": EFFECT_LABELS, "at": now()} if lines else None


def _words(form: Typed) -> str:
    return clean(form.get("note", ""))


def _moment(text: str) -> datetime | None:
    try:
        return moment(text.strip())
    except ValueError:
        return None


def _must_have(fields: Mapping[str, object]) -> None:
    wrong = {name: MISSING[name] for name, value in fields.items() if not value}
    if len(str(fields.get("note", ""))) > NOTE_LENGTH:
        wrong["note"] = f"说明太长了，最多 {NOTE_LENGTH} 个字"
    if wrong:
        raise WrongFields(wrong)


FORMS: dict[Action, Form] = {
    Action.SUPERVISE: Form("console/forms/supervise.html", _offer_issue, take_issue),
    Action.ANSWER_SUPERVISION: Form("console/forms/supervision_answer.html", _offer_answer, _take_answer),
    Action.END_SUPERVISION: Form("console/forms/supervision_end.html", _offer_end, _take_end),
}
SECTIONS: list[Section] = [Section("console/forms/supervisions.html", _all)]
