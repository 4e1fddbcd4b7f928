"""What codes bring: scans, reports, solved cases; and the codes that nobody scans, or scans from afar."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from backend.cases.models import Case
from backend.cases.survey_models import Survey
from backend.cases.workflow import Outcome, Status
from backend.places import codes
from backend.places.models import Area, CodeScans, PlaceCode
from backend.places.roles import Carrier
from backend.places.scope import Editor, subtree
from backend.times import SHANGHAI, now

PAGE = 50
SILENT = timedelta(days=90)  # a code that was not scanned for so long is worth a look at its wall


@dataclass(frozen=True)
class Figures:
    """How often it was scanned (of that from afar), what was reported by it, and what of that was solved."""

    scans: int = 0
    far: int = 0
    reports: int = 0
    solved: int = 0


@dataclass(frozen=True)
class Wanted:
    """Which codes a list shows. An empty word or None leaves nothing out."""

    words: str = ""
    carrier: Carrier | None = None
    state: str = ""  # a key of STATES
    area: Area | None = None


def is_solved() -> sa.ColumnElement[bool]:
    """The condition that a case (joined with the survey of its round, if any) was solved: it is closed, and
    its resident said so, or said nothing and the officer declared it solved in fact (实际解决)."""
    declared = sa.func.coalesce(Survey.solved, Case.outcome == Outcome.SOLVED, sa.false())
    return sa.and_(Case.status == Status.CLOSED, declared)


def figures(session: Session, ids: Sequence[int], since: date, until: date) -> dict[int, Figures]:
    """The figures of these codes from one day to another, both included, in Shanghai (two queries)."""
    scanned = {
        code_id: (int(scans), int(far))
        for code_id, scans, far in session.execute(
            sa.select(CodeScans.code_id, sa.func.sum(CodeScans.scans), sa.func.sum(CodeScans.far))
            .where(CodeScans.code_id.in_(ids), CodeScans.day.between(since, until))
            .group_by(CodeScans.code_id)
        )
    }
    reported = _reported(session, ids, since, until)
    nothing = (0, 0)
    return {id: Figures(*scanned.get(id, nothing), *reported.get(id, nothing)) for id in ids}


def _reported(session: Session, ids: Sequence[int], since: date, until: date) -> dict[int, tuple[int, int]]:
    """By code: cases reported by it, and those of them that were solved."""
    survey = sa.and_(Survey.case_id == Case.id, Survey.round == Case.round)
    rows = session.execute(
        sa.select(Case.code_id, sa.func.count(Case.id), sa.func.count(Case.id).filter(is_solved()))
        .outerjoin(Survey, survey)
        .where(Case.code_id.in_(ids))
        .where(Case.discovered_at >= _midnight(since), Case.discovered_at < _midnight(until, days=1))
        .group_by(Case.code_id)
    )
    return {code_id: (reports, solved) for code_id, reports, solved in rows if code_id is not None}


def page(
    session: Session, editor: Editor, wanted: Wanted, *, before: int | None = None, limit: int = PAGE
) -> Sequence[PlaceCode]:
    """The codes where this person works, newest first, with their places. `before` is the last id seen."""
    query = codes_of(editor, wanted).order_by(PlaceCode.id.desc()).limit(limit)
    if before is not None:
        query = query.where(PlaceCode.id < before)
    return session.scalars(query.options(joinedload(PlaceCode.area), joinedload(PlaceCode.unit))).all()


def codes_of(editor: Editor, wanted: Wanted) -> sa.Select[PlaceCode]:
    """The query for the codes where this person works that are wanted."""
    query = sa.select(PlaceCode).join(Area, Area.id == PlaceCode.area_id).where(editor.sees(Area))
    if wanted.words:
        query = query.where(sa.or_(*(column.contains(wanted.words, autoescape=True) for column in SEARCHED)))
    if wanted.carrier:
        query = query.where(PlaceCode.carrier == wanted.carrier)
    if wanted.area is not None:
        query = query.where(subtree(wanted.area))
    return query.where(STATES[wanted.state]()) if wanted.state else query


def is_silent() -> sa.ColumnElement[bool]:
    """The condition that a used code is older than SILENT and was not scanned in that time."""
    since = now() - SILENT
    scanned = sa.exists().where(CodeScans.code_id == PlaceCode.id, CodeScans.day >= since.date())
    return codes.living() & (PlaceCode.created_at <= since) & ~scanned.where(CodeScans.scans > 0)


def is_far() -> sa.ColumnElement[bool]:
    """The condition that somebody used the code from afar in the last SILENT: it may hang elsewhere."""
    day = (now() - SILENT).date()
    return sa.exists().where(CodeScans.code_id == PlaceCode.id, CodeScans.day >= day, CodeScans.far > 0)


def _is_waiting() -> sa.ColumnElement[bool]:
    """WeChat has not made it yet."""
    return PlaceCode.revoked_at.is_(None) & PlaceCode.ticket.is_(None) & (PlaceCode.carrier != Carrier.URL)


SEARCHED = (Area.name, PlaceCode.label)
STATES: dict[str, Callable[[], sa.ColumnElement[bool]]] = {
    "used": codes.living,
    "waiting": _is_waiting,
    "silent": is_silent,
    "far": is_far,
    "expired": lambda: PlaceCode.revoked_at.is_(None) & (PlaceCode.expires_at <= now()),
    "revoked": lambda: PlaceCode.revoked_at.is_not(None),
}
STATE_LABELS = {
    "used": "使用中",
    "waiting": "等微信生成图片",
    "silent": f"{SILENT.days} 天没人扫",
    "far": "在远处被扫",
    "expired": "已到期",
    "revoked": "已停用",
}


def _midnight(day: date, days: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=SHANGHAI) + timedelta(days=days)
