"""Many residents writing at once, each as fast as the account answers, and what became of every message."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tests.sandbox_client import Phone


@dataclass(frozen=True)
class Sent:
    """One message: its words, WeChat's number for it, how often it was delivered, and the reply (if any)."""

    words: str
    msg_id: str
    deliveries: int
    is_answered: bool
    reply: str


class Crowd:
    """Residents who report and add to it in turn. `half_way` is set while most of it is still to come."""

    def __init__(self, phones: list[Phone], messages: int) -> None:
        self.phones, self.messages = phones, messages
        self.sent: list[Sent] = []
        self.half_way = threading.Event()
        self._pool = ThreadPoolExecutor(len(phones))

    def start(self) -> None:
        self._running = [self._pool.submit(self._write, phone) for phone in self.phones]

    def wait(self) -> list[Sent]:
        """Everything that was sent, once all have written."""
        for running in self._running:
            running.result(timeout=120)
        self._pool.shutdown()
        return self.sent

    def _write(self, phone: Phone) -> None:
        for number in range(self.messages):
            self.sent.append(_send(phone, words_of(phone.name, number)))
            if len(self.sent) > len(self.phones) * self.messages / 3:
                self.half_way.set()


def words_of(name: str, number: int) -> str:
    """A report that opens a case, then two remarks that join it; no two messages say the same."""
    if number % 3 == 0:
        return f"{name}反映的第{number}件事：楼道里的灯坏了，晚上看不清台阶"
    return f"{name}补充{number}"


def _send(phone: Phone, words: str) -> Sent:
    outcome = phone.send_text(words)
    return Sent(
        words=words,
        msg_id=str(outcome["message"]["msg_id"]),
        deliveries=len(outcome["deliveries"]),
        is_answered=any(delivery["status"] == 200 for delivery in outcome["deliveries"]),
        reply=(outcome["reply"] or {}).get("content", ""),
    )
