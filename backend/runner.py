"""`python -m backend run`: everything on one machine, from nothing to two phones, until Ctrl-C."""

import errno
import fcntl
import hashlib
import importlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import click

from backend import embedded
from backend.embedded import secrets
from backend.embedded.processes import end_carrying

ROOT = Path(__file__).parent.parent
MARK = "CIVIC_CASES_RUN"
ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
ECHO = 1.0  # seconds: `timeout` and others signal the process and its group; a second Ctrl-C comes later
PATIENCE = 30.0  # seconds for a program to finish: WeChat may take 20 to answer (backend/wechat/transport.py)

# What a demonstration needs and nobody has set: no real WeChat, messages and a survey that come while one
# looks on, at night too, and the addresses at the end of a short page.
DEMONSTRATION = {
    "PORT": "8000",
    "SANDBOX_PORT": "8100",
    "SANDBOX_STATE": "{VAR_DIR}/sandbox",
    "WECHAT_API_BASE": "http://127.0.0.1:{SANDBOX_PORT}",
    "PUBLIC_URL": "http://127.0.0.1:{PORT}",
    "MESSAGE_HOURS": "00:00-24:00",
    "CALLBACK_HOURS": "00:00-24:00",
    "GATHER_SECONDS": "15",
    "RESIDENT_MESSAGES_A_DAY": "0",
    "SURVEY_DELAY_MINUTES": "1",
    "SURVEY_HOURS": "00:00-24:00",
    "GRANIAN_LOG_LEVEL": "error",
    "NO_PROXY": "127.0.0.1,localhost",
    "PYTHONUNBUFFERED": "1",
}
READY = {"web": "http://127.0.0.1:{PORT}/readyz", "sandbox": "http://127.0.0.1:{SANDBOX_PORT}/"}
ADDRESSES = {
    "两部手机": "http://127.0.0.1:{SANDBOX_PORT}/",
    "服务": "{PUBLIC_URL}/",
}


@click.command(help="启动数据库、网页、后台程序、定时程序和模拟微信，按 Ctrl-C 全部停止。")
def run() -> None:
    """Start servers, web, worker, clock and the WeChat sandbox; stop all on Ctrl-C."""
    for number in ENDS:
        signal.signal(number, interrupt)
    try:
        settle_environment()
        with alone(var_dir()):
            note_settings()
            end_carrying(f"{MARK}={mark()}")
            check_ports()
            run_until_stopped()
    except embedded.ServerTrouble as trouble:
        raise click.ClickException(str(trouble)) from None


def var_dir() -> Path:
    return Path(os.environ["VAR_DIR"])


def settle_environment() -> None:
    """Fill what is unset, for this process and its children. Must come before backend.config is imported."""
    env = os.environ
    env["VAR_DIR"] = str(Path(env.get("VAR_DIR") or "var").resolve())
    env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
    for name, setting in DEMONSTRATION.items():
        env[name] = env.get(name) or setting.format(**env)
    for name, secret in secrets.load(var_dir()).items():
        env[name] = env.get(name) or secret


def note_settings() -> None:
    """Write down how this run is set up, for the commands given beside it (backend/cli.py)."""
    lines = [f"{name}={os.environ[name]}" for name in DEMONSTRATION]
    (var_dir() / embedded.RUN_SETTINGS).write_text("\n".join([*lines, ""]))


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the folder's run lock, which the kernel frees however this process ends."""
    with (folder / "run.lock").open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise click.ClickException(
                f"这个文件夹已经有 make run 在运行：{folder}。请按 Ctrl-C 停掉那一个，"
                "或者另外选文件夹和端口：make run VAR_DIR=var2 PORT=8001 SANDBOX_PORT=8101"
            ) from None
        yield


def check_ports() -> None:
    """Say which port is taken, before anything is started."""
    for name in ("PORT", "SANDBOX_PORT"):
        number = os.environ[name]
        try:
            with socket.socket() as door:
                door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                door.bind(("127.0.0.1", int(number)))
        except (OSError, OverflowError, ValueError) as error:
            why = _why_not(error)
            raise click.ClickException(
                f"端口 {number} 不能用：{why}。请换一个，例如：make run {name}=8765"
            ) from None


