"""The board (/console/board): what is late, soon late, disputed, supervised and urged, and whose."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from backend import db
from backend.auth import Who, require
from backend.cases import service
from backend.cases.models import Case
from backend.cases.service import Actor
from backend.cases.workflow import Action, Given, allowed
from backend.console import board_figures, board_spans, supervision_forms, wording
from backend.console.board_figures import MARK_LABELS, WATCHERS, Board, Mark, Wanted
from backend.errors import Conflict, Forbidden, Invalid, NotFound, TooMany
from backend.orders import reach
from backend.orders import service as order_service
from backend.orders.models import Order
from backend.orders.supervising import SUPERVISORS
from backend.orders.workflow import PART_LABELS
from backend.orders.workflow import Action as OrderAction
from backend.orders.workflow import allowed as order_allowed
from backend.places.models import Post
from backend.times import now
from backend.web import news, people
from backend.web.forms import WrongFields, last_seen, number, sentences_of
from backend.web.words import NOTE_LENGTH, clean

bp = Blueprint("board", __name__, url_prefix="/console/board")

NOT_YOURS = "督查看板给督查专员、领导、分拨员和社区书记看，您的岗位没有这一项"
URGED = "已经催办，还没有反馈的单位会马上收到提醒"
SUPERVISED = "督办单已经发出，单位会马上收到"
Step = Callable[[Session, str, Actor], object]
OFFERED = (Action.URGE, Action.SUPERVISE)


@bp.get("/")
@require(Who.OFFICER)
def index() -> ResponseReturnValue:
    found = _board()
    return render_template(
        "desk/board.html", board=found, seen=news.print_of(found), labels=MARK_LABELS, marks=Mark
    )


@bp.get("/figures")
@require(Who.OFFICER)
def figures() -> ResponseReturnValue:
    """The board's figures again, if they are others than those that the page shows."""
    found = _board()
    if (seen := news.print_of(found)) == request.args.get("seen"):
        return news.UNCHANGED
    return render_template("desk/board_figures.html", board=found, seen=seen, labels=MARK_LABELS, marks=Mark)


@bp.get("/spans")
@require(Who.OFFICER)
def spans() -> ResponseReturnValue:
    """How long things took lately. Asked for once by the board: it costs more than what changes there.

    Whoever follows the link instead gets a page of its own.
    """
    with db.transaction() as session:
        found = board_spans.lately(session, _posts(people.officer(session)), now())
    whole = _page("desk/board_spans.html", "desk/board_spans_rows.html")
    return render_template(whole, spans=found, days=board_spans.DAYS)


@bp.get("/cases")
@require(Who.OFFICER)
def cases() -> ResponseReturnValue:
    """The list, or (to a page that says what it shows) whether there is anything new in it."""
    facts = _facts()
    return _news("cases", facts) if news.is_asked() else _list(facts)


@bp.get("/orders")
@require(Who.OFFICER)
def orders() -> ResponseReturnValue:
    """The list of orders, as `cases` has that of cases."""
    facts = _order_facts()
    return _news("orders", facts) if news.is_asked() else _order_list(facts)


def _news(of: str, facts: dict[str, Any]) -> ResponseReturnValue:
    return news.answer(facts["seen"], url_for(f"board.{of}", **facts["kept"]))


def _order_list(facts: dict[str, Any]) -> str:
    whole = _page("desk/board_orders.html", "desk/board_orders_rows.html")
    return render_template(whole, **({"tried": None, "wrong": {}, "typed": {}} | facts))


def _order_facts() -> dict[str, Any]:
    wanted, at = _wanted(), now()
    with db.transaction() as session:
        actor = people.officer(session)
        rows = board_figures.orders(session, _posts(actor), at, wanted)
        may = {row.id for row in rows if not reach.roles_over(actor.posts, row).isdisjoint(SUPERVISORS)}
        urges = {row.id for row in rows if OrderAction.URGE in _steps(actor, row)}
        until = {row.id: supervision_forms.default_until(row, at) for row in rows}
        facts: dict[str, Any] = {"rows": rows, "more": _next(rows), "at": at, "may": may, "until": until}
        facts["urges"] = urges
        shown = [
            (row.id, row.urged, [(part.unit_id, part.status, part.due_at) for part in row.parts])
            for row in rows
        ]
    facts |= {"part_labels": PART_LABELS, "after": wanted.after, "seen": news.print_of(shown)}
    return facts | _said(wanted)


@bp.post("/cases/<number>/urge")
@require(Who.OFFICER)
def urge(number: str) -> ResponseReturnValue:
    return _take(number, _urge, "cases", "已经催办，负责的单位会马上收到提醒", lambda s: _list(_facts() | s))


@bp.post("/cases/<number>/supervise")
@require(Who.OFFICER)
def supervise(number: str) -> ResponseReturnValue:
    return _take(number, _supervise, "cases", SUPERVISED, lambda s: _list(_facts() | s))


