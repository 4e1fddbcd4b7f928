"""Which channels a message tries: read from one table, climbed rung by rung; each not taken says why."""

from datetime import UTC, datetime

import pytest

from backend.notify import channels, ladders
from backend.notify.channels import Owed, Refusal, Then
from backend.notify.ladders import LABELS, OWN, USUAL, Rung
from backend.notify.messages import CATALOGUE, Message
from backend.notify.models import Contact, Delivery
from backend.places.roles import Role
from tests.factories import make_community, make_officer, make_resident
from tests.telling import tell

AT = datetime(2026, 11, 21, 10, 30, tzinfo=UTC)


@pytest.fixture
def session(committed):
    return committed


@pytest.fixture
def given():
    """The channels of this test alone."""
    before = dict(channels.CHANNELS)
    yield channels.CHANNELS
    channels.CHANNELS.clear()
    channels.CHANNELS.update(before)


class Paper:
    """A channel that always gets through, or never."""

    def __init__(self, name, refusal=None):
        self.name, self.account, self.refusal = name, "paper", refusal

    def prepare(self, session, owed):
        if self.refusal:
            raise self.refusal
        return self

    def deliver(self):
        return None

    def settle(self, session, refused):
        pass


def owed(message, *, officer=False, **fields):
    to = {"officer_id": 1, "resident_id": None} if officer else {"officer_id": None, "resident_id": 1}
    rest = {"attempts": 1, "lease": AT, "created_at": AT, "unanswered": None, "rungs": ()}
    return Owed(id=1, message=message, fields=fields, **to, **rest)


def names(message, **given):
    return " ".join(ladders.ladder_of(owed(message, **given)))


def test_each_recipient_and_kind_has_its_own_order():
    chats = "wechat_chat wechat_template wechat_notice wechat_subscription"
    assert names(Message.CASE_ACCEPTED) == f"{chats} visit"
    for message in (Message.CASE_ASKED, Message.SURVEY_INVITED, Message.SURVEY_REMINDED):
        assert names(message) == f"{chats} sms visit"
    for message in (Message.CASE_RESOLVED, Message.CASE_REOPENED):
        assert names(message) == f"{chats} sms telephone visit"
    cards = "wecom wechat_template wechat_chat"
    assert names(Message.CASE_WITHDRAWN, officer=True) == f"{cards} visit"
    assert names(Message.CASE_SUBMITTED, officer=True) == f"{cards} sms visit"
    assert names(Message.CASE_SUBMITTED, officer=True, urgent="1") == f"{cards} sms telephone visit"
    assert names(Message.CASE_ACCEPTED, urgent="1") == f"{chats} visit"  # what is urgent to us


def test_every_ladder_of_the_table_names_rungs_once_and_waits_at_its_end():
    for ladder in (*USUAL.values(), *OWN.values(), ladders.PRESSING, ladders.AT_ONCE):
        assert len(set(ladder)) == len(ladder)
        assert ladder[-1] is Rung.VISIT
    assert set(LABELS) == set(Rung)


def test_only_what_residents_read_may_have_a_row_for_residents():
    assert all(CATALOGUE[message].link.startswith("/r/") for message in OWN)


def test_a_rung_that_nobody_has_set_up_is_skipped_and_says_so(session, weixin, officer, given):
    given.pop("wecom", None)
    _, contact = officer
    row = tell(session, contact, Message.CASE_SUBMITTED)
    assert (row.status, row.channel) == (Delivery.SENT, "wechat_template")
    assert [(rung["channel"], rung["why"]) for rung in row.rungs] == [("wecom", "没有开通企业微信")]


def test_the_next_rung_takes_what_the_ones_before_it_refused(session, weixin, given):
    someone = make_officer(session, Role.INFORMATION_OFFICER, area=make_community(session))
    session.commit()
    given |= {"wecom": Paper("wecom", Refusal("对方不在企业微信里", Then.NEVER)), "sms": Paper("sms")}
    row = tell(session, Contact(officer_id=someone.id), Message.CASE_SUBMITTED)
    assert (row.status, row.channel, row.account) == (Delivery.SENT, "sms", "paper")
    assert [rung["channel"] for rung in row.rungs] == ["wecom", "wechat_template", "wechat_chat"]
    assert row.rungs[0]["why"] == "对方不在企业微信里"


def test_a_message_that_cannot_wait_for_a_visit_fails_and_says_why(session, weixin, monkeypatch):
    monkeypatch.setitem(OWN, Message.CASE_ACCEPTED, (Rung.CARD,))
    stranger = make_resident(session)
    session.commit()
    row = tell(session, Contact(resident_id=stranger.id), Message.CASE_ACCEPTED)
    assert (row.status, row.error) == (Delivery.FAILED, "对方没有关注公众号")
