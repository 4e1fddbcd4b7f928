"""A load generator for one core: ready-made requests over a few keep-alive connections, by epoll.

`saturate` keeps every connection busy; `pace` sends at a fixed rate and counts latency from the moment a
request was due, so that a stall is not hidden by the requests it held back.
"""

import select
import socket
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Outcome:
    """Seconds that were measured, each answer's latency in seconds, and the answers that were not 200."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    errors: int = 0

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.seconds if self.seconds else 0.0

    def percentile(self, share: float) -> float:
        """In milliseconds."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000 if ordered else 0.0


class Connection:
    """One keep-alive connection with at most one request under way."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.due = 0.0
        self.buffer = b""

    def send(self, request: bytes, due: float) -> None:
        self.due, self.buffer = due, b""
        self.socket.sendall(request)

    def receive(self) -> int | None:
        """The status once the answer is whole; None while it is not."""
        self.buffer += self.socket.recv(65_536)
        head, separator, body = self.buffer.partition(b"\r\n\r\n")
        if not separator:
            return None
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        return int(head[9:12]) if len(body) >= length else None


def saturate(port: int, requests: Iterator[bytes], seconds: float, connections: int = 16) -> Outcome:
    """As fast as the server answers. Stops after `seconds`, or when there is nothing more to send."""
    return _run(port, requests, seconds, connections, rate=None)


def pace(port: int, requests: Iterator[bytes], seconds: float, rate: float, connections: int = 16) -> Outcome:
    """At `rate` requests a second, whatever the server does."""
    return _run(port, requests, seconds, connections, rate=rate)


def _run(
    port: int, requests: Iterator[bytes], seconds: float, connections: int, rate: float | None
) -> Outcome:
    poll, pool = select.epoll(), [Connection(port) for _ in range(connections)]
    by_number = {connection.socket.fileno(): connection for connection in pool}
    for number in by_number:
        poll.register(number, select.EPOLLIN)
    idle, outcome = deque(pool), Outcome()
    start = time.perf_counter()
    sent, busy, more = 0, 0, True
    while more or busy:
        moment = time.perf_counter()
        more = more and moment - start < seconds
        while more and idle and (rate is None or sent <= (moment - start) * rate):
            request = next(requests, None)
            if request is None:
                more = False
                break
            connection = idle.popleft()
            connection.send(request, moment if rate is None else start + sent / rate)
            sent, busy = sent + 1, busy + 1
        for number, _ in poll.poll(0.001 if rate else 1.0):
            connection = by_number[number]
            status = connection.receive()
            if status is not None:
                outcome.latencies.append(time.perf_counter() - connection.due)
                outcome.errors += status != 200
                idle.append(connection)
                busy -= 1
    outcome.seconds = time.perf_counter() - start
    for connection in pool:
        connection.socket.close()
    poll.close()
    return outcome
