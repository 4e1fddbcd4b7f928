"""Statements that must be quick: libpq without the layers above it, one statement, one transaction, one JSON.

An incoming message is two of these. Through the Session the same two cost five times the processor time
(docs/performance.md). Each statement is prepared once on each connection; what it returns is one row with one
JSON value, so nothing has to be known about types on the way back.
"""

import json
import re
from collections import deque
from collections.abc import Mapping
from datetime import datetime
from typing import Any, LiteralString, cast

from psycopg import OperationalError, errors, pq

from backend import db

# These statements find their rows by index whatever the values are. Planning them anew costs more than
# running them, and a plan made while a table was empty would read all of it for as long as it is kept.
PLANS = (b"plan_cache_mode = force_generic_plan", b"enable_seqscan = off")
_PARAMETER = re.compile(r"%\((\w+)\)s")


class Statement:
    """SQL with %(name)s parameters, made ready for libpq's $1. The name is the prepared statement's."""

    def __init__(self, name: str, sql: LiteralString) -> None:
        self.name = name.encode()
        self.names = tuple(dict.fromkeys(_PARAMETER.findall(sql)))
        places = {parameter: f"${place}" for place, parameter in enumerate(self.names, start=1)}
        self.sql = _PARAMETER.sub(lambda found: places[found.group(1)], sql).encode()

    def arguments(self, values: Mapping[str, Any]) -> list[bytes | None]:
        """The values in the statement's order, as PostgreSQL reads them."""
        return [_text(values[name]) for name in self.names]


class Connection:
    """One connection of libpq and the statements it has prepared."""

    def __init__(self) -> None:
        dsn = db.plain_url()
        self.libpq = pq.PGconn.connect(dsn.encode())
        if self.libpq.status != pq.ConnStatus.OK:
            raise OperationalError(self.libpq.get_error_message())
        settings = b"; ".join(b"SET " + setting for setting in (*db.SETTINGS, *PLANS))
        _checked(self.libpq.exec_(settings), self.libpq)
        self.prepared: set[bytes] = set()

    @property
    def is_lost(self) -> bool:
        return self.libpq.status != pq.ConnStatus.OK

    def run(self, statement: Statement, arguments: list[bytes | None]) -> Any:
        """The JSON of the first row; None when there is no row. Raises psycopg.Error."""
        if statement.name not in self.prepared:
            _checked(self.libpq.prepare(statement.name, statement.sql), self.libpq)
            self.prepared.add(statement.name)
        result = _checked(self.libpq.exec_prepared(statement.name, cast(Any, arguments)), self.libpq)
        value = result.get_value(0, 0) if result.ntuples else None
        return None if value is None else json.loads(value)


_idle: deque[Connection] = deque()


def run(statement: Statement, values: Mapping[str, Any]) -> Any:
    """Run a statement on any idle connection, in a transaction of its own.

    A connection that the server closed while it lay idle is replaced, and the statement run again: so it must
    be safe to run twice. Raises psycopg.Error; psycopg.OperationalError when there is no database.
    """
    arguments = statement.arguments(values)
    while _idle:
        connection = _idle.pop()
        try:
            return _run(connection, statement, arguments)
        except OperationalError:
            if not connection.is_lost:
                raise
    return _run(Connection(), statement, arguments)


def _run(connection: Connection, statement: Statement, arguments: list[bytes | None]) -> Any:
    try:
        return connection.run(statement, arguments)
    finally:
        if connection.is_lost:
            connection.libpq.finish()
        else:
            _idle.append(connection)


def disconnect() -> None:
    """Close the connections that lie idle, as before another database is used."""
    while _idle:
        _idle.pop().libpq.finish()


def _checked(result: Any, libpq: Any) -> Any:
    if result.status not in (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK):
        if libpq.status != pq.ConnStatus.OK:
            raise OperationalError(libpq.get_error_message())
        raise errors.error_from_result(result)
    return result


def _text(value: Any) -> bytes | None:
    if value is None:
        return None
    if value is True or value is False:
        return b"t" if value else b"f"
    return (value.isoformat() if isinstance(value, datetime) else str(value)).encode()
