"""Thanks (锦旗、感谢): written down by officers with a photo, said by residents, struck by who supervises.

Nobody thanks themselves: not for a case that they reported, and not as the unit's own people in its survey.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from backend.cases import service, survey_answers
from backend.cases.attachments import Photo
from backend.cases.category_models import Category
from backend.cases.figures import NAMED, NOBODY
from backend.cases.formulas import CATEGORY
from backend.cases.models import Case
from backend.cases.service import Actor
from backend.cases.survey_answers import Said
from backend.cases.survey_models import Survey
from backend.cases.thanks_models import Thanks, ThanksKind
from backend.cases.workflow import RULES, Action, Given
from backend.errors import Conflict, Forbidden, Invalid, NotFound
from backend.notify.models import Contact
from backend.places.models import Post
from backend.places.scope import is_held, visible
from backend.times import local, now

By = Literal["unit", "subdistrict", "community", "category", "month"]
KIND_LABELS = {
    ThanksKind.BANNER: "锦旗",
    ThanksKind.LETTER: "感谢信",
    ThanksKind.PHONE: "电话感谢",
    ThanksKind.SPOKEN: "口头感谢",
    ThanksKind.SURVEY: "回访时感谢",
}
RECORDED = tuple(kind for kind in ThanksKind if kind is not ThanksKind.SURVEY)  # by officers
SEEN = frozenset({ThanksKind.BANNER, ThanksKind.LETTER})  # there is something to take a photo of
SENTENCE = (
    "锦旗、感谢信、电话和口头感谢由工作人员登记，锦旗和感谢信要有照片；"
    "“回访时感谢”是居民在回访里自己点的。算感谢当天所在的月份、现在办这件事的单位；撤销的不算。"
)
NO_PHOTO, NO_WORDS = "请拍一张锦旗或感谢信的照片", "请写下是谁、怎么感谢的"
NOT_FOUND = "没有这条感谢记录"


@dataclass(frozen=True)
class Line:
    """How often thanks were said for one unit, community, month …; namesakes have a line each."""

    id: Any
    name: str
    kinds: Counter[ThanksKind]


def record(
    session: Session,
    number: str,
    actor: Actor,
    kind: ThanksKind,
    day: date,
    words: str,
    photo: Photo | None = None,
    at: datetime | None = None,
) -> Thanks:
    """Write down that somebody said thanks for a case on this day.

    Raises Invalid without the photo or the words that this kind needs, and for a day that cannot be;
    Conflict for what was written down already, Forbidden for one's own case, and as `service.perform` does.
    """
    moment, said = at or now(), words.strip()
    case = service.lock(session, number, actor)
    _must_be_whole(kind, said, photo)
    _must_be_possible(case, day, moment)
    if _is_own(session, case, actor):
        raise Forbidden("这件事是您自己反映的，感谢请由别人登记")
    _must_be_new(session, case, kind, day, said)
    note = "：".join(filter(None, (f"{KIND_LABELS[kind]}（{day.isoformat()}）", said)))
    service.perform(session, number, Action.THANK, actor, Given(note=note), at=moment)
    kept = {"sha256": photo.sha256, "mime": photo.mime} if photo else {}
    row = Thanks(case_id=case.id, kind=kind, day=day, words=said, officer_id=actor.officer_id, **kept)
    return _added(session, row, moment)


def give(
    session: Session, survey: Survey, at: datetime | None = None, late: Said | None = None
) -> Thanks | None:
    """Keep the thanks that a resident says in a survey, with the words of the answer (or of this one, which
    came after its end), unless they are a complaint; twice is once.

    None beside 没有解决, and where they work in the unit that has the case: their answer counts, their thanks
    do not.
    """
    moment = at or now()
    case = session.get_one(Case, survey.case_id)
    known = session.scalar(sa.select(Thanks).where(Thanks.survey_id == survey.id))
    if known is not None or _works_there(session, case):
        return known
    said = late or survey_answers.said_of(survey)
    if said.solved is False:
        return None
    words = survey_answers.words_of_thanks(session, survey, said)
    note = "：".join(filter(None, (KIND_LABELS[ThanksKind.SURVEY], words)))
    if case.status in RULES[Action.THANK].sources:  # else the case takes nothing more; the thanks stand
        resident = Actor(resident_id=survey.resident_id)
        service.perform(session, case.number, Action.THANK, resident, Given(note=note), at=moment)
    facts = {"day": local(moment).date(), "words": words, "survey_id": survey.id}
    return _added(session, Thanks(case_id=case.id, kind=ThanksKind.SURVEY, **facts), moment)


def strike(session: Session, thanks_id: int, actor: Actor, reason: str, at: datetime | None = None) -> Thanks:
    """Let thanks count no more. Raises NotFound, Conflict when it was struck, Invalid without a reason, and
    as `service.perform` does."""
    moment = at or now()
    row = find(session, thanks_id, actor.posts)
    case = service.lock(session, row.case.number, actor)
    session.refresh(row, ["struck_at"])  # whoever strikes it at the same time holds the case first
    if row.struck_at is not None:
        raise Conflict("这条感谢记录已经撤销了")
    note = f"撤销{KIND_LABELS[row.kind]}（{row.day.isoformat()}）：{reason.strip()}" if reason.strip() else ""
    service.perform(session, case.number, Action.STRIKE_THANKS, actor, Given(note=note), at=moment)
    row.struck_by, row.struck_at, row.struck_why = actor.officer_id, moment, reason.strip()
    return row


def find(session: Session, thanks_id: int, posts: Sequence[Post]) -> Thanks:
    """Thanks with their case. Raises NotFound for what these posts do not reach."""
    own = sa.select(Thanks).join(Case).where(Thanks.id == thanks_id, visible(posts, Case))
    row = session.scalar(own.options(joinedload(Thanks.case)))
    if row is None:
        raise NotFound(NOT_FOUND)
    return row


def of_case(session: Session, case_id: int) -> list[Thanks]:
    """All thanks for a case, also the struck ones, the newest first."""
    own = sa.select(Thanks).where(Thanks.case_id == case_id)
    return list(session.scalars(own.order_by(Thanks.day.desc(), Thanks.id.desc())))


def counts(session: Session, posts: Sequence[Post], first: date, until: date, by: By) -> list[Line]:
    """How often thanks were said for what these posts reach, from one day until before another: for each
    unit, community … that got any, in the order of their names (two queries at most)."""
    key = _key(by)
    columns = sa.select(key, Thanks.kind, sa.func.count()).select_from(Thanks)
    query = columns.join(Case, Case.id == Thanks.case_id).where(visible(posts, Case))
    if by == "category":
        query = query.outerjoin(Category, Category.id == Case.category_id)
    counted = query.where(counts_in(first, until)).group_by(key, Thanks.kind)
    found: dict[Any, Counter[ThanksKind]] = {}
    for one, kind, many in session.execute(counted):
        found.setdefault(one, Counter())[kind] = many
    names = _names(session, by, list(found))
    lines = [Line(one, names[one], kinds) for one, kinds in found.items()]
    return sorted(lines, key=lambda line: (line.id is None, line.name, str(line.id)))


def counts_in(first: date, until: date) -> sa.ColumnElement[bool]:
    """The condition that thanks count in this period."""
    return sa.and_(Thanks.struck_at.is_(None), Thanks.day >= first, Thanks.day < until)


def _key(by: By) -> Any:
    if by == "month":
        return sa.cast(sa.func.date_trunc("month", Thanks.day), sa.Date)
    return CATEGORY if by == "category" else getattr(Case, f"{by}_id")


def _names(session: Session, by: By, keys: Sequence[Any]) -> dict[Any, str]:
    nobody = {None: NOBODY.get(by, "")}
    if by == "month":
        return {key: f"{key:%Y年%m月}" for key in keys}
    if by not in NAMED:
        return {key: str(key) for key in keys} | nobody
    table = NAMED[by]
    rows = session.execute(sa.select(table.id, table.name).where(table.id.in_([key for key in keys if key])))
    return nobody | {key: name for key, name in rows}


def _must_be_whole(kind: ThanksKind, words: str, photo: Photo | None) -> None:
    if kind not in RECORDED:
        raise Invalid("请选择怎么感谢的")
    if kind in SEEN and photo is None:
        raise Invalid(NO_PHOTO)
    if kind not in SEEN and not words:
        raise Invalid(NO_WORDS)


def _must_be_possible(case: Case, day: date, at: datetime) -> None:
    begun = local(case.discovered_at).date() if case.discovered_at else day
    if not begun <= day <= local(at).date():
        raise Invalid("感谢的日期不能早于反映这件事的那天，也不能晚于今天")


def _must_be_new(session: Session, case: Case, kind: ThanksKind, day: date, words: str) -> None:
    same = sa.select(Thanks.id).filter_by(case_id=case.id, kind=kind, day=day, words=words, struck_at=None)
    if session.scalar(same.limit(1)) is not None:
        raise Conflict("这条感谢已经登记过了")


def _is_own(session: Session, case: Case, actor: Actor) -> bool:
    """Whether this officer is the resident whose case it is."""
    own = sa.select(Contact.id).where(Contact.officer_id == actor.officer_id)
    return session.scalar(own.where(Contact.resident_id == case.resident_id).limit(1)) is not None


def _works_there(session: Session, case: Case) -> bool:
    """Whether the resident whose case it is holds a post in the unit that has it; of none nobody is."""
    if case.unit_id is None:
        return False
    own = sa.select(Post.id).join(Contact, Contact.officer_id == Post.officer_id)
    there = own.where(Contact.resident_id == case.resident_id, Post.unit_id == case.unit_id, is_held())
    return session.scalar(there.limit(1)) is not None


def _added(session: Session, row: Thanks, at: datetime) -> Thanks:
    row.created_at = at
    session.add(row)
    session.flush()
    return row
