"""HTTP to WeChat: one session per thread, short time-outs, and no address or secret in any error.

`WECHAT_API_BASE` names another platform (the sandbox); its requests are rewritten below every library.
"""

import json
import logging
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter
from requests.exceptions import SSLError
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from backend.config import WECHAT, config
from backend.errors import TooLarge
from backend.wechat.codes import ProviderError, failed, unreachable

WECOM = "https://qyapi.weixin.qq.com"
HOSTS = (WECHAT, "https://mp.weixin.qq.com", "https://open.weixin.qq.com", WECOM)
TIMEOUT = (3.05, 8.0)  # seconds to connect, and to wait for each piece of the answer
LONGEST = 20.0  # seconds for a whole answer, however slowly it drips
ANSWER_BYTES = 1024 * 1024

# urllib3 writes whole addresses at DEBUG, and WeChat's carry tokens and secrets.
logging.getLogger("urllib3").setLevel(logging.INFO)


class _Platform(HTTPAdapter):
    """Sends what is meant for WeChat's hosts to the platform that WECHAT_API_BASE names, if it is another."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        if config.wechat_api_base != WECHAT:
            there, asked = urlsplit(config.wechat_api_base), urlsplit(request.url or "")
            request.url = urlunsplit((there.scheme, there.netloc, there.path + asked.path, asked.query, ""))
        return super().send(request, *args, **kwargs)


def mount(session: requests.Session) -> requests.Session:
    """Lead this session's requests to the platform of this deployment, by the proxies that the environment
    names; it is read here once, for requests would read it again for every call."""
    for host in HOSTS:
        session.mount(host, _Platform())
    found = session.merge_environment_settings(config.wechat_api_base, {}, None, None, None)
    session.proxies, session.verify, session.trust_env = found["proxies"], found["verify"], False
    return session


_local = threading.local()


def _session() -> requests.Session:
    if not hasattr(_local, "session"):
        _local.session = mount(requests.Session())
    session: requests.Session = _local.session
    return session


def no_answer(error: requests.RequestException) -> ProviderError:
    """What a failed exchange means. Only a connection that never stood is certain to have had no effect."""
    cause = getattr(error.args[0] if error.args else None, "reason", None)
    never_stood = isinstance(cause, (NewConnectionError, ConnectTimeoutError)) or isinstance(error, SSLError)
    reason = "微信接口超时" if isinstance(error, requests.Timeout) else "连不上微信接口"
    return unreachable(reason, uncertain=not never_stood)


def exchange(method: str, url: str, *, most: int = ANSWER_BYTES, **request: Any) -> tuple[bytes, str]:
    """One request; returns body and content type. Raises ProviderError, or TooLarge beyond `most` bytes."""
    try:
        with _session().request(method, url, timeout=TIMEOUT, stream=True, **request) as response:
            if response.status_code != 200:
                raise unreachable(f"微信接口返回 HTTP {response.status_code}", uncertain=True)
            return _read(response, most), response.headers.get("Content-Type", "")
    except requests.RequestException as error:
        raise no_answer(error) from None


def _read(response: requests.Response, most: int) -> bytes:
    body, end = bytearray(), time.monotonic() + LONGEST
    for piece in response.iter_content(64 * 1024):
        body += piece
        if len(body) > most:
            raise TooLarge()
        if time.monotonic() > end:
            raise unreachable("微信接口超时", uncertain=True)
    return bytes(body)


def answered(body: bytes, refused: Callable[[int, object], ProviderError] = failed) -> dict[str, Any]:
    """The JSON object of an answer, whatever its content type says; raises ProviderError for a refusal."""
    try:
        answer = json.loads(body)
    except ValueError:
        raise unreachable("微信接口的回答不完整", uncertain=True) from None
    if not isinstance(answer, dict):
        raise unreachable("微信接口的回答不完整", uncertain=True)
    if isinstance(answer.get("errcode"), int) and answer["errcode"] != 0:
        raise refused(answer["errcode"], answer.get("errmsg"))
    return answer
