"""What a message looks like in WeCom: a card with words, or one whose button takes the step itself."""

from dataclasses import dataclass
from typing import Any

from backend.notify.channels import Owed, is_urgent, kind_of, text_of, values_of
from backend.notify.fitting import clean, shorten, utf16
from backend.notify.messages import Message

# Limits of the document on application messages (发送应用消息): bytes for a card with words, characters for
# one with a button; a longer value is cut by WeCom wherever that may be.
TITLE_BYTES, WORDS_BYTES = 128, 512
TITLE, SUBTITLE, VALUE = 26, 112, 26
LOOK = "查看"


@dataclass(frozen=True)
class Button:
    """What stands on a button, and by which word its tap is known (wecom_taps.STEPS)."""

    words: str
    step: str


BUTTONS: dict[Message, Button] = {
    Message.CASE_SUBMITTED: Button("受理", "accept"),
    Message.CASE_ASSIGNED: Button("签收", "acknowledge"),
    Message.CASE_ARBITRATED: Button("签收", "acknowledge"),
    Message.ORDER_ISSUED: Button("签收", "sign"),
}
# The lines of a card with a button: our field, and what the card calls it (at most five characters).
LINES = {"number": "编号", "place": "地点", "until": "时限", "note": "说明"}


def message_of(owed: Owed, source: str, url: str) -> dict[str, Any]:
    """The message for WeCom. `source` is who sends it, `url` what a tap on the card opens."""
    button = BUTTONS.get(owed.message)
    if button is None or not owed.fields.get("number"):
        return _words(owed, url)
    return {"msgtype": "template_card", "template_card": _card(owed, button, source, url)}


def _words(owed: Owed, url: str) -> dict[str, Any]:
    card = {
        "title": shorten(_title(owed), TITLE_BYTES, _bytes),
        "description": shorten(text_of(owed), WORDS_BYTES, _bytes),
        "url": url,
        "btntxt": LOOK,
    }
    return {"msgtype": "textcard", "textcard": card}


def _card(owed: Owed, button: Button, source: str, url: str) -> dict[str, Any]:
    lines = [
        {"keyname": label, "value": _fit(owed.fields[name], VALUE)}
        for name, label in LINES.items()
        if str(owed.fields.get(name) or "").strip()
    ]
    return {
        "card_type": "button_interaction",
        "source": {"desc": source},
        "main_title": {"title": _fit(_title(owed), TITLE)},
        "sub_title_text": _fit(values_of(owed)["summary"], SUBTITLE),
        "horizontal_content_list": lines,
        "card_action": {"type": 1, "url": url},
        "task_id": owed.client_id,
        "button_list": [{"text": button.words, "style": 1, "key": f"{button.step}:{owed.fields['number']}"}],
    }


def _title(owed: Owed) -> str:
    return ("【紧急】" if is_urgent(owed) else "") + kind_of(owed).status


def _fit(value: object, length: int) -> str:
    return shorten(clean(str(value)), length, utf16)


def _bytes(text: str) -> int:
    return len(text.encode(errors="replace"))
