"""Answers that are late, cut off, or none: what a call makes of them, and what it must not tell."""

import traceback
from types import SimpleNamespace

import pytest

from backend.config import config
from backend.wechat import calls, client, tokens
from backend.wechat.codes import Fate, ProviderError
from tests.weixin import answering, card, http

SEND = "/cgi-bin/message/template/send"

ENDINGS = {
    "html": http(b"<html>busy</html>", kind="text/html"),
    "half": http(b'{"errcode":0,"ms', length=400),
    "cut": http(b'{"errcode":0,"ms'),
    "list": http(b"[]"),
    "502": http(b"<html>bad gateway</html>", "502 Bad Gateway"),
    "nothing": b"",
    "words": http(b'{"errcode":"busy"}'),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_spoilt_answer_is_transient_and_may_have_had_its_effect(account, phone, ending):
    tokens.get(account)
    with answering(ENDINGS[ending]), pytest.raises(ProviderError) as lost:
        card(account, phone)
    assert (lost.value.fate, lost.value.uncertain) == (Fate.TRANSIENT, True)
    if ending != "words":
        with answering(ENDINGS[ending]), pytest.raises(ProviderError) as lost:
            client.exchange_code(account, "code")
        assert (lost.value.fate, lost.value.uncertain) == (Fate.TRANSIENT, True)


@pytest.mark.parametrize("said", [b'{"errcode":0}', b'{"errcode":0,"msgid":""}', b'{"errcode":0,"msgid":0}'])
def test_a_message_without_an_id_has_none(account, phone, said):
    tokens.get(account)
    with answering(http(said)):
        assert card(account, phone) is None


def test_a_late_answer_is_transient(account, phone, weixin, monkeypatch):
    monkeypatch.setattr(client.transport, "TIMEOUT", (1.0, 0.3))
    calls._local.__dict__.clear()
    tokens.get(account)
    weixin.faults(api=[{"path": SEND, "delay_ms": 1200}])
    with pytest.raises(ProviderError, match="超时") as lost:
        card(account, phone)
    calls._local.__dict__.clear()
    assert (lost.value.fate, lost.value.uncertain) == (Fate.TRANSIENT, True)


def test_a_platform_that_is_away_certainly_did_nothing(account, phone):
    tokens.get(account)
    with answering(b""):
        closed = config.wechat_api_base
    object.__setattr__(config, "wechat_api_base", closed)
    for act in (lambda: card(account, phone), lambda: client.exchange_code(account, "code")):
        with pytest.raises(ProviderError) as lost:
            act()
        assert (lost.value.fate, lost.value.uncertain) == (Fate.TRANSIENT, False)


@pytest.mark.parametrize("act", [
    lambda a: tokens.get(a),
    lambda a: client.exchange_code(a, "secret-code"),
    lambda a: client.code_to_session(a, "secret-code"),
    lambda a: client.send_text(a, "openid", "words"),
    lambda a: client.download_media(a, "media"),
])  # fmt: skip
@pytest.mark.parametrize("ending", ["html", "half", "nothing"])
def test_no_failure_tells_a_secret(account, act, ending, caplog):
    secret = SimpleNamespace(**{**vars(account), "app_secret": "S3CR3TS3CR3TS3CR3T"})
    caplog.set_level("DEBUG")
    with answering(ENDINGS[ending]), pytest.raises(ProviderError) as lost:
        act(secret)
    told = "".join(traceback.format_exception(lost.value)) + caplog.text
    assert "S3CR3T" not in told
    assert "secret-code" not in told.replace('"secret-code"', "")  # the test's own line stands in the trace
    assert "access_token=" not in told


def test_a_film_that_lies_elsewhere_is_not_fetched(account):
    tokens.get(account)
    with answering(http(b'{"video_url":"http://10.0.0.1/film"}')), pytest.raises(ProviderError, match="素材"):
        client.download_media(account, "media")
