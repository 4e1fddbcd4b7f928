"""Plays people through the sandbox's control API: for tests, benches and scripts."""

import base64
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import requests

USER_AGENT = "Mozilla/5.0 (Linux; Android 14) Mobile Safari/537.36 MicroMessenger/8.0.50.2701(0x28003253)"
ROOT = Path(__file__).resolve().parent.parent
Json = dict[str, Any]


class SandboxError(AssertionError):
    """The sandbox refused a control call; the text is its sentence."""


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Sandbox:
    """A running sandbox: `Sandbox.start(folder)` starts one, `Sandbox(url)` joins another's."""

    def __init__(self, url: str, process: subprocess.Popen[bytes] | None = None) -> None:
        self.url = url.rstrip("/")
        self.process = process

    @classmethod
    def start(cls, state_dir: Path | str, port: int | None = None, log: Path | None = None) -> "Sandbox":
        """Start `python -m wechat_sandbox` on this state and wait until it answers."""
        port = port or free_port()
        settings = {"SANDBOX_PORT": str(port), "SANDBOX_STATE": str(state_dir), "SANDBOX_HOST": "127.0.0.1"}
        settings["SANDBOX_PUBLIC_URL"] = f"http://127.0.0.1:{port}"
        with open(log or os.devnull, "ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "wechat_sandbox"], cwd=ROOT, env={**os.environ, **settings},
                stdout=output, stderr=output,
            )  # fmt: skip
        sandbox = cls(f"http://127.0.0.1:{port}", process)
        sandbox._wait_until_ready()
        return sandbox

    def stop(self, *, kill: bool = False) -> None:
        """Stop the process that `start` made; with `kill` as a power cut would."""
        if self.process is None:
            return
        if kill:
            self.process.kill()
        else:
            self.process.terminate()
        self.process.wait(10)

    def control(self, method: str, path: str, body: Json | None = None, /, **query: Any) -> Json:
        """One control call; a refusal raises SandboxError with its sentence."""
        params = {name: value for name, value in query.items() if value is not None}
        answer = requests.request(method, f"{self.url}/control{path}", json=body, params=params, timeout=60)
        if answer.status_code != 200:
            raise SandboxError(f"{method} /control{path}: {_sentence(answer)}")
        return dict(answer.json())

    def app(self, **fields: Any) -> Json:
        """Register or replace an app; the fields are those of POST /control/apps."""
        return self.control("POST", "/apps", fields)

    def user(self, key: str, name: str | None = None, role: str = "", app_id: str = "") -> "Phone":
        """The phone of the person with this key; `app_id` is the app that its calls mean by default."""
        document = self.control("POST", "/users", {"key": key, "name": name or key, "role": role})
        return Phone(self, document, app_id)

    def calls(self, path: str | None = None, after: int = 0) -> list[Json]:
        """The API calls received, of one path if given."""
        return list(self.control("GET", "/calls", None, path=path, after=after)["calls"])

    def pushes(self, app_id: str | None = None, after: int = 0) -> list[Json]:
        """The deliveries made to accounts."""
        return list(self.control("GET", "/pushes", None, app_id=app_id, after=after)["pushes"])

    def codes(self) -> list[Json]:
        """The QR codes that exist."""
        return list(self.control("GET", "/codes")["codes"])

    def faults(self, push: Json | None = None, api: list[Json] | None = None) -> Json:
        """Replace the faults in force; without arguments all faults end."""
        return self.control("PUT", "/faults", {"push": push or {}, "api": api or []})

    def clock(self, offset_seconds: float = 0) -> Json:
        """Put the platform's clock this many seconds ahead of the real one."""
        return self.control("PUT", "/clock", {"offset_seconds": offset_seconds})

    def settings(self, **values: Any) -> Json:
        """Change settings such as reply_seconds, deliveries, receipts, receipt_delay_ms."""
        return self.control("PUT", "/settings", values)

    def reset(self) -> None:
        """Forget everything."""
        self.control("POST", "/reset")

    def _wait_until_ready(self) -> None:
        for _ in range(200):
            if self.process is not None and self.process.poll() is not None:
                raise SandboxError(f"the sandbox ended at once with status {self.process.returncode}")
            try:
                requests.get(f"{self.url}/control/clock", timeout=1)
                return
            except requests.RequestException:
                time.sleep(0.05)
        raise SandboxError("the sandbox does not answer")


