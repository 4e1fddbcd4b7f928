"""How a call that carries an access token is made, counted and understood; client.py says what is asked.

wechatpy builds and reads them. It never retries by itself (1.8.18 would do so without end); a refused token
is renewed once and the call repeated once.
"""

import threading
from collections.abc import Callable
from typing import Any, TypeVar

import requests
from wechatpy import WeChatClient
from wechatpy.exceptions import WeChatClientException

from backend.wechat import quotas, tokens, transport
from backend.wechat.codes import Fate, ProviderError, failed, unreachable

Answer = dict[str, Any]
T = TypeVar("T")


def post(app: tokens.App, path: str, document: Answer) -> Answer:
    """Counted, if the path has a quota of its own; one that is used up is not tried again today."""
    quotas.count(app.app_id, f"/cgi-bin/{path}")
    return with_token(app, lambda token: _post_with(app, token, path, document))


def _post_with(app: tokens.App, token: str, path: str, document: Answer) -> Answer:
    try:
        return _ask(app, token, lambda client: client.post(path, data=document))
    except ProviderError as error:
        if error.errcode == quotas.USED_UP:
            quotas.close(app.app_id, f"/cgi-bin/{path}")
        raise


def get(app: tokens.App, path: str) -> Answer:
    return call(app, lambda client: client.get(path))


def call(app: tokens.App, ask: Callable[[Any], Any]) -> Answer:
    return with_token(app, lambda token: _ask(app, token, ask))


def with_token(app: tokens.App, ask: Callable[[str], T]) -> T:
    """Ask; if the token is refused, renew it once and ask once more."""
    token = tokens.get(app)
    try:
        return ask(token)
    except ProviderError as error:
        fresh = tokens.renew(app, token) if error.fate is Fate.TOKEN else None
        if fresh is None:
            raise
    return ask(fresh)


def _ask(app: tokens.App, token: str, ask: Callable[[Any], Any]) -> Answer:
    client = _client(app)
    client.session.set(client.access_token_key, token)
    try:
        answer = ask(client)
    except requests.RequestException as error:
        raise transport.no_answer(error) from None
    except WeChatClientException as error:
        if error.errcode is None:
            raise unreachable("微信接口出错", uncertain=True) from None
        raise failed(error.errcode, error.errmsg) from None
    except (TypeError, ValueError):  # an errcode that is no number
        raise unreachable("微信接口的回答不完整", uncertain=True) from None
    if not isinstance(answer, dict):  # wechatpy hands over what is not JSON as it is
        raise unreachable("微信接口的回答不完整", uncertain=True)
    return answer


_local = threading.local()


def _client(app: tokens.App) -> Any:
    """This thread's wechatpy client for the app; it keeps connections, never tokens of its own."""
    clients: dict[str, Any] = _local.__dict__.setdefault("clients", {})
    if app.app_id not in clients:
        client = WeChatClient(app.app_id, app.app_secret, timeout=transport.TIMEOUT, auto_retry=False)
        transport.mount(client._http)
        clients[app.app_id] = client
    return clients[app.app_id]
