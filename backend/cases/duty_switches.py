"""What switching a duty list on would change: how it differs from the one in force (职责清单启用前后对比)."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.cases import duty_queries
from backend.cases.models import DutyList


@dataclass(frozen=True)
class Switch:
    """What switching a list on changes: the list that retires, and duties by what becomes of them."""

    retires: str | None
    added: int
    changed: int
    removed: int
    same: int


# What is said of the same (category, area, channel) by the old list and by the new; of twins the first.
_COMPARED = sa.text("""
    WITH said AS (
        SELECT DISTINCT ON (list_id, category, area, way)
               list_id, unit_id, assisting, coalesce(category_id, 0) AS category,
               coalesce(area_id, 0) AS area, coalesce(channel, '') AS way
        FROM duties WHERE list_id IN (:old, :new) ORDER BY list_id, category, area, way, id)
    SELECT count(*) FILTER (WHERE o.list_id IS NULL) AS added,
           count(*) FILTER (WHERE (o.unit_id, o.assisting) <> (n.unit_id, n.assisting)) AS changed,
           count(*) FILTER (WHERE n.list_id IS NULL) AS removed,
           count(*) FILTER (WHERE (o.unit_id, o.assisting) = (n.unit_id, n.assisting)) AS same
    FROM (SELECT * FROM said WHERE list_id = :old) o
    FULL JOIN (SELECT * FROM said WHERE list_id = :new) n USING (category, area, way)""")


def touches(session: Session, duty_list: DutyList) -> Switch:
    """How the list differs from the one that it would replace (two queries)."""
    old = duty_queries.current(session, duty_list.area_id)
    lists = {"old": old.id if old else 0, "new": duty_list.id}
    return Switch(old.name if old else None, **session.execute(_COMPARED, lists).one()._mapping)
