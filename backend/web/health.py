"""Alive, ready, and how it goes: what a load balancer and Prometheus ask."""

import logging
from collections.abc import Callable, Iterator
from time import perf_counter

import sqlalchemy as sa
from flask import Blueprint, Flask, Response, g, request
from flask.typing import ResponseReturnValue
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from backend import db, migrations
from backend.auth import public
from backend.broker import redis_client
from backend.notify.records import NEXT_VISIT
from backend.notify.troubles import LATE_AFTER, RECEIPTED, SILENT_AFTER

logger = logging.getLogger(__name__)
bp = Blueprint("health", __name__)

REQUESTS = Histogram(
    "http_request_seconds",
    "Time to answer, by route and status",
    ["endpoint", "status"],
    buckets=(0.005, 0.02, 0.1, 0.5, 2, 5),
)


@bp.get("/healthz")
@public
def alive() -> ResponseReturnValue:
    return {"status": "ok"}


@bp.get("/readyz")
@public
def ready() -> ResponseReturnValue:
    """200 when all that a request needs is there; else 503 and which part is not."""
    parts = {name: _is_good(check) for name, check in CHECKS.items()}
    return parts, 200 if all(parts.values()) else 503


@bp.get("/metrics")
@public
def metrics() -> ResponseReturnValue:
    return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)


def _is_good(check: Callable[[], object]) -> bool:
    try:
        return bool(check())
    except Exception as error:  # whatever it is, this part is not ready
        logger.warning("not ready: %s", error)
        return False


def _database() -> bool:
    with db.transaction() as session:
        return session.scalar(sa.text("SELECT true")) is True


def _migrated() -> bool:
    with db.transaction() as session:
        return migrations.is_current(session.connection())


CHECKS: dict[str, Callable[[], object]] = {
    "database": _database,
    "redis": lambda: redis_client().ping(),
    "migrations": _migrated,
}

# All cost the same however many messages were ever owed: each reads a partial index, but one, which looks at
# the latest rows alone. What is put off to a person's next visit would hide what is late.
_OWED = sa.text("""
    SELECT count(*) FILTER (WHERE due_at <= now() + interval '1 hour') AS waiting,
           count(*) FILTER (WHERE due_at < now() - :late_after) AS late,
           count(*) FILTER (WHERE due_at > now() + :far) AS for_visit,
           (SELECT count(*) FROM notifications WHERE status = 'failed' AND attempts > 0
            AND due_at BETWEEN now() - interval '1 day' AND now()) AS failed_today,
           (SELECT count(*) FROM notifications WHERE status = 'sent' AND provider_id IS NOT NULL
            AND channel = ANY(:receipted)
            AND sent_at BETWEEN now() - interval '1 day' AND now() - :silent_after) AS silent,
           (SELECT count(*) FROM (SELECT status FROM notifications ORDER BY id DESC LIMIT 10000) latest
            WHERE status = 'failed') AS failed
    FROM notifications WHERE status = 'waiting'""")
_ASKED = {
    "far": NEXT_VISIT / 2,
    "late_after": LATE_AFTER,
    "silent_after": SILENT_AFTER,
    "receipted": list(RECEIPTED),
}


class Owed(Collector):
    """The outbox at the moment of asking."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        try:
            with db.transaction() as session:
                owed = session.execute(_OWED, _ASKED).one()
        except SQLAlchemyError:  # the other figures are wanted most when the database is away
            logger.exception("the outbox cannot be counted")
            return
        for name, says, value in (
            ("notifications_waiting", "Messages owed, not sent and due within the hour", owed.waiting),
            ("notifications_late", "Due for more than five minutes, and in no worker's hands", owed.late),
            ("notifications_failed_today", "Tried in the last day, and failed for good", owed.failed_today),
            ("notifications_without_receipt", "Sent in the last day, no receipt in an hour", owed.silent),
            ("notifications_waiting_for_visit", "Put off until the person comes to us", owed.for_visit),
            ("notifications_failed_recently", "Failed for good, of the latest 10,000", owed.failed),
        ):
            yield GaugeMetricFamily(name, says, value=value)

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Nothing before it is asked: to register must not need a database."""
        return iter(())


REGISTRY.register(Owed())


def register(app: Flask) -> None:
    app.register_blueprint(bp)
    app.before_request(_start)
    app.after_request(_observe)


def _start() -> None:
    g.started = perf_counter()


def _observe(response: Response) -> Response:
    REQUESTS.labels(request.endpoint or "none", response.status_code).observe(perf_counter() - g.started)
    return response
