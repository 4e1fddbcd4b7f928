"""Where a bench runs: servers of its own below a folder of its own, pinned to a core, stopped at the end."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import requests

CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, OTHER_CORE = CORES[0], CORES[-1]


def settle(folder: Path) -> None:
    """Point this process and its children at the bench's own servers; before backend is imported."""
    os.environ |= {
        "VAR_DIR": str(folder),
        "SECRET_KEY": "only-for-measuring",
        "DATA_KEYS": "1:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
        "WECHAT_API_BASE": "http://127.0.0.1:9",
        "MESSAGE_HOURS": "00:00-24:00",  # measured at night too
        "SURVEY_HOURS": "00:00-24:00",
        "GATHER_SECONDS": "0",  # every message is sent by itself
        "OFFICER_MESSAGES_AN_HOUR": "0",
        "RESIDENT_MESSAGES_A_DAY": "0",
        "LOG_LEVEL": "ERROR",
    }
    for name in ("DATABASE_URL", "REDIS_URL", "WECHAT_ACCOUNTS", "STORAGE_DIR"):
        os.environ.pop(name, None)
    os.sched_setaffinity(0, {OTHER_CORE})


@contextmanager
def servers() -> Iterator[Path]:
    """PostgreSQL and Valkey on the other core, in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        settle(folder)
        from backend import embedded  # noqa: PLC0415 - reads the environment that was just set

        embedded.start(folder)
        try:
            yield folder
        finally:
            embedded.stop(folder)


@contextmanager
def web(app: str, port: int, core: int = SERVER_CORE, /, **env: str) -> Iterator[int]:
    """One granian process with eight threads on a core of its own. Yields its process id."""
    command = [str(Path(sys.executable).parent / "granian"), "--interface", "wsgi", app]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1", "--blocking-threads", "8"]
    command += ["--http", "1", "--no-ws", "--log-level", "error"]
    process = subprocess.Popen(
        ["taskset", "-c", str(core), *command], env=os.environ | env, stdout=subprocess.DEVNULL
    )
    try:
        _wait(port)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


def _wait(port: int) -> None:
    until = time.monotonic() + 120  # on a machine that others use, too
    while time.monotonic() < until:
        try:
            requests.get(f"http://127.0.0.1:{port}/healthz", timeout=1)
            return
        except requests.ConnectionError:
            time.sleep(0.1)
    raise SystemExit(f"the server on port {port} did not start")


@contextmanager
def program(
    command: list[str], env: Mapping[str, str], cores: Sequence[int] = (SERVER_CORE,)
) -> Iterator[None]:
    """A program of ours, kept to these cores, until the end of the block."""
    pinned = ["taskset", "-c", ",".join(map(str, cores)), *command]
    process = subprocess.Popen(
        pinned, env=os.environ | env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
