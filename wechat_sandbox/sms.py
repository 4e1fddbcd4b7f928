"""Tencent Cloud's text messages: SendSms with its signature, its limits, its reports and people's answers.

People have invented numbers, 1990000 and their own number in four digits, and any that they are given.
"""

import hashlib
import hmac
import json
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import urllib3
from flask import Request, Response

from wechat_sandbox import apps, chats, ids, people
from wechat_sandbox.apps import App
from wechat_sandbox.errors import Refusal
from wechat_sandbox.people import User
from wechat_sandbox.platform import Platform

APP_ID = "sms"  # of the chat in which a phone shows its text messages
PATH = "/sms"  # by which faults and the journal know these calls
CREDENTIAL = re.compile(
    r"TC3-HMAC-SHA256 Credential=([^/]+)/([\d-]+)/sms/tc3_request, "
    r"SignedHeaders=content-type;host, Signature=([0-9a-f]{64})"
)
FRESH_SECONDS = 300
PARAMETER, URL = 12, re.compile(r"https?://|www\.", re.IGNORECASE)
MOBILE = re.compile(r"\+?(?:86)?(1[3-9]\d{9})")
SIGNS = {"T", "TD", "R", "N", "退订"}
# To one number: the setting with the most, in so many seconds, and the code beyond it.
LIMITS = (
    ("sms_per_30_seconds", 30, "LimitExceeded.PhoneNumberThirtySecondLimit"),
    ("sms_per_hour", 3600, "LimitExceeded.PhoneNumberOneHourLimit"),
    ("sms_per_day", 86400, "LimitExceeded.PhoneNumberDailyLimit"),
)
http = urllib3.PoolManager(retries=False)


