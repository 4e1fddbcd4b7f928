"""Calls to WeChat: one function for each thing we ask of it, one error for all that can go wrong.

Those that carry an access token go through `calls`; what wechatpy lacks or does without time-outs (logins,
pictures, media) through `transport`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from backend.config import WECHAT, config
from backend.notify.messages import Choice
from backend.wechat import calls, tokens, transport
from backend.wechat.accounts import Account, MiniProgram
from backend.wechat.calls import Answer
from backend.wechat.codes import Fate, ProviderError, unreachable

PICTURES = "https://mp.weixin.qq.com"
MEDIA_BYTES = 20 * 1024 * 1024  # more than the platform lets anyone send


@dataclass(frozen=True)
class Identity:
    """Who a login code stands for at one app; a unionid only for apps of an Open Platform account."""

    openid: str
    unionid: str | None


def send_template(
    account: Account,
    openid: str,
    template_id: str,
    data: Mapping[str, str],
    url: str,
    client_msg_id: str,
    mini_program: Mapping[str, str] | None = None,
) -> str | None:
    """Send a template message; returns the msgid, if there is one. `data` is slot → value.

    Within ten minutes WeChat sends one card for the same openid and client_msg_id.
    """
    document: dict[str, Any] = {
        "touser": openid,
        "template_id": template_id,
        "url": url,
        "data": {slot: {"value": value} for slot, value in data.items()},
        "client_msg_id": client_msg_id,
    }
    if mini_program:
        document["miniprogram"] = dict(mini_program)
    return str(calls.post(account, "message/template/send", document).get("msgid") or "") or None


def send_text(account: Account, openid: str, content: str) -> None:
    """Write into the chat; only inside the customer-service window. At most 2,048 bytes."""
    _send(account, {"touser": openid, "msgtype": "text", "text": {"content": content}})


def send_menu(account: Account, openid: str, head: str, items: tuple[Choice, ...], tail: str) -> None:
    """Write a question whose answers can be tapped; a tap comes back as a text with the choice's id."""
    lines = [{"id": item.id, "content": item.text} for item in items]
    menu = {"head_content": head, "list": lines, "tail_content": tail}
    _send(account, {"touser": openid, "msgtype": "msgmenu", "msgmenu": menu})


def _send(account: Account, document: Answer) -> None:
    calls.post(account, "message/custom/send", document)


def send_subscribe(
    mini_program: MiniProgram, openid: str, template_id: str, data: Mapping[str, str], page: str
) -> str | None:
    """Send a subscription message of a mini program; each uses up one consent of the person."""
    return _subscribed(mini_program, "message/subscribe/send", openid, template_id, data, page)


def send_notice(
    account: Account, openid: str, template_id: str, data: Mapping[str, str], url: str
) -> str | None:
    """Send a subscription notice (订阅通知) of the account, also to one who does not follow it."""
    return _subscribed(account, "message/subscribe/bizsend", openid, template_id, data, url)


def _subscribed(
    app: tokens.App, path: str, openid: str, template_id: str, data: Mapping[str, str], page: str
) -> str | None:
    """What a person has allowed; returns the msgid, if there is one."""
    document = {
        "touser": openid,
        "template_id": template_id,
        "page": page,
        "data": {slot: {"value": value} for slot, value in data.items()},
    }
    return str(calls.post(app, path, document).get("msgid") or "") or None


def create_qrcode(account: Account, scene: str, seconds: int | None = None) -> tuple[str, str]:
    """A code with a scene (1-64 characters): (ticket, the text in the picture). Permanent without `seconds`.

    An account has 100,000 permanent codes for ever; a temporary one lasts at most 2,592,000 s.
    """
    document: dict[str, Any] = {
        "action_name": "QR_LIMIT_STR_SCENE" if seconds is None else "QR_STR_SCENE",
        "action_info": {"scene": {"scene_str": scene}},
    }
    if seconds is not None:
        document["expire_seconds"] = seconds
    answer = calls.post(account, "qrcode/create", document)
    return _field(answer, "ticket"), _field(answer, "url")


def create_menu(account: Account, buttons: Sequence[Mapping[str, Any]]) -> None:
    """Put this menu below the account's chat: at most 3 buttons, each with at most 5 below it."""
    calls.post(account, "menu/create", {"button": list(buttons)})


def private_templates(account: Account) -> list[Answer]:
    """The account's templates for template messages: template_id, title, content with {{thing1.DATA}}."""
    return _listed(calls.get(account, "template/get_all_private_template"), "template_list")


def subscription_templates(app: tokens.App) -> list[Answer]:
    """The templates that people allow, of a service account or a mini program: priTmplId, title, content."""
    return _listed(calls.get(app, f"{WECHAT}/wxaapi/newtmpl/gettemplate"), "data")


def quota(app: tokens.App, path: str) -> tuple[int, int]:
    """How often this path may be called in a day, and how often it was today, whoever called it."""
    told = calls.post(app, "openapi/quota/get", {"cgi_path": path}).get("quota")
    if not isinstance(told, dict):
        raise unreachable("微信接口的回答不完整", uncertain=True)
    return int(told.get("daily_limit", 0)), int(told.get("used", 0))


