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
        yield Finding(f"WECHAT_API_BASE：用的是模拟微信，地址 {config.wechat_api_base}。")
        return
    yield Finding("WECHAT_API_BASE：用的是真的微信。")
    address = urlsplit(config.public_url)
    if address.scheme != "https" or address.hostname in LOCAL:
        yield Finding(
            f"PUBLIC_URL：微信只打开外网的 https 网页，{config.public_url} 不是，请改成这样的地址。", bad=True
        )


def _storage() -> Iterator[Finding]:
    folder = next(path for path in (config.stores_in, *config.stores_in.absolute().parents) if path.exists())
    writable = folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)
    word = "可以写入" if writable else "不能写入，请检查权限或换一个文件夹"
    yield Finding(f"STORAGE_DIR：{config.stores_in} {word}。", bad=not writable)


def _accounts() -> Iterator[Finding]:
    if _has_no_accounts_yet():
        yield Finding("WECHAT_ACCOUNTS：还没有文件。python -m backend demo 会做一个给模拟微信用的。")
        return
    try:
        found = accounts.all_accounts()
    except SystemExit as stop:
        yield Finding(str(stop), bad=True)
        return
    for account in found.values():
        program = "，有小程序" if account.mini_program else ""
        yield Finding(f"公众号 {account.name}：{account.area}，mode 是 {account.mode}{program}。")
        missing = [message for message in Message if message not in account.templates]
        if missing:
            yield Finding(f"公众号 {account.name} 没有这些消息的模板：{_some(missing)}。")


def _has_no_accounts_yet() -> bool:
    return config.accounts_file == config.var_dir / "accounts.toml" and not config.accounts_file.exists()


def _some(names: list[Message]) -> str:
    more = f"，还有 {len(names) - SHOWN} 种" if len(names) > SHOWN else ""
    return "、".join(names[:SHOWN]) + more


def _database() -> Iterator[Finding]:
    if _is_asleep("postgres", config.database_url, embedded.database_url(config.var_dir)):
        yield Finding("DATABASE_URL：自带的数据库没有运行，所以没有检查表和地点。")
        return
    patience = {"connect_timeout": 5}
    engine = sa.create_engine(config.database_url, poolclass=sa.NullPool, connect_args=patience)
    try:
        with Session(engine) as session:
            yield _tables_and_areas(session)
    except SystemExit as stop:
        yield Finding(str(stop), bad=True)
    except OperationalError:  # its text holds the address, and that a password
        yield Finding("DATABASE_URL：数据库没有回应，请检查地址，看它有没有运行。", bad=True)


def _tables_and_areas(session: Session) -> Finding:
    """Raises SystemExit with the sentence about an account whose area is not known."""
    if not migrations.is_current(session.connection()):
        return Finding("DATABASE_URL：表不是最新的，请运行 python -m backend migrate。", bad=True)
    if not _has_no_accounts_yet():
        accounts.check_areas(session)
    return Finding("DATABASE_URL：数据库有回应，表是最新的。")


def _redis() -> Iterator[Finding]:
    if _is_asleep("valkey", config.redis_url, embedded.redis_url(config.var_dir)):
        yield Finding("REDIS_URL：自带的队列没有运行。")
        return
    try:
        redis_client().ping()
        yield Finding("REDIS_URL：队列有回应。")
    except RedisError:
        yield Finding("REDIS_URL：队列没有回应，请检查地址，看它有没有运行。", bad=True)


def _is_asleep(server: str, setting: str, own: str) -> bool:
    """An embedded server that `make run` will start, and that is not up now: nothing is wrong with that."""
    return setting == own and not embedded.is_up(config.var_dir, (server,))


CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (_addresses, _storage, _accounts, _database, _redis)
