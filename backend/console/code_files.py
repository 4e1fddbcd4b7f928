"""Files of codes (/console/codes/…): pictures, single posters, and jobs of many.

The other halves of these pages are codes.py and code_making.py, which share the blueprint.
"""

from io import BytesIO

import sqlalchemy as sa
from flask import Blueprint, Response, g, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session, joinedload
from werkzeug.datastructures import MultiDict

from backend import db, storage
from backend.auth import Who, require
from backend.broker import nudge
from backend.cases.code_figures import STATES, Wanted
from backend.console import poster_tasks, posters
from backend.db import after_commit
from backend.errors import AppError, Invalid, NotFound
from backend.places import area_lists, codes, poster_jobs
from backend.places.drawing import draw_png, draw_svg
from backend.places.layouts import PAGES, Format
from backend.places.models import Area, PlaceCode
from backend.places.poster_jobs import JobState, PosterJob
from backend.places.roles import Carrier
from backend.places.scope import Editor
from backend.web import errors, people
from backend.web.forms import number, numbers
from backend.web.words import clean
from backend.wechat import qrcodes

bp = Blueprint("codes", __name__, url_prefix="/console/codes")

PICTURES = {"png": "image/png", "jpg": "image/jpeg", "svg": "image/svg+xml"}
MIMES = PICTURES | {"pdf": "application/pdf", "zip": "application/zip"}
NOT_MADE = "微信还没有生成这个码的图片，请过几分钟再来"
STOP = 286  # tells htmx to ask no more
CHOSEN = 1_000  # codes ticked on one page


@bp.errorhandler(NotFound)
def refuse(error: AppError) -> ResponseReturnValue:
    """Who works here goes on from the list of codes."""
    links = [("返回二维码", url_for("codes.index"))]
    return errors.answer(error.status, error.code, error.message, links=links)


def find(session: Session, editor: Editor, code_id: int) -> PlaceCode:
    """The code with its place, if it hangs where this person works. Raises NotFound."""
    query = sa.select(PlaceCode).join(Area, Area.id == PlaceCode.area_id)
    seen = query.where(PlaceCode.id == code_id, editor.sees(Area)).options(joinedload(PlaceCode.area))
    row = session.scalars(seen).first()
    if row is None:
        raise NotFound("没有这个二维码，请从列表里重新打开")
    return row


def read_wanted(session: Session, editor: Editor, said: "MultiDict[str, str]") -> Wanted:
    """What a list of codes is narrowed to; what nobody could have chosen is left out."""
    carrier, state = said.get("carrier", ""), said.get("state", "")
    area_id = number(said.get("area", ""))
    return Wanted(
        words=clean(said.get("q", ""))[:60],
        carrier=Carrier(carrier) if carrier in set(Carrier) else None,
        state=state if state in STATES else "",
        area=_area_of(session, editor, area_id) if area_id else None,
    )


def _area_of(session: Session, editor: Editor, area_id: int) -> Area | None:
    """The place, if this person sees it."""
    wanted = session.get(Area, area_id)
    return wanted if wanted and wanted.id in area_lists.seen(session, editor, wanted) else None


@bp.get("/<int:code_id>/picture.<any(svg, png, jpg):ending>")
@require(Who.OFFICER)
def picture(code_id: int, ending: str) -> ResponseReturnValue:
    """The picture alone: drawn from its text, or as WeChat drew it."""
    with db.transaction() as session:
        row = find(session, people.editor(session), code_id)
    text = codes.text_of(row)
    if text is None and not (row.carrier is Carrier.MINI_PROGRAM and row.ticket):
        raise NotFound(NOT_MADE)
    if text is None:
        return _file(*qrcodes.picture(row), row.area.name)
    content = draw_svg(text).encode() if ending == "svg" else draw_png(text)
    return _file(content, "svg" if ending == "svg" else "png", row.area.name)


@bp.get("/<int:code_id>/poster-<format_>.pdf")
@require(Who.OFFICER)
def poster(code_id: int, format_: str) -> ResponseReturnValue:
    if format_ not in set(Format):
        raise NotFound("没有这种纸张，请回到二维码页面重新选择")
    with db.transaction() as session:
        editor = people.editor(session)
        name = find(session, editor, code_id).area.name
        sheets = posters.collect(session, editor, Wanted(), ids=[code_id])
    drawn = BytesIO()
    posters.draw(sheets, Format(format_), drawn, is_zip=False)
    return _file(drawn.getvalue(), "pdf", f"{name} {PAGES[Format(format_)].name}")


@bp.post("/posters")
@require(Who.OFFICER)
def ask_posters() -> ResponseReturnValue:
    """Have the worker draw what was ticked, or else all that the list shows. Nothing in the register changes,
    so whoever sees codes may print them."""
    with db.transaction() as session:
        job = _job(session, people.editor(session))
        session.add(job)
        session.flush()
        after_commit(session, lambda: nudge(poster_tasks.draw, [job.id]))
    return redirect(url_for("codes.posters_of", job_id=job.id), 303)


def _job(session: Session, editor: Editor) -> PosterJob:
    form = request.form
    if form.get("format") not in set(Format):
        raise Invalid("请选择纸张")
    ids = numbers(form.getlist("ids"))[:CHOSEN]
    wanted = read_wanted(session, editor, form)
    said = {"words": wanted.words, "carrier": wanted.carrier or "", "state": wanted.state}
    return PosterJob(
        officer_id=editor.officer_id,
        area_id=wanted.area.id if wanted.area and not ids else None,
        wanted={"ids": ids} if ids else said,
        format=Format(form["format"]),
        is_zip=form.get("kind") == "zip",
    )


@bp.get("/posters/<int:job_id>")
@require(Who.OFFICER)
def posters_of(job_id: int) -> ResponseReturnValue:
    """How far it is; htmx asks again every second, until it hears STOP."""
    with db.transaction() as session:
        job = poster_jobs.find(session, job_id, g.officer_id)
        shown = {"job": job, "formats": PAGES, "is_over": job.state in (JobState.DONE, JobState.FAILED)}
        shown["cleared"] = poster_jobs.CLEARED
    if "HX-Request" not in request.headers:
        return render_template("desk/codes_posters.html", **shown)
    return render_template("desk/codes_job.html", **shown), STOP if shown["is_over"] else 200


@bp.get("/posters/<int:job_id>/file")
@require(Who.OFFICER)
def posters_file(job_id: int) -> ResponseReturnValue:
    with db.transaction() as session:
        job = poster_jobs.find(session, job_id, g.officer_id)
    if job.sha256 is None:
        raise NotFound(poster_jobs.CLEARED if job.is_cleared else "还没有画好，请稍等")
    try:
        content = storage.read(job.sha256)
    except FileNotFoundError:  # cleared away since the row was read
        raise NotFound(poster_jobs.CLEARED) from None
    return _file(content, "zip" if job.is_zip else "pdf", f"海报 {PAGES[job.format].name} {job.done}张")


def _file(content: bytes, ending: str, name: str) -> Response:
    """A picture is shown in the page and saved under its place's name; all else is saved."""
    is_saved = ending not in PICTURES
    return send_file(BytesIO(content), MIMES[ending], is_saved, f"{name}.{ending}")
