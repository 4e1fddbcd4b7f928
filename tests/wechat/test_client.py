"""Calls to the platform: what they do there, and what each of its refusals becomes."""

from io import BytesIO
from urllib.parse import parse_qs, urlsplit

import pytest
from PIL import Image

from backend.errors import TooLarge
from backend.notify.messages import Choice, Message
from backend.wechat import accounts, client, tokens
from backend.wechat.codes import CODES, Fate, ProviderError, failed
from tests.weixin import SLOTS, answering, card, cards, http, register

TOKEN = "/cgi-bin/stable_token"


def test_a_template_message_arrives_as_a_card_and_its_id_is_text(account, phone):
    provider_id = card(account, phone)
    assert int(provider_id) > 2**53
    [shown] = cards(phone)
    assert {row["value"] for row in shown["card"]["rows"]} == set(SLOTS.values())
    assert phone.tap(shown) == {"open": "http://example.test/c/1"}


def test_the_same_client_id_is_one_card(account, phone):
    assert card(account, phone) == card(account, phone)
    assert len(cards(phone)) == 1
    card(account, phone, client_id="2")
    assert len(cards(phone)) == 2


def test_text_goes_out_with_real_characters(account, phone, weixin):
    phone.send_text("在吗", wait=False)
    client.send_text(account, phone.openid(), "您反映的事情已受理 🙂")
    weixin.settings(refuse_escaped_json=True)
    client.send_text(account, phone.openid(), "还有一句")
    assert [m["content"] for m in phone.inbox() if m["from"] == "account"][-2:] == [
        "您反映的事情已受理 🙂",
        "还有一句",
    ]


def test_a_menu_message_can_be_tapped(account, phone):
    phone.send_text("在吗", wait=False)
    choices = (Choice("survey:1:solved", "1 已解决"), Choice("survey:1:unsolved", "2 没有解决"))
    client.send_menu(account, phone.openid(), "解决了吗？", choices, "谢谢")
    shown = phone.inbox()[-1]
    assert [line["id"] for line in shown["items"]] == ["survey:1:solved", "survey:1:unsolved"]


@pytest.mark.parametrize(
    ("act", "errcode", "fate"),
    [
        (lambda a, p: client.send_text(a, p.openid(), "没有窗口"), 45015, Fate.WINDOW),
        (lambda a, p: card(a, p, template_id="nothing"), 40037, Fate.TEMPLATE),
        (lambda a, p: card(a, p, data=SLOTS | {"phrase3": "No.1"}), 47003, Fate.TEMPLATE),
        (
            lambda a, p: client.send_template(
                a, "nobody", a.templates[Message.CASE_ASSIGNED].id, SLOTS, "", "1"
            ),
            40003,
            Fate.PERMANENT,
        ),
        (lambda a, p: client.exchange_code(a, "made-up"), 40029, Fate.PERMANENT),
        (lambda a, p: client.download_media(a, "made-up"), 40007, Fate.PERMANENT),
    ],
)
def test_a_refusal_carries_its_code_and_fate(account, phone, weixin, act, errcode, fate):
    weixin.clock(60 * 5)  # the window that following opened is over
    with pytest.raises(ProviderError) as refused:
        act(account, phone)
    assert (refused.value.errcode, refused.value.fate) == (errcode, fate)
    assert CODES[errcode][1] in refused.value.reason


def test_a_refused_slot_is_named(account, phone):
    with pytest.raises(ProviderError, match=r"data\.phrase3\.value"):
        card(account, phone, data=SLOTS | {"phrase3": "No.1"})


def test_whoever_left_is_not_following(account, phone):
    phone.unfollow(wait=False)
    with pytest.raises(ProviderError) as refused:
        card(account, phone)
    assert refused.value.fate is Fate.NOT_FOLLOWING


def test_a_code_nobody_knows_may_pass_by_itself():
    assert failed(123456).fate is Fate.UNKNOWN


def test_a_login_code_tells_openid_and_unionid_once(account, phone, weixin):
    redirect = phone.authorize(client.authorize_url(account, "http://example.test/back?a=1&b=2", "state1"))
    back = parse_qs(urlsplit(redirect).query)
    assert back["state"] == ["state1"]
    identity = client.exchange_code(account, back["code"][0])
    assert identity.openid == phone.openid()
    assert identity.unionid == client.user_unionid(account, phone.openid())
    assert identity.unionid
    with pytest.raises(ProviderError) as used:
        client.exchange_code(account, back["code"][0])
    assert used.value.errcode == 40163


def test_the_address_of_a_login_encodes_everything(account):
    url = client.authorize_url(account, "http://x.test/a b?c=1&d=2", "st&te")
    assert "state=st%26te#wechat_redirect" in url
    assert "redirect_uri=http%3A%2F%2Fx.test%2Fa+b%3Fc%3D1%26d%3D2&" in url


