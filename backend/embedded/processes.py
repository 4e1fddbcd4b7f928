"""Telling one's own processes from strangers: by where they work or what they carry, never by a PID file."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def working_in(folder: Path) -> list[int]:
    """The live processes whose working folder this is, as a server's is its data. Only Linux can tell."""
    return _live(lambda process: os.path.realpath(process / "cwd", strict=True) == str(folder))


def carrying(mark: str) -> list[int]:
    """The live processes, this one apart, that were started with `NAME=value` in their environment."""
    return _live(lambda process: mark.encode() in (process / "environ").read_bytes().split(b"\0"))


def end_carrying(mark: str, seconds: float = 8) -> None:
    """End them: kindly at first, surely after `seconds`. Nothing without the mark is touched."""
    end = time.monotonic() + seconds
    while left := carrying(mark):
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM if time.monotonic() < end else signal.SIGKILL)
        time.sleep(0.2)


def _live(matches: Callable[[Path], bool]) -> list[int]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # gone meanwhile, or somebody else's
            if matches(process) and int(process.name) != os.getpid():
                found.append(int(process.name))
    return found
