"""The Procfile's lines as processes: started in order and ended in reverse, as the later need the earlier."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import click

ROOT = Path(__file__).parent.parent
PATIENCE = 30.0  # seconds that one program may take to finish what it holds


@dataclass(frozen=True)
class Program:
    """One running line; `voice` is the thread that repeats what it says."""

    name: str
    process: "subprocess.Popen[str]"
    voice: threading.Thread

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None


def start(procfile: Path, env: Mapping[str, str]) -> Iterator[Program]:
    """Start the lines, the first one first."""
    for line in procfile.read_text().splitlines():
        name, command = line.split(": ", 1)
        yield _start(name, command, env)


def _start(name: str, command: str, env: Mapping[str, str]) -> Program:
    """In a session of its own: the terminal's Ctrl-C reaches none of them, only whoever started them."""
    process = subprocess.Popen(
        ["sh", "-c", command],
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )
    voice = threading.Thread(target=_repeat, args=(name, process), name=f"voice of {name}", daemon=True)
    voice.start()
    return Program(name, process, voice)


def _repeat(name: str, process: "subprocess.Popen[str]") -> None:
    """Say what the program says. A `tee` behind us may be gone; the program is not held up by that."""
    for line in process.stdout or ():
        with suppress(OSError):
            click.echo(f"{name:<8}| {line.rstrip()}")


def stop(programs: list[Program], is_hurried: Callable[[], bool], patience: float = PATIENCE) -> None:
    """End each when those behind it have ended, having finished what they hold. In a hurry, kill them."""
    for program in reversed(programs):
        if program.is_running:
            program.process.terminate()  # it alone: dramatiq and granian tell their own
        end = time.monotonic() + patience
        while program.is_running and time.monotonic() < end and not is_hurried():
            time.sleep(0.02)
        if program.is_running:
            with suppress(ProcessLookupError):
                os.killpg(program.process.pid, signal.SIGKILL)
            program.process.wait()
        program.voice.join(1)
