"""Makes the platform's QR codes and fetches their pictures."""

from typing import Any

import requests

from tests.sandbox.conftest import MINI_ID, MINI_SECRET, Api, stable_token
from tests.sandbox_client import Sandbox


def create(api: Api, action: str, scene: Any, **more: Any) -> dict[str, Any]:
    """The answer of /cgi-bin/qrcode/create."""
    return api.post(
        "/cgi-bin/qrcode/create", {"action_name": action, "action_info": {"scene": scene}, **more}
    )


def picture(sandbox: Sandbox, ticket: str) -> requests.Response:
    """The answer of showqrcode."""
    return requests.get(f"{sandbox.url}/cgi-bin/showqrcode", params={"ticket": ticket}, timeout=5)


def mini_code(sandbox: Sandbox, body: dict[str, Any]) -> requests.Response:
    """The answer of getwxacodeunlimit for the tests' mini program."""
    sandbox.app(
        app_id=MINI_ID, app_secret=MINI_SECRET, kind="mini_program", name="小程序", original_id="gh_mini",
        pages=["pages/report/report"],
    )  # fmt: skip
    token = stable_token(sandbox, MINI_ID, MINI_SECRET)["access_token"]
    url = f"{sandbox.url}/wxa/getwxacodeunlimit"
    return requests.post(url, params={"access_token": token}, json=body, timeout=5)
