"""WeChat's error codes as data: what each one means for the call, and why in plain words."""

from enum import StrEnum

from backend.errors import AppError


class Fate(StrEnum):
    """What to do after a refusal."""

    PERMANENT = "permanent"  # this call will never succeed
    TRANSIENT = "transient"  # the same call may succeed later
    NO_QUOTA = "no_quota"  # what may be sent for the moment is used up
    USED_UP = "used_up"  # the same for what may be sent today
    CROWDED = "crowded"  # somebody else writes to this person at the same moment
    UNKNOWN = "unknown"  # a code that no table knows
    TOKEN = "token"  # the access token is no longer good
    ACCOUNT = "account"  # the account is not set up for this: somebody has to repair it
    TEMPLATE = "template"  # this template, filled in this way, is refused
    WINDOW = "window"  # the customer-service window is closed or used up
    NOT_FOLLOWING = "not_following"  # the person does not follow the account, or has blocked it
    REFUSED = "refused"  # the person has not agreed to this kind of message


class ProviderError(AppError):
    """A call that failed. `uncertain`: it may have had its effect all the same, for no full answer came.

    `reason` is for officers and logs and holds no address, secret or token; `message` is for whoever waits.
    """

    status, code, message = 503, "wechat", "微信暂时没有回应，请稍后再试"

    def __init__(self, errcode: int | None, reason: str, fate: Fate, *, uncertain: bool = False) -> None:
        super().__init__()
        self.errcode, self.reason, self.fate, self.uncertain = errcode, reason, fate, uncertain

    def __str__(self) -> str:
        return self.reason if self.errcode is None else f"{self.reason}（{self.errcode}）"


F = Fate

# Source: the documents' lists of return codes, and texts seen in practice where those are silent.
CODES: dict[int, tuple[Fate, str]] = {
    -1: (F.TRANSIENT, "微信系统繁忙"),
    40001: (F.TOKEN, "访问凭证无效"),
    40002: (F.PERMANENT, "凭证类型不对"),
    40003: (F.PERMANENT, "这个微信用户不属于该公众号"),
    40007: (F.PERMANENT, "素材已过期或不存在"),
    40013: (F.ACCOUNT, "公众号的 AppID 不对"),
    40014: (F.TOKEN, "访问凭证无效"),
    40029: (F.PERMANENT, "登录码无效或已过期"),
    40033: (F.PERMANENT, "请求里有不支持的字符"),
    40036: (F.TEMPLATE, "模板编号的长度不对"),
    40037: (F.TEMPLATE, "模板编号不对"),
    40053: (F.PERMANENT, "二维码参数不对"),
    40097: (F.PERMANENT, "请求参数不对"),
    40125: (F.ACCOUNT, "公众号的 AppSecret 不对"),
    40129: (F.PERMANENT, "二维码的场景值不对"),
    40163: (F.PERMANENT, "登录码已经用过"),
    40164: (F.ACCOUNT, "服务器地址不在公众号的白名单里"),
    40169: (F.PERMANENT, "小程序码的场景值不对"),
    40226: (F.PERMANENT, "微信限制了这个用户登录"),
    40243: (F.ACCOUNT, "公众号的 AppSecret 已被冻结"),
    41001: (F.TOKEN, "缺少访问凭证"),
    41030: (F.TEMPLATE, "小程序页面不存在"),
    42001: (F.TOKEN, "访问凭证已过期"),
    43004: (F.NOT_FOLLOWING, "对方没有关注公众号"),
    43019: (F.NOT_FOLLOWING, "对方在公众号的黑名单里"),
    43101: (F.REFUSED, "对方没有同意接收这类提醒"),
    43107: (F.ACCOUNT, "公众号的订阅消息能力被限制"),
    43108: (F.CROWDED, "同时向一个人发送了多条"),
    43116: (F.NO_QUOTA, "短时间内发给这个人的消息太多"),
    43117: (F.NO_QUOTA, "短时间内发给这个人的消息太多"),
    44002: (F.PERMANENT, "请求内容为空"),
    45002: (F.PERMANENT, "消息太长"),
    45009: (F.USED_UP, "微信允许的调用次数已用完"),
    45011: (F.NO_QUOTA, "调用太频繁"),
    45015: (F.WINDOW, "超过了微信允许回复的时间"),
    45029: (F.ACCOUNT, "公众号的永久二维码已用完"),
    45047: (F.WINDOW, "微信允许的回复条数已用完"),
    45168: (F.TEMPLATE, "内容里有微信不允许的词"),
    47001: (F.PERMANENT, "请求格式不对"),
    47003: (F.TEMPLATE, "模板的某一栏填写不符合要求"),
    48001: (F.ACCOUNT, "公众号没有这项权限"),
    48002: (F.NOT_FOLLOWING, "对方拒收公众号的消息"),
    48004: (F.ACCOUNT, "公众号的这项能力被封禁"),
    50002: (F.ACCOUNT, "公众号受到限制"),
    50004: (F.ACCOUNT, "公众号没有换取凭证的权限"),
    50007: (F.ACCOUNT, "公众号已冻结"),
    70000: (F.NOT_FOLLOWING, "对方受未成年人保护，不能接收"),
    85096: (F.PERMANENT, "小程序码的场景值不能带网址"),
    89503: (F.ACCOUNT, "此次调用需要公众号管理员确认"),
    89506: (F.ACCOUNT, "服务器地址被公众号管理员拒绝"),
    89507: (F.ACCOUNT, "服务器地址被公众号管理员拒绝"),
}


def failed(errcode: int, text: object = "") -> ProviderError:
    """The error for a code that WeChat answered; one that is not in the table may pass by itself.

    Of WeChat's own text only the name of the refused field is kept: the rest may quote what was sent.
    """
    fate, reason = CODES.get(errcode, (Fate.UNKNOWN, "微信返回了没有见过的错误"))
    field = next((word for word in str(text).split() if word.startswith("data.")), "")
    return ProviderError(errcode, f"{reason}：{field}" if field else reason, fate)


def unreachable(reason: str, *, uncertain: bool) -> ProviderError:
    """The error when no proper answer came at all."""
    return ProviderError(None, reason, Fate.TRANSIENT, uncertain=uncertain)
