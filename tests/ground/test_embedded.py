"""The embedded servers: one of each whoever starts them, nothing acknowledged lost, nothing left behind."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis

from backend import embedded
from backend.embedded import place, secrets
from backend.embedded.processes import working_in

START = "import sys, pathlib; from backend import embedded; embedded.start(pathlib.Path(sys.argv[1]))"


def connect(folder: Path) -> "psycopg.Connection[Any]":
    url = embedded.database_url(folder).replace("+psycopg", "")
    return psycopg.connect(url, autocommit=True)


def working(folder: Path, server: str) -> list[int]:
    """The server's processes, told by the folder they work in."""
    below = {"postgres": "postgres/data", "valkey": "valkey"}[server]
    return working_in((folder / "servers").resolve() / below)


def kill(folder: Path, server: str) -> None:
    """Kill the server as the kernel does when memory runs out; PostgreSQL's children end by themselves."""
    live = working(folder, server)
    if server == "postgres":
        pid_file = (folder / "servers").resolve() / "postgres/data/postmaster.pid"
        live = [pid for pid in live if pid == int(pid_file.read_text().split()[0])]
    assert len(live) == 1
    os.kill(live[0], signal.SIGKILL)


def test_the_addresses_are_known_before_anything_runs(tmp_path: Path) -> None:
    assert embedded.database_url(tmp_path / "v").startswith("postgresql+psycopg://postgres@/cases?host=")
    assert embedded.redis_url(tmp_path / "v").startswith("unix:///")
    assert not (tmp_path / "v").exists()


def test_a_long_path_gets_a_short_socket_folder_that_stays_the_same(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 100) / "var"
    sockets = place.socket_folder(deep)
    assert len(str(sockets)) < 60
    assert sockets == place.socket_folder(deep) != place.socket_folder(tmp_path / ("y" * 100) / "var")


def test_a_socket_folder_open_to_others_is_refused(fresh: Path) -> None:
    sockets = place.socket_folder(fresh)
    sockets.mkdir(parents=True)
    sockets.chmod(0o777)
    with pytest.raises(embedded.ServerTrouble, match="只归一个用户"):
        embedded.start(fresh)
    sockets.chmod(0o700)


def test_processes_that_start_at_once_share_one_server(fresh: Path) -> None:
    starters = [subprocess.Popen([sys.executable, "-c", START, str(fresh)]) for _ in range(4)]
    assert [starter.wait(timeout=120) for starter in starters] == [0, 0, 0, 0]
    assert embedded.is_up(fresh)
    assert len(working(fresh, "valkey")) == 1
    with connect(fresh) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_committed_rows_survive_a_killed_database(folder: Path) -> None:
    embedded.start(folder)
    with connect(folder) as connection:
        connection.execute("CREATE TABLE said (word text)")
        connection.execute("INSERT INTO said VALUES ('井盖破损')")
    kill(folder, "postgres")
    embedded.start(folder)
    with connect(folder) as connection:
        assert connection.execute("SELECT word FROM said").fetchall() == [("井盖破损",)]


def test_pid_files_that_name_a_stranger_do_not_stop_the_start(folder: Path) -> None:
    embedded.start(folder)
    data = (folder / "servers").resolve() / "postgres/data"
    written = (data / "postmaster.pid").read_text().splitlines()
    embedded.stop(folder)
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    (data / "postmaster.pid").write_text("\n".join([str(stranger.pid), *written[1:]]) + "\n")
    (place.socket_folder(folder) / ".s.PGSQL.5432.lock").write_text(f"{stranger.pid}\n")
    embedded.start(folder)
    assert embedded.is_up(folder)
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_chinese_words_have_trigrams(folder: Path) -> None:
    embedded.start(folder)
    with connect(folder) as connection:
        connection.execute("CREATE EXTENSION pg_trgm")
        likeness = connection.execute("SELECT similarity('井盖破损路面塌陷', '路面塌陷井盖坏了')").fetchone()
    assert likeness is not None
    assert likeness[0] > 0.1


def test_what_is_acknowledged_is_on_disk(folder: Path) -> None:
    embedded.start(folder)
    with connect(folder) as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            assert connection.execute(f"SHOW {setting}").fetchone() == ("on",)


def test_acknowledged_writes_survive_a_killed_queue(folder: Path) -> None:
    embedded.start(folder)
    with redis.Redis.from_url(embedded.redis_url(folder)) as client:
        for number in range(500):
            client.rpush("jobs", number)
    kill(folder, "valkey")
    embedded.start(folder)
    with redis.Redis.from_url(embedded.redis_url(folder)) as client:
        assert client.llen("jobs") == 500
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_stopping_with_a_client_connected_leaves_no_process(folder: Path) -> None:
    embedded.start(folder)
    client = connect(folder)
    embedded.stop(folder)
    assert not embedded.is_up(folder)
    assert working(folder, "postgres") == working(folder, "valkey") == []
    client.close()


def test_only_the_servers_without_an_address_are_started(fresh: Path) -> None:
    servers = embedded.needed({"DATABASE_URL": "postgresql://elsewhere/cases", "REDIS_URL": ""})
    embedded.start(fresh, servers)
    assert servers == ("valkey",)
    assert embedded.is_up(fresh, servers)
    assert not embedded.is_up(fresh)


def test_nothing_is_made_when_both_addresses_are_given(tmp_path: Path) -> None:
    servers = embedded.needed(
        {"DATABASE_URL": "postgresql://elsewhere/cases", "REDIS_URL": "redis://elsewhere"}
    )
    embedded.start(tmp_path, servers)
    embedded.stop(tmp_path, servers)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's servers run as somebody else")
def test_root_opens_no_closed_folder_for_its_servers(tmp_path: Path, fresh: Path) -> None:
    tmp_path.chmod(0o700)
    embedded.start(fresh)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700
    owners = {os.stat(f"/proc/{pid}").st_uid for pid in working(fresh, "postgres")}
    assert len(owners) == 1
    assert 0 not in owners
    assert stat.S_IMODE(place.socket_folder(fresh).stat().st_mode) == 0o700


def test_secrets_are_made_once_and_for_their_owner_alone(tmp_path: Path) -> None:
    first = secrets.load(tmp_path)
    assert stat.S_IMODE((tmp_path / "secrets.env").stat().st_mode) == 0o600
    assert secrets.load(tmp_path) == first
    assert set(first) == {"SECRET_KEY", "DATA_KEYS"}
    assert secrets.load(tmp_path / "other") != first
