"""Which channels a message tries, and in which order: one table, by recipient and kind of message."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy.orm import Session

from backend.notify.channels import (
    CHANNELS,
    Channel,
    Letter,
    NotServed,
    Owed,
    Recipient,
    is_urgent,
    kind_of,
)
from backend.notify.messages import CATALOGUE, Message


class Rung(StrEnum):
    """The names of the channels, as they stand in the record of a message."""

    WECOM = "wecom"  # an application message in WeCom
    CHAT = "wechat_chat"  # in the chat, inside the window
    CARD = "wechat_template"  # a template card of the service account
    NOTICE = "wechat_notice"  # a subscription notice of the service account
    SUBSCRIPTION = "wechat_subscription"  # a subscription message of the mini program
    SMS = "sms"
    TELEPHONE = "telephone"  # a task for a person
    VISIT = "visit"  # no channel: the message may wait until the person comes to us


R, M = Rung, Message
Ladder = tuple[Rung, ...]

# What each rung is called, and what stands in the record while nobody has set it up here.
LABELS: dict[Rung, str] = {
    R.WECOM: "企业微信",
    R.CHAT: "公众号会话",
    R.CARD: "公众号模板消息",
    R.NOTICE: "公众号订阅通知",
    R.SUBSCRIPTION: "小程序订阅消息",
    R.SMS: "短信",
    R.TELEPHONE: "电话",
    R.VISIT: "下次来时",
}

# What reaches a recipient when its kind of message has no row of its own below.
USUAL: dict[Recipient, Ladder] = {
    Recipient.RESIDENT: (R.CHAT, R.CARD, R.NOTICE, R.SUBSCRIPTION, R.VISIT),
    Recipient.OFFICER: (R.WECOM, R.CARD, R.CHAT, R.VISIT),
}
# What cannot wait until an officer looks into WeChat again: every kind that ignores the quiet hours.
PRESSING: Ladder = (R.WECOM, R.CARD, R.CHAT, R.SMS, R.VISIT)
# What somebody has to say to an officer if nothing else gets through: a matter marked 紧急.
AT_ONCE: Ladder = (R.WECOM, R.CARD, R.CHAT, R.SMS, R.TELEPHONE, R.VISIT)
# A text message costs money and is written for what a resident has to answer.
TO_BE_ANSWERED: Ladder = (R.CHAT, R.CARD, R.NOTICE, R.SUBSCRIPTION, R.SMS, R.VISIT)
# What came of their matter somebody says to them if it cannot be written: that it was closed, they hear when
# they are called about the survey.
TO_BE_TOLD: Ladder = (R.CHAT, R.CARD, R.NOTICE, R.SUBSCRIPTION, R.SMS, R.TELEPHONE, R.VISIT)

# The kinds of message that climb another ladder than their recipient's usual one.
OWN: dict[Message, Ladder] = {
    M.CASE_RESOLVED: TO_BE_TOLD,
    M.CASE_REOPENED: TO_BE_TOLD,
    M.CASE_ASKED: TO_BE_ANSWERED,
    M.SURVEY_INVITED: TO_BE_ANSWERED,
    M.SURVEY_REMINDED: TO_BE_ANSWERED,
}


@dataclass(frozen=True)
class _Unserved:
    """A rung that nobody has set up in this deployment."""

    name: str

    def prepare(self, session: Session, owed: Owed) -> Letter:
        raise NotServed(f"没有开通{LABELS[Rung(self.name)]}")


def ladder_of(owed: Owed) -> Ladder:
    """The names of the rungs for this message, the first to be tried first; a chosen one stands alone."""
    if owed.chosen:
        return Rung(owed.chosen), Rung.VISIT
    if is_urgent(owed):
        return AT_ONCE
    if owed.recipient is Recipient.OFFICER and kind_of(owed).urgent:
        return PRESSING
    return OWN.get(owed.message, USUAL[owed.recipient])


def kinds_by(rung: Rung) -> list[Message]:
    """The kinds of message that may go this way, whatever their case."""
    return [message for message in Message if rung in _ordinary(message)]


def _ordinary(message: Message) -> Ladder:
    kind = CATALOGUE[message]
    if kind.link.startswith("/r/"):
        return OWN.get(message, USUAL[Recipient.RESIDENT])
    return PRESSING if kind.urgent else USUAL[Recipient.OFFICER]


def channels_for(owed: Owed) -> Sequence[Channel]:
    """The channels to try; one that nobody has registered refuses with its reason."""
    rungs = (rung for rung in ladder_of(owed) if rung is not Rung.VISIT)
    return [CHANNELS.get(rung) or _Unserved(rung) for rung in rungs]


def may_wait(owed: Owed) -> bool:
    """Whether the message is still worth reading when the person comes to us one day."""
    return Rung.VISIT in ladder_of(owed)
