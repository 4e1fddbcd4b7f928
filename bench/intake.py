"""The incoming message, durable, against an encrypted echo that keeps no record.

One server process on one core; PostgreSQL, Valkey and the generator on the other. Rounds are interleaved, so
a slow minute of the machine meets all of them, and those that the host disturbed are run again (quiet.py).
Every 200 is checked against the rows that were stored.
"""

import socket
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from backend.config import config
from backend.migrations import upgrade
from backend.wechat import accounts
from bench import city, load, place, pushes
from bench.load import Outcome
from bench.quiet import quietest
from bench.report import progress

ROUNDS, SECONDS, TRIES = 7, 3.0, 21
HALF, HALF_TRIES = 3, 9  # rounds at half load
READY = 14_000  # deliveries made before each round: more than a round can use
MILLION = 1_000_000


@dataclass
class Series:
    """One configuration's rounds."""

    rates: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)  # to the echo of the same round
    p99: list[float] = field(default_factory=list)  # ms, at half load
    p50: list[float] = field(default_factory=list)


def run(folder: Path) -> dict[str, Any]:
    """Returns the table's rows and what was found besides."""
    city.write_account(folder)
    empty, full = _database("cases_empty"), _database("cases_full")
    with _three_servers(empty, full) as ports:
        series, stolen = _measure(ports, {"empty": empty, "full": full})
    return _rows(series, stolen)


def _database(name: str) -> str:
    """A migrated database with the city in it; the full one gets a million cases of the past."""
    server = sa.create_engine(config.database_url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with server.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    url = server.url.set(database=name).render_as_string(hide_password=False)
    upgrade(url)
    engine = sa.create_engine(url)
    city.build(engine)
    if name.endswith("full"):
        step = 50_000
        for first in progress(range(1, MILLION, step), "past cases"):
            city.add_past(engine, first, first + step - 1)
        city.settle(engine)
    engine.dispose()
    return url


class _three_servers:  # noqa: N801 - read as a verb
    """The echo, and our callback over each database, all up at once; only one is busy at a time."""

    def __init__(self, empty: str, full: str) -> None:
        ports = {name: _free_port() for name in ("echo", "empty", "full")}
        self.ports = ports
        self.webs = [
            place.web("bench.echo:app", ports["echo"]),
            place.web("backend.app:app", ports["empty"], DATABASE_URL=empty),
            place.web("backend.app:app", ports["full"], DATABASE_URL=full),
        ]

    def __enter__(self) -> dict[str, int]:
        for web in self.webs:
            web.__enter__()
        return self.ports

    def __exit__(self, *_: object) -> None:
        for web in self.webs:
            web.__exit__(None, None, None)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _measure(ports: dict[str, int], urls: dict[str, str]) -> tuple[dict[str, Series], float]:
    """Each configuration's rounds, and the largest share of time that was stolen in one that counts."""
    talks = {"join": city.joining(), "open": city.opening()}
    series = {name: Series() for name in NAMES}

    def measure() -> dict[str, Outcome]:
        found = {"echo": _saturate(ports["echo"], talks["open"])}
        for name in list(series)[1:]:
            talk, database = name.split()
            found[name] = _stored(urls[database], ports[database], talks[talk])
        return found

    measure()  # the first round warms up
    rounds = quietest(measure, ROUNDS, TRIES, "rounds")
    for each in rounds:
        for name, outcome in each.found.items():
            series[name].rates.append(outcome.rate)
            series[name].ratios.append(outcome.rate / each.found["echo"].rate)
    for name in series:
        _at_half_load(series[name], name, ports, talks)
    return series, rounds[-1].stolen


def _at_half_load(
    series: Series, name: str, ports: dict[str, int], talks: dict[str, Iterator[tuple[str, pushes.Content]]]
) -> None:
    talk, _, database = name.partition(" ")
    rate = statistics.median(series.rates) / 2

    def measure() -> Outcome:
        requests = _ready(talks["open" if name == "echo" else talk], int(rate * SECONDS) + 100)
        outcome = load.pace(ports[database or "echo"], requests, SECONDS, rate)
        _all_good(outcome)
        return outcome

    for each in quietest(measure, HALF, HALF_TRIES, f"half load, {NAMES[name]}"):
        series.p99.append(each.found.percentile(0.99))
        series.p50.append(each.found.percentile(0.50))


def _ready(talk: Iterator[tuple[str, pushes.Content]], number: int) -> Iterator[bytes]:
    return iter(pushes.ready(accounts.get("bench"), talk, number))


def _saturate(port: int, talk: Iterator[tuple[str, pushes.Content]]) -> Outcome:
    outcome = load.saturate(port, _ready(talk, READY), SECONDS)
    _all_good(outcome)
    return outcome


def _stored(url: str, port: int, talk: Iterator[tuple[str, pushes.Content]]) -> Outcome:
    """A round whose answers must equal the messages that are in the table after it."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    counted = "SELECT count(*) FROM inbound_messages"
    with engine.connect() as connection:
        before = connection.exec_driver_sql(counted).scalar_one()
        connection.commit()
        outcome = _saturate(port, talk)
        after = connection.exec_driver_sql(counted).scalar_one()
    if after - before != len(outcome.latencies):
        raise SystemExit(f"{len(outcome.latencies)} answers, but {after - before} messages stored")
    return outcome


def _all_good(outcome: Outcome) -> None:
    if outcome.errors:
        raise SystemExit(f"{outcome.errors} answers were not 200: nothing was measured")


NAMES = {
    "echo": "Flask + wechatpy, encrypted echo, no record",
    "join empty": "joins or asks, no past cases",
    "open empty": "opens a case, no past cases",
    "join full": "joins or asks, 1,000,000 past cases",
    "open full": "opens a case, 1,000,000 past cases",
}
TARGETS = {"join empty": 0.50, "open empty": 0.35, "join full": 0.50, "open full": 0.35}


def _rows(series: dict[str, Series], stolen: float) -> dict[str, Any]:
    rows = [
        {
            "what": NAMES[name],
            "per second": round(statistics.median(found.rates)),
            "min": round(min(found.rates)),
            "max": round(max(found.rates)),
            "of the echo": round(statistics.median(found.ratios), 3),
            "target": TARGETS.get(name),
            "p50 at half load, ms": round(statistics.median(found.p50), 1),
            "p99 at half load, ms": round(statistics.median(found.p99), 1),
        }
        for name, found in series.items()
    ]
    middle = {name: statistics.median(found.rates) for name, found in series.items()}
    kept = {talk: round(middle[f"{talk} full"] / middle[f"{talk} empty"], 3) for talk in ("join", "open")}
    shares = f"joining {kept['join']}, opening {kept['open']}"
    says = f"Speed with a million past cases, of that with none: {shares}. "
    says += f"The host took at most {stolen:.1%} of the processors' time in a round that counts."
    return {"rows": rows, "says": says, "kept": kept}
