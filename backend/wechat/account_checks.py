"""What each entry of the accounts' file has to be: checks, each with what is said when it is not."""

import base64
import re
from collections.abc import Callable

MODES = ("secure", "compatible", "plain")
WEAK_TOKEN = 16  # anyone who guesses the token can sign messages, so a short one is as bad as none
LEAST_VARIETY = 6  # different characters in a token

Check = tuple[Callable[[str], bool], str]


def _is_strong(token: str) -> bool:
    return len(token) >= WEAK_TOKEN and len(set(token)) >= LEAST_VARIETY


def _is_aes_key(key: str) -> bool:
    if not key:
        return True  # whether it may be missing depends on the mode
    return bool(re.fullmatch(r"[A-Za-z0-9+/]{43}", key)) and len(base64.b64decode(key + "=")) == 32


def _matches(pattern: str) -> Callable[[str], bool]:
    return lambda value: re.fullmatch(pattern, value) is not None


CHECKS: dict[str, Check] = {
    "app_id": (_matches(r"wx[0-9A-Za-z]{16}"), "要写 wx 和 16 个字母或数字"),
    "app_secret": (
        _matches(r"[0-9A-Za-z]{16,64}"),
        "要照微信公众平台显示的密钥写",
    ),
    "original_id": (_matches(r"gh_[0-9A-Za-z]{4,32}"), "要以 gh_ 开头"),
    "token": (_is_strong, f"太容易猜到，至少要 {WEAK_TOKEN} 个字符，其中 {LEAST_VARIETY} 种不同"),
    "aes_key": (_is_aes_key, "要写 43 个字符，解码后是 32 字节"),
    "mode": (MODES.__contains__, f"只能写 {'、'.join(MODES)} 中的一个"),
    "area": (_matches(r"[^/\s][^\n]*[^/\s]"), "要写地点的名字，或路径，如 区/街道/社区"),
}
_SEALED: Check = (lambda key: bool(key) and _is_aes_key(key), CHECKS["aes_key"][1])
WECOM_CHECKS: dict[str, Check] = {
    "corp_id": (_matches(r"ww[0-9A-Za-z]{8,30}"), "要写企业微信的企业 ID，以 ww 开头"),
    "agent_id": (_matches(r"[0-9]{1,12}"), "要写应用的 AgentId，只有数字"),
    "secret": (_matches(r"[0-9A-Za-z_-]{16,64}"), "要照企业微信管理后台显示的 Secret 写"),
    "token": CHECKS["token"],
    "aes_key": _SEALED,
}
# Of a mini program to which WeChat pushes what becomes of its messages: all of these, or none.
PUSH_CHECKS: dict[str, Check] = {
    "original_id": CHECKS["original_id"],
    "token": CHECKS["token"],
    "aes_key": _SEALED,
}
IN_PARTS = {f"wecom.{key}": check for key, check in WECOM_CHECKS.items()} | {
    f"mini_program.{key}": check for key, check in PUSH_CHECKS.items()
}
