"""Reading the outbox for its desk: pages by key, counts that end at a hundred, and the reasons to mend by."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.console.outbox_scope import narrowed
from backend.errors import NotFound
from backend.notify import troubles
from backend.notify.models import Notification
from backend.notify.troubles import Trouble
from backend.places.models import Post
from backend.places.roles import Role
from backend.web.forms import cursor

PAGE = 20
LATELY = timedelta(days=1)
MOST = 100  # is counted; beyond, nobody needs to know how many
LOOKED_AT = 10_000  # messages in trouble, wherever they are, among which is counted
EXAMPLES = 3  # messages shown of each reason
LATEST = 1_000  # messages whose reasons are told apart
Row = Notification
# By which of its reasons a message is grouped: where it could have gone and a provider refused it with
# a code of its own; else the first. What later ways say beside that is another matter for each message.
CAUSE: sa.ColumnElement[str] = sa.literal_column(
    "coalesce(substring(notifications.error from '[^；]*（[A-Za-z0-9.-]+）'),"
    " split_part(notifications.error, '；', 1))",
    sa.String(),
)
Key = tuple[datetime, int]


def page(
    session: Session,
    posts: Sequence[Post],
    trouble: Trouble,
    at: datetime,
    *,
    after: Key | None = None,
    error: str = "",
) -> list[Notification]:
    """The messages in this trouble that these posts may read (one query): the latest first, of what is late
    the one that waits longest. `after` is the moment and id of the last row seen; LOOKED_AT are looked at
    from there, and `beyond` says where those end."""
    found = sa.select(Row).where(_is_near(trouble, at, after))
    found = found.where(CAUSE.is_not_distinct_from(error)) if error else found
    return list(session.scalars(narrowed(found, posts).order_by(*_order(trouble)).limit(PAGE)))


def beyond(session: Session, trouble: Trouble, at: datetime, after: Key | None) -> str:
    """Where to look on when a page found little among what it looked at; empty when that was all there is."""
    near = _from(trouble, at, after).limit(LOOKED_AT).subquery()
    last = near.c.moment if trouble is not Trouble.LATE else near.c.moment.desc()
    id_of_last = near.c.id if trouble is not Trouble.LATE else near.c.id.desc()
    seen = sa.select(near, sa.func.count().over().label("seen")).order_by(last, id_of_last).limit(1)
    row = session.execute(seen).first()
    return "" if row is None or row.seen < LOOKED_AT else cursor(row.moment, row.id)


def _is_near(trouble: Trouble, at: datetime, after: Key | None = None) -> sa.ColumnElement[bool]:
    """Whether a message is one of the next LOOKED_AT in this trouble, whoever may read them: what it costs to
    find one's own among a city's is bounded."""
    near = _from(trouble, at, after).limit(LOOKED_AT).subquery()
    return Row.id.in_(sa.select(near.c.id))


def _from(trouble: Trouble, at: datetime, after: Key | None) -> sa.Select[Any]:
    """Ids and moments of what is in this trouble anywhere, in the order of its list, behind this key. What
    waits for officers who have bound nothing is no row: the desk says once how many they are (`unbound`)."""
    moment = troubles.moment_of(trouble)
    found = sa.select(Row.id, moment.label("moment")).where(troubles.in_trouble(trouble, at))
    found = found.where(~troubles.is_to_unbound()) if trouble is Trouble.VISIT else found
    if after is not None:
        here, there = sa.tuple_(moment, Row.id), sa.tuple_(sa.literal(after[0]), sa.literal(after[1]))
        found = found.where(here > there if trouble is Trouble.LATE else here < there)
    return found.order_by(*_order(trouble))


def _order(trouble: Trouble) -> Sequence[Any]:
    moment = troubles.moment_of(trouble)
    return (moment, Row.id) if trouble is Trouble.LATE else (moment.desc(), Row.id.desc())


def counts(session: Session, posts: Sequence[Post], at: datetime) -> dict[Trouble, int]:
    """How many there are in each trouble, up to MOST (one query)."""
    query = sa.select(*(_count(trouble, posts, at).label(trouble) for trouble in Trouble))
    return {Trouble(name): number for name, number in session.execute(query).one()._mapping.items()}


def unbound(session: Session, posts: Sequence[Post], at: datetime) -> int:
    """To how many officers who have bound nothing messages wait that these posts may read, wherever those
    officers work: exactly those whose messages are no rows."""
    many = sa.select(sa.func.count(Row.officer_id.distinct())).select_from(Row)
    hidden = many.where(troubles.in_trouble(Trouble.VISIT, at), troubles.is_to_unbound())
    return session.scalar(narrowed(hidden, posts)) or 0


def failed_lately(session: Session, posts: Sequence[Post], at: datetime) -> int:
    """How many failed in the last day where these posts administer, up to MOST. Others are not asked for."""
    own = [post for post in posts if post.role is Role.ADMINISTRATOR]
    if not own:
        return 0
    few = _few(Trouble.FAILED, own, at).where(Row.due_at >= at - LATELY).subquery()
    return session.scalar(sa.select(sa.func.count()).select_from(few)) or 0


def errors(session: Session, posts: Sequence[Post], trouble: Trouble, at: datetime) -> list[tuple[str, int]]:
    """Why the latest of these messages did not go out, and how many for each cause, the most first."""
    moment = troubles.moment_of(trouble)
    latest = narrowed(sa.select(CAUSE.label("cause")).select_from(Row), posts).where(_is_near(trouble, at))
    few = latest.order_by(moment.desc()).limit(LATEST).subquery()
    many = sa.func.count()
    query = sa.select(sa.func.coalesce(few.c.cause, ""), many).group_by(few.c.cause).order_by(many.desc())
    return [(cause, number) for cause, number in session.execute(query) if cause]


def examples(
    session: Session, posts: Sequence[Post], trouble: Trouble, at: datetime
) -> list[tuple[str, Notification]]:
    """The latest EXAMPLES messages of each cause among those that `errors` counts, with it (one query)."""
    moment = troubles.moment_of(trouble)
    turn = sa.func.row_number().over(partition_by=CAUSE, order_by=(moment.desc(), Row.id.desc()))
    latest = narrowed(sa.select(Row.id, turn.label("turn")), posts).where(_is_near(trouble, at))
    few = latest.order_by(moment.desc()).limit(LATEST).subquery()
    first = sa.select(few.c.id).where(few.c.turn <= EXAMPLES)
    wanted = sa.select(sa.func.coalesce(CAUSE, ""), Row).where(Row.id.in_(first)).order_by(moment.desc())
    return [(cause, row) for cause, row in session.execute(wanted)]


def ids(
    session: Session, posts: Sequence[Post], trouble: Trouble, at: datetime, error: str, most: int
) -> list[int]:
    """The messages that did not go out for this cause, as `errors` counts them, those that wait longest
    first."""
    found = narrowed(sa.select(Row.id), posts).where(_is_near(trouble, at), CAUSE.is_not_distinct_from(error))
    return list(session.scalars(found.order_by(troubles.moment_of(trouble)).limit(most)))


def find(session: Session, posts: Sequence[Post], message_id: int) -> Notification:
    """A message that these posts may read. Raises NotFound for any other."""
    row: Notification | None = session.scalar(narrowed(sa.select(Row).where(Row.id == message_id), posts))
    if row is None:
        raise NotFound("没有这条消息")
    return row


def key_of(row: Notification, trouble: Trouble) -> str:
    """Where the next page goes on."""
    return cursor(getattr(row, troubles.moment_of(trouble).key), row.id)


def _count(trouble: Trouble, posts: Sequence[Post], at: datetime) -> sa.ScalarSelect[int]:
    return sa.select(sa.func.count()).select_from(_few(trouble, posts, at).subquery()).scalar_subquery()


def _few(trouble: Trouble, posts: Sequence[Post], at: datetime) -> sa.Select[Any]:
    """Up to MOST messages in this trouble that these posts may read, among those that are looked at."""
    return narrowed(sa.select(Row.id), posts).where(_is_near(trouble, at)).limit(MOST)
