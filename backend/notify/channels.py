"""How a message leaves the house: what a channel is, and what it says when it cannot take a message.

A channel works in two moves, so that no provider is called inside a transaction: `prepare` reads and reserves
in a short transaction, and the letter that it returns is delivered with none open. Whoever knows a provider
registers its channels here (backend.wechat.channel); notify knows none. Which of them a message tries, and in
which order, is in ladders.py.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from enum import StrEnum
from typing import Any, Protocol

from sqlalchemy.orm import Session

from backend import auth
from backend.config import config
from backend.notify.messages import CATALOGUE, Choice, Kind, Message
from backend.times import next_within, now, stamp


class Recipient(StrEnum):
    RESIDENT = "resident"
    OFFICER = "officer"


class Then(StrEnum):
    """What becomes of a message that no channel takes; the first in this order that any of them hopes for."""

    LATER = "later"  # the same may succeed in a while
    VISIT = "visit"  # nothing can be done until the person comes to us
    NEVER = "never"


class Refusal(Exception):
    """A channel cannot take the message. `reason` is a Chinese phrase for the record.

    `next_rung` says whether another channel may be tried now. `uncertain`: the message may have gone out.
    `until`: before this moment a later attempt is in vain, and none is counted.
    """

    def __init__(
        self,
        reason: str,
        then: Then,
        *,
        next_rung: bool = True,
        uncertain: bool = False,
        until: datetime | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason, self.then, self.next_rung, self.uncertain = reason, then, next_rung, uncertain
        self.until = until


class NotServed(Refusal):
    """Nobody has set up this channel here, or it is not its turn: noted among the rungs, but no reason why a
    message failed."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, Then.NEVER)


class Asked(Refusal):
    """Somebody was asked to say it: whatever else becomes of it, the message waits for that."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, Then.VISIT)


@dataclass(frozen=True)
class Owed:
    """A message in the hands of a worker. The lease is the proof that it is still this worker's.

    `unanswered` names the channel of an earlier call that got no answer, or whose worker died: it may have
    gone out. `rungs` is what earlier attempts said: [{channel, why, at, closed, asked}].
    """

    id: int
    message: Message
    fields: dict[str, Any]
    resident_id: int | None
    officer_id: int | None
    attempts: int
    lease: datetime
    created_at: datetime
    unanswered: str | None
    rungs: tuple[dict[str, Any], ...]

    @property
    def recipient(self) -> Recipient:
        return Recipient.OFFICER if self.officer_id is not None else Recipient.RESIDENT

    @property
    def client_id(self) -> str:
        """The name under which the provider knows this message: the same after a crash, so no second one.

        The moment of creation is in it because a database that was built anew counts the same ids again;
        the number of lost ones is, because the provider would take the next for a repetition of those.
        """
        lost = sum(1 for rung in self.rungs if rung.get("lost"))
        return f"{self.id}-{int(self.created_at.timestamp() * 1_000_000)}" + (f"-{lost}" if lost else "")

    @property
    def chosen(self) -> str | None:
        """The channel that an officer chose for this message (mending.py): no other is tried."""
        return next((rung["channel"] for rung in reversed(self.rungs) if rung.get("chosen")), None)

    @property
    def is_asked(self) -> bool:
        """Whether somebody was asked to say it."""
        return any(rung.get("asked") for rung in self.rungs)

    def closed(self, channel: str) -> str | None:
        """Why this channel does not reach the person, if a receipt has said so."""
        said = (rung["why"] for rung in self.rungs if rung["channel"] == channel and rung.get("closed"))
        return next(said, None)


class Letter(Protocol):
    """A message made ready for one address."""

    @property
    def account(self) -> str: ...

    def deliver(self) -> str | None:
        """Call the provider; returns the id that a receipt will name, if one will come. Raises Refusal."""

    def settle(self, session: Session, refused: Refusal) -> None:
        """Write down what a refusal of `deliver` teaches: a closed window, a person who left."""


class Channel(Protocol):
    """One way to reach people."""

    @property
    def name(self) -> str: ...

    def prepare(self, session: Session, owed: Owed) -> Letter:
        """Find the address and reserve what a message costs. Raises Refusal: this channel is not possible."""


# What a provider looks up for a whole batch before its letters are prepared one by one in the same session.
LOOK_UPS: list[Callable[[Session, Sequence[Owed]], None]] = []

# The channels of this deployment by name; a rung of a ladder without one is skipped and says so.
CHANNELS: dict[str, Channel] = {}


def register(channel: Channel) -> None:
    """Make this channel known under its name. Called when the module that knows its provider is imported."""
    CHANNELS[channel.name] = channel


class _Known(dict[str, Any]):
    """What a text may say; a field that this message does not have is left out."""

    def __missing__(self, name: str) -> str:
        return ""


def kind_of(owed: Owed) -> Kind:
    return CATALOGUE[owed.message]


def text_of(owed: Owed) -> str:
    """The message as words in a chat."""
    return filled(owed, kind_of(owed).text)


def filled(owed: Owed, text: str) -> str:
    """These words with what the message has to say. What people wrote cannot become a link or a mark-up in
    them."""
    fields = _Known({name: str(value).replace("<", "＜") for name, value in owed.fields.items()})
    lines = (line.strip() for line in text.format_map(fields).splitlines())
    return "\n".join(line for line in (is_urgent(owed) and "【紧急】", *lines) if line)


def is_urgent(owed: Owed) -> bool:
    """Whether an officer must see at once that this cannot wait."""
    return owed.officer_id is not None and bool(owed.fields.get("urgent"))


def must_not_wake(owed: Owed, reason: str, hours: tuple[time, time] | None = None) -> None:
    """For what beeps or rings. Raises Refusal for a resident outside of these hours (else at night), also for
    what is urgent by its kind."""
    moment = now()
    morning = next_within(moment, hours or config.message_hours)
    if owed.recipient is Recipient.RESIDENT and morning > moment:
        raise Refusal(reason, Then.LATER, until=morning)


def link_of(owed: Owed, account: str) -> str:
    """Where the message leads, for the person to be signed in through this account."""
    fields = _Known(owed.fields)
    if "survey" in fields:
        fields["token"] = auth.sign("survey", int(fields["survey"]))
    return f"{config.public_url}{kind_of(owed).link.format_map(fields)}?account={account}"


def choices_of(owed: Owed) -> tuple[Choice, ...]:
    """What can be tapped in chat, with ids that name the thing answered."""
    fields = _Known(owed.fields)
    return tuple(Choice(one.id.format_map(fields), one.text) for one in kind_of(owed).choices)


def values_of(owed: Owed) -> dict[str, str]:
    """What a template's slots can show, by our names for it."""
    names = ("number", "place", "summary", "note", "who")
    said = {name: str(owed.fields.get(name, "")) for name in names}
    time = str(owed.fields.get("at") or stamp(owed.created_at))
    return said | {"status": "紧急" if is_urgent(owed) else kind_of(owed).status, "time": time}
