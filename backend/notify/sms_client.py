"""Calls to Tencent Cloud's text message service, through its own kit.

Where WECHAT_API_BASE names another platform (the sandbox), text messages go there too.
"""

import logging
import threading
from urllib.parse import urlsplit

from tencentcloud.common.credential import Credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.sms.v20210111 import models
from tencentcloud.sms.v20210111.sms_client import SmsClient

from backend.config import WECHAT, config
from backend.notify.sms_codes import NOT_CONNECTED, refused
from backend.notify.sms_settings import SmsSettings, SmsTemplate

SECONDS = 8  # for the whole call
OK = "Ok"
NEVER_STOOD = ("NewConnectionError", "ConnectTimeoutError", "NameResolutionError")  # in the kit's words

# At DEBUG the kit writes whole requests, and with them the numbers.
logging.getLogger("tencentcloud_sdk_common").setLevel(logging.INFO)


def send(settings: SmsSettings, phone: str, template: SmsTemplate, params: list[str], context: str) -> str:
    """Send one text message; returns its serial number. `context` comes back in lists of what was sent.

    Raises Refusal, which holds the code and never the number.
    """
    request = models.SendSmsRequest()
    request.PhoneNumberSet = [f"+86{phone}"]
    request.SmsSdkAppId, request.SignName = settings.sdk_app_id, settings.sign
    request.TemplateId, request.TemplateParamSet = template.id, params
    request.SessionContext = context
    try:
        [status] = _client(settings).SendSms(request).SendStatusSet
    except TencentCloudSDKException as error:
        raise refused(_code(error)) from None
    except (TypeError, ValueError):  # an answer that is none
        raise refused("ServerNetworkError") from None
    if status.Code != OK:
        raise refused(str(status.Code))
    return str(status.SerialNo)


def _code(error: TencentCloudSDKException) -> str:
    """The kit's code; its one code for every failed connection is divided by whether anything went out."""
    never_stood = any(name in str(error.get_message()) for name in NEVER_STOOD)
    return NOT_CONNECTED if never_stood else str(error.get_code())


_local = threading.local()


def _client(settings: SmsSettings) -> SmsClient:
    """This thread's client, which keeps its connection, for these settings and the platform of the moment."""
    wanted = (settings.secret_id, config.wechat_api_base)
    if getattr(_local, "made_for", None) != wanted:
        _local.client = SmsClient(
            Credential(settings.secret_id, settings.secret_key), settings.region, _profile()
        )
        _local.made_for = wanted
    return _local.client


def _profile() -> ClientProfile:
    there = urlsplit(config.wechat_api_base) if config.wechat_api_base != WECHAT else None
    http = HttpProfile(
        protocol=there.scheme if there else "https",
        endpoint=there.netloc if there else None,
        reqTimeout=SECONDS,
        keepAlive=True,
    )
    return ClientProfile(httpProfile=http, disable_region_breaker=True)
