"""The database: one Base, one Session factory, one way to open a transaction."""

import enum
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker
from sqlalchemy.orm import Session as OrmSession

logger = logging.getLogger(__name__)

Session = sessionmaker(expire_on_commit=False)

created_at = Annotated[datetime, mapped_column(server_default=sa.func.now())]
json_object = Annotated[dict[str, Any], mapped_column(JSONB, server_default=sa.text("'{}'"))]


class Base(DeclarativeBase):
    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar = {
        int: sa.BigInteger,
        str: sa.Text,
        datetime: sa.TIMESTAMP(timezone=True),
        enum.Enum: sa.Enum(
            enum.Enum,
            native_enum=False,
            length=32,
            validate_strings=True,
            values_callable=lambda members: [member.value for member in members],
        ),
    }

    id: Mapped[int] = mapped_column(primary_key=True, sort_order=-1)


class Ltree(sa.types.UserDefinedType[str]):
    """PostgreSQL's label tree: the path of an area from its district down."""

    cache_ok = True

    def get_col_spec(self, **_options: object) -> str:
        return "LTREE"


class Ring(sa.types.UserDefinedType[str]):
    """PostgreSQL's polygon: one closed line of points, as text ((x,y),(x,y),…)."""

    cache_ok = True

    def get_col_spec(self, **_options: object) -> str:
        return "POLYGON"


# Nobody waits for ever, and nobody holds others up for ever.
SETTINGS = (b"statement_timeout='30s'", b"lock_timeout='10s'", b"idle_in_transaction_session_timeout='60s'")
_url: list[str] = []


def connect(url: str) -> sa.Engine:
    """Point the Session at the database. Each process does this once, at start."""
    engine = sa.create_engine(
        url,
        pool_pre_ping=True,
        pool_size=10,
        max_overflow=10,
        hide_parameters=True,  # what people wrote does not belong in the log of a failed statement
        connect_args={"options": " ".join(f"-c {setting.decode()}" for setting in SETTINGS).replace("'", "")},
    )
    Session.configure(bind=engine)
    _url[:] = [url.replace("+psycopg", "")]
    return engine


def plain_url() -> str:
    """The address of this process's database, as libpq takes it."""
    return _url[0]


@contextmanager
def transaction() -> Iterator[OrmSession]:
    """Commit on success, roll back on error, then run what asked to run after commit."""
    with Session() as session:
        with session.begin():
            yield session
        for call in session.info.pop("after_commit", []):
            try:
                call()
            except Exception:  # a lost nudge is harmless: the sweep will find the row
                logger.exception("after-commit call failed")


def one_of(column: Any, values: Iterable[str]) -> sa.ColumnElement[bool]:
    """The condition that a column holds one of these words of ours, written into the statement: only then
    does a partial index over the same words serve a prepared statement."""
    found: sa.ColumnElement[bool] = column.in_([sa.literal_column(f"'{value}'") for value in values])
    return found


def after_commit(session: OrmSession, call: Callable[[], object]) -> None:
    session.info.setdefault("after_commit", []).append(call)
