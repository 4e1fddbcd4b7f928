"""`python -m backend.clock`: the timetable. It says when, by sending actors; workers do the work.

Any number of clocks may run; the one that holds a lock in PostgreSQL leads, the others wait to take over.
Two leaders for a moment are harmless: an actor sent twice finds nothing left to do. The lock belongs to a
connection, so DATABASE_URL must lead to PostgreSQL itself, not to a pooler that shares connections.
"""

import logging
import os
import signal
import threading
from typing import Any

import dramatiq
import psycopg
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from backend import logs
from backend.cases import dispatch_tasks, sealing, standings
from backend.cases import tasks as cases
from backend.config import config
from backend.console import night_tasks, poster_tasks
from backend.notify import tasks as notify
from backend.orders import supervision_tasks
from backend.times import SHANGHAI, now
from backend.wechat import media, pictures, upkeep

logger = logging.getLogger(__name__)

LOCK = 0x_C10C
HEARTBEAT = 1.0  # seconds: between looks at the lock, by the leader and by those who wait

# A leader that is cut off from the database is noticed by both sides within seconds.
KEEPALIVES: dict[str, Any] = {
    "connect_timeout": 3,
    "keepalives_idle": 2,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "tcp_user_timeout": 5_000,
}


def _every(seconds: int) -> Any:
    return IntervalTrigger(seconds=seconds, timezone=SHANGHAI)


TIMETABLE: "dict[dramatiq.Actor[[], None], Any]" = {
    notify.sweep: _every(5),
    media.fetch_due: _every(10),
    pictures.make_pictures: _every(30),
    poster_tasks.draw_due: _every(15),
    cases.send_surveys: _every(10),
    cases.end_callbacks: _every(60),
    cases.fire_deadlines: _every(10),
    cases.resume_answered: _every(5),
    dispatch_tasks.dispatch_certain: _every(5),
    sealing.seal_events: _every(5),
    standings.keep_standings: _every(10),
    sealing.seal_leftovers: CronTrigger(hour=3, minute=40, timezone=SHANGHAI),
    supervision_tasks.remind_unanswered: _every(30),
    cases.close_silent: CronTrigger(minute=7, timezone=SHANGHAI),
    upkeep.read_templates: CronTrigger(hour=5, minute=40, timezone=SHANGHAI),
    upkeep.read_quotas: CronTrigger(minute="3-59/10", timezone=SHANGHAI),
    night_tasks.clear_away: CronTrigger(hour=3, minute=20, timezone=SHANGHAI),
}


def main() -> None:
    """Lead, or wait to lead, until SIGTERM or SIGINT; a lost database or queue is waited for."""
    logs.configure(config.log_level)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_signal: stop.set())
    while not stop.is_set():
        try:
            _stand(stop)
        except psycopg.Error as error:
            logger.warning("the clock is without the database: %s", error)
            stop.wait(HEARTBEAT)


def _stand(stop: threading.Event) -> None:
    """Wait for the lock, then lead. Raises psycopg.Error when the connection, so the lock, is lost."""
    with _connect() as connection:
        while not _wins(connection):
            if stop.wait(HEARTBEAT):
                return
        _lead(connection, stop)


def _connect() -> "psycopg.Connection[Any]":
    """The clock's own connection, under a name by which operators find the clocks in pg_stat_activity."""
    url = config.database_url.replace("+psycopg", "")
    return psycopg.connect(url, autocommit=True, application_name=f"clock {os.getpid()}", **KEEPALIVES)


def _wins(connection: "psycopg.Connection[Any]") -> bool:
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", [LOCK]).fetchone()
    return bool(row and row[0])


def _lead(connection: "psycopg.Connection[Any]", stop: threading.Event) -> None:
    scheduler = _scheduler()
    scheduler.start()
    logger.info("this clock leads")
    try:
        while not stop.wait(HEARTBEAT):
            connection.execute("SELECT 1")
    finally:
        scheduler.shutdown(wait=False)
        logger.info("this clock leads no more")


def _scheduler() -> Any:
    """Everything is sent once at the start of a lead: what came due while nobody led waits no longer."""
    defaults = {"coalesce": True, "max_instances": 1, "misfire_grace_time": 60}
    scheduler = BackgroundScheduler(timezone=SHANGHAI, job_defaults=defaults)
    for actor, trigger in TIMETABLE.items():
        scheduler.add_job(send, trigger, [actor], id=actor.actor_name, next_run_time=now())
    return scheduler


def send(actor: "dramatiq.Actor[[], None]") -> None:
    """Send the actor; when the queue is away, its next turn makes up for this one."""
    try:
        actor.send()
    except Exception as error:  # dramatiq and redis have no common one
        logger.warning("%s was not sent: %s", actor.actor_name, error)


if __name__ == "__main__":
    main()
