"""How alembic runs: online only, one at a time, giving up rather than holding the city up."""

import time

import sqlalchemy as sa
from alembic import context
from sqlalchemy.dialects.postgresql.base import ischema_names

from backend import db, models

TABLES = models.TABLES  # imported so that the metadata is whole
LOCK = 7_212_026
LIMITS = "-c lock_timeout=5s -c statement_timeout=60s"  # as the connection's own, to which RESET goes back
ischema_names |= {"ltree": db.Ltree, "polygon": db.Ring}  # which SQLAlchemy does not know when it compares


def run() -> None:
    url = context.config.get_main_option("sqlalchemy.url") or ""
    engine = sa.create_engine(url, poolclass=sa.NullPool, connect_args={"options": LIMITS})
    with engine.connect() as connection:
        _take_turn(connection)
        context.configure(
            connection=connection,
            target_metadata=db.Base.metadata,
            compare_type=True,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()
    engine.dispose()


def _take_turn(connection: sa.Connection) -> None:
    """Look again and again: who waits inside a statement holds up an index that is built concurrently."""
    while not connection.scalar(sa.text("SELECT pg_try_advisory_lock(:lock)"), {"lock": LOCK}):
        connection.rollback()
        time.sleep(0.1)
    connection.rollback()  # the lock is the connection's and stays


run()
