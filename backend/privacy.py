"""Personal data: sealed in the column, found by a keyed index, shown masked.

AES-256-GCM as `key id (1 byte) | nonce (12) | ciphertext`; the column's name is authenticated with it, so
that a value moved to another column does not open. The first key of DATA_KEYS seals, every key opens.
"""

import hashlib
import hmac
import re
import secrets

import sqlalchemy as sa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy.engine import Dialect

from backend.config import config

# A mainland mobile or landline number in the ways people write one; group 1 is without the country's 86.
PHONE = re.compile(r"(?<!\d)(?:\+?86[- ]?)?(1[3-9]\d(?:[- ]?\d{4}){2}|0\d{2,3}[- ]?\d{7,8})(?!\d)", re.ASCII)


def seal(text: str, column: str) -> bytes:
    return seal_bytes(text.encode(), column)


def seal_bytes(content: bytes, column: str) -> bytes:
    key_id, key = next(iter(config.data_keys.items()))
    nonce = secrets.token_bytes(12)
    return bytes([key_id]) + nonce + AESGCM(key).encrypt(nonce, content, column.encode())


def unseal(sealed: bytes, column: str) -> str:
    """Raises cryptography.exceptions.InvalidTag for another column's value, KeyError for a lost key."""
    return unseal_bytes(sealed, column).decode()


def unseal_bytes(sealed: bytes, column: str) -> bytes:
    """Raises as `unseal` does."""
    key = config.data_keys[sealed[0]]
    return AESGCM(key).decrypt(sealed[1:13], sealed[13:], column.encode())


def blind_index(text: str) -> bytes:
    """A keyed hash for looking a value up without storing it readable (32 bytes)."""
    oldest = config.data_keys[min(config.data_keys)]  # stays the same when a new sealing key is added
    return hmac.new(oldest, b"index:" + text.encode(), hashlib.sha256).digest()


class Sealed(sa.types.TypeDecorator[str]):
    """A text column that is encrypted in the database. `name` is table.column."""

    impl = sa.LargeBinary
    cache_ok = True

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        return None if value is None else seal(value, self.name)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:
        return None if value is None else unseal(value, self.name)


def mask_phone(phone: str) -> str:
    return f"{phone[:3]}****{phone[-4:]}" if len(phone) >= 8 else "****"


def mask_phones(text: str) -> str:
    """The text with every telephone number in it masked, for those who need not call."""
    return PHONE.sub(lambda found: mask_phone(found.group(1)), text)
