"""Hard and legacy cases (/console/hard): the list of the caller's, and what came of leaders' cases."""

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from backend import db
from backend.auth import Who, require
from backend.cases import hard_cases, hard_marks, hard_queries, service, workflow
from backend.cases.workflow import Action
from backend.errors import NotFound
from backend.web import people as callers
from backend.web.forms import last_seen
from backend.web.words import clean

bp = Blueprint("hard_cases", __name__, url_prefix="/console/hard")


@bp.get("/")
@require(Who.OFFICER)
def index() -> ResponseReturnValue:
    view, before = request.args.get("view", "open"), last_seen("before")
    if view not in hard_queries.VIEWS:
        raise NotFound("没有这个分类")
    with db.transaction() as session:
        actor = callers.officer(session)
        rows = hard_queries.page(session, actor, view, before)
        charges = [] if before else hard_queries.charges(session, actor)
    more = rows[-1].case.id if len(rows) == hard_queries.PAGE else None
    page = "desk/hard_rows.html" if "HX-Request" in request.headers else "desk/hard.html"
    shown = {"rows": rows, "view": view, "views": hard_queries.VIEWS, "more": more, "charges": charges}
    return render_template(page, words_of=hard_marks.words_of, **shown)


@bp.get("/<number>/people")
@require(Who.OFFICER)
def people(number: str) -> ResponseReturnValue:
    """Who of the district may be in the group of this case, as options."""
    with db.transaction() as session:
        actor = callers.officer(session)
        case = service.find(session, clean(number), actor)
        workflow.acting_role(
            Action.FORM_GROUP, actor.roles_over(case)
        )  # names are for who chooses among them
        found = list(hard_cases.people(session, case).values())
    return render_template("desk/offers.html", found=found)