def _listed(answer: Answer, name: str) -> list[Answer]:
    found = answer.get(name)
    if not isinstance(found, list):
        raise unreachable("微信接口的回答不完整", uncertain=True)
    return [one for one in found if isinstance(one, dict)]


def qrcode_picture(ticket: str) -> bytes:
    """The picture (JPEG) of a code's ticket."""
    picture, kind = transport.exchange("GET", f"{PICTURES}/cgi-bin/showqrcode", params={"ticket": ticket})
    if not kind.startswith("image/"):
        raise unreachable("微信没有给出二维码图片", uncertain=False)
    return picture


def mini_program_code(account: Account, scene: str, page: str, *, width: int = 430) -> bytes:
    """The picture (JPEG or PNG) of a code that opens this page of the account's mini program with the scene.

    Any number of them, for ever, 5,000 a minute. `scene` is 1-32 letters, digits or !#$&'()*+,/:;=?@-._~ and
    the page one of the published version, without a leading slash; `width` is in pixels, 280-1280.
    """
    document = {"scene": scene, "page": page, "width": width}
    return calls.with_token(_mini_program(account), lambda token: _mini_program_code(token, document))


def _mini_program_code(token: str, document: Answer) -> bytes:
    asked = {"access_token": token}
    picture, kind = transport.exchange("POST", f"{WECHAT}/wxa/getwxacodeunlimit", params=asked, json=document)
    if kind.startswith("image/"):
        return picture
    transport.answered(picture)  # a refusal is JSON
    raise unreachable("微信没有给出小程序码", uncertain=False)


def download_media(account: Account, media_id: str, most: int = MEDIA_BYTES) -> tuple[bytes, str]:
    """What a user sent: content and its declared type. WeChat keeps it for three days.

    Raises ProviderError, or TooLarge as soon as more than `most` bytes have come.
    """
    return calls.with_token(account, lambda token: _media(token, media_id, most))


def _media(token: str, media_id: str, most: int) -> tuple[bytes, str]:
    asked = {"access_token": token, "media_id": media_id}
    content, kind = transport.exchange("GET", f"{WECHAT}/cgi-bin/media/get", most=most, params=asked)
    if not kind.startswith(("application/json", "text/plain")):
        return content, kind
    film = urlsplit(str(transport.answered(content).get("video_url", "")))  # films are only pointed at
    if not _is_wechat(film.hostname or ""):
        raise unreachable("微信没有给出素材", uncertain=False)
    return transport.exchange("GET", film.geturl(), most=most)


def _is_wechat(host: str) -> bool:
    return host.endswith(".qq.com") or host == urlsplit(config.wechat_api_base).hostname


def user_unionid(account: Account, openid: str) -> str | None:
    """The unionid of a follower, if the account belongs to an Open Platform account."""
    answer = calls.call(account, lambda client: client.user.get(openid))
    return _text(answer, "unionid")


def authorize_url(account: Account, redirect_uri: str, state: str) -> str:
    """Where a page sends the browser to learn who is there, without asking the person (snsapi_base)."""
    base = "https://open.weixin.qq.com" if config.wechat_api_base == WECHAT else config.wechat_api_base
    query = {  # WeChat minds the order
        "appid": account.app_id,
        "redirect_uri": redirect_uri,
        "response_type": "code",
        "scope": "snsapi_base",
        "state": state,
    }
    return f"{base}/connect/oauth2/authorize?{urlencode(query)}#wechat_redirect"


def exchange_code(account: Account, code: str) -> Identity:
    """Whom the code of an authorized page stands for. A code is good once, for five minutes."""
    asked = {"code": code, "grant_type": "authorization_code"}
    return _identity(account, "/sns/oauth2/access_token", asked)


def code_to_session(account: Account, js_code: str) -> Identity:
    """Whom a mini program's login code stands for, at the mini program of this account.

    The session key that comes with it is dropped: nothing here opens encrypted data.
    """
    asked = {"js_code": js_code, "grant_type": "authorization_code"}
    return _identity(_mini_program(account), "/sns/jscode2session", asked)


def _mini_program(account: Account) -> MiniProgram:
    if account.mini_program is None:
        raise ProviderError(None, "这个公众号没有配置小程序", Fate.ACCOUNT)
    return account.mini_program


def _identity(app: tokens.App, path: str, asked: Mapping[str, str]) -> Identity:
    """These calls carry the secret in the address, and answer as text/plain."""
    query = {"appid": app.app_id, "secret": app.app_secret, **asked}
    body, _ = transport.exchange("GET", WECHAT + path, params=query)
    answer = transport.answered(body)
    return Identity(_field(answer, "openid"), _text(answer, "unionid"))


def _text(answer: Answer, name: str) -> str | None:
    value = answer.get(name)
    return value if isinstance(value, str) and value else None


def _field(answer: Answer, name: str) -> str:
    value = _text(answer, name)
    if value is None:
        raise unreachable("微信接口的回答不完整", uncertain=True)
    return value
