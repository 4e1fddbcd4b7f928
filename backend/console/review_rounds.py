"""What stands on the card of a review beside the complaint: round by round what was answered and what the
resident said to that, and the photos that came with what they said."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.cases import attachments, surveys
from backend.cases.models import Attachment, AttachmentKind, CaseEvent, Stored
from backend.cases.survey_models import Survey
from backend.cases.workflow import Action
from backend.places.roles import Role

ANSWERS = (Action.RESOLVE, Action.RESOLVE_ON_SPOT, Action.FOLLOW)


@dataclass(frozen=True)
class Round:
    """One answer to a case. `said` is what the resident answered to it, as it stands now."""

    number: int
    answer: str
    at: datetime
    said: str = ""
    photos: Sequence[str] = ()


def of(session: Session, case_ids: Sequence[int]) -> Mapping[int, list[Round]]:
    """The rounds of these cases that were answered, the first one first (three queries)."""
    asked = _surveys(session, case_ids)
    photos = _photos(session, asked)
    found: Mapping[int, list[Round]] = defaultdict(list)
    for event in _events(session, case_ids):
        rounds = found[event.case_id]
        if event.action is not Action.REOPEN:
            key = (event.case_id, event.round)
            said = surveys.in_words(asked[key]) if key in asked else ""
            rounds[:] = [one for one in rounds if one.number != event.round]  # answered anew
            rounds.append(Round(event.round, event.note, event.created_at, said, photos.get(key, ())))
        elif rounds and not rounds[-1].said:
            rounds[-1] = replace(rounds[-1], said=event.note)
    return found


def _events(session: Session, case_ids: Sequence[int]) -> Sequence[CaseEvent]:
    """The answers, and the resident's own words by which a case came back without any survey."""
    came_back = (CaseEvent.action == Action.REOPEN) & (CaseEvent.role == Role.RESIDENT)
    wanted = sa.select(CaseEvent).where(CaseEvent.case_id.in_(case_ids))
    return session.scalars(
        wanted.where(CaseEvent.action.in_(ANSWERS) | came_back).order_by(CaseEvent.id)
    ).all()


def _surveys(session: Session, case_ids: Sequence[int]) -> dict[tuple[int, int], Survey]:
    """Those that were answered, by case and round."""
    wanted = sa.select(Survey).where(Survey.case_id.in_(case_ids), Survey.solved.is_not(None))
    return {(survey.case_id, survey.round): survey for survey in session.scalars(wanted)}


def _photos(
    session: Session, asked: Mapping[tuple[int, int], Survey]
) -> Mapping[tuple[int, int], Sequence[str]]:
    """Where the photos are shown that came with an answer to a survey or after it, by case and round."""
    cases = {case_id for case_id, _ in asked}
    is_shown = Attachment.by_resident & (Attachment.state == Stored.STORED)
    own = sa.select(Attachment).where(Attachment.case_id.in_(cases), Attachment.kind == AttachmentKind.PHOTO)
    found: Mapping[tuple[int, int], list[str]] = defaultdict(list)
    for one in session.scalars(own.where(is_shown).order_by(Attachment.id)):
        survey = asked.get((one.case_id, one.round))
        if survey is not None and survey.answered_at and one.created_at >= survey.answered_at:
            found[one.case_id, one.round].append(attachments.photo_url(one))
    return found
