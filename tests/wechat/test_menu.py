"""The menu: accepted by the platform, and every entry leads to something."""

from urllib.parse import urlsplit

from backend.app import create_app
from backend.config import config
from backend.wechat import accounts, menu
from backend.wechat.conversation import MENU


def leaves():
    return [leaf for button in menu.buttons(accounts.get("demo")) for leaf in button["sub_button"]]


def test_the_platform_takes_the_menu(weixin):
    account = accounts.get("demo")
    menu.publish(account)
    shown = weixin.control("GET", f"/apps/{account.app_id}/menu")
    assert shown["button"] == menu.buttons(account)


def test_the_conversation_knows_every_key():
    assert {leaf["key"] for leaf in leaves() if leaf["type"] == "click"} <= set(MENU)


def test_every_address_is_a_page_that_knows_the_account():
    routes = create_app().url_map.bind("")
    for leaf in leaves():
        if leaf["type"] == "view":
            assert leaf["url"].startswith(config.public_url)
            assert urlsplit(leaf["url"]).query == "account=demo"
            assert routes.match(urlsplit(leaf["url"]).path)


def test_names_are_short_enough_to_be_read():
    names = [button["name"] for button in menu.buttons(accounts.get("demo"))]
    assert all(len(name) <= 4 for name in names)
    assert all(len(leaf["name"]) <= 8 for leaf in leaves())
