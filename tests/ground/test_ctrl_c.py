"""Ctrl-C while people are served: the worker finishes what it holds, then everything ends."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

from backend import embedded
from backend.embedded.processes import carrying
from tests.programs import ROOT, wait_until
from tests.sandbox_client import Phone, Sandbox, free_port

pytestmark = pytest.mark.slow

CARD = "/cgi-bin/message/template/send"
CALLING = "SELECT id FROM notifications WHERE status = 'sending' AND channel = 'wechat_template' FOR UPDATE"
HELD_UP = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
OF_TESTS = ("WECHAT_ACCOUNTS", "STORAGE_DIR", "PUBLIC_URL", "DATABASE_URL", "REDIS_URL")


@dataclass
class Run:
    """One `make run`: where, what it said, and what was under way when it was stopped."""

    folder: Path
    env: dict[str, str]
    in_hand: list[int] = field(default_factory=list)
    status: int = -1

    @property
    def said(self) -> str:
        return (self.folder.parent / "said").read_text()


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """A run that was stopped as a terminal does it, with a card in the worker's hand."""
    folder = tmp_path_factory.mktemp("run") / "v"
    env = {name: value for name, value in os.environ.items() if name not in OF_TESTS}
    env |= {"VAR_DIR": str(folder), "PORT": str(free_port()), "SANDBOX_PORT": str(free_port())}
    run = Run(folder, env)
    with (folder.parent / "said").open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "backend", "run"],
            cwd=ROOT, env=env, stdout=said, stderr=said, start_new_session=True,
        )  # fmt: skip
    try:
        wait_until(lambda: "已启动" in run.said or process.poll() is not None, 120)
        report(run)
        stop(run, process)
        yield run
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(60)
        embedded.remove(folder)


def report(run: Run) -> None:
    """A resident reports something. The card for the officer takes WeChat half a second."""
    sandbox = Sandbox(f"http://127.0.0.1:{run.env['SANDBOX_PORT']}")
    people = sandbox.control("GET", "/users")["users"]
    resident = next(Phone(sandbox, person) for person in people if person["name"] == "李秀兰")
    code = next(code for code in sandbox.codes() if "玉兰苑东门" in code["label"])
    resident.app_id = code["app_id"]
    resident.scan(ticket=code["ticket"])
    sandbox.faults(api=[{"path": CARD, "delay_ms": 500}])
    resident.send_text("门口的路灯坏了三天，晚上老人走路看不清", wait=False)


def stop(run: Run, process: "subprocess.Popen[bytes]") -> None:
    """Ctrl-C while the worker waits to write down that the card went out: for a row that is locked here."""
    with psycopg.connect(address(run)) as ours, psycopg.connect(address(run), autocommit=True) as looking:
        run.in_hand = wait_until(lambda: [row[0] for row in ours.execute(CALLING)])
        wait_until(lambda: looking.execute(HELD_UP).fetchall())
        os.killpg(process.pid, signal.SIGINT)
        wait_until(lambda: run.said.count("stopped (rc=") == 3, 60)
    run.status = process.wait(60)


def address(run: Run) -> str:
    return embedded.database_url(run.folder).replace("+psycopg", "")


def test_the_worker_finishes_and_records_the_message_in_hand(stopped: Run) -> None:
    embedded.start(stopped.folder, ("postgres",))
    with psycopg.connect(address(stopped)) as connection:
        found = connection.execute(
            "SELECT status, attempts FROM notifications WHERE id = ANY(%s)", [stopped.in_hand]
        ).fetchall()
    embedded.stop(stopped.folder, ("postgres",))
    assert found
    assert set(found) <= {("sent", 1), ("received", 1)}


def test_everything_has_ended_of_itself(stopped: Run) -> None:
    assert stopped.status == 0
    assert "Killing" not in stopped.said
    assert "SIGKILL" not in stopped.said
    assert "Traceback" not in stopped.said
    assert carrying(f"VAR_DIR={stopped.folder}") == []
    assert not embedded.is_up(stopped.folder)


def test_a_newcomer_sees_the_addresses_and_little_before(stopped: Run) -> None:
    before, _, ready = stopped.said.partition("已启动，请用浏览器打开：")
    assert f"http://127.0.0.1:{stopped.env['SANDBOX_PORT']}/" in ready
    assert len(before.splitlines()) <= 10
    assert "WARNING" not in before
