"""The duty desk (/console/desk): what waits, sent on with one tap or key, one by one or many at once."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from backend import db
from backend.auth import Who, require
from backend.cases import dispatch, sending, service, waiting
from backend.cases.categories import KIND_LABELS
from backend.cases.intake import summary
from backend.cases.models import CHANNEL_LABELS
from backend.cases.service import Actor
from backend.console import desk_cards
from backend.console.arbitrating import SEATED, SENDERS, UNCHANGED, bp, cursor, tabs
from backend.console.bulk import Fate, picked
from backend.errors import Conflict, Forbidden, Invalid, NotFound
from backend.places import queries as places
from backend.places.models import Unit
from backend.times import now
from backend.web import people
from backend.web.forms import last_seen_at
from backend.web.forms import number as read_number
from backend.web.words import NOTE_LENGTH, clean

__all__ = ["SEATED", "bp"]  # the application registers it; the menu names who finds it there
REFUSED = (Invalid, Conflict, Forbidden, NotFound)
NOT_YOURS = "值班台由信息员、社区书记和分拨员使用，您的岗位没有这一项"
NO_UNIT = "没有选择单位，请从建议里选，或打开“其他单位”"
NO_PLAN = "勾选的有 {} 件没有建议，没有派出，请逐件选单位"


@bp.get("/")
@require(Who.OFFICER)
def index() -> ResponseReturnValue:
    """The desk; for who only decides disputes, those."""
    if people.roles() & SEATED - SENDERS and not people.roles() & SENDERS:
        return redirect(url_for("dispatching.disputes"))
    return _whole()


@bp.get("/cards")
@require(Who.OFFICER)
def cards() -> ResponseReturnValue:
    """The first page again, if it is another than what the page shows; or the page after the last card."""
    at, after = now(), last_seen_at("after")
    with db.transaction() as session:
        actor = _sender(session)
        found = waiting.at_desk(session, actor.posts, after=after)
        seen = desk_cards.news(found, waiting.facts_of(session, found), at)
        if after is None and seen == request.args.get("seen"):
            return UNCHANGED
        facts = _facts(desk_cards.cards(session, actor, found, at), is_first=after is None)
        return render_template("desk/dispatching_cards.html", seen=seen, **facts)


@bp.get("/<number>/choices")
@require(Who.OFFICER)
def choices(number: str) -> ResponseReturnValue:
    """The units for a case as if it were filed under the category that has just been chosen."""
    with db.transaction() as session:
        case = service.find(session, clean(number), _sender(session))
        category_id = case.category_id or read_number(request.args.get("category", ""))
        seen = waiting.facts_of(session, [case])[case.id].seen
        found = desk_cards.suggestion(session, case, category_id)
        plan = desk_cards.plan_of(case, seen, found, category_id)
        return render_template("desk/dispatching_units.html", suggested=found, plan=plan)


@bp.get("/<number>/others")
@require(Who.OFFICER)
def others(number: str) -> ResponseReturnValue:
    """Every unit that serves the place, and room for a word to it."""
    with db.transaction() as session:
        case = service.find(session, clean(number), _sender(session))
        units = [(unit.id, unit.name) for unit in places.units_serving(session, case)]
        found = dispatch.suggest(session, case)
    return render_template("desk/dispatching_others.html", units=units, suggested=found and found.unit.id)


@bp.post("/<number>/send")
@require(Who.OFFICER)
def send(number: str) -> ResponseReturnValue:
    """One tap. To a page that runs, what became of the card; else the desk again."""
    fate = _sent(clean(number), *_wanted())
    if "HX-Request" in request.headers:
        return render_template("desk/dispatching_fate.html", fate=fate)
    if not fate.is_done:
        return _whole(fates=[fate]), Conflict.status
    flash(fate.said, "success")
    return redirect(url_for("dispatching.index"), 303)


@bp.post("/bulk")
@require(Who.OFFICER)
def bulk() -> ResponseReturnValue:
    """Send the ticked ones to what the page suggested for each; each is a transaction of its own.

    Those for which it suggested nothing stay, and are counted in one sentence.
    """
    plans = {each.partition(".")[0]: each for each in map(clean, request.form.getlist("plan"))}
    try:
        marks, wrong = picked(request.form.getlist("picked")), ""
    except Invalid as error:
        marks, wrong = {}, error.message
    fates = [_sent(each, *_plan(plans[each])) for each in marks if each in plans]
    if bare := len(marks) - len(fates):
        wrong = NO_PLAN.format(bare)
    if "HX-Request" in request.headers:
        return render_template("desk/dispatching_fates.html", fates=fates, wrong=wrong)
    return _whole(fates=fates, wrong=wrong)


def _sent(
    case_number: str, seen: int | None, unit_id: int | None, category_id: int | None, note: str
) -> Fate:
    """Send one case, and say what became of it."""
    try:
        if unit_id is None:
            raise Invalid(NO_UNIT)
        with db.transaction() as session:
            actor = _sender(session)
            case = sending.send(session, case_number, actor, unit_id, category_id, note, seen=seen)
            unit = session.get_one(Unit, unit_id).name
    except REFUSED as error:
        return Fate(case_number, f"没有派出：{error.message}", is_done=False)
    return Fate(case_number, f"已派给{unit}", is_done=True, about=summary(case.report))


def _wanted() -> tuple[int | None, int | None, int | None, str]:
    """What the card's form says: the last event seen, the unit, the category, the note."""
    form = request.form
    seen, category_id = (read_number(form.get(name, "")) for name in ("seen", "category"))
    unit_id = read_number(form.get("unit", "")) or read_number(form.get("other", ""))
    return seen, unit_id, category_id, clean(form.get("note", ""))[:NOTE_LENGTH]


def _plan(text: str) -> tuple[int | None, int | None, int | None, str]:
    """What one tap on that card would have sent (desk_cards.plan_of)."""
    _, seen, unit_id, category_id = (*text.split("."), "", "", "", "")[:4]
    return read_number(seen), read_number(unit_id), read_number(category_id), ""


def _whole(**shown: Any) -> str:
    at = now()
    with db.transaction() as session:
        actor = _sender(session)
        found = waiting.at_desk(session, actor.posts)
        drawn = desk_cards.cards(session, actor, found, at)
        seen = desk_cards.news(found, {card.case.id: card.facts for card in drawn}, at)
        facts = _facts(drawn, is_first=True) | {"seen": seen, "fates": [], "tabs": tabs(actor)}
        return render_template("desk/dispatching.html", **(facts | shown))


def _facts(drawn: list[desk_cards.Card], *, is_first: bool) -> dict[str, Any]:
    more = cursor(drawn[-1].case) if len(drawn) == waiting.PAGE else None
    words = {"channels": CHANNEL_LABELS, "kinds": KIND_LABELS}
    return {"cards": drawn, "more": more, "is_first": is_first, **words}


def _sender(session: Session) -> Actor:
    """The caller, if they sit at a desk. Raises Forbidden."""
    actor = people.officer(session)
    if not any(post.role in SENDERS for post in actor.posts):
        raise Forbidden(NOT_YOURS)
    return actor
