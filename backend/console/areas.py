"""Places (/console/areas): the tree, a search, one place and what hangs there, and what may be done to it."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from backend import db
from backend.auth import Who, require
from backend.console import area_forms
from backend.errors import Conflict, Invalid, TooLarge
from backend.places import area_lists, areas, fields, outlines
from backend.places.models import Area
from backend.places.roles import ABOVE, DATUM_LABELS, LEVEL_LABELS, ROLE_LABELS, Level
from backend.places.scope import Editor
from backend.web import people
from backend.web.downloads import download
from backend.web.forms import WrongFields, last_seen, sentences_of
from backend.web.words import clean

bp = Blueprint("areas", __name__, url_prefix="/console/areas")

Act = Callable[[Session, Editor, Area], tuple[Area, str]]  # returns where to go on, and what to say
EXPECTED = (Invalid, Conflict, TooLarge)  # refusals that the page of the act explains itself
LABELS = {"levels": LEVEL_LABELS, "roles": ROLE_LABELS, "datums": DATUM_LABELS.items()}


@bp.get("/")
@require(Who.OFFICER)
def index() -> ResponseReturnValue:
    """The tree from where one works; with words to look for, what they find."""
    said = clean(request.args.get("q", ""))[: fields.NAME]
    with db.transaction() as session:
        editor = people.editor(session)
        rows = (
            area_lists.search(session, editor, said, last_seen("after"))
            if said
            else area_lists.tops(session, editor)
        )
        shown = {
            "rows": rows,
            "above": area_lists.above(session, rows),
            "branches": area_lists.with_places(session, rows),
            "edits": bool(editor.areas()),
        }
    more = rows[-1].id if said and len(rows) == area_lists.FOUND else None
    whole = "desk/areas.html" if "HX-Request" not in request.headers else "desk/areas_list.html"
    return render_template(
        whole, q=said, more=more, is_next=last_seen("after") is not None, **shown, **LABELS
    )


@bp.get("/<int:area_id>/below")
@require(Who.OFFICER)
def below(area_id: int) -> ResponseReturnValue:
    """What lies right below a place: a part of the tree, fetched when one opens it."""
    with db.transaction() as session:
        editor = people.editor(session)
        area = areas.find(session, editor, area_id)
        rows = area_lists.below(session, editor, area, last_seen("after"))
        branches = area_lists.with_places(session, rows)
    more = rows[-1].id if len(rows) == area_lists.PAGE else None
    return render_template(
        "desk/areas_branch.html", area=area, rows=rows, branches=branches, more=more, **LABELS
    )


@bp.get("/<int:area_id>")
@require(Who.OFFICER)
def place(area_id: int) -> ResponseReturnValue:
    return _show(area_id)


@bp.post("/<int:area_id>/add")
@require(Who.ADMINISTRATOR)
def add(area_id: int) -> ResponseReturnValue:
    return _do(area_id, "add", _add)


@bp.post("/<int:area_id>/change")
@require(Who.ADMINISTRATOR)
def change(area_id: int) -> ResponseReturnValue:
    return _do(area_id, "change", _change)


@bp.post("/<int:area_id>/outline")
@require(Who.ADMINISTRATOR)
def outline(area_id: int) -> ResponseReturnValue:
    return _do(area_id, "outline", _outline)


@bp.get("/<int:area_id>/outline.geojson")
@require(Who.OFFICER)
def outline_file(area_id: int) -> ResponseReturnValue:
    """The outlines of the place and of what lies right below it."""
    with db.transaction() as session:
        editor = people.editor(session)
        area = areas.find(session, editor, area_id)
        content = outlines.write(session, [area, *area_lists.below(session, editor, area)])
    return download(content, "application/geo+json", f"{area.name}.geojson")


@bp.get("/<int:area_id>/<any(move, merge, close, reopen):act>")
@require(Who.ADMINISTRATOR)
def ask(area_id: int, act: str) -> ResponseReturnValue:
    """What the act would touch, and its form."""
    return _ask(area_id, act)


@bp.post("/<int:area_id>/<any(move, merge, close, reopen):act>")
@require(Who.ADMINISTRATOR)
def act(area_id: int, act: str) -> ResponseReturnValue:
    return _do(area_id, act, ACTS[act])


@bp.get("/<int:area_id>/<any(move, merge, close):act>/targets")
@require(Who.ADMINISTRATOR)
def targets(area_id: int, act: str) -> ResponseReturnValue:
    """The places that may be meant by what is typed, for the field's list."""
    with db.transaction() as session:
        editor = people.editor(session)
        area = areas.find(session, editor, area_id)
        found = _targets(session, editor, area, act, clean(request.args.get("to", ""))[:200])
    return render_template("desk/area_targets.html", found=found)


def _do(area_id: int, name: str, act: Act) -> ResponseReturnValue:
    """Do it and go on; a refusal is said on the form's own page, with what was typed."""
    try:
        with db.transaction() as session:
            editor = people.editor(session)
            found, words = act(session, editor, areas.find(session, editor, area_id))
    except EXPECTED as error:
        shown = {"wrong": sentences_of(error), "tried": name, "typed": request.form}
        page = _ask(area_id, name, **shown) if name in ACTS else _show(area_id, **shown)
        return page, error.status
    flash(words, "success")
    return redirect(url_for("areas.place", area_id=found.id), 303)


