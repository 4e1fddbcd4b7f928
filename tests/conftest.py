"""What every test stands on: a real PostgreSQL built by the migrations, a real Valkey, nothing pretended."""

import os
from collections import Counter
from pathlib import Path

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")  # each of several processes has a folder of its own
VAR = Path(os.environ.get("TEST_VAR_DIR", "var/test"), WORKER).resolve()
os.environ |= {
    "VAR_DIR": str(VAR),
    "SECRET_KEY": "a-secret-for-tests-only",
    "DATA_KEYS": "1:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    "STORAGE_DIR": str(VAR / f"storage-{os.getpid()}"),
    "PUBLIC_URL": "http://127.0.0.1:8000",
    "MESSAGE_HOURS": "00:00-24:00",  # tests run at night too
    "SURVEY_HOURS": "00:00-24:00",
    "CALLBACK_HOURS": "00:00-24:00",
    "GATHER_SECONDS": "0",  # who reads in a test reads each message by itself
    "OFFICER_MESSAGES_AN_HOUR": "0",
    "RESIDENT_MESSAGES_A_DAY": "0",
    "WECHAT_ACCOUNTS": str(VAR / f"accounts-{os.getpid()}.toml"),
}

import shutil

import pytest
import sqlalchemy as sa

from backend import broker as queue
from backend import db, embedded, quick
from backend.config import config
from backend.migrations import upgrade
from tests import accounts

pytest_plugins = ["tests.browser"]
accounts.write(config.accounts_file)
# Files that take half a minute and more, the longest first. Each is run by one of several processes: were one
# of these the last, all would wait for it. They stand here because xdist knows how many tests a file has, not
# how long they take (`make test` tells it to leave the order alone).
LONGEST = (
    "walk/test_walk.py",
    "journey/test_faults.py",
    "miniprogram/test_miniprogram.py",
    "journey/test_orders.py",
    "journey/test_hard_cases.py",
    "notify/test_five_thousand.py",
    "journey/test_joining.py",
    "replay/test_replay.py",
    "journey/test_set_up.py",
    "journey/test_journey.py",
    "journey/test_stories.py",
    "console/test_people_browser.py",
    "test_clock.py",
    "test_app.py",
    "orders/test_browser.py",
    "console/test_poster_jobs.py",
    "console/test_outbox_browser.py",
    "resident/test_browser.py",
    "console/test_entry_browser.py",
    "ground/test_ctrl_c.py",
)


def pytest_collection_modifyitems(items):
    """The longest files first, then those with the most tests."""
    tests = Path(__file__).parent
    most = Counter(item.path for item in items)
    turn = {tests / name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: (turn.get(item.path, len(turn)), -most[item.path], str(item.path)))


@pytest.fixture(scope="session", autouse=True)
def servers():
    """The embedded servers, unless the environment names others; stopped again if this run started them."""
    wanted = embedded.needed(os.environ)
    ours = bool(wanted) and not embedded.is_up(VAR, wanted)
    if ours:
        embedded.start(VAR, wanted)
    yield
    shutil.rmtree(config.stores_in, ignore_errors=True)
    config.accounts_file.unlink(missing_ok=True)
    if ours:
        embedded.stop(VAR, wanted)


@pytest.fixture(scope="session")
def database_url(servers):
    """A database of this run's own, built by the migrations."""
    server = sa.create_engine(config.database_url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    name = f"test_{os.getpid()}"
    with server.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    url = server.url.set(database=name).render_as_string(hide_password=False)
    upgrade(url)
    yield url
    with server.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture(scope="session")
def engine(database_url):
    engine = db.connect(database_url)
    yield engine
    quick.disconnect()
    engine.dispose()


@pytest.fixture
def session(engine):
    """A session whose commits are savepoints inside a transaction that is rolled back."""
    with engine.connect() as connection:
        outer = connection.begin()
        db.Session.configure(bind=connection, join_transaction_mode="create_savepoint")
        with db.Session() as session:
            yield session
        outer.rollback()
    db.Session.configure(bind=engine, join_transaction_mode="conditional_savepoint")


@pytest.fixture
def committed(engine):
    """A session for tests whose commits must be seen by other connections; the tables are emptied after."""
    with db.Session() as session:
        yield session
    tables = ", ".join(table.name for table in db.Base.metadata.sorted_tables)
    with engine.begin() as connection:
        connection.execute(sa.text(f"TRUNCATE {tables} RESTART IDENTITY CASCADE"))


@pytest.fixture
def broker():
    queue.redis_client().flushall()
    return queue.broker
