"""QR codes (/console/codes): the list with what each brings, one code, and what may be done with it."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from backend import db
from backend.auth import Who, require
from backend.cases import code_figures
from backend.cases.category_models import Category
from backend.cases.code_figures import STATE_LABELS
from backend.console import code_forms, code_making
from backend.console.code_files import bp, find, read_wanted
from backend.errors import Conflict, Invalid
from backend.places import area_lists, code_changes, codes, poster_jobs
from backend.places.layouts import PAGES
from backend.places.models import CodeScans, PlaceCode
from backend.places.queries import path_names, units_serving
from backend.places.roles import CARRIER_LABELS, LEVEL_LABELS
from backend.places.scope import Editor
from backend.web import people
from backend.web.forms import last_seen, sentences_of

__all__ = ["bp", "code_making"]  # the application registers the one; the other adds its routes

DAYS = 30  # that a page's figures look back
LIST_DAYS = 90
BAR = 60  # height of a chart in its own units
Act = Callable[[Session, Editor, int], PlaceCode]


@bp.get("/")
@require(Who.OFFICER)
def index() -> ResponseReturnValue:
    before = last_seen("before")
    with db.transaction() as session:
        editor = people.editor(session)
        wanted = read_wanted(session, editor, request.args)
        rows = code_figures.page(session, editor, wanted, before=before)
        until = codes.today()
        shown = {
            "rows": rows,
            "above": area_lists.above(session, {row.area for row in rows}),
            "figures": code_figures.figures(
                session, [row.id for row in rows], until - timedelta(days=LIST_DAYS - 1), until
            ),
            "jobs": [] if before else poster_jobs.recent(session, editor.officer_id or 0, 3),
        }
    more = rows[-1].id if len(rows) == code_figures.PAGE else None
    whole = "desk/codes_rows.html" if before else "desk/codes_list.html"
    page = whole if "HX-Request" in request.headers else "desk/codes.html"
    return render_template(page, wanted=wanted, more=more, **shown, **_words(editor))


def _words(editor: Editor) -> dict[str, Any]:
    """What the pages of codes call things, and whether this person makes codes anywhere."""
    return {
        "carriers": CARRIER_LABELS,
        "states": STATE_LABELS,
        "levels": LEVEL_LABELS,
        "formats": PAGES,
        "list_days": LIST_DAYS,
        "is_used": codes.is_used,
        "may_add": bool(editor.areas()),
    }


@bp.get("/<int:code_id>")
@require(Who.OFFICER)
def code(code_id: int) -> ResponseReturnValue:
    return _show(code_id)


@bp.post("/<int:code_id>/change")
@require(Who.ADMINISTRATOR)
def change(code_id: int) -> ResponseReturnValue:
    """Say something else with the code; what cannot be taken is said beside its field."""
    try:
        with db.transaction() as session:
            wish = code_forms.wish(session, request.form)
            code_changes.change(session, people.editor(session), code_id, wish)
    except (Invalid, Conflict) as error:
        return _show(code_id, wrong=sentences_of(error), typed=request.form), error.status
    flash("已经保存。贴出去的码照样能用", "success")
    return redirect(url_for("codes.code", code_id=code_id), 303)


@bp.post("/<int:code_id>/revoke")
@require(Who.ADMINISTRATOR)
def revoke(code_id: int) -> ResponseReturnValue:
    return _act(code_id, code_changes.revoke, "已停用。还有人扫它，会告诉他怎样反映；贴错了可以恢复")


@bp.post("/<int:code_id>/unrevoke")
@require(Who.ADMINISTRATOR)
def unrevoke(code_id: int) -> ResponseReturnValue:
    return _act(code_id, code_changes.unrevoke, "已恢复使用")


def _act(code_id: int, act: Act, done: str) -> ResponseReturnValue:
    try:
        with db.transaction() as session:
            act(session, people.editor(session), code_id)
    except Conflict as error:
        return _show(code_id, wrong=sentences_of(error)), error.status
    flash(done, "success")
    return redirect(url_for("codes.code", code_id=code_id), 303)


def _show(code_id: int, **shown: Any) -> str:
    with db.transaction() as session:
        editor = people.editor(session)
        row = find(session, editor, code_id)
        return render_template("desk/code.html", **(_facts(session, editor, row) | shown))


def _facts(session: Session, editor: Editor, row: PlaceCode) -> dict[str, Any]:
    until = codes.today()
    since = until - timedelta(days=DAYS - 1)
    category = session.get(Category, row.category_id) if row.category_id else None
    may_edit = editor.may_edit(row.area)
    units = units_serving(session, row.area) if may_edit else []
    return {
        "code": row,
        "text": codes.text_of(row),
        "path": path_names(session, row.area),
        "category": category,
        "units": [(unit.id, unit.name) for unit in units if unit.closed_at is None],
        "figures": code_figures.figures(session, [row.id], since, until)[row.id],
        "days": DAYS,
        "chart": _chart(codes.days_of(session, row.id, since)),
        "may_edit": may_edit,
        "given": code_forms.given(row, category),
        "typed": None,
        "wrong": {},
        **_words(editor),
    }


def _chart(days: Sequence[CodeScans]) -> list[tuple[int, int, str]]:
    """A bar for each of the last DAYS: where it begins, its height, and what it says."""
    counted = {one.day: one for one in days}
    most = max((one.scans for one in days), default=0) or 1
    bars = []
    for number in range(DAYS):
        day = codes.today() - timedelta(days=DAYS - 1 - number)
        scans = counted[day].scans if day in counted else 0
        words = f"{day.month}月{day.day}日 扫码 {scans} 次"
        bars.append((number * 10, round(scans / most * BAR), words))
    return bars
