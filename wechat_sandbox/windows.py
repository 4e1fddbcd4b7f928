"""When and how often an account may write by itself: WeChat's windows for customer-service messages."""

from dataclasses import dataclass

from wechat_sandbox.apps import App
from wechat_sandbox.errors import ApiError
from wechat_sandbox.people import User
from wechat_sandbox.platform import Platform


@dataclass(frozen=True)
class Window:
    """How many messages within how many seconds."""

    messages: int
    seconds: int


WINDOWS = {
    "message": Window(5, 48 * 3600),
    "menu": Window(3, 60),  # A menu click; also a tap on a line of an msgmenu message.
    "follow": Window(3, 60),
    "scan": Window(3, 60),
    "enter": Window(2, 60),  # Entering the customer-service session of a mini program.
}


def open_window(platform: Platform, app: App, user: User, kind: str) -> None:
    """Open a window or fill it up again.

    Whether a second message adds to the first one's allowance is not documented; here it only fills
    the window up again, which is the stricter reading.
    """
    window = WINDOWS[kind]
    platform.state.write(
        "INSERT OR REPLACE INTO windows VALUES (?, ?, ?, ?, ?)",
        app.app_id, user.user_id, kind, window.messages, platform.now() + window.seconds,
    )  # fmt: skip


def close_all(platform: Platform, app: App, user: User) -> None:
    """Forget the windows of a user who leaves."""
    platform.state.write("DELETE FROM windows WHERE app_id = ? AND user_id = ?", app.app_id, user.user_id)


def check_open(platform: Platform, app: App, user: User) -> str:
    """The kind of the open window that ends first; 45015 when none is open, 45047 when all are used up."""
    open_now = platform.state.rows(
        "SELECT kind, left FROM windows WHERE app_id = ? AND user_id = ? AND until > ? ORDER BY until",
        app.app_id, user.user_id, platform.now(),
    )  # fmt: skip
    if not open_now:
        raise ApiError(45015)
    kind = next((str(row["kind"]) for row in open_now if row["left"] > 0), None)
    if kind is None:
        raise ApiError(45047)
    return kind


def spend(platform: Platform, app: App, user: User) -> None:
    """Use one message of the window that ends first."""
    with platform.state.transaction():
        kind = check_open(platform, app, user)
        platform.state.write(
            "UPDATE windows SET left = left - 1 WHERE app_id = ? AND user_id = ? AND kind = ?",
            app.app_id, user.user_id, kind,
        )  # fmt: skip
