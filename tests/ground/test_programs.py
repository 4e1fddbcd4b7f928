"""The Procfile's programs under honcho: when one ends, all end, and in peace unless Ctrl-C comes twice."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

from backend import runner
from backend.embedded.processes import carrying, end_carrying
from backend.wechat import transport
from tests.programs import wait_until

# Says that it is up; told to end, however often, takes a second and leaves a word.
PROGRAM = (
    """trap 'trap "" TERM; sleep 1; > {0}/finished; exit' TERM; """
    "sleep 0.3; > {0}/up; while :; do sleep 0.1; done"
)

Start = Callable[[str], "subprocess.Popen[bytes]"]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts these lines as the runner starts the Procfile's."""
    usual = {number: signal.getsignal(number) for number in runner.ENDS}
    procfile = tmp_path / "Procfile"
    monkeypatch.setattr(os, "environ", os.environ | {"VAR_DIR": str(tmp_path), "PROCFILE": str(procfile)})
    runner.settle_environment()

    def start(lines: str) -> "subprocess.Popen[bytes]":
        procfile.write_text(lines)
        return runner.start_programs()

    yield start
    end_carrying(f"{runner.MARK}={runner.mark()}", seconds=0)
    for number, handler in usual.items():
        signal.signal(number, handler)


def test_when_one_program_ends_all_end_and_a_sentence_says_so(start: Start) -> None:
    honcho = start("web: exec sleep 60\nworker: exit 3")
    with pytest.raises(click.ClickException, match="有一个程序停了"):
        runner.watch(honcho, ())
    assert honcho.returncode == 3
    assert carrying(f"{runner.MARK}={runner.mark()}") == []


@pytest.mark.parametrize(("echo", "may_finish"), [(60, True), (0, False)])
def test_a_second_ctrl_c_kills_at_once_unless_it_is_an_echo_of_the_first(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, echo: float, may_finish: bool
) -> None:
    monkeypatch.setattr(runner, "ECHO", echo)
    honcho = start(f"worker: {PROGRAM.format(tmp_path)}")
    wait_until((tmp_path / "up").exists)
    runner.ignore_signals()
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    runner.stop_programs(honcho)
    assert (tmp_path / "finished").exists() is may_finish
    assert carrying(f"{runner.MARK}={runner.mark()}") == []


def test_honcho_whose_words_nobody_hears_ends_without_waiting_for_the_programs(
    tmp_path: Path, start: Start
) -> None:
    """Ctrl-C in `make run | tee log` ends the `tee` too. The runner then ends the programs."""
    (tmp_path / "Procfile").write_text("web: exec sleep 60")
    heard, said = os.pipe()
    os.close(heard)
    honcho = [sys.executable, "-m", "backend.programs", "30"]
    ended = subprocess.run(
        honcho, cwd=runner.ROOT, env=os.environ | {runner.MARK: runner.mark()},
        stdout=said, timeout=10, check=False,
    )  # fmt: skip
    os.close(said)
    assert ended.returncode == 1


patience = pytest.mark.parametrize(("seconds", "may_finish"), [(0.3, False), (runner.PATIENCE, True)])


@patience
def test_honcho_has_as_much_patience_as_the_runner_gives_it(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, may_finish: bool
) -> None:
    monkeypatch.setattr(runner, "PATIENCE", seconds)
    until_up = f"until [ -e {tmp_path}/up ]; do sleep 0.05; done"
    start(f"clock: {until_up}\nworker: {PROGRAM.format(tmp_path)}").wait(20)
    assert (tmp_path / "finished").exists() is may_finish


@patience
def test_programs_that_honcho_left_behind_are_given_the_same_time(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, may_finish: bool
) -> None:
    monkeypatch.setattr(runner, "PATIENCE", seconds)
    honcho = start(f"worker: {PROGRAM.format(tmp_path)}")
    wait_until((tmp_path / "up").exists)
    honcho.kill()
    runner.stop_programs(honcho)
    assert (tmp_path / "finished").exists() is may_finish
    assert carrying(f"{runner.MARK}={runner.mark()}") == []


def test_a_program_may_take_longer_to_end_than_wechat_to_answer() -> None:
    assert runner.PATIENCE > transport.LONGEST
