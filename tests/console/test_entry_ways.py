"""The way to the code that lets a desktop in: through which account, back to which page, how often."""

import re

import pytest

from backend.broker import redis_client
from backend.config import config
from backend.wechat import accounts
from tests.console.desks import HTMX, WEIXIN, Desk, desk, phone
from tests.settings import set_to

__all__ = ["desk", "phone"]


def test_a_stranger_at_a_desk_is_asked_to_scan_and_inside_wechat_goes_through_wechat(app, session):
    desk, phone = app.test_client(), app.test_client()
    phone.environ_base["HTTP_USER_AGENT"] = WEIXIN
    wanted = "next=/console/?tab%3Dall"
    assert desk.get("/console/?tab=all").location == f"/console/login?{wanted}"
    assert phone.get("/console/?tab=all").location == f"/wechat/demo/login?{wanted}"
    assert phone.get("/console/login?next=/console/?tab%3Dall").location == f"/wechat/demo/login?{wanted}"
    assert desk.get("/r/").location.startswith("/wechat/demo/login")


@pytest.fixture
def two_accounts(tmp_path):
    """Only demo, of 青岚区, and street, of 青岚区/望溪街道."""
    demo, mixed = config.accounts_file.read_text().split("[accounts.clear]")[0].split("[accounts.mixed]")
    street = "[accounts.mixed]" + mixed.replace('"青岚区"', '"青岚区/望溪街道"')
    file = tmp_path / "accounts.toml"
    file.write_text(demo + street.replace("accounts.mixed", "accounts.street"))
    with set_to(wechat_accounts=file):
        accounts.reset()
        yield
    accounts.reset()


def scanned(page):
    """The address that the code on the screen holds: the page says it beside, where WeChat is simulated."""
    return re.search(r'user-select-all">http://[^/]+([^<]+)<', page.text)[1].replace("&amp;", "&")


@pytest.fixture
def simulated():
    with set_to(wechat_api_base="http://127.0.0.1:8100"):
        yield


def test_an_officer_of_another_account_logs_in_through_that_and_is_not_asked_again(
    app, session, two_accounts, simulated
):
    redis_client().flushall()
    desk, phone = app.test_client(), app.test_client()
    phone.environ_base["HTTP_USER_AGENT"] = WEIXIN
    first = desk.get("/console/login")
    assert "您是在哪个公众号里绑定的" in first.text
    assert phone.get(scanned(first)).location.startswith("/wechat/demo/login?next=/console/login/")
    chosen = re.search(r'href="([^"]+)">青岚区/望溪街道<', first.text)[1].replace("&amp;", "&")
    for page in (desk.get(chosen), desk.get("/console/login"), desk.get("/console/login?account=nobody")):
        assert "aria-current=true>青岚区/望溪街道<" in page.text
        assert phone.get(scanned(page)).location.startswith("/wechat/street/login?next=/console/login/")
    back = desk.get("/console/login?account=demo")
    assert phone.get(scanned(back)).location.startswith("/wechat/demo/login")


def test_where_there_is_one_account_nothing_is_asked(app, session, two_accounts):
    redis_client().flushall()
    config.accounts_file.write_text(config.accounts_file.read_text().split("[accounts.street]")[0])
    accounts.reset()
    page = app.test_client().get("/console/login").text
    assert "哪个公众号" not in page
    assert "account=" not in page


def test_accounts_of_one_place_are_told_apart_by_their_names(desk):
    assert "青岚区（mixed）" in desk.page.text


def test_a_piece_of_a_page_leads_the_whole_page_to_the_code(app, session):
    headers = HTMX | {"HX-Current-URL": "http://localhost/console/units/?q=x"}
    answer = app.test_client().get("/console/?tab=all", headers=headers)
    assert answer.headers["HX-Redirect"] == "/console/login?next=/console/units/?q%3Dx"


@pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_after_login_one_stays_with_us(app, session, wanted, phone):
    desk = Desk(app, wanted)
    phone.get(desk.path)
    phone.post(f"{desk.path}/confirm")
    entered = desk.client.post(f"{desk.path}/enter", data={"next": wanted}, headers=HTMX)
    assert entered.headers["HX-Redirect"] == "/"
    assert "evil" not in desk.page.text


def test_codes_are_not_made_without_end(app, session, desk):
    client = app.test_client()
    answers = [client.get("/console/login").status_code for _ in range(60)]
    assert (answers[0], answers[-1]) == (200, 429)
    elsewhere = client.get("/console/login", environ_base={"REMOTE_ADDR": "192.0.2.9"})
    assert elsewhere.status_code == 200


def test_a_made_up_code_is_not_found(phone, desk):
    for answer in (phone.get("/console/login/made-up"), phone.post("/console/login/made-up/confirm")):
        assert answer.status_code == 404
        assert "请刷新电脑上的页面" in answer.text
