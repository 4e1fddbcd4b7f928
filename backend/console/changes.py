"""The record of changes (/console/changes): who did what to places, people and duties, before and after."""

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from backend import db
from backend.auth import Who, require
from backend.errors import Invalid
from backend.places import changes
from backend.web import people

bp = Blueprint("changes", __name__, url_prefix="/console/changes")

SUBJECTS = {
    "areas": "地点",
    "outlines": "边界",
    "units": "单位",
    "officers": "人员",
    "posts": "岗位",
    "shifts": "值班",
    "place_codes": "二维码",
    "categories": "事件字典",
    "editions": "事件字典",
    "duty_lists": "职责清单",
    "duties": "职责",
}


@bp.get("/")
@require(Who.ADMINISTRATOR)
def index() -> ResponseReturnValue:
    subject = request.args.get("subject", "")
    with db.transaction() as session:
        rows = changes.page(session, people.editor(session), before=_before(), subject=subject or None)
        names = changes.names(session, rows)
    whole = "desk/changes.html" if "HX-Request" not in request.headers else "desk/changes_rows.html"
    more = rows[-1].id if len(rows) == changes.PAGE else None
    shown = {"rows": rows, "names": names, "more": more, "subject": subject, "subjects": SUBJECTS}
    return render_template(whole, did=changes.DID_LABELS, columns=changes.COLUMN_LABELS, **shown)


def _before() -> int | None:
    text = request.args.get("before", "")
    if text and not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Invalid("这一页已经失效，请从头看起")
    return int(text) if text else None
