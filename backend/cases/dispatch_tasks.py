"""Actor of dispatch by itself: sends what is certain where an area allows it.

It costs a small query where nothing is allowed, else a look at what waits at the desks there. Each case is
sent in a transaction of its own: a worker killed on the way leaves the others to its next turn.
"""

import logging

from backend import db
from backend.broker import actor
from backend.cases import auto_dispatch
from backend.errors import AppError

logger = logging.getLogger(__name__)


@actor("cases")
def dispatch_certain() -> None:
    """Send every certain case that waits where its area allows it."""
    after: int | None = 0
    while after is not None:
        with db.transaction() as session:
            hopeful, after = auto_dispatch.waiting(session, after=after)
        for case_id in hopeful:
            _send(case_id)


def _send(case_id: int) -> None:
    """One that cannot be sent stays where people see it, and holds up no other."""
    try:
        with db.transaction() as session:
            auto_dispatch.send(session, case_id)
    except AppError as error:
        logger.warning("case %s was not sent by itself: %s", case_id, error.message)
