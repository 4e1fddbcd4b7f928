"""To whom of its unit a case is given (交办): those on duty first, then those with the least in hand."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.cases.models import Case
from backend.cases.workflow import UNIT, UNSOLVED
from backend.db import one_of
from backend.places import duty
from backend.places.models import Officer, Post
from backend.places.roles import ROLE_LABELS, Role
from backend.places.scope import is_held, is_there


@dataclass(frozen=True)
class Candidate:
    """Someone of the unit: whether on duty now, and how many open cases they have in hand."""

    officer_id: int
    name: str
    role: str
    is_on_duty: bool
    load: int

    @property
    def words(self) -> str:
        """伍立新（经办人，值班，在办 3 件）"""
        on_duty = "值班，" if self.is_on_duty else ""
        return f"{self.name}（{self.role}，{on_duty}在办 {self.load} 件）"


def candidates(session: Session, case: Case) -> Sequence[Candidate]:
    """Who could have the case, the most suitable first; nobody who is away (four queries)."""
    if case.unit_id is None:
        return []
    people = session.execute(_people(case.unit_id)).all()
    loads = _loads(session, [officer.id for officer, _ in people])
    on_duty = {one.officer.id for one in duty.on_duty(session, unit_id=case.unit_id)}
    found = {
        officer.id: Candidate(
            officer.id, officer.name, ROLE_LABELS[role], officer.id in on_duty, loads.get(officer.id, 0)
        )
        for officer, role in people
    }
    return sorted(found.values(), key=lambda one: (not one.is_on_duty, one.load, one.officer_id))


def _people(unit_id: int) -> sa.Select[Officer, Role]:
    in_unit = (Post.unit_id == unit_id) & Post.role.in_(UNIT)
    query = sa.select(Officer, Post.role).join(Post, Post.officer_id == Officer.id)
    return query.where(in_unit, is_held(), is_there(), Officer.left_at.is_(None)).order_by(Post.id)


def _loads(session: Session, officer_ids: Sequence[int]) -> dict[int, int]:
    in_hand = sa.select(Case.handler_id, sa.func.count()).where(
        Case.handler_id.in_(officer_ids), one_of(Case.status, UNSOLVED)
    )
    rows = session.execute(in_hand.group_by(Case.handler_id))
    return {handler_id: count for handler_id, count in rows if handler_id is not None}
