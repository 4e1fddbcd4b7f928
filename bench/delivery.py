"""Owed, delivered, receipted: against a loop that only posts the same requests over as many connections.

The worker, and in its turn the loop, on one core; PostgreSQL, Valkey, the web that takes the receipts and the
platform (bench/responder.py, which answers after 50 ms) on the other. After each round the rows are counted:
owed is received, to the unit, and the platform was asked as often.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import sqlalchemy as sa

from backend import db
from backend.config import config
from backend.migrations import upgrade
from backend.notify import service
from backend.notify.messages import Message
from bench import load, place
from bench.quiet import Round, quietest
from bench.town import ACCOUNT
from tests.sandbox_client import free_port

OWED, ROUNDS, TRIES = 3_000, 5, 15
AT_ONCE = 500  # owed in one transaction
FEW = 8  # calls of one worker at the same time, where two are compared: so that no core is the limit
PATIENCE = 120.0  # seconds
TEMPLATE = """[accounts.bench.templates.case_accepted]
id = "bench-case_accepted"
number = "character_string1"
status = "phrase2"
note = "thing3"
time = "time4"
"""
PEOPLE = """
INSERT INTO areas (id, level, name, path, district_id) VALUES (1, 'district', '量测区', '1', 1);
INSERT INTO residents (id) SELECT n FROM generate_series(1, :many) n;
INSERT INTO contacts (id, account, openid, resident_id)
    SELECT n, 'bench', 'o' || lpad(n::text, 27, '0'), n FROM generate_series(1, :many) n;
INSERT INTO conversations (contact_id) SELECT n FROM generate_series(1, :many) n"""
FIELDS = {"place": "玉兰社区", "summary": "门口的路灯不亮了", "at": "2026-11-21 18:30", "who": "市政中心"}


@dataclass(frozen=True)
class Set:
    """How many worker processes, on which cores, with how many calls each."""

    name: str
    workers: int
    calls: int
    cores: Sequence[int]


@dataclass(frozen=True)
class Found:
    """Messages a second, and the processor's milliseconds of the loop or the workers for each."""

    rate: float
    spent: float


LOOP = "a loop that only posts, {} connections"
WHOLE = Set("owed, delivered, receipted: one worker", 1, config.provider_calls, [place.SERVER_CORE])
ONE = Set(f"one worker with {FEW} calls, all cores", 1, FEW, place.CORES)
TWO = Set(f"two workers with {FEW} calls each, all cores", 2, FEW, place.CORES)


def run(folder: Path) -> dict[str, Any]:
    """Returns the table's rows and what was found besides."""
    (folder / "accounts.toml").write_text(ACCOUNT + TEMPLATE)
    url = _database()
    with _platform(url) as port:
        rounds = quietest(lambda: _round(port, url), ROUNDS, TRIES, "rounds")
    return _rows(rounds)


