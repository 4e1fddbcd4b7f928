"""The real programs, started as processes of their own by tests that stop and kill them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[1]
CLOCK = ("-m", "backend.clock")
WORKER = ("-m", "dramatiq", "backend.worker", "--processes", "1", "--threads", "4")


@contextmanager
def running(command: Sequence[str], log: Path, **settings: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Start a program with these settings over the environment; kill it at the end if it still runs."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env=os.environ | settings,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        end([process])


def end(processes: Sequence["subprocess.Popen[bytes]"]) -> None:
    """As an operator would, side by side; what does not end by itself is killed."""
    for process in processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
    for process in processes:
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            kill(process)


def kill(process: "subprocess.Popen[bytes]") -> None:
    """As a power cut would: the program and all that it started, at once."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_until(reached: Callable[[], T], seconds: float = 20.0) -> T:
    """What the function returns as soon as it is true."""
    end = time.monotonic() + seconds
    while not (found := reached()):
        assert time.monotonic() < end, f"waited {seconds} seconds in vain"
        time.sleep(0.05)
    return found
