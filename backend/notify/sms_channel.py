"""How a message reaches a mobile telephone as a text message. Importing this registers the channel."""

import re
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.notify import sms_client, sms_optouts, sms_settings
from backend.notify.channels import (
    NotServed,
    Owed,
    Recipient,
    Refusal,
    Then,
    must_not_wake,
    register,
    values_of,
)
from backend.notify.fitting import clean, names, shorten, utf16
from backend.notify.sms_codes import ACCOUNT, CODES
from backend.notify.sms_settings import SmsSettings, SmsTemplate
from backend.places.models import Officer, Resident
from backend.times import now

MOBILE = re.compile(r"1[3-9]\d{9}")
URL = re.compile(r"(?:https?://|www\.)\S*", re.IGNORECASE)  # refused in a parameter
MARKS = "。，；、：,;: "
NOTHING = "见微信"  # stands where a message has nothing to say: an empty parameter is refused
UNANSWERED = "上次的短信没有得到回应，为免重复不再发"
AT_NIGHT = "夜里不给居民发短信，早上再发"
OPTED_OUT = "对方退订了短信"
LISTED = next(fate.reason for fate in CODES.values() if fate.is_listed)


@dataclass(frozen=True)
class SmsLetter:
    """A text message to one number. A repetition would be paid and read twice."""

    settings: SmsSettings
    phone: str = field(repr=False)
    template: SmsTemplate
    params: list[str] = field(repr=False)
    client_id: str

    @property
    def account(self) -> str:
        return ACCOUNT

    def deliver(self) -> str:
        return sms_client.send(self.settings, self.phone, self.template, self.params, self.client_id)

    def settle(self, session: Session, refused: Refusal) -> None:
        """What stands on the provider's own list is remembered as that."""
        if refused.reason.startswith(LISTED):
            sms_optouts.note_listed(session, self.phone, now())


class Sms:
    """A text message: reaches whoever left a mobile number and wants text messages."""

    name = "sms"

    def prepare(self, session: Session, owed: Owed) -> SmsLetter:
        settings = sms_settings.settings()
        if settings is None:
            raise NotServed("没有开通短信")
        template = settings.templates.get(owed.message)
        if template is None:
            raise Refusal("这类消息没有短信模板", Then.NEVER)
        if owed.unanswered == self.name:
            raise Refusal(UNANSWERED, Then.NEVER)
        phone = _mobile(session, owed)
        if sms_optouts.is_kept(session, phone):
            raise Refusal(OPTED_OUT, Then.NEVER)
        if sms_optouts.is_listed(session, phone, now()):
            raise Refusal(LISTED, Then.NEVER)
        must_not_wake(owed, AT_NIGHT)
        return SmsLetter(settings, phone, template, params_of(owed, template), owed.client_id)


def params_of(owed: Owed, template: SmsTemplate) -> list[str]:
    """What stands in the places of the text, each as long as Tencent Cloud lets it be."""
    said = values_of(owed) | {"until": str(owed.fields.get("until", ""))}
    return [_param(name, said[name], template.longest) for name in template.params]


def _param(name: str, text: str, longest: int) -> str:
    """Names stand whole or not at all."""
    return fit_param(names(clean(text), longest, utf16) if name == "who" else text, longest)


def fit_param(text: str, longest: int) -> str:
    """A parameter: one line, no address of the web, at most so many characters, never empty; without the mark
    at its end, for the sentence around it goes on with its own."""
    return shorten(clean(URL.sub("", text)).rstrip(MARKS), longest, utf16) or NOTHING


def _mobile(session: Session, owed: Owed) -> str:
    """The person's number. Raises Refusal where there is none that takes text messages."""
    if owed.recipient is Recipient.OFFICER:
        kept = session.scalar(sa.select(Officer.phone).where(Officer.id == owed.officer_id))
    else:
        kept = session.scalar(sa.select(Resident.phone).where(Resident.id == owed.resident_id))
    digits = re.sub(r"^(?:\+?86)?", "", re.sub(r"[ -]", "", kept or ""))
    if not digits:
        raise Refusal("没有留电话", Then.NEVER)
    if not MOBILE.fullmatch(digits):
        raise Refusal("留的不是手机号", Then.NEVER)
    return digits


register(Sms())
