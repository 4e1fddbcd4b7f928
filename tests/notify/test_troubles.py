"""Which messages stand at the outbox desk under what is tried again, and what it costs to find them."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from backend.notify import troubles
from backend.notify.messages import Message
from backend.notify.models import Delivery, Held, Notification
from backend.notify.troubles import Trouble
from backend.times import now
from tests.factories import make_resident

SOON = timedelta(minutes=10)


def owe(session, key, **values):
    row = Notification(key=key, message=Message.CASE_PROGRESS, **values)
    session.add(row)
    session.flush()
    return row


def retried(session):
    found = sa.select(Notification.key).where(troubles.in_trouble(Trouble.RETRIED, now()))
    return sorted(session.scalars(found))


def test_what_waited_and_is_tried_for_the_first_time_is_not_tried_again(session):
    to, waited = {"resident_id": make_resident(session).id}, {"error": "等一等再发"}
    in_hand = to | waited | {"status": Delivery.SENDING, "lease_until": now() + SOON}
    for held in (Held.NIGHT, Held.DIGEST, Held.LIMIT):
        owe(session, held, **in_hand, held=held, attempts=1)
    owe(session, "until the morning", **in_hand, attempts=1)  # a channel said so: that was no attempt
    owe(session, "second attempt", **in_hand, attempts=2)
    owe(session, "account away", **in_hand, held=Held.OUTAGE, attempts=1)
    owe(session, "failed", **to, **waited, due_at=now() + SOON, attempts=1)
    owe(session, "failed and due", **to, **waited, due_at=now() - SOON / 10, attempts=1)
    owe(session, "account is away", **to, **waited, due_at=now() + SOON, held=Held.OUTAGE)
    owe(session, "put off for the night", **to, **waited, due_at=now() + SOON, held=Held.NIGHT, attempts=1)
    assert retried(session) == [
        "account away", "account is away", "failed", "failed and due", "second attempt",
    ]  # fmt: skip


@pytest.mark.parametrize("backlog", [timedelta(minutes=-1), timedelta(hours=8)])
def test_a_backlog_costs_the_list_no_more_than_what_is_looked_at(session, monkeypatch, backlog):
    """Fresh messages that have just become due, or that wait for the morning."""
    monkeypatch.setattr(troubles, "LOOKED_AT", 100)
    to = {"resident_id": make_resident(session).id}
    session.execute(
        sa.text("""INSERT INTO notifications (key, message, resident_id, due_at, fields)
            SELECT 'k' || n, 'case_progress', :to, :due + n * interval '1 ms', '{}'
            FROM generate_series(1, 20000) n"""),
        {"to": to["resident_id"], "due": now() + backlog},
    )  # fmt: skip
    for key, pause in (("failed", SOON), ("failed often", timedelta(hours=12))):
        owe(session, key, **to, due_at=now() + pause, attempts=1, error="微信系统繁忙")
    session.execute(sa.text("ANALYZE notifications"))
    assert retried(session) == ["failed", "failed often"]
    found = sa.select(Notification.id).where(troubles.in_trouble(Trouble.RETRIED, now()))
    assert read_by(session, found.order_by(Notification.due_at.desc()).limit(20)) < 1_000


def read_by(session, query):
    """How many rows of the outbox a query reads."""
    text = query.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})
    [plan] = session.scalar(sa.text(f"EXPLAIN (ANALYZE, FORMAT JSON) {text}".replace(":", "\\:")))
    return sum(map(_rows, _nodes(plan["Plan"])))


def _nodes(plan):
    return [plan, *(node for part in plan.get("Plans", []) for node in _nodes(part))]


def _rows(node):
    if "Scan" not in node["Node Type"] or node["Node Type"] == "Subquery Scan":
        return 0
    return (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
