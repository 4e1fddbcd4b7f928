"""The secrets of an installation that was given none: made once, kept in a file for its owner alone."""

import base64
import os
import secrets
from pathlib import Path

from backend.embedded import place

NAMES = ("SECRET_KEY", "DATA_KEYS")
HEADER = "# 第一次启动时生成。请备份：丢了 DATA_KEYS，加密的内容再也打不开。\n"


def made(var_dir: Path) -> bool:
    """Whether this folder has secrets of its own."""
    return _file(var_dir).exists()


def load(var_dir: Path) -> dict[str, str]:
    """SECRET_KEY and DATA_KEYS of this folder, the same at every call, made by the first.

    Ends the program when the environment holds an empty one: somebody meant to give it, and putting another
    in its place would seal with the wrong key in silence.
    """
    for name in NAMES:
        if os.environ.get(name) == "":
            raise SystemExit(f"{name} 设成了空的：请写上值，或者取消这项设置。")
    file = _file(var_dir)
    with place.held(var_dir):
        if not file.exists():
            _write(file, {"SECRET_KEY": secrets.token_urlsafe(32), "DATA_KEYS": f"1:{_key()}"})
        lines = [
            line
            for line in file.read_text(encoding="utf-8").splitlines()
            if line and not line.startswith("#")
        ]
    return dict(line.split("=", 1) for line in lines)


def _file(var_dir: Path) -> Path:
    return var_dir / "secrets.env"


def _key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def _write(file: Path, values: dict[str, str]) -> None:
    """Closed from its first byte, and whole under its name or not there."""
    fresh = file.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        out.write(HEADER + "".join(f"{name}={value}\n" for name, value in values.items()))
        out.flush()
        os.fsync(out.fileno())
    fresh.rename(file)
