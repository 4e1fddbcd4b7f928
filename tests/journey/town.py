"""The demonstration as `make run` gives it, each program of the Procfile in the hands of the test."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import requests
import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend import runner
from backend.migrations import upgrade
from tests.programs import ROOT, end, kill, wait_until
from tests.sandbox_client import Phone, Sandbox, free_port

START = 120  # seconds that the programs may take to be ready on a busy machine
PATIENT = 30  # seconds in which everything else must have happened
WIDTH = 200  # characters of a log's line that are shown
ACCOUNT = "qinglan"
PROCFILE = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())
CLOCKS = sa.text("""
    SELECT count(*) FROM pg_stat_activity
    WHERE application_name LIKE 'clock %' AND datname = current_database()""")
INTRODUCE = "from backend.demo import phones; phones.introduce()"


class Town:
    """Programs, phones and record of one demonstration, in a folder of its own."""

    def __init__(self, folder: Path, database_url: str, redis_url: str) -> None:
        self.folder, self.database_url = folder, database_url
        self.engine = sa.create_engine(database_url, poolclass=sa.NullPool)
        self.port, self.second_port, self.sandbox_port = free_port(), free_port(), free_port()
        self.env = self._settings(redis_url)
        self.sandbox = Sandbox(f"http://127.0.0.1:{self.sandbox_port}")
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.app_id = ""

    def _settings(self, redis_url: str) -> dict[str, str]:
        """What the runner sets, but surveys due at once, each alert by itself, and nothing of other tests."""
        own = {
            "VAR_DIR": str(self.folder),
            "STORAGE_DIR": str(self.folder / "storage"),
            "WECHAT_ACCOUNTS": "",
            "DATABASE_URL": self.database_url,
            "REDIS_URL": redis_url,
            "PORT": str(self.port),
            "SANDBOX_PORT": str(self.sandbox_port),
            "SURVEY_DELAY_MINUTES": "0",
            "GATHER_SECONDS": "0",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }
        demonstration = {name: setting.format(**own) for name, setting in runner.DEMONSTRATION.items()}
        return {**os.environ, **demonstration, **own}

    # -- programs

    def open(self) -> None:
        """From an empty database to phones that are introduced."""
        upgrade(self.database_url)
        self._run("-m", "backend", "demo")
        for name in PROCFILE:
            self.start(name)
        for address in runner.READY.values():
            self._wait_until_answers(address.format(**self.env))
        self._run("-c", INTRODUCE)
        apps = self.sandbox.control("GET", "/apps")["apps"]
        self.app_id = next(app["app_id"] for app in apps if app["name"] == "青岚区诉求服务")

    def start(self, name: str, label: str = "", **settings: str) -> None:
        """Start a program of the Procfile; a second one of the same name gets a label of its own."""
        with self._log(label or name).open("ab") as log:
            self.running[label or name] = subprocess.Popen(
                ["sh", "-c", PROCFILE[name]],
                cwd=ROOT,
                env=self.env | settings,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @contextmanager
    def another(self, name: str) -> Iterator[None]:
        """A second process of this program, ready; a web listens on `second_port`."""
        label = f"{name} 2"
        self.start(name, label, PORT=str(self.second_port))
        wait_until(lambda: self._is_ready(name, label), START)
        try:
            yield
        finally:
            self.stop(label)

    def _is_ready(self, name: str, label: str) -> bool:
        if name == "web":
            return runner.answers(f"http://127.0.0.1:{self.second_port}/readyz")
        if name == "worker":
            return "ready for action" in self._log(label).read_text()
        with self.engine.connect() as connection:
            return connection.scalar(CLOCKS) == 2

    def kill(self, label: str) -> None:
        """As a power cut would."""
        kill(self.running.pop(label))

    def stop(self, label: str) -> None:
        """As an operator would; what does not end by itself is killed."""
        end([self.running.pop(label)])

    def close(self) -> None:
        end(list(self.running.values()))
        self.running.clear()
        self.engine.dispose()

    def _run(self, *command: str) -> None:
        with self._log("setup").open("ab") as log:
            subprocess.run(
                [sys.executable, *command], cwd=ROOT, env=self.env, stdout=log, stderr=log, check=True
            )

    def _wait_until_answers(self, address: str) -> None:
        def answers() -> bool:
            dead = [label for label, program in self.running.items() if program.poll() is not None]
            assert not dead, f"{dead} ended at once"
            return runner.answers(address)

        wait_until(answers, START)

    # -- what the programs said

    def _log(self, label: str) -> Path:
        return self.folder / f"{label}.log"

    def last_words(self, count: int = 30) -> str:
        """The end of every log, for the report of a test that failed."""
        logs = sorted(self.folder.glob("*.log"))
        ends = {log.name: [line[:WIDTH] for line in _lines(log)[-count:]] for log in logs}
        return "\n".join("\n".join([f"== {name}", *end]) for name, end in ends.items())

    def errors(self) -> list[str]:
        """What the programs wrote down as an error, in a word."""
        written = [line for log in self.folder.glob("*.log") for line in _lines(log) if line.startswith("{")]
        records = [json.loads(line) for line in written]
        return [record["event"] for record in records if record["level"] in ("error", "critical")]

    # -- people and record

    def phone(self, name: str) -> Phone:
        """The phone of someone of the demonstration."""
        users = self.sandbox.control("GET", "/users")["users"]
        return Phone(self.sandbox, next(user for user in users if user["name"] == name), self.app_id)

    def new_phone(self, key: str, name: str) -> Phone:
        """The phone of someone nobody has met."""
        return self.sandbox.user(key, name, app_id=self.app_id)

    def ticket(self, place: str) -> str:
        """The ticket of a place's QR code, by the name that the sandbox's list shows."""
        return next(code["ticket"] for code in self.sandbox.codes() if code["label"] == place)

    def picture_of_code(self, place: str) -> bytes:
        """The QR code of a place as WeChat draws it."""
        address = f"{self.sandbox.url}/cgi-bin/showqrcode?ticket={quote(self.ticket(place))}"
        answer = requests.get(address, timeout=10)
        answer.raise_for_status()
        return answer.content

    def page_on(self, phone: Phone, url: str) -> str:
        """The address under which a browser opens this page as this phone's web view."""
        host = f"phone{phone.user_id}.localhost:{self.sandbox_port}"
        return f"http://{host}/open?url={quote(url, safe='')}"

    def record(self) -> Session:
        """A look into the database."""
        return Session(self.engine)


def _lines(log: Path) -> list[str]:
    return log.read_text(errors="replace").splitlines()
