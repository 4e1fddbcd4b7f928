"""Past cases that are alike to duty lists, counted by PostgreSQL: what is alike is decided alike."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from backend.cases import duty_rules
from backend.cases.models import Case
from backend.cases.routing import Chain
from backend.cases.routing import Duty as Rule

ASKED = ("category_id", *duty_rules.PLACES, "channel", "unit_id")


def seen_by(
    rules: Collection[Rule], chains: Mapping[int, Chain], *only: sa.ColumnElement[bool]
) -> sa.Subquery:
    """These cases as the rules see them, by `ASKED`: of the category the nearest entry on its way up that a
    rule names, and of the places and the channel those that a rule names."""
    named = {rule.category_id for rule in rules}
    ways = [(row_id, each) for row_id, way in chains.items() if (each := _first(way, named)) is not None]
    entries = sa.func.unnest(_array(row for row, _ in ways), _array(each for _, each in ways))
    nearest = entries.table_valued("id", "nearest").render_derived("entries")
    areas = sa.any_(_array({rule.area_id for rule in rules if rule.area_id is not None}))
    places = [getattr(Case, column) for column in duty_rules.PLACES]
    channels = [rule.channel for rule in rules if rule.channel is not None]
    query = sa.select(
        Case.id,
        nearest.c.nearest.label("category_id"),
        *(sa.case((place == areas, place)).label(place.key) for place in places),
        sa.case((Case.channel.in_(set(channels)), Case.channel)).label("channel"),
        Case.unit_id,
    )
    return query.outerjoin(nearest, nearest.c.id == Case.category_id).where(*only).subquery("seen")


def sorts(seen: sa.Subquery) -> sa.Select[Any]:
    """Each sort of case once: what is asked, how many `cases`, the id of the `first`, and a `key`."""
    asked = [seen.c[column] for column in ASKED]
    counted = (sa.func.min(seen.c.id).label("first"), sa.func.count().label("cases"))
    return sa.select(*asked, *counted, _key(seen).label("key")).group_by(*asked).order_by("first")


def members(seen: sa.Subquery, keys: Sequence[str], limit: int) -> sa.Select[Any]:
    """The first of the cases of these sorts, with the key of each."""
    key = _key(seen)
    wanted = sa.any_(sa.literal(list(keys), ARRAY(sa.Text)))
    return sa.select(seen.c.id, key.label("key")).where(key == wanted).order_by(seen.c.id).limit(limit)


def _first(way: Chain, named: Collection[int | None]) -> int | None:
    return next((each for each in way if each in named), None)


def _key(seen: sa.Subquery) -> sa.ColumnElement[str]:
    """What is asked as one text; nothing stands where nothing is named."""
    parts = [part for column in ASKED for part in (seen.c[column], ",")]
    return sa.func.concat(*parts)


def _array(ids: Any) -> sa.ColumnElement[Any]:
    return sa.literal(list(ids), ARRAY(sa.BigInteger))
