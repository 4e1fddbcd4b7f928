"""The ways up: from a place to its district, from an entry of the dictionary to its top."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.cases.models import Category
from backend.cases.routing import Chain

PLACES = ("place_id", "grid_id", "zone_id", "community_id", "subdistrict_id", "district_id")


def place_chain(row: Any) -> Chain:
    """The way up from where a row with area columns lies: its place, grid, zone, … district."""
    return tuple(dict.fromkeys(each for column in PLACES if (each := getattr(row, column)) is not None))


def category_chains(session: Session) -> dict[int, Chain]:
    """The way up from every entry that the dictionary ever had, in the rows that stand now (one query).

    An old case points at the row of its time; whoever goes on under the same code answers for it.
    """
    rows = session.execute(sa.select(Category.id, Category.parent_id, Category.code, Category.until_id)).all()
    now = {code: row_id for row_id, _, code, until_id in rows if until_id is None}
    parents = {row_id: parent_id for row_id, parent_id, _, _ in rows}
    standing = {row_id: now.get(code, row_id) for row_id, _, code, _ in rows}
    return {row_id: _climb(standing[row_id], parents, standing) for row_id in parents}


def _climb(row_id: int, parents: Mapping[int, int | None], standing: Mapping[int, int]) -> Chain:
    way: list[int] = []
    at: int | None = row_id
    while at is not None and at not in way:
        way.append(at)
        parent = parents[at]
        at = None if parent is None else standing[parent]
    return tuple(way)
