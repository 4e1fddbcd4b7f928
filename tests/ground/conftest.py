"""Folders for embedded servers, gone afterwards with all that ran in them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from backend import embedded


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Path]:
    """A folder where nothing was ever started."""
    yield tmp_path / "v"
    embedded.remove(tmp_path / "v")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder that the module's tests share; starting servers that are up costs each of them little."""
    shared = tmp_path_factory.mktemp("shared") / "v"
    yield shared
    embedded.remove(shared)
