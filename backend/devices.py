"""What a login runs on, read from the User-Agent: in a few words for the person whose login it is."""

WECHAT = "MicroMessenger"

# The first that is found counts: many browsers also name those whose place they take.
SYSTEMS = (
    ("Windows", "Windows"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("HarmonyOS", "鸿蒙"),
    ("Android", "安卓"),
    ("Macintosh", "Mac"),
    ("Linux", "Linux"),
)
BROWSERS = (
    ("Edg", "Edge"),
    ("QQBrowser", "QQ 浏览器"),
    ("360", "360 浏览器"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
DESKS = frozenset({"Windows", "Mac", "Linux"})


def is_in_wechat(user_agent: str) -> bool:
    """Whether this is WeChat's own browser, which can say who is asking."""
    return WECHAT in user_agent


def describe(user_agent: str) -> str:
    """微信（手机）, 电脑 Windows Chrome, or 其他设备 for one that says nothing we know."""
    system = _first(SYSTEMS, user_agent)
    place = "电脑" if system in DESKS else "手机"
    if is_in_wechat(user_agent):
        return f"微信（{place}）"
    browser = _first(BROWSERS, user_agent)
    return " ".join(filter(None, (place, system, browser))) if system or browser else "其他设备"


def _first(table: tuple[tuple[str, str], ...], user_agent: str) -> str:
    return next((words for sign, words in table if sign in user_agent), "")
