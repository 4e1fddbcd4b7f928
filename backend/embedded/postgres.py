"""PostgreSQL from its binaries: made, started, asked and stopped without trusting a PID file."""

import shlex
import shutil
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

import psycopg

from backend.embedded import binaries
from backend.embedded.place import CTYPE, Place, ServerTrouble, last_lines
from backend.embedded.processes import working_in

DATABASE = "cases"

# For a laptop; what is acknowledged is on disk.
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "8MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",  # a checkpoint in a busy minute makes commits wait for its writes
    "random_page_cost": "1.1",
    "jit": "off",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


def url(sockets: Path, database: str = DATABASE) -> str:
    return f"postgresql+psycopg://postgres@/{database}?host={quote(str(sockets), safe='')}"


def is_ready(sockets: Path) -> bool:
    return _asked(sockets) == 0


def start(place: Place) -> None:
    """Start the server on its data, made at first, and see that it is fit. The caller holds the lock."""
    if not is_ready(place.sockets):
        programs = binaries.postgres_bin_for(place)
        data = _cluster(place, programs)
        _clear_stale_pid_files(place, data)
        _launch(place, programs, data)
    _create_database(place)
    _check_chinese(place)


def stop(place: Place) -> None:
    """Fast stop: running transactions roll back, clients are let go. The caller holds the lock."""
    data = place.folder("postgres") / "data"
    if _asked(place.sockets) in (0, 1):  # it lives, so its PID file is its own
        programs = binaries.postgres_bin_for(place)
        place.run(programs / "pg_ctl", "-D", data, "-m", "fast", "-w", "-t", "60", "stop")
    _wait_until_left(data)


def _asked(sockets: Path) -> int:
    """What `pg_isready` says: 0 accepts, 1 is starting or stopping, 2 does not answer."""
    question = ["-q", "-t", "2", "-h", str(sockets), "-U", "postgres", "-d", "postgres"]
    command = [str(binaries.postgres_bin() / "pg_isready"), *question]
    return subprocess.run(command, capture_output=True, check=False).returncode


def _cluster(place: Place, programs: Path) -> Path:
    """The data folder. It is made under another name first, so that a half-made one is never used."""
    data = place.folder("postgres") / "data"
    if not data.exists():
        fresh = data.with_name("data.new")
        shutil.rmtree(fresh, ignore_errors=True)
        made = place.run(
            *(programs / "initdb", "-D", fresh, "-U", "postgres", "-E", "UTF8", "--data-checksums"),
            *("--auth-local=trust", "--auth-host=scram-sha-256", "--no-instructions"),
            *_locale(place, programs),
        )
        if made.returncode:
            raise ServerTrouble(f"PostgreSQL 建不了数据文件夹：{made.stderr.strip()}")
        fresh.rename(data)
    return data


def _locale(place: Place, programs: Path) -> list[str]:
    """pg_trgm follows lc_ctype and not the provider: without this it finds no Chinese word at all."""
    version = place.run(programs / "postgres", "--version").stdout.split()[2]
    builtin = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    kinds = ["messages", "monetary", "numeric", "time"]
    return [
        *(builtin if int(version.split(".")[0]) >= 17 else []),
        *("--lc-collate=C", f"--lc-ctype={CTYPE}"),
        *(f"--lc-{kind}=C" for kind in kinds),
    ]


def _clear_stale_pid_files(place: Place, data: Path) -> None:
    """After a kill they may name a process of somebody else, or one that died and was never reaped.

    The server's own children leave first; while one of them works in the data folder nothing is removed.
    """
    _wait_until_left(data, unless_ready=place.sockets)
    if Path("/proc/self/cwd").exists() and not working_in(data):
        for stale in (data / "postmaster.pid", *place.sockets.glob(".s.PGSQL.*")):
            stale.unlink(missing_ok=True)


def _wait_until_left(data: Path, unless_ready: Path | None = None, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while working_in(data):
        if unless_ready and is_ready(unless_ready):
            return
        if time.monotonic() > end:
            raise ServerTrouble(f"{data} 的 PostgreSQL 进程 {working_in(data)} 停不下来，请结束它们再试。")
        time.sleep(0.1)


def _launch(place: Place, programs: Path, data: Path) -> None:
    settings = SETTINGS | {"unix_socket_directories": f'"{place.sockets}"'}
    options = " ".join(f"-c {name}={shlex.quote(setting)}" for name, setting in settings.items())
    log = data.with_name("server.log")
    place.run(
        *(programs / "pg_ctl", "-D", data, "-l", log, "-o", options),
        *("-w", "-t", "300", "start"),
    )
    if not is_ready(place.sockets):
        raise ServerTrouble(f"PostgreSQL 没有启动。{last_lines(log)}")


def _create_database(place: Place) -> None:
    with _connect(place, "postgres") as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
        if not found:
            connection.execute(f"CREATE DATABASE {DATABASE}")


def _check_chinese(place: Place) -> None:
    """Search by likeness needs trigrams of Chinese words. The extension made to ask is rolled back."""
    with _connect(place, "postgres") as connection, connection.transaction(force_rollback=True):
        connection.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        row = connection.execute("SELECT show_trgm('井盖破损') <> '{}'").fetchone()
    if row != (True,):
        raise ServerTrouble(
            f"这个 PostgreSQL 认不出汉字（pg_trgm 什么都找不到）：{place.home}/postgres/data "
            f"建的时候 lc_ctype 不是 {CTYPE}。请把这个文件夹移走，再启动。"
        )


def _connect(place: Place, database: str) -> "psycopg.Connection[tuple[object, ...]]":
    return psycopg.connect(
        host=str(place.sockets), user="postgres", dbname=database, autocommit=True, connect_timeout=10
    )
