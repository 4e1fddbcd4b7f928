"""Known vectors of WeChat's own documents and of other SDKs, and what they leave open."""

import base64
import json
from pathlib import Path

import pytest

from backend.wechat import codec
from backend.wechat.codec import Box, Malformed

FILE = Path(__file__).parents[3] / "shared" / "data" / "wechat_vectors.json"
VECTORS = json.loads(FILE.read_text()) if FILE.exists() else []
needs_vectors = pytest.mark.skipif(not VECTORS, reason=f"{FILE.name} is not beside the project")
SEALED = [vector for vector in VECTORS if "encrypt" in vector and "aeskey" in vector]

KEY, APP = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG", "wxb11529c136998cb6"


def named(vectors):
    return pytest.mark.parametrize("vector", vectors, ids=[vector["id"] for vector in vectors])


@needs_vectors
def test_all_kinds_of_vectors_are_there():
    assert len(SEALED) >= 8
    assert {vector["kind"] for vector in VECTORS} == {"sig", "enc", "dec"}


@needs_vectors
@named([vector for vector in VECTORS if "signature" in vector or "msg_signature" in vector])
def test_signatures_are_what_the_document_says(vector):
    parts = [vector["token"], vector["timestamp"], vector["nonce"]]
    if "msg_signature" in vector:
        assert codec.is_signed(vector["msg_signature"], *parts, vector["encrypt"])
    elif "encrypt" in vector:
        assert codec.is_signed(vector["signature"], *parts, vector["encrypt"])
    else:
        assert codec.is_signed(vector["signature"], *parts)


@needs_vectors
@named(SEALED)
def test_ciphertexts_open_and_are_sealed_again_byte_for_byte(vector):
    box = Box(vector["aeskey"], vector["appid"])
    message = box.open(vector["encrypt"]).decode()
    assert message == vector["msg"]
    assert box.seal(message, vector["random"].encode()) == vector["encrypt"]


def test_another_accounts_message_does_not_open():
    with pytest.raises(Malformed, match="another account"):
        Box(KEY, "wx0000000000000000").open(Box(KEY, APP).seal("你好"))


@pytest.mark.parametrize("sealed", ["", "====", "abc", "A" * 64, base64.b64encode(b"x" * 33).decode()])
def test_broken_ciphertexts_are_refused(sealed):
    with pytest.raises(Malformed):
        Box(KEY, APP).open(sealed)


def test_padding_that_does_not_agree_with_itself_is_refused():
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    key = base64.b64decode(KEY + "=")
    plain = b"0123456789abcdef" + (3).to_bytes(4, "big") + b"abc" + APP.encode() + b"\x01\x02\x03\x04\x03"
    plain += b"\x05" * (-len(plain) % 32)
    plain = plain[:-2] + b"\x01\x05"
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    sealed = base64.b64encode(encryptor.update(plain) + encryptor.finalize())
    with pytest.raises(Malformed, match="padding"):
        Box(KEY, APP).open(sealed)


def test_entities_are_never_defined():
    with pytest.raises(Malformed, match="document type"):
        codec.read_xml(b"<!DOCTYPE x [<!ENTITY a 'aaaa'>]><xml><b>&a;</b></xml>")


@pytest.mark.parametrize("text", ["]]>", "a]]>b]]>", "]]]]>>", "<b>&amp;</b>", "😀\n“引号”"])
def test_a_reply_reads_back_as_what_was_written(text):
    fields = codec.read_xml(codec.text_reply("o1", "gh_1", 1, text).encode())
    assert (fields["Content"], fields["MsgType"]) == (text, "text")
