"""Where the embedded servers keep their files and sockets, and as whom they run."""

import fcntl
import hashlib
import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SERVICE_USER = "civic-cases"
OUTSIDE = Path("/var/lib/civic-cases")  # for root, when nobody else may pass to the folder it works in
SOCKET_PATH_BYTES = 107 - len("/.s.PGSQL.5432")  # the kernel's limit, and the longest name below the folder

# pg_trgm sees Chinese letters only when lc_ctype knows them; macOS has no C.UTF-8.
CTYPE = "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"


class ServerTrouble(RuntimeError):
    """An embedded server cannot be had; the message says why, in words for the operator."""


@dataclass(frozen=True)
class Place:
    """One folder's servers: `home` holds their files, `sockets` their doors, `account` runs them."""

    home: Path
    sockets: Path
    account: pwd.struct_passwd | None  # None: as whoever calls

    def folder(self, name: str) -> Path:
        """The server's own folder, made at need and closed to all others."""
        folder = self.home / name
        folder.mkdir(mode=0o700, exist_ok=True)
        self._give(folder)
        return folder

    def run(self, *command: str | Path) -> "subprocess.CompletedProcess[str]":
        """Run a program as the servers' account, in an environment that nobody's locale leaks into."""
        env = {"PATH": "/usr/bin:/bin", "HOME": str(self.home), "LC_ALL": CTYPE, "TZ": "UTC"}
        account: dict[str, Any] = {}
        if self.account:
            account = {"user": self.account.pw_uid, "group": self.account.pw_gid, "extra_groups": []}
        words = [str(word) for word in command]
        return subprocess.run(words, env=env, cwd="/", capture_output=True, text=True, check=False, **account)

    def _give(self, folder: Path) -> None:
        """Hand a closed folder to the account; one that somebody else put there is refused, not touched."""
        owner = folder.lstat()
        mine = {os.geteuid(), self.account.pw_uid if self.account else os.geteuid()}
        if not stat.S_ISDIR(owner.st_mode) or owner.st_uid not in mine or owner.st_mode & 0o077:
            raise ServerTrouble(f"{folder} 要是只归一个用户的文件夹，请把它删掉。")
        if self.account:
            os.chown(folder, self.account.pw_uid, self.account.pw_gid, follow_symlinks=False)


def socket_folder(var_dir: Path) -> Path:
    """The folder of the servers' sockets: inside `var_dir`, or one in /tmp when that path will not do."""
    var_dir = var_dir.resolve()
    inside = var_dir / "run"
    if len(os.fsencode(inside)) <= SOCKET_PATH_BYTES and is_reachable(var_dir.parent):
        return inside
    digest = hashlib.sha256(os.fsencode(var_dir)).hexdigest()[:12]
    return Path(f"/tmp/civic-cases-{os.geteuid()}-{digest}")


def is_reachable(folder: Path) -> bool:
    """Whether the servers' account may pass to `folder`. Only root's servers run as somebody else."""
    if os.geteuid() != 0:
        return True
    return all(step.stat().st_mode & stat.S_IXOTH for step in (folder, *folder.parents) if step.exists())


def exists(var_dir: Path) -> bool:
    """Whether servers were ever prepared for this folder."""
    return (var_dir / "servers").exists()


@contextmanager
def held(var_dir: Path) -> Iterator[None]:
    """Hold the folder's lock, so that one process at a time starts or stops. Killing the holder frees it."""
    try:
        var_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = (var_dir / "servers.lock").open("a")
    except OSError as error:
        raise ServerTrouble(
            f"用不了文件夹 {error.filename}（{error.strerror}）。请用 VAR_DIR 换一个。"
        ) from error
    with handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def prepare(var_dir: Path) -> Place:
    """Make the folders and find the account. The caller holds the lock."""
    var_dir = var_dir.resolve()
    home = _home(var_dir)
    place = Place(home, socket_folder(var_dir), _account(home))
    place.sockets.mkdir(mode=0o700, exist_ok=True)
    place._give(place.sockets)
    return place


def remove(var_dir: Path) -> None:
    """Remove what `prepare` made, with all that the servers put there. The caller holds the lock."""
    shutil.rmtree(socket_folder(var_dir), ignore_errors=True)
    link = var_dir / "servers"
    if link.exists():
        shutil.rmtree(link.resolve())
    if link.is_symlink():
        link.unlink()


def _home(var_dir: Path) -> Path:
    """`var_dir/servers`, a link to a folder outside when the servers' account cannot reach `var_dir`."""
    link = var_dir / "servers"
    if not link.exists():
        link.unlink(missing_ok=True)  # a link whose folder is gone
        if is_reachable(var_dir.parent):
            link.mkdir(mode=0o700)
        else:
            OUTSIDE.mkdir(mode=0o755, parents=True, exist_ok=True)
            link.symlink_to(tempfile.mkdtemp(dir=OUTSIDE))
    if os.geteuid() == 0:  # others may pass, not look
        for folder in (var_dir, link.resolve()):
            folder.chmod(0o711)
    return link.resolve()


def _account(home: Path) -> pwd.struct_passwd | None:
    """As whom root runs the servers: the owner of data that is there, else a system user without a shell."""
    if os.geteuid() != 0:
        return None
    if (home / "postgres").exists():
        return pwd.getpwuid((home / "postgres").stat().st_uid)
    try:
        return pwd.getpwnam(SERVICE_USER)
    except KeyError:
        return _made_account()


def _made_account() -> pwd.struct_passwd:
    command = ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin"]
    if shutil.which("useradd"):
        subprocess.run([*command, SERVICE_USER], capture_output=True, check=False)
    try:
        return pwd.getpwnam(SERVICE_USER)
    except KeyError:
        raise ServerTrouble(
            f"PostgreSQL 不能由 root 运行，又建不了系统用户 {SERVICE_USER}。"
            "请用普通用户运行，或者设置 DATABASE_URL 和 REDIS_URL。"
        ) from None


def last_lines(log: Path, count: int = 8) -> str:
    """The end of a server's log, for the sentence that says why it did not start."""
    if not log.exists():
        return "没有留下日志。"
    return "\n".join([f"{log} ends:", *log.read_text(errors="replace").splitlines()[-count:]])
