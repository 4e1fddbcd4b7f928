"""What the platform knows, in one SQLite file that survives the death of the process."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SCHEMA = """
CREATE TABLE IF NOT EXISTS apps (app_id TEXT PRIMARY KEY, document TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS users (
    user_id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL, role TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS openids (
    openid TEXT PRIMARY KEY, app_id TEXT NOT NULL, user_id INTEGER NOT NULL, UNIQUE (user_id, app_id));
CREATE TABLE IF NOT EXISTS follows (
    openid TEXT PRIMARY KEY, app_id TEXT NOT NULL, since REAL NOT NULL,
    via TEXT NOT NULL, scene TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS tokens (
    token TEXT PRIMARY KEY, app_id TEXT NOT NULL, space TEXT NOT NULL, issued_at REAL NOT NULL,
    expires_at REAL NOT NULL, invalid_at REAL NOT NULL, forced INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS tokens_by_app ON tokens (app_id, space, issued_at);
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT, app_id TEXT NOT NULL, user_id INTEGER NOT NULL,
    document TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS messages_by_chat ON messages (user_id, app_id, id);
CREATE TABLE IF NOT EXISTS windows (
    app_id TEXT NOT NULL, user_id INTEGER NOT NULL, kind TEXT NOT NULL, left INTEGER NOT NULL,
    until REAL NOT NULL, PRIMARY KEY (app_id, user_id, kind));
CREATE TABLE IF NOT EXISTS grants (
    app_id TEXT NOT NULL, user_id INTEGER NOT NULL, template_id TEXT NOT NULL, left INTEGER NOT NULL,
    PRIMARY KEY (app_id, user_id, template_id));
CREATE TABLE IF NOT EXISTS sent (
    openid TEXT NOT NULL, client_msg_id TEXT NOT NULL, msgid INTEGER NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (openid, client_msg_id));
CREATE TABLE IF NOT EXISTS receipts (
    msgid INTEGER PRIMARY KEY, app_id TEXT NOT NULL, openid TEXT NOT NULL, event TEXT NOT NULL,
    due REAL NOT NULL);
CREATE INDEX IF NOT EXISTS receipts_by_due ON receipts (due);
CREATE TABLE IF NOT EXISTS media (
    media_id TEXT PRIMARY KEY, app_id TEXT NOT NULL, kind TEXT NOT NULL, content_type TEXT NOT NULL,
    filename TEXT NOT NULL, created_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS codes (
    ticket TEXT PRIMARY KEY, url TEXT NOT NULL UNIQUE, app_id TEXT NOT NULL, scene TEXT NOT NULL,
    document TEXT NOT NULL, permanent INTEGER NOT NULL, created_at REAL NOT NULL, expires_at REAL);
CREATE INDEX IF NOT EXISTS codes_by_scene ON codes (app_id, scene);
CREATE INDEX IF NOT EXISTS codes_by_age ON codes (app_id, permanent, created_at);
CREATE TABLE IF NOT EXISTS vouchers (
    code TEXT PRIMARY KEY, kind TEXT NOT NULL, app_id TEXT NOT NULL, user_id INTEGER NOT NULL,
    scope TEXT NOT NULL, created_at REAL NOT NULL, used INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS menus (app_id TEXT PRIMARY KEY, document TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS cards (
    response_code TEXT PRIMARY KEY, app_id TEXT NOT NULL, message_id INTEGER NOT NULL,
    created_at REAL NOT NULL, used INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS work_sent (
    app_id TEXT NOT NULL, user_id INTEGER NOT NULL, task TEXT NOT NULL, at REAL NOT NULL,
    until REAL NOT NULL);
CREATE INDEX IF NOT EXISTS work_sent_by_user ON work_sent (app_id, user_id, at);
CREATE TABLE IF NOT EXISTS sms_apps (only INTEGER PRIMARY KEY CHECK (only = 1), document TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS sms_sent (serial TEXT PRIMARY KEY, phone TEXT NOT NULL, at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS sms_sent_by_phone ON sms_sent (phone, at);
CREATE TABLE IF NOT EXISTS sms_blacklist (phone TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS numbers (phone TEXT PRIMARY KEY, user_id INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS options (name TEXT PRIMARY KEY, document TEXT NOT NULL);
"""
EMPTY = """
BEGIN IMMEDIATE;
DELETE FROM apps;
DELETE FROM users;
DELETE FROM openids;
DELETE FROM follows;
DELETE FROM tokens;
DELETE FROM messages;
DELETE FROM windows;
DELETE FROM grants;
DELETE FROM sent;
DELETE FROM receipts;
DELETE FROM media;
DELETE FROM codes;
DELETE FROM vouchers;
DELETE FROM menus;
DELETE FROM cards;
DELETE FROM work_sent;
DELETE FROM sms_apps;
DELETE FROM sms_sent;
DELETE FROM sms_blacklist;
DELETE FROM numbers;
DELETE FROM options;
COMMIT;
"""


class State:
    """One SQLite connection shared by all threads: every statement is short and holds the lock."""

    def __init__(self, folder: Path) -> None:
        self.media = folder / "media"
        self.media.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._db = sqlite3.connect(folder / "state.sqlite3", check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        # With WAL and NORMAL a commit costs no fsync; it survives kill -9, though not a power cut.
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(SCHEMA)

    def rows(self, sql: str, *values: object) -> list[sqlite3.Row]:
        """All rows of a query."""
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def row(self, sql: str, *values: object) -> sqlite3.Row | None:
        """The first row of a query, or None."""
        with self._lock:
            found: sqlite3.Row | None = self._db.execute(sql, values).fetchone()
            return found

    def write(self, sql: str, *values: object) -> int:
        """Run one changing statement and return the number of rows it touched."""
        with self._lock:
            return self._db.execute(sql, values).rowcount

    def insert(self, sql: str, *values: object) -> int:
        """Run one INSERT and return the id of the new row."""
        with self._lock:
            return self._db.execute(sql, values).lastrowid or 0

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside happens together, seen by no other thread half done."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def forget(self) -> None:
        """Empty every table and the media folder; running numbers go on, so that no id comes twice."""
        with self._lock:
            self._db.executescript(EMPTY)
        for file in self.media.iterdir():
            file.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()
