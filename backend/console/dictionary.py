"""The event dictionary (/console/dictionary): looked through, searched while one types, and kept."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from backend import db
from backend.auth import Who, require
from backend.cases import categories, category_search, editions, limits
from backend.cases.categories import KIND_LABELS
from backend.cases.category_models import CaseKind, Category
from backend.errors import Conflict, Forbidden, Invalid
from backend.places.scope import Editor
from backend.sheets import words
from backend.web import people
from backend.web.forms import WrongFields, last_seen, must_be_sure, sentences_of
from backend.web.words import clean

bp = Blueprint("dictionary", __name__, url_prefix="/console/dictionary")

EDITIONS = "desk/dictionary_editions.html"
SHOWN = 200  # entries of one sort on an edition's page


@bp.get("/")
@require(Who.OFFICER)
def index() -> ResponseReturnValue:
    """The kinds and the topmost entries; with words to look for, what they find."""
    return _list()


@bp.get("/<int:category_id>/below")
@require(Who.OFFICER)
def below(category_id: int) -> ResponseReturnValue:
    """What lies right below an entry: a part of the page, fetched when one opens it."""
    kind = _kind(request.args.get("kind"))
    with db.transaction() as session:
        rows = categories.below(session, categories.get(session, category_id), kind)
        leaves = categories.leaves_among(session, rows)
    return render_template("desk/dictionary_branch.html", rows=rows, leaves=leaves, kind=kind)


@bp.get("/<int:category_id>")
@require(Who.OFFICER)
def entry(category_id: int) -> ResponseReturnValue:
    return _show(category_id)


@bp.post("/<int:category_id>/<act>")
@require(Who.ADMINISTRATOR)
def change(category_id: int, act: str) -> ResponseReturnValue:
    """One act on an entry; what cannot be done is said on the page, with what was typed."""
    if act not in ACTS:
        raise Invalid("没有这种操作，请刷新页面再试")
    try:
        with db.transaction() as session:
            row = ACTS[act](session, people.editor(session), category_id)
    except (Invalid, Conflict) as error:
        return _show(category_id, wrong=sentences_of(error), tried=act, typed=request.form), error.status
    flash("已经保存", "success")
    return redirect(url_for("dictionary.entry", category_id=row.id), 303)


@bp.post("/")
@require(Who.ADMINISTRATOR)
def add_top() -> ResponseReturnValue:
    """A new entry on the topmost level."""
    try:
        with db.transaction() as session:
            row = _add(session, people.editor(session), None)
    except (Invalid, Conflict) as error:
        return _list(wrong=sentences_of(error), typed=request.form), error.status
    flash("已经新增", "success")
    return redirect(url_for("dictionary.entry", category_id=row.id), 303)


@bp.get("/editions")
@require(Who.OFFICER)
def all_editions() -> ResponseReturnValue:
    before = last_seen("before")
    with db.transaction() as session:
        rows = categories.editions_page(session, before=before)
    whole = "desk/dictionary_editions_rows.html" if "HX-Request" in request.headers else EDITIONS
    return render_template(whole, rows=rows, more=rows[-1].id if len(rows) == categories.PAGE else None)


@bp.get("/editions/<int:edition_id>")
@require(Who.OFFICER)
def edition(edition_id: int) -> ResponseReturnValue:
    with db.transaction() as session:
        row = categories.get_edition(session, edition_id)
        told = categories.edition_changes(session, edition_id)
    return render_template("desk/dictionary_edition.html", edition=row, told=told, most=SHOWN)


def _list(**shown: Any) -> str:
    said = clean(request.args.get("q", ""))[:60]
    kind = _kind(request.args.get("kind"))
    with db.transaction() as session:
        shown |= {"found": category_search.find(session, said)} if said else _tops(session, kind)
        shown["keeps"] = _keeps(people.editor(session))
    whole = "desk/dictionary_list.html" if "HX-Request" in request.headers else "desk/dictionary.html"
    return render_template(whole, q=said, kind=kind, kinds=KIND_LABELS, **shown)


def _show(category_id: int, **shown: Any) -> str:
    with db.transaction() as session:
        row = categories.get(session, category_id)
        return render_template("desk/dictionary_entry.html", **(_facts(session, row) | shown))


def _facts(session: Session, row: Category) -> dict[str, Any]:
    rows = categories.below(session, row)
    past = categories.history(session, row)
    return {
        "row": row,
        "above": categories.above(session, row),
        "rows": rows,
        "leaves": categories.leaves_among(session, rows),
        "past": past,
        "now": next((each for each, _ in past if each.until_id is None), None),
        "touched": categories.end_touches(session, row.id) if row.until_id is None else None,
        "many": categories.MANY,
        "keeps": _keeps(people.editor(session)),
        "kinds": KIND_LABELS,
        "limit": limits.words(row.resolve_hours, row.in_working_days),
        "levels": editions.LEVELS,
        "wrong": {},
        "typed": {},
        "tried": "",
    }


def _tops(session: Session, kind: CaseKind | None) -> dict[str, Any]:
    rows = categories.below(session, None, kind)
    return {
        "rows": rows,
        "leaves": categories.leaves_among(session, rows),
        "tally": categories.tally(session),
        "found": None,
    }


def _amend(session: Session, editor: Editor, category_id: int) -> Category:
    try:
        hours, in_working_days = limits.parse(clean(request.form.get("limit", "")))
    except Invalid as error:
        raise WrongFields({"limit": error.message}) from None
    return categories.amend(
        session,
        editor,
        category_id,
        synonyms=words(clean(request.form.get("synonyms", ""))),
        keywords=words(clean(request.form.get("keywords", ""))),
        resolve_hours=hours,
        in_working_days=in_working_days,
    )


def _rename(session: Session, editor: Editor, category_id: int) -> Category:
    return categories.rename(session, editor, category_id, clean(request.form.get("name", "")))


def _move(session: Session, editor: Editor, category_id: int) -> Category:
    """Under the entry of the code that was typed; at the top without one."""
    code = clean(request.form.get("under", ""))
    under = categories.with_code(session, code) if code else None
    return categories.move(session, editor, category_id, under.id if under else None)


def _add(session: Session, editor: Editor, category_id: int | None) -> Category:
    kind = _kind(request.form.get("kind"))
    if kind is None:
        raise WrongFields({"kind": "请选择是五大类里的哪一类"})
    name, code = clean(request.form.get("name", "")), clean(request.form.get("code", ""))
    return categories.add(session, editor, name, under_id=category_id, kind=kind, code=code)


def _end(session: Session, editor: Editor, category_id: int) -> Category:
    must_be_sure()
    categories.end(session, editor, category_id)
    return categories.get(session, category_id)


ACTS = {"words": _amend, "rename": _rename, "move": _move, "add": _add, "end": _end}


def _kind(text: str | None) -> CaseKind | None:
    return CaseKind(text) if text in set(CaseKind) else None


def _keeps(editor: Editor) -> bool:
    """Whether the caller keeps the dictionary, so that the page offers what may be done."""
    try:
        editions.must_keep(editor)
    except Forbidden:
        return False
    return True
