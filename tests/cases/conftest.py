"""Fixtures for cases."""

from tests.cases.scene import committed_scene, scene

__all__ = ["committed_scene", "scene"]
