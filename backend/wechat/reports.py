"""Turns that open a case or add to one: what the conversation is for."""

from dataclasses import replace
from datetime import datetime, timedelta

from backend.cases.deadlines import accept_times
from backend.cases.models import REPORT_LENGTH
from backend.cases.workflow import RULES, Action, Status
from backend.times import spoken
from backend.wechat import wording
from backend.wechat.talk import Certainty, Facts, Media, Place, State
from backend.wechat.turns import AddToAnswer, AddToCase, Locate, OpenCase, Turn
from backend.wechat.understanding import Understood

ADD_FOR = timedelta(minutes=30)
PLACE_FOR = timedelta(hours=12)  # a scan in the morning says nothing about tomorrow
JUST_NOW = timedelta(minutes=30)  # whoever scanned longer ago may have gone elsewhere
# How long after the last case's half hour the answer to "where?" or "elsewhere?" is still one.
WAITS_FOR_PLACE = {"place": PLACE_FOR, "elsewhere": timedelta()}
NEW_REPORT = 15  # characters: words this long are a matter of their own even right after another


def report_or_add(state: State, text: str, media: Media, understood: Understood, facts: Facts) -> Turn:
    is_awaited = state.asking == "why" or state.was_cut
    if is_adding(state, facts) and (is_awaited or is_about_it(state, understood, facts)):
        return _add_words(state, text, media, understood, facts)
    if is_joining(state, facts) and not understood.dangers:
        return join_answer(state, words=text, media=media)
    return open_case(state, text, media, facts, understood)


def open_case(
    state: State,
    text: str,
    media: Media,
    facts: Facts,
    understood: Understood | None = None,
) -> Turn:
    place = place_of(state, facts)
    report = "\n".join(part for part in (text, state.kept_words) if part)
    urgent = bool(understood and understood.dangers)
    case = OpenCase(
        facts.number,
        report[:REPORT_LENGTH],
        place or facts.home,
        urgent,
        (*state.kept, *media),
        code_of(state, facts),
    )
    until = spoken(accept_times(urgent, facts.now, case.place.id).due_at, facts.now)
    reply = wording.OPENED[urgent, _certainty(state, facts)].format(
        number=facts.number, place=place.name if place else "", until=until, example=facts.example
    )
    opened = replace(
        at_place(state, facts.named, facts.now, said=True) if facts.named else state,
        case_number=facts.number,
        case_until=(facts.now + ADD_FOR).timestamp(),
        dangers=understood.calls if understood else (),
        asking="place" if place is None else "elsewhere" if urgent else "",
        last_words="",
        was_cut=bool(cut(report)),
        kept=(),
        kept_words="",
        matters=(),
    )
    return Turn(opened, (_warning(understood) if understood else "") + reply + cut(report), (case,))


def _certainty(state: State, facts: Facts) -> Certainty:
    if place_of(state, facts) is None:
        return Certainty.UNKNOWN
    is_earlier = facts.named is None and last_place(state, facts) and not is_just_there(state, facts.now)
    return Certainty.EARLIER if is_earlier else Certainty.KNOWN


def add(
    state: State,
    facts: Facts,
    what: str,
    *,
    words: str = "",
    media: Media = (),
    urgent: bool = False,
) -> Turn:
    assert facts.last is not None
    reply = wording.ADDED[what].format(number=facts.last.number, place="")
    if words:
        state = replace(state, last_words=words[:REPORT_LENGTH], was_cut=bool(cut(words)))
    added = AddToCase(facts.last.number, words[:REPORT_LENGTH], media, urgent)
    if words and state.why is not None and is_telling_why(state, facts):
        joined = AddToAnswer(state.why, words[:REPORT_LENGTH], is_told=True)
        return Turn(state, reply + cut(words), (added, joined))
    return Turn(state, reply + cut(words), (added,))


def join_answer(state: State, *, words: str = "", media: Media = ()) -> Turn:
    """Words and files join the answer to a survey, whose case is closed as long as somebody looks at it."""
    assert state.why is not None
    joined = AddToAnswer(state.why, words[:REPORT_LENGTH], media)
    return Turn(state, wording.SURVEY_ADDED + cut(words), (joined,))


def _add_words(state: State, text: str, media: Media, understood: Understood, facts: Facts) -> Turn:
    """What is dangerous in them is said first, told to the officers, and from now on a danger of the case."""
    turn = add(state, facts, "words", words=text, media=media, urgent=bool(understood.dangers))
    dangers = tuple(dict.fromkeys((*state.dangers, *understood.calls)))
    is_asking = state.asking == "place" and is_locating(state, facts)
    still = wording.PLACE_STILL.format(example=facts.example) if is_asking else ""
    reply = _alarm(understood) + turn.reply + still
    return replace(turn, state=replace(turn.state, dangers=dangers), reply=reply)


def place_named(
    state: State, place: Place, words: str, media: Media, understood: Understood, facts: Facts
) -> Turn:
    """The place that was asked for; words that say more than its name are kept as the address."""
    address = "" if facts.is_name else words
    reply = wording.PLACED.format(place=place.name, number=state.case_number)
    placed = replace(at_place(state, place, facts.now, said=True), asking="")
    located = Locate(state.case_number, place, address=address)
    recording = (AddToCase(state.case_number, media=media),) if media else ()
    return Turn(placed, _warning(understood) + reply, (located, *recording))


