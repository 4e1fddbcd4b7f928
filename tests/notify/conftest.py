"""Delivering is tested against the platform itself."""

from tests.weixin import platform, weixin

__all__ = ["platform", "weixin"]