def test_a_mini_program_login_needs_no_access_token(account, phone, weixin):
    mini = account.mini_program.app_id
    identity = client.code_to_session(account, phone.js_code(mini))
    assert identity.openid == phone.openid(mini)
    assert weixin.calls(TOKEN) == []


def test_a_place_code_leads_back_to_the_account(account, phone, weixin):
    ticket, url = client.create_qrcode(account, "玉兰苑")
    assert url.startswith("http://weixin.qq.com/q/")
    picture = client.qrcode_picture(ticket)
    assert picture[:2] == b"\xff\xd8"
    [code] = weixin.codes()
    assert (code["scene"], code["permanent"]) == ("玉兰苑", True)
    client.create_qrcode(account, "once", seconds=600)
    assert weixin.codes()[-1]["permanent"] is False


def test_a_mini_program_code_opens_its_page_with_the_scene(account, phone):
    picture = client.mini_program_code(account, "c=AB12", "pages/report/report")
    opened = phone.scan(picture=picture)["mini_program"]
    assert opened["app_id"] == account.mini_program.app_id
    assert (opened["page"], opened["scene"]) == ("pages/report/report", "c=AB12")


def test_a_mini_program_code_is_as_wide_as_asked(account):
    picture = client.mini_program_code(account, "c=AB12", "pages/report/report", width=1280)
    assert Image.open(BytesIO(picture)).size == (1280, 1280)


@pytest.mark.parametrize(
    ("scene", "page", "errcode"),
    [("地点", "pages/report/report", 40129), ("x" * 33, "", 40169), ("a", "/pages/report/report", 41030)],
)
def test_a_mini_program_code_that_cannot_be_made_has_its_errcode(account, scene, page, errcode):
    with pytest.raises(ProviderError) as refused:
        client.mini_program_code(account, scene, page)
    assert refused.value.errcode == errcode


def test_too_many_mini_program_codes_in_a_minute_are_a_matter_of_quota(account, weixin):
    weixin.settings(mini_program_codes_per_minute=1)
    client.mini_program_code(account, "a", "pages/report/report")
    with pytest.raises(ProviderError) as refused:
        client.mini_program_code(account, "b", "pages/report/report")
    assert refused.value.fate is Fate.USED_UP


def test_mini_program_codes_survive_a_token_that_ended(account, weixin):
    tokens.get(account.mini_program)
    weixin.clock(7200)
    assert client.mini_program_code(account, "a", "pages/report/report")


def test_an_account_without_a_mini_program_has_no_such_codes(weixin):
    with pytest.raises(ProviderError, match="没有配置小程序"):
        client.mini_program_code(accounts.get("mixed"), "a", "pages/report/report")


@pytest.mark.parametrize("body", [b"{}", b"<html>"])
def test_an_answer_that_is_no_picture_is_an_error(account, body):
    tokens.get(account.mini_program)
    with answering(http(body)), pytest.raises(ProviderError):
        client.mini_program_code(account, "a", "pages/report/report")


def test_a_picture_that_never_was_is_an_error(weixin):
    with pytest.raises(ProviderError):
        client.qrcode_picture("made-up")


def test_media_are_fetched_with_their_type_and_no_more_than_wanted(account, phone):
    media_id = phone.send_image(wait=False)["message"]["media_id"]
    content, kind = client.download_media(account, media_id)
    assert content[:2] == b"\xff\xd8"
    assert kind.startswith("image/")
    with pytest.raises(TooLarge):
        client.download_media(account, media_id, most=100)


def test_a_film_is_fetched_from_where_wechat_points(account, phone):
    media_id = phone.send("video", wait=False)["message"]["media_id"]
    content, _ = client.download_media(account, media_id)
    assert b"ftyp" in content


def test_media_survive_a_token_that_ended(account, phone, weixin):
    media_id = phone.send_image(wait=False)["message"]["media_id"]
    tokens.get(account)
    weixin.clock(7200)
    assert client.download_media(account, media_id)[0]


def test_one_consent_is_one_subscription_message(account, phone, weixin):
    mini = account.mini_program
    document = {"template_id": "M1", "title": "进度", "keywords": {"phrase3": "状态"}}
    register(weixin, account)
    weixin.app(
        app_id=mini.app_id, app_secret=mini.app_secret, kind="mini_program", name="demo",
        original_id="gh_mini", templates=[document],
    )  # fmt: skip
    phone.subscribe_message(["M1"], mini.app_id)
    openid = phone.openid(mini.app_id)
    assert client.send_subscribe(mini, openid, "M1", {"phrase3": "已办结"}, "pages/cases/cases")
    with pytest.raises(ProviderError) as refused:
        client.send_subscribe(mini, openid, "M1", {"phrase3": "已办结"}, "pages/cases/cases")
    assert refused.value.fate is Fate.REFUSED
