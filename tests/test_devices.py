"""What a User-Agent is called in the list of one's logins."""

import pytest

from backend.devices import describe, is_in_wechat

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        (IPHONE + "Mobile/15E148 MicroMessenger/8.0.50 NetType/WIFI Language/zh_CN", "微信（手机）"),
        (WINDOWS + "Chrome/122.0.0.0 Safari/537.36 MicroMessenger/7.0.20 WindowsWechat", "微信（电脑）"),
        (WINDOWS + "Chrome/122.0.0.0 Safari/537.36", "电脑 Windows Chrome"),
        (WINDOWS + "Chrome/122.0.0.0 Safari/537.36 Edg/122.0.2365.92", "电脑 Windows Edge"),
        (IPHONE + "Version/17.5 Mobile/15E148 Safari/604.1", "手机 iPhone Safari"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0", "电脑 Linux Firefox"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) Version/17.5 Safari/605.1.15", "电脑 Mac Safari"),
        ("Mozilla/5.0 (Linux; Android 14; Pixel 8) Chrome/126.0 Mobile Safari/537.36", "手机 安卓 Chrome"),
        ("Windows NT 6.1", "电脑 Windows"),
        ("curl/8.5.0", "其他设备"),
        ("", "其他设备"),
        ("<script>alert(1)</script>", "其他设备"),
    ],
)
def test_a_device_is_called_by_what_its_owner_knows(user_agent, words):
    assert describe(user_agent) == words


def test_only_wechats_own_browser_counts_as_wechat():
    assert is_in_wechat(IPHONE + "MicroMessenger/8.0.50")
    assert not is_in_wechat(WINDOWS + "Chrome/122.0.0.0 Safari/537.36")
