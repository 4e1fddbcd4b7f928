"""A folder of its own for each test that needs embedded servers, gone afterwards with all that ran in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from backend import embedded


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "v"
    embedded.remove(tmp_path / "v")
