"""Editions of the event dictionary (事件字典): comparing what stands with what is wanted, and writing it."""

import hashlib
from collections.abc import Container, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import sqlalchemy as sa
from pypinyin import Style, lazy_pinyin
from sqlalchemy.orm import Session

from backend.cases.category_models import CaseKind, Category, Edition
from backend.errors import Forbidden, Invalid
from backend.places import changes
from backend.places.changes import Did
from backend.places.roles import Level
from backend.places.scope import Editor

SEPARATOR = " / "
LEVELS = 4
LONGEST_CODE = 40  # characters
MANY = 500  # entries: an edition of more changes what the planner should know
KEPT = (
    "synonyms",
    "keywords",
    "resolve_hours",
    "in_working_days",
)  # change in place: old cases may gain them
NOT_THE_DISTRICTS = "事件字典全区共用，由区一级的管理员维护；需要改动请联系他们"


@dataclass(frozen=True)
class Item:
    """What the dictionary says of one entry. `above` is the code of the entry that it lies under."""

    code: str
    above: str | None
    name: str
    kind: CaseKind = CaseKind.COMPLAINT
    synonyms: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    resolve_hours: int | None = None
    in_working_days: bool = False


Items = Mapping[str, Item]  # by code


@dataclass
class Difference:
    """The codes of what an edition adds, replaces, changes in place and ends."""

    added: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    amended: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.added or self.replaced or self.amended or self.ended)


def must_keep(editor: Editor) -> None:
    """Raises Forbidden unless this person keeps the dictionary: an administrator of a whole district."""
    if editor.is_command_line or any(area.level is Level.DISTRICT for area in editor.areas()):
        return
    raise Forbidden(NOT_THE_DISTRICTS)


def take_turns(session: Session) -> None:
    """Two who change the dictionary at once would each end the same row: the second waits for the first."""
    session.execute(sa.text("SELECT pg_advisory_xact_lock(hashtextextended('dictionary', 0))"))


def standing(session: Session) -> dict[str, Category]:
    """The living entries by code, whoever lies above first (one query)."""
    living = sa.select(Category).where(Category.until_id.is_(None)).order_by(Category.level, Category.id)
    return {row.code: row for row in session.scalars(living.execution_options(populate_existing=True))}


def items_of(rows: Mapping[str, Category]) -> dict[str, Item]:
    """The living entries as items, in the same order."""
    codes = {row.id: row.code for row in rows.values()}
    return {code: _item(row, codes[row.parent_id] if row.parent_id else None) for code, row in rows.items()}


def initials(name: str, synonyms: tuple[str, ...] | list[str] = ()) -> str:
    """What is typed to find it: the first letters of the name's pinyin, then those of each synonym.

    A character of several readings counts in the one that is usual in its word (银行 yh, 重阳 cy).
    """
    letters = ("".join(lazy_pinyin(word, style=Style.FIRST_LETTER)).lower() for word in (name, *synonyms))
    return " ".join("".join(filter(_is_typed, word)) for word in letters)


def path_of(items: Items, code: str) -> tuple[str, ...]:
    """The names from the top. Raises Invalid where the way up goes in a circle or is too long."""
    names: list[str] = []
    above: str | None = code
    while above is not None:
        names.append(items[above].name)
        above = items[above].above
        if len(names) > LEVELS:
            raise Invalid(f"事件字典最多四级，“{items[code].name}”放得太深了，请放到上一级下面")
    return tuple(reversed(names))


def differences(before: Items, wanted: Items, *, is_whole: bool) -> Difference:
    """What has to be done so that the dictionary says what is wanted; what is not named ends only if whole.

    Whoever lies under a replaced entry is replaced, too: its path says otherwise now.
    """
    after = wanted if is_whole else {**before, **wanted}
    found = Difference(ended=[code for code in before if code not in after])
    replaced: set[str] = set()
    for code in sorted(after, key=lambda code: len(path_of(after, code))):
        old, new = before.get(code), after[code]
        if old is None:
            found.added.append(code)
        elif _says(old) != _says(new) or new.above in replaced:
            found.replaced.append(code)
            replaced.add(code)
        elif old != new:
            found.amended.append(code)
    return found


