"""The official accounts that this deployment serves, read once from the TOML file WECHAT_ACCOUNTS.

A sentence about a bad file names account and field, never a value: half of the values are secrets.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sqlalchemy.orm import Session

from backend.config import config
from backend.errors import NotFound
from backend.notify import binding
from backend.notify.fitting import slot_kind
from backend.notify.messages import Message
from backend.places import naming
from backend.wechat.account_checks import CHECKS, IN_PARTS, PUSH_CHECKS, WECOM_CHECKS

MINI = ":mini"  # ends the account's name in contacts that came by its mini program
WECOM = binding.WORK  # ends it in contacts that are members of its WeCom corporation
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")  # it is a part of the callback's address
SLOT_FIELDS = frozenset({"number", "place", "summary", "status", "time", "note", "who"})
FORM = "写法见 README.md 的“A real official account, step by step”第 2 步"


@dataclass(frozen=True)
class Template:
    """One template of an account: its id, and which of our fields goes into which of its slots.

    `lasting`: a person who allows it allows every message of it (长期订阅), not one.
    """

    id: str
    slots: Mapping[str, str]
    lasting: bool = False


@dataclass(frozen=True)
class MiniProgram:
    """The mini program that belongs to an account; without a token WeChat pushes nothing of it to us."""

    app_id: str
    app_secret: str = field(repr=False)
    templates: Mapping[Message, Template]
    original_id: str = ""
    token: str = field(default="", repr=False)
    aes_key: str = field(default="", repr=False)


@dataclass(frozen=True)
class WeCom:
    """The application in WeCom (企业微信) through which the officers of an account's area are reached."""

    corp_id: str
    agent_id: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    aes_key: str = field(repr=False)

    @property
    def app_id(self) -> str:
        """Under which name its access token is kept."""
        return f"{self.corp_id}:{self.agent_id}"

    @property
    def app_secret(self) -> str:
        return self.secret


@dataclass(frozen=True)
class Account:
    """One official account and how to talk with it."""

    name: str
    app_id: str
    app_secret: str = field(repr=False)
    original_id: str
    token: str = field(repr=False)
    aes_key: str = field(repr=False)
    mode: str
    area: str
    templates: Mapping[Message, Template]
    notices: Mapping[Message, Template]
    mini_program: MiniProgram | None
    wecom: WeCom | None = None


def load(path: Path) -> dict[str, Account]:
    """Every account of the file, by name. Raises SystemExit with the one sentence that says what is wrong."""
    accounts = {name: _account(name, table) for name, table in _tables(path).items()}
    seen: dict[str, str] = {}
    for account in accounts.values():
        for app in (account, account.mini_program, account.wecom):
            if app is not None and app.app_id in seen:
                where = "wecom" if app is account.wecom else "app_id"
                raise _bad(account.name, where, f"和公众号 {seen[app.app_id]} 的相同，请改成各自的")
            if app is not None:
                seen[app.app_id] = account.name
    return accounts


@cache
def all_accounts() -> Mapping[str, Account]:
    """The accounts of this process, read at the first call."""
    return MappingProxyType(load(config.accounts_file))


def get(name: str) -> Account:
    """The account of this name, or NotFound."""
    account = all_accounts().get(name)
    if account is None:
        raise NotFound("没有这个公众号")
    return account


def receiver(name: str) -> Account:
    """Who takes in what WeChat pushes under this name: an account or, by `X:mini`, the mini program of X.

    That is an account of its own then, whose notices are its subscription messages. Raises NotFound.
    """
    if not name.endswith(MINI):
        return get(name)
    account = get(name.removesuffix(MINI))
    mini = account.mini_program
    if mini is None or not mini.token:
        raise NotFound("这个公众号的小程序没有配置消息推送")
    return replace(
        account,
        name=name,
        app_id=mini.app_id,
        app_secret=mini.app_secret,
        original_id=mini.original_id,
        token=mini.token,
        aes_key=mini.aes_key,
        mode="secure",
        templates={},
        notices=mini.templates,
        mini_program=None,
        wecom=None,
    )


def hears(name: str) -> bool:
    """Whether WeChat tells us what becomes of messages of this name: an account's, or `X:mini`."""
    try:
        receiver(name)
    except NotFound:
        return False
    return True


_areas: dict[str, int] = {}


def area_id(session: Session, account: Account) -> int:
    """The id of the account's area; looked up once in a process. Raises SystemExit for an unknown one."""
    if account.name not in _areas:
        _areas[account.name] = _find_area(session, account)
    return _areas[account.name]


def check_areas(session: Session) -> None:
    """Stop the start with a sentence that names the account whose area is not known."""
    for account in all_accounts().values():
        _find_area(session, account)


def reset() -> None:
    """Forget what was read: the file and the areas are read again at the next call."""
    all_accounts.cache_clear()
    _areas.clear()


def _find_area(session: Session, account: Account) -> int:
    found = naming.called(session, account.area)
    if len(found) == 1:
        return found[0].id
    problem = (
        "有几个地点叫这个名字，请写路径，如 区/街道/社区"
        if found
        else "没有这个地点，请改成已有的，或先导入地点"
    )
    raise _bad(account.name, "area", problem)


def _bad(account: str, where: str, problem: str) -> SystemExit:
    return SystemExit(f"WECHAT_ACCOUNTS：公众号 {account} 的 {where}：{problem}。")


