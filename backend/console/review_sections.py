"""The review of a bad answer on the page of a case: that there is one, and where it is decided."""

from collections.abc import Sequence

from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from backend.cases import survey_reviews
from backend.cases.attachments import Photo
from backend.cases.models import Case
from backend.cases.service import Actor
from backend.cases.workflow import Action, Status
from backend.console.case_forms import Facts, Form, Section
from backend.errors import Conflict


def _open_review(session: Session, case: Case, _actor: Actor) -> Facts | None:
    row = survey_reviews.open_of(session, case) if case.status is Status.CLOSED else None
    return {"row": row} if row else None


def _not_here(_session: Session, _case: Case, _actor: Actor) -> Facts | None:
    """The page of reviews takes this step; the page of a case offers no form for it."""
    return None


def _elsewhere(
    session: Session, number: str, actor: Actor, form: MultiDict[str, str], photos: Sequence[Photo]
) -> Case:
    raise Conflict("居民不认可的，请在“回访复核”页面里处理")


FORMS = {Action.UPHOLD: Form("", _not_here, _elsewhere)}
SECTIONS: list[Section] = [Section("console/sections/survey_review.html", _open_review)]
