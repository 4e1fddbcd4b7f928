"""The codec against published vectors and against wechatpy."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from wechatpy.crypto import WeChatCrypto

from tests.sandbox.conftest import AES_KEY, APP_ID, TOKEN
from wechat_sandbox import codec

VECTORS = Path(__file__).parents[3] / "shared" / "data" / "wechat_vectors.json"


def vectors(*kinds: str) -> list[Any]:
    """The official-account vectors of these kinds; one skipped case when the file is not here."""
    if not VECTORS.exists():
        return [pytest.param({}, marks=pytest.mark.skip(f"the vectors are not on this machine: {VECTORS}"))]
    found = [one for one in json.loads(VECTORS.read_text()) if one["kind"] in kinds]
    return [pytest.param(one, id=one["id"]) for one in found]


@pytest.mark.parametrize("vector", vectors("sig", "dec", "enc"))
def test_published_signatures_are_reproduced(vector: dict[str, str]) -> None:
    plain = [vector[name] for name in ("token", "timestamp", "nonce") if name in vector]
    sealed = [*plain, vector["encrypt"]] if "encrypt" in vector else plain
    if "msg_signature" in vector:
        assert codec.sign(*sealed) == vector["msg_signature"]
    if "signature" in vector:
        assert codec.sign(*(sealed if vector["kind"] == "sig" else plain)) == vector["signature"]


@pytest.mark.parametrize("vector", vectors("dec", "enc"))
def test_published_messages_are_read_and_written_byte_for_byte(vector: dict[str, str]) -> None:
    key, app_id = vector["aeskey"], vector["appid"]

    assert codec.decrypt(key, app_id, vector["encrypt"]) == vector["msg"]
    assert codec.encrypt(key, app_id, vector["msg"], vector["random"]) == vector["encrypt"]


def test_wechatpy_reads_what_the_codec_writes() -> None:
    encrypted = codec.encrypt(AES_KEY, APP_ID, "楼道灯坏了")
    signature = codec.sign(TOKEN, "1700000000", "12", encrypted)

    read = WeChatCrypto(TOKEN, AES_KEY, APP_ID).decrypt_message(
        {"Encrypt": encrypted}, signature, "1700000000", "12"
    )

    assert read == "楼道灯坏了"


def test_a_foreign_app_id_is_refused() -> None:
    encrypted = codec.encrypt(AES_KEY, "wx0000000000000000", "text")

    with pytest.raises(codec.CodecError, match="app id"):
        codec.decrypt(AES_KEY, APP_ID, encrypted)


def test_padding_that_is_not_pkcs7_is_refused() -> None:
    encrypted = codec.encrypt(AES_KEY, APP_ID, "text", padded=False)

    with pytest.raises(codec.CodecError, match="padding"):
        codec.decrypt(AES_KEY, APP_ID, encrypted)


def test_padding_bytes_that_disagree_are_refused() -> None:
    body = b"0" * 16 + b"\0\0\0\4text" + APP_ID.encode()
    count = 64 - len(body)
    key = codec.decode_key(AES_KEY)
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    sealed = encryptor.update(body + b"x" * (count - 1) + bytes([count])) + encryptor.finalize()

    with pytest.raises(codec.CodecError, match="padding"):
        codec.decrypt(AES_KEY, APP_ID, base64.b64encode(sealed).decode())


@pytest.mark.parametrize("encrypted", ["", "not base64!", "QUJD"])
def test_what_is_not_an_encrypted_message_is_refused(encrypted: str) -> None:
    with pytest.raises(codec.CodecError):
        codec.decrypt(AES_KEY, APP_ID, encrypted)


@pytest.mark.parametrize("key", ["", "short", AES_KEY + "x"])
def test_a_key_of_the_wrong_length_is_refused(key: str) -> None:
    with pytest.raises(codec.CodecError, match="EncodingAESKey"):
        codec.decode_key(key)
