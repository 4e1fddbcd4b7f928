"""Starts the sandbox: `python -m wechat_sandbox`. Its settings are in README.md."""

import logging
import os
import re
import signal
import threading
from pathlib import Path
from types import FrameType

from werkzeug.serving import WSGIRequestHandler, make_server

from wechat_sandbox import receipts
from wechat_sandbox.app import create_app
from wechat_sandbox.platform import Platform
from wechat_sandbox.state import State

SECRETS = re.compile(r"\b(access_token|secret|appsecret|code|js_code|refresh_token|ticket)=[^&\s]+")
QUIET = ("/control/", "/static/")  # The phones ask once a second: that is not worth a line.


class Handler(WSGIRequestHandler):
    """Logs requests without their secrets and answers without saying what serves them."""

    server_version = "wechat-sandbox"
    sys_version = ""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """One line for each request of the API side, tokens and secrets masked."""
        if not self.path.startswith(QUIET):
            line = SECRETS.sub(r"\1=***", self.requestline)
            logging.getLogger("wechat_sandbox").debug('"%s" %s', line, code)


def main() -> None:
    """Read the environment and serve until stopped."""
    level = os.environ.get("SANDBOX_LOG_LEVEL", "INFO").upper()
    logging.basicConfig(format="%(asctime)s %(name)s %(levelname)s %(message)s")
    logging.getLogger("wechat_sandbox").setLevel(level)
    host, port = os.environ.get("SANDBOX_HOST", "127.0.0.1"), int(os.environ.get("SANDBOX_PORT", "8100"))
    reachable = "127.0.0.1" if host == "0.0.0.0" else host
    base_url = os.environ.get("SANDBOX_PUBLIC_URL", f"http://{reachable}:{port}").rstrip("/")
    platform = Platform(State(Path(os.environ.get("SANDBOX_STATE", "var/sandbox"))), base_url)
    # One thread for each connection: a control call may wait 15 s for an account that does not answer.
    server = make_server(host, port, create_app(platform), threaded=True, request_handler=Handler)
    receipts.start(platform)
    _end_on_signals(platform)
    print(f"WeChat sandbox: phones at {base_url}/", flush=True)
    server.serve_forever()


def _end_on_signals(platform: Platform) -> None:
    """On SIGTERM and SIGINT: end when deliveries and calls are through. All else is in the file."""

    def end() -> None:
        platform.is_ending = True
        platform.wait_until_quiet(platform.option("reply_seconds"))
        os._exit(0)

    def begin(_number: int, _frame: FrameType | None) -> None:
        threading.Thread(target=end, name="end").start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, begin)


if __name__ == "__main__":
    main()
