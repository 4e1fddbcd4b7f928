"""`dramatiq backend.worker`: connect, and import every module that declares actors or channels.

On SIGTERM the worker finishes what it is doing and takes nothing more. One that is killed instead loses
nothing: Redis hands its messages to another, and what it had claimed comes back when the lease ends.
"""

import dramatiq
from dramatiq.broker import MessageProxy

from backend import db, logs
from backend.broker import broker
from backend.cases import tasks as cases
from backend.config import config
from backend.notify import tasks as notify
from backend.wechat import accounts, channel, media

__all__ = ["broker", "cases", "channel", "media", "notify"]


class NamedJobs(dramatiq.Middleware):
    """Puts the job's id and its actor's name on every log record that it causes."""

    def before_process_message(self, broker: dramatiq.Broker, message: MessageProxy) -> None:
        logs.begin(job=message.message_id, actor=message.actor_name)


logs.configure(config.log_level)
db.connect(config.database_url)
accounts.all_accounts()  # a bad file stops the start, not somebody's message
broker.add_middleware(NamedJobs())
