"""The conversation: a pure function of state, message and facts to state, effects and reply.

It reads nothing and writes nothing. What it needs to know comes in `Facts`; what is to be done goes out as
effects, which inbound.py carries out in the transaction that stores the message. Turns that open a case or
add to one are in reports.py, turns that answer in answers.py.
"""

from collections.abc import Callable
from dataclasses import replace

from backend.cases.models import REPORT_LENGTH, AttachmentKind
from backend.notify.binding import SCENE_PREFIX
from backend.wechat import surveying, wording
from backend.wechat.answers import BY_INTENT, NOT_AN_ANSWER, digit, digits, once
from backend.wechat.reports import (
    add,
    ask_which,
    at_place,
    cut,
    is_adding,
    is_joining,
    is_just_there,
    is_locating,
    is_saying_where,
    join_answer,
    last_place,
    open_case,
    place_named,
    report_or_add,
)
from backend.wechat.subscribed import ALLOWED
from backend.wechat.talk import Facts, Kind, Media, Message, Place, State
from backend.wechat.turns import Bind, Consent, CountScan, Locate, Receipt, Turn, Unfollow
from backend.wechat.understanding import Intent, Understood, digit_of, digits_of

KEEP_AT_MOST = 9


def converse(state: State, message: Message, facts: Facts) -> Turn:
    """One turn of the talk. Whatever comes gets an answer, or silence where silence is right."""
    return _BY_KIND[message.kind](state, message, facts)


def _text(state: State, message: Message, facts: Facts) -> Turn:
    if message.tapped.startswith("survey:"):
        is_solved = message.tapped.endswith(":solved")
        return once(surveying.answer(state, facts, solved=is_solved), 1 if is_solved else 2, facts)
    return _words(state, message, (), facts)


def _voice(state: State, message: Message, facts: Facts) -> Turn:
    media = ((AttachmentKind.VOICE.value, message.media_id),)
    if message.text.strip():
        return _words(state, message, media, facts)
    if is_adding(state, facts):
        return add(state, facts, "voice", media=media)
    if is_joining(state, facts):
        return join_answer(state, media=media)
    return open_case(state, wording.VOICE_REPORT, media, facts)


def _picture(state: State, message: Message, facts: Facts) -> Turn:
    kind = AttachmentKind.PHOTO if message.kind is Kind.PHOTO else AttachmentKind.VIDEO
    media = ((kind.value, message.media_id),)
    if is_adding(state, facts):
        return add(state, facts, kind.value, media=media)
    if is_joining(state, facts):
        return join_answer(state, media=media)
    kept = replace(state, kept=(*state.kept, *media)[-KEEP_AT_MOST:])
    return Turn(kept, wording.KEPT[kind.value])


def _link(state: State, message: Message, facts: Facts) -> Turn:
    words = f"{message.text} {message.label}".strip()
    if is_adding(state, facts):
        return add(state, facts, "words", words=words)
    if is_joining(state, facts):
        return join_answer(state, words=words)
    return Turn(replace(state, kept_words=words[:REPORT_LENGTH]), wording.KEPT["words"] + cut(words))


def _location(state: State, message: Message, facts: Facts) -> Turn:
    if facts.near is None:
        return Turn(state, wording.PLACE_UNKNOWN.format(example=facts.example))
    placed = at_place(state, facts.near, facts.now)
    if is_locating(state, facts):
        reply = wording.PLACED.format(place=facts.near.name, number=state.case_number)
        return Turn(replace(placed, asking=""), reply, (_where(state, facts.near, message),))
    if not is_adding(state, facts):
        return Turn(placed, wording.KEPT["location"].format(place=facts.near.name))
    # The code at the door says more than the middle of the grid that is nearest: only the position is new.
    scanned = last_place(state, facts) if is_just_there(state, facts.now) else None
    place = scanned or facts.near
    reply = wording.ADDED["location"].format(place=message.label or place.name, number=state.case_number)
    return Turn(state if scanned else placed, reply, (_where(state, place, message),))


def _where(state: State, place: Place, message: Message) -> Locate:
    return Locate(state.case_number, place, message.latitude, message.longitude, message.label)


def _follow(state: State, message: Message, facts: Facts) -> Turn:
    return _scan(state, message, facts) if message.text else Turn(state, _welcome(facts))


