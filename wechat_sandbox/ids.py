"""The names that the platform gives to things: openids, message numbers, tokens, tickets."""

import base64
import hashlib
import secrets
import string
import threading
import time

CORPORATION = "ww"  # begins the id of a corporation, as wx begins that of an app
LETTERS = string.ascii_letters + string.digits


class Numbers:
    """Growing int64 numbers above 2^53, unique across restarts because they follow the real time."""

    def __init__(self, per_second: int) -> None:
        self._per_second = per_second
        self._last = 0
        self._lock = threading.Lock()

    def next(self) -> int:
        """The next number."""
        with self._lock:
            self._last = max(self._last + 1, time.time_ns() * self._per_second // 1_000_000_000)
            return self._last


message_numbers = Numbers(16_000_000)  # MsgId, about 2.8e16: JavaScript and int32 both break on it.
template_numbers = Numbers(1_700_000_000)  # msgid of template messages, about 3e18.


def openid(app_id: str, user_key: str) -> str:
    """28 characters; the same user has another openid in every app, and always the same one.

    In a corporation of WeCom a member is known by the name that it gave them: here, the user's key.
    """
    if app_id.startswith(CORPORATION):
        return user_key.lower()
    return "o" + _digest(app_id, 5) + _digest(f"{app_id}\n{user_key}", 22)


def unionid(open_platform: str, user_key: str) -> str:
    """28 characters shared by all apps of one Open Platform account."""
    return "o" + _digest(f"open\n{open_platform}", 5) + _digest(f"open\n{open_platform}\n{user_key}", 22)


def random_text(length: int) -> str:
    """Letters and digits nobody can guess."""
    return "".join(secrets.choice(LETTERS) for _ in range(length))


def random_digits(length: int) -> str:
    """Digits without a leading zero."""
    return secrets.choice(string.digits[1:]) + "".join(
        secrets.choice(string.digits) for _ in range(length - 1)
    )


def rid(now: float) -> str:
    """The request id at the end of an errmsg: its first group is the unix time in hex."""
    return f"{int(now):08x}-{secrets.token_hex(4)}-{secrets.token_hex(4)}"


def _digest(text: str, length: int) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
    return digest.decode()[:length]
