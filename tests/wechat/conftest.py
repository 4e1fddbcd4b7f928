"""A district with one community, and the application that WeChat calls."""

import pytest

from backend.app import create_app
from backend.places.roles import Role
from backend.wechat import homes
from backend.wechat.accounts import reset
from backend.wechat.talk import Kind
from tests.factories import make_code, make_community, make_officer
from tests.telling import officer, resident
from tests.wechat.talking import YULAN, say, send
from tests.weixin import account, phone, platform, weixin

__all__ = ["account", "officer", "phone", "platform", "resident", "weixin"]


@pytest.fixture
def community(committed):
    """玉兰社区 of 青岚区, with its information officer and a QR code with the scene `yulan`."""
    community = make_community(committed, latitude=22.70, longitude=114.20)
    make_officer(committed, Role.INFORMATION_OFFICER, area=community)
    make_code(committed, community, "yulan")
    reset()
    homes.forget()
    return community


@pytest.fixture
def client(community):
    return create_app().test_client()


@pytest.fixture
def at_yulan():
    """The state of someone who has just scanned the code at 玉兰社区."""
    return send(Kind.SCAN, message={"text": "scene1"}, scanned=YULAN).state


@pytest.fixture
def reported(at_yulan):
    """The state a moment after a case was opened there."""
    return say("路灯不亮了，晚上很危险", at_yulan).state
