"""A case as its resident sees it, on the page and in the API alike: plain words, nothing that is internal."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload, selectinload

from backend.cases import attachments, queries, survey_reviews, workflow
from backend.cases.models import Attachment, AttachmentKind, Case, CaseEvent, Stored
from backend.cases.survey_models import ReviewState, Survey, SurveyReview, SurveyState
from backend.cases.workflow import Status
from backend.config import config
from backend.errors import Invalid
from backend.places.roles import ROLE_LABELS, Role
from backend.resident import rating, schemas, wording
from backend.resident.wording import DOINGS
from backend.times import now, spoken
from backend.web.words import clean
from backend.wechat.understanding import understand
from backend.wechat.wording import STATUS_WORDS

PAGE = 20
Surveyed = tuple[Survey | None, ReviewState | None]  # the answer, and how somebody looks at it
SURVEY_STATES = {
    SurveyState.DUE: "due",
    SurveyState.SENT: "open",
    SurveyState.ANSWERED: "answered",
    SurveyState.EXPIRED: "expired",
}


def page_of_cases(session: Session, resident_id: int, before: str) -> tuple[list[Case], str | None]:
    """A page of a resident's own cases, newest first, and what `before` is for the next (None: no more).

    `before` is the number of the last case seen, or empty. Raises Invalid when it is not one of theirs.
    """
    own = sa.select(Case).where(Case.resident_id == resident_id).options(joinedload(Case.place))
    if before:
        last_seen = session.scalar(own.where(Case.number == clean(before)))
        if last_seen is None:
            raise Invalid("找不到接着看的位置，请从头再看")
        own = own.where(Case.id < last_seen.id)
    rows = list(session.scalars(own.order_by(Case.id.desc()).limit(PAGE + 1)))
    page = rows[:PAGE]
    return page, page[-1].number if len(rows) > PAGE else None


def show_case(session: Session, case: Case, at: datetime | None = None) -> schemas.Case:
    """One case as its resident sees it at this moment."""
    [shown] = show_cases(session, [case.id], at)
    return shown


def show_cases(session: Session, case_ids: Sequence[int], at: datetime | None = None) -> list[schemas.Case]:
    """Cases in the order of their ids here. The number of queries does not depend on how many there are."""
    session.flush()
    rows = session.scalars(
        sa.select(Case)
        .where(Case.id.in_(case_ids))
        .options(
            joinedload(Case.place),
            joinedload(Case.unit),
            selectinload(Case.events).joinedload(CaseEvent.unit),
            selectinload(Case.attachments),
        )
        .execution_options(populate_existing=True)
    )
    cases = {case.id: case for case in rows}
    surveys = _surveys(session, case_ids)
    moment = at or now()
    nothing = (None, None)
    return [_show(cases[case_id], surveys.get(case_id, nothing), moment) for case_id in case_ids]


def _surveys(session: Session, case_ids: Sequence[int]) -> dict[int, Surveyed]:
    """The survey of each case's present round, and how the review of its answer stands."""
    rows = session.execute(
        sa.select(Survey, SurveyReview.state)
        .join(Case, (Case.id == Survey.case_id) & (Case.round == Survey.round))
        .outerjoin(SurveyReview, SurveyReview.survey_id == Survey.id)
        .where(Case.id.in_(case_ids))
    )
    return {survey.case_id: (survey, review) for survey, review in rows}


def _show(case: Case, surveyed: Surveyed, at: datetime) -> schemas.Case:
    survey, review = surveyed
    state = survey_state(survey) if survey else None
    return schemas.Case(
        number=case.number,
        status=case.status,
        status_label=STATUS_WORDS[case.status],
        round=case.round,
        report=case.report,
        place=f"{case.place.name}（{case.address}）" if case.address else case.place.name,
        created_at=case.discovered_at,
        due_at=case.due_at,
        next=what_comes_next(case, state, review, at),
        steps=_steps(case.events, case.attachments),
        photos=[show_photo(attachment) for attachment in case.attachments if is_shown(attachment)],
        actions=offers(case.status),
        survey=state,
    )


def survey_state(survey: Survey) -> schemas.SurveyState:
    return schemas.SurveyState.model_validate({"state": SURVEY_STATES[survey.state]})


