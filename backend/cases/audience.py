"""Who is told about a case: one piece of SQL per audience, used by the quick path and by the services.

Each selects officer ids for a row `c` with the columns of `cases`; only who holds the post now is told, and
not who is away: whoever stands in holds a post of their own.
"""

from typing import LiteralString

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.cases.workflow import Audience

HELD: LiteralString = """
    p.since <= statement_timestamp() AND (p.until IS NULL OR p.until > statement_timestamp())
    AND (p.away_since IS NULL OR statement_timestamp() NOT BETWEEN p.away_since AND p.away_until)"""

# The community's own people; the dispatchers too where it has nobody who can accept (no case is skipped),
# and where there is danger: whoever of the community should see it may not be looking.
COMMUNITY: LiteralString = f"""
    SELECT DISTINCT officer_id FROM (
        SELECT p.officer_id, p.role, bool_or(p.role = 'information_officer') OVER () AS has_desk
        FROM posts p
        WHERE {HELD}
            AND p.area_id IN
                (c.place_id, c.grid_id, c.zone_id, c.community_id, c.subdistrict_id, c.district_id)
            AND (p.role = 'dispatcher' AND p.area_id IN (c.subdistrict_id, c.district_id)
                OR p.role IN ('information_officer', 'grid_officer', 'safety_officer')
                AND p.area_id IN (c.place_id, c.grid_id, c.zone_id, c.community_id))
    ) near WHERE role <> 'dispatcher' OR NOT has_desk OR c.urgent"""

# The unit's people; the dispatchers where nobody works in it any more, who assign it to another.
UNIT: LiteralString = f"""
    SELECT DISTINCT officer_id FROM (
        SELECT p.officer_id, p.role, bool_or(p.unit_id IS NOT NULL) OVER () AS has_people
        FROM posts p
        WHERE {HELD} AND c.unit_id IS NOT NULL AND (
            p.unit_id = c.unit_id AND p.role IN ('handler', 'unit_head', 'mediator')
            OR p.area_id IN (c.subdistrict_id, c.district_id) AND p.role = 'dispatcher')
    ) near WHERE role <> 'dispatcher' OR NOT has_people"""

SUPERVISORS: LiteralString = f"""
    SELECT DISTINCT p.officer_id FROM posts p
    WHERE {HELD} AND p.role = 'supervisor'
      AND p.area_id IN (c.community_id, c.subdistrict_id, c.district_id)"""

ARBITERS: LiteralString = f"""
    SELECT DISTINCT p.officer_id FROM posts p
    WHERE {HELD} AND p.role IN ('supervisor', 'dispatcher') AND p.area_id = c.district_id"""

OFFICERS: dict[Audience, LiteralString] = {
    Audience.COMMUNITY: COMMUNITY,
    Audience.UNIT: UNIT,
    Audience.SUPERVISORS: SUPERVISORS,
    Audience.ARBITERS: ARBITERS,
    Audience.HANDLER: "SELECT c.handler_id AS officer_id WHERE c.handler_id IS NOT NULL",
    Audience.LEADER: "SELECT c.leader_id AS officer_id WHERE c.leader_id IS NOT NULL",
    Audience.GROUP: "SELECT unnest(c.group_ids) AS officer_id",
}


def officers(session: Session, audience: Audience, case_id: int) -> list[int]:
    """The ids of the officers in this audience of this case."""
    statement = f"SELECT told.officer_id FROM cases c, LATERAL ({OFFICERS[audience]}) told WHERE c.id = :id"
    return list(session.scalars(sa.text(statement), {"id": case_id}))


def of_unit(session: Session, unit_id: int) -> list[int]:
    """The ids of the officers of a unit who work on cases."""
    statement = f"""
        SELECT DISTINCT p.officer_id FROM posts p
        WHERE {HELD} AND p.unit_id = :id AND p.role IN ('handler', 'unit_head', 'mediator')"""
    return list(session.scalars(sa.text(statement), {"id": unit_id}))
