"""The words of the conversation: what comes in, what is known, what is remembered. What follows: turns.py."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any

from backend.cases.joining import Matter
from backend.cases.survey_models import Follow
from backend.cases.workflow import Status
from backend.wechat.understanding import Understood, understand

Media = tuple[tuple[str, str], ...]  # (kind of attachment, WeChat's media id)


class Kind(StrEnum):
    """The sorts of message that mean different things to the conversation."""

    TEXT = "text"
    VOICE = "voice"
    PHOTO = "photo"
    VIDEO = "video"
    LOCATION = "location"
    LINK = "link"
    FOLLOW = "follow"
    SCAN = "scan"
    CLICK = "click"
    UNFOLLOW = "unfollow"
    RECEIPT = "receipt"
    CONSENT = "consent"  # what messages the person allows, or no longer allows
    SILENT = "silent"  # events that want no answer
    OTHER = "other"


# What the platform lets us send after a message of this kind (how long, how many).
WINDOW: dict[Kind, tuple[timedelta, int]] = dict.fromkeys(
    (Kind.TEXT, Kind.VOICE, Kind.PHOTO, Kind.VIDEO, Kind.LOCATION, Kind.LINK, Kind.OTHER),
    (timedelta(hours=48), 5),
) | dict.fromkeys((Kind.FOLLOW, Kind.SCAN, Kind.CLICK), (timedelta(minutes=1), 3))


@dataclass(frozen=True)
class Message:
    """What came in. `text` is the words, the speech, the scene, the menu key or the receipt's status."""

    kind: Kind
    text: str = ""
    media_id: str = ""
    latitude: float | None = None
    longitude: float | None = None
    label: str = ""
    tapped: str = ""  # the id of the tapped line of a menu message, or the message id of a receipt

    @cached_property
    def understood(self) -> Understood:
        """What the words mean."""
        return understand(self.text)

    def stored(self) -> dict[str, Any]:
        """For the record: only what came with it."""
        return {name: getattr(self, name) for name in CONTENT if getattr(self, name) not in ("", None)}


CONTENT = ("text", "media_id", "latitude", "longitude", "label", "tapped")


class Certainty(StrEnum):
    """How sure it is where something happens."""

    KNOWN = "known"  # scanned just now, or in the words
    EARLIER = "earlier"  # carried over from a while ago
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Place:
    id: int
    name: str
    telephone: str | None = None


@dataclass(frozen=True)
class CaseFact:
    id: int
    number: str
    status: Status
    report: str
    due_at: datetime | None = None
    resolved_at: float = 0  # Unix seconds: since when it waits to be confirmed


MOST_RECENT = 10  # cases of a sender that are looked at


@dataclass(frozen=True)
class SurveyFact:
    id: int
    number: str  # the case's
    is_open: bool  # it was asked, and waits for an answer
    is_expired: bool = False
    is_changeable: bool = False  # it was answered within a day
    solved: bool | None = None
    is_due: bool = False  # the case is closed, and will be asked about
    report: str = ""
    asked_at: float = 0  # Unix seconds: the last time that it was asked


@dataclass(frozen=True)
class WhyFact:
    """What may be ticked where an answer to a survey is bad, and what it brings (None: the unit is told)."""

    reasons: tuple[str, ...] = ()
    unsolved: Follow | None = Follow.REOPEN
    dissatisfied: Follow | None = Follow.REOPEN


@dataclass(frozen=True)
class Facts:
    """What the database knows that this message may need."""

    now: datetime
    number: str  # for a case that may be opened
    home: Place  # the account's area
    home_is_place: bool  # whether that area is a community already
    example: str  # the name of some community of it
    link: str  # the resident's list of cases
    officers_link: str  # the officers' list of cases
    scanned: Place | None = None
    code: int | None = None  # the id of the scanned code
    is_code_used: bool = True  # neither revoked nor expired
    named: Place | None = None  # that the words name, unless a code scanned just now lies in it
    is_name: bool = False  # whether the words are nothing but the name of a place
    alike: tuple[str, ...] = ()  # names to choose from, where an answer to "where?" names no place for sure
    near: Place | None = None
    last: CaseFact | None = None  # the case of state.case_number, as it stands now
    asked: CaseFact | None = None  # the case whose number is in the text, if it is the sender's
    recent: tuple[CaseFact, ...] = ()  # newest first, at most MOST_RECENT
    survey: SurveyFact | None = None  # the survey that waits for an answer, or the one that was tapped
    others: tuple[SurveyFact, ...] = ()  # that may be meant as well, where one of them was not asked yet
    why: WhyFact = WhyFact()  # of the survey that may be answered by this message
    matters: tuple[Matter, ...] = ()  # what others reported at the place, for whoever has the same to say


@dataclass(frozen=True)
class State:
    """Where the talk stands. Moments are Unix seconds."""

    place: int | None = None
    place_name: str = ""
    place_until: float = 0
    place_said: bool = False  # in words: a code or a position says it more exactly
    code: int | None = None  # by whose scan the place is known
    case_number: str = ""
    case_until: float = 0
    dangers: tuple[str, ...] = ()  # that case's, by the numbers to call: 119 is fire
    asking: str = ""  # "place", "elsewhere" (is the danger at another place?), or "why" the case came back
    survey: int | None = None
    survey_number: str = ""  # the case's
    survey_until: float = 0  # while we wait to hear how satisfied they are
    rated_until: float = 0  # while they may say it, or say otherwise, as long as nothing else is asked
    last_words: str = ""
    was_cut: bool = False  # the last words were too long: their rest may follow
    kept: Media = ()  # what came before the words
    kept_words: str = ""
    matters: tuple[int, ...] = ()  # the cases that were offered to be joined, by their digits
    matters_until: float = 0
    why: int | None = None  # the survey whose bad answer may be explained, while "why" is asked
    reasons: tuple[str, ...] = ()  # that were offered for it, by their digits
    digit: int = 0  # that answered something just now
    digit_until: float = 0
    survey_seen: int = 0  # the survey that was open then: a later one has asked for a digit since

    @classmethod
    def read(cls, stored: dict[str, Any]) -> "State":
        """From the database; what an older version stored and this one does not know is dropped."""
        known = {name: value for name, value in stored.items() if name in cls.__dataclass_fields__}
        known["kept"] = tuple((kind, media) for kind, media in known.get("kept", ()))
        known |= {name: tuple(known.get(name, ())) for name in ("dangers", "matters", "reasons")}
        return cls(**known)

    def stored(self) -> dict[str, Any]:
        """For the database: only what differs from an empty state."""
        return {name: getattr(self, name) for name in _NAMES if getattr(self, name) != getattr(EMPTY, name)}


EMPTY = State()
_NAMES = tuple(State.__dataclass_fields__)
