"""Units (/console/units): listed and searched, changed, merged where they are twins, closed and reopened."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from backend import db
from backend.auth import Who, require
from backend.console import choosing
from backend.errors import Conflict, Invalid, NotFound
from backend.orders import successions
from backend.places import duty, officers, queries, unit_ends, units
from backend.places.models import Unit
from backend.places.roles import ROLE_LABELS, UNIT_LABELS, UnitKind
from backend.places.scope import Editor
from backend.places.units import Facts
from backend.sheets import words
from backend.web import people
from backend.web.forms import WrongFields, last_seen, must_be_sure, number, numbers, sentences_of
from backend.web.words import clean

bp = Blueprint("units", __name__, url_prefix="/console/units")


@bp.get("/")
@require(Who.OFFICER)
def index() -> ResponseReturnValue:
    said, kind = clean(request.args.get("q", ""))[:60], _kind(request.args.get("kind"))
    shown: dict[str, Any] = {"q": said, "kind": kind, "closed": bool(request.args.get("closed"))}
    after = last_seen("after")
    with db.transaction() as session:
        editor = people.editor(session)
        rows = units.page(session, editor, search=said, kind=kind, closed=shown["closed"], after=after)
    shown |= {"rows": rows, "more": rows[-1].id if len(rows) == units.PAGE else None}
    whole = "desk/units_rows.html" if after else "desk/units_list.html"
    page = whole if "HX-Request" in request.headers else "desk/units.html"
    return render_template(page, kinds=UNIT_LABELS, may_add=bool(editor.areas()), **shown)


@bp.get("/new")
@require(Who.ADMINISTRATOR)
def new() -> ResponseReturnValue:
    return _form()


@bp.post("/new")
@require(Who.ADMINISTRATOR)
def add() -> ResponseReturnValue:
    try:
        with db.transaction() as session:
            editor = people.editor(session)
            unit = units.add(session, editor, _facts(session, editor))
    except (Invalid, Conflict, NotFound) as error:
        return _form(wrong=sentences_of(error), typed=request.form), error.status
    flash(f"已新增“{unit.name}”", "success")
    return redirect(url_for("units.unit", unit_id=unit.id), 303)


@bp.get("/twins")
@require(Who.ADMINISTRATOR)
def twins() -> ResponseReturnValue:
    """Groups of probable twins, with what hangs on each: one chooses which stays."""
    with db.transaction() as session:
        groups = units.offers(session, people.editor(session))
        touched = unit_ends.touches_of(session, [unit.id for group in groups for unit in group])
    return render_template("desk/units_twins.html", groups=groups, touched=touched, kinds=UNIT_LABELS)


@bp.post("/twins")
@require(Who.ADMINISTRATOR)
def merge_twins() -> ResponseReturnValue:
    """Merge the others that were ticked into the one that stays."""
    into_id = number(request.form.get("into", ""))
    others = [unit_id for unit_id in numbers(request.form.getlist("unit")) if unit_id != into_id]
    if into_id is None or not others:
        raise Invalid("请选择保留哪一个，并勾选要并入它的单位")
    must_be_sure()
    with db.transaction() as session:
        editor = people.editor(session)
        for unit_id in others:
            into = successions.merge(session, editor, unit_id, into_id)
    flash(f"已经并入“{into.name}”", "success")
    return redirect(url_for("units.twins"), 303)


@bp.get("/<int:unit_id>")
@require(Who.OFFICER)
def unit(unit_id: int) -> ResponseReturnValue:
    return _show(unit_id)


@bp.post("/<int:unit_id>/<act>")
@require(Who.ADMINISTRATOR)
def change(unit_id: int, act: str) -> ResponseReturnValue:
    """One act on a unit; what cannot be done is said on the page, with what was typed."""
    if act not in ACTS:
        raise NotFound("没有这种操作，请刷新页面再试")
    try:
        with db.transaction() as session:
            row = ACTS[act](session, people.editor(session), unit_id)
    except (Invalid, Conflict) as error:
        return _show(unit_id, wrong=sentences_of(error), tried=act, typed=request.form), error.status
    flash("已经保存", "success")
    return redirect(url_for("units.unit", unit_id=row.id), 303)


def _show(unit_id: int, **shown: Any) -> str:
    with db.transaction() as session:
        editor = people.editor(session)
        row = units.find(session, editor, unit_id)
        return render_template("desk/unit.html", **(_page(session, editor, row) | shown))


def _page(session: Session, editor: Editor, row: Unit) -> dict[str, Any]:
    may_edit = editor.may_edit(row.area)
    return {
        "unit": row,
        "place": queries.path_names(session, row.area),
        "kinds": UNIT_LABELS,
        "roles": ROLE_LABELS,
        "staff": officers.page(session, editor, unit_id=row.id),
        "on_duty": duty.on_duty(session, unit_id=row.id),
        "touched": unit_ends.touches(session, row.id),
        "successor": session.get(Unit, row.successor_id) if row.successor_id else None,
        "may_edit": may_edit,
        "others": choosing.units(session, editor, row) if may_edit else [],
        "areas": choosing.areas(session, editor) if may_edit else [],
        "typed": {},
        "wrong": {},
        "tried": "",
    }


def _form(**shown: Any) -> str:
    with db.transaction() as session:
        suggested = choosing.areas(session, people.editor(session))
    return render_template(
        "desk/unit_new.html", **({"kinds": UNIT_LABELS, "areas": suggested, "typed": {}, "wrong": {}} | shown)
    )


def _facts(session: Session, editor: Editor) -> Facts:
    said = {name: clean(request.form.get(name, "")) for name in ("name", "kind", "area", "code", "telephone")}
    kind = _kind(said["kind"])
    if not said["name"] or kind is None:
        missing = {"name": not said["name"] and "请填写单位名称", "kind": kind is None and "请选择类型"}
        raise WrongFields({field: words for field, words in missing.items() if words})
    area = choosing.area_called(session, editor, said["area"])
    aliases = words(clean(request.form.get("aliases", "")))
    return Facts(said["name"], kind, area.id, said["code"], said["telephone"], aliases)


def _change(session: Session, editor: Editor, unit_id: int) -> Unit:
    return units.change(session, editor, unit_id, _facts(session, editor))


def _merge(session: Session, editor: Editor, unit_id: int) -> Unit:
    into_id = _other(session, editor, "twin")
    if into_id is None:
        raise WrongFields({"twin": "请填并入哪个单位"})
    must_be_sure()
    return successions.merge(session, editor, unit_id, into_id)


def _close(session: Session, editor: Editor, unit_id: int) -> Unit:
    return successions.close(session, editor, unit_id, _other(session, editor, "successor"))


def _other(session: Session, editor: Editor, field: str) -> int | None:
    """The unit that was typed, if one was. Raises WrongFields."""
    said = clean(request.form.get(field, ""))
    found = choosing.unit_called(session, editor, said, field) if said else None
    if said and found is None:
        raise WrongFields({field: choosing.NO_UNIT})
    return found.id if found else None


def _reopen(session: Session, editor: Editor, unit_id: int) -> Unit:
    return unit_ends.reopen(session, editor, unit_id)


ACTS: dict[str, Callable[[Session, Editor, int], Unit]] = {
    "change": _change, "merge": _merge, "close": _close, "reopen": _reopen,
}  # fmt: skip


def _kind(text: str | None) -> UnitKind | None:
    return UnitKind(text) if text in set(UnitKind) else None