def _database() -> str:
    server = sa.create_engine(config.database_url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with server.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE delivery")
    url = server.url.set(database="delivery").render_as_string(hide_password=False)
    upgrade(url)
    db.connect(url)
    with db.transaction() as session:
        for statement in PEOPLE.replace(":many", str(OWED)).split(";"):
            session.execute(sa.text(statement))
    return url


@contextmanager
def _platform(url: str) -> Iterator[int]:
    """The platform's port; its receipts go to a web of ours, beside it."""
    port, web_port = free_port(), free_port()
    responder = subprocess.Popen([sys.executable, "-m", "bench.responder", str(port), str(web_port)])
    try:
        with place.web("backend.app:app", web_port, place.OTHER_CORE, DATABASE_URL=url):
            yield port
    finally:
        responder.terminate()
        responder.wait(10)


def _round(port: int, url: str) -> dict[str, Found]:
    """The loop, and each set of workers."""
    found = {"loop": _loop(port, config.provider_calls)}
    for each in (WHOLE, ONE, TWO):
        with _workers(each, port, url):
            found[each.name] = _deliver(port)
    return found


def _spent() -> float:
    """Seconds of processor time of this bench's workers (proc(5): dramatiq and its children)."""
    total = 0
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if b"backend.worker" in (process / "cmdline").read_bytes() and _is_ours(process):
                total += sum(map(int, (process / "stat").read_text().rsplit(")", 1)[1].split()[11:13]))
    return total / os.sysconf("SC_CLK_TCK")


def _is_ours(process: Path) -> bool:
    return f"VAR_DIR={os.environ['VAR_DIR']}".encode() in (process / "environ").read_bytes()


def _loop(port: int, connections: int) -> Found:
    """The same requests from the worker's core, ready-made, with nothing read and nothing recorded."""
    wire = [_request(number) for number in range(OWED)]
    os.sched_setaffinity(0, {place.SERVER_CORE})
    before = time.process_time()
    try:
        outcome = load.saturate(port, iter(wire), PATIENCE, connections)
    finally:
        os.sched_setaffinity(0, {place.OTHER_CORE})
    if outcome.errors or len(outcome.latencies) != OWED:
        raise SystemExit("the loop was not answered: nothing was measured")
    return Found(outcome.rate, (time.process_time() - before) / OWED * 1000)


def _request(number: int) -> bytes:
    """A card like the worker's; to nobody, so that no receipt follows."""
    values = ("261121483920", "已受理", "请点开查看", "2026年11月21日 18:30")
    slots = ("character_string1", "phrase2", "thing3", "time4")
    body = json.dumps(
        {
            "touser": "",
            "template_id": "bench-case_accepted",
            "url": "http://127.0.0.1:8000/r/cases/261121483920?account=bench",
            "data": {slot: {"value": value} for slot, value in zip(slots, values, strict=True)},
            "client_msg_id": f"{number}-{time.time_ns()}",
        },
        ensure_ascii=False,
    ).encode()
    head = "POST /cgi-bin/message/template/send?access_token=token HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@contextmanager
def _workers(each: Set, port: int, url: str) -> Iterator[None]:
    env = {"DATABASE_URL": url, "WECHAT_API_BASE": f"http://127.0.0.1:{port}"}
    dramatiq = [str(Path(sys.executable).parent / "dramatiq"), "backend.worker", "--threads", "8"]
    command = [*dramatiq, "--processes", str(each.workers)]
    with place.program(command, env | {"PROVIDER_CALLS": str(each.calls)}, each.cores):
        _owe(32)  # the first few find connections, tokens and plans
        _wait_until_received(32)
        time.sleep(1)
        yield


def _deliver(port: int) -> Found:
    """Owe them all, wait for the last receipt; every row and every call is accounted for."""
    before, spent = _asked(port), _spent()
    start = time.perf_counter()
    _owe(OWED)
    _wait_until_received(OWED)
    seconds = time.perf_counter() - start
    calls = _asked(port) - before
    if calls != OWED:
        raise SystemExit(f"{OWED} messages, but {calls} calls: nothing was measured")
    return Found(OWED / seconds, (_spent() - spent) / OWED * 1000)


def _owe(many: int) -> None:
    with db.transaction() as session:
        session.execute(sa.text("TRUNCATE notifications CASCADE"))
    for first in range(1, many + 1, AT_ONCE):
        with db.transaction() as session:
            for resident in range(first, min(many + 1, first + AT_ONCE)):
                fields = FIELDS | {"number": f"261121{resident:06d}"}
                service.owe(session, Message.CASE_ACCEPTED, f"bench:{resident}", fields, residents=[resident])


def _wait_until_received(many: int) -> None:
    """Until all are; any other end of one is the end of the bench."""
    count = sa.text("SELECT status, count(*) FROM notifications GROUP BY status")
    until = time.monotonic() + PATIENCE
    counted: dict[str, int] = {}
    while time.monotonic() < until:
        with db.transaction() as session:
            counted = {status: number for status, number in session.execute(count)}
        if counted == {"received": many}:
            return
        time.sleep(0.05)
    raise SystemExit(f"of {many} owed, after {PATIENCE:.0f} seconds: {counted}; nothing was measured")


def _asked(port: int) -> int:
    return int(requests.get(f"http://127.0.0.1:{port}/asked", timeout=10).json()["calls"])


def _rows(rounds: Sequence[Round[dict[str, Found]]]) -> dict[str, Any]:
    def row(what: str, key: str, ratio: str, to: str, target: float | None) -> dict[str, Any]:
        rates = [each.found[key].rate for each in rounds]
        spent = [each.found[key].spent for each in rounds]
        shares = [each.found[key].rate / each.found[to].rate for each in rounds]
        return {
            "what": what,
            "per second": round(statistics.median(rates)),
            "min": round(min(rates)),
            "max": round(max(rates)),
            "processor time for each, ms": round(statistics.median(spent), 2),
            "in terms of": ratio,
            "ratio": round(statistics.median(shares), 2),
            "target": target,
        }

    rows = [
        row(LOOP.format(config.provider_calls), "loop", "itself", "loop", None),
        row(WHOLE.name, WHOLE.name, "the loop", "loop", 0.5),
        row(ONE.name, ONE.name, "itself", ONE.name, None),
        row(TWO.name, TWO.name, "the one", ONE.name, 1.8),
    ]
    says = (
        f"{OWED:,} messages a round, owed at once, and none waiting, failed or doubled at its end. "
        f"The host took at most {rounds[-1].stolen:.1%} of the processors' time in a round that counts."
    )
    return {"rows": rows, "says": says}
