"""Nudges: quick and harmless for the caller, whatever becomes of Redis, and in batches when it is there."""

import os
import re
import socket
import subprocess
import sys
import threading

import dramatiq
import pytest
from dramatiq.brokers.stub import StubBroker

from backend import broker as queue

NUDGE = """
import logging, sys, time
logging.basicConfig(level=logging.INFO, stream=sys.stderr)
from backend.broker import actor, nudge
@actor("rows")
def look(ids): pass
began = time.perf_counter()
for n in range(2_000): nudge(look, [n])
print("took", time.perf_counter() - began)
sys.stdout.flush()
time.sleep(float(sys.argv[1]))
"""


def caller(redis_url, stay):
    """A process that nudges two thousand times with this Redis; what it printed and what it logged."""
    env = os.environ | {"REDIS_URL": redis_url}
    run = [sys.executable, "-c", NUDGE, str(stay)]
    return subprocess.run(run, env=env, capture_output=True, text=True, timeout=60, check=True)


def seconds(done):
    return float(re.search(r"took ([\d.e-]+)", done.stdout)[1])


def test_a_nudge_neither_waits_nor_fails_without_redis():
    done = caller("redis://127.0.0.1:9/0", 1)
    assert seconds(done) < 0.5
    assert "nudge lost for" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_nudge_does_not_wait_for_a_redis_that_says_nothing():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        done = caller(f"redis://127.0.0.1:{silent.getsockname()[1]}/0", 0)
    assert seconds(done) < 0.5


@queue.actor("nudged")
def look(ids):
    """Nobody works at this queue: what arrives stays to be counted."""


@pytest.fixture
def rows(broker):
    yield look
    broker.flush("nudged")


def waiting(broker):
    """The messages on the queue, once they stop coming."""
    client, before = queue.redis_client(), -1
    pause = threading.Event()
    while (count := client.hlen("dramatiq:nudged.msgs")) != before or count == 0:
        before = count
        pause.wait(0.2)
    packed = client.hvals("dramatiq:nudged.msgs")
    return [dramatiq.Message.decode(message).args[0] for message in packed]


def test_every_row_is_nudged_once_and_many_go_in_one_message(broker, rows):
    threads = [
        threading.Thread(target=queue.nudge, args=[rows, list(range(n, n + 50))]) for n in range(0, 200, 50)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sent = waiting(broker)
    assert sorted(row for ids in sent for row in ids) == list(range(200))
    assert all(len(ids) <= queue.BATCH for ids in sent)
    assert len(sent) < 50


def test_no_rows_are_no_nudge(rows):
    queue.nudge(rows, [])
    assert queue.redis_client().hlen("dramatiq:nudged.msgs") == 0


def test_one_thread_sends_however_many_nudge(rows):
    for n in range(20):
        queue.nudge(rows, [n])
    assert [thread.name for thread in threading.enumerate()].count("nudges") == 1


def test_an_actor_declares_no_retries_of_its_own(rows):
    """What is still to be done is in the rows; a sweep sees to it."""
    assert (rows.queue_name, rows.options["max_retries"]) == ("nudged", 0)
    assert not isinstance(queue.broker, StubBroker)
