"""Actor of supervision: what nobody answered in time is said once, to the unit and to who asked."""

from backend import db
from backend.broker import actor
from backend.cases import supervisions
from backend.orders import supervising
from backend.times import now

BATCH = 100


@actor("cases")
def remind_unanswered() -> None:
    """Remind of every supervision order that is unanswered at its time; a batch is one transaction."""
    for remind in (supervisions.remind, supervising.remind):
        done = BATCH
        while done == BATCH:
            with db.transaction() as session:
                done = remind(session, now(), BATCH)
