"""What the account does with one message: the turn of the talk, and its effects (effects.py does them)."""

from dataclasses import dataclass

from backend.cases.workflow import Action
from backend.wechat.talk import Media, Place, State


@dataclass(frozen=True)
class OpenCase:
    number: str
    text: str
    place: Place
    urgent: bool = False
    media: Media = ()
    code: int | None = None  # the id of the code that was scanned for it


@dataclass(frozen=True)
class JoinMatter:
    """附议: the case of this number is part of the matter from now on. It is opened for that, unless the
    sender has opened it a moment ago."""

    number: str
    matter_id: int
    place: Place
    is_own: bool = False
    words: str = ""
    media: Media = ()
    code: int | None = None  # the id of the code that was scanned for it


@dataclass(frozen=True)
class AddToCase:
    number: str
    words: str = ""
    media: Media = ()
    urgent: bool = False


@dataclass(frozen=True)
class CountScan:
    code: int


@dataclass(frozen=True)
class Locate:
    number: str
    place: Place
    latitude: float | None = None
    longitude: float | None = None
    address: str = ""


@dataclass(frozen=True)
class Step:
    number: str
    action: Action
    note: str = ""


@dataclass(frozen=True)
class AnswerSurvey:
    survey_id: int
    solved: bool
    words: str = ""


@dataclass(frozen=True)
class RateSurvey:
    survey_id: int
    satisfaction: int
    words: str = ""
    is_anew: bool = False


@dataclass(frozen=True)
class TickReasons:
    survey_id: int
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class AddToAnswer:
    """Words and files join the answer to a survey. `is_told`: its case gets the same as an addition."""

    survey_id: int
    words: str = ""
    media: Media = ()
    is_told: bool = False


@dataclass(frozen=True)
class SayLate:
    """An answer that was tapped after the survey's end."""

    survey_id: int
    solved: bool


@dataclass(frozen=True)
class KeepPhone:
    phone: str


@dataclass(frozen=True)
class WantNotices:
    """Whether the person wants to hear of progress."""

    is_wanted: bool


@dataclass(frozen=True)
class Bind:
    code: str


@dataclass(frozen=True)
class Unfollow:
    """That someone follows needs no effect: whoever writes or scans does."""


@dataclass(frozen=True)
class Receipt:
    provider_id: str
    status: str


@dataclass(frozen=True)
class Consent:
    """The person allows messages of this template, or no longer does."""

    template_id: str
    is_given: bool


Effect = (
    OpenCase
    | JoinMatter
    | AddToCase
    | CountScan
    | Locate
    | Step
    | AnswerSurvey
    | RateSurvey
    | TickReasons
    | AddToAnswer
    | SayLate
    | KeepPhone
    | WantNotices
    | Bind
    | Unfollow
    | Receipt
    | Consent
)


@dataclass(frozen=True)
class Turn:
    """What the account does with one message."""

    state: State
    reply: str = ""
    effects: tuple[Effect, ...] = ()