def show_survey(session: Session, survey: Survey) -> schemas.Survey:
    return schemas.Survey(
        state=survey_state(survey).state,
        solved=survey.solved,
        satisfaction=survey.satisfaction,
        words=survey.words,
        reasons=survey.reasons,
        choices=list(rating.reasons(session, survey)),
        changeable_until=rating.until(survey),
        holds=survey_reviews.after_all(session, survey),
    )


def show_photo(attachment: Attachment) -> schemas.Photo:
    url = attachments.photo_url(attachment)
    return schemas.Photo(id=str(attachment.id), url=url, mine=attachment.by_resident, round=attachment.round)


def is_shown(attachment: Attachment) -> bool:
    """Photos that are in the store, the officers' too: they are the proof that something was done."""
    return attachment.state is Stored.STORED and attachment.kind is AttachmentKind.PHOTO


def offers(status: Status) -> list[schemas.Offer]:
    """What the workflow lets a resident do now, of the things that these pages can do."""
    possible = workflow.allowed(status, {Role.RESIDENT})
    return [
        schemas.Offer.model_validate(
            {"action": action, "label": doing.label, "needs_note": doing.needs_note},
        )
        for action, doing in DOINGS.items()
        if action in possible
    ]


def what_comes_next(
    case: Case, survey: schemas.SurveyState | None, review: ReviewState | None, at: datetime
) -> str:
    """One sentence: what happens next, and until when. Danger comes before everything else."""
    if case.status is Status.CLOSED and review in wording.REVIEWED:
        return wording.REVIEWED[review]
    if case.status is Status.CLOSED and survey is not None:
        return wording.SURVEYED[survey.state]
    words = {
        "until": spoken(case.due_at, at) if case.due_at else "",
        "by": f"{spoken(case.due_at, at)}前" if case.due_at else "近期",
        "unit": case.unit.name if case.unit else "负责的单位",
        "closes": spoken((case.resolved_at or at) + timedelta(days=config.close_after_days), at),
    }
    return _danger(case) + _question(case) + _sentence(case, at).format(**words)


def _sentence(case: Case, at: datetime) -> str:
    """While a question has stopped the clock, nobody promises a time."""
    if case.due_at is None and case.status in workflow.UNSOLVED and _is_asked(case):
        return wording.WAITING
    is_late = case.due_at is not None and case.due_at < at
    return wording.LATE if is_late else wording.NEXT[case.status]


def _question(case: Case) -> str:
    """What the resident has been asked stands before what the others do."""
    return wording.ASKED.format(question=case.question) if _is_asked(case) else ""


def _is_asked(case: Case) -> bool:
    return case.question is not None and case.replied_at is None


def _danger(case: Case) -> str:
    if case.status is not Status.SUBMITTED or not case.urgent:
        return ""
    return "".join(f"{danger.advice}！" for danger in understand(case.report).dangers)


def _steps(events: Sequence[CaseEvent], files: Sequence[Attachment]) -> list[schemas.Step]:
    """The events in their order, but officers' looks; each is signed with the unit that had the case then."""
    steps, unit = [], ""
    for event in events:
        if event.action in workflow.UNTOLD:
            continue
        named = event.unit.name if event.unit else ""
        unit = named if named and event.action in queries.GIVES else unit
        steps.append(
            schemas.Step(
                at=event.created_at,
                label=_label(event, named or unit, files),
                note=queries.said(event) if event.public else "",
                who=_who(event.role, unit),
                round=event.round,
            )
        )
    return steps


def _label(event: CaseEvent, unit: str, files: Sequence[Attachment]) -> str:
    if what := attachments.brought(event, files):
        return wording.BROUGHT.format(what=what)
    return wording.STEPS[event.action].format(unit=unit)


WHO = {
    Role.RESIDENT: wording.YOU,
    Role.SYSTEM: wording.SYSTEM,
    Role.SUPERVISOR: ROLE_LABELS[Role.SUPERVISOR],
}


def _who(role: Role, unit: str) -> str:
    if role in workflow.UNIT:
        return unit or wording.STAFF
    return WHO.get(role, wording.COMMUNITY)
