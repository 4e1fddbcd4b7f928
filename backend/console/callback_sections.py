"""Telephone callbacks on the page of a case: which there were, and what each try came to."""

from collections.abc import Sequence

from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from backend.cases import callback_models, callback_queries, callbacks
from backend.cases.attachments import Photo
from backend.cases.models import Case
from backend.cases.service import Actor
from backend.cases.workflow import Action
from backend.console.case_forms import Facts, Form, Section
from backend.errors import Conflict


def _callbacks(session: Session, case: Case, actor: Actor) -> Facts | None:
    rows = callback_queries.of_case(session, case.id)
    if not rows:
        return None
    return {
        "rows": rows,
        "tries": callback_queries.tries(session, [row.id for row in rows]),
        "whys": callback_models.WHY_LABELS,
        "states": {row.id: row.state_label(row.survey.via) for row in rows},
        "heard": callback_models.HEARD_LABELS,
        "may_call": callbacks.reaches(actor, rows[0]),
    }


def _not_here(_session: Session, _case: Case, _actor: Actor) -> Facts | None:
    """The pages of callbacks take this step; the page of a case offers no form for it."""
    return None


def _elsewhere(
    session: Session, number: str, actor: Actor, form: MultiDict[str, str], photos: Sequence[Photo]
) -> Case:
    raise Conflict("电话回访请在“电话回访”页面里办理")


FORMS = {Action.CALL_BACK: Form("", _not_here, _elsewhere)}
SECTIONS: list[Section] = [Section("console/sections/callbacks.html", _callbacks)]
