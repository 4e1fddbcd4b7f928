"""Playing the rows: some threads, an even pace, and what became of each row."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import requests
import sqlalchemy as sa

from backend import db
from backend.cases import staff
from backend.cases.models import Case
from backend.cases.staff import Visit
from backend.errors import AppError
from backend.notify.models import Contact
from backend.replay import pushes
from backend.replay.rows import CHANNELS, Row
from backend.replay.stage import Stage
from backend.wechat.accounts import Account

THREADS = 8


@dataclass
class Result:
    """What became of the rows."""

    sent: int = 0
    answered: int = 0
    cases: int = 0  # that were not there before
    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)  # seconds, of the message that makes the case
    errors: list[tuple[int, str]] = field(default_factory=list)  # line, reason

    @property
    def repeats(self) -> int:
        """Rows that were answered and whose case was there already."""
        return self.answered - self.cases


@dataclass(frozen=True)
class Target:
    """Which account of which service is written to, and what stands there for the file."""

    account: Account
    url: str
    stage: Stage


def play(rows: Sequence[Row], target: Target, rate: float | None, done: Callable[[], object]) -> Result:
    """Send every row; `done` is called after each. At most `rate` rows a second, if given."""
    result, lock, local = Result(sent=len(rows)), threading.Lock(), threading.local()
    before = len(known(rows))

    def one(row: Row) -> None:
        if not hasattr(local, "http"):
            local.http = requests.Session()
        problem, seconds = _send(row, target, local.http)
        with lock:
            if problem is None:
                result.answered += 1
                result.latencies.append(seconds)
            else:
                result.errors.append((row.line, problem))
            done()

    start = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in pool.map(one, _paced(rows, rate, start)):
            pass
    result.seconds = time.perf_counter() - start
    result.cases = len(known(rows)) - before
    return result


def _paced(rows: Sequence[Row], rate: float | None, start: float) -> Iterator[Row]:
    for number, row in enumerate(rows):
        if rate:
            time.sleep(max(0.0, start + number / rate - time.perf_counter()))
        yield row


def _send(row: Row, target: Target, http: requests.Session) -> tuple[str | None, float]:
    """Why the row did not arrive (None: it did), and how long its case took."""
    try:
        if not row.by_wechat:
            start = time.perf_counter()
            _take_down(row, target.stage)
            return None, time.perf_counter() - start
        scene = target.stage.scenes[row.street, row.community] if row.street else None
        _push(row, target, pushes.follow(scene), http)
        start = time.perf_counter()
        _push(row, target, pushes.text(row.id, row.text), http)
        return None, time.perf_counter() - start
    except (requests.RequestException, AppError) as error:
        return f"{type(error).__name__}: {error}", 0.0


def _push(row: Row, target: Target, content: str, http: requests.Session) -> None:
    push = pushes.seal(target.account, row.openid, content, row.at, str(row.id))
    response = http.post(
        f"{target.url}/wechat/{target.account.name}", params=push.query, data=push.body, timeout=10
    )
    response.raise_for_status()


def _take_down(row: Row, stage: Stage) -> None:
    visit = Visit(
        text=row.text[: staff.LONGEST],
        place_id=stage.areas[row.street, row.community],
        channel=CHANNELS[row.source],
        key=row.key,
    )
    with db.transaction() as session:
        staff.take(session, stage.desk, visit)


def known(rows: Sequence[Row]) -> dict[int, tuple[int | None, int | None]]:
    """The street and community of the case of each row that has one, by the row's id."""
    by_openid = {row.openid: row.id for row in rows if row.by_wechat}
    by_key = {row.key: row.id for row in rows if not row.by_wechat}
    where = (Case.subdistrict_id, Case.community_id)
    with db.transaction() as session:
        written = session.execute(
            sa.select(Contact.openid, *where)
            .join(Case, Case.resident_id == Contact.resident_id)
            .where(Contact.openid.startswith("oReplay"))
        ).all()
        taken = session.execute(sa.select(Case.key, *where).where(Case.key.startswith("replay:"))).all()
    found = {by_openid[name]: (street, community) for name, street, community in written if name in by_openid}
    found |= {by_key[key]: (street, community) for key, street, community in taken if key in by_key}
    return found
