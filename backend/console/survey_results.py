"""What surveys came to (/console/survey-results): rates, the silent, the words of the unhappy."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from flask import Blueprint, Response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from backend import db, storage
from backend.auth import Who, require
from backend.cases import figures, intervals, survey_figures, thanks
from backend.cases.exclusions import READERS as EXCLUDERS
from backend.cases.figures import Period, Row
from backend.cases.formulas import FORMULAS, NEVER_TWICE, SURVEYED
from backend.cases.survey_figures import READERS
from backend.console.figures import WRITERS
from backend.errors import Forbidden, NotFound
from backend.places.models import Post
from backend.times import SHANGHAI, day, local, now
from backend.web import people
from backend.web.downloads import download
from backend.web.forms import cursor, last_seen_at

bp = Blueprint("survey_results", __name__, url_prefix="/console/survey-results")

NOT_YOURS = "回访结果由督查专员、领导、管理员和单位负责人查看"
MONTHS = 12  # to choose from, and together the last choice
YEAR = "year"
BY: dict[str, thanks.By] = {
    "unit": "unit",
    "subdistrict": "subdistrict",
    "community": "community",
    "category": "category",
    "month": "month",
}
BY_LABELS = {
    "unit": "按单位",
    "subdistrict": "按街道",
    "community": "按社区",
    "category": "按事项",
    "month": "按月",
}
HEADERS = tuple(
    f"{FORMULAS[measure].label}{part}"
    for measure in SURVEYED
    for part in ("", "（分子）", "（分母）", "（剔除）", "（95%区间）")
)


@bp.get("/")
@require(Who.OFFICER)
def index() -> ResponseReturnValue:
    by, month = _by(), _month()
    since, until = _period(month, by)
    with db.transaction() as session:
        posts = _posts(session)
        rows = _rows(session, posts, (since, until), by)
        facts: dict[str, Any] = {
            "whole": figures.total(rows, SURVEYED),
            "compared": survey_figures.compare(session, posts, since, until),
            "rows": rows,
        } | _voices(session, posts, month, by)
        facts["waiting"] = survey_figures.waiting(session, posts, since, until).said
        facts["reasons"] = survey_figures.reasons(session, posts, since, until)
        facts["thanked"] = thanks.counts(session, posts, since.date(), until.date(), BY[by])
        facts |= {"thanks_kinds": thanks.KIND_LABELS, "thanks_sentence": thanks.SENTENCE}
        facts |= {"by": by, "by_labels": BY_LABELS, "month": month, "months": _months()}
        facts |= {"formulas": {measure: FORMULAS[measure] for measure in SURVEYED}}
        facts["exclusions"] = url_for("figures.excluded") if people.roles() & EXCLUDERS else ""
        facts |= {"never_twice": NEVER_TWICE, "rule": intervals.RULE, "sentence": survey_figures.SENTENCE}
        return render_template("desk/survey_results.html", **facts)


@bp.get("/voices")
@require(Who.OFFICER)
def voices() -> ResponseReturnValue:
    """The next page of what the unhappy said."""
    with db.transaction() as session:
        facts = _voices(session, _posts(session), _month(), _by())
        return render_template("desk/survey_voices.html", **facts)


@bp.get("/rates.<any(csv, xlsx):suffix>")
@require(Who.OFFICER)
def export(suffix: str) -> ResponseReturnValue:
    """The table as a file."""
    by, month = _by(), _month()
    with db.transaction() as session:
        posts, period = _posts(session), _period(month, by)
        rows = _rows(session, posts, period, by)
        waiting = survey_figures.waiting(session, posts, *period).said
    table = [[_name(row, by), *_cells(row)] for row in rows]
    table.append(["合计", *_cells(figures.total(rows, SURVEYED))])
    table += [[f"{words}（不算在内）", number] for words, number in waiting]
    write, mime = WRITERS[suffix]
    shown = YEAR if by == "month" else month
    name = f"回访结果-{dict(_months())[shown]}-{BY_LABELS[by]}.{suffix}"
    return download(write((BY_LABELS[by][1:], *HEADERS), table), mime, name)


@bp.get("/thanks/<int:thanks_id>")
@require(Who.OFFICER)
def thanks_photo(thanks_id: int) -> ResponseReturnValue:
    """The photo of a banner or a letter, for whoever may see the case."""
    with db.transaction() as session:
        row = thanks.find(session, thanks_id, people.officer(session).posts)
        sha256, mime = row.sha256, row.mime
    try:
        content = storage.read(sha256 or "")
    except FileNotFoundError:
        raise NotFound("这张照片找不到了") from None
    headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private, max-age=86400, immutable"}
    return Response(content, mimetype=mime, headers=headers)


def _rows(session: Session, posts: Sequence[Post], period: Period, by: str) -> list[Row]:
    """The lines of the table: months the newest first, everything else by name."""
    rows = survey_figures.rates(session, posts, *period, BY[by])
    return rows[::-1] if by == "month" else rows


def _name(row: Row, by: str) -> str:
    return f"{row.id:%Y年%m月}" if by == "month" and isinstance(row.id, date) else row.name


def _cells(row: Row) -> list[Any]:
    cells: list[Any] = []
    for rate in row.rates.values():
        cells += [rate.percent, rate.numerator, rate.denominator, rate.excluded]
        cells.append(rate.interval.words if rate.interval else "—")
    return cells


def _voices(session: Session, posts: Sequence[Post], month: str, by: str) -> dict[str, Any]:
    """What the unhappy of the period said, a page of it."""
    rows = survey_figures.voices(session, posts, *_period(month, by), last_seen_at("before"))
    more, last = None, rows[-1] if len(rows) == survey_figures.PAGE else None
    if last is not None and last.answered_at is not None:
        before = cursor(last.answered_at, last.id)
        more = url_for("survey_results.voices", month=month, by=by, before=before)
    return {"voices": rows, "more": more, "verdict": survey_figures.verdict}


def _posts(session: Session) -> Sequence[Post]:
    """The caller's posts by which results may be read. Raises Forbidden without any."""
    posts = [post for post in people.officer(session).posts if post.role in READERS]
    if not posts:
        raise Forbidden(NOT_YOURS)
    return posts


def _by() -> str:
    by = request.args.get("by", "unit")
    if by not in BY:
        raise NotFound("没有这种分法")
    return by


def _month() -> str:
    """The month as asked for, else this one."""
    month = request.args.get("month") or _months()[0][0]
    if month not in dict(_months()):
        raise NotFound("没有这个月份，请重新选择")
    return month


def _months() -> list[tuple[str, str]]:
    """The months to choose from, this one first, and all of them together."""
    first, found = local(now()).date().replace(day=1), list[tuple[str, str]]()
    for _ in range(MONTHS):
        found.append((f"{first:%Y-%m}", f"{first.year}年{first.month}月"))
        first = (first - timedelta(days=1)).replace(day=1)
    return [*found, (YEAR, "近十二个月")]


def _period(month: str, by: str) -> Period:
    """The month chosen; all of them where they are to be seen side by side."""
    names = [name for name, _ in _months() if name != YEAR]
    is_year = month == YEAR or by == "month"
    first, last = (day(f"{name}-01") for name in ((names[-1], names[0]) if is_year else (month, month)))
    return _midnight(first), _midnight((last + timedelta(days=31)).replace(day=1))


def _midnight(first: date) -> datetime:
    return datetime.combine(first, time(), SHANGHAI)
