"""Media that residents sent in the chat: fetched from WeChat by a worker before WeChat forgets them.

A recording stays the AMR file that WeChat gives. Browsers do not play AMR, and no well-kept library of
moderate size turns it into something they do, so pages offer it for download; telephones play it.
"""

import logging
from collections.abc import Callable, Sequence
from functools import partial

from sqlalchemy.orm import Session

from backend import db, storage
from backend.broker import actor
from backend.cases import attachments
from backend.cases.content import check
from backend.cases.models import Attachment
from backend.errors import Invalid, TooLarge
from backend.times import now
from backend.wechat import accounts, client
from backend.wechat.codes import Fate, ProviderError

logger = logging.getLogger(__name__)

BATCH = 5  # that fit into one lease even when WeChat is slow
GONE = 40007  # the media id is not, or no longer, known
Record = Callable[[Session, int], None]


@actor("media")
def fetch(ids: list[int]) -> None:
    """Fetch these files, those that are still to be had. Each is claimed alone, just before its turn."""
    for attachment_id in ids:
        for wanted in _claim(1, [attachment_id]):
            _fetch(wanted)


@actor("media")
def fetch_due() -> None:
    """Fetch what is due: retries, lost nudges, and what a worker had claimed when it was killed."""
    claimed = _claim(BATCH)
    if len(claimed) == BATCH:
        fetch_due.send()  # another thread goes on while this one waits for WeChat
    for wanted in claimed:
        _fetch(wanted)


def _claim(limit: int, ids: Sequence[int] | None = None) -> list[Attachment]:
    with db.transaction() as session:
        return attachments.take_due(session, now(), limit, ids)


def _fetch(wanted: Attachment) -> None:
    """Download and store with no transaction open, then record in a short one.

    A worker killed in between leaves a lease that runs out: the file is fetched again, and is the same file.
    """
    record = _download(wanted)
    with db.transaction() as session:
        record(session, wanted.id)


def _download(wanted: Attachment) -> Record:
    """Get one file and put it in the store. Returns what is to be recorded about it."""
    try:
        account = accounts.get(wanted.source["account"])
        content, _claimed_type = client.download_media(account, wanted.source["media_id"])
        checked = check(content)
        return partial(attachments.keep, checked=checked, sha256=storage.save(checked.content))
    except (Invalid, TooLarge) as refusal:
        return partial(attachments.lose, reason=refusal.message)
    except ProviderError as error:
        logger.warning("attachment %d could not be fetched: %s", wanted.id, error)
        if error.errcode == GONE:
            return partial(attachments.lose, reason=attachments.EXPIRED)
        return partial(attachments.lose, reason=error.reason) if error.fate is Fate.PERMANENT else _put_off
    except Exception:  # a full disk, an account that was taken out of the file: people repair those
        logger.exception("attachment %d could not be kept", wanted.id)
        return _put_off


def _put_off(session: Session, attachment_id: int) -> None:
    attachments.put_off(session, attachment_id, now())
