"""Calls to the platform: what they do there, and what every sort of failure becomes."""

import socket
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest

from backend.broker import redis_client
from backend.config import config
from backend.errors import TooLarge
from backend.notify.messages import Choice, Message
from backend.wechat import accounts, client, tokens
from backend.wechat.codes import CODES, Fate, ProviderError, failed
from tests.accounts import template_id
from tests.weixin import register

TEMPLATE = template_id("demo", Message.CASE_ASSIGNED)
SLOTS = {
    "character_string1": "261121483920",
    "thing2": "玉兰苑东门",
    "phrase3": "待签收",
    "time4": "2026年11月21日 18:30",
}
TOKEN, SEND = "/cgi-bin/stable_token", "/cgi-bin/message/template/send"


@pytest.fixture
def account(weixin):
    return accounts.get("demo")


@pytest.fixture
def phone(weixin, account):
    phone = weixin.user("li", app_id=account.app_id)
    phone.follow()
    return phone


def card(account, phone, client_id="1", **changes):
    given = {"template_id": TEMPLATE, "data": SLOTS, "url": "http://example.test/c/1"} | changes
    return client.send_template(account, phone.openid(), client_msg_id=client_id, **given)


def cards(phone):
    return [message for message in phone.inbox() if message["type"] == "template"]