@bp.post("/orders/<number>/urge")
@require(Who.OFFICER)
def urge_order(number: str) -> ResponseReturnValue:
    """One tap; the units that have not reported back are told."""
    return _take(number, _urge_order, "orders", URGED, lambda s: _order_list(_order_facts() | s))


@bp.post("/orders/<number>/supervise")
@require(Who.OFFICER)
def supervise_order(number: str) -> ResponseReturnValue:
    return _take(number, _supervise_order, "orders", SUPERVISED, lambda s: _order_list(_order_facts() | s))


def _take(
    about: str, step: Step, of: str, done: str, again: Callable[[dict[str, Any]], str]
) -> ResponseReturnValue:
    """Take the step, then show the list again; what is refused is said at its row, with what was typed."""
    try:
        with db.transaction() as session:
            step(session, clean(about), people.officer(session))
    except (Invalid, Conflict, TooMany) as error:
        tried = (about, request.path.rpartition("/")[2])
        shown = {"tried": tried, "wrong": sentences_of(error), "typed": request.form}
        return again(shown), error.status
    flash(f"{about}：{done}", "success")
    return redirect(url_for(f"board.{of}", **_said(_wanted())["kept"]), 303)


def _urge(session: Session, case_number: str, actor: Actor) -> object:
    note = clean(request.form.get("note", ""))
    if len(note) > NOTE_LENGTH:
        raise WrongFields({"note": f"说明太长了，最多 {NOTE_LENGTH} 个字"})
    return service.perform(session, case_number, Action.URGE, actor, Given(note=note))


def _urge_order(session: Session, order_number: str, actor: Actor) -> object:
    return order_service.perform(session, order_number, OrderAction.URGE, actor)


def _supervise(session: Session, case_number: str, actor: Actor) -> object:
    return supervision_forms.take_issue(session, case_number, actor, request.form)


def _supervise_order(session: Session, order_number: str, actor: Actor) -> object:
    return supervision_forms.take_issue_on_order(session, order_number, actor, request.form)


def _list(facts: dict[str, Any]) -> str:
    whole = _page("desk/board_cases.html", "desk/board_cases_rows.html")
    return render_template(whole, **({"tried": None, "wrong": {}, "typed": {}} | facts))


def _facts() -> dict[str, Any]:
    """A page of the list, and `seen`, by which it is known to be the same."""
    wanted, at = _wanted(), now()
    with db.transaction() as session:
        actor = people.officer(session)
        rows = board_figures.cases(session, _posts(actor), at, wanted)
        supervised = board_figures.supervised(session, [row.id for row in rows])
        dues = wording.dues(session, rows, at)
    facts: dict[str, Any] = {
        "rows": rows,
        "dues": dues,
        "supervised": supervised,
        "offered": {row.id: _offered(actor, row) for row in rows},
        "until": {row.id: supervision_forms.default_until(row, at) for row in rows},
        "more": _next(rows),
        "after": wanted.after,
        "seen": news.print_of([(row.id, row.status, row.urged, row.due_at) for row in rows], supervised),
    }
    return facts | _said(wanted)


def _offered(actor: Actor, case: Case) -> list[Action]:
    """What this officer may do from here. Whom to supervise is known where a unit has the case."""
    open_steps = allowed(case.status, actor.roles_over(case))
    return [step for step in OFFERED if step in open_steps and (step is Action.URGE or case.unit is not None)]


def _steps(actor: Actor, order: Order) -> list[OrderAction]:
    return order_allowed(order.status, None, reach.roles_over(actor.posts, order))


def _board() -> Board:
    with db.transaction() as session:
        return board_figures.board(session, _posts(people.officer(session)), now())


def _posts(actor: Actor) -> list[Post]:
    """The caller's posts that watch an area. Raises Forbidden when there is none."""
    posts = [post for post in actor.posts if post.role in WATCHERS]
    if not posts:
        raise Forbidden(NOT_YOURS)
    return posts


def _wanted() -> Wanted:
    said = request.args.get("mark", "")
    if said and said not in set(Mark):
        raise NotFound("没有这个分类")
    community_id, unit_id = (number(request.args.get(name, "")) for name in ("community", "unit"))
    return Wanted(Mark(said) if said else None, community_id, unit_id, last_seen("after"))


def _said(wanted: Wanted) -> dict[str, Any]:
    """What a list is narrowed to: for its heading, and to be kept in addresses."""
    kept = {"mark": wanted.mark, "community": wanted.community_id, "unit": wanted.unit_id}
    heading = MARK_LABELS[wanted.mark] if wanted.mark else "全部在办"
    return {"kept": {name: value for name, value in kept.items() if value is not None}, "heading": heading}


def _next(rows: list[Any]) -> int | None:
    return rows[-1].id if len(rows) == board_figures.PAGE else None


def _page(whole: str, rows: str) -> str:
    return rows if "HX-Request" in request.headers else whole
