"""The callback survey on one page. The token in the address is the right to answer it, to change one's mind
within a day, and to be heard after its end."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from backend import auth, db
from backend.auth import public
from backend.cases import attachments, survey_answers, survey_policies, survey_reviews, surveys
from backend.cases.survey_models import Follow, Survey, SurveyState, Via
from backend.cases.survey_policies import LONGEST_OPEN
from backend.errors import AppError, Gone, Invalid, NotFound, TooMany
from backend.resident import rating, schemas, wording
from backend.resident.contract import checked
from backend.resident.forms import say_refused
from backend.times import spoken
from backend.web.forms import WrongFields, photos_in_form, sentences_of

LIFE = timedelta(days=LONGEST_OPEN + 30)  # as long as any may be open, and then for late words
MINE = ("看我反映的事", "/r/")
CHOICES = {"yes": True, "no": False}
SAID = {True: "yes", False: "no", None: ""}
BAD_STEPS = {str(step) for step in surveys.SATISFACTION if step <= surveys.DISSATISFIED}
NO_PHOTOS = "，照片没有收下"
UNSAID = "请先点一下事情是不是解决了"
CHANGEABLE = "{until}前想改，点“改评价”就行。"
TOLD = "您说的，我们会转告负责的单位。"
# What the page says beforehand, by what follows "not solved" and "dissatisfied".
FOLLOWS: dict[tuple[Follow | None, Follow | None], str] = {
    (Follow.REOPEN, Follow.REOPEN): "选“没有解决”、“不满意”或“很不满意”，这件事会重新办理。",
    (Follow.REVIEW, Follow.REVIEW): "选“没有解决”、“不满意”或“很不满意”，督查人员会核查这件事。",
    (
        Follow.REOPEN,
        Follow.REVIEW,
    ): "选“没有解决”，这件事会重新办理；选“不满意”或“很不满意”，督查人员会核查。",
    (
        Follow.REVIEW,
        Follow.REOPEN,
    ): "选“没有解决”，督查人员会核查；选“不满意”或“很不满意”，这件事会重新办理。",
}


def _survey_id(token: str) -> int:
    return int(auth.unsign("survey", token, LIFE))


@public
def ask(token: str) -> ResponseReturnValue:
    """Both questions; 410 with a kind sentence, and room for words, when it is over."""
    try:
        return _form(token, None, {})
    except Gone as error:
        return _over(token, error.message), error.status


def _over(token: str, message: str, words: str = "", wrong: str = "") -> str:
    """Nothing of the case stands here: the link is old. One that is too old says so."""
    _survey_id(token)
    facts = {"message": message, "words": words, "wrong": wrong}
    return render_template("resident/survey_over.html", token=token, **facts)


def _form(token: str, filled: Mapping[str, Any] | None, wrong: Mapping[str, str]) -> str:
    """The form as it was filled, or as it was answered before."""
    with db.transaction() as session:
        survey = surveys.look_at(session, _survey_id(token))
        case = survey.case
        terms = survey_policies.read(session).terms(case)
        follow = partial(survey_reviews.follow, session, survey, case, terms)
        until = rating.until(survey)
        facts: dict[str, Any] = {
            "case": case,
            "filled": _answered(survey) if filled is None else filled,
            "reasons": terms.reasons,
            "kept": [words for words in survey.reasons if words not in terms.reasons],
            "follows": FOLLOWS.get((follow(solved=False), follow(solved=True)), TOLD),
            "until": spoken(until) if until else "",
            "complained": surveys.is_bad(survey) and bool(survey.words),
        }
        return render_template(
            "resident/survey.html",
            token=token,
            steps=surveys.SATISFACTION,
            unsaid=UNSAID,
            wrong=wrong,
            **facts,
        )


def _answered(survey: Survey) -> dict[str, Any]:
    return {
        "solved": SAID[survey.solved],
        "satisfaction": survey.satisfaction,
        "words": survey.words or "",
        "reasons": survey.reasons,
        "thanks": "",  # said once, and not taken back by another answer
    }


@public
def answer(token: str) -> ResponseReturnValue:
    """Write the answers down, then thank."""
    filled: dict[str, Any] = {
        name: request.form.get(name, "") for name in ("solved", "satisfaction", "words")
    }
    is_good = filled["solved"] == "yes" and filled["satisfaction"] not in BAD_STEPS
    filled["reasons"] = [] if is_good else request.form.getlist("reasons")
    filled["thanks"] = request.form.get("thanks", "")
    try:
        rating.answer(_survey_id(token), _given(filled), Via.PAGE)
    except Gone as error:
        return _over(token, error.message + (NO_PHOTOS if photos_in_form() else "")), error.status
    except (Invalid, TooMany) as error:
        return _again(token, filled, error), error.status
    say_refused(_add_photos(token))
    return redirect(url_for("resident.thank", token=token), 303)


def _again(token: str, filled: Mapping[str, Any], error: AppError) -> str:
    """The form with what was typed; where the survey is over meanwhile, what is left of it: words."""
    try:
        return _form(token, filled, sentences_of(error))
    except Gone as over:
        return _over(token, over.message, filled["words"], error.message)


def _add_photos(token: str) -> list[str]:
    """Why some were not taken. They are made ready only once the answer stands, and cost it nothing."""
    prepared = attachments.prepare_all(photos_in_form())
    if not prepared.photos:
        return prepared.refused
    try:
        with db.transaction() as session:
            _, full = survey_answers.add_photos(session, _survey_id(token), prepared.photos)
    except Gone as error:
        full = [error.message]
    return prepared.refused + full


def _given(filled: dict[str, Any]) -> schemas.Rating:
    """The form's words as the API's shape. Raises Invalid."""
    solved, satisfaction = CHOICES.get(filled["solved"]), filled["satisfaction"]
    if solved is None or satisfaction not in ("", *map(str, surveys.SATISFACTION)):
        raise WrongFields({"solved": UNSAID})
    rating_of = {
        "solved": solved,
        "satisfaction": int(satisfaction) if satisfaction else None,
        "words": filled["words"],
        "reasons": filled["reasons"],
        "thanks": bool(filled["thanks"]),
    }
    return checked(schemas.Rating, lambda: schemas.Rating.model_validate(rating_of))


@public
def say_late(token: str) -> ResponseReturnValue:
    """Words after the end: kept with the case, told to the unit."""
    survey_id, words = _survey_id(token), request.form.get("words", "")
    try:
        note = checked(schemas.Note, lambda: schemas.Note(note=words)).note
        rating.say_late(survey_id, note, Via.PAGE)
    except (Invalid, TooMany) as error:
        return _over(token, "这次回访已经结束了", words, error.message), error.status
    page = {"title": "记下了", "message": wording.SAID_LATE, "icon": "success", "links": [MINE]}
    return render_template("message.html", **page)


@public
def thank(token: str) -> ResponseReturnValue:
    """What happens now, and until when the answer may be changed."""
    with db.transaction() as session:
        survey = session.get(Survey, _survey_id(token))
        if survey is None or survey.state is not SurveyState.ANSWERED:
            raise NotFound("还没有收到您的评价，请从微信消息里重新打开")
        message, links = _what_follows(session, survey), [MINE]
        if until := _changeable_until(session, survey):
            message += CHANGEABLE.format(until=spoken(until))
            links.append(("改评价", url_for("resident.ask", token=token)))
    page = {"title": "谢谢您的评价", "message": message, "icon": "success", "links": links}
    return render_template("message.html", **page)


def _changeable_until(session: Session, survey: Survey) -> datetime | None:
    """None once it stands."""
    try:
        return rating.until(surveys.look_at(session, survey.id))
    except Gone:
        return None


def _what_follows(session: Session, survey: Survey) -> str:
    if not surveys.is_bad(survey):
        holds = survey_reviews.after_all(session, survey)
        return f"{wording.SAID_GOOD}{holds}。" if holds else wording.SAID_GOOD
    state = survey_reviews.state_of(session, survey.id)
    return wording.FOLLOWED.get(state, wording.SAID_TOLD) if state else wording.SAID_TOLD
