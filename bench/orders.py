"""From an approval to the last unit's phone: 100 orders approved within one minute, through the sandbox.

Web, worker and clock are the real programs; the secretaries' taps are real requests; the phones are the
sandbox's, over loopback. Measured is from the tap, which is earlier than the commit, to the moment at which
the platform takes the message to the last person of the last unit.
"""

import random
import re
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import sqlalchemy as sa

from backend import auth, db
from backend.cases.service import Actor
from backend.config import config
from backend.migrations import upgrade
from backend.notify.messages import Message
from backend.notify.models import Contact
from backend.orders import drafting
from backend.orders.drafting import Draft
from backend.places import scope
from backend.places.roles import Level
from bench import place
from bench.quiet import Round, quietest
from bench.report import progress
from bench.town import ACCOUNT, COMMUNITIES, PEOPLE, Town, build, introduce, make_area, template_id, templates
from tests.sandbox_client import Sandbox, free_port

ORDERS, UNITS = 100, 5  # of one round; of one order
SPANS = (60.0, 5.0)  # seconds within which all are approved; the second is a burst that nobody promised
TARGET = 5.0  # seconds, p99
PATIENCE = 60.0  # seconds after the last tap
SENDING = ("/cgi-bin/message/template/send", "/cgi-bin/message/custom/send")


@dataclass(frozen=True)
class Tap:
    """An order that is to be approved, by whom, and with the token of the form."""

    number: str
    client: requests.Session
    form_token: str
    phones: int


def run(folder: Path) -> dict[str, Any]:
    """Returns the table's rows and what was found besides."""
    (folder / "accounts.toml").write_text(ACCOUNT + templates())
    url = _database()
    with _programs(folder, url) as (site, sandbox):
        town = build()
        openids = introduce(sandbox, town, site)
        rounds = {
            span: quietest(lambda span=span: _round(sandbox, town, site, openids, span), 1, 3, "rounds")[0]  # type: ignore[misc]  # mypy cannot infer its default
            for span in SPANS
        }
    return _rows(rounds)


