"""What must be right before the service starts, each said in one sentence that holds no secret."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import sqlalchemy as sa
from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from backend import embedded, migrations
from backend.broker import redis_client
from backend.config import WECHAT, config
from backend.notify import sms_settings
from backend.notify.ladders import Rung, kinds_by
from backend.notify.messages import Message
from backend.wechat import accounts
from backend.wechat import templates as real_templates
from backend.wechat.accounts import MINI, Account

LOCAL = {"127.0.0.1", "::1", "localhost"}
SHOWN = 5  # names in one sentence
START = "请先启动：python -m backend servers start"
# What PostgreSQL answers when it is away (nothing at all, or that it stops or starts), and when a table or a
# column is not there. Any other error is not about the settings.
STUMBLED = {None, "57P01", "57P03", "42P01", "42703"}


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


def templates() -> list[Finding]:
    """Whether every kind of message has a usable template on every account: asked of WeChat now."""
    return [finding for account in accounts.all_accounts().values() for finding in _templates(account)]


def _templates(account: Account) -> Iterator[Finding]:
    found = {one.sort: one for one in real_templates.look(account)}
    for one in found.values():
        if one.problem:
            yield Finding(f"公众号 {account.name} 的{real_templates.not_read(one)}。", bad=True)
    known = {sort: one.templates for sort, one in found.items() if one.templates is not None}
    verdicts = [one for one in real_templates.verdicts(account, known) if one.sort in known]
    good = sum(one.problem is None for one in verdicts)
    yield Finding(f"公众号 {account.name}：{good} 处消息模板能用。")
    for each in verdicts:
        if each.problem and each.is_set_down:  # what is not set down was said with the account
            yield Finding(f"公众号 {account.name} 的{each.label} {each.message}：{each.problem}。", bad=True)


def cause(error: Exception) -> str | None:
    """What `check-config` says of the server that a command stumbled over; None when that is well."""
    check = _redis if isinstance(error, RedisError) else _database
    if isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) not in STUMBLED:
        return None
    finding = next(check())
    return finding.sentence if finding.bad else None


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
    try:
        found = accounts.all_accounts()
    except SystemExit as stop:
        yield Finding(str(stop), bad=True)
        return
    for account in found.values():
        program = _program(account) if account.mini_program else ""
        work = "，有企业微信" if account.wecom else ""
        yield Finding(f"公众号 {account.name}：{account.area}，mode 是 {account.mode}{program}{work}。")
        missing = [message for message in Message if message not in account.templates]
        if missing:
            yield Finding(f"公众号 {account.name} 没有这些消息的模板：{_some(missing)}。")


def _program(account: Account) -> str:
    hears = accounts.hears(account.name + MINI)
    return "，有小程序" if hears else "，有小程序（没有开通消息推送，订阅消息送到没有，微信不告诉我们）"


def _sms() -> Iterator[Finding]:
    try:
        found = sms_settings.settings()
    except SystemExit as stop:
        yield Finding(str(stop), bad=True)
        return
    if found is None:
        return
    yield Finding(f"短信：签名“{found.sign}”，有 {len(found.templates)} 种消息的模板。")
    missing = [message for message in kinds_by(Rung.SMS) if message not in found.templates]
    if missing:
        yield Finding(f"短信没有这些消息的模板，发不了短信：{_some(missing)}。")


def _some(names: list[Message]) -> str:
    more = f"，还有 {len(names) - SHOWN} 种" if len(names) > SHOWN else ""
    return "、".join(names[:SHOWN]) + more


def _database() -> Iterator[Finding]:
    if _is_asleep("postgres", config.database_url, embedded.database_url(config.var_dir)):
        yield Finding(f"DATABASE_URL：用的是自带的数据库，它没有运行。{START}。", bad=True)
        return
    patience = {"connect_timeout": 5}
    engine = sa.create_engine(config.database_url, poolclass=sa.NullPool, connect_args=patience)
    try:
        with Session(engine) as session:
            yield from _tables_and_areas(session)
    except SystemExit as stop:
        yield Finding(str(stop), bad=True)
    except OperationalError:  # its text holds the address, and that a password
        yield Finding("DATABASE_URL：数据库没有回应，请检查地址，看它有没有运行。", bad=True)


def _tables_and_areas(session: Session) -> Iterator[Finding]:
    """Raises SystemExit with the sentence about an account whose area is not known."""
    if not migrations.is_current(session.connection()):
        yield Finding("DATABASE_URL：表不是最新的，请运行 python -m backend migrate。", bad=True)
        return
    yield Finding("DATABASE_URL：数据库有回应，表是最新的。")
    accounts.check_areas(session)


def _redis() -> Iterator[Finding]:
    if _is_asleep("valkey", config.redis_url, embedded.redis_url(config.var_dir)):
        yield Finding(f"REDIS_URL：用的是自带的队列，它没有运行。{START}。", bad=True)
        return
    try:
        redis_client().ping()
        yield Finding("REDIS_URL：队列有回应。")
    except RedisError:
        yield Finding("REDIS_URL：队列没有回应，请检查地址，看它有没有运行。", bad=True)


def _is_asleep(server: str, setting: str, own: str) -> bool:
    """An embedded server that is not up now: nobody has started it, and no address needs to be put right."""
    return setting == own and not embedded.is_up(config.var_dir, (server,))


CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    _addresses, _storage, _accounts, _sms, _database, _redis,
)  # fmt: skip
