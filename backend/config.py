"""Every setting, read once from the environment. Nothing else touches os.environ.

An empty setting is an absent one. So an empty SECRET_KEY or DATA_KEYS stops the start; it does so even where
an absent one would be made or found (backend/embedded/secrets.py), for there it is somebody's mistake.
"""

import base64
import binascii
import os
from collections.abc import Callable, Mapping
from datetime import time
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from backend import embedded
from backend.times import parse_hours

WECHAT = "https://api.weixin.qq.com"


def _keys(text: Any) -> Any:
    """Read "2:base64,1:base64": the first key seals, all of them open.

    The newest is first and has the largest number: the blind index is made with the key of the smallest, and
    would find nobody any more if a new key took its place.
    """
    if not isinstance(text, str):
        return text
    try:
        parts = [part.split(":") for part in text.split(",")]
        ring = {int(key_id): base64.b64decode(key, validate=True) for key_id, key in parts}
    except (ValueError, binascii.Error):
        raise ValueError("要写成 1:BASE64 或 2:BASE64,1:BASE64") from None
    if any(len(key) != 32 for key in ring.values()):
        raise ValueError("每个密钥要用 base64 写 32 字节，如 1:BASE64")
    if (
        len(ring) < len(parts)
        or list(ring) != sorted(ring, reverse=True)
        or not 1 <= min(ring) <= max(ring) < 256
    ):
        raise ValueError("密钥的编号要在 1 到 255 之间，不能重复，最新、最大的写在最前")
    return ring


def _hours(text: Any) -> Any:
    if not isinstance(text, str):
        return text
    try:
        start, end = parse_hours(text)
    except ValueError:
        raise ValueError("要写成 09:00-20:00 这样") from None
    if start >= end:
        raise ValueError("开始要早于结束，在同一天之内，如 09:00-20:00")
    return start, end


def _address(*schemes: str) -> Callable[[str], str]:
    """A check that an address begins like one of these; what is behind may hold a password."""

    def check(url: str) -> str:
        scheme, _, rest = url.partition("://")
        if scheme not in schemes or not rest:
            raise ValueError(f"要以 {schemes[0]}:// 开头，写完整的地址")
        return url

    return check


Database = Annotated[str, AfterValidator(_address("postgresql", "postgres", "postgresql+psycopg"))]
Queue = Annotated[str, AfterValidator(_address("redis", "rediss", "unix"))]
Web = Annotated[str, AfterValidator(_address("https", "http"))]
Port = Annotated[int, Field(ge=1, le=65535)]


class Config(BaseSettings):
    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True, validate_default=False)

    secret_key: str = Field(min_length=16, repr=False)
    data_keys: Annotated[dict[int, bytes], NoDecode, BeforeValidator(_keys)] = Field(repr=False)
    var_dir: Path = Path("var")
    database_url: Database = Field("", repr=False)
    redis_url: Queue = Field("", repr=False)
    port: Port = 8000
    sandbox_port: Port = 8100
    public_url: Web = "http://127.0.0.1:8000"
    storage_dir: Path | None = None
    wechat_accounts: Path | None = None
    wechat_api_base: Web = WECHAT
    message_hours: Annotated[tuple[time, time], NoDecode, BeforeValidator(_hours)] = (time(7, 30), time(22))
    survey_delay_minutes: int = Field(default=24 * 60, ge=0)
    survey_hours: Annotated[tuple[time, time], NoDecode, BeforeValidator(_hours)] = (time(9), time(20))
    survey_days_open: float = Field(default=7, gt=0, le=365)
    callback_hours: Annotated[tuple[time, time], NoDecode, BeforeValidator(_hours)] = (time(9), time(20, 30))
    callback_days_open: int = Field(default=7, ge=1)
    callback_rest_days: int = Field(default=180, ge=0)
    callback_percent: int = Field(default=5, ge=0, le=100)
    close_after_days: int = Field(default=3, ge=1)
    ask_days: int = Field(default=3, ge=1)
    gather_seconds: int = Field(default=120, ge=0)
    officer_messages_an_hour: int = Field(default=30, ge=0)
    resident_messages_a_day: int = Field(default=12, ge=0)
    provider_calls: int = Field(default=32, ge=1, le=200)
    trusted_proxies: int = Field(default=0, ge=0, le=5)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"

    def model_post_init(self, _context: Any) -> None:
        """Fill what depends on VAR_DIR: the embedded servers, the store, the accounts."""
        filled: dict[str, Any] = {
            "database_url": _psycopg(self.database_url or embedded.database_url(self.var_dir)),
            "redis_url": self.redis_url or embedded.redis_url(self.var_dir),
            "storage_dir": self.storage_dir or self.var_dir / "storage",
            "wechat_accounts": self.wechat_accounts or self.var_dir / "accounts.toml",
            "public_url": self.public_url.rstrip("/"),
            "wechat_api_base": self.wechat_api_base.rstrip("/"),
        }
        for name, setting in filled.items():
            object.__setattr__(self, name, setting)

    @property
    def stores_in(self) -> Path:
        assert self.storage_dir is not None
        return self.storage_dir

    @property
    def accounts_file(self) -> Path:
        assert self.wechat_accounts is not None
        return self.wechat_accounts


def _psycopg(url: str) -> str:
    """SQLAlchemy's name for the one driver; plain `postgresql://` and `postgres://` are what people paste."""
    scheme, rest = url.split("://", 1)
    return f"postgresql+psycopg://{rest}" if scheme in {"postgres", "postgresql"} else url


# What the checks of pydantic find, in words for the operator. None holds the value: it may be a secret.
PROBLEMS = {
    "missing": "没有设置，请写上",
    "string_too_short": "太短，至少要 {min_length} 个字符",
    "int_parsing": "要写整数",
    "greater_than_equal": "不能小于 {ge}",
    "greater_than": "要大于 {gt:g}",
    "float_parsing": "要写数字",
    "less_than_equal": "不能大于 {le}",
    "literal_error": "只能写 {expected} 中的一个",
    "value_error": "{error}",
}


def from_env(env: Mapping[str, str] = os.environ) -> Config:
    """Read the settings, or stop the start with a sentence that names each bad one (never its value)."""
    given = {name: env[name.upper()] for name in Config.model_fields if env.get(name.upper())}
    try:
        return Config.model_validate(given)
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
        problems = [f"{str(problem['loc'][0]).upper()}：{_said(problem)}" for problem in found]
        raise SystemExit(f"设置不对，请改好再启动。{'；'.join(problems)}。") from None


def _said(problem: ErrorDetails) -> str:
    context = problem.get("ctx", {})
    if "expected" in context:  # 'A', 'B' or 'C'
        context["expected"] = context["expected"].replace(" or ", "、").replace(", ", "、")
    return PROBLEMS.get(problem["type"], "写得不对，请看 README.md 里的 Settings").format(**context)


config = from_env()
