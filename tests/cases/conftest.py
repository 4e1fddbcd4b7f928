"""Fixtures for cases."""

from tests.cases.scene import committed_scene, scene
from tests.cases.survey_scene import closed

__all__ = ["closed", "committed_scene", "scene"]