def _scan(state: State, message: Message, facts: Facts) -> Turn:
    if message.text.startswith(SCENE_PREFIX):
        return Turn(state, "", (Bind(message.text.removeprefix(SCENE_PREFIX)),))
    if facts.scanned is None:
        return Turn(state, wording.NO_SUCH_CODE)
    # A scan is a new beginning: what is written next is about this place.
    fresh = replace(state, case_number="", case_until=0, dangers=(), asking="")
    counted = () if facts.code is None else (CountScan(facts.code),)
    said = wording.AT_PLACE if facts.is_code_used else wording.CODE_ENDED
    code = facts.code if facts.is_code_used else None
    there = at_place(fresh, facts.scanned, facts.now, code=code)
    return Turn(there, said.format(place=facts.scanned.name), counted)


def _click(state: State, message: Message, facts: Facts) -> Turn:
    intent = MENU.get(message.text, Intent.HELP)
    return BY_INTENT[intent](state, Understood(intent), facts)


def _unfollow(state: State, message: Message, facts: Facts) -> Turn:
    return Turn(state, "", (Unfollow(),))


def _receipt(state: State, message: Message, facts: Facts) -> Turn:
    return Turn(state, "", (Receipt(message.tapped, message.text),))


def _consent(state: State, message: Message, facts: Facts) -> Turn:
    said = (line.split(" ", 1) for line in message.text.splitlines())
    return Turn(state, "", tuple(Consent(template_id, word == ALLOWED) for word, template_id in said))


def _silent(state: State, message: Message, facts: Facts) -> Turn:
    return Turn(state)


def _other(state: State, message: Message, facts: Facts) -> Turn:
    return Turn(state, wording.NOT_READ)


def _words(state: State, message: Message, media: Media, facts: Facts) -> Turn:
    text, understood = message.text.strip(), message.understood
    if turn := _to_survey(state, text, media, understood, facts):
        return turn
    if is_saying_where(state, understood, facts):
        if facts.named is not None:
            return place_named(state, facts.named, text, media, understood, facts)
        if facts.alike:
            return ask_which(state, text, media, understood, facts)
    if understood.intent is Intent.WORDS or (media and understood.intent is Intent.BLANK):
        return report_or_add(state, text, media, understood, facts)
    if understood.intent is Intent.DIGIT:
        return digit(state, digit_of(text), facts)
    if understood.intent is Intent.DIGITS:
        return digits(state, digits_of(text), facts)
    turn = BY_INTENT[understood.intent](state, understood, facts)
    # "没人处理" or "不满意" with nothing to confirm or to rate is not an answer but a complaint.
    return turn if turn is not NOT_AN_ANSWER else report_or_add(state, text, media, understood, facts)


def _to_survey(state: State, text: str, media: Media, understood: Understood, facts: Facts) -> Turn | None:
    """What says how satisfied they are, or that something is not solved, to the survey that is meant."""
    if state.survey is not None and surveying.is_judging(state, understood, facts):
        more = text if understood.intent is Intent.WORDS else ""
        return surveying.rate(state, state.survey, understood.satisfaction, facts, more, media)
    return _denial(state, text, media, understood, facts) if understood.is_denial else None


def _denial(state: State, text: str, media: Media, understood: Understood, facts: Facts) -> Turn | None:
    """没解决，还是臭: the change of mind of somebody who is asked how satisfied they are, or an answer."""
    if state.survey is not None and surveying.is_change(state, understood, facts):
        words = "" if understood.intent is Intent.UNSOLVED else text
        return surveying.deny(state, state.survey, state.survey_number, words, media, facts)
    is_said = understood.intent is not Intent.UNSOLVED and surveying.is_answer(state, understood, facts)
    if is_said and facts.survey is not None:
        return surveying.deny(state, facts.survey.id, facts.survey.number, text, media, facts)
    return None


def _welcome(facts: Facts) -> str:
    return wording.WELCOME.format(area=facts.home.name)


MENU = {
    "report": Intent.HELP,
    "progress": Intent.PROGRESS,
    "mine": Intent.MINE,
    "urge": Intent.URGE,
    "person": Intent.PERSON,
}

_BY_KIND: dict[Kind, Callable[[State, Message, Facts], Turn]] = {
    Kind.TEXT: _text,
    Kind.VOICE: _voice,
    Kind.PHOTO: _picture,
    Kind.VIDEO: _picture,
    Kind.LOCATION: _location,
    Kind.LINK: _link,
    Kind.FOLLOW: _follow,
    Kind.SCAN: _scan,
    Kind.CLICK: _click,
    Kind.UNFOLLOW: _unfollow,
    Kind.RECEIPT: _receipt,
    Kind.CONSENT: _consent,
    Kind.SILENT: _silent,
    Kind.OTHER: _other,
}