def ask_which(state: State, words: str, media: Media, understood: Understood, facts: Facts) -> Turn:
    """Several places, or one with a longer name, may be meant: ask, and let the officers read the words."""
    question = wording.PLACE_WHICH.format(words=words, names="\n".join(facts.alike))
    turn = _add_words(state, words, media, understood, facts)
    return replace(turn, reply=_alarm(understood) + question)


def cut(words: str) -> str:
    """What to say when only the beginning of the words can be kept."""
    return wording.CUT.format(length=REPORT_LENGTH) if len(words) > REPORT_LENGTH else ""


def surveyed(state: State) -> State:
    """Nothing of a survey is waited for any more."""
    nothing = replace(state, survey=None, survey_number="", survey_until=0, rated_until=0)
    return replace(nothing, why=None, reasons=())


def back_to(state: State, number: str, facts: Facts) -> State:
    """What is written next, however long it is, is about the case that came back: we have asked for it."""
    until = (facts.now + ADD_FOR).timestamp()
    return replace(surveyed(state), asking="why", case_number=number, case_until=until, dangers=())


def is_asking_why(state: State, facts: Facts) -> bool:
    """Whether the account waits to hear why a case came back. Once that is handled, another question is open:
    whether it is solved now."""
    is_handled = facts.last is not None and facts.last.status is Status.RESOLVED
    return state.asking == "why" and facts.now.timestamp() <= state.case_until and not is_handled


def is_telling_why(state: State, facts: Facts) -> bool:
    """Whether the account waits to hear why the answer to a survey was a bad one."""
    return state.why is not None and is_asking_why(state, facts)


def is_joining(state: State, facts: Facts) -> bool:
    """Whether what comes now says why, of a case that takes nothing more by itself."""
    return is_telling_why(state, facts) and facts.last is not None and not is_adding(state, facts)


def is_adding(state: State, facts: Facts) -> bool:
    """Whether what comes now belongs to the case that was opened a moment ago and is still open."""
    return (
        facts.last is not None
        and facts.now.timestamp() <= state.case_until
        and facts.last.status in RULES[Action.ADD].sources
    )


def is_locating(state: State, facts: Facts) -> bool:
    """Whether the account still waits to hear where the last case is. What comes days later is no answer."""
    patience = WAITS_FOR_PLACE.get(state.asking)
    if patience is None or facts.last is None:
        return False
    is_over = facts.now.timestamp() > state.case_until + patience.total_seconds()
    return not is_over and facts.last.status in RULES[Action.LOCATE].sources


def is_saying_where(state: State, understood: Understood, facts: Facts) -> bool:
    """Whether a name in these words answers "where?" or "elsewhere?", or alone puts the place right."""
    is_open = is_locating(state, facts) or (facts.is_name and _is_correctable(state, facts))
    return is_open and is_about_it(state, understood, facts)


def _is_correctable(state: State, facts: Facts) -> bool:
    """Whether a name alone moves the last case; where we asked why it came back, it is an answer to that."""
    if facts.last is None or state.asking == "why":
        return False
    return is_adding(state, facts) and facts.last.status in RULES[Action.LOCATE].sources


def is_about_it(state: State, understood: Understood, facts: Facts) -> bool:
    """Whether words can be about the last case: short ones, and of danger only where it is the same danger.

    A fire must not become a line in the case of a fight, where its officers would look for the fight.
    """
    if len(understood.core) >= NEW_REPORT and not facts.is_name:
        return False
    return not understood.dangers or (is_adding(state, facts) and {*understood.calls} <= {*state.dangers})


def place_of(state: State, facts: Facts) -> Place | None:
    """Where what is written now happens: named in the words, known before, or the only place there is."""
    return facts.named or last_place(state, facts) or (facts.home if facts.home_is_place else None)


def last_place(state: State, facts: Facts) -> Place | None:
    """The place of the last scan, location or name, while it still says something about now."""
    if state.place is None or facts.now.timestamp() > state.place_until:
        return None
    return Place(state.place, state.place_name)


def code_of(state: State, facts: Facts) -> int | None:
    """The code by which the place is known, if it is: a place named in the words is another matter."""
    return state.code if facts.named is None and last_place(state, facts) else None


def is_just_there(state: State, now: datetime) -> bool:
    """Whether the last place was scanned, sent or named so recently that what comes now is there too."""
    said_at = state.place_until - PLACE_FOR.total_seconds()
    return state.place is not None and now.timestamp() <= said_at + JUST_NOW.total_seconds()


def is_scanned(state: State, now: datetime) -> bool:
    """Whether a code or a position said just now where it is, more exactly than words do."""
    return is_just_there(state, now) and not state.place_said


def at_place(
    state: State, place: Place, now: datetime, *, said: bool = False, code: int | None = None
) -> State:
    until = (now + PLACE_FOR).timestamp()
    return replace(
        state,
        place=place.id,
        place_name=place.name,
        place_until=until,
        place_said=said,
        code=code,
        matters=(),  # they were those of another place
    )


def _warning(understood: Understood) -> str:
    return "".join(wording.DANGER.format(advice=danger.advice) for danger in understood.dangers)


def _alarm(understood: Understood) -> str:
    return _warning(understood) + wording.DANGER_NOTED if understood.dangers else ""
