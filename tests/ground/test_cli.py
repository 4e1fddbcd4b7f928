"""The commands are listed without settings, and a command beside `make run` uses that folder's secrets."""

import re
import subprocess
import sys
from pathlib import Path
from typing import cast

import click
import pytest

from backend import embedded
from backend.cli import COMMANDS, main
from backend.embedded import secrets

ROOT = Path(__file__).parent.parent.parent


def call(*words: str, **env: str) -> "subprocess.CompletedProcess[str]":
    """Run one command with this environment and nothing else."""
    command = [sys.executable, "-m", "backend", *words]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)


def test_help_names_every_command_and_needs_no_settings(tmp_path: Path) -> None:
    shown = call("--help", VAR_DIR=str(tmp_path))
    assert shown.returncode == 0
    assert all(name in shown.stdout for name in COMMANDS)


def test_a_missing_setting_is_named(tmp_path: Path) -> None:
    ended = call("check-config", VAR_DIR=str(tmp_path))
    assert ended.returncode == 1
    assert "SECRET_KEY：没有设置" in ended.stderr


def test_an_empty_secret_is_named_and_not_taken_from_the_folder(tmp_path: Path) -> None:
    secrets.load(tmp_path)
    ended = call("check-config", VAR_DIR=str(tmp_path), SECRET_KEY="")
    assert ended.returncode == 1
    assert "SECRET_KEY 设成了空的" in ended.stderr


def test_a_command_uses_the_secrets_of_its_folder_and_does_not_show_them(tmp_path: Path) -> None:
    made = secrets.load(tmp_path)
    shown = call("check-config", VAR_DIR=str(tmp_path), WECHAT_API_BASE="http://127.0.0.1:8100")
    assert "SECRET_KEY=（已设置）" in shown.stdout
    assert not any(secret in shown.stdout for secret in made.values())


AWAY = [
    ({}, "用的是自带的数据库，它没有运行。请先启动：python -m backend servers start"),
    ({"DATABASE_URL": "postgresql://someone:pass-word@127.0.0.1:9/cases"}, "数据库没有回应，请检查地址"),
]
TO_DO = [("migrate",), ("import", "areas", "backend/demo/data/areas.csv", "--dry-run"), ("bind", "房立言")]


@pytest.mark.parametrize(("given", "sentence"), AWAY, ids=["embedded", "own"])
@pytest.mark.parametrize("words", TO_DO, ids=lambda words: words[0])
def test_a_database_that_is_away_is_said_in_one_line(
    tmp_path: Path, words: tuple[str, ...], given: dict[str, str], sentence: str
) -> None:
    secrets.load(tmp_path)
    ended = call(*words, VAR_DIR=str(tmp_path), **given)
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"Error: DATABASE_URL：{sentence}")
    assert ended.stderr.count("\n") == 1


def test_a_database_without_tables_is_said_as_check_config_says_it(fresh: Path) -> None:
    secrets.load(fresh)
    embedded.start(fresh)
    given = {"VAR_DIR": str(fresh), "WECHAT_API_BASE": "http://127.0.0.1:8100"}
    ended = call("import", "areas", "backend/demo/data/areas.csv", **given)
    sentence = "DATABASE_URL：表不是最新的，请运行 python -m backend migrate。"
    assert ended.stderr == f"Error: {sentence}\n"
    assert sentence in call("check-config", **given).stderr


def test_every_command_and_option_is_explained_in_chinese() -> None:
    for name in COMMANDS:
        command = cast(click.Command, main.get_command(click.Context(main), name))
        inside = [command, *getattr(command, "commands", {}).values()]
        said = [one.help for each in inside for one in (each, *options(each))]
        assert all(re.search("[一-龥]", words or "") for words in said), (name, said)


def options(command: click.Command) -> list[click.Option]:
    return [one for one in command.params if isinstance(one, click.Option)]
