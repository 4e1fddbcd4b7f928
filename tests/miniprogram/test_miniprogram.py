"""The mini program's own checks: it compiles, its types hold and its pages work. All of them run in Node."""

import shutil
import subprocess
from pathlib import Path

import pytest

HOME = Path(__file__).parents[2] / "miniprogram_stub"
LOCK = HOME / "package-lock.json"
# npm writes this file last, so it also tells whether an installation was cut short.
INSTALLED = HOME / "node_modules" / ".package-lock.json"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("node") is None or shutil.which("npm") is None,
        reason="没有找到 Node.js（需要 20 或更新），小程序没有检查。Node 20 or newer is not installed.",
    ),
]


def run(*command: str) -> None:
    """Runs a command in the mini program's folder; a failure shows what it printed."""
    done = subprocess.run(command, cwd=HOME, capture_output=True, text=True, timeout=900)
    if done.returncode != 0:
        pytest.fail(f"{' '.join(command)}\n{done.stdout}\n{done.stderr}", pytrace=False)


def is_set_up() -> bool:
    return INSTALLED.exists() and INSTALLED.stat().st_mtime >= LOCK.stat().st_mtime


def test_the_mini_program_compiles_and_its_pages_work() -> None:
    if not is_set_up():
        run("npm", "ci")
    run("npm", "test")
