"""The sample of the silent: which of those who did not answer are called, so that nobody can choose them.

A survey is drawn when SHA-256 over its id and the day's seed is small enough. The seed follows from the
secret key, so that nobody knows it beforehand; it is kept with everyone who was drawn, so that whoever doubts
the draw can do it again, for those who were not drawn as well.
"""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, aliased

from backend.cases.callback_models import CallbackShare
from backend.cases.models import Case
from backend.cases.survey_models import Survey
from backend.config import config
from backend.errors import Invalid, NotFound
from backend.places import changes
from backend.places.changes import Did, Entry
from backend.places.models import Area
from backend.places.roles import LEVEL_LABELS
from backend.places.scope import COLUMNS, Editor
from backend.times import local

PAGE = 50
NO_PERCENT = "请填写 0 到 100 的整数"

NEAREST_FIRST = (Case.grid_id, Case.zone_id, Case.community_id, Case.subdistrict_id, Case.district_id)


def seed_of(at: datetime) -> str:
    """The seed of the day in Shanghai: 32 characters."""
    said = f"callbacks {local(at):%Y-%m-%d}".encode()
    return hmac.new(config.secret_key.encode(), said, hashlib.sha256).hexdigest()[:32]


def is_drawn(survey_id: int, seed: str, percent: int) -> bool:
    """Whether this survey is in a sample of so many per cent."""
    digest = hashlib.sha256(f"{seed}:{survey_id}".encode()).digest()
    return int.from_bytes(digest[:8]) * 100 < percent * 2**64


def drawn(session: Session, survey_ids: Sequence[int], at: datetime) -> dict[int, int]:
    """Those that are drawn, with the percentage of their place (two queries)."""
    seed = seed_of(at)
    percents = percent_of(session, survey_ids)
    return {one: percent for one, percent in percents.items() if is_drawn(one, seed, percent)}


def set_percent(session: Session, editor: Editor, area_id: int, percent: int | None) -> CallbackShare:
    """From now on so many per cent of the silent of this area are called; None: as many as above it.

    Raises NotFound, Forbidden or Invalid.
    """
    area = session.get(Area, area_id, with_for_update=True)
    if area is None or area.closed_at is not None:
        raise NotFound("没有这个区域，或者已经停用，请另选一个")
    editor.must_edit(area)
    if area.level not in COLUMNS:
        raise Invalid(f"“{area.name}”是{LEVEL_LABELS[area.level]}，请选择区、街道、社区、片区或网格")
    if percent is not None and not 0 <= percent <= 100:
        raise Invalid(NO_PERCENT)
    before = session.scalar(_newest().where(CallbackShare.area_id == area_id))
    row = CallbackShare(area_id=area_id, percent=percent, officer_id=editor.officer_id)
    session.add(row)
    session.flush()
    _record(session, editor, before, row, area)
    return row


def _record(
    session: Session, editor: Editor, before: CallbackShare | None, row: CallbackShare, area: Area
) -> None:
    said = [{} if one is None else {"percent": one.percent} for one in (before, row)]
    entry = Entry(Did.CHANGED, "callback_shares", row.id, f"回访抽样：{area.name}", area.id, *said)
    changes.record(session, editor, [entry])


def shares(
    session: Session, editor: Editor, *, after: int | None = None, limit: int = PAGE
) -> list[tuple[CallbackShare, Area]]:
    """The areas with a word of their own, of those that this person administers, by key. `after` is the id of
    the last area seen."""
    newest = aliased(CallbackShare, _newest().subquery())
    query = sa.select(newest, Area).join(Area, Area.id == newest.area_id)
    query = query.where(newest.percent.is_not(None), editor.edits(Area))
    if after is not None:
        query = query.where(Area.id > after)
    return [(share, area) for share, area in session.execute(query.order_by(Area.id).limit(limit))]


def _newest() -> sa.Select[CallbackShare]:
    """The row that counts of each area."""
    by_area = sa.select(CallbackShare).ext(distinct_on(CallbackShare.area_id))
    return by_area.order_by(CallbackShare.area_id, CallbackShare.id.desc())


def percent_of(session: Session, survey_ids: Sequence[int]) -> dict[int, int]:
    """How many per cent are drawn where the case of each survey lies: the nearest area's word counts."""
    cases = sa.select(Survey.id, *NEAREST_FIRST).join(Case, Case.id == Survey.case_id)
    rows = session.execute(cases.where(Survey.id.in_(survey_ids))).all()
    areas = {area_id for _, *chain in rows for area_id in chain if area_id is not None}
    newest = _newest().where(CallbackShare.area_id.in_(areas)).subquery()
    found = sa.select(newest.c.area_id, newest.c.percent).where(newest.c.percent.is_not(None))
    said = {area_id: percent for area_id, percent in session.execute(found)}
    return {
        survey_id: next((said[one] for one in chain if one in said), config.callback_percent)
        for survey_id, *chain in rows
    }
