"""Orders 发令单 (/console/orders): drafted, approved with one tap, followed by unit, answered, printed."""

import secrets
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from backend import db, storage
from backend.auth import Who, require
from backend.cases.attachments import Photo
from backend.cases.service import Actor
from backend.cases.supervisions import EFFECT_LABELS, STATE_LABELS
from backend.console import order_drafts, order_forms, order_lists, order_supervisions, tasks
from backend.errors import Conflict, Forbidden, Invalid, NotFound, TooMany
from backend.orders import drafting, queries, service, sheet, supervision_lists
from backend.orders.models import Order
from backend.orders.service import AlreadyDone
from backend.orders.workflow import RULES, STATUS_LABELS, Action, part_label
from backend.places.models import Area
from backend.places.queries import path_names
from backend.times import now
from backend.web import people
from backend.web.downloads import download
from backend.web.forms import last_seen, number, photos_in_form, sentences_of
from backend.web.words import clean

bp = Blueprint("orders", __name__, url_prefix="/console/orders")

EXPECTED = (Invalid, Conflict, TooMany, NotFound, Forbidden)
NOT_YOURS = "发令单由社区的书记、信息员或者分拨员起草"


@bp.get("/")
@require(Who.OFFICER)
def index() -> ResponseReturnValue:
    at = now()
    with db.transaction() as session:
        actor = people.officer(session)
        tab = request.args.get("tab") or order_lists.first_tab(session, actor.posts)
        if tab not in dict(order_lists.TABS):
            raise NotFound("没有这个分类")
        rows, more = order_lists.rows(session, actor.posts, tab, request.args.get("after", ""), at)
        board = queries.board(session, actor.posts, at)
        may_draft = queries.drafts_for({post.role for post in actor.posts})
        whole = "desk/orders.html" if "HX-Request" not in request.headers else "desk/orders_rows.html"
        shown = {
            "rows": rows,
            "tab": tab,
            "tabs": order_lists.TABS,
            "more": more,
            "board": board,
            "labels": STATUS_LABELS,
        }
        return render_template(whole, may_draft=may_draft, part_label=part_label, **shown)


# -- one order


@bp.get("/<number>")
@require(Who.OFFICER)
def order(number: str) -> ResponseReturnValue:
    return _show(number)


@bp.post("/<number>/<action>")
@require(Who.OFFICER)
def perform(number: str, action: str) -> ResponseReturnValue:
    """Take a step, then show the order again; what cannot be done is said there, with what was typed."""
    wanted = order_forms.action_of(action)
    try:
        _take(clean(number), wanted)
    except AlreadyDone as done:
        flash(done.message, "info")
        return redirect(url_for("orders.order", number=number), 303)
    except EXPECTED as error:
        tried = (action, request.form.get("part") or request.form.get("supervision", ""))
        return _show(number, wrong=sentences_of(error), tried=tried, typed=request.form), error.status
    flash(f"办好了：{RULES[wanted].label}", "success")
    return redirect(url_for("orders.order", number=number), 303)


def _take(number: str, wanted: Action) -> None:
    """A supervision has fields of its own; all else comes with the one form of steps."""
    if (take := order_supervisions.TAKES.get(wanted)) is not None:
        with db.transaction() as session:
            take(session, number, people.officer(session), request.form)
        return
    told = order_forms.told(request.form, _photos(number))
    with db.transaction() as session:
        service.perform(session, number, wanted, people.officer(session), told)


def _photos(number: str) -> list[Photo]:
    """The photos of the form made ready, if the order is this officer's to see."""
    contents = photos_in_form()
    if not contents:
        return []
    with db.transaction() as session:
        service.find(session, clean(number), people.officer(session))
    return tasks.prepare(contents)


def _show(number: str, **shown: Any) -> str:
    with db.transaction() as session:
        actor = people.officer(session)
        found = service.find(session, clean(number), actor)
        facts = _facts(session, found, actor) | shown
        offered = {(task.action, task.key) for task in facts["tasks"]}
        facts["is_shown"] = facts["tried"] in offered  # what is wrong stands beside the form that was sent
        whole = "desk/order_live.html" if "HX-Request" in request.headers else "desk/order.html"
        return render_template(whole, **facts)


