"""A deployment of its own whose programs and servers may be killed, for tests and benches of what is owed.

PostgreSQL and Valkey, the programs that are started in it, and the sandbox as the platform. Everybody follows
its one account, but for the first few, whom WeChat does not know, and the next, who left unnoticed.
"""

import os
import signal
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import redis
import sqlalchemy as sa

from backend import embedded
from backend.migrations import upgrade
from backend.notify.models import Contact, Notification
from tests.programs import kill, running
from tests.sandbox_client import Sandbox
from wechat_sandbox import ids

Command = tuple[str, ...]
CLOCK: Command = ("-m", "backend.clock")
QUICK_CLOCK: Command = (
    "-c",
    """
from backend import clock
from backend.cases import tasks

clock.TIMETABLE |= {tasks.send_surveys: clock._every(1), clock.notify.sweep: clock._every(1)}
clock.main()
""",
)  # asks for surveys ten times as often as the real one
WORKER: Command = ("-m", "dramatiq", "backend.worker", "--processes", "1", "--threads", "8")
APP = "wx00000000000000be"
ACCOUNT = f"""[accounts.many]
app_id = "{APP}"
app_secret = "00000000000000000000000000000000"
original_id = "gh_0000000000be"
token = "onlyForThisTest2026"
aes_key = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
mode = "secure"
area = "千户区"
"""
SLOTS = {"number": "character_string1", "summary": "thing2", "status": "phrase3", "time": "time4"}
PLACE = "INSERT INTO areas (id, level, name, path, district_id) VALUES (1, 'district', '千户区', '1', 1)"
RESIDENTS = "INSERT INTO residents (id) SELECT n FROM generate_series(1, :people) n"
CASES = """
INSERT INTO cases (id, number, channel, report, status, resident_id, place_id, district_id, closed_at)
    SELECT n, '261121' || lpad(n::text, 6, '0'), 'wechat', '门口的路灯不亮了', 'closed', n, 1, 1, now()
    FROM generate_series(1, :people) n"""
SURVEYS = """
INSERT INTO surveys (case_id, round, resident_id, next_at)
    SELECT n, 1, n, now() + random() * :span * interval '1 second' FROM generate_series(1, :people) n"""


class City:
    """One deployment. `kinds`: the messages for which its account has a template."""

    def __init__(
        self, folder: Path, people: int, *, kinds: tuple[str, ...], strangers: int = 0, left: int = 0
    ) -> None:
        self.folder, self.people, self.running = folder, people, ExitStack()
        self.strangers, self.left = strangers, left
        embedded.start(folder)
        self.url, self.redis_url = embedded.database_url(folder), embedded.redis_url(folder)
        (folder / "accounts.toml").write_text(ACCOUNT + "".join(map(_template, kinds)))
        upgrade(self.url)
        self.engine = sa.create_engine(self.url, poolclass=sa.NullPool)
        self._settle()
        self.sandbox = Sandbox.start(folder / "sandbox")
        self._follow(kinds)
        self.programs: dict[str, subprocess.Popen[bytes]] = {}
        self.commands: dict[str, Command] = {}

    def _settle(self) -> None:
        with self.engine.begin() as connection:
            connection.exec_driver_sql(PLACE)
            connection.execute(sa.text(RESIDENTS), {"people": self.people})
            rows = [
                {"account": "many", "openid": openid(n), "resident_id": n} for n in range(1, self.people + 1)
            ]
            connection.execute(sa.insert(Contact), rows)

    def _follow(self, kinds: tuple[str, ...]) -> None:
        """Everybody whom WeChat knows has a phone; who left follows no more."""
        self.sandbox.app(
            app_id=APP, app_secret="0" * 32, kind="service_account", name="many",
            original_id="gh_0000000000be",
            templates=[{"template_id": kind, "title": kind, "keywords": _keywords()} for kind in kinds],
        )  # fmt: skip
        known = range(self.strangers + 1, self.people + 1)
        with self.state() as state:
            state.executemany(
                "INSERT INTO users VALUES (?, ?, ?, '')", [(n, f"k{n}", f"{n}号") for n in known]
            )
            state.executemany("INSERT INTO openids VALUES (?, ?, ?)", [(openid(n), APP, n) for n in known])
            followers = [(openid(n), APP, 0.0, "", "") for n in known if n > self.strangers + self.left]
            state.executemany("INSERT INTO follows VALUES (?, ?, ?, ?, ?)", followers)

    def state(self) -> sqlite3.Connection:
        """What the platform knows."""
        return sqlite3.connect(self.folder / "sandbox" / "state.sqlite3", timeout=30)

    def fall_due(self, span: float) -> None:
        """Close everybody's case; their surveys fall due one after the other, within these seconds."""
        self.ask(sa.text(CASES), people=self.people)
        self.ask(sa.text(SURVEYS), people=self.people, span=span)

    def start(self, commands: Mapping[str, Command]) -> None:
        """Start these programs, by name."""
        self.commands |= commands
        for name in commands:
            self._start(name)

    def _start(self, name: str) -> None:
        settings = {
            "VAR_DIR": str(self.folder),
            "WECHAT_ACCOUNTS": str(self.folder / "accounts.toml"),
            "DATABASE_URL": self.url,
            "REDIS_URL": self.redis_url,
            "WECHAT_API_BASE": self.sandbox.url,
        }
        log = self.folder / f"{name}.log"
        self.programs[name] = self.running.enter_context(running(self.commands[name], log, **settings))

    def ways(self) -> dict[str, Callable[[], None]]:
        """All that can be killed, and comes back at once."""
        programs = {name: lambda name=name: self._kill_program(name) for name in self.programs}
        return {"Redis": self._kill_redis, "the database": self._kill_database, **programs}

    def _kill_program(self, name: str) -> None:
        kill(self.programs[name])
        self._start(name)

    def _kill_redis(self) -> None:
        told: Any = redis.Redis.from_url(self.redis_url).info("server")
        os.kill(told["process_id"], signal.SIGKILL)
        embedded.start(self.folder)

    def _kill_database(self) -> None:
        pid_file = (self.folder / "servers").resolve() / "postgres/data/postmaster.pid"
        os.kill(int(pid_file.read_text().split()[0]), signal.SIGKILL)
        embedded.start(self.folder)

    def ask(self, statement: Any, **given: Any) -> Any:
        """One statement in a transaction of its own."""
        with self.engine.begin() as connection:
            return connection.execute(statement, given or None)

    def counted(self) -> Counter[str]:
        """How many messages there are in each state."""
        rows = self.ask(sa.select(Notification.status, sa.func.count()).group_by(Notification.status))
        return Counter({status: number for status, number in rows})

    def shown(self) -> Counter[int]:
        """How many cards WeChat has shown to each person."""
        with self.state() as state:
            return Counter(row[0] for row in state.execute("SELECT user_id FROM messages"))

    def close(self) -> None:
        """End the programs and the platform; the servers stay."""
        self.running.close()
        self.sandbox.stop()
        self.engine.dispose()


def openid(number: int) -> str:
    """Under which name the account knows a resident."""
    return ids.openid(APP, f"k{number}")


def _template(kind: str) -> str:
    lines = "".join(f'{name} = "{slot}"\n' for name, slot in SLOTS.items())
    return f'[accounts.many.templates.{kind}]\nid = "{kind}"\n{lines}'


def _keywords() -> dict[str, str]:
    return {slot: name for name, slot in SLOTS.items()}
