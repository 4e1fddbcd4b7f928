"""The actor that has WeChat make the codes that wait for their pictures."""

import logging

from redis.exceptions import LockError

from backend.broker import actor, redis_client
from backend.errors import AppError
from backend.wechat import qrcodes
from backend.wechat.accounts import Account

logger = logging.getLogger(__name__)

BATCH = 1_000  # of one run: WeChat takes a tenth of a second for each, and an actor has five minutes
LEASE = 60.0  # seconds: longer than WeChat ever takes for one


@actor("pictures")
def make_pictures() -> None:
    """Make what waits. One worker at a time does; what it leaves, the timetable calls for again.

    A worker that is killed leaves its lease to run out. What it had made and not recorded WeChat gives again.
    """
    lease = redis_client().lock("codes:pictures", timeout=LEASE)
    if not lease.acquire(blocking=False):
        return
    try:
        for account in qrcodes.smallest_area_first():
            _make(account, lease.reacquire)
    except LockError:
        logger.warning("another worker has taken over the pictures of codes")
    finally:
        if lease.owned():
            lease.release()


_refused: set[str] = set()  # the accounts whose last attempt failed


def _make(account: Account, go_on: qrcodes.Told) -> None:
    """An account that WeChat refuses must not hold up the others. Once is no news: the next turn is soon."""
    try:
        qrcodes.ensure_tickets(account, BATCH, go_on)
        _refused.discard(account.name)
    except AppError as error:
        level = logging.WARNING if account.name in _refused else logging.DEBUG
        _refused.add(account.name)
        logger.log(level, "account %s has no more codes made: %s", account.name, error)
