"""The event dictionary (事件字典): its entries as they stand, and what may be done with one of them.

Synonyms, keywords and the time limit change in place. What an entry says (name, place in the tree) changes by
a small edition of its own, so that an old case goes on saying what it said.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session, aliased

from backend.cases import editions, limits
from backend.cases.category_models import CaseKind, Category, Edition
from backend.cases.editions import LONGEST_CODE, SEPARATOR, Item
from backend.cases.models import Case, Duty
from backend.errors import Conflict, Invalid, NotFound
from backend.places.models import PlaceCode
from backend.places.scope import Editor
from backend.times import local, now

KIND_LABELS = {
    CaseKind.COMPLAINT: "投诉建议",
    CaseKind.DISPUTE: "纠纷调解",
    CaseKind.LEGAL: "法律服务",
    CaseKind.COUNSELLING: "心理服务",
    CaseKind.ASSISTANCE: "帮扶救助",
}
LONGEST_NAME = 60
PAGE = 50
MANY = 10_000  # cases, duties or codes: nobody needs to know more exactly what an end touches
NO_SUCH = "事件字典里没有这一项，请从列表里重新打开"


@dataclass(frozen=True)
class Touched:
    """What points at some entries of the dictionary: shown before they end. Counted up to MANY."""

    entries: int
    cases: int
    duties: int
    codes: int


@dataclass(frozen=True)
class Changed:
    """What an edition did: rows it began and rows it ended. One of the same code in both was replaced."""

    added: Sequence[Category]
    replaced: Sequence[tuple[Category, Category]]
    ended: Sequence[Category]


def is_leaf() -> sa.ColumnElement[bool]:
    """The condition that an entry has no living one below it.

    Not as NOT EXISTS: of a table that was filled a moment ago the planner knows nothing yet, and may
    join every entry with every other. This way it reads the parents once, whatever it knows.
    """
    below = aliased(Category)
    parents = sa.select(below.parent_id).where(below.until_id.is_(None), below.parent_id.is_not(None))
    return Category.id.not_in(parents)


def get(session: Session, category_id: int) -> Category:
    """An entry, also one that has ended. Raises NotFound."""
    row = session.get(Category, category_id)
    if row is None:
        raise NotFound(NO_SUCH)
    return row


def with_code(session: Session, code: str) -> Category:
    """The living entry of this code. Raises Invalid with the cure."""
    living = sa.select(Category).where(Category.code == code, Category.until_id.is_(None))
    row = session.scalars(living).one_or_none()
    if row is None:
        raise Invalid(f"事件字典里没有编码“{code}”，请写上级的编码；移到最上一级的留空")
    return row


def tally(session: Session) -> dict[CaseKind, int]:
    """How many leaves the dictionary has of each kind."""
    rows = session.execute(
        sa.select(Category.kind, sa.func.count())
        .where(Category.until_id.is_(None), is_leaf())
        .group_by(Category.kind)
    )
    return dict.fromkeys(KIND_LABELS, 0) | {kind: count for kind, count in rows}


def below(session: Session, parent: Category | None = None, kind: CaseKind | None = None) -> list[Category]:
    """The living entries right below one (or the topmost), in the order they came; with a kind, those alone
    that are of it or lead to one of it."""
    query = sa.select(Category).where(
        Category.until_id.is_(None), Category.parent_id == (parent.id if parent else None)
    )
    if kind is not None:
        level = parent.level + 1 if parent else 1
        parts = sa.func.string_to_array(Category.path, SEPARATOR, type_=ARRAY(sa.Text))
        leading = sa.func.array_to_string(parts[1:level], SEPARATOR)
        of_kind = sa.select(leading).where(Category.until_id.is_(None), Category.kind == kind)
        query = query.where(Category.path.in_(of_kind))
    return list(session.scalars(query.order_by(Category.id)))


def leaves_among(session: Session, rows: Sequence[Category]) -> set[int]:
    """The ids of those that have nothing below them (one query)."""
    wanted = sa.select(Category.id).where(Category.id.in_([row.id for row in rows]), is_leaf())
    return set(session.scalars(wanted))


def above(session: Session, row: Category) -> list[Category]:
    """The entries above this one, the topmost first (one query)."""
    way = sa.select(Category.parent_id.label("id")).where(Category.id == row.id).cte("way", recursive=True)
    way = way.union(sa.select(Category.parent_id).where(Category.id == way.c.id))
    found = sa.select(Category).where(Category.id.in_(sa.select(way.c.id))).order_by(Category.level)
    return list(session.scalars(found))


def history(session: Session, row: Category) -> list[tuple[Category, Edition]]:
    """What was said under the same code, newest first, with the edition that said so."""
    found = session.execute(
        sa.select(Category, Edition)
        .join(Edition, Edition.id == Category.since_id)
        .where(Category.code == row.code)
        .order_by(Category.id.desc())
    )
    return [(category, edition) for category, edition in found]


def touches(session: Session, ids: Sequence[int]) -> Touched:
    """What points at these entries (open and closed cases alike), of each sort MANY at most: a page of the
    dictionary must not take longer with every case."""
    some = (
        sa.select(table.id).where(table.category_id.in_(ids)).limit(MANY).subquery()
        for table in (Case, Duty, PlaceCode)
    )
    counts = [session.scalar(sa.select(sa.func.count()).select_from(each)) or 0 for each in some]
    return Touched(len(ids), *counts)


def end_touches(session: Session, category_id: int) -> Touched:
    """What would lose its entry if this one ended, with everything below it."""
    return touches(session, [row.id for row in _subtree(session, get(session, category_id))])


def editions_page(session: Session, *, before: int | None = None, limit: int = PAGE) -> list[Edition]:
    """The editions, newest first. `before` is the id of the last one seen."""
    query = sa.select(Edition).order_by(Edition.id.desc()).limit(limit)
    return list(session.scalars(query if before is None else query.where(Edition.id < before)))


def get_edition(session: Session, edition_id: int) -> Edition:
    """An edition. Raises NotFound."""
    row = session.get(Edition, edition_id)
    if row is None:
        raise NotFound("没有这一版字典，请从版本列表里重新打开")
    return row


def edition_changes(session: Session, edition_id: int) -> Changed:
    """What one edition changed."""
    touched = sa.or_(Category.since_id == edition_id, Category.until_id == edition_id)
    rows = session.scalars(sa.select(Category).where(touched).order_by(Category.path, Category.id)).all()
    old = {row.code: row for row in rows if row.until_id == edition_id}
    new = {row.code: row for row in rows if row.since_id == edition_id}
    return Changed(
        [row for code, row in new.items() if code not in old],
        [(old[code], row) for code, row in new.items() if code in old],
        [row for code, row in old.items() if code not in new],
    )


def amend(
    session: Session,
    editor: Editor,
    category_id: int,
    *,
    synonyms: Sequence[str],
    keywords: Sequence[str],
    resolve_hours: int | None,
    in_working_days: bool = False,
) -> Category:
    """Set an entry's synonyms, keywords and time limit (hours; of working days 24 each), in place.

    Raises Forbidden, NotFound, Conflict (it has ended) or Invalid.
    """
    row, before = _for_change(session, editor, category_id)
    item = replace(
        before[row.code],
        synonyms=tuple(synonyms),
        keywords=tuple(keywords),
        resolve_hours=_checked_limit(resolve_hours),
        in_working_days=in_working_days and resolve_hours is not None,
    )
    if before[row.code] != item:
        editions.amend(session, editor, [(row, item)])
    return row


def rename(session: Session, editor: Editor, category_id: int, name: str) -> Category:
    """Call an entry otherwise, by a small edition. Returns the row that stands now."""
    row, before = _for_change(session, editor, category_id)
    item = replace(before[row.code], name=_checked_name(name))
    return _publish(session, editor, f"“{row.name}”改名", item)


def move(session: Session, editor: Editor, category_id: int, under_id: int | None) -> Category:
    """Hang an entry and what lies below it under another (or at the top), by a small edition."""
    row, before = _for_change(session, editor, category_id)
    under = _living(session, under_id) if under_id is not None else None
    if under is not None and under.id in {each.id for each in _subtree(session, row)}:
        raise Invalid("不能移到自己或自己的下级下面，请另选一个上级")
    item = replace(before[row.code], above=under.code if under else None)
    return _publish(session, editor, f"移动“{row.name}”", item)


def add(
    session: Session, editor: Editor, name: str, *, under_id: int | None, kind: CaseKind, code: str = ""
) -> Category:
    """A new entry, by a small edition. Without a code of its own it gets one made from its path."""
    editions.must_keep(editor)
    editions.take_turns(session)
    under = _living(session, under_id) if under_id is not None else None
    name = _checked_name(name)
    path = (*under.path.split(SEPARATOR), name) if under else (name,)
    taken = editions.standing(session)
    code = code.strip() or editions.free_code(path, taken)
    if len(code) > LONGEST_CODE:
        raise Invalid(f"编码最多 {LONGEST_CODE} 个字，请写短一些，或留空")
    if code in taken:
        raise Invalid(f"编码“{code}”已经给了“{taken[code].path}”，请换一个")
    return _publish(session, editor, f"新增“{name}”", Item(code, under.code if under else None, name, kind))


def end(session: Session, editor: Editor, category_id: int) -> Edition:
    """End an entry and what lies below it, by a small edition. Duties that name it are dead from then on."""
    row, before = _for_change(session, editor, category_id)
    gone = {each.code for each in _subtree(session, row)}
    wanted = {code: item for code, item in before.items() if code not in gone}
    edition = editions.publish(session, editor, _dated(f"停用“{row.name}”"), wanted, is_whole=True)
    assert edition is not None
    return edition


def _for_change(session: Session, editor: Editor, category_id: int) -> tuple[Category, dict[str, Item]]:
    """The living entry, and the whole dictionary as it stands while nobody else changes it."""
    editions.must_keep(editor)
    editions.take_turns(session)
    row = _living(session, category_id)
    return row, editions.items_of(editions.standing(session))


def _living(session: Session, category_id: int) -> Category:
    row = session.get(Category, category_id, populate_existing=True)
    if row is None:
        raise NotFound(NO_SUCH)
    if row.until_id is not None:
        raise Conflict(f"“{row.name}”已经停用或改过，请刷新页面，用现在的这一项")
    return row


def _publish(session: Session, editor: Editor, what: str, item: Item) -> Category:
    editions.publish(session, editor, _dated(what), {item.code: item})
    return session.scalars(
        sa.select(Category).where(Category.code == item.code, Category.until_id.is_(None))
    ).one()


def _dated(what: str) -> str:
    return f"{local(now()):%Y-%m-%d} {what}"


def _subtree(session: Session, row: Category) -> list[Category]:
    """The living entry and all that lie below it."""
    inside = sa.or_(Category.id == row.id, sa.func.starts_with(Category.path, row.path + SEPARATOR))
    return list(session.scalars(sa.select(Category).where(Category.until_id.is_(None), inside)))


def _checked_name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > LONGEST_NAME or SEPARATOR in name:
        raise Invalid(f"名称请写 1-{LONGEST_NAME} 个字，中间不要用“ / ”")
    return name


def _checked_limit(hours: int | None) -> int | None:
    if hours is not None and not 0 < hours <= limits.LONGEST:
        raise Invalid("时限要在 1 小时到 366 天之间，不单独规定的请留空")
    return hours