def _add(session: Session, editor: Editor, area: Area) -> tuple[Area, str]:
    level = request.form.get("level", "")
    if level not in set(Level):
        raise WrongFields({"level": "请选择层级"})
    found = areas.add(session, editor, Level(level), area.id, area_forms.told(request.form))
    return found, f"已经新增“{found.name}”"


def _change(session: Session, editor: Editor, area: Area) -> tuple[Area, str]:
    return areas.change(session, editor, area.id, area_forms.told(request.form)), "已经保存"


def _outline(session: Session, editor: Editor, area: Area) -> tuple[Area, str]:
    """A shape without a name is this place's; others say themselves of which place they are."""
    if request.form.get("remove"):
        outlines.put(session, editor, area, ())
        return area, "边界已经删除"
    shapes = area_forms.shapes(request.files.get("file"), request.form.get("datum", ""))
    if len(shapes) == 1 and not (shapes[0].code or shapes[0].name):
        outlines.put(session, editor, area, shapes[0].polygons)
        return area, "边界已经保存"
    try:
        return area, f"保存了 {outlines.take_in(session, editor, shapes)} 个地点的边界"
    except Invalid as error:
        raise WrongFields({"file": error.message}) from None


def _move(session: Session, editor: Editor, area: Area) -> tuple[Area, str]:
    to = _target(session, editor, area, "move")
    return areas.move(session, editor, area.id, to.id), f"已经移到“{to.name}”下面"


def _merge(session: Session, editor: Editor, area: Area) -> tuple[Area, str]:
    into = areas.merge(session, editor, area.id, _target(session, editor, area, "merge").id)
    return into, f"“{area.name}”已经并入这里"


def _close(session: Session, editor: Editor, area: Area) -> tuple[Area, str]:
    successor = _target(session, editor, area, "close") if request.form.get("to") else None
    with_places = bool(request.form.get("with_places"))
    areas.close(session, editor, area.id, successor.id if successor else None, with_places=with_places)
    return area, "已经停用"


def _reopen(session: Session, editor: Editor, area: Area) -> tuple[Area, str]:
    return areas.reopen(session, editor, area.id), "已经恢复使用"


ACTS: dict[str, Act] = {"move": _move, "merge": _merge, "close": _close, "reopen": _reopen}


def _targets(session: Session, editor: Editor, area: Area, act: str, said: str) -> list[tuple[Area, str]]:
    """Places that may be meant, each with its names from the top."""
    find = area_lists.new_parents if act == "move" else area_lists.successors
    found = find(session, editor, area, said) if said else []
    paths = area_lists.paths(session, found)
    return [(one, paths[one.id]) for one in found]


def _target(session: Session, editor: Editor, area: Area, act: str) -> Area:
    """The one place that is meant. Raises WrongFields when none is, or several."""
    said = clean(request.form.get("to", ""))
    if not said:
        raise WrongFields({"to": "请填地点的编码，或从上到下的名称"})
    found = _targets(session, editor, area, act, said)
    if not found:
        raise WrongFields({"to": f"没有找到能选的“{said}”，请从列表里选，或填编码"})
    if len(found) > 1:
        raise WrongFields({"to": "有几个地点符合，请写清上级：" + "、".join(path for _, path in found[:3])})
    return found[0][0]


def _show(area_id: int, **shown: Any) -> str:
    with db.transaction() as session:
        editor = people.editor(session)
        area = areas.find(session, editor, area_id)
        return render_template("desk/area.html", **(_facts(session, editor, area) | shown), **LABELS)


def _facts(session: Session, editor: Editor, area: Area) -> dict[str, Any]:
    rows = area_lists.below(session, editor, area)
    polygons = outlines.polygons_of(session, [area.id]).get(area.id, [])
    return {
        "area": area,
        "above": area_lists.above(session, [area])[area.id],
        "seen": area_lists.seen(session, editor, area),
        "rows": rows,
        "branches": area_lists.with_places(session, rows),
        "more": rows[-1].id if len(rows) == area_lists.PAGE else None,
        "hanging": area_lists.hanging(session, area),
        "picture": area_forms.picture(polygons),
        "successor": session.get(Area, area.successor_id) if area.successor_id else None,
        "edits": editor.may_edit(area),
        "below_levels": [
            (level, LEVEL_LABELS[level]) for level, above in ABOVE.items() if area.level in above
        ],
        "known": area_forms.typed(area),
        "typed": {},
        "wrong": {},
        "tried": "",
    }


def _ask(area_id: int, act: str, **shown: Any) -> str:
    with db.transaction() as session:
        editor = people.editor(session)
        area = areas.find(session, editor, area_id)
        editor.must_edit(area)
        facts = {
            "area": area,
            "act": act,
            "above": area_lists.above(session, [area])[area.id],
            "touches": areas.touches(session, editor, area_id),
            "most": areas.MOST,
            "typed": {},
            "wrong": {},
        }
        return render_template("desk/area_act.html", **(facts | shown), **LABELS)
