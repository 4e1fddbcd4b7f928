"""README's "Set up your district", followed to the letter: from an empty database to the first report."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from backend import embedded, runner
from backend.cases.models import Case
from backend.demo import accounts
from backend.notify.models import Contact
from backend.places.models import Area, Officer, PlaceCode
from tests.journey.town import PROCFILE, Town
from tests.programs import ROOT

COMMAND = re.compile(r"^ *\.venv/bin/(python -m backend .+)$", re.M)
REGISTER = "from backend.demo import phones; phones.register()"


def chapter() -> list[str]:
    """The commands of the chapter, in order."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return COMMAND.findall(text.partition("## Set up your district")[2].partition("\n## ")[0])


class NewTown(Town):
    """A town that nothing is prepared for: its operator has README alone."""

    def follow(self, command: str) -> str:
        """Run a command of README in the project's folder. Returns what it said."""
        words = [sys.executable, *shlex.split(command)[1:]]
        done = subprocess.run(words, cwd=ROOT, env=self.env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def open_platform(self) -> None:
        """The platform answers, and knows the accounts of the file."""
        self.start("sandbox")
        self._wait_until_answers(runner.READY["sandbox"].format(**self.env))
        self._run("-c", REGISTER)
        apps = self.sandbox.control("GET", "/apps")["apps"]
        self.app_id = next(app["app_id"] for app in apps if app["name"] == "青岚区诉求服务")

    def open(self) -> None:
        """Web, worker and clock."""
        for name in PROCFILE:
            if name not in self.running:
                self.start(name)
        self._wait_until_answers(runner.READY["web"].format(**self.env))


@pytest.fixture
def new_town(tmp_path) -> Iterator[NewTown]:
    """A folder without servers, and an accounts' file that the operator has written."""
    accounts.write(tmp_path / "accounts.toml")
    town = NewTown(tmp_path, embedded.database_url(tmp_path), embedded.redis_url(tmp_path))
    town.env |= {"DATABASE_URL": "", "REDIS_URL": ""}
    yield town
    town.close()
    embedded.remove(tmp_path)


def test_following_the_chapter_leads_from_an_empty_database_to_the_first_report(new_town, tmp_path):
    commands = [command.replace("posters.pdf", str(tmp_path / "posters.pdf")) for command in chapter()]
    start = next(n for n, command in enumerate(commands) if command.endswith("check-config"))
    for command in commands[:start]:
        new_town.follow(command)
    new_town.open_platform()
    assert "不对" not in new_town.follow(commands[start])
    new_town.open()
    said = [new_town.follow(command) for command in commands[start + 1 :]]
    assert "请本人用微信扫一扫" in said[0]
    assert (tmp_path / "posters.pdf").read_bytes().startswith(b"%PDF")

    new_town.new_phone("administrator", "管理员").scan(ticket=ticket_of(new_town, "bind_"))
    resident = new_town.new_phone("resident", "居民")
    resident.scan(ticket=ticket_of(new_town, code_of(new_town, "玉兰苑东门")))
    resident.send_text("门口的路灯坏了三天，晚上老人走路看不清")
    with new_town.record() as session:
        [case] = session.scalars(sa.select(Case).options(joinedload(Case.place)))
        [bound] = session.scalars(sa.select(Officer).join(Contact, Contact.officer_id == Officer.id))
    assert (case.report, case.place.name) == ("门口的路灯坏了三天，晚上老人走路看不清", "玉兰苑东门")
    assert bound.name == "房立言"


def code_of(town: Town, place: str) -> str:
    """The scene of a place's code."""
    with town.record() as session:
        return session.scalars(sa.select(PlaceCode.scene).join(Area).where(Area.name == place)).one()


def ticket_of(town: Town, scene: str) -> str:
    """The ticket of the code whose scene begins so."""
    return next(code["ticket"] for code in town.sandbox.codes() if code["scene"].startswith(scene))
