"""Signatures and AES of the callback, written from WeChat's document on message encryption."""

import base64
import binascii
import hashlib
import hmac
import secrets
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK = 32


class CodecError(Exception):
    """Something that a correct partner never sends; the text says what."""


def sign(*parts: str) -> str:
    """sha1 over the sorted parts joined without a separator, in lower-case hex."""
    return hashlib.sha1("".join(sorted(parts)).encode()).hexdigest()


def decode_key(aes_key: str) -> bytes:
    """The 32 bytes of a 43-character EncodingAESKey; anything else is a CodecError."""
    if len(aes_key) != 43:
        raise CodecError("EncodingAESKey must have 43 characters")
    try:
        return base64.b64decode(aes_key + "=", validate=True)
    except binascii.Error as error:
        raise CodecError("EncodingAESKey is not base64") from error


def pad(content: bytes) -> bytes:
    """PKCS#7 with blocks of 32: 1 to 32 bytes, each holding their number."""
    count = BLOCK - len(content) % BLOCK
    return content + bytes([count]) * count


def encrypt(
    aes_key: str, app_id: str, message: str, random16: str | None = None, *, padded: bool = True
) -> str:
    """Base64 of AES-256-CBC over random16 + length + message + app id.

    `padded=False` fills the last block with zeros: what a broken sender would do.
    """
    body = message.encode()
    head = (random16 or secrets.token_hex(8)).encode()
    plain = head + struct.pack(">I", len(body)) + body + app_id.encode()
    plain = pad(plain) if padded else plain + bytes(BLOCK - len(plain) % BLOCK)
    key = decode_key(aes_key)
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    return base64.b64encode(encryptor.update(plain) + encryptor.finalize()).decode()


def decrypt(aes_key: str, app_id: str, encrypted: str) -> str:
    """The message inside; padding, length, text and app id must all be right, else CodecError."""
    plain = _unpad(_decrypt_blocks(aes_key, encrypted))
    if len(plain) < 20:
        raise CodecError("the decrypted content is shorter than its head")
    length = struct.unpack(">I", plain[16:20])[0]
    message, owner = plain[20 : 20 + length], plain[20 + length :]
    if len(message) != length or owner != app_id.encode():
        raise CodecError("the app id inside the encrypted content is not this app's")
    try:
        return message.decode()
    except UnicodeDecodeError as error:
        raise CodecError("the decrypted content is not UTF-8") from error


def same(left: str, right: str) -> bool:
    """Compare two signatures in constant time."""
    return hmac.compare_digest(left.encode(), right.encode())


def _decrypt_blocks(aes_key: str, encrypted: str) -> bytes:
    try:
        blocks = base64.b64decode(encrypted, validate=True)
    except (binascii.Error, ValueError) as error:
        raise CodecError("Encrypt is not base64") from error
    if not blocks or len(blocks) % 16:
        raise CodecError("Encrypt is not a whole number of AES blocks")
    key = decode_key(aes_key)
    decryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).decryptor()
    return decryptor.update(blocks) + decryptor.finalize()


def _unpad(plain: bytes) -> bytes:
    count = plain[-1]
    if not 1 <= count <= BLOCK or plain[-count:] != bytes([count]) * count:
        raise CodecError("the padding is not PKCS#7 with blocks of 32")
    return plain[:-count]
