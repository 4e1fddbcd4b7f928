"""Finding an entry of the event dictionary: by what somebody types, or by what a resident wrote.

Both are one pass over the living entries in the database: measured at 4,096 that is quick enough (see the
tests), and unlike a copy in the process it is never behind an edit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.cases.category_models import Category
from backend.cases.editions import initials

SHORTEST = 2  # characters of a word that a report may be searched for
LIMIT = 20
# Names of entries that say nothing of what they are about.
EMPTY_WORDS = (
    "其他",
    "其它",
    "其他类",
    "其他问题",
    "其他事项",
    "综合",
    "投诉",
    "咨询",
    "建议",
    "求助",
    "问题",
)


@dataclass(frozen=True)
class Found:
    """An entry, whether it is a leaf, and the synonym or keyword that matched, if one did."""

    category: Category
    is_leaf: bool
    by: str


@dataclass(frozen=True)
class Suggested:
    """An entry that a report may be about, and the words of the report that say so, the longest first."""

    category: Category
    said: Sequence[str]


# Ranks: code, code's beginning, name, name's beginning, pinyin's beginning, synonym, anywhere.
_FIND = sa.text(r"""
    SELECT id, leaf FROM (
        SELECT c.id, c.name, c.path,
               NOT EXISTS (SELECT FROM categories b WHERE b.parent_id = c.id AND b.until_id IS NULL) AS leaf,
               CASE WHEN lower(c.code) = :text THEN 0
                    WHEN starts_with(lower(c.code), :text) THEN 1
                    WHEN lower(c.name) = :text THEN 2
                    WHEN starts_with(lower(c.name), :text) THEN 3
                    WHEN :typed <> '' AND strpos(' ' || c.initials, ' ' || :typed) > 0 THEN 4
                    WHEN EXISTS (SELECT FROM unnest(c.synonyms) s WHERE starts_with(lower(s), :text)) THEN 5
                    ELSE 6 END AS rank
        FROM categories c
        WHERE c.until_id IS NULL
          AND (starts_with(lower(c.code), :text)
               OR (:typed <> '' AND strpos(' ' || c.initials, ' ' || :typed) > 0)
               OR lower(c.path || ' ' || array_to_string(c.synonyms || c.keywords, ' ')) LIKE ALL (:parts))
    ) found
    ORDER BY rank, NOT leaf, length(name), path
    LIMIT :limit""")

# The pieces of a name, like 乱堆物堆料 and 沿街晾挂 of 乱堆物堆料、沿街晾挂, count as said one by one.
_SAID = sa.text(r"""
    SELECT c.id, array_agg(DISTINCT word) AS said, max(length(word)) AS longest, sum(length(word)) AS together
    FROM categories c,
         unnest(string_to_array(translate(c.name, '，,/（）()', '、、、、、、、'), '、')
                || c.synonyms || c.keywords) word
    WHERE c.until_id IS NULL AND length(word) >= :shortest AND strpos(:text, lower(word)) > 0
      AND word <> ALL (:empty)
    GROUP BY c.id
    ORDER BY max(length(word)) DESC, sum(length(word)) DESC,
             EXISTS (SELECT FROM categories b WHERE b.parent_id = c.id AND b.until_id IS NULL), c.id
    LIMIT :limit""")


def find(session: Session, text: str, limit: int = LIMIT) -> list[Found]:
    """The living entries that match, the best first: code, name, pinyin initials, synonym, then anywhere;
    of equals the leaves first. Words with a blank between them must all be there. Two queries."""
    wanted = " ".join(text.lower().split())
    if not wanted:
        return []
    rows = session.execute(_FIND, _given(wanted) | {"limit": limit}).all()
    entries = _by_id(session, [row.id for row in rows])
    return [Found(entries[row.id], row.leaf, _matched(entries[row.id], wanted)) for row in rows]


def category_suggestions(session: Session, text: str, limit: int = 5) -> list[Suggested]:
    """The entries whose name, synonym or keyword is said in the text, the longest such word first.

    A report about 下水井盖 so finds that entry before 井盖. Two queries.
    """
    given = {"text": text.lower(), "shortest": SHORTEST, "empty": list(EMPTY_WORDS), "limit": limit}
    rows = session.execute(_SAID, given).all()
    entries = _by_id(session, [row.id for row in rows])
    return [Suggested(entries[row.id], sorted(row.said, key=lambda word: (-len(word), word))) for row in rows]


def _given(wanted: str) -> dict[str, Any]:
    parts = [f"%{_plain(part)}%" for part in wanted.split()]
    typed = wanted.replace(" ", "")
    return {"text": wanted, "typed": typed if typed.isascii() and typed.isalnum() else "", "parts": parts}


def _plain(part: str) -> str:
    """The part as LIKE takes it: what somebody types is no pattern."""
    return part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _by_id(session: Session, ids: Sequence[int]) -> dict[int, Category]:
    return {row.id: row for row in session.scalars(sa.select(Category).where(Category.id.in_(ids)))}


def _matched(row: Category, wanted: str) -> str:
    """The word to show with the entry, where neither its path nor its code holds what was typed."""
    if wanted in row.path.lower() or row.code.lower().startswith(wanted) or row.initials.startswith(wanted):
        return ""
    words = (*row.synonyms, *row.keywords)
    spoken = (word for word in row.synonyms if initials(word).startswith(wanted))
    return next((word for word in words if wanted in word.lower()), next(spoken, ""))