@contextmanager
def answering(answer):
    """A server that answers every request with these bytes, in the place of WeChat."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_answer_all, args=(server, answer), daemon=True)
        thread.start()
        before = config.wechat_api_base
        object.__setattr__(config, "wechat_api_base", f"http://127.0.0.1:{server.getsockname()[1]}")
        try:
            yield
        finally:
            object.__setattr__(config, "wechat_api_base", before)
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def _answer_all(server, answer):
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection:
            connection.recv(65536)
            connection.sendall(answer)


def http(body, status="200 OK", length=None, kind="application/json"):
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length or len(body)}\r\n"
    return (head + "Connection: close\r\n\r\n").encode() + body


def test_a_template_message_arrives_as_a_card_and_its_id_is_text(account, phone):
    provider_id = card(account, phone)
    assert int(provider_id) > 2**53
    [shown] = cards(phone)
    assert {row["value"] for row in shown["card"]["rows"]} == set(SLOTS.values())
    assert phone.tap(shown) == {"open": "http://example.test/c/1"}


def test_the_same_client_id_is_one_card(account, phone):
    assert card(account, phone) == card(account, phone)
    assert len(cards(phone)) == 1
    card(account, phone, client_id="2")
    assert len(cards(phone)) == 2


def test_text_goes_out_with_real_characters(account, phone, weixin):
    phone.send_text("在吗", wait=False)
    client.send_text(account, phone.openid(), "您反映的事情已受理 🙂")
    weixin.settings(refuse_escaped_json=True)
    client.send_text(account, phone.openid(), "还有一句")
    assert [m["content"] for m in phone.inbox() if m["from"] == "account"][-2:] == [
        "您反映的事情已受理 🙂",
        "还有一句",
    ]


def test_a_menu_message_can_be_tapped(account, phone):
    phone.send_text("在吗", wait=False)
    choices = (Choice("survey:1:solved", "1 已解决"), Choice("survey:1:unsolved", "2 没有解决"))
    client.send_menu(account, phone.openid(), "解决了吗？", choices, "谢谢")
    shown = phone.inbox()[-1]
    assert [line["id"] for line in shown["items"]] == ["survey:1:solved", "survey:1:unsolved"]


@pytest.mark.parametrize(
    ("act", "errcode", "fate"),
    [
        (lambda a, p: client.send_text(a, p.openid(), "没有窗口"), 45015, Fate.WINDOW),
        (lambda a, p: card(a, p, template_id="nothing"), 40037, Fate.TEMPLATE),
        (lambda a, p: card(a, p, data=SLOTS | {"phrase3": "No.1"}), 47003, Fate.TEMPLATE),
        (lambda a, p: client.send_template(a, "nobody", TEMPLATE, SLOTS, "", "1"), 40003, Fate.PERMANENT),
        (lambda a, p: client.exchange_code(a, "made-up"), 40029, Fate.PERMANENT),
        (lambda a, p: client.download_media(a, "made-up"), 40007, Fate.PERMANENT),
    ],
)
def test_a_refusal_carries_its_code_and_fate(account, phone, weixin, act, errcode, fate):
    weixin.clock(60 * 5)  # the window that following opened is over
    with pytest.raises(ProviderError) as refused:
        act(account, phone)
    assert (refused.value.errcode, refused.value.fate) == (errcode, fate)
    assert CODES[errcode][1] in refused.value.reason


def test_a_refused_slot_is_named(account, phone):
    with pytest.raises(ProviderError, match=r"data\.phrase3\.value"):
        card(account, phone, data=SLOTS | {"phrase3": "No.1"})


def test_whoever_left_is_not_following(account, phone):
    phone.unfollow(wait=False)
    with pytest.raises(ProviderError) as refused:
        card(account, phone)
    assert refused.value.fate is Fate.NOT_FOLLOWING


def test_a_code_nobody_knows_may_pass_by_itself():
    assert failed(123456).fate is Fate.TRANSIENT


def test_twenty_threads_without_a_token_make_one_fetch(account, weixin):
    start = threading.Barrier(20)

    def get(_):
        start.wait()
        return tokens.get(account)

    weixin.faults(api=[{"path": TOKEN, "delay_ms": 300}])
    with ThreadPoolExecutor(20) as pool:
        found = set(pool.map(get, range(20)))
    assert len(found) == 1
    assert len(weixin.calls(TOKEN)) == 1


def test_the_stored_token_ends_before_wechats_own(account, weixin):
    token = tokens.get(account)
    assert 0 < redis_client().ttl(f"wechat:token:{account.app_id}") <= 7200 - tokens.MARGIN
    weixin.clock(7200 - 400)
    redis_client().flushall()
    assert tokens.get(account) == token
    assert redis_client().ttl(f"wechat:token:{account.app_id}") <= 400 - tokens.MARGIN


def test_a_token_that_ended_is_renewed_once_and_the_call_repeated(account, phone, weixin):
    card(account, phone)
    weixin.clock(7200)
    card(account, phone, client_id="2")
    assert len(cards(phone)) == 2
    assert [call["errcode"] for call in weixin.calls(SEND)] == [0, 42001, 0]
    assert len(weixin.calls(TOKEN)) == 2


@pytest.mark.parametrize("errcode", [40001, 40014, 42001])
def test_a_lasting_refusal_of_tokens_ends_after_one_renewal(account, phone, weixin, errcode):
    weixin.faults(api=[{"path": SEND, "errcode": errcode}])
    with pytest.raises(ProviderError) as refused:
        card(account, phone)
    assert (refused.value.errcode, refused.value.fate) == (errcode, Fate.TOKEN)
    assert len(weixin.calls(SEND)) == 2
    assert len(weixin.calls(TOKEN)) == 2  # the first one, and one renewal


def test_a_storm_of_refused_tokens_makes_one_renewal(account, phone, weixin):
    tokens.get(account)
    weixin.faults(api=[{"path": SEND, "errcode": 40001}])
    start = threading.Barrier(16)

    def send(number):
        start.wait()
        with pytest.raises(ProviderError) as refused:
            card(account, phone, client_id=str(number))
        return refused.value.fate

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(send, range(16))) == {Fate.TOKEN}
    assert len(weixin.calls(TOKEN)) == 2
    assert len(weixin.calls(SEND)) <= 32


def test_only_the_stored_token_is_forgotten(account):
    token = tokens.get(account)
    assert tokens.forget(account, "an older one")
    assert tokens._stored(account) == token
    assert tokens.forget(account, token)
    assert tokens._stored(account) is None


@pytest.fixture
def no_redis():
    before = config.redis_url
    object.__setattr__(config, "redis_url", "redis://127.0.0.1:1/0")
    tokens._redis.cache_clear()
    yield
    object.__setattr__(config, "redis_url", before)
    tokens._redis.cache_clear()


def test_without_redis_each_process_keeps_its_own_token(account, phone, weixin, no_redis):
    card(account, phone)
    card(account, phone, client_id="2")
    assert len(cards(phone)) == 2
    assert len(weixin.calls(TOKEN)) == 1
    weixin.clock(7200)
    card(account, phone, client_id="3")
    assert len(weixin.calls(TOKEN)) == 2


def test_without_redis_a_lasting_refusal_ends_too(account, phone, weixin, no_redis):
    weixin.faults(api=[{"path": SEND, "errcode": 40001}])
    for client_id in ("1", "2"):
        with pytest.raises(ProviderError):
            card(account, phone, client_id=client_id)
    assert len(weixin.calls(TOKEN)) == 2
    assert len(weixin.calls(SEND)) == 3


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


def test_a_late_answer_is_transient(account, phone, weixin, monkeypatch):
    monkeypatch.setattr(client.transport, "TIMEOUT", (1.0, 0.3))
    client._local.__dict__.clear()
    tokens.get(account)
    weixin.faults(api=[{"path": SEND, "delay_ms": 1200}])
    with pytest.raises(ProviderError, match="超时") as lost:
        card(account, phone)
    client._local.__dict__.clear()
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


def test_a_login_code_tells_openid_and_unionid_once(account, phone, weixin):
    redirect = phone.authorize(client.authorize_url(account, "http://example.test/back?a=1&b=2", "state1"))
    back = parse_qs(urlsplit(redirect).query)
    assert back["state"] == ["state1"]
    identity = client.exchange_code(account, back["code"][0])
    assert identity.openid == phone.openid()
    assert identity.unionid == client.user_unionid(account, phone.openid())
    assert identity.unionid
    with pytest.raises(ProviderError) as used:
        client.exchange_code(account, back["code"][0])
    assert used.value.errcode == 40163


def test_the_address_of_a_login_encodes_everything(account):
    url = client.authorize_url(account, "http://x.test/a b?c=1&d=2", "st&te")
    assert "state=st%26te#wechat_redirect" in url
    assert "redirect_uri=http%3A%2F%2Fx.test%2Fa+b%3Fc%3D1%26d%3D2&" in url


def test_a_mini_program_login_needs_no_access_token(account, phone, weixin):
    mini = account.mini_program.app_id
    identity = client.code_to_session(account, phone.js_code(mini))
    assert identity.openid == phone.openid(mini)
    assert weixin.calls(TOKEN) == []


def test_a_place_code_leads_back_to_the_account(account, phone, weixin):
    ticket, url = client.create_qrcode(account, "玉兰苑")
    assert url.startswith("http://weixin.qq.com/q/")
    picture = client.qrcode_picture(ticket)
    assert picture[:2] == b"\xff\xd8"
    [code] = weixin.codes()
    assert (code["scene"], code["permanent"]) == ("玉兰苑", True)
    client.create_qrcode(account, "once", seconds=600)
    assert weixin.codes()[-1]["permanent"] is False


def test_a_picture_that_never_was_is_an_error(weixin):
    with pytest.raises(ProviderError):
        client.qrcode_picture("made-up")


def test_media_are_fetched_with_their_type_and_no_more_than_wanted(account, phone):
    media_id = phone.send_image(wait=False)["message"]["media_id"]
    content, kind = client.download_media(account, media_id)
    assert content[:2] == b"\xff\xd8"
    assert kind.startswith("image/")
    with pytest.raises(TooLarge):
        client.download_media(account, media_id, most=100)


def test_a_film_is_fetched_from_where_wechat_points(account, phone):
    media_id = phone.send("video", wait=False)["message"]["media_id"]
    content, _ = client.download_media(account, media_id)
    assert b"ftyp" in content


def test_a_film_that_lies_elsewhere_is_not_fetched(account):
    tokens.get(account)
    with answering(http(b'{"video_url":"http://10.0.0.1/film"}')), pytest.raises(ProviderError, match="素材"):
        client.download_media(account, "media")


def test_media_survive_a_token_that_ended(account, phone, weixin):
    media_id = phone.send_image(wait=False)["message"]["media_id"]
    tokens.get(account)
    weixin.clock(7200)
    assert client.download_media(account, media_id)[0]


def test_one_consent_is_one_subscription_message(account, phone, weixin):
    mini = account.mini_program
    document = {"template_id": "M1", "title": "进度", "keywords": {"phrase3": "状态"}}
    register(weixin, account)
    weixin.app(
        app_id=mini.app_id, app_secret=mini.app_secret, kind="mini_program", name="demo",
        original_id="gh_mini", templates=[document],
    )  # fmt: skip
    phone.subscribe_message(["M1"], mini.app_id)
    openid = phone.openid(mini.app_id)
    assert client.send_subscribe(mini, openid, "M1", {"phrase3": "已办结"}, "pages/cases/cases")
    with pytest.raises(ProviderError) as refused:
        client.send_subscribe(mini, openid, "M1", {"phrase3": "已办结"}, "pages/cases/cases")
    assert refused.value.fate is Fate.REFUSED