def _why_not(error: Exception) -> str:
    if not isinstance(error, OSError):
        return "要写小于 65536 的数字"
    known = {errno.EADDRINUSE: "别的程序正在用", errno.EACCES: "没有权限"}
    return known.get(error.errno or 0, str(error.strerror))


def interrupt(_number: int, _frame: object) -> None:
    """Stop, once: what is being stopped is not interrupted by a second signal."""
    ignore_signals()
    raise KeyboardInterrupt


def ignore_signals() -> None:
    for number in ENDS:
        signal.signal(number, signal.SIG_IGN)


def run_until_stopped() -> None:
    servers = embedded.needed(os.environ)
    programs: subprocess.Popen[bytes] | None = None
    try:
        prepare(servers)
        programs = start_programs()
        watch(programs, servers)
    except KeyboardInterrupt:
        click.echo("正在停止，先做完手上的事。再按一次 Ctrl-C 马上停止。")
    finally:
        ignore_signals()
        if programs:
            stop_programs(programs)
        end_carrying(f"{MARK}={mark()}")
        embedded.stop(var_dir(), servers)  # last, so that the programs can write down what they finish


def prepare(servers: tuple[str, ...]) -> None:
    """Servers, tables, demonstration data."""
    click.echo("正在启动数据库和队列。" if servers else "使用设置里写的数据库和队列。")
    embedded.start(var_dir(), servers)
    config = importlib.import_module("backend.config").config
    importlib.import_module("backend.migrations").upgrade(config.database_url)
    importlib.import_module("backend.demo").load()


def start_programs() -> "subprocess.Popen[bytes]":
    """Start honcho in a session of its own: Ctrl-C reaches this process alone, which then ends the rest."""
    honcho = [sys.executable, "-m", "backend.programs", str(PATIENCE)]
    return subprocess.Popen(honcho, cwd=ROOT, env=os.environ | {MARK: mark()}, start_new_session=True)


def watch(programs: "subprocess.Popen[bytes]", servers: tuple[str, ...]) -> None:
    """Announce the addresses once all answers; keep the embedded servers up; end when a program ends."""
    announced = False
    while programs.poll() is None:
        if not announced and answers_all():
            announced = True
            announce()
        if not embedded.is_up(var_dir(), servers):
            click.echo("自带的数据库或队列停了，正在重新启动。")
            embedded.start(var_dir(), servers)
        time.sleep(1 if announced else 0.3)
    raise click.ClickException("有一个程序停了（原因见上面），所以全部停了。运行 make run 再启动。")


def answers_all() -> bool:
    return all(answers(address.format(**os.environ)) for address in READY.values())


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=2) as response:
            return bool(response.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def announce() -> None:
    """Bring the demonstration's people to the sandbox, then say where to look."""
    importlib.import_module("backend.demo.phones").introduce()
    lines = [f"  {name}：{address.format(**os.environ)}" for name, address in ADDRESSES.items()]
    click.echo("\n".join(["", "已启动，请用浏览器打开：", *lines, "按 Ctrl-C 全部停止。", ""]))


def stop_programs(programs: "subprocess.Popen[bytes]") -> None:
    """Let the programs finish what they hold; at a second Ctrl-C, kill them.

    Honcho tells all at once, the sandbox too, which goes on answering until nobody has called for a second. A
    worker whose call is cut off all the same writes that down, and the message goes out after the next start.
    """
    try:
        hear_again(time.monotonic() + ECHO)
        programs.terminate()
        programs.wait(2 * PATIENCE)  # honcho counts from the first program's end
        end_carrying(f"{MARK}={mark()}", PATIENCE)  # honcho leaves them when nobody hears it (programs.py)
        ignore_signals()
    except (KeyboardInterrupt, subprocess.TimeoutExpired):
        programs.kill()
        end_carrying(f"{MARK}={mark()}", seconds=0)


def hear_again(after: float) -> None:
    """Let Ctrl-C interrupt once more, when this moment is over."""

    def interrupt_later(number: int, frame: FrameType | None) -> None:
        if time.monotonic() > after:
            interrupt(number, frame)

    signal.signal(signal.SIGINT, interrupt_later)


def mark() -> str:
    """What every process of this folder's runs carries, so that left-overs of a killed run are known."""
    return hashlib.sha256(os.fsencode(var_dir())).hexdigest()[:16]
