"""`make run` says plainly why it cannot start, and ends what a killed run left behind and nothing else."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from backend import runner
from backend.embedded.processes import end_carrying

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def ports() -> dict[str, str]:
    """Two ports that nobody uses now."""
    with socket.socket() as first, socket.socket() as second:
        for door in (first, second):
            door.bind(("127.0.0.1", 0))
        return {"PORT": str(first.getsockname()[1]), "SANDBOX_PORT": str(second.getsockname()[1])}


@contextmanager
def listening(port: str) -> Iterator[None]:
    with socket.create_server(("127.0.0.1", int(port))):
        yield


def run(tmp_path: Path, **settings: str) -> "subprocess.CompletedProcess[str]":
    """`make run`'s own command, in a folder of its own."""
    env = os.environ | {"VAR_DIR": str(tmp_path)} | settings
    command = [sys.executable, "-m", "backend", "run"]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("name", ["PORT", "SANDBOX_PORT"])
def test_a_taken_port_is_named_before_anything_starts(
    tmp_path: Path, ports: dict[str, str], name: str
) -> None:
    with listening(ports[name]):
        ended = run(tmp_path, **ports)
    assert ended.returncode == 1
    assert f"端口 {ports[name]} 不能用：别的程序正在用" in ended.stderr
    assert f"make run {name}=" in ended.stderr
    assert not (tmp_path / "servers").exists()


def test_a_port_that_is_no_number_is_named(tmp_path: Path, ports: dict[str, str]) -> None:
    ended = run(tmp_path, **ports | {"PORT": "eighty"})
    assert ended.returncode == 1
    assert "端口 eighty 不能用：要写小于 65536 的数字" in ended.stderr


def test_a_second_run_of_one_folder_says_that_it_is_running(tmp_path: Path, ports: dict[str, str]) -> None:
    with runner.alone(tmp_path):
        ended = run(tmp_path, **ports)
    assert ended.returncode == 1
    assert f"已经有 make run 在运行：{tmp_path}" in ended.stderr


@pytest.mark.parametrize("name", ["SECRET_KEY", "DATA_KEYS"])
def test_an_empty_secret_is_named_and_not_replaced(tmp_path: Path, ports: dict[str, str], name: str) -> None:
    ended = run(tmp_path, **ports | {name: ""})
    assert ended.returncode == 1
    assert f"{name} 设成了空的" in ended.stderr
    assert not (tmp_path / "secrets.env").exists()


def test_left_overs_of_a_killed_run_end_and_strangers_stay() -> None:
    sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
    left_over = subprocess.Popen(sleep, env=os.environ | {"CIVIC_CASES_RUN": "test-of-left-overs"})
    stranger = subprocess.Popen(sleep, env=os.environ | {"CIVIC_CASES_RUN": "another"})
    end_carrying("CIVIC_CASES_RUN=test-of-left-overs")
    assert left_over.wait(timeout=10) != 0
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_what_the_operator_set_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in runner.DEMONSTRATION:
        monkeypatch.delenv(name, raising=False)
    given = {"VAR_DIR": str(tmp_path), "PORT": "8123", "SURVEY_DELAY_MINUTES": "60", "SECRET_KEY": "k" * 40}
    for name, setting in given.items():
        monkeypatch.setenv(name, setting)
    monkeypatch.setattr(os, "environ", os.environ.copy())
    runner.settle_environment()
    assert {name: os.environ[name] for name in given} == given
    assert os.environ["PUBLIC_URL"] == "http://127.0.0.1:8123"
    assert os.environ["DATA_KEYS"].startswith("1:")
