"""Who is told that a clock is late: one piece of SQL per group, for many cases and parts of orders at once.

Each selects officer ids for a row `c`, as audience.py does; a unit under an order is such a row, too.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, LiteralString

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.cases.audience import HELD, OFFICERS
from backend.cases.clocks import POLICY
from backend.cases.workflow import Audience, Status

Key = tuple[bool, int]  # whether it is a unit under an order, and its id


class Group(StrEnum):
    """A step of the chain."""

    HOLDERS = "holders"  # whoever has the clock: one of the next four
    COMMUNITY = "community"
    UNIT = "unit"
    ARBITERS = "arbiters"
    SUPERVISORS = "supervisors"
    HEADS = "heads"
    DESK = "desk"
    DESK_FOR_EMPTY = "desk_for_empty"  # the desk, where the unit plans turns of duty and nobody is on now
    LEADERS = "leaders"


People = Mapping[tuple[Group, Key], Sequence[int]]
OF_AUDIENCE = {
    Audience.COMMUNITY: Group.COMMUNITY,
    Audience.UNIT: Group.UNIT,
    Audience.ARBITERS: Group.ARBITERS,
    Audience.SUPERVISORS: Group.SUPERVISORS,
}
ON_DUTY: LiteralString = "s.since <= statement_timestamp() AND s.until > statement_timestamp()"

# Dispatchers on duty; else all dispatchers; else supervisors; else administrators. The first that there are.
DESK: LiteralString = f"""
    SELECT DISTINCT officer_id FROM (
        SELECT officer_id, rank, min(rank) OVER () AS best FROM (
            SELECT p.officer_id, CASE p.role WHEN 'supervisor' THEN 3 WHEN 'administrator' THEN 4 ELSE
                CASE WHEN EXISTS (SELECT FROM shifts s WHERE s.post_id = p.id AND {ON_DUTY}) THEN 1 ELSE 2 END
                END AS rank
            FROM posts p
            WHERE {HELD} AND p.role IN ('dispatcher', 'supervisor', 'administrator')
                AND p.area_id IN (c.community_id, c.subdistrict_id, c.district_id)
        ) ranked
    ) near WHERE rank = best"""

_TURNS: LiteralString = (
    "SELECT FROM shifts s JOIN posts own ON own.id = s.post_id WHERE own.unit_id = c.unit_id"
)
GROUPS: dict[Group, LiteralString] = {
    Group.COMMUNITY: OFFICERS[Audience.COMMUNITY],
    Group.UNIT: OFFICERS[Audience.UNIT],
    Group.ARBITERS: OFFICERS[Audience.ARBITERS],
    Group.SUPERVISORS: OFFICERS[Audience.SUPERVISORS],
    # The head of the unit; the secretary of the community while no unit has it.
    Group.HEADS: f"""
        SELECT DISTINCT p.officer_id FROM posts p
        WHERE {HELD} AND (p.unit_id = c.unit_id AND p.role = 'unit_head'
            OR c.unit_id IS NULL AND p.area_id = c.community_id AND p.role = 'secretary')""",
    Group.DESK: DESK,
    Group.DESK_FOR_EMPTY: f"""
        SELECT officer_id FROM ({DESK}) desk
        WHERE EXISTS ({_TURNS} AND s.until > statement_timestamp() - interval '30 days'
                AND s.since < statement_timestamp() + interval '30 days')
            AND NOT EXISTS ({_TURNS} AND {ON_DUTY})""",
    # The leader in charge, and those of the area.
    Group.LEADERS: f"""
        SELECT c.leader_id AS officer_id WHERE c.leader_id IS NOT NULL UNION
        SELECT p.officer_id FROM posts p
        WHERE {HELD} AND p.role = 'leader'
            AND p.area_id IN (c.community_id, c.subdistrict_id, c.district_id)""",
}
# What has clocks, as rows `c`.
CASES: LiteralString = "cases"
PARTS: LiteralString = """(
    SELECT part.id, part.unit_id, NULL::bigint AS leader_id, o.number, o.status, o.urgent, o.title AS report,
        o.place_id, o.grid_id, o.zone_id, o.community_id, o.subdistrict_id, o.district_id
    FROM order_units part JOIN orders o ON o.id = part.order_id)"""
SUBJECTS: LiteralString = """
    SELECT c.id, c.number, c.status, c.urgent, left(c.report, 200) AS words, c.unit_id, c.place_id, c.grid_id,
        c.zone_id, c.community_id, c.subdistrict_id, c.district_id, place.name AS place, unit.name AS unit,
        unit.closed_at IS NOT NULL AS is_closed
    FROM {} c JOIN areas place ON place.id = c.place_id LEFT JOIN units unit ON unit.id = c.unit_id
    WHERE c.id = ANY(:ids)"""


def key_of(row: Any) -> Key:
    """What a clock is of."""
    return (False, row.case_id) if row.order_unit_id is None else (True, row.order_unit_id)


def subjects(session: Session, rows: Iterable[Any]) -> dict[Key, Any]:
    """What the clocks are of: what messages say of it, where it is, whose it is (two queries)."""
    found: dict[Key, Any] = {}
    for is_part, ids in _by_kind(map(key_of, rows)).items():
        statement = sa.text(SUBJECTS.format(PARTS if is_part else CASES))
        found |= {(is_part, row.id): row for row in session.execute(statement, {"ids": ids})}
    return found


def of_clock(group: Group, row: Any, subjects: Mapping[Key, Any]) -> Group:
    """Who the holders are of this clock. A unit that was closed, or has sent the case back, is nobody."""
    subject = subjects[key_of(row)]
    if group is Group.HEADS and subject.is_closed:
        return Group.DESK
    if group is not Group.HOLDERS:
        return group
    holder = OF_AUDIENCE[POLICY[row.clock].holder]
    if holder is not Group.UNIT:
        return holder
    if subject.is_closed:
        return Group.DESK
    if subject.unit_id is not None:
        return Group.UNIT
    return Group.ARBITERS if subject.status == Status.DISPUTED else Group.COMMUNITY


def people(session: Session, wanted: Mapping[Group, Iterable[Key]]) -> People:
    """The officers of each group; where one is empty, the duty desk's besides."""
    found: dict[tuple[Group, Key], list[int]] = {}
    for group, keys in wanted.items():
        if group is not Group.DESK:
            found |= {(group, key): officers for key, officers in _officers(session, group, keys).items()}
    asked = {group: keys for group, keys in wanted.items() if group is not Group.DESK_FOR_EMPTY}
    empty = {key for group, keys in asked.items() for key in keys if (group, key) not in found}
    found |= {(Group.DESK, key): officers for key, officers in _officers(session, Group.DESK, empty).items()}
    return found


def _officers(session: Session, group: Group, keys: Iterable[Key]) -> dict[Key, list[int]]:
    found: dict[Key, list[int]] = defaultdict(list)
    for is_part, ids in _by_kind(keys).items():
        statement = f"""
            SELECT c.id, told.officer_id FROM {PARTS if is_part else CASES} c, LATERAL ({GROUPS[group]}) told
            WHERE c.id = ANY(:ids)"""
        for row_id, officer_id in session.execute(sa.text(statement), {"ids": ids}):
            found[is_part, row_id].append(officer_id)
    return found


def _by_kind(keys: Iterable[Key]) -> dict[bool, list[int]]:
    kinds: dict[bool, list[int]] = defaultdict(list)
    for is_part, row_id in sorted(set(keys)):
        kinds[is_part].append(row_id)
    return kinds
