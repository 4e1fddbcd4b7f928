"""Browsers for tests of pages: a real Chromium the size of a phone or of a desk, and forms without one."""

import shutil
import threading
from collections.abc import Iterator

import pytest
from flask import session as flask_session
from flask.testing import FlaskClient
from flask_wtf.csrf import generate_csrf
from playwright.sync_api import Browser, BrowserContext, sync_playwright
from werkzeug.serving import make_server

from backend import auth

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
PHONE = {"width": 375, "height": 812}
DESKTOP = {"width": 1440, "height": 900}


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The system's Chromium, started once."""
    path = next((found for name in CHROMIUMS if (found := shutil.which(name))), None)
    if path is None:
        pytest.fail("No Chromium is on this machine; scripts/browser says how to get one")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def phone(chromium) -> Iterator[BrowserContext]:
    context = chromium.new_context(
        viewport=PHONE, device_scale_factor=2, is_mobile=True, has_touch=True, locale="zh-CN"
    )
    yield context
    context.close()


@pytest.fixture
def desktop(chromium) -> Iterator[BrowserContext]:
    context = chromium.new_context(viewport=DESKTOP, locale="zh-CN")
    yield context
    context.close()


@pytest.fixture
def site(engine) -> Iterator[str]:
    """The application on a free port; what the tests commit, it sees. Use with `committed`."""
    from backend.app import create_app

    server = make_server("127.0.0.1", 0, create_app(), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(5)
    server.server_close()


def sign_in(session, context: BrowserContext, site: str, contact) -> None:
    """Give the browser the session that WeChat's login would give it."""
    token, _ = auth.start_session(session, contact.id)
    session.commit()
    context.add_cookies([{"name": auth.COOKIE, "value": token, "url": site}])


def add_form_token(client: FlaskClient) -> None:
    """Let every request of this test client carry the token that a form of ours would send."""
    with client.application.test_request_context(), client.session_transaction() as kept:
        client.environ_base["HTTP_X_CSRFTOKEN"] = generate_csrf()
        kept.update(flask_session)


def is_cut(page) -> bool:
    """Whether anything on the page, once it is there, sticks out of the window to the right."""
    page.wait_for_load_state()
    return bool(page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))