class Phone:
    """One person's phone; what reaches an account answers {message, deliveries, reply, fault, warnings}."""

    def __init__(self, sandbox: Sandbox, document: Json, app_id: str = "") -> None:
        self.sandbox = sandbox
        self.user_id: int = document["user_id"]
        self.key: str = document["key"]
        self.name: str = document["name"]
        self.openids: dict[str, str] = document["openids"]
        self.app_id = app_id
        self.web = requests.Session()
        self.web.headers["User-Agent"] = USER_AGENT
        # Cookies marked Secure must also work over plain HTTP on loopback, as they do in browsers.
        self.web.cookies.set_policy(DefaultCookiePolicy(secure_protocols=("http", "https")))
        self._seen = 0

    def openid(self, app_id: str | None = None) -> str:
        """The openid in an app."""
        wanted = app_id or self.app_id
        if wanted not in self.openids:
            self.openids = self.sandbox.control("GET", f"/users/{self.user_id}")["openids"]
        return self.openids[wanted]

    def follow(self, app_id: str | None = None, *, wait: bool = True) -> Json:
        """Follow the account."""
        return self._do("follow", app_id, wait=wait)

    def unfollow(self, app_id: str | None = None, *, wait: bool = True) -> Json:
        """Leave the account."""
        return self._do("unfollow", app_id, wait=wait)

    def send_text(self, content: str, app_id: str | None = None, *, wait: bool = True) -> Json:
        """Write."""
        return self._do("send", app_id, type="text", content=content, wait=wait)

    def send_image(self, file: bytes | None = None, app_id: str | None = None, *, wait: bool = True) -> Json:
        """Send a picture; without one the sandbox draws it."""
        encoded = base64.b64encode(file).decode() if file else None
        return self._do("send", app_id, type="image", file=encoded, wait=wait)

    def send_voice(
        self,
        recognition: str | None = None,
        seconds: float = 3,
        app_id: str | None = None,
        *,
        wait: bool = True,
    ) -> Json:
        """Send a recording, with or without recognised words."""
        return self._do("send", app_id, type="voice", recognition=recognition, seconds=seconds, wait=wait)

    def send_location(
        self,
        latitude: float,
        longitude: float,
        label: str = "",
        app_id: str | None = None,
        *,
        wait: bool = True,
    ) -> Json:
        """Send a place."""
        place = {"latitude": latitude, "longitude": longitude, "label": label}
        return self._do("send", app_id, type="location", wait=wait, **place)

    def send(self, kind: str, app_id: str | None = None, **fields: Any) -> Json:
        """Send a message of any type."""
        return self._do("send", app_id, type=kind, **fields)

    def scan(
        self, url: str | None = None, *, ticket: str | None = None, picture: bytes | None = None
    ) -> Json:
        """Scan a code by its text, its ticket or its picture."""
        encoded = base64.b64encode(picture).decode() if picture is not None else None
        return self._do("scan", "", url=url, ticket=ticket, picture=encoded)

    def webview(self, url: str) -> str:
        """Where a browser sees this page as this phone's web view shows it, signed in as this person."""
        port = urlsplit(self.sandbox.url).port
        return f"http://phone{self.user_id}.localhost:{port}/open?url={quote(url, safe='')}"

    def menu(self, app_id: str | None = None, **entry: Any) -> Json:
        """Tap a menu entry, named by key, url or path=[i, j]."""
        return self._do("menu", app_id, **entry)

    def tap(self, message: Json | int, item: str | int | None = None) -> Json:
        """Tap a message (or its id): a card, a line of a menu message, an article, a link."""
        number = message if isinstance(message, int) else message["id"]
        return self._do("tap", "", message_id=number, item=item)

    def inbox(self, app_id: str | None = None, after: int = 0) -> list[Json]:
        """Everything in the chat, oldest first; of all accounts when this phone has no default app."""
        wanted = self.app_id if app_id is None else app_id
        path = f"/users/{self.user_id}/inbox"
        return list(self.sandbox.control("GET", path, None, app_id=wanted, after=after)["messages"])

    def wait_for(
        self,
        wanted: str | Callable[[Json], bool],
        seconds: float = 10,
        *,
        after: int = 0,
        app_id: str | None = None,
    ) -> Json:
        """The first message not sent by the user that holds this text (or satisfies the function)."""
        end = time.monotonic() + seconds
        while True:
            messages = self.inbox(app_id, after)
            for message in messages:
                if message["from"] != "user" and _matches(message, wanted):
                    return message
            if time.monotonic() > end:
                raise AssertionError(f"{self.name} did not receive {wanted!r}; the chat holds: {messages}")
            time.sleep(0.05)

    def open(self, url: str) -> requests.Response:
        """Open a page as WeChat's web view does: follow redirects, sign in silently on the way."""
        answer = self.web.get(url, allow_redirects=False, timeout=30)
        for _ in range(10):
            if not answer.is_redirect:
                return answer
            target = urljoin(answer.url, answer.headers["Location"])
            if urlsplit(target).path == "/connect/oauth2/authorize":
                target = self.authorize(target)
            answer = self.web.get(target, allow_redirects=False, timeout=30)
        raise AssertionError(f"{url} redirects without end")

    def authorize(self, url: str) -> str:
        """Where WeChat leads from an authorize address."""
        return str(self._do("authorize", "", url=url)["redirect"])

    def js_code(self, app_id: str | None = None) -> str:
        """A wx.login code for a mini program."""
        return str(self._do("js_code", app_id)["code"])

    def phone_code(self, app_id: str | None = None) -> str:
        """A code of the phone-number button of a mini program."""
        return str(self._do("phone_code", app_id)["code"])

    def subscribe_message(
        self, template_ids: list[str], app_id: str | None = None, *, accept: bool = True
    ) -> Json:
        """Accept or refuse one message of each template."""
        return self._do("subscribe_message", app_id, template_ids=template_ids, accept=accept)

    def cancel_subscription(self, template_ids: list[str], app_id: str | None = None) -> Json:
        """Take back in the settings what was allowed."""
        return self._do("cancel_subscription", app_id, template_ids=template_ids)

    def _do(self, verb: str, app_id: str | None, **fields: Any) -> Json:
        named = {name: value for name, value in fields.items() if value is not None}
        if app_id != "":
            named["app_id"] = app_id or self.app_id
        return self.sandbox.control("POST", f"/users/{self.user_id}/{verb}", named)


def _sentence(answer: requests.Response) -> str:
    """Why the sandbox refused."""
    try:
        return str(answer.json()["error"])
    except (ValueError, KeyError):
        return f"HTTP {answer.status_code} {answer.text}"


def _matches(message: Json, wanted: str | Callable[[Json], bool]) -> bool:
    if callable(wanted):
        return wanted(message)
    return wanted in words_of(message)


def words_of(message: Json) -> str:
    """All text that a person sees of a message."""
    card = message.get("card") or {}
    lines = [message.get("content") or "", message.get("tail") or ""]
    lines += [str(line["content"]) for line in message.get("items") or []]
    lines += [f"{row['label']} {row['value']}" for row in card.get("rows") or []]
    lines += [f"{one['title']} {one['description']}" for one in message.get("articles") or []]
    return "\n".join(lines)
