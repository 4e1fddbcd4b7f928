"""How alembic runs: online only, one at a time, giving up on locks rather than holding the city up."""

import sqlalchemy as sa
from alembic import context
from sqlalchemy.dialects.postgresql.base import ischema_names

from backend import db, models

TABLES = models.TABLES  # imported so that the metadata is whole
LOCK = 7_212_026
ischema_names |= {"ltree": db.Ltree, "polygon": db.Ring}  # which SQLAlchemy does not know when it compares


def run() -> None:
    url = context.config.get_main_option("sqlalchemy.url") or ""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text("SELECT pg_advisory_lock(:lock)"), {"lock": LOCK})
        connection.execute(sa.text("SET lock_timeout = '5s'"))
        connection.commit()
        context.configure(connection=connection, target_metadata=db.Base.metadata, compare_type=True)
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()
    engine.dispose()


run()