def _facts(session: Session, found: Order, actor: Actor) -> dict[str, Any]:
    at, clocks = now(), queries.clocks(session, found.parts)
    steps, asked = queries.timeline(session, found), supervision_lists.of_order(session, found.id)
    return {
        "order": found,
        "labels": STATUS_LABELS,
        "part_label": part_label,
        "place": path_names(session, session.get_one(Area, found.place_id)),
        "due": {part.id: order_lists.due(clocks[part.id], at) for part in found.parts},
        "photos": queries.photos(session, found),
        "cases": queries.cases(session, found),
        "own": {part.id for part in service.own_parts(found, actor)},
        "steps": steps,
        "seen": last_seen("seen") or (steps[-1].id if steps else 0),
        "tasks": [
            *order_forms.tasks(session, found, actor),
            *order_supervisions.tasks(found, asked, actor, at),
        ],
        "asked": asked,
        "states": STATE_LABELS,
        "effects": EFFECT_LABELS,
        "may_revise": order_forms.may_revise(found, actor),
        "at": at,
        "typed": MultiDict(),
        "wrong": {},
        "tried": None,
    }


@bp.get("/<number>/photos/<int:photo_id>")
@require(Who.OFFICER)
def photo(number: str, photo_id: int) -> ResponseReturnValue:
    """A photo that a unit brought, for whoever may see the order."""
    with db.transaction() as session:
        found = service.find(session, clean(number), people.officer(session))
        sha256, mime = order_forms.photo_of(session, found, photo_id)
    try:
        content = storage.read(sha256)
    except FileNotFoundError:
        raise NotFound("这张照片找不到了") from None
    headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private, max-age=86400, immutable"}
    return Response(content, mimetype=mime, headers=headers)


@bp.get("/<number>/print")
@require(Who.OFFICER)
def print_out(number: str) -> ResponseReturnValue:
    """The order on one A4 page."""
    with db.transaction() as session:
        found = service.find(session, clean(number), people.officer(session))
        drawn = sheet.draw(sheet.paper_of(session, found))
    return download(drawn, "application/pdf", f"发令单-{found.number}.pdf")


# -- drafts


@bp.get("/new")
@require(Who.OFFICER)
def new() -> ResponseReturnValue:
    """The form of a draft, filled from the cases that the address names."""
    return _draft_page(MultiDict())


@bp.post("/")
@require(Who.OFFICER)
def draft() -> ResponseReturnValue:
    try:
        with db.transaction() as session:
            made = drafting.draft(session, people.officer(session), order_drafts.drafted(request.form))
    except EXPECTED as error:
        return _draft_page(request.form, sentences_of(error)), error.status
    flash("起草好了，等书记批准", "success")
    return redirect(url_for("orders.order", number=made.number), 303)


@bp.get("/<number>/revise")
@require(Who.OFFICER)
def revision(number: str) -> ResponseReturnValue:
    return _revise_page(number, MultiDict())


@bp.post("/<number>/revise")
@require(Who.OFFICER)
def revise(number: str) -> ResponseReturnValue:
    try:
        with db.transaction() as session:
            drafted = order_drafts.drafted(request.form)
            drafting.revise(session, clean(number), people.officer(session), drafted)
    except EXPECTED as error:
        return _revise_page(number, request.form, sentences_of(error)), error.status
    flash("改好了", "success")
    return redirect(url_for("orders.order", number=number), 303)


def _draft_page(form: MultiDict[str, str], wrong: dict[str, str] | None = None) -> str:
    with db.transaction() as session:
        actor = people.officer(session)
        if not queries.drafts_for({post.role for post in actor.posts}):
            raise Forbidden(NOT_YOURS)
        named = form.getlist("case") or request.args.getlist("case")
        place_id = number(form.get("place", "") or request.args.get("place", ""))
        shown = order_drafts.blank(session, actor, [clean(one) for one in named], place_id)
        key = form.get("key") or secrets.token_urlsafe(16)
        return _form(session, actor, shown, form, wrong, key=key, send_to=url_for("orders.draft"))


def _revise_page(number: str, form: MultiDict[str, str], wrong: dict[str, str] | None = None) -> str:
    with db.transaction() as session:
        actor = people.officer(session)
        found = service.find(session, clean(number), actor)
        if not order_forms.may_revise(found, actor):
            raise Conflict(f"这张发令单现在是“{STATUS_LABELS[found.status]}”，您不能修改")
        shown = order_drafts.of_order(session, found)
        send_to = url_for("orders.revise", number=found.number)
        return _form(session, actor, shown, form, wrong, key="", send_to=send_to, order=found)


def _form(
    session: Session,
    actor: Actor,
    shown: order_drafts.Sheet,
    form: MultiDict[str, str],
    wrong: dict[str, str] | None,
    **more: Any,
) -> str:
    filled = order_drafts.kept(shown, form) if form else shown
    places = queries.places(session, actor.posts)
    if shown.place_id and shown.place_id not in dict(places):  # of a case: a building, say
        places = [(shown.place_id, session.get_one(Area, shown.place_id).name), *places]
    facts = {"sheet": filled, "places": places, "wrong": wrong or {}, "order": None} | more
    return render_template("desk/order_new.html", **facts)
