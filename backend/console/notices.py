"""Monthly notices (/console/notices): the list, a draft with its figures, publishing, reading, printing."""

from datetime import date, timedelta
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from backend import db
from backend.auth import Who, require
from backend.errors import Conflict, Invalid
from backend.orders import notice_sheet, notices
from backend.orders.notice_figures import said
from backend.times import day, local, now
from backend.web import people
from backend.web.downloads import download
from backend.web.forms import WrongFields, last_seen, number, sentences_of
from backend.web.words import clean

bp = Blueprint("notices", __name__, url_prefix="/console/notices")

MONTHS = 12  # to choose from


@bp.get("/")
@require(Who.OFFICER)
def index() -> ResponseReturnValue:
    return _list()


@bp.post("/")
@require(Who.OFFICER)
def draft() -> ResponseReturnValue:
    """Take the figures of a month, for the first time or anew."""
    try:
        with db.transaction() as session:
            area_id, month = _chosen()
            row = notices.draft(session, people.officer(session), area_id, month)
    except (Invalid, Conflict) as error:
        return _list(wrong=sentences_of(error), typed=request.form), error.status
    flash("数字算好了，请核对、写几句话，再发布", "success")
    return redirect(url_for("notices.notice", notice_id=row.id), 303)


@bp.get("/<int:notice_id>")
@require(Who.OFFICER)
def notice(notice_id: int) -> ResponseReturnValue:
    return _show(notice_id)


@bp.post("/<int:notice_id>/<any(write, publish):step>")
@require(Who.OFFICER)
def write(notice_id: int, step: str) -> ResponseReturnValue:
    """Keep the words of a draft, or publish it with them."""
    act = notices.publish if step == "publish" else notices.write
    try:
        with db.transaction() as session:
            act(session, people.officer(session), notice_id, clean(request.form.get("words", "")))
    except (Invalid, Conflict) as error:
        return _show(notice_id, wrong=sentences_of(error), typed=request.form), error.status
    flash("通报发布了，工作人员和居民都能看到" if step == "publish" else "已经保存", "success")
    return redirect(url_for("notices.notice", notice_id=notice_id), 303)


@bp.get("/<int:notice_id>.pdf")
@require(Who.OFFICER)
def printed(notice_id: int) -> ResponseReturnValue:
    with db.transaction() as session:
        found = notices.find(session, people.officer(session).posts, notice_id)
        drawn, name = notice_sheet.draw(found), notice_sheet.title(found)
    return download(drawn, "application/pdf", f"{name}.pdf")


def _list(**shown: Any) -> str:
    with db.transaction() as session:
        actor = people.officer(session)
        rows = notices.page(session, actor.posts, before=last_seen("before"))
        areas = [(area.id, area.name) for area in notices.areas(actor)]
    more = rows[-1].id if len(rows) == notices.PAGE else None
    facts: dict[str, Any] = {"rows": rows, "more": more, "areas": areas}
    facts |= {"months": _months(), "title": notice_sheet.title}
    whole = "desk/monthly_rows.html" if "HX-Request" in request.headers else "desk/monthly.html"
    return render_template(whole, **({"wrong": {}, "typed": {}} | facts | shown))


def _show(notice_id: int, **shown: Any) -> str:
    with db.transaction() as session:
        actor = people.officer(session)
        row = notices.find(session, actor.posts, notice_id)
        is_mine = row.published_at is None and notices.may_write(actor, row.area)
    facts = {"notice": row, "title": notice_sheet.title(row), "said": said, "is_mine": is_mine}
    return render_template("desk/monthly_notice.html", **({"wrong": {}, "typed": {}} | facts | shown))


def _months() -> list[tuple[str, str]]:
    """The months that are over, the last one first."""
    first, found = local(now()).date().replace(day=1), []
    for _ in range(MONTHS):
        first = (first - timedelta(days=1)).replace(day=1)
        found.append((first.isoformat(), f"{first.year}年{first.month}月"))
    return found


def _chosen() -> tuple[int, date]:
    area_id = number(request.form.get("area", ""))
    if area_id is None:
        raise WrongFields({"area": "请选择区域"})
    try:
        return area_id, day(request.form.get("month", ""))
    except ValueError:
        raise WrongFields({"month": "请选择月份"}) from None
