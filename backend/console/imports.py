"""Imports and exports (/console/imports): a file is looked at row by row, and taken in when one says so."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from backend import db, sheets
from backend.auth import Who, require
from backend.cases.tables import KINDS
from backend.errors import AppError, Conflict, Invalid, NotFound
from backend.places import changes, imports
from backend.places.changes import Did, Entry
from backend.places.imports import FATE_LABELS, Fate, Kind, Options
from backend.places.models import Import
from backend.places.scope import Editor
from backend.times import local, now
from backend.web import people
from backend.web.downloads import download
from backend.web.forms import WrongFields, last_seen, sentences_of
from backend.web.words import clean

bp = Blueprint("imports", __name__, url_prefix="/console/imports")

ROWS = 100  # of a report on one page
RECENT = 20
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
NAMED = {"categories", "duties"}  # kinds of which several stand side by side, so that each has a name


@bp.get("/")
@require(Who.ADMINISTRATOR)
def index() -> ResponseReturnValue:
    return _offer(request.args.get("kind", "areas"))


@bp.post("/<kind>")
@require(Who.ADMINISTRATOR)
def upload(kind: str) -> ResponseReturnValue:
    """The dry run: nothing is changed, and a page says what would be."""
    try:
        with db.transaction() as session:
            row = _look(session, _kind(kind), people.editor(session))
    except AppError as error:
        return _offer(kind, sentences_of(error)), error.status
    return redirect(url_for("imports.report", import_id=row.id), 303)


@bp.get("/<int:import_id>")
@require(Who.ADMINISTRATOR)
def report(import_id: int) -> ResponseReturnValue:
    with db.transaction() as session:
        row = _own(session, people.editor(session), import_id)
    rows = imports.fates(row, fate=request.args.get("fate", ""), after=last_seen("after") or 0, limit=ROWS)
    whole = "desk/import.html" if "HX-Request" not in request.headers else "desk/import_rows.html"
    shown = {"import_": row, "rows": rows, "fate": request.args.get("fate", ""), "fates": FATE_LABELS}
    return render_template(whole, kind=_kind(row.kind), more=len(rows) == ROWS, **shown)


@bp.post("/<int:import_id>/apply")
@require(Who.ADMINISTRATOR)
def apply(import_id: int) -> ResponseReturnValue:
    try:
        with db.transaction() as session:
            editor = people.editor(session)
            row = _own(session, editor, import_id)
            skips = bool(request.form.get("skip_refused"))
            imports.apply(session, _kind(row.kind), row, editor, skip_refused=skips)
        flash(f"导入完成：新增 {row.counts[Fate.ADDED]} 行，更新 {row.counts[Fate.CHANGED]} 行", "success")
    except (Conflict, Invalid) as error:
        flash(error.message, "danger")
    return redirect(url_for("imports.report", import_id=import_id), 303)


@bp.post("/<kind>/export.<suffix>")
@require(Who.ADMINISTRATOR)
def export(kind: str, suffix: str) -> ResponseReturnValue:
    """All rows of this kind in the caller's areas, as a file that the import takes. It may hold names and
    numbers, so it asks for the second factor, and who took it is on the record."""
    wanted = _kind(kind)
    with db.transaction() as session:
        editor = people.editor(session)
        rows = list(wanted.export(session, editor))
        taken = Entry(Did.EXPORTED, wanted.name, 0, wanted.label, None, after={"rows": len(rows)})
        changes.record(session, editor, [taken])
    return _file(wanted, rows, suffix, f"{wanted.label}-{local(now()):%Y%m%d}")


@bp.get("/<kind>/template.<suffix>")
@require(Who.ADMINISTRATOR)
def template(kind: str, suffix: str) -> ResponseReturnValue:
    """An empty file with the headers that the import knows."""
    wanted = _kind(kind)
    return _file(wanted, [], suffix, f"{wanted.label}-模板")


def _kind(name: str) -> Kind:
    if name not in KINDS:
        raise NotFound("没有这种表格")
    return KINDS[name]


def _file(kind: Kind, rows: list[Sequence[Any]], suffix: str, name: str) -> Response:
    writers = {"xlsx": (sheets.write_xlsx, XLSX), "csv": (sheets.write_csv, "text/csv; charset=utf-8")}
    if suffix not in writers:
        raise NotFound("只有 XLSX 和 CSV 两种文件")
    write, mime = writers[suffix]
    return download(write(kind.headers, rows), mime, f"{name}.{suffix}")


def _look(session: Session, kind: Kind, editor: Editor) -> Import:
    file = request.files.get("file")
    if file is None or not file.filename:
        raise WrongFields({"file": "请选择一个 XLSX 或 CSV 文件"})
    under = request.form.get("under", "")
    options = Options(
        under_id=int(under) if under in {str(area.id) for area in editor.areas()} else None,
        name=clean(request.form.get("name", ""))[:60],
        is_whole=bool(request.form.get("is_whole")),
    )
    return imports.look(session, kind, file.read(), clean(file.filename)[-100:], editor, options)


def _own(session: Session, editor: Editor, import_id: int) -> Import:
    """A report quotes the file: it is for whoever sent it, and for nobody else."""
    row = session.get(Import, import_id)
    if row is None or row.officer_id != editor.officer_id:
        raise NotFound("没有这次导入，或者不是您上传的")
    return row


def _offer(kind: str, wrong: dict[str, str] | None = None) -> str:
    with db.transaction() as session:
        editor = people.editor(session)
        own = sa.select(Import).where(Import.officer_id == editor.officer_id).order_by(Import.id.desc())
        recent = session.scalars(own.options(sa.orm.defer(Import.report)).limit(RECENT)).all()
    return render_template(
        "desk/imports.html",
        kind=_kind(kind),
        kinds=KINDS,
        is_named=kind in NAMED,
        areas=[(area.id, area.name) for area in editor.areas()],
        recent=recent,
        fates=FATE_LABELS,
        wrong=wrong or {},
        typed=request.form,
    )
