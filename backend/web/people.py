"""The caller of this request as the services know them."""

from flask import g
from sqlalchemy.orm import Session

from backend import db
from backend.cases.service import Actor
from backend.places import scope
from backend.places.models import Post
from backend.places.roles import Role
from backend.places.scope import Editor


def officer(session: Session) -> Actor:
    """The officer who is calling, with their posts. Only behind @require(Who.OFFICER)."""
    return Actor(officer_id=g.officer_id, posts=_posts(session))


def editor(session: Session) -> Editor:
    """The officer who is calling, as those who edit places, people and duties know them."""
    return Editor(officer_id=g.officer_id, posts=_posts(session))


def roles() -> frozenset[Role]:
    """The roles that the officer who is calling holds anywhere; from what this request has read already."""
    if "roles" not in g:
        with db.transaction() as session:
            _posts(session)
    held: frozenset[Role] = g.roles
    return held


def resident() -> Actor:
    """The resident who is calling, also when they are an officer. Only behind @require(...)."""
    return Actor(resident_id=g.resident_id)


def _posts(session: Session) -> tuple[Post, ...]:
    """The caller's posts; rows of one transaction, so that only their roles are kept for the request."""
    posts = tuple(scope.posts_of(session, g.officer_id))
    g.roles = frozenset(post.role for post in posts)
    return posts
