"""Fixtures for orders."""

from tests.orders.scene import committed_scene, scene

__all__ = ["committed_scene", "scene"]
