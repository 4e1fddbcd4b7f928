"""The commands of `python -m backend`. Adding one is a line in COMMANDS."""

import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from backend import embedded
from backend.embedded import secrets

# A command's module is loaded when the command is called, so that none waits for what it does not use
# and `--help` needs no settings.
COMMANDS = {
    "administrator": ("backend.administrators:main", "任命管理员，或列出全部管理员"),
    "bind": ("backend.bind:main", "显示绑定码，让工作人员用微信扫码绑定"),
    "check-config": ("backend.cli:check_config", "检查每一项设置和公众号，指出哪里不对"),
    "demo": ("backend.cli:demo", "装入虚构的示范区：地点、人员和公众号"),
    "diagram": ("backend.cli:diagram", "画出诉求和发令单的流程图，给 README.md 用"),
    "export": ("backend.importing:give_out", "把地点、单位、人员等导出到文件"),
    "import": ("backend.importing:take_in", "从 CSV 或 XLSX 文件导入地点、单位、人员等"),
    "migrate": ("backend.cli:migrate", "把数据库的表更新到最新"),
    "posters": ("backend.posters:main", "把一个地点下面所有二维码的海报画进一个文件"),
    "publish": ("backend.publish:main", "发布公众号菜单，给每个地点做二维码"),
    "replay": ("backend.replay.command:replay", "把一份真实事件的文件放给正在运行的服务"),
    "run": ("backend.runner:run", "在一台机器上运行全部程序，按 Ctrl-C 停止"),
    "servers": ("backend.cli:servers", "启动、停止或删除自带的 PostgreSQL 和 Valkey"),
    "verify-ledger": ("backend.verify:main", "核对办理记录的存证链，指出第一处被改动的地方"),
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

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a database or queue that it cannot work with ends it in one sentence."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            sentence = _in_words(error)
            if sentence is None:
                raise
            raise click.ClickException(sentence) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("命令"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


def _in_words(error: Exception) -> str | None:
    """What is wrong with the database or queue, if the error came from there: so the settings were read."""
    if type(error).__module__.partition(".")[0] not in {"sqlalchemy", "redis"}:
        return None
    from backend import checks

    return checks.cause(error)


def _use_settings_of_this_folder() -> None:
    """A command beside `make run` opens what that sealed, and talks to whom that talks to: without this it
    would call the real WeChat with the demonstration's accounts. Without such a run there is no file."""
    settings = secrets.load(_var_dir()) if secrets.made(_var_dir()) else {}
    noted = _var_dir() / embedded.RUN_SETTINGS
    if noted.exists():
        settings |= dict(line.split("=", 1) for line in noted.read_text().splitlines())
    for name, setting in settings.items():
        os.environ[name] = os.environ.get(name) or setting


@click.command(cls=Commands, help="从微信开始的社区诉求办理。每条命令的用法：python -m backend 命令 --help")
def main() -> None:
    """Civic case work that starts in WeChat."""


@click.command(help="把数据库的表更新到最新，并补上加密栏的查找索引。可以重复运行。")
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


@click.command(help="装入虚构的示范区：地点、人员和公众号。已经有的不动。")
def demo() -> None:
    """Load the invented district, its officers and its accounts; what is there already stays."""
    importlib.import_module("backend.demo").load()


@click.command("check-config", help="读出每一项设置和公众号，说明哪里不对。密钥不会显示。")
def check_config() -> None:
    """Read every setting and account; say in sentences what is wrong. Secrets are not shown."""
    from backend import checks
    from backend.config import config

    hidden = {"secret_key", "data_keys", "database_url", "redis_url"}
    for name, setting in config:
        click.echo(f"{name.upper()}={'（已设置）' if name in hidden else setting}")
    findings = checks.findings()
    if not any(finding.bad for finding in findings):
        findings += checks.templates()
    for finding in findings:
        click.echo(f"{'不对' if finding.bad else '正常'}  {finding.sentence}", err=finding.bad)
    if any(finding.bad for finding in findings):
        raise SystemExit(1)


DIAGRAMS = {"case": "backend.cases.diagram", "order": "backend.orders.diagram"}  # what draws each


def marks(name: str) -> tuple[str, str]:
    """Between which lines of a document the diagram of this name stands."""
    return f"<!-- {name}: made by `python -m backend diagram --write README.md` -->\n", f"<!-- /{name} -->"


@click.command(help="画出诉求和发令单的流程图。")
@click.option(
    "--write",
    "path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="写进这个文件的标记之间；不写就显示在屏幕上。",
)
def diagram(path: Path | None) -> None:
    """Draw the lives of cases and orders from their tables; with --write, between the marks in a file."""
    for name, module in DIAGRAMS.items():
        drawn = f"```mermaid\n{importlib.import_module(module).diagram()}\n```\n"
        if path is None:
            click.echo(drawn, nl=False)
        else:
            _write_between(path, marks(name), drawn)


def _write_between(path: Path, between: tuple[str, str], drawn: str) -> None:
    before, start, rest = path.read_text(encoding="utf-8").partition(between[0])
    _, end, after = rest.partition(between[1])
    if not end:
        raise click.ClickException(f"{path} 里没有流程图的标记 {between[1]}，请先加上")
    path.write_text(f"{before}{start}{drawn}{end}{after}", encoding="utf-8")


@click.group(help="VAR_DIR 里自带的 PostgreSQL 和 Valkey。")
def servers() -> None:
    """The embedded PostgreSQL and Valkey of VAR_DIR."""


def _var_dir() -> Path:
    return Path(os.environ.get("VAR_DIR") or "var")


@servers.command(help="启动（已经在运行就不动），并显示地址。")
def start() -> None:
    """Start them, or find them running, and print their addresses."""
    _try(embedded.start)
    click.echo(f"DATABASE_URL={embedded.database_url(_var_dir())}")
    click.echo(f"REDIS_URL={embedded.redis_url(_var_dir())}")


@servers.command(help="停止。")
def stop() -> None:
    """Stop them."""
    _try(embedded.stop)


@servers.command(help="停止，并删除全部数据。")
@click.confirmation_option(prompt="数据库会被永久删除，不能恢复。继续吗？", help="不再询问，直接删除。")
def remove() -> None:
    """Stop them and remove all their data."""
    _try(embedded.remove)


def _try(action: Callable[[Path], None]) -> None:
    try:
        action(_var_dir())
    except embedded.ServerTrouble as trouble:
        raise click.ClickException(str(trouble)) from None
