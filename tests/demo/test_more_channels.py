"""WeCom and text messages in the demonstration: one officer is a member, and both ends know each other."""

import pytest
import sqlalchemy as sa

from backend.demo import district, phones
from backend.demo.accounts import TEXTS
from backend.notify import sms_client, sms_settings
from backend.notify.messages import Message
from backend.notify.models import Contact
from backend.web.sms_replies import read
from backend.wechat import accounts
from backend.wechat.accounts import WECOM
from tests.sandbox_client import Phone

pytestmark = pytest.mark.usefixtures("demonstration")


def test_one_officer_is_reached_in_wecom(demonstration, committed):
    phones.complete()
    phones.complete()
    corp = accounts.get("qinglan").wecom.corp_id
    wanted = [row["name"] for row in district.read("phones") if row["wecom"]]
    people = demonstration.control("GET", "/users")["users"]
    assert [person["name"] for person in people if corp in person["follows"]] == wanted
    members = committed.scalars(
        sa.select(Contact).where(Contact.account == f"qinglan{WECOM}", Contact.officer_id.is_not(None))
    )
    assert [member.openid for member in members] == ["handler-5"]
    assert demonstration.control("POST", f"/apps/{corp}/verify")["verified"]


def test_every_text_message_is_approved_at_the_other_end(demonstration):
    phones.complete()
    known = sms_settings.settings()
    assert set(known.templates) == set(TEXTS)
    assert {app["kind"] for app in demonstration.control("GET", "/apps")["apps"]} >= {"work_app", "sms"}
    for message, text in TEXTS.items():
        assert known.templates[message].id == text.id
        assert "{1}" in text.words


@pytest.mark.parametrize("message", [Message.CASE_RESOLVED, Message.SURVEY_INVITED, Message.SURVEY_REMINDED])
def test_what_asks_whether_it_is_solved_says_on_the_phone_how_to_answer(demonstration, message):
    phones.complete()
    known, person = sms_settings.settings(), demonstration.control("GET", "/users")["users"][0]
    number = f"1990000{person['user_id']:04d}"
    sms_client.send(known, number, known.templates[message], ["261121483920"], "1")
    [shown] = Phone(demonstration, person, "sms").inbox()
    assert "解决了吗？请回复1已解决，2没有解决" in shown["content"]
    assert len(shown["content"]) <= 70  # more is two text messages
    assert [read(said)[0] for said in ("1已解决", "2没有解决")] == [True, False]
