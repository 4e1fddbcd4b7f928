"""The published figures (/console/figures): rates, what was left out of them, the table of cases."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from backend import db, sheets
from backend.auth import Who, require
from backend.cases import case_sheet, exclusions, figures
from backend.cases.exclusions import READERS
from backend.cases.formulas import FORMULAS, NEVER_TWICE
from backend.cases.intervals import RULE
from backend.cases.service import Actor
from backend.cases.supervision_models import Exclusion, Measure
from backend.errors import AppError, Conflict, Forbidden, Invalid, NotFound, TooLarge
from backend.places.models import Officer, Post
from backend.times import day, local, moment, now
from backend.web import people
from backend.web.downloads import download
from backend.web.forms import WrongFields, last_seen, sentences_of
from backend.web.words import NOTE_LENGTH, clean

bp = Blueprint("figures", __name__, url_prefix="/console/figures")

BY: dict[str, figures.By] = {"unit": "unit", "community": "community"}
BY_LABELS = {"unit": "按单位", "community": "按社区"}
NOT_YOURS = "指标由督查专员、领导、分拨员和单位负责人查看"
EXPECTED = (Invalid, Conflict, Forbidden, NotFound)
WRITERS = {
    "csv": (sheets.write_csv, "text/csv; charset=utf-8"),
    "xlsx": (sheets.write_xlsx, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
}


@bp.get("/")
@require(Who.OFFICER)
def index() -> ResponseReturnValue:
    return _page()


@bp.get("/cases.<any(csv, xlsx):suffix>")
@require(Who.OFFICER)
def export(suffix: str) -> ResponseReturnValue:
    """The cases of the period as a file; too many of them are said on the page."""
    try:
        with db.transaction() as session:
            since, until = _period()
            table = case_sheet.rows(session, _posts(session), *_moments(since, until))
    except TooLarge as error:
        return _page(wrong=sentences_of(error)), error.status
    write, mime = WRITERS[suffix]
    return download(write(case_sheet.HEADERS, table), mime, f"诉求-{since}-{until}.{suffix}")


@bp.get("/exclusions")
@require(Who.OFFICER)
def excluded() -> ResponseReturnValue:
    return _exclusions()


@bp.post("/exclusions")
@require(Who.OFFICER)
def ask() -> ResponseReturnValue:
    """Ask that a case be left out of a rate."""
    try:
        with db.transaction() as session:
            number, measure, reason = _asked()
            exclusions.ask(session, number, people.officer(session), measure, reason)
    except EXPECTED as error:
        return _refused("ask", error)
    flash("申请已提交，由上一级的督查专员或区领导决定", "success")
    return redirect(url_for("figures.excluded"), 303)


@bp.post("/exclusions/<int:exclusion_id>")
@require(Who.OFFICER)
def decide(exclusion_id: int) -> ResponseReturnValue:
    """Allow or refuse what was asked for."""
    decision = request.form.get("decision", "")
    try:
        if decision not in ("approved", "refused"):
            raise Invalid("请选择同意还是不同意")
        with db.transaction() as session:
            who, words = people.officer(session), _short("words")
            exclusions.decide(session, exclusion_id, who, words, is_approved=decision == "approved")
    except (Invalid, Conflict, Forbidden) as error:
        return _refused(f"exclusion-{exclusion_id}", error)
    flash("已同意剔除" if decision == "approved" else "已退回申请", "success")
    return redirect(url_for("figures.excluded"), 303)


def _page(**shown: Any) -> str:
    by = request.args.get("by", "unit")
    if by not in BY:
        raise NotFound("没有这种分法")
    since, until = _period()
    with db.transaction() as session:
        rows = figures.rates(session, _posts(session), *_moments(since, until), by=BY[by])
        facts = {
            "whole": figures.total(rows),
            "rows": rows,
            "formulas": FORMULAS,
            "never_twice": NEVER_TWICE,
            "rule": RULE,
        }
    facts |= {"since": since, "until": until, "by": by, "by_labels": BY_LABELS, "wrong": {}}
    return render_template("desk/figures.html", **(facts | shown))


def _posts(session: Session) -> Sequence[Post]:
    """The caller's posts by which figures may be read. Raises Forbidden without any."""
    posts = [post for post in people.officer(session).posts if post.role in READERS]
    if not posts:
        raise Forbidden(NOT_YOURS)
    return posts


def _period() -> tuple[date, date]:
    """The first and the last day: as asked for, else this month so far."""
    today = local(now()).date()
    try:
        since = day(request.args.get("since") or today.replace(day=1).isoformat())
        until = day(request.args.get("until") or max(since, today).isoformat())
    except ValueError:
        raise Invalid("日期请写成 2026-01-31 的样子") from None
    if until < since:
        raise Invalid("结束日期比开始日期早，请重新选择")
    return since, until


def _moments(since: date, until: date) -> tuple[datetime, datetime]:
    """From the beginning of the first day to the end of the last."""
    return moment(f"{since}T00:00"), moment(f"{until}T00:00") + timedelta(days=1)


def _asked() -> tuple[str, Measure, str]:
    number, measure, reason = (clean(request.form.get(name, "")) for name in ("number", "measure", "reason"))
    wrong = {
        "number": "" if number else "请填写诉求编号",
        "measure": "" if measure in set(Measure) else "请选择从哪项指标剔除",
        "reason": "" if 0 < len(reason) <= NOTE_LENGTH else f"请写明理由，最多 {NOTE_LENGTH} 个字",
    }
    if any(wrong.values()):
        raise WrongFields({name: words for name, words in wrong.items() if words})
    return number, Measure(measure), reason


def _short(name: str) -> str:
    words = clean(request.form.get(name, ""))
    if len(words) > NOTE_LENGTH:
        raise WrongFields({name: f"最多 {NOTE_LENGTH} 个字"})
    return words


def _refused(where: str, error: AppError) -> ResponseReturnValue:
    """The page again, with what is wrong and what was typed at the form (`where`) that was refused."""
    return _exclusions(wrong=sentences_of(error), typed=request.form, where=where), error.status


def _exclusions(**shown: Any) -> str:
    with db.transaction() as session:
        posts, actor = _posts(session), people.officer(session)
        rows = exclusions.listed(session, posts, before=last_seen("before"))
        facts = _listed(session, rows, actor)
        page = "desk/exclusions_rows.html" if "HX-Request" in request.headers else "desk/exclusions.html"
        return render_template(page, **(facts | {"wrong": {}, "typed": {}, "where": ""} | shown))


def _listed(session: Session, rows: Sequence[Exclusion], actor: Actor) -> dict[str, Any]:
    officers = {one for row in rows for one in (row.asked_by, row.decided_by) if one}
    names = session.execute(sa.select(Officer.id, Officer.name).where(Officer.id.in_(officers)))
    return {
        "rows": rows,
        "more": rows[-1].id if len(rows) == exclusions.PAGE else None,
        "names": {officer_id: name for officer_id, name in names},
        "decidable": exclusions.decidable(session, rows, actor),
        "states": exclusions.STATE_LABELS,
        "measures": {measure.value: formula.label for measure, formula in FORMULAS.items()},
        "may_ask": bool(people.roles() & exclusions.ASKERS),
    }
