"""Tencent Cloud's codes for text messages as data: what each means for the message, and why."""

import logging
from typing import NamedTuple

from backend.notify import refused_accounts
from backend.notify.channels import Refusal, Then

logger = logging.getLogger(__name__)

ACCOUNT = "sms"  # under which the rows are found by their receipts


class Fate(NamedTuple):
    """What becomes of the message, why, and whether somebody has to repair the account first, or to take the
    number off the provider's list."""

    then: Then
    reason: str
    is_ours: bool = False
    is_listed: bool = False


LATER, NEVER = Then.LATER, Then.NEVER

# Source: the list of codes in the kit (sms.v20210111.errorcodes) and in the document 382/59177. A code that
# is not here has the fate of what stands before its point.
CODES: dict[str, Fate] = {
    "FailedOperation.ContainSensitiveWord": Fate(NEVER, "短信里有不允许的词"),
    "FailedOperation.InsufficientBalanceInSmsPackage": Fate(LATER, "短信套餐的余量用完了", is_ours=True),
    "FailedOperation.PhoneNumberInBlacklist": Fate(
        NEVER, "号码在腾讯云的退订名单里，请管理员到腾讯云控制台移出", is_listed=True
    ),
    "FailedOperation.SignatureIncorrectOrUnapproved": Fate(LATER, "短信签名不对或没有通过审核", is_ours=True),
    "FailedOperation.TemplateIncorrectOrUnapproved": Fate(LATER, "短信模板不对或没有通过审核", is_ours=True),
    "FailedOperation.TemplateParamSetNotMatchApprovedTemplate": Fate(
        LATER, "短信模板的参数个数不对", is_ours=True
    ),
    "FailedOperation.TemplateUnapprovedOrNotExist": Fate(LATER, "短信模板不存在或没有通过审核", is_ours=True),
    "FailedOperation": Fate(NEVER, "腾讯云没有接受这条短信"),
    "InvalidParameterValue.ContentLengthLimit": Fate(NEVER, "短信太长"),
    "InvalidParameterValue.IncorrectPhoneNumber": Fate(NEVER, "手机号不对"),
    "InvalidParameterValue.ProhibitedUseUrlInTemplateParameter": Fate(NEVER, "短信的参数里有网址"),
    "InvalidParameterValue.SdkAppIdNotExist": Fate(LATER, "短信应用的 SdkAppId 不对", is_ours=True),
    "InvalidParameterValue.TemplateParameterFormatError": Fate(NEVER, "短信的参数格式不对"),
    "InvalidParameterValue.TemplateParameterLengthLimit": Fate(NEVER, "短信的参数太长"),
    "InvalidParameterValue": Fate(NEVER, "短信的参数不对"),
    "InvalidParameter": Fate(NEVER, "短信的参数不对"),
    "MissingParameter": Fate(NEVER, "短信缺少参数"),
    "LimitExceeded.AppDailyLimit": Fate(LATER, "今天能发的短信已用完", is_ours=True),
    "LimitExceeded.DailyLimit": Fate(LATER, "今天能发的短信已用完", is_ours=True),
    "LimitExceeded.DeliveryFrequencyLimit": Fate(LATER, "发给这个号码的短信太密"),
    "LimitExceeded.PhoneNumberDailyLimit": Fate(LATER, "这个号码今天收到的短信已到上限"),
    "LimitExceeded.PhoneNumberOneHourLimit": Fate(LATER, "这个号码一小时内收到的短信已到上限"),
    "LimitExceeded.PhoneNumberSameContentDailyLimit": Fate(NEVER, "这个号码今天已经收到同样的短信"),
    "LimitExceeded.PhoneNumberThirtySecondLimit": Fate(LATER, "三十秒内给这个号码发过短信"),
    "LimitExceeded": Fate(LATER, "短信发得太多"),
    "RequestLimitExceeded": Fate(LATER, "调用短信接口太频繁"),
    "UnauthorizedOperation.ServiceSuspendDueToArrears": Fate(LATER, "腾讯云欠费，短信停了", is_ours=True),
    "UnauthorizedOperation": Fate(LATER, "没有发短信的权限", is_ours=True),
    "UnsupportedOperation": Fate(NEVER, "不支持给这个号码发短信"),
    "AuthFailure": Fate(LATER, "腾讯云的密钥不对", is_ours=True),
    "InternalError.Timeout": Fate(LATER, "腾讯云没有及时回应"),
    "InternalError": Fate(LATER, "腾讯云的短信服务出错"),
    "ClientNetworkError": Fate(LATER, "连不上腾讯云的短信服务"),
    "ServerNetworkError": Fate(LATER, "腾讯云的短信服务没有正常回应"),
}
UNKNOWN = Fate(LATER, "腾讯云返回了没有见过的错误")
NOT_CONNECTED = "ClientNetworkError.NotConnected"  # ours: the connection never stood, so nothing went out
# The service itself is away: nothing else could be sent there either.
AWAY = frozenset({NOT_CONNECTED, "ClientNetworkError", "ServerNetworkError"})
# After these the message may have gone out all the same.
UNCERTAIN = frozenset({"InternalError.Timeout", "ClientNetworkError", "ServerNetworkError"})


def fate_of(code: str) -> Fate:
    """What a code means, by the code itself or by what stands before its point."""
    return CODES.get(code) or CODES.get(code.partition(".")[0]) or UNKNOWN


def refused(code: str) -> Refusal:
    """The refusal for a code; the kit's own words are dropped, for they may quote the number."""
    fate = fate_of(code)
    said = f"{fate.reason}（{code}）"
    if fate.is_ours:
        logger.error("text messages are refused, somebody has to repair it: %s", code)
        refused_accounts.note(ACCOUNT, said)
    return Refusal(said, fate.then, next_rung=code not in AWAY, uncertain=code in UNCERTAIN)
