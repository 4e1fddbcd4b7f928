"""The counts of calls that the platform holds against an app: of one day, and of one month."""

import threading
from datetime import datetime, timedelta, timezone

CLEARED_PER_MONTH = 10
CHINA = timezone(timedelta(hours=8))


class Uses:
    """The counts of one day, and how often each app had them cleared this month."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._day, self._month = "", ""
        self._counts: dict[tuple[str, str], int] = {}
        self._cleared: dict[str, int] = {}

    def add(self, now: float, app_id: str, path: str, limit: int) -> bool:
        """Count one call; False when the limit was reached before it."""
        with self._lock:
            self._turn(now)
            used = self._counts.get((app_id, path), 0)
            if used < limit:
                self._counts[app_id, path] = used + 1
            return used < limit

    def used(self, now: float, app_id: str, path: str) -> int:
        """Calls counted today."""
        with self._lock:
            self._turn(now)
            return self._counts.get((app_id, path), 0)

    def clear(self, now: float, app_id: str) -> bool:
        """Begin the day anew; False when that was done too often this month."""
        with self._lock:
            self._turn(now)
            if self._cleared.get(app_id, 0) >= CLEARED_PER_MONTH:
                return False
            self._cleared[app_id] = self._cleared.get(app_id, 0) + 1
            self._counts = {key: count for key, count in self._counts.items() if key[0] != app_id}
            return True

    def forget(self) -> None:
        """Nothing was ever called."""
        with self._lock:
            self._counts, self._cleared = {}, {}

    def _turn(self, now: float) -> None:
        day = datetime.fromtimestamp(now, CHINA).strftime("%Y-%m-%d")
        if day != self._day:
            self._counts, self._day = {}, day
        if day[:7] != self._month:
            self._cleared, self._month = {}, day[:7]
