"""Delivering is tested against the platform itself."""

from tests.telling import officer, resident
from tests.weixin import platform, weixin

__all__ = ["officer", "platform", "resident", "weixin"]