def publish(
    session: Session,
    editor: Editor,
    name: str,
    wanted: Items,
    *,
    is_whole: bool = False,
    import_id: int | None = None,
) -> Edition | None:
    """Make the dictionary say what is wanted, by a new edition; None where nothing differs.

    Duties and QR codes that point at a replaced entry point at the new row of the same code afterwards; old
    cases do not. Raises Invalid for two entries of one path, or more than four levels.
    """
    must_keep(editor)
    take_turns(session)
    rows = standing(session)
    before = items_of(rows)
    found = differences(before, wanted, is_whole=is_whole)
    if not found:
        return None
    after = dict(wanted) if is_whole else before | dict(wanted)
    _check_paths(after)
    edition = Edition(name=name, import_id=import_id, officer_id=editor.officer_id)
    session.add(edition)
    session.flush()
    _end(session, edition, [rows[code].id for code in (*found.replaced, *found.ended)])
    ids = _add(session, edition, after, rows, [*found.replaced, *found.added])
    amend(session, editor, [(rows[code], after[code]) for code in found.amended], import_id)
    if found.replaced:
        _carry_on(
            session,
            [rows[code].id for code in found.replaced],
            [ids[code] for code in found.replaced],
        )
    _record(session, editor, edition, found)
    if len(found.added) + len(found.replaced) > MANY:
        session.execute(sa.text("ANALYZE categories"))  # or the planner goes by what was there before
    return edition


def amend(
    session: Session, editor: Editor, pairs: list[tuple[Category, Item]], import_id: int | None = None
) -> None:
    """Change in place what may change in place (KEPT), and write down what was there."""
    entries = []
    for row, item in pairs:
        before = changes.snapshot(row, KEPT)
        for column in KEPT:
            setattr(row, column, _stored(getattr(item, column)))
        row.initials = initials(row.name, row.synonyms)
        after = changes.snapshot(row, KEPT)
        entries.append(changes.Entry(Did.CHANGED, "categories", row.id, row.path, None, before, after))
    session.flush()
    changes.record(session, editor, entries, import_id)


def free_code(path: tuple[str, ...], taken: Container[str]) -> str:
    """A code for an entry that brings none: ten digits of the hash of its path, the same in every import.

    Hashed again where an entry that was called so once still has it.
    """
    text = SEPARATOR.join(path)
    while (code := "p" + hashlib.sha256(text.encode()).hexdigest()[:10]) in taken:
        text += "+"
    return code


def _item(row: Category, above: str | None) -> Item:
    return Item(
        row.code,
        above,
        row.name,
        row.kind,
        tuple(row.synonyms),
        tuple(row.keywords),
        row.resolve_hours,
        row.in_working_days,
    )


def _is_typed(letter: str) -> bool:
    return letter.isascii() and letter.isalnum()


def _says(item: Item) -> tuple[Any, ...]:
    return item.above, item.name, item.kind


def _check_paths(items: Items) -> None:
    seen: dict[tuple[str, ...], str] = {}
    for code in items:
        path = path_of(items, code)
        if seen.setdefault(path, code) != code:
            raise Invalid(f"“{SEPARATOR.join(path)}”已经有了（编码 {seen[path]}），请换一个名称")


def _end(session: Session, edition: Edition, ids: list[int]) -> None:
    session.execute(sa.update(Category).where(Category.id.in_(ids)).values(until_id=edition.id))


def _add(
    session: Session, edition: Edition, after: Items, rows: Mapping[str, Category], codes: list[str]
) -> dict[str | None, int | None]:
    """Level by level, because who lies below needs the id of who lies above. Returns the ids by code."""
    ids: dict[str | None, int | None] = {None: None} | {code: row.id for code, row in rows.items()}
    paths = {code: path_of(after, code) for code in codes}
    for level in range(1, LEVELS + 1):
        new = [_row(after[code], paths[code], edition, ids) for code in codes if len(paths[code]) == level]
        if new:
            made = session.execute(sa.insert(Category).returning(Category.code, Category.id), new)
            ids.update((code, row_id) for code, row_id in made)
    return ids


def _row(
    item: Item, path: tuple[str, ...], edition: Edition, ids: Mapping[str | None, int | None]
) -> dict[str, Any]:
    kept = {column: _stored(getattr(item, column)) for column in KEPT}
    return kept | {
        "code": item.code,
        "parent_id": ids[item.above],
        "level": len(path),
        "kind": item.kind,
        "name": item.name,
        "path": SEPARATOR.join(path),
        "initials": initials(item.name, item.synonyms),
        "since_id": edition.id,
    }


def _stored(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


# By the pairs themselves: a join of the table with itself, just after it was filled, may take minutes.
_SUCCEED = """
    UPDATE {table} SET category_id = pair.new
    FROM unnest(CAST(:old AS bigint[]), CAST(:new AS bigint[])) AS pair(old, new)
    WHERE {table}.category_id = pair.old"""


def _carry_on(session: Session, old: list[int], new: list[int | None]) -> None:
    for table in ("duties", "place_codes"):
        session.execute(sa.text(_SUCCEED.format(table=table)), {"old": old, "new": new})


def _record(session: Session, editor: Editor, edition: Edition, found: Difference) -> None:
    """One line for the edition: what it added and ended stands in the rows' own since and until."""
    counts = {what: len(codes) for what, codes in asdict(found).items()}
    entry = changes.Entry(Did.ADDED, "editions", edition.id, edition.name, None, after=counts)
    changes.record(session, editor, [entry], edition.import_id)
