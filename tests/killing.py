"""Work of ours in processes of their own, brought to the point where a test kills them.

Import `begin` into a conftest or a test to use it. A process is held by what the database has: it runs the
code as it is, and waits for a lock that the test holds.
"""

import os
import subprocess
import sys

import pytest
import sqlalchemy as sa

from backend.config import config
from tests.programs import ROOT, wait_until

BEGIN = """
import sys
from backend import db
from backend.config import config

db.connect(config.database_url)

def wait():
    print("here", flush=True)
    sys.stdin.readline()
"""
START = 60.0  # seconds: on a busy machine a process takes long to load its program
OURS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND "


@pytest.fixture
def begin(database_url):
    """Start a process that does this work in the database of the tests; what still runs is killed."""
    env = os.environ | {"DATABASE_URL": database_url, "REDIS_URL": config.redis_url}
    started = []

    def begin(work, *given):
        command = [sys.executable, "-c", BEGIN + work, *map(str, given)]
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, cwd=ROOT, env=env, stdin=pipe, stdout=pipe))
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def wait_for(process):
    """Until the process has come to its `wait()`."""
    assert process.stdout.readline() == b"here\n"


def go_on(*processes):
    """Let them all go on at the same moment; what each says at its end."""
    for process in processes:
        wait_for(process)
    for process in processes:
        process.stdin.write(b"\n")
        process.stdin.flush()
    said = [process.communicate(timeout=60)[0].decode().strip() for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes)
    return said


def kill_waiting(engine, hold, start, **values):
    """Start a process while this statement's locks are held, and kill it once it waits for them."""
    with engine.connect() as holder:
        holder.execute(sa.text(hold), values)
        process = start()
        [pid] = wait_until(lambda: _pids(engine, "wait_event_type = 'Lock'"), START)
        process.kill()
        process.wait()
    wait_until(lambda: pid not in _pids(engine, "true"))  # PostgreSQL has noticed, and rolled it back


def kill(engine, process):
    """Kill a process that waits by itself, and let PostgreSQL notice."""
    process.kill()
    process.wait()
    wait_until(lambda: not _pids(engine, "state LIKE 'idle in transaction%'"))


def _pids(engine, condition):
    with engine.connect() as connection:
        return list(connection.scalars(sa.text(f"{OURS} {condition} AND pid <> pg_backend_pid()")))
