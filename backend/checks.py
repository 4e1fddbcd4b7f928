"""What must be right before the service starts, each said in one sentence that holds no secret."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import sqlalchemy as sa
from redis.exceptions import RedisError
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from backend import embedded, migrations
from backend.broker import redis_client
from backend.config import WECHAT, config
from backend.notify.messages import Message
from backend.wechat import accounts

LOCAL = {"127.0.0.1", "::1", "localhost"}
SHOWN = 5  # names in one sentence


@dataclass(frozen=True)
class Finding:
    """One sentence; a `bad` one must be put right before the service can do its work."""

    sentence: str
    bad: bool = False


def findings() -> list[Finding]:
    """Every check in turn; the settings themselves were read by backend.config.

    What two checks stumble over, like a bad file of accounts, is said once.
    """
    return list(dict.fromkeys(finding for check in CHECKS for finding in check()))


def _addresses() -> Iterator[Finding]:
    if config.wechat_api_base != WECHAT:
        yield Finding(f"WECHAT_API_BASE: the platform is simulated, at {config.wechat_api_base}.")
        return
    yield Finding("WECHAT_API_BASE: the platform is WeChat itself.")
    address = urlsplit(config.public_url)
    if address.scheme != "https" or address.hostname in LOCAL:
        yield Finding(
            f"PUBLIC_URL: WeChat opens only https pages, and {config.public_url} is none.", bad=True
        )


def _storage() -> Iterator[Finding]:
    folder = next(path for path in (config.stores_in, *config.stores_in.absolute().parents) if path.exists())
    writable = folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)
    word = "can be written" if writable else "cannot be written"
    yield Finding(f"STORAGE_DIR: {config.stores_in} {word}.", bad=not writable)


def _accounts() -> Iterator[Finding]:
    if _has_no_accounts_yet():
        yield Finding("WECHAT_ACCOUNTS: no file yet; `python -m backend demo` makes one for the sandbox.")
        return
    try:
        found = accounts.all_accounts()
    except SystemExit as stop:
        yield Finding(str(stop), bad=True)
        return
    for account in found.values():
        program = " with a mini program" if account.mini_program else ""
        yield Finding(f"Account {account.name}: {account.area}, mode {account.mode}{program}.")
        missing = [message for message in Message if message not in account.templates]
        if missing:
            yield Finding(f"Account {account.name} has no template for {_some(missing)}.")


def _has_no_accounts_yet() -> bool:
    return config.accounts_file == config.var_dir / "accounts.toml" and not config.accounts_file.exists()


def _some(names: list[Message]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _database() -> Iterator[Finding]:
    if _is_asleep("postgres", config.database_url, embedded.database_url(config.var_dir)):
        yield Finding("DATABASE_URL: the embedded server is not running; tables and areas were not checked.")
        return
    patience = {"connect_timeout": 5}
    engine = sa.create_engine(config.database_url, poolclass=sa.NullPool, connect_args=patience)
    try:
        with Session(engine) as session:
            yield _tables_and_areas(session)
    except SystemExit as stop:
        yield Finding(str(stop), bad=True)
    except OperationalError:  # its text holds the address, and that a password
        yield Finding("DATABASE_URL: the database does not answer.", bad=True)


def _tables_and_areas(session: Session) -> Finding:
    """Raises SystemExit with the sentence about an account whose area is not known."""
    if not migrations.is_current(session.connection()):
        return Finding("DATABASE_URL: the tables are behind; run `python -m backend migrate`.", bad=True)
    if not _has_no_accounts_yet():
        accounts.check_areas(session)
    return Finding("DATABASE_URL: the database answers, and its tables are up to date.")


def _redis() -> Iterator[Finding]:
    if _is_asleep("valkey", config.redis_url, embedded.redis_url(config.var_dir)):
        yield Finding("REDIS_URL: the embedded server is not running.")
        return
    try:
        redis_client().ping()
        yield Finding("REDIS_URL: the queue answers.")
    except RedisError:
        yield Finding("REDIS_URL: the queue does not answer.", bad=True)


def _is_asleep(server: str, setting: str, own: str) -> bool:
    """An embedded server that `make run` will start, and that is not up now: nothing is wrong with that."""
    return setting == own and not embedded.is_up(config.var_dir, (server,))


CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (_addresses, _storage, _accounts, _database, _redis)
