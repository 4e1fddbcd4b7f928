"""Thanks on the page of a case: the forms that write them down and strike them, and all there are."""

from collections.abc import Sequence
from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from backend.cases import thanks
from backend.cases.attachments import Photo
from backend.cases.models import Case
from backend.cases.service import Actor
from backend.cases.thanks import KIND_LABELS, RECORDED, SEEN
from backend.cases.thanks_models import Thanks, ThanksKind
from backend.cases.workflow import Action, Status
from backend.console.case_forms import Facts, Form, Section
from backend.errors import NotFound
from backend.places.models import Officer
from backend.times import day, local, now
from backend.web.forms import WrongFields, number
from backend.web.words import NOTE_LENGTH, clean

Typed = MultiDict[str, str]
ONE_PHOTO = "只能传一张照片，请选最清楚的一张"
MISSING = {
    "kind": "请选择怎么感谢的",
    "day": "请填写是哪一天",
    "thanks": "请选择撤销哪一条",
    "note": "请写明撤销的理由",
}


def _offer_record(_session: Session, case: Case, _actor: Actor) -> Facts | None:
    """Before the end there is little to thank for; a resident may do so with an answer that reopens."""
    if case.status not in (Status.RESOLVED, Status.CLOSED):
        return None
    kinds = [(kind.value, KIND_LABELS[kind]) for kind in RECORDED]
    return {"kinds": kinds, "today": local(now()).date().isoformat(), "missing": MISSING}


def _record(session: Session, case_number: str, actor: Actor, form: Typed, photos: Sequence[Photo]) -> Case:
    kind, said, words = form.get("kind", ""), _day(form.get("day", "")), _note(form)
    wrong = {} if kind in set(RECORDED) else {"kind": MISSING["kind"]}
    wrong |= {} if said else {"day": MISSING["day"]}
    if kind in SEEN and not photos:
        wrong["photos"] = thanks.NO_PHOTO
    if len(photos) > 1:
        wrong["photos"] = ONE_PHOTO
    if kind in set(RECORDED) - SEEN and not words:
        wrong["note"] = thanks.NO_WORDS
    if wrong or said is None:
        raise WrongFields(wrong)
    photo = photos[0] if photos else None
    row = thanks.record(session, case_number, actor, ThanksKind(kind), said, words, photo)
    return session.get_one(Case, row.case_id)


def _offer_strike(session: Session, case: Case, _actor: Actor) -> Facts | None:
    standing = [row for row in thanks.of_case(session, case.id) if row.struck_at is None]
    choices = [(row.id, f"{KIND_LABELS[row.kind]}（{row.day}）{row.words[:20]}") for row in standing]
    return {"choices": choices, "missing": MISSING} if choices else None


def _strike(session: Session, case_number: str, actor: Actor, form: Typed, _photos: Sequence[Photo]) -> Case:
    chosen, reason = number(form.get("thanks", "")), _note(form)
    given = {"thanks": chosen, "note": reason}
    if wrong := {name: MISSING[name] for name, value in given.items() if not value}:
        raise WrongFields(wrong)
    row = thanks.strike(session, chosen or 0, actor, reason)
    if row.case.number != case_number:
        raise NotFound(thanks.NOT_FOUND)
    return row.case


def _day(text: str) -> date | None:
    try:
        return day(text.strip())
    except ValueError:
        return None


def _note(form: Typed) -> str:
    note = clean(form.get("note", ""))
    if len(note) > NOTE_LENGTH:
        raise WrongFields({"note": f"写得太长了，最多 {NOTE_LENGTH} 个字"})
    return note


def _all(session: Session, case: Case, _actor: Actor) -> Facts | None:
    rows = thanks.of_case(session, case.id)
    return {"rows": rows, "kinds": KIND_LABELS, "names": _names(session, rows)} if rows else None


def _names(session: Session, rows: Sequence[Thanks]) -> dict[int, str]:
    """The officers who wrote them down or struck them."""
    ids = {one for row in rows for one in (row.officer_id, row.struck_by) if one}
    found = session.execute(sa.select(Officer.id, Officer.name).where(Officer.id.in_(ids)))
    return {officer_id: name for officer_id, name in found}


FORMS: dict[Action, Form] = {
    Action.THANK: Form("console/forms/thank.html", _offer_record, _record),
    Action.STRIKE_THANKS: Form("console/forms/strike_thanks.html", _offer_strike, _strike),
}
SECTIONS: list[Section] = [Section("console/sections/thanks.html", _all)]
