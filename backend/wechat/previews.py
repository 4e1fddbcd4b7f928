"""How a message will look: an account's real card, with values fitted as they will be, and the chat."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backend.notify import sms_settings
from backend.notify.channels import Owed, choices_of, text_of
from backend.notify.fitting import shorten, utf16
from backend.notify.ladders import LABELS, Rung, ladder_of
from backend.notify.messages import CATALOGUE, Message
from backend.notify.sms_channel import params_of
from backend.notify.sms_settings import SmsTemplate
from backend.times import now, stamp
from backend.wechat import samples, templates, wecom_cards
from backend.wechat.accounts import Account
from backend.wechat.cards import slots_of
from backend.wechat.models import Sort, TemplateLibrary

TYPED = ("place", "summary", "note", "who")
LONGEST = 200  # characters of a word typed
ENDS = "。，；：！？"  # after these a line goes on into the next without a comma
WORDS = 24  # characters that tell one kind from another


@dataclass(frozen=True)
class Card:
    """One card as a phone shows it, or a text message."""

    label: str
    title: str
    rows: Sequence[tuple[str, str]] = ()
    words: str = ""
    buttons: Sequence[str] = ()


@dataclass(frozen=True)
class Preview:
    """One message on one account: the cards, the chat, and the order in which the ways are tried."""

    cards: Sequence[Card]
    chat: str
    choices: Sequence[str]
    ladder: Sequence[str]


def preview(
    account: Account,
    message: Message,
    said: Mapping[str, str],
    known: Mapping[tuple[str, Sort], TemplateLibrary],
) -> Preview:
    """The message with these words (place, summary, note, who), as it would go out now."""
    owed = sample(message, said)
    cards = [
        _card(owed, sort, found[message], known.get((account.name, sort)))
        for sort, found in templates.set_down(account).items()
        if message in found
    ]
    rungs = ladder_of(owed)
    if account.wecom and Rung.WECOM in rungs:
        cards.insert(0, _in_wecom(account, owed))
    if Rung.SMS in rungs:
        cards += _text_messages(owed)
    choices = [choice.text for choice in choices_of(owed)]
    return Preview(cards, text_of(owed), choices, [LABELS[rung] for rung in rungs])


def sample(message: Message, said: Mapping[str, str] | None = None) -> Owed:
    """A message of this kind to nobody, with invented words where none are given."""
    to_resident = CATALOGUE[message].link.startswith("/r/")
    words = {name: text for name, text in (said or {}).items() if name in TYPED and text}
    return Owed(
        id=0,
        message=message,
        fields=samples.words_for(message) | words | {"at": stamp(now())},
        resident_id=0 if to_resident else None,
        officer_id=None if to_resident else 0,
        attempts=1,
        lease=now(),
        created_at=now(),
        unanswered=None,
        rungs=(),
    )


def _card(owed: Owed, sort: Sort, template: Any, library: TemplateLibrary | None) -> Card:
    """The labels are the platform's, if they are known; else our own names of the slots."""
    real = next((one for one in library.templates if one["id"] == template.id), None) if library else None
    keywords = real["keywords"] if real else {}
    rows = [(keywords.get(slot, slot), value) for slot, value in slots_of(owed, template).items()]
    return Card(templates.SORT_LABELS[sort], real["title"] if real else "", rows)


def _in_wecom(account: Account, owed: Owed) -> Card:
    """What wecom_cards makes of the message, whose lines WeCom shows from the top down."""
    made = wecom_cards.message_of(owed, account.name, "")
    card = made[made["msgtype"]]
    if made["msgtype"] == "textcard":
        return Card(LABELS[Rung.WECOM], card["title"], words=card["description"], buttons=[card["btntxt"]])
    rows = [(line["keyname"], line["value"]) for line in card["horizontal_content_list"]]
    buttons = [button["text"] for button in card["button_list"]]
    return Card(LABELS[Rung.WECOM], card["main_title"]["title"], rows, card["sub_title_text"], buttons)


def _text_messages(owed: Owed) -> list[Card]:
    """The text message, where there is one for this kind; without its words only what is put into it."""
    settings = sms_settings.settings()
    template = settings.templates.get(owed.message) if settings else None
    if settings is None or template is None:
        return []
    filled = {f"{{{place}}}": value for place, value in enumerate(params_of(owed, template), start=1)}
    if not template.text:
        return [Card(LABELS[Rung.SMS], f"模板 {template.id}", list(filled.items()))]
    return [Card(LABELS[Rung.SMS], "", words=f"【{settings.sign}】{_put(template, filled)}")]


def _put(template: SmsTemplate, filled: Mapping[str, str]) -> str:
    """Each place once: a value may look like one itself."""
    return re.sub(r"\{\d{1,2}\}", lambda place: filled[place[0]], template.text)


def words_of(message: Message) -> str:
    """The beginning of what a message of this kind says, as of any case: without a number."""
    lines = text_of(sample(message)).splitlines()
    said = "".join(line if line[-1] in ENDS or line is lines[-1] else f"{line}，" for line in lines)
    for pattern, left in (("（编号 {}）", ""), ("编号 {} ?", "诉求"), (" {} ?", "")):
        said = re.sub(pattern.format(samples.SHARED["number"]), left, said)
    return shorten(said, WORDS, utf16)
