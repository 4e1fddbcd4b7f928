"""The programs of a Procfile: the last started ends first, each in its own time, unless one is in a hurry."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend import programs
from backend.programs import Program
from tests.programs import WORKER, running, wait_until

# Says when it is up, and when it is asked to end; then it takes its time, or for ever.
PROGRAM = """
import signal, sys, time
name, seconds = sys.argv[1], float(sys.argv[2])
def end(*_):
    print("asked", flush=True)
    time.sleep(seconds)
    print("ended", flush=True)
    sys.exit()
signal.signal(signal.SIGTERM, end)
print("up", flush=True)
time.sleep(600)
"""


@pytest.fixture
def started(
    tmp_path: Path, request: pytest.FixtureRequest, capfd: pytest.CaptureFixture[str]
) -> Iterator[list[Program]]:
    """Programs that take these seconds to end; all have said that they are up."""
    (tmp_path / "program.py").write_text(PROGRAM)
    lines = [
        f"{name}: exec {sys.executable} {tmp_path}/program.py {name} {seconds}"
        for name, seconds in request.param.items()
    ]
    (tmp_path / "Procfile").write_text("\n".join(lines))
    running = list(programs.start(tmp_path / "Procfile", os.environ))
    seen: list[str] = []

    def are_up() -> bool:
        seen.append(capfd.readouterr().out)
        return "".join(seen).count("| up") == len(running)

    wait_until(are_up)
    yield running
    programs.stop(running, lambda: True)


@pytest.mark.parametrize("started", [{"web": 0, "worker": 0.3}], indirect=True)
def test_the_last_started_has_ended_before_the_first_is_asked(
    started: list[Program], capfd: pytest.CaptureFixture[str]
) -> None:
    programs.stop(started, lambda: False)
    said = [line.replace(" ", "") for line in capfd.readouterr().out.splitlines()]
    assert said == ["worker|asked", "worker|ended", "web|asked", "web|ended"]
    assert [program.process.returncode for program in started] == [0, 0]


@pytest.mark.parametrize("started", [{"web": 60, "worker": 60}], indirect=True)
def test_in_a_hurry_nothing_is_waited_for(started: list[Program]) -> None:
    began = time.monotonic()
    programs.stop(started, lambda: True)
    assert time.monotonic() - began < 5
    assert not any(program.is_running for program in started)


@pytest.mark.parametrize("started", [{"web": 0, "worker": 60}], indirect=True)
def test_one_that_does_not_end_is_killed_and_the_others_still_end_by_themselves(
    started: list[Program],
) -> None:
    programs.stop(started, lambda: False, patience=0.2)
    assert [program.process.returncode for program in started] == [0, -9]


def test_a_worker_that_is_asked_twice_at_once_ends_in_order(
    tmp_path: Path, servers: None, database_url: str
) -> None:
    """systemd asks all processes of a service, and dramatiq's main process asks its worker again."""
    log = tmp_path / "log"
    with running(WORKER, log, DATABASE_URL=database_url) as worker:
        wait_until(lambda: "ready for action" in log.read_text(), 60)
        os.killpg(worker.pid, signal.SIGTERM)
        assert worker.wait(30) == 0
    assert "Worker has been shut down" in log.read_text()
