"""Similar recent cases nearby: what a dispatcher may merge a new case with, or learn from.

Of each community the newest cases are read and compared here, in Python: the likeness of two reports is how
many pairs of neighbouring characters they share (Dice's coefficient over character bigrams), which needs no
index and no word list and forgives another order of words.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import cos, hypot, radians
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from backend.cases.intake import summary
from backend.cases.models import Case
from backend.cases.workflow import UNSOLVED, Status
from backend.places.models import Area, Post
from backend.places.scope import visible
from backend.times import now

RECENT = timedelta(days=30)
NEWEST = 200  # cases of a community that are looked at, however many there are
NEAR = 100  # metres within which two positions are one place
DEGREE = 111_320  # metres of latitude
HERE = "同一地点"  # at a busy gate all sorts of things are reported: the place alone is no likeness
# What a likeness consists of, 0 to 1. The same category alone is none either.
PLACE, CATEGORY, WORDS, LEAST = 0.25, 0.25, 0.5, 0.3
SAID = ((0.7, "说法几乎一样"), (0.3, "说法相近"))  # from this share of pairs on, in words
_New = aliased(Case)
Other = tuple[Any, set[str]]  # a row of _COMPARED, and the pairs of its report
_NOISE = re.compile(r"[\W_]+")


@dataclass(frozen=True)
class Similar:
    """Another case, how like it is (0 to 1), and in what."""

    number: str
    said: str  # the beginning of its report
    place: str
    status: Status
    at: datetime
    score: float
    why: str

    @property
    def is_open(self) -> bool:
        """Whether a case may still be merged into it."""
        return self.status in UNSOLVED


def nearby(
    session: Session, case: Case, posts: Sequence[Post], limit: int = 5, at: datetime | None = None
) -> list[Similar]:
    """The cases of the last 30 days in the same community that are like this one, the likest first, as far as
    these posts reach; not itself, nor what it is merged or split with. One query."""
    return nearby_each(session, [case], posts, limit, at)[case.id]


def nearby_each(
    session: Session, cases: Sequence[Case], posts: Sequence[Post], limit: int = 5, at: datetime | None = None
) -> dict[int, list[Similar]]:
    """The same for several cases, by their ids; one query for all of them."""
    others = _recent(session, cases, posts, (at or now()) - RECENT)
    return {case.id: _ranked(case, others[case.community_id], limit) for case in cases}


def likeness(one: str, other: str) -> float:
    """How like two texts are, 0 to 1: twice the pairs of characters in both, by the pairs in each."""
    return _dice(_pairs(one), _pairs(other))


def _recent(
    session: Session, cases: Sequence[Case], posts: Sequence[Post], since: datetime
) -> Mapping[int | None, list[Other]]:
    """The newest cases of these cases' communities: each read by key from its end, no more than NEWEST."""
    wanted = {case.community_id for case in cases if case.community_id is not None}
    found: dict[int | None, list[Other]] = defaultdict(list)
    if not wanted:
        return found
    community = sa.select(sa.func.unnest(sa.literal(sorted(wanted), sa.ARRAY(sa.BigInteger))).label("id"))
    communities = community.subquery("communities")
    newest = sa.select(_New.id).where(_New.community_id == communities.c.id).order_by(_New.id.desc())
    of_each = newest.limit(NEWEST).lateral("newest")
    rows = sa.select(*_COMPARED).select_from(communities.join(of_each, sa.true()))
    rows = rows.join(Case, Case.id == of_each.c.id).join(Area, Area.id == Case.place_id)
    for row in session.execute(rows.where(Case.discovered_at > since, visible(posts, Case))):
        found[row.community_id].append((row, _pairs(row.report)))
    return found


_COMPARED = (
    Case.id,
    Case.number,
    Case.report,
    Case.status,
    Case.discovered_at,
    Case.community_id,
    Case.place_id,
    Area.name.label("place"),
    Case.category_id,
    Case.latitude,
    Case.longitude,
    Case.master_id,
    Case.parent_id,
)


def _ranked(case: Case, others: Sequence[Other], limit: int) -> list[Similar]:
    pairs = _pairs(case.report)
    compared = [_compare(case, other, _dice(pairs, own)) for other, own in others if not _is_kin(case, other)]
    alike = [each for each in compared if each.score >= LEAST and each.why != HERE]
    return sorted(alike, key=lambda each: (each.score, each.at), reverse=True)[:limit]


def _is_kin(case: Case, other: Any) -> bool:
    """Whether they hang together already: the same, its master or whole, its member or part, or a sibling."""
    own = {case.id, case.master_id, case.parent_id} - {None}
    return not own.isdisjoint({other.id, other.master_id, other.parent_id} - {None})


def _compare(case: Case, other: Any, words: float) -> Similar:
    is_there = _is_same_place(case, other)
    is_alike = case.category_id is not None and case.category_id == other.category_id
    spoken = next((said for least, said in SAID if words >= least), "")
    why = "、".join(filter(None, (HERE if is_there else "", "同类事项" if is_alike else "", spoken)))
    return Similar(
        other.number,
        summary(other.report),
        other.place,
        other.status,
        other.discovered_at,
        round(PLACE * is_there + CATEGORY * is_alike + WORDS * words, 2),
        why,
    )


def _is_same_place(case: Case, other: Any) -> bool:
    """The same place below the community (which says too little by itself), or positions close together."""
    is_named = case.place_id == other.place_id and case.place_id != case.community_id
    return is_named or _is_near(case, other)


def _is_near(case: Case, other: Any) -> bool:
    if None in (case.latitude, case.longitude, other.latitude, other.longitude):
        return False
    north = case.latitude - other.latitude
    east = (case.longitude - other.longitude) * cos(radians(other.latitude))
    return hypot(north, east) * DEGREE <= NEAR


def _dice(one: set[str], other: set[str]) -> float:
    return 2 * len(one & other) / (len(one) + len(other)) if one and other else 0.0


def _pairs(text: str) -> set[str]:
    plain = _NOISE.sub("", unicodedata.normalize("NFKC", text).lower())
    return {plain[n : n + 2] for n in range(len(plain) - 1)}
