"""Everything that can go wrong in a way a caller should be told about."""


class AppError(Exception):
    """An expected failure. `code` is for programs, `message` for the person reading it."""

    status = 500
    code = "error"
    message = "服务暂时不可用，请稍后再试"

    def __init__(self, message: str | None = None) -> None:
        self.message = message or self.message
        super().__init__(self.message)


class Malformed(AppError):
    status, code, message = 400, "malformed", "提交的内容读不出来，请重新提交"


class Unsupported(AppError):
    status, code, message = 415, "unsupported", "不支持这种格式"


class Invalid(AppError):
    status, code, message = 422, "invalid", "提交的内容有误"


class LoginNeeded(AppError):
    status, code, message = 401, "login_needed", "请从微信里重新打开"


class Forbidden(AppError):
    status, code, message = 403, "forbidden", "您没有办理这件事的权限"


class NoPost(AppError):
    status, code = 403, "no_post"
    message = "您现在没有岗位，不能使用工作页面。如果不该这样，请联系您的管理员"


class SecondFactorNeeded(AppError):
    status, code = 403, "second_factor_needed"
    message = "改动之前，请先输入六位动态码"


class NotFound(AppError):
    status, code, message = 404, "not_found", "没有找到"


class Conflict(AppError):
    status, code, message = 409, "conflict", "当前状态不能这样办理"


class Gone(AppError):
    status, code, message = 410, "gone", "链接已失效"


class TooLarge(AppError):
    status, code, message = 413, "too_large", "内容太大了"


class TooMany(AppError):
    status, code, message = 429, "too_many", "操作太频繁，请稍后再试"