def _tables(path: Path) -> dict[str, Any]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SystemExit(f"WECHAT_ACCOUNTS：还没有公众号文件 {path}，请写一个。{FORM}。") from None
    except OSError:
        raise SystemExit(f"WECHAT_ACCOUNTS：读不了文件 {path}，请检查路径和权限。") from None
    except ValueError as error:
        raise SystemExit(
            f"WECHAT_ACCOUNTS：文件 {path} 不是 TOML 格式：{_wrong(error)}，请改好。{FORM}。"
        ) from None
    tables = document.get("accounts")
    if not isinstance(tables, dict) or not tables:
        raise SystemExit(f"WECHAT_ACCOUNTS：文件 {path} 里没有 [accounts.名字]，请至少写一个公众号。{FORM}。")
    return tables


def _wrong(error: ValueError) -> str:
    """Where it is wrong, never the text there."""
    if not isinstance(error, tomllib.TOMLDecodeError):
        return "编码不是 UTF-8"
    line = re.search(r"at line (\d+)", str(error))
    return f"第 {line[1]} 行读不懂" if line else "结尾不完整"


def _account(name: str, table: Any) -> Account:
    if not NAME.fullmatch(name):
        raise _bad(name, "name", "只能用小写字母、数字、- 和 _，最多 32 个")
    _no_other(name, table, {*CHECKS, "templates", "notices", "mini_program", "wecom"})
    plain = {key: _checked(name, key, table) for key in CHECKS}
    if plain["mode"] != "plain" and not plain["aes_key"]:
        raise _bad(name, "aes_key", "没有写，请补上：只有 mode 是 plain 时才不用写")
    mini = table.get("mini_program")
    return Account(
        name=name,
        **plain,
        templates=_templates(name, "templates", table.get("templates", {})),
        notices=_templates(name, "notices", table.get("notices", {})),
        mini_program=None if mini is None else _mini_program(name, mini),
        wecom=_wecom(name, table["wecom"]) if "wecom" in table else None,
    )


def _mini_program(name: str, table: Any) -> MiniProgram:
    _no_other(name, table, {"app_id", "app_secret", "templates", *PUSH_CHECKS})
    said = {f"mini_program.{key}": value for key, value in table.items()}
    door = PUSH_CHECKS if table.keys() & PUSH_CHECKS.keys() else {}
    return MiniProgram(
        app_id=_checked(name, "app_id", table),
        app_secret=_checked(name, "app_secret", table),
        templates=_templates(name, "mini_program.templates", table.get("templates", {})),
        **{key: _checked(name, f"mini_program.{key}", said) for key in door},
    )


def _wecom(name: str, table: Any) -> WeCom:
    _no_other(name, table, set(WECOM_CHECKS))
    said = {f"wecom.{key}": str(value) if key == "agent_id" else value for key, value in table.items()}
    return WeCom(**{key: _checked(name, f"wecom.{key}", said) for key in WECOM_CHECKS})


def _no_other(name: str, table: Any, known: set[str]) -> None:
    if not isinstance(table, dict):
        raise _bad(name, "table", "要写成一个表，里面是各项")
    for key in table.keys() - known:
        raise _bad(name, key, "没有这一项，请改正或删掉")


def _checked(name: str, key: str, table: Mapping[str, Any]) -> str:
    value = table.get(key, "")
    is_good, problem = {**CHECKS, **IN_PARTS}[key]
    if not isinstance(value, str) or not is_good(value):
        raise _bad(name, key, problem if key in table else "没有写，请补上")
    return value


def _templates(name: str, where: str, tables: Any) -> Mapping[Message, Template]:
    if not isinstance(tables, dict):
        raise _bad(name, where, "要写成一个表")
    for kind in tables.keys() - set(Message):
        raise _bad(name, f"{where}.{kind}", "没有这种消息，请改正或删掉")
    return MappingProxyType(
        {Message(kind): _template(name, f"{where}.{kind}", table) for kind, table in tables.items()}
    )


def _template(name: str, where: str, table: Any) -> Template:
    if not isinstance(table, dict) or not isinstance(table.get("id"), str) or not table["id"].strip():
        raise _bad(name, f"{where}.id", "没有写，请补上")
    lasting = table.get("long_term", False)
    if not isinstance(lasting, bool):
        raise _bad(name, f"{where}.long_term", "只能写 true 或 false")
    slots = {key: slot for key, slot in table.items() if key not in ("id", "long_term")}
    for key, slot in slots.items():
        if key not in SLOT_FIELDS:
            raise _bad(name, f"{where}.{key}", f"只能是 {'、'.join(sorted(SLOT_FIELDS))} 中的一个")
        if not isinstance(slot, str) or slot_kind(slot) is None:
            raise _bad(name, f"{where}.{key}", "不是能填的栏，要写成 thing2、phrase3 这样")
        if slot_kind(slot) == "phrase" and key != "status":
            raise _bad(name, f"{where}.{key}", "phrase 栏只放得下 5 个汉字，只能填 status，请换成 thing 栏")
    if not slots or len(set(slots.values())) < len(slots):
        raise _bad(name, where, "模板的每一栏要填，而且只填一次")
    return Template(table["id"].strip(), MappingProxyType(slots), lasting)
