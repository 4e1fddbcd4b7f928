"""The callback survey on one page. The token in the address is the right to answer it, once."""

from collections.abc import Mapping
from datetime import timedelta

import sqlalchemy as sa
from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session, joinedload

from backend import auth, db
from backend.auth import public
from backend.cases import surveys
from backend.cases.survey_models import Survey, SurveyState
from backend.config import config
from backend.errors import Gone, Invalid, NotFound
from backend.resident import rating, schemas, wording
from backend.resident.contract import checked
from backend.web.forms import WrongFields, sentences_of

LIFE = timedelta(days=config.survey_days_open + 1)
MINE = ("看我反映的事", "/r/")
CHOICES = {"yes": True, "no": False}
UNSAID = "请先点一下事情是不是解决了"


def _survey_id(token: str) -> int:
    return int(auth.unsign("survey", token, LIFE))


@public
def ask(token: str) -> ResponseReturnValue:
    """Both questions; 410 with a kind sentence when they were answered or are too old."""
    try:
        return _form(token, {}, {})
    except Gone as error:
        return _ended(error)


def _ended(error: Gone) -> ResponseReturnValue:
    page = render_template(
        "message.html", title="这次回访已经结束", message=error.message, icon="info", links=[MINE]
    )
    return page, error.status


def _form(token: str, filled: Mapping[str, str], wrong: Mapping[str, str]) -> str:
    with db.transaction() as session:
        survey = surveys.find_open(session, _survey_id(token))
        case = _with_case(session, survey.id).case
        return render_template(
            "resident/survey.html",
            case=case,
            token=token,
            steps=surveys.SATISFACTION,
            unsaid=UNSAID,
            filled=filled,
            wrong=wrong,
        )


def _with_case(session: Session, survey_id: int) -> Survey:
    query = sa.select(Survey).where(Survey.id == survey_id).options(joinedload(Survey.case))
    return session.scalars(query.execution_options(populate_existing=True)).one()


@public
def answer(token: str) -> ResponseReturnValue:
    """Write the answers down, then thank."""
    filled = {name: request.form.get(name, "") for name in ("solved", "satisfaction", "words")}
    try:
        with db.transaction() as session:
            rating.answer(session, _survey_id(token), _given(filled))
    except Gone as error:
        return _ended(error)
    except Invalid as error:
        return _form(token, filled, sentences_of(error)), error.status
    return redirect(url_for("resident.thank", token=token), 303)


def _given(filled: dict[str, str]) -> schemas.Rating:
    """The form's words as the API's shape. Raises Invalid."""
    solved, satisfaction = CHOICES.get(filled["solved"]), filled["satisfaction"]
    if solved is None or satisfaction not in ("", *map(str, surveys.SATISFACTION)):
        raise WrongFields({"solved": UNSAID})
    rating_of = {
        "solved": solved,
        "satisfaction": int(satisfaction) if satisfaction else None,
        "words": filled["words"],
    }
    return checked(schemas.Rating, lambda: schemas.Rating.model_validate(rating_of))


@public
def thank(token: str) -> ResponseReturnValue:
    """What happens now, in one sentence."""
    with db.transaction() as session:
        survey = session.get(Survey, _survey_id(token))
        if survey is None or survey.state is not SurveyState.ANSWERED:
            raise NotFound("还没有收到您的评价，请从微信消息里重新打开")
        message = wording.SAID_BAD if surveys.is_bad(survey) else wording.SAID_GOOD
    page = {"title": "谢谢您的评价", "message": message, "icon": "success", "links": [MINE]}
    return render_template("message.html", **page)
