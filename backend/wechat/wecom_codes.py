"""WeCom's error codes as data: what each one means for the call, and why in plain words."""

from backend.wechat.codes import Fate, ProviderError

F = Fate

# Source: WeCom's global list of return codes (全局错误码).
CODES: dict[int, tuple[Fate, str]] = {
    -1: (F.TRANSIENT, "企业微信系统繁忙"),
    40001: (F.ACCOUNT, "企业微信应用的 Secret 不对"),
    40003: (F.PERMANENT, "企业微信里没有这个成员"),
    40008: (F.PERMANENT, "消息类型不对"),
    40013: (F.ACCOUNT, "企业微信的企业 ID 不对"),
    40014: (F.TOKEN, "访问凭证无效"),
    40029: (F.PERMANENT, "登录码无效或已过期"),
    40056: (F.ACCOUNT, "企业微信应用的 AgentId 不对"),
    40058: (F.PERMANENT, "请求参数不对"),
    41001: (F.TOKEN, "缺少访问凭证"),
    41011: (F.ACCOUNT, "缺少 AgentId"),
    42001: (F.TOKEN, "访问凭证已过期"),
    42045: (F.PERMANENT, "卡片已经更新过，或者过了 72 小时"),
    43004: (F.PERMANENT, "对方没有启用企业微信"),
    44004: (F.PERMANENT, "消息内容为空"),
    45002: (F.PERMANENT, "消息太长"),
    45009: (F.NO_QUOTA, "调用企业微信太频繁"),  # a limit of minutes; WeChat's same code means the whole day
    45033: (F.NO_QUOTA, "同时调用企业微信太多"),
    48002: (F.ACCOUNT, "企业微信应用没有这项权限"),
    50001: (F.ACCOUNT, "网页授权的域名没有登记"),
    60011: (F.PERMANENT, "对方不在企业微信应用的可见范围里"),
    60020: (F.ACCOUNT, "服务器地址不在企业微信应用的可信 IP 里"),
    60111: (F.PERMANENT, "企业微信里没有这个成员"),
    81013: (F.PERMANENT, "对方不在企业微信应用的可见范围里"),
    82001: (F.PERMANENT, "没有写发给谁"),
    301002: (F.ACCOUNT, "企业微信应用没有权限发给对方"),
}
NOT_REACHED = 81013  # also when nobody's name is good: the answer is then 0 with the name among the bad ones


def failed(errcode: int, _text: object = "") -> ProviderError:
    """The error for a code that WeCom answered; one that is not in the table may pass by itself."""
    fate, reason = CODES.get(errcode, (Fate.UNKNOWN, "企业微信返回了没有见过的错误"))
    return ProviderError(errcode, reason, fate)
