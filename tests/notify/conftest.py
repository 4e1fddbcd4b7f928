"""Delivering is tested against the platform itself."""

from tests.cases.scene import committed_scene
from tests.telling import officer, resident
from tests.texting import address, sms
from tests.weixin import platform, weixin

__all__ = ["address", "committed_scene", "officer", "platform", "resident", "sms", "weixin"]
