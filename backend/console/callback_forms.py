"""What the form of a call says of it."""

from datetime import datetime

from werkzeug.datastructures import MultiDict

from backend import times
from backend.cases.callback_models import HEARD_LABELS, Heard
from backend.cases.callbacks import ASK_SATISFIED, ASK_SOLVED, WORDS, Told
from backend.cases.surveys import SATISFACTION
from backend.web.forms import WrongFields
from backend.web.words import clean

ANSWERS = ("solved", "satisfaction", "reasons")
ONE_OF_BOTH = "电话里答了的，请改选“接通了，答了”；没有答的，请勾选“没有答，下面的不记”再提交"
CHOICES = {"yes": True, "no": False}


def told(form: MultiDict[str, str]) -> Told:
    """The form's fields. Raises WrongFields."""
    said = form.get("heard", "")
    if said not in set(Heard):
        raise WrongFields({"heard": "请选电话打得怎么样"})
    heard, words = Heard(said), clean(form.get("words", ""))
    if len(words) > WORDS:
        raise WrongFields({"words": f"写得太长了，最多 {WORDS} 个字"})
    if heard is Heard.ANSWERED:
        return _answered(form, words)
    _must_be_unanswered(form, heard)
    return Told(heard, words=words, later_at=_later(form) if heard is Heard.LATER else None)


def _must_be_unanswered(form: MultiDict[str, str], heard: Heard) -> None:
    """Who did not answer has said nothing: either the outcome is a wrong tap, or the answers are."""
    if any(form.get(field) for field in ANSWERS) and not form.get("unanswered"):
        raise WrongFields(
            {"unanswered": f"选的是“{HEARD_LABELS[heard]}”，下面却填了对方的回答。{ONE_OF_BOTH}"}
        )


def _answered(form: MultiDict[str, str], words: str) -> Told:
    solved, satisfaction = CHOICES.get(form.get("solved", "")), form.get("satisfaction", "")
    if solved is None:
        raise WrongFields({"solved": ASK_SOLVED})
    if satisfaction not in ("", *map(str, SATISFACTION)) or (solved and not satisfaction):
        raise WrongFields({"satisfaction": ASK_SATISFIED})
    return Told(
        Heard.ANSWERED,
        solved,
        int(satisfaction) if satisfaction else None,
        words,
        tuple(form.getlist("reasons")),
    )


def _later(form: MultiDict[str, str]) -> datetime:
    try:
        return times.moment(form.get("later", ""))
    except ValueError:
        raise WrongFields({"later": "请选什么时候再打"}) from None