class SmsError(Exception):
    """A refusal of the whole call."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def register(platform: Platform, document: Mapping[str, Any]) -> None:
    """Open an application: sdk_app_id, sign, secret_id, secret_key, templates {id: text}, and the addresses
    report_url and reply_url."""
    for name in ("sdk_app_id", "sign", "secret_id", "secret_key"):
        if not document.get(name):
            raise Refusal(f"短信应用缺少 {name}")
    platform.state.write(
        "INSERT OR REPLACE INTO sms_apps VALUES (1, ?)", json.dumps(dict(document), ensure_ascii=False)
    )
    fields = {"app_secret": "", "kind": "sms", "name": "短信", "original_id": APP_ID}
    apps.register(platform, {"app_id": APP_ID, **fields})


def give_number(platform: Platform, user: User, phone: str) -> None:
    """Let this person be reached at this number, too."""
    found = MOBILE.fullmatch(phone)
    if found is None:
        raise Refusal("这不是手机号")
    platform.state.write("INSERT OR REPLACE INTO numbers VALUES (?, ?)", found[1], user.user_id)


def handle(platform: Platform, request: Request) -> Response:
    """POST / with X-TC-Action: SendSms."""
    fault = platform.faults.take_api(PATH) or {}
    time.sleep(fault.get("delay_ms", 0) / 1000)
    try:
        if fault.get("errcode") and not fault.get("after"):
            raise SmsError(str(fault["errcode"]))
        answer = _send(platform, request)
    except SmsError as error:
        answer = {"Error": {"Code": error.code, "Message": "refused by the sandbox"}}
    if fault.get("after") and fault.get("errcode"):
        answer = {"Error": {"Code": str(fault["errcode"]), "Message": "refused by the sandbox"}}
    answer["RequestId"] = ids.rid(platform.now())
    _note(platform, request, answer)
    body = json.dumps({"Response": answer}, ensure_ascii=False)
    return Response(body, status=int(fault.get("http_status") or 200), content_type="application/json")


def reply(platform: Platform, user: User, text: str) -> dict[str, Any]:
    """The person answers the last text message: T takes the number out, and the application is told."""
    app, phone = _app(platform), _number_of(platform, user)
    chats.append(platform, _chat(platform), user, "user", "text", content=text)
    if text.strip().upper() in SIGNS:
        platform.state.write("INSERT OR IGNORE INTO sms_blacklist VALUES (?)", phone)
    said = {"extend": "", "mobile": phone, "nationcode": "86", "sign": app["sign"], "text": text}
    status = _post(app.get("reply_url"), said | {"time": int(platform.now())})
    return {"deliveries": [{"status": status}]}


def take_off_list(platform: Platform, user: User) -> None:
    """What only Tencent Cloud's console does: the person's number is on its list of opt-outs no more."""
    platform.state.write("DELETE FROM sms_blacklist WHERE phone = ?", _number_of(platform, user))


def _send(platform: Platform, request: Request) -> dict[str, Any]:
    app, raw = _app(platform), request.get_data()
    _check_signature(platform, app, request, raw)
    if request.headers.get("X-TC-Action") != "SendSms" or request.headers.get("X-TC-Version") != "2021-01-11":
        raise SmsError("InvalidAction")
    body = json.loads(raw)
    if body.get("SmsSdkAppId") != app["sdk_app_id"]:
        raise SmsError("InvalidParameterValue.SdkAppIdNotExist")
    numbers = body.get("PhoneNumberSet") or []
    if not 1 <= len(numbers) <= 200:
        raise SmsError("InvalidParameterValue.IncorrectPhoneNumber")
    return {"SendStatusSet": [_send_one(platform, app, body, str(number)) for number in numbers]}


def _send_one(
    platform: Platform, app: Mapping[str, Any], body: Mapping[str, Any], number: str
) -> dict[str, Any]:
    found, serial = MOBILE.fullmatch(number), ids.random_text(24)
    phone = found[1] if found else ""
    with platform.state.transaction():
        code = _refusal(platform, app, body, phone)
        if code == "Ok":
            platform.state.write("INSERT INTO sms_sent VALUES (?, ?, ?)", serial, phone, platform.now())
            _show(platform, app, body, phone)
    if code == "Ok" and platform.option("receipts"):
        platform.background.submit(_report, platform, app, serial, phone)
    status = {"SerialNo": serial if code == "Ok" else "", "PhoneNumber": number, "Fee": int(code == "Ok")}
    session = str(body.get("SessionContext") or "")
    message = "send success" if code == "Ok" else "refused"
    return status | {"SessionContext": session, "Code": code, "Message": message, "IsoCode": "CN"}


def _refusal(platform: Platform, app: Mapping[str, Any], body: Mapping[str, Any], phone: str) -> str:
    """The code of the first thing that is wrong; Ok for nothing."""
    template = app.get("templates", {}).get(str(body.get("TemplateId")))
    params = [str(one) for one in body.get("TemplateParamSet") or []]
    if not phone:
        return "InvalidParameterValue.IncorrectPhoneNumber"
    if body.get("SignName") != app["sign"]:
        return "FailedOperation.SignatureIncorrectOrUnapproved"
    if template is None:
        return "FailedOperation.TemplateUnapprovedOrNotExist"
    if len(params) != len(set(re.findall(r"\{\d+\}", template))) or not all(params):
        return "FailedOperation.TemplateParamSetNotMatchApprovedTemplate"
    if any(len(one) > PARAMETER for one in params):
        return "InvalidParameterValue.TemplateParameterLengthLimit"
    if any(URL.search(one) for one in params):
        return "InvalidParameterValue.ProhibitedUseUrlInTemplateParameter"
    if platform.state.row("SELECT 1 FROM sms_blacklist WHERE phone = ?", phone):
        return "FailedOperation.PhoneNumberInBlacklist"
    return _limit(platform, phone)


def _limit(platform: Platform, phone: str) -> str:
    """The limits that every application begins with, for one number; and what was bought."""
    for option, seconds, code in LIMITS:
        row = platform.state.row(
            "SELECT count(*) AS sent FROM sms_sent WHERE phone = ? AND at > ?",
            phone,
            platform.now() - seconds,
        )
        if row and row["sent"] >= platform.option(option):
            return code
    row = platform.state.row("SELECT count(*) AS sent FROM sms_sent")
    is_used_up = row is not None and row["sent"] >= platform.option("sms_bought")
    return "FailedOperation.InsufficientBalanceInSmsPackage" if is_used_up else "Ok"


def _show(platform: Platform, app: Mapping[str, Any], body: Mapping[str, Any], phone: str) -> None:
    """On the phone of whoever has this number; other numbers are out in the world."""
    user = _user_at(platform, phone)
    if user is None:
        return
    words = app["templates"][str(body["TemplateId"])]
    for place, value in enumerate(body.get("TemplateParamSet") or [], start=1):
        words = words.replace(f"{{{place}}}", str(value))
    chats.append(platform, _chat(platform), user, "account", "text", content=f"【{app['sign']}】{words}")


def _report(platform: Platform, app: Mapping[str, Any], serial: str, phone: str) -> None:
    time.sleep(platform.option("receipt_delay_ms") / 1000)
    is_there = platform.option("sms_report") == "SUCCESS"
    at = datetime.fromtimestamp(platform.now(), UTC).strftime("%Y-%m-%d %H:%M:%S")
    said = {
        "user_receive_time": at, "nationcode": "86", "mobile": phone, "sid": serial,
        "report_status": "SUCCESS" if is_there else "FAIL", "errmsg": "DELIVRD" if is_there else "UNDELIV",
        "description": "用户短信送达成功" if is_there else "用户短信送达失败",
    }  # fmt: skip
    with platform.finishing():
        _post(app.get("report_url"), [said])


def _post(url: object, document: object) -> int | None:
    if not isinstance(url, str) or not url:
        return None
    body = json.dumps(document, ensure_ascii=False).encode()
    try:
        answer = http.request("POST", url, body=body, headers={"Content-Type": "application/json"}, timeout=5)
    except urllib3.exceptions.HTTPError:
        return None
    return int(answer.status)


def _check_signature(platform: Platform, app: Mapping[str, Any], request: Request, raw: bytes) -> None:
    """TC3-HMAC-SHA256 over content type, host and body (document 382/52071)."""
    found = CREDENTIAL.fullmatch(request.headers.get("Authorization", ""))
    stamp = request.headers.get("X-TC-Timestamp", "")
    if found is None or not stamp.isdigit():
        raise SmsError("AuthFailure.InvalidAuthorization")
    if found[1] != app["secret_id"]:
        raise SmsError("AuthFailure.SecretIdNotFound")
    if abs(int(stamp) - time.time()) > FRESH_SECONDS:
        raise SmsError("AuthFailure.SignatureExpire")
    headers = (
        f"content-type:{request.headers.get('Content-Type', '')}\nhost:{request.headers.get('Host', '')}\n"
    )
    asked = ["POST", "/", "", headers, "content-type;host", hashlib.sha256(raw).hexdigest()]
    scope = f"{found[2]}/sms/tc3_request"
    signed = "\n".join(
        ["TC3-HMAC-SHA256", stamp, scope, hashlib.sha256("\n".join(asked).encode()).hexdigest()]
    )
    key = f"TC3{app['secret_key']}".encode()
    for part in (found[2], "sms", "tc3_request", signed):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    if not hmac.compare_digest(key.hex(), found[3]):
        raise SmsError("AuthFailure.SignatureFailure")


def _app(platform: Platform) -> dict[str, Any]:
    row = platform.state.row("SELECT document FROM sms_apps")
    if row is None:
        raise SmsError("AuthFailure.SecretIdNotFound")
    return dict(json.loads(row["document"]))


def _chat(platform: Platform) -> App:
    return apps.require(platform, APP_ID)


def _user_at(platform: Platform, phone: str) -> User | None:
    row = platform.state.row("SELECT user_id FROM numbers WHERE phone = ?", phone)
    number = row["user_id"] if row else int(phone[-4:]) if phone.startswith("1990000") else 0
    try:
        return people.require(platform, number)
    except Refusal:
        return None


def _number_of(platform: Platform, user: User) -> str:
    row = platform.state.row("SELECT phone FROM numbers WHERE user_id = ?", user.user_id)
    return str(row["phone"]) if row else f"1990000{user.user_id % 10_000:04d}"


def _note(platform: Platform, request: Request, answer: Mapping[str, Any]) -> None:
    body = json.loads(request.get_data() or b"null")
    platform.calls.add(
        {
            "at": platform.now(), "path": PATH, "app_id": APP_ID, "query": {}, "body": body,
            "errcode": answer.get("Error", {}).get("Code", 0), "response": dict(answer),
        }
    )  # fmt: skip