def _database() -> str:
    server = sa.create_engine(config.database_url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with server.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE orders")
    url = server.url.set(database="orders").render_as_string(hide_password=False)
    upgrade(url)
    db.connect(url)
    with db.transaction() as session:
        make_area(session, Level.DISTRICT, None, "量测区")  # the account stands for it
    return url


@contextmanager
def _programs(folder: Path, url: str) -> Iterator[tuple[str, Sandbox]]:
    """Sandbox, web, worker and clock; the web's address."""
    sandbox = Sandbox.start(folder / "sandbox")
    port = free_port()
    site = f"http://127.0.0.1:{port}"
    env = {"DATABASE_URL": url, "WECHAT_API_BASE": sandbox.url, "PUBLIC_URL": site}
    bin_ = Path(sys.executable).parent
    worker = [str(bin_ / "dramatiq"), "backend.worker", "--processes", "1", "--threads", "8"]
    try:
        with (
            place.web("backend.app:app", port, place.SERVER_CORE, **env),
            place.program(worker, env),
            place.program([sys.executable, "-m", "backend.clock"], env),
        ):
            yield site, sandbox
    finally:
        sandbox.stop()


# -- one round


def _round(
    sandbox: Sandbox, town: Town, site: str, openids: Mapping[int, str], span: float
) -> dict[str, list[float]]:
    """Seconds from each tap to its answer ("page") and to the last phone of its units ("phones")."""
    taps = _draft_all(town, site)
    _wait_until_quiet()
    chosen = random.Random(7)
    moments = sorted(chosen.uniform(0, span) for _ in taps)
    begun = time.time() + 1
    with ThreadPoolExecutor(32) as pool:
        waits = [pool.submit(_tap, tap, site, begun + at) for tap, at in zip(taps, moments, strict=True)]
        taken = {tap.number: wait.result() for tap, wait in zip(taps, waits, strict=True)}
    _wait_until_quiet()
    return _measured(sandbox, taps, taken)


def _draft_all(town: Town, site: str) -> list[Tap]:
    """Orders that wait for their approval, each with its page opened."""
    chosen = random.Random(11)
    clients = {officer: _signed_in(officer) for _, officer in town.secretaries}
    taps = []
    for n in progress(range(ORDERS), "drafts"):
        community, officer = town.secretaries[n % COMMUNITIES]
        units = chosen.sample(list(town.units), UNITS)
        with db.transaction() as session:
            actor = Actor(officer_id=officer, posts=tuple(scope.posts_of(session, officer)))
            draft = Draft(
                "清理停车场的非法市场", "今天之内清走摊位", community, units[0], assisting=units[1:]
            )
            number = drafting.draft(session, actor, draft).number
        page = clients[officer].get(f"{site}/console/orders/{number}", timeout=30)
        token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
        assert token is not None, page.text
        taps.append(Tap(number, clients[officer], token[1], UNITS * PEOPLE))
    return taps


def _signed_in(officer: int) -> requests.Session:
    client = requests.Session()
    with db.transaction() as session:
        contact = session.scalars(sa.select(Contact.id).where(Contact.officer_id == officer)).one()
        token, _ = auth.start_session(session, contact)
    client.cookies.set(auth.COOKIE, token, domain="127.0.0.1")
    return client


def _tap(tap: Tap, site: str, moment: float) -> tuple[float, float]:
    """When it was tapped, and when the page answered."""
    time.sleep(max(0.0, moment - time.time()))
    tapped = time.time()
    answer = tap.client.post(
        f"{site}/console/orders/{tap.number}/approve",
        data={"csrf_token": tap.form_token},
        allow_redirects=False,
        timeout=60,
    )
    if answer.status_code != 303:
        raise SystemExit(f"an approval was answered with {answer.status_code}: nothing was measured")
    return tapped, time.time()


def _wait_until_quiet() -> None:
    """Until nothing that is due waits or is being sent."""
    left = sa.text("""SELECT count(*) FROM notifications
        WHERE status = 'sending' OR status = 'waiting' AND due_at <= now() + interval '5 minutes'""")
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        with db.transaction() as session:
            if session.scalar(left) == 0:
                return
        time.sleep(0.2)
    raise SystemExit("messages were left over: nothing was measured")


def _measured(
    sandbox: Sandbox, taps: Sequence[Tap], taken: Mapping[str, tuple[float, float]]
) -> dict[str, list[float]]:
    arrived: dict[str, list[float]] = defaultdict(list)
    for path in SENDING:
        for call in sandbox.calls(path):
            number = re.search(r"F\d{11}", str(call["body"]))
            if call["errcode"] == 0 and number and _is_to_unit(call["body"]):
                arrived[number[0]].append(call["at"])
    for tap in taps:
        if len(arrived[tap.number]) != tap.phones:
            raise SystemExit(f"{tap.number} reached {len(arrived[tap.number])} of {tap.phones} phones")
    return {
        "page": [answered - tapped for tapped, answered in taken.values()],
        "first": [min(arrived[tap.number]) - taken[tap.number][0] for tap in taps],
        "last": [max(arrived[tap.number]) - taken[tap.number][0] for tap in taps],
    }


def _is_to_unit(body: Mapping[str, Any]) -> bool:
    """Not to a supervisor or the drafter, who are told of the same order."""
    issued = template_id(Message.ORDER_ISSUED)
    return body.get("template_id") == issued or "您单位的任务" in str(body.get("text"))


NAMES = {
    "page": "tap to the page's answer, s",
    "first": "tap to the first unit's phone, s",
    "last": "tap to the last unit's phone, s",
}


def _rows(rounds: Mapping[float, Round[dict[str, list[float]]]]) -> dict[str, Any]:
    rows = [
        {
            "what": f"{ORDERS} orders in {span:.0f} s: {NAMES[what]}",
            "p50": round(statistics.median(found), 2),
            "p99": round(sorted(found)[int(len(found) * 0.99) - 1], 2),
            "max": round(max(found), 2),
            "target (p99)": TARGET if what == "last" and span == SPANS[0] else None,
        }
        for span, each in rounds.items()
        for what, found in each.found.items()
    ]
    says = (
        f"{UNITS} units with {PEOPLE} people each under every order; one web, one worker of eight threads "
        "and the clock on one core, database, queue, sandbox and the secretaries' browsers on the other. "
        f"The host took {max(each.stolen for each in rounds.values()):.1%} of the processors' time at most."
    )
    return {"rows": rows, "says": says}
