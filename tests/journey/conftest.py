"""One town for the journey and its faults: web, worker, clock and sandbox as `make run` starts them."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from backend import broker as queue
from backend.config import config
from tests.journey.people import Person
from tests.journey.town import Town


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """What the programs said belongs to the report of a test that failed."""
    report = yield
    for town in getattr(item, "funcargs", {}).values():
        if report.failed and isinstance(town, Town):
            report.sections.append(("What the programs said", town.last_words()))
    return report


@pytest.fixture(scope="package")
def town_database(servers) -> Iterator[str]:
    """A database of the town's own: its programs must not meet the rows of other tests."""
    server = sa.create_engine(config.database_url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    name = "test_town"
    with server.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    yield server.url.set(database=name).render_as_string(hide_password=False)
    with server.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture(scope="package")
def town(town_database, tmp_path_factory) -> Iterator[Town]:
    """Everything running; started once, because that takes seconds."""
    queue.redis_client().flushall()
    town = Town(tmp_path_factory.mktemp("town"), town_database, config.redis_url)
    try:
        town.open()
        yield town
    finally:
        town.close()
        queue.redis_client().flushall()


@pytest.fixture
def meet(town, phone):
    """Anybody of the town, by name, with a web view in a browser the size of a phone."""

    def meet(name: str) -> Person:
        return Person(town, town.phone(name), phone)

    return meet


@pytest.fixture
def newcomer(town, phone):
    """Somebody the town has not met, who follows the account by scanning nothing."""

    def newcomer(name: str) -> Person:
        return Person(town, town.new_phone(name, name), phone)

    return newcomer
