"""What a topic adds to the page of a case: forms for steps that ask more than usual, and sections to read."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from backend.cases.attachments import Photo
from backend.cases.models import Case
from backend.cases.service import Actor

Facts = Mapping[str, Any]


@dataclass(frozen=True)
class Form:
    """A step's own form: `template` gets what `offer` returns as `offer`; None there: not to be shown now.

    `take` reads the form and takes the step. It raises WrongFields, or whatever the service raises.
    """

    template: str
    offer: Callable[[Session, Case, Actor], Facts | None]
    take: Callable[[Session, str, Actor, MultiDict[str, str], Sequence[Photo]], Case]


@dataclass(frozen=True)
class Section:
    """A part of the page to read: `template` gets what `facts` returns as `facts`; None: it is left out."""

    template: str
    facts: Callable[[Session, Case, Actor], Facts | None]
