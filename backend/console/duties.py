"""Duty lists (/console/duties): which there are, one as a matrix, why a cell says what it says, and edits."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from backend import db, sheets
from backend.auth import Who, require
from backend.cases import (
    categories,
    duties,
    duty_checks,
    duty_imports,
    duty_matrix,
    duty_names,
    duty_queries,
    duty_rules,
)
from backend.cases.duties import STATE_LABELS, Told
from backend.cases.models import Duty, DutyList, ListState
from backend.console.duty_tests import bp, until_now
from backend.errors import Conflict, Invalid
from backend.places.models import Area
from backend.places.roles import Level
from backend.places.scope import Editor
from backend.web import people
from backend.web.downloads import download
from backend.web.forms import last_seen, number, sentences_of
from backend.web.words import clean

__all__ = ["bp"]  # the application registers it
SOURCES = {"empty": "空白", "past": "按过去一年的办理情况推一份"}
PAST_DAYS = 365
BELOW = {Level.DISTRICT: "街道", Level.SUBDISTRICT: "社区"}  # whose duties answer where the whole has none


@bp.get("/")
@require(Who.OFFICER)
def index() -> ResponseReturnValue:
    return _lists()


@bp.post("/")
@require(Who.ADMINISTRATOR)
def draft() -> ResponseReturnValue:
    """A new draft, empty or proposed from what units did in the past."""
    try:
        with db.transaction() as session:
            row = _draft(session, people.editor(session))
    except (Invalid, Conflict) as error:
        return _lists(wrong=sentences_of(error), typed=request.form), error.status
    flash("草稿建好了，写好之后请先“检查”，再“启用”", "success")
    return redirect(url_for("duties.matrix", list_id=row.id), 303)


@bp.get("/<int:list_id>")
@require(Who.OFFICER)
def matrix(list_id: int) -> ResponseReturnValue:
    """A branch of the dictionary against the streets of the area, or the communities of one street."""
    with db.transaction() as session:
        row, area = duty_queries.get(session, people.editor(session), list_id)
        shown = _matrix(session, row)
        shown |= {"row": row, "area": area, "labels": STATE_LABELS, "mine": _edits(session, area)}
    whole = "desk/duties_rows.html" if "HX-Request" in request.headers else "desk/duties_matrix.html"
    return render_template(whole, **shown)


@bp.get("/<int:list_id>/cell")
@require(Who.OFFICER)
def cell(list_id: int) -> ResponseReturnValue:
    return _cell(list_id)


@bp.post("/<int:list_id>/cell")
@require(Who.ADMINISTRATOR)
def put(list_id: int) -> ResponseReturnValue:
    """Say in a draft who answers for this entry in this place."""
    try:
        with db.transaction() as session:
            editor = people.editor(session)
            row, area = duty_queries.get(session, editor, list_id)
            duties.put(session, editor, row.id, _told(session, area))
    except (Invalid, Conflict) as error:
        return _cell(list_id, wrong=sentences_of(error), typed=request.form), error.status
    flash("已经保存", "success")
    return redirect(_cell_address(list_id), 303)


@bp.post("/<int:list_id>/remove/<int:duty_id>")
@require(Who.ADMINISTRATOR)
def remove(list_id: int, duty_id: int) -> ResponseReturnValue:
    with db.transaction() as session:
        duties.remove(session, people.editor(session), duty_id)
    flash("已经删掉这条职责", "success")
    back = _cell_address(list_id) if "category" in request.args else url_for("duties.check", list_id=list_id)
    return redirect(back, 303)


@bp.post("/<int:list_id>/copy")
@require(Who.ADMINISTRATOR)
def copy(list_id: int) -> ResponseReturnValue:
    with db.transaction() as session:
        row = duties.copy(session, people.editor(session), list_id)
    flash("复制好了，这是草稿，怎么改都不影响使用中的那份", "success")
    return redirect(url_for("duties.matrix", list_id=row.id), 303)


@bp.post("/<int:list_id>/discard")
@require(Who.ADMINISTRATOR)
def discard(list_id: int) -> ResponseReturnValue:
    with db.transaction() as session:
        gone = duties.discard(session, people.editor(session), list_id)
    flash(f"草稿删掉了，连同 {gone} 条职责", "success")
    return redirect(url_for("duties.index"), 303)


@bp.get("/<int:list_id>/export.csv")
@require(Who.OFFICER)
def export(list_id: int) -> ResponseReturnValue:
    with db.transaction() as session:
        row, _ = duty_queries.get(session, people.editor(session), list_id)
        table = sheets.write_csv(duty_imports.HEADERS, duty_imports.rows_of(session, [row.id]))
    return download(table, "text/csv; charset=utf-8", f"职责清单-{list_id}.csv")


def _lists(**shown: Any) -> str:
    before = last_seen("before")
    with db.transaction() as session:
        editor = people.editor(session)
        rows = duty_queries.lists(session, editor, before=before)
        areas = [(area.id, area.name) for area in editor.areas()]
    more = rows[-1].DutyList.id if len(rows) == duty_queries.PAGE else None
    whole = "desk/duties_lists.html" if "HX-Request" in request.headers else "desk/duties.html"
    facts = {"rows": rows, "more": more, "labels": STATE_LABELS, "areas": areas, "sources": SOURCES}
    return render_template(whole, **({"wrong": {}, "typed": {}} | facts | shown))


def _draft(session: Session, editor: Editor) -> DutyList:
    area_id, name = number(request.form.get("area", "")), clean(request.form.get("name", ""))
    if area_id is None:
        raise Invalid("请选择这份清单是哪个区域的")
    if request.form.get("from") == "past":
        return duty_checks.draft_derived(session, editor, area_id, name, *until_now(PAST_DAYS))
    return duties.draft(session, editor, area_id, name)


def _matrix(session: Session, row: DutyList) -> dict[str, Any]:
    tops = categories.below(session)
    chosen = number(request.args.get("top", ""))
    top = next((each for each in tops if each.id == chosen), tops[0] if tops else None)
    under = duty_matrix.place(session, row, number(request.args.get("under", "")))
    across = duty_matrix.columns(session, under)
    after = last_seen("after")
    found = duty_matrix.rows(session, row, top, across, after=after) if top else []
    more = found[-1].category.id if len(found) == duty_matrix.PAGE else None
    name = duty_matrix.naming(session, found)
    return {
        "tops": tops,
        "choices": [(each.id, each.name) for each in tops],
        "top": top,
        "under": under,
        "across": across,
        "rows": found,
        "more": more,
        "name": name,
        "below": BELOW,
    }


def _cell(list_id: int, **shown: Any) -> str:
    category_id, area_id = _of_cell()
    with db.transaction() as session:
        row, area = duty_queries.get(session, people.editor(session), list_id)
        category = categories.get(session, category_id or 0)
        where = duty_matrix.place(session, row, area_id)
        found = duty_matrix.explain(session, row, category, where)
        name = duty_rules.naming(session, [found.decision])
        may_edit = _edits(session, area) and row.state is ListState.DRAFT and category.until_id is None
        facts = {"row": row, "area": area, "category": category, "where": where, "cell": found, "name": name}
        facts |= {
            "scope": duty_matrix.scope_words,
            "below": BELOW,
            "own_id": _own_id(session, row, found),
            "may_edit": may_edit,
        }
        facts["units"] = _choices(session, area, where) if may_edit else []
        return render_template("desk/duties_cell.html", **({"wrong": {}, "typed": {}} | facts | shown))


def _own_id(session: Session, row: DutyList, found: duty_matrix.Cell) -> int | None:
    """The duty of this very cell, if the list has one: it can be taken out."""
    if found.decision is None or not found.is_own:
        return None
    duty = session.get(Duty, found.decision.duty.id)
    return duty.id if duty and duty.list_id == row.id else None


def _choices(session: Session, area: Area, where: Area) -> list[tuple[int, str]]:
    """The units that may answer there, those nearest to the place first."""
    named = duty_names.units(session, area)
    found = {unit.id: unit for units in named.values() for unit in units}
    chain = duty_names.area_chain(where)
    near = sorted(found.values(), key=lambda unit: (unit.area_id not in chain, unit.name))
    return [(unit.id, duty_names.full_unit_name(unit)) for unit in near]


def _told(session: Session, area: Area) -> Told:
    """What the form of a cell says."""
    unit_id = number(request.form.get("unit", ""))
    if unit_id is None:
        raise Invalid("请选择责任单位")
    names = duty_names.Names(area, duty_names.units(session, area))
    assisting = [names.unit(each).id for each in sheets.words(clean(request.form.get("assisting", "")))]
    source = clean(request.form.get("source", ""))
    return Told(unit_id, *_of_cell(), assisting=tuple(assisting), source=source)


def _cell_address(list_id: int) -> str:
    category, area = _of_cell()
    return url_for("duties.cell", list_id=list_id, category=category, area=area)


def _of_cell() -> tuple[int | None, int | None]:
    """The entry and the place that the address names."""
    return number(request.args.get("category", "")), number(request.args.get("area", ""))


def _edits(session: Session, area: Area) -> bool:
    return people.editor(session).may_edit(area)
