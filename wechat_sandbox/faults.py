"""What goes wrong on purpose: faults of pushes, of API answers, and the order of pushes."""

import threading
from collections.abc import Mapping
from typing import Any

from wechat_sandbox.errors import Refusal

PUSH_FAULTS: dict[str, int | bool] = {
    "delay_ms": 0,
    "drop": 0,
    "duplicate": 0,
    "reorder": False,
    "wrong_signature": False,
    "stale_timestamp": False,
    "bad_padding": False,
    "foreign_app": False,
}
API_FAULT_FIELDS = {"path", "times", "errcode", "errmsg", "http_status", "delay_ms", "close", "after"}
REORDER_SECONDS = 2.0
OUTAGE = {"path": "*", "http_status": 503, "errcode": -1, "errmsg": "system error"}


class Faults:
    """The faults now in force; kept in memory, because a restarted platform is a healthy one."""

    def __init__(self) -> None:
        self._lock = threading.Condition()
        self._push = dict(PUSH_FAULTS)
        self._api: list[dict[str, Any]] = []
        self._held = False

    def replace(self, document: Mapping[str, Any]) -> None:
        """Put these faults in the place of all others; an unknown name is refused."""
        push, api = document.get("push") or {}, document.get("api") or []
        unknown = set(document) - {"push", "api"} | set(push) - set(PUSH_FAULTS)
        unknown |= {field for fault in api for field in fault if field not in API_FAULT_FIELDS}
        if unknown or any("path" not in fault for fault in api):
            raise Refusal(f"unknown fault fields {sorted(unknown)}, or an API fault without a path")
        with self._lock:
            self._push = PUSH_FAULTS | push
            self._api = [dict(fault) for fault in api]

    def document(self) -> dict[str, Any]:
        """The faults in the shape in which they were given."""
        with self._lock:
            return {"push": dict(self._push), "api": [dict(fault) for fault in self._api]}

    def push(self, name: str) -> int:
        """The value of one push fault."""
        with self._lock:
            return int(self._push[name])

    def take_drop(self) -> bool:
        """Whether the answer of this delivery is lost; each loss uses up one."""
        with self._lock:
            left = int(self._push["drop"])
            self._push["drop"] = max(0, left - 1)
            return left > 0

    def take_api(self, path: str) -> dict[str, Any] | None:
        """The first fault for this path (one that ends in * is a beginning), using up one of its `times`."""
        with self._lock:
            fault = next((one for one in self._api if _is_for(one["path"], path)), None)
            if fault is not None and "times" in fault:
                fault["times"] -= 1
                if fault["times"] <= 0:
                    self._api.remove(fault)
            return fault

    def stand_still(self, is_still: bool) -> None:
        """The whole platform answers nothing (or does again), whatever else goes wrong."""
        with self._lock:
            others = [fault for fault in self._api if fault != OUTAGE]
            self._api = [dict(OUTAGE), *others] if is_still else others

    @property
    def stands_still(self) -> bool:
        with self._lock:
            return OUTAGE in self._api

    def hold(self) -> bool:
        """With `reorder`: keep the first of two pushes back until the second has gone out.

        Returns whether this push is the one that overtakes and must call `release` when delivered.
        """
        with self._lock:
            if not self._push["reorder"]:
                return False
            if self._held:
                return True
            self._held = True
            self._lock.wait_for(lambda: not self._held, REORDER_SECONDS)
            self._held = False
            return False

    def release(self) -> None:
        """Let the push that was kept back go out."""
        with self._lock:
            self._held = False
            self._lock.notify_all()


def _is_for(wanted: str, path: str) -> bool:
    return path.startswith(wanted[:-1]) if wanted.endswith("*") else path == wanted
