"""The commands of `python -m backend`. Adding one is a line in COMMANDS."""

import importlib
import os
from collections.abc import Callable
from pathlib import Path

import click

from backend import embedded
from backend.embedded import secrets

# A command's module is loaded when the command is called, so that none waits for what it does not use
# and `--help` needs no settings.
COMMANDS = {
    "administrator": ("backend.administrators:main", "Name an administrator, or list them all."),
    "bind": ("backend.bind:main", "Show a code that binds an officer to the WeChat that scans it."),
    "check-config": ("backend.cli:check_config", "Read every setting and account; name the bad ones."),
    "demo": ("backend.cli:demo", "Load the invented district, its officers and its accounts."),
    "diagram": ("backend.cli:diagram", "Draw the life of a case, for README.md."),
    "export": ("backend.importing:give_out", "Write areas, units, officers, … to a file."),
    "import": ("backend.importing:take_in", "Take areas, units, officers, … in from a CSV or XLSX file."),
    "migrate": ("backend.cli:migrate", "Bring the database's tables up to date."),
    "posters": ("backend.posters:main", "Draw the posters of all codes under a place into one file."),
    "publish": ("backend.publish:main", "Give the accounts their menus, and places their QR codes."),
    "replay": ("backend.replay.command:replay", "Play a file of real events against the running service."),
    "run": ("backend.runner:run", "Everything on one machine, until Ctrl-C."),
    "servers": ("backend.cli:servers", "Start, stop or remove the embedded PostgreSQL and Valkey."),
}


TABLES = "backend.models"  # all of them: a table may refer to one of another package


class Commands(click.Group):
    """A group that knows its commands by name and loads one at need."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        if cmd_name != "run":  # which makes its own
            _use_settings_of_this_folder()
        module, name = COMMANDS[cmd_name][0].split(":")
        if module != __name__ and cmd_name != "run":
            importlib.import_module(TABLES)
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


def _use_settings_of_this_folder() -> None:
    """A command beside `make run` opens what that sealed, and talks to whom that talks to: without this it
    would call the real WeChat with the demonstration's accounts. Without such a run there is no file."""
    settings = secrets.load(_var_dir()) if secrets.made(_var_dir()) else {}
    noted = _var_dir() / embedded.RUN_SETTINGS
    if noted.exists():
        settings |= dict(line.split("=", 1) for line in noted.read_text().splitlines())
    for name, setting in settings.items():
        os.environ[name] = os.environ.get(name) or setting


@click.command(cls=Commands)
def main() -> None:
    """Civic case work that starts in WeChat."""


@click.command()
def migrate() -> None:
    """Bring the database's tables up to date, and what is found by sealed columns."""
    from backend import db, migrations
    from backend.config import config
    from backend.places import officers

    importlib.import_module(TABLES)
    migrations.upgrade(config.database_url)
    db.connect(config.database_url)
    with db.transaction() as session:
        officers.fill_indexes(session)


@click.command()
def demo() -> None:
    """Load the invented district, its officers and its accounts; what is there already stays."""
    importlib.import_module("backend.demo").load()


@click.command("check-config")
def check_config() -> None:
    """Read every setting and account; say in sentences what is wrong. Secrets are not shown."""
    from backend import checks
    from backend.config import config

    hidden = {"secret_key", "data_keys", "database_url", "redis_url"}
    for name, setting in config:
        click.echo(f"{name.upper()}={'(set)' if name in hidden else setting}")
    findings = checks.findings()
    for finding in findings:
        click.echo(f"{'BAD' if finding.bad else 'ok '}  {finding.sentence}", err=finding.bad)
    if any(finding.bad for finding in findings):
        raise SystemExit(1)


DRAWN = ("<!-- diagram: made by `python -m backend diagram --write README.md` -->\n", "<!-- /diagram -->")


@click.command()
@click.option("--write", "path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def diagram(path: Path | None) -> None:
    """Draw the life of a case from the workflow's table; with --write, between the marks in a file."""
    from backend.cases import workflow

    drawn = f"```mermaid\n{workflow.diagram()}\n```\n"
    if path is None:
        click.echo(drawn, nl=False)
        return
    before, start, rest = path.read_text(encoding="utf-8").partition(DRAWN[0])
    _, end, after = rest.partition(DRAWN[1])
    if not end:
        raise click.ClickException(f"{path} does not hold the two marks of the diagram.")
    path.write_text(f"{before}{start}{drawn}{end}{after}", encoding="utf-8")


@click.group()
def servers() -> None:
    """The embedded PostgreSQL and Valkey of VAR_DIR."""


def _var_dir() -> Path:
    return Path(os.environ.get("VAR_DIR") or "var")


@servers.command()
def start() -> None:
    """Start them, or find them running, and print their addresses."""
    _try(embedded.start)
    click.echo(f"DATABASE_URL={embedded.database_url(_var_dir())}")
    click.echo(f"REDIS_URL={embedded.redis_url(_var_dir())}")


@servers.command()
def stop() -> None:
    """Stop them."""
    _try(embedded.stop)


@servers.command()
@click.confirmation_option(prompt="This removes the database for ever. Go on?")
def remove() -> None:
    """Stop them and remove all their data."""
    _try(embedded.remove)


def _try(action: Callable[[Path], None]) -> None:
    try:
        action(_var_dir())
    except embedded.ServerTrouble as trouble:
        raise click.ClickException(str(trouble)) from None
