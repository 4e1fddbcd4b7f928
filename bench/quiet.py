"""Rounds in which the machine was ours: what a host gave to others meanwhile says nothing about a program.

Rounds are told apart by the stolen time that the kernel counts, never by what they found.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from bench.report import progress

T = TypeVar("T")
QUIET = 0.03  # of the processors' time


@dataclass(frozen=True)
class Round(Generic[T]):
    """What a round found, and the share of the processors' time that was stolen meanwhile."""

    found: T
    stolen: float


def quietest(measure: Callable[[], T], wanted: int, most: int, what: str) -> list[Round[T]]:
    """Measure until `wanted` rounds were quiet, `most` times at most. Returns these, quietest first."""
    rounds: list[Round[T]] = []
    for _ in progress(range(most), f"{what}, {wanted} quiet ones of at most"):
        rounds.append(_round(measure))
        if sum(each.stolen <= QUIET for each in rounds) == wanted:
            break
    return sorted(rounds, key=lambda each: each.stolen)[:wanted]


def _round(measure: Callable[[], T]) -> Round[T]:
    start, before = time.monotonic(), _stolen()
    found = measure()
    share = (_stolen() - before) / (time.monotonic() - start) / (os.cpu_count() or 1)
    return Round(found, share)


def _stolen() -> float:
    """Seconds, all processors together (proc(5), the eighth figure)."""
    ticks = Path("/proc/stat").read_text().split("\n", 1)[0].split()[8]
    return int(ticks) / os.sysconf("SC_CLK_TCK")
