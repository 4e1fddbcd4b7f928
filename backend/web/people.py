"""The caller of this request as the services know them."""

from flask import g
from sqlalchemy.orm import Session

from backend.cases.service import Actor
from backend.places import scope
from backend.places.scope import Editor


def officer(session: Session) -> Actor:
    """The officer who is calling, with their posts. Only behind @require(Who.OFFICER)."""
    return Actor(officer_id=g.officer_id, posts=tuple(scope.posts_of(session, g.officer_id)))


def editor(session: Session) -> Editor:
    """The officer who is calling, as those who edit places, people and duties know them."""
    return Editor(officer_id=g.officer_id, posts=tuple(scope.posts_of(session, g.officer_id)))


def resident() -> Actor:
    """The resident who is calling, also when they are an officer. Only behind @require(...)."""
    return Actor(resident_id=g.resident_id)
