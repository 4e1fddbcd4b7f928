"""The town, built once for a module in a transaction that is rolled back, and those who walk through it."""

from types import SimpleNamespace

import pytest

from backend import db
from backend.app import create_app
from backend.wechat import accounts
from tests.factories import make_area, make_category
from tests.walk import people
from tests.walk.marks import Marks
from tests.walk.town import make_street
from tests.walk.watch import Watch, last_ids


@pytest.fixture(scope="module")
def connection(engine):
    """One connection for everybody: what a request commits is a savepoint, which its walker takes back."""
    with engine.connect() as connection:
        outer = connection.begin()
        db.Session.configure(bind=connection, join_transaction_mode="create_savepoint")
        accounts.reset()
        yield connection
        outer.rollback()
    db.Session.configure(bind=engine, join_transaction_mode="conditional_savepoint")
    accounts.reset()


@pytest.fixture(scope="module")
def town(connection):
    """Two streets of 青岚区, one of another district, and the watch over the first one's rows."""
    with db.Session() as session:
        district, far_district = make_area(session, name="青岚区"), make_area(session, name="南屿区")
        category = make_category(session)
        neighbour = make_street(session, Marks("旁记", 2), district, category)
        far = make_street(session, Marks("远记", 3), far_district, category)
        before = last_ids(session)
        street = make_street(session, Marks("暗记", 7), district, category)
        after = last_ids(session)
        strangers = people.strangers(session, street, neighbour, far)
        owners = people.owners(session, street)
        session.commit()
        watch = Watch(connection, before, after)
        yield SimpleNamespace(
            connection=connection,
            street=street,
            neighbour=neighbour,
            strangers={person.name: person for person in strangers},
            owners={person.name: person for person in owners},
            watch=watch,
        )


@pytest.fixture(scope="module")
def app(connection):
    return create_app()
