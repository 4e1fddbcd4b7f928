"""Ctrl-C while people are served: what is under way is finished, then everything ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from backend import embedded
from backend.embedded.processes import carrying
from tests.programs import ROOT, wait_until
from tests.sandbox_client import Json, Phone, Sandbox, free_port

pytestmark = pytest.mark.slow

CARD = "/cgi-bin/message/template/send"
CALLING = "SELECT id FROM notifications WHERE status = 'sending' AND channel = 'wechat_template'"
OF_TESTS = ("WECHAT_ACCOUNTS", "STORAGE_DIR", "PUBLIC_URL", "DATABASE_URL", "REDIS_URL")


@dataclass
class Run:
    """One `make run`: where, what it said, and what was under way when it was stopped."""

    folder: Path
    env: dict[str, str]
    calling: list[int]
    asked: Json
    status: int = -1
    seconds: float = 0

    @property
    def said(self) -> str:
        return (self.folder.parent / "said").read_text()


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """A run that was stopped as a terminal does it, with a card and a reply under way."""
    folder = tmp_path_factory.mktemp("run") / "v"
    env = {name: value for name, value in os.environ.items() if name not in OF_TESTS}
    env |= {"VAR_DIR": str(folder), "PORT": str(free_port()), "SANDBOX_PORT": str(free_port())}
    run = Run(folder, env, [], {})
    with (folder.parent / "said").open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "backend", "run"],
            cwd=ROOT, env=env, stdout=said, stderr=said, start_new_session=True,
        )  # fmt: skip
    try:
        wait_until(lambda: "Ready." in run.said or process.poll() is not None, 120)
        serve(run)
        stop(run, process)
        yield run
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(60)
        embedded.remove(folder)


def serve(run: Run) -> None:
    """A resident reports and the card for the officer is with WeChat; the resident has just asked again."""
    sandbox = Sandbox(f"http://127.0.0.1:{run.env['SANDBOX_PORT']}")
    resident = phone_of(sandbox, "李秀兰")
    code = next(code for code in sandbox.codes() if "玉兰苑东门" in code["label"])
    resident.app_id = code["app_id"]
    resident.scan(ticket=code["ticket"])
    sandbox.faults(api=[{"path": CARD, "delay_ms": 1500}])
    resident.send_text("门口的路灯坏了三天，晚上老人走路看不清")
    run.calling = wait_until(lambda: [row[0] for row in ask(run.folder, CALLING)])
    sandbox.faults(push={"delay_ms": 500})
    run.asked = resident.send_text("进度", wait=False)["message"]


def stop(run: Run, process: "subprocess.Popen[bytes]") -> None:
    began = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    run.status = process.wait(90)
    run.seconds = time.monotonic() - began


def phone_of(sandbox: Sandbox, name: str) -> Phone:
    people = sandbox.control("GET", "/users")["users"]
    return next(Phone(sandbox, person) for person in people if person["name"] == name)


def ask(folder: Path, question: str, *values: object) -> list[tuple[Any, ...]]:
    with psycopg.connect(embedded.database_url(folder).replace("+psycopg", "")) as connection:
        return connection.execute(question, values).fetchall()


def after(run: Run, look: Callable[[Sandbox], Any]) -> Any:
    """What the sandbox knows when it is started once more."""
    sandbox = Sandbox.start(run.folder / "sandbox")
    try:
        return look(sandbox)
    finally:
        sandbox.stop()


def test_the_worker_finishes_and_records_the_message_in_hand(stopped: Run) -> None:
    embedded.start(stopped.folder, ("postgres",))
    found = ask(
        stopped.folder,
        "SELECT status, attempts FROM notifications WHERE id = ANY(%s)", stopped.calling
    )  # fmt: skip
    embedded.stop(stopped.folder, ("postgres",))
    assert found
    assert {status for status, _ in found} <= {"sent", "received"}
    assert {attempts for _, attempts in found} == {1}
    assert "Killing" not in stopped.said


def test_the_reply_under_way_reaches_the_chat(stopped: Run) -> None:
    chat = after(stopped, lambda sandbox: phone_of(sandbox, "李秀兰").inbox(after=stopped.asked["id"]))
    assert [message["from"] for message in chat] == ["account"]


def test_everything_has_ended_soon_and_of_itself(stopped: Run) -> None:
    assert stopped.status == 0
    assert stopped.seconds < 30
    assert carrying(f"VAR_DIR={stopped.folder}") == []
    assert not embedded.is_up(stopped.folder)
    assert "Traceback" not in stopped.said


def test_a_newcomer_sees_the_addresses_and_little_before(stopped: Run) -> None:
    before, _, ready = stopped.said.partition("Ready. Open in a browser:")
    assert f"http://127.0.0.1:{stopped.env['SANDBOX_PORT']}/" in ready
    assert len(before.splitlines()) <= 10
    assert "WARNING" not in before
