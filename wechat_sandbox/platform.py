"""One simulated WeChat: its state, its clock, its options, its faults and its journals."""

import itertools
import json
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from wechat_sandbox.errors import Refusal
from wechat_sandbox.faults import Faults
from wechat_sandbox.state import State
from wechat_sandbox.uses import Uses

# What nobody could verify about the real platform is an option here; the defaults are the likelier case.
OPTIONS: dict[str, Any] = {
    "reply_seconds": 5.0,
    "deliveries": 3,
    "retry_pause_ms": 500,  # Pause before the next delivery when the connection was refused at once.
    "retry_on_http_error": False,  # Whether a 4xx or 5xx is delivered again is not documented.
    "receipts": True,
    "receipt_delay_ms": 200,
    "receipt_status": "success",
    "token_overlap_seconds": 300,  # How long a replaced token stays valid: long-standing text, unverified.
    # Positions that the phones offer, in GCJ-02 as phones send them: [{label, latitude, longitude}].
    "places": [
        {"label": "玉兰苑3栋", "latitude": 22.71028, "longitude": 114.21722},
        {"label": "玉兰苑东门（公交站）", "latitude": 22.7084, "longitude": 114.21927},
        {"label": "枫溪雅筑工地", "latitude": 22.70739, "longitude": 114.23387},
        {"label": "海棠医院", "latitude": 22.72861, "longitude": 114.24887},
    ],
    "permanent_codes": 100_000,  # That an account may have, for ever.
    "mini_program_codes_per_minute": 5_000,
    "daily_limits": {},  # Calls a day by path, where they differ from the platform's usual ones.
    "members_per_minute": 30,  # Messages to one member of a corporation; what is more is dropped in silence.
    "sms_per_30_seconds": 1,  # To one number; the three are what an application begins with.
    "sms_per_hour": 5,
    "sms_per_day": 10,
    "sms_bought": 1_000,
    "sms_report": "SUCCESS",
    "refuse_escaped_json": False,  # 40033 for \uXXXX was seen in the past only.
}
JOURNAL_LENGTH = 10_000
QUIET_SECONDS = 1.0  # Between two calls of a program that finishes what it holds lies less.


class Journal:
    """The last 10,000 entries of one kind, in memory, numbered from 1."""

    def __init__(self) -> None:
        self._entries: deque[dict[str, Any]] = deque(maxlen=JOURNAL_LENGTH)
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def add(self, entry: dict[str, Any]) -> None:
        """Append one entry and give it its number."""
        with self._lock:
            self._entries.append({"id": next(self._numbers), **entry})

    def after(self, number: int, **wanted: str) -> list[dict[str, Any]]:
        """Entries above this number whose named fields have the wanted values ("" = any)."""
        with self._lock:
            entries = [entry for entry in self._entries if entry["id"] > number]
        asked = {name: value for name, value in wanted.items() if value}
        return [entry for entry in entries if all(entry[name] == value for name, value in asked.items())]

    def clear(self) -> None:
        """Forget the entries; numbers go on."""
        with self._lock:
            self._entries.clear()


@dataclass
class Platform:
    """Everything that a call or an action needs; passed as the first argument."""

    state: State
    base_url: str
    faults: Faults = field(default_factory=Faults)
    calls: Journal = field(default_factory=Journal)
    pushes: Journal = field(default_factory=Journal)
    uses: Uses = field(default_factory=Uses)
    background: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(max_workers=64))
    # Duplicates have threads of their own, so that a message in the background never waits for itself.
    burst: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(max_workers=64))
    receipt_due: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        rows = self.state.rows("SELECT name, document FROM options")
        stored = {row["name"]: json.loads(row["document"]) for row in rows}
        self._offset = float(stored.pop("clock", 0))
        self._options = OPTIONS | stored
        self.is_ending = False
        self._under_way, self._changed = 0, threading.Condition()

    @contextmanager
    def finishing(self) -> Iterator[None]:
        """Around a call, or a delivery and what it leaves in the chat: the program does not end within it."""
        with self._changed:
            self._under_way += 1
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()

    def wait_until_quiet(self, seconds: float) -> None:
        """Return when nothing was under way for a while, or after so many seconds."""
        end = time.monotonic() + seconds
        with self._changed:
            while (left := end - time.monotonic()) > 0:
                if self._under_way:
                    self._changed.wait(left)
                elif not self._changed.wait(min(QUIET_SECONDS, left)):
                    return

    def now(self) -> float:
        """The platform's time: the real one plus the offset of the controllable clock."""
        return time.time() + self._offset

    @property
    def offset(self) -> float:
        """Seconds by which the platform's clock is ahead."""
        return self._offset

    def shift_clock(self, seconds: float) -> None:
        """Set the offset of the clock."""
        self._offset = seconds
        self._store("clock", seconds)
        self.receipt_due.set()

    def option(self, name: str) -> Any:
        """The value of one option."""
        return self._options[name]

    def options(self) -> dict[str, Any]:
        """All options."""
        return dict(self._options)

    def set_options(self, document: Mapping[str, Any]) -> None:
        """Change the named options; an unknown name is refused."""
        unknown = set(document) - set(OPTIONS)
        if unknown:
            raise Refusal(f"unknown settings {sorted(unknown)}; known are {sorted(OPTIONS)}")
        self._options = self._options | dict(document)
        for name, value in document.items():
            self._store(name, value)

    def reset(self) -> None:
        """Forget everything: people, apps, messages, options, faults, journals."""
        self.state.forget()
        self._offset, self._options = 0.0, dict(OPTIONS)
        self.faults.replace({})
        self.uses.forget()
        self.calls.clear()
        self.pushes.clear()

    def _store(self, name: str, value: object) -> None:
        self.state.write("INSERT OR REPLACE INTO options VALUES (?, ?)", name, json.dumps(value))
