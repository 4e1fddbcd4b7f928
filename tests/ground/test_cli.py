"""The commands are listed without settings, and a command beside `make run` uses that folder's secrets."""

import re
import subprocess
import sys
from pathlib import Path
from typing import cast

import click

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
    assert shown.returncode == 0
    assert "SECRET_KEY=（已设置）" in shown.stdout
    assert not any(secret in shown.stdout for secret in made.values())


def test_every_command_and_option_is_explained_in_chinese() -> None:
    for name in COMMANDS:
        command = cast(click.Command, main.get_command(click.Context(main), name))
        inside = [command, *getattr(command, "commands", {}).values()]
        said = [one.help for each in inside for one in (each, *options(each))]
        assert all(re.search("[一-龥]", words or "") for words in said), (name, said)


def options(command: click.Command) -> list[click.Option]:
    return [one for one in command.params if isinstance(one, click.Option)]
