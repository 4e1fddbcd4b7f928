"""`dramatiq backend.worker`: connect, and import every module that declares actors or channels.

On SIGTERM the worker finishes what it is doing and takes nothing more. One that is killed instead loses
nothing: Redis hands its messages to another, and what it had claimed comes back when the lease ends.
"""

import signal
from types import FrameType

import dramatiq
from dramatiq.broker import MessageProxy

from backend import db, logs
from backend.broker import broker
from backend.cases import dispatch_tasks, outdated, sealing, standings
from backend.cases import tasks as cases
from backend.config import config
from backend.console import night_tasks, poster_tasks
from backend.notify import sms_channel, sms_settings, telephone
from backend.notify import tasks as notify
from backend.orders import supervision_tasks
from backend.wechat import (
    accounts,
    channel,
    media,
    pictures,
    subscriptions,
    upkeep,
    wecom_channel,
    wecom_taps,
)

__all__ = [
    "broker",
    "cases",
    "channel",
    "dispatch_tasks",
    "media",
    "night_tasks",
    "notify",
    "outdated",
    "pictures",
    "poster_tasks",
    "sealing",
    "sms_channel",
    "standings",
    "subscriptions",
    "supervision_tasks",
    "telephone",
    "upkeep",
    "wecom_channel",
    "wecom_taps",
]


class NamedJobs(dramatiq.Middleware):
    """Puts the job's id and its actor's name on every log record that it causes."""

    def before_process_message(self, broker: dramatiq.Broker, message: MessageProxy) -> None:
        logs.begin(job=message.message_id, actor=message.actor_name)


class StopsOnce(dramatiq.Middleware):
    """Hears the first SIGTERM only. Dramatiq takes a second one for "kill", and whoever signals all processes
    of a program (honcho and systemd do) makes two: his own, and what dramatiq's main process passes on."""

    def after_process_boot(self, broker: dramatiq.Broker) -> None:
        stop = signal.getsignal(signal.SIGTERM)
        assert callable(stop)

        def stop_once(number: int, frame: FrameType | None) -> None:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            stop(number, frame)

        signal.signal(signal.SIGTERM, stop_once)


logs.configure(config.log_level)
db.connect(config.database_url)
accounts.all_accounts()  # a bad file stops the start, not somebody's message
sms_settings.settings()
broker.add_middleware(NamedJobs())
broker.add_middleware(StopsOnce())
