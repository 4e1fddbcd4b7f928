"""The web view of a phone: a page of another origin behind the phone's own."""

from urllib.parse import quote, urlsplit

import pytest
import requests

from tests.sandbox_client import Phone, Sandbox


class View:
    """A browser on a phone's host; the name is given in the Host header, the address is loopback."""

    def __init__(self, sandbox: Sandbox, phone: Phone) -> None:
        self.base = sandbox.url
        self.host = f"phone{phone.user_id}.localhost:{urlsplit(sandbox.url).port}"
        self.cookies: dict[str, str] = {}
        self.set_cookies: list[str] = []

    def get(self, path: str, method: str = "GET", **headers: str) -> requests.Response:
        """One request without following redirects, keeping cookies."""
        headers |= {"Host": self.host, "Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())}
        answer = requests.request(
            method, self.base + path, headers=headers, allow_redirects=False, timeout=10
        )
        self.set_cookies = answer.raw.headers.getlist("Set-Cookie")
        for cookie in self.set_cookies:
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer

    def open(self, url: str) -> requests.Response:
        """Open a page and follow it wherever it leads on this phone's host."""
        answer = self.get(f"/open?url={quote(url, safe='')}")
        for _ in range(8):
            if not answer.is_redirect:
                break
            answer = self.get(self.local(answer.headers["Location"]))
        return answer

    def local(self, location: str) -> str:
        """The path of an address on this phone's host; any other host is an error."""
        parts = urlsplit(location)
        assert parts.netloc in ("", self.host), f"{location} leaves the phone"
        return parts.path + (f"?{parts.query}" if parts.query else "")


@pytest.fixture
def view(sandbox: Sandbox, phone: Phone) -> View:
    """The resident's web view."""
    return View(sandbox, phone)


def test_a_page_that_needs_wechat_opens_signed_in(site: str, phone: Phone, view: View) -> None:
    answer = view.open(f"{site}/mine")

    assert answer.content.decode() == f"我是 {phone.openid()}"


def test_two_phones_are_two_people(sandbox: Sandbox, site: str, phone: Phone, view: View) -> None:
    other = sandbox.user("officer-1", "赵书记", "社区书记 · 玉兰社区", phone.app_id)

    pages = [view.open(f"{site}/mine"), View(sandbox, other).open(f"{site}/mine")]

    assert [page.content.decode() for page in pages] == [f"我是 {phone.openid()}", f"我是 {other.openid()}"]


def test_the_page_sees_its_own_host_and_wechats_browser(site: str, view: View) -> None:
    view.open(f"{site}/page")
    phone_origin = f"http://{view.host}"

    seen = view.get("/seen", "POST", Origin=phone_origin, Referer=f"{phone_origin}/page").text

    # The body is rewritten on its way back, so the page's own origin appears as the phone's.
    assert f'"host":"{urlsplit(site).netloc}"' in seen
    assert "MicroMessenger" in seen
    assert f'"Origin":"{phone_origin}"' in seen
    assert f'"Referer":"{phone_origin}/page"' in seen
    assert "sandbox_origin" not in seen


def test_links_to_the_page_itself_stay_on_the_phone(site: str, view: View) -> None:
    text = view.open(f"{site}/page").text

    assert f'href="http://{view.host}/next"' in text
    assert 'href="http://other.test/x"' in text


def test_a_redirect_to_another_site_opens_it_on_the_phone(site: str, view: View) -> None:
    view.open(f"{site}/page")

    location = view.get("/away").headers["Location"]

    assert location == f"http://{view.host}/open?url=http%3A%2F%2Fother.test%2Fx%3Fy%3D1"


def test_framing_is_allowed_and_other_rules_stay(site: str, view: View) -> None:
    answer = view.open(f"{site}/page")

    assert "X-Frame-Options" not in answer.headers
    assert answer.headers["Content-Security-Policy"] == "default-src 'self'"


def test_cookies_become_cookies_of_the_framed_phone(site: str, view: View) -> None:
    view.open(f"{site}/page")

    cookie = view.set_cookies[0]
    assert cookie.startswith('token="a=b c"')
    assert cookie.endswith("Path=/page; SameSite=None; Secure; Partitioned")
    assert "Domain" not in cookie


def test_a_phone_without_a_page_says_so(view: View) -> None:
    assert view.get("/anything").status_code == 404
    assert view.get("/open?url=javascript:alert(1)").status_code == 400


def test_a_page_that_does_not_answer_says_so(view: View) -> None:
    answer = view.open("http://127.0.0.1:1/")

    assert answer.status_code == 502
    assert "网页打不开" in answer.content.decode()


def test_a_phone_of_nobody_is_404(sandbox: Sandbox, view: View) -> None:
    view.host = view.host.replace("phone", "phone999")

    assert view.get("/").status_code == 404
