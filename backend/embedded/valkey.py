"""Valkey from its binary: keeps what it acknowledged, answers on a Unix socket only."""

import socket
import time
from pathlib import Path
from urllib.parse import quote

from backend.embedded import binaries
from backend.embedded.place import Place, ServerTrouble, last_lines
from backend.embedded.processes import working_in

# Jobs wait here: nothing may be evicted, and a killed server comes back with what it had.
SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    "daemonize": "yes",
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": "",
    "maxmemory": "256mb",
    "maxmemory-policy": "noeviction",
    "loglevel": "notice",
    "logfile": "server.log",
}


def url(sockets: Path) -> str:
    return f"unix://{quote(str(_door(sockets)))}?db=0"


def is_ready(sockets: Path) -> bool:
    return _ask(sockets, "PING").startswith(b"+PONG")


def start(place: Place) -> None:
    """Start the server and wait until it has read its file. The caller holds the lock."""
    if is_ready(place.sockets):
        return
    folder = place.folder("valkey")
    if not working_in(folder):
        settings = SETTINGS | {"dir": str(folder), "unixsocket": str(_door(place.sockets))}
        options = [word for name, setting in settings.items() for word in (f"--{name}", setting)]
        started = place.run(binaries.valkey_server_for(place), *options)
        if started.returncode:
            raise ServerTrouble(f"Valkey 没有启动：{(started.stdout + started.stderr).strip()}")
    _wait_until_ready(place, folder)


def stop(place: Place) -> None:
    """Write everything to disk and end. The caller holds the lock."""
    _ask(place.sockets, "SHUTDOWN")
    folder = place.folder("valkey")
    end = time.monotonic() + 30
    while working_in(folder):
        if time.monotonic() > end:
            raise ServerTrouble(f"{folder} 的 Valkey 进程 {working_in(folder)} 停不下来，请结束它们再试。")
        time.sleep(0.02)


def _door(sockets: Path) -> Path:
    return sockets / "valkey.sock"


def _ask(sockets: Path, command: str) -> bytes:
    """The first line of the answer; empty when nobody answers."""
    with socket.socket(socket.AF_UNIX) as door:
        door.settimeout(5)
        try:
            door.connect(str(_door(sockets)))
            door.sendall(f"{command}\r\n".encode())
            return door.recv(512)
        except OSError:
            return b""


def _wait_until_ready(place: Place, folder: Path, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not is_ready(place.sockets):
        gone = Path("/proc/self/cwd").exists() and not working_in(folder)
        if gone or time.monotonic() > end:
            raise ServerTrouble(f"Valkey 没有启动。{last_lines(folder / 'server.log')}")
        time.sleep(0.02)
