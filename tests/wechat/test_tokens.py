"""Access tokens: one fetch for everybody, one renewal for a refusal, and no storm."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from backend.broker import redis_client
from backend.config import config
from backend.wechat import tokens
from backend.wechat.codes import Fate, ProviderError
from tests.weixin import card, cards

TOKEN, SEND = "/cgi-bin/stable_token", "/cgi-bin/message/template/send"


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


RACE = """
import os, sys
from backend.config import config
from backend.wechat import accounts, tokens

account = accounts.get("demo")
start_read, start_write = os.pipe()
told_read, told_write = os.pipe()
for _ in range(20):
    if os.fork() == 0:
        os.close(start_write)
        os.read(start_read, 1)  # until all stand at the line
        os.write(told_write, (tokens.get(account)[:32] + "\\n").encode())
        os._exit(0)
os.close(start_write)
for _ in range(20):
    os.wait()
os.close(told_write)
print(os.read(told_read, 65536).decode(), flush=True)
os._exit(0)  # as the children: nothing of this program is to be ended in good order
"""


def test_twenty_processes_without_a_token_make_one_fetch(account, weixin):
    weixin.faults(api=[{"path": TOKEN, "delay_ms": 300}])
    env = os.environ | {"REDIS_URL": config.redis_url, "WECHAT_API_BASE": weixin.url}
    ran = subprocess.run(
        [sys.executable, "-c", RACE], env=env, capture_output=True, text=True, check=True, timeout=60
    )
    assert len(ran.stdout.split()) == 20
    assert len(set(ran.stdout.split())) == 1
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
