"""Logs: one line of JSON per record on stderr, without secrets, and with as little of a person as can be."""

import logging
import re
from collections.abc import Mapping
from typing import Any

import structlog

from backend.privacy import mask_phones

HIDDEN = "***"

# Names of values that a log may not hold, as keys and inside texts: addresses, what libraries report.
SECRET = r"(?:secret|token|passw|aes_?key|session_key|ticket)"
SECRET_NAME = re.compile(rf"{SECRET}|authorization|cookie|data_keys", re.IGNORECASE)
OPENID = r"(?<![A-Za-z0-9_-])(o[A-Za-z0-9_-]{4})[A-Za-z0-9_-]{23}(?![A-Za-z0-9_-])"
REPLACED = (
    (re.compile(rf"(?i)({SECRET}\w{{0,30}}[\"']?\s*[=:]\s*[\"']?)[^\s&\"',;)}}\]]+"), rf"\1{HIDDEN}"),
    (re.compile(r"([?&](?:code|js_code|key|state)=)[^\s&\"')]+"), rf"\1{HIDDEN}"),
    (re.compile(r"(?i)(bearer\s+)[\w.~+/=-]+"), rf"\1{HIDDEN}"),
    (re.compile(r"(://[^:/@\s]*:)[^@/\s]+(?=@)"), rf"\1{HIDDEN}"),  # postgresql://user:password@host
    (re.compile(r"(/r/(?:files|surveys)/)[\w.-]+"), rf"\1{HIDDEN}"),  # links that open without a login
    (re.compile(OPENID), r"\1…"),
    (re.compile(r"(?<!\d)(\d{6})(?:19|20)\d{9}[\dXx](?![\dXx])"), r"\1…"),  # a resident's identity number
)


def configure(level: str) -> None:
    """Send every record of this process, whoever writes it, as JSON to stderr. Call once, at start."""
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.contextvars.merge_contextvars,
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
            ],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                hide,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("apscheduler").setLevel(logging.WARNING)  # it announces each of its ticks
    logging.getLogger("alembic").setLevel(logging.WARNING)  # whoever asks whether we are ready asks it, too


def begin(**ids: str) -> None:
    """Put these on every record that this thread writes from now on: the request or job, and its name."""
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(**ids)


def hide(_logger: Any, _method: str, record: Any) -> dict[str, Any]:
    """The processor that takes out of a record what a log may not hold."""
    return {key: _without(key, said) for key, said in record.items()}


def _without(key: str, said: Any) -> Any:
    if SECRET_NAME.search(key):
        return HIDDEN
    if isinstance(said, Mapping):
        return {str(name): _without(str(name), value) for name, value in said.items()}
    if isinstance(said, list | tuple):
        return [_without("", value) for value in said]
    return said if isinstance(said, int | float | None) else clean(str(said))


def clean(text: str) -> str:
    """The text without secrets, with openids and telephone numbers shortened."""
    for pattern, put in REPLACED:
        text = pattern.sub(put, text)
    return mask_phones(text)
