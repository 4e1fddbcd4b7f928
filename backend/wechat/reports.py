"""Turns that open a case or add to one: what the conversation is for."""

from dataclasses import replace
from datetime import datetime, timedelta

from backend.cases.deadlines import length
from backend.cases.models import REPORT_LENGTH, Clock
from backend.cases.workflow import RULES, Action
from backend.times import spoken
from backend.wechat import wording
from backend.wechat.talk import AddToCase, Facts, Locate, Media, OpenCase, Place, State, Turn
from backend.wechat.understanding import Understood

JOIN_FOR = timedelta(minutes=30)
PLACE_FOR = timedelta(hours=12)  # a scan in the morning says nothing about tomorrow
NEW_REPORT = 15  # characters: words this long are a matter of their own even right after another


def report_or_join(state: State, text: str, media: Media, understood: Understood, facts: Facts) -> Turn:
    is_asked_for = state.asking == "why" or len(understood.core) < NEW_REPORT
    if is_joining(state, facts) and is_asked_for:
        turn = join(state, facts, "words", words=text, media=media, urgent=bool(understood.dangers))
        return replace(turn, reply=_warning(understood) + turn.reply)
    return open_case(state, text, media, facts, understood)


def open_case(
    state: State,
    text: str,
    media: Media,
    facts: Facts,
    understood: Understood | None = None,
) -> Turn:
    place = place_of(state, facts)
    report = "\n".join(part for part in (text, state.kept_words) if part)[:REPORT_LENGTH]
    urgent = bool(understood and understood.dangers)
    case = OpenCase(facts.number, report, place or facts.home, urgent, (*state.kept, *media))
    until = spoken(facts.now + length(Clock.ACCEPT, urgent), facts.now)
    said = wording.OPENED if place else wording.OPENED_NO_PLACE
    reply = said.format(
        number=facts.number, place=place.name if place else "", until=until, example=facts.example
    )
    opened = replace(
        state,
        case_number=facts.number,
        case_until=(facts.now + JOIN_FOR).timestamp(),
        asking="" if place else "place",
        last_words="",
        kept=(),
        kept_words="",
    )
    return Turn(opened, (_warning(understood) if understood else "") + reply, (case,))


def join(
    state: State,
    facts: Facts,
    what: str,
    *,
    words: str = "",
    media: Media = (),
    urgent: bool = False,
) -> Turn:
    assert facts.joined is not None
    reply = wording.JOINED[what].format(number=facts.joined.number, place="")
    kept = replace(state, last_words=words[:REPORT_LENGTH] if words else state.last_words)
    return Turn(kept, reply, (AddToCase(facts.joined.number, words[:REPORT_LENGTH], media, urgent),))


def place_named(state: State, place: Place, words: str, facts: Facts) -> Turn:
    """The place that was asked for; words that say more than its name are kept as the address."""
    address = "" if words in place.name else words
    reply = wording.PLACED.format(place=place.name, number=state.case_number)
    placed = replace(at_place(state, place, facts.now), asking="")
    return Turn(placed, reply, (Locate(state.case_number, place, address=address),))


def surveyed(state: State) -> State:
    """Nothing of a survey is waited for any more."""
    return replace(state, survey=None, survey_number="", survey_until=0)


def back_to(state: State, number: str, facts: Facts) -> State:
    """What is written next, however long it is, is about the case that came back: we have asked for it."""
    until = (facts.now + JOIN_FOR).timestamp()
    return replace(surveyed(state), asking="why", case_number=number, case_until=until)


def is_joining(state: State, facts: Facts) -> bool:
    """Whether what comes now belongs to the case that was opened a moment ago and is still open."""
    return (
        facts.joined is not None
        and facts.now.timestamp() <= state.case_until
        and facts.joined.status in RULES[Action.ADD].sources
    )


def is_locating(state: State, facts: Facts) -> bool:
    """Whether the account still waits to hear where the last case is. What comes days later is no answer."""
    until = state.case_until + PLACE_FOR.total_seconds()
    if state.asking != "place" or facts.joined is None or facts.now.timestamp() > until:
        return False
    return facts.joined.status in RULES[Action.LOCATE].sources


def is_place_alone(understood: Understood) -> bool:
    """Whether words that name a place say no more than where: no danger, no matter of their own."""
    return not understood.dangers and len(understood.core) < NEW_REPORT


def place_of(state: State, facts: Facts) -> Place | None:
    """Where what is written now happens: scanned, named in the words, or the only place there is."""
    if scanned_place(state, facts) is not None:
        return scanned_place(state, facts)
    return facts.home if facts.home_is_place else facts.named


def scanned_place(state: State, facts: Facts) -> Place | None:
    """The place of the last scan, location or name, while it still says something about now."""
    if state.place is None or facts.now.timestamp() > state.place_until:
        return None
    return Place(state.place, state.place_name)


def at_place(state: State, place: Place, now: datetime) -> State:
    until = (now + PLACE_FOR).timestamp()
    return replace(state, place=place.id, place_name=place.name, place_until=until)


def _warning(understood: Understood) -> str:
    advice = "".join(wording.DANGER.format(advice=danger.advice) for danger in understood.dangers)
    return advice + wording.DANGER_NOTED if advice else ""
