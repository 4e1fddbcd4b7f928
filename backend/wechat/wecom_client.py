"""Calls to WeCom: cards to officers, the update of a card, and who stands behind a login code.

wechatpy builds and reads the calls; tokens and the way to the platform are those of calls.py.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import requests
from wechatpy.enterprise import WeChatClient
from wechatpy.exceptions import WeChatClientException

from backend.config import WECHAT, config
from backend.wechat import calls, transport
from backend.wechat.accounts import WeCom
from backend.wechat.codes import unreachable
from backend.wechat.wecom_codes import NOT_REACHED, failed

Answer = dict[str, Any]
REPEAT_SECONDS = 4 * 3600  # the longest for which WeCom knows a message again


def send(app: WeCom, userid: str, message: Mapping[str, Any]) -> str | None:
    """Send a message (`msgtype` and its content) to one member; returns the msgid, if there is one.

    The same content to the same member within REPEAT_SECONDS is shown once. That WeCom does the same for a
    card with a task_id that was sent before is our assumption: nothing here relies on it.
    """
    once = {"enable_duplicate_check": 1, "duplicate_check_interval": REPEAT_SECONDS}
    wanted = dict(message) | once
    answer = _call(app, lambda wecom: wecom.message.send(int(app.agent_id), userid, msg=wanted))
    if answer.get("invaliduser") or answer.get("unlicenseduser"):
        raise failed(NOT_REACHED)
    return str(answer.get("msgid") or "") or None


def close_button(app: WeCom, userids: Sequence[str], response_code: str, words: str) -> None:
    """Put words in the place of a card's button, which ends it. A code is good once, for 72 hours."""
    document = {
        "userids": list(userids),
        "agentid": int(app.agent_id),
        "response_code": response_code,
        "button": {"replace_name": words},
    }
    _call(app, lambda wecom: wecom.post("message/update_template_card", data=document))


def authorize_url(app: WeCom, redirect_uri: str, state: str) -> str:
    """Where a page opened in WeCom sends the browser to learn which member is there."""
    base = "https://open.weixin.qq.com" if config.wechat_api_base == WECHAT else config.wechat_api_base
    query = {
        "appid": app.corp_id,
        "redirect_uri": redirect_uri,
        "response_type": "code",
        "scope": "snsapi_base",
        "state": state,
        "agentid": app.agent_id,
    }
    return f"{base}/connect/oauth2/authorize?{urlencode(query)}#wechat_redirect"


def exchange_code(app: WeCom, code: str) -> str:
    """The userid for whom the code of an authorized page stands; a code is good once, for five minutes."""
    answer = _call(app, lambda wecom: wecom.get("auth/getuserinfo", params={"code": code}))
    userid = answer.get("userid")
    if not isinstance(userid, str) or not userid:  # somebody from outside the corporation
        raise failed(60111)
    return userid


def _call(app: WeCom, ask: Callable[[Any], Any]) -> Answer:
    return calls.with_token(app, lambda token: _ask(app, token, ask))


def _ask(app: WeCom, token: str, ask: Callable[[Any], Any]) -> Answer:
    wecom = _client(app)
    wecom.session.set(wecom.access_token_key, token)
    try:
        answer = ask(wecom)
    except requests.RequestException as error:
        raise transport.no_answer(error) from None
    except WeChatClientException as error:
        if error.errcode is None:
            raise unreachable("企业微信接口出错", uncertain=True) from None
        raise failed(error.errcode) from None
    except (TypeError, ValueError):  # an errcode that is no number
        raise unreachable("企业微信接口的回答不完整", uncertain=True) from None
    if not isinstance(answer, dict):  # wechatpy hands over what is not JSON as it is
        raise unreachable("企业微信接口的回答不完整", uncertain=True)
    return answer


_local = threading.local()


def _client(app: WeCom) -> Any:
    """This thread's wechatpy client for the application; it keeps connections, never tokens of its own."""
    clients: dict[str, Any] = _local.__dict__.setdefault("clients", {})
    if app.app_id not in clients:
        made = WeChatClient(app.corp_id, app.secret, timeout=transport.TIMEOUT, auto_retry=False)
        transport.mount(made._http)
        clients[app.app_id] = made
    return clients[app.app_id]
