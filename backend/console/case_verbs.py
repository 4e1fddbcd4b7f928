"""Steps on a case that are more than their row of the table: what else is read from their forms, and done."""

from collections.abc import Callable

from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from backend.cases import merging, service
from backend.cases.models import Case
from backend.cases.service import Actor
from backend.cases.workflow import Action, Given
from backend.console.offers import Offers
from backend.errors import Forbidden, NotFound
from backend.places.models import Area
from backend.web.forms import WrongFields, number
from backend.web.words import clean

MISSING = {  # by field; what the browser says of an empty one, and the server says again
    "note": "请填写说明",
    "unit": "请选择责任单位",
    "place": "请选择地点",
    "outcome": "请选择办理结果",
    "category": "请选择事项",
    "officer": "请选择一位工作人员",
    "case": "请填写另一件诉求的编号",
    "basis": "请选依据的职责，或者写明依据",
}
Verb = Callable[[Session, Case, Actor, MultiDict[str, str], Given], Case]


def _locate(session: Session, case: Case, actor: Actor, form: MultiDict[str, str], given: Given) -> Case:
    place_id = number(form.get("place", ""))
    if place_id is None or place_id not in dict(Offers(session, case).places):
        raise WrongFields({"place": MISSING["place"]})
    return service.locate(session, case.number, actor, session.get_one(Area, place_id))


def _classify(session: Session, case: Case, actor: Actor, form: MultiDict[str, str], given: Given) -> Case:
    category_id = number(form.get("category", ""))
    if category_id is None:
        raise WrongFields({"category": MISSING["category"]})
    return service.classify(session, case.number, actor, category_id)


def _merge(session: Session, case: Case, actor: Actor, form: MultiDict[str, str], given: Given) -> Case:
    other = _other(session, actor, form)
    return merging.merge(session, case.number, actor, other, given.note)


def _link(session: Session, case: Case, actor: Actor, form: MultiDict[str, str], given: Given) -> Case:
    other = _other(session, actor, form)
    return merging.link(session, case.number, actor, other, given.note)


def _other(session: Session, actor: Actor, form: MultiDict[str, str]) -> str:
    other = clean(form.get("case", "")).strip()
    if not other:
        raise WrongFields({"case": MISSING["case"]})
    try:
        return service.find(session, other, actor).number
    except (NotFound, Forbidden):
        raise WrongFields({"case": "没有找到这个编号的诉求，或者不归您办理，请核对"}) from None


def _split(session: Session, case: Case, actor: Actor, form: MultiDict[str, str], given: Given) -> Case:
    if given.unit_id is None:
        raise WrongFields({"unit": MISSING["unit"]})
    merging.split(session, case.number, actor, given.unit_id, given.note)
    return case


VERBS: dict[Action, Verb] = {
    Action.LOCATE: _locate,
    Action.CLASSIFY: _classify,
    Action.MERGE: _merge,
    Action.LINK: _link,
    Action.SPLIT: _split,
}
