"""Officers (/console/officers): found, added, given posts and leave, bound to a WeChat, and let go."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from sqlalchemy.orm import Session

from backend import db
from backend.auth import Who, require
from backend.cases import handover
from backend.config import WECHAT, config
from backend.console import choosing, officer_forms
from backend.errors import Conflict, Forbidden, Invalid, NotFound
from backend.notify import binding
from backend.places import absences, changes, duty, officers, posts
from backend.places.drawing import draw_svg
from backend.places.models import Area, Officer, Post
from backend.places.roles import FORCE_LABELS, ROLE_LABELS
from backend.places.scope import Editor, serves
from backend.privacy import mask_phone
from backend.times import now
from backend.web import people
from backend.web.forms import last_seen, must_be_sure, number, sentences_of
from backend.web.words import clean
from backend.wechat import qrcodes, wecom_binding

bp = Blueprint("officers", __name__, url_prefix="/console/officers")

SAY = {"post": posts.name_of, "role": ROLE_LABELS, "force": FORCE_LABELS, "mask": mask_phone}
POST = re.compile(r"post[0-9]{1,18}")  # the field of who gets a post
REFUSED = (Invalid, Conflict, NotFound, Forbidden)


@bp.get("/")
@require(Who.OFFICER)
def index() -> ResponseReturnValue:
    said, role = clean(request.args.get("q", ""))[:60], officer_forms.role(request.args.get("role"))
    shown: dict[str, Any] = {"q": said, "role": role, "left": bool(request.args.get("left"))}
    shown["unbound"] = bool(request.args.get("unbound"))
    among = binding.is_unbound() if shown["unbound"] else None
    after = last_seen("after")
    with db.transaction() as session:
        editor = people.editor(session)
        which: dict[str, Any] = {"search": said, "role": role, "left": shown["left"], "among": among}
        rows = officers.page(session, editor, **which, after=after)
    shown |= {"rows": rows, "more": rows[-1].id if len(rows) == officers.PAGE else None, "at": now()}
    whole = "desk/officers_rows.html" if after else "desk/officers_list.html"
    page = whole if "HX-Request" in request.headers else "desk/officers.html"
    return render_template(page, roles=choosing.ROLES, may_add=bool(editor.areas()), say=SAY, **shown)


@bp.get("/new")
@require(Who.ADMINISTRATOR)
def new() -> ResponseReturnValue:
    return _form()


@bp.post("/new")
@require(Who.ADMINISTRATOR)
def add() -> ResponseReturnValue:
    try:
        with db.transaction() as session:
            seat, days = officer_forms.seat(session, people.editor(session)), officer_forms.days()
            officer = officers.add(session, people.editor(session), officer_forms.person(), seat, **days)
    except REFUSED as error:
        return _form(wrong=sentences_of(error), typed=request.form), error.status
    flash(f"已新增“{officer.name}”，请让本人扫码绑定微信", "success")
    return redirect(url_for("officers.officer", officer_id=officer.id), 303)


@bp.get("/<int:officer_id>")
@require(Who.OFFICER)
def officer(officer_id: int) -> ResponseReturnValue:
    return _show(officer_id)


@bp.post("/me/<act>")
@require(Who.OFFICER)
def change_own(act: str) -> ResponseReturnValue:
    """One's own leave. Nobody's administration counts here: it would need a second factor."""
    if act not in OWN:
        raise NotFound("没有这种操作，请刷新页面再试")
    return _act(g.officer_id, act, lambda session: Editor(g.officer_id))


@bp.post("/<int:officer_id>/<act>")
@require(Who.ADMINISTRATOR)
def change(officer_id: int, act: str) -> ResponseReturnValue:
    """One act on an officer; what cannot be done is said on the page, with what was typed."""
    if act not in ACTS:
        raise NotFound("没有这种操作，请刷新页面再试")
    return _act(officer_id, act, people.editor)


@bp.post("/<int:officer_id>/code")
@require(Who.ADMINISTRATOR)
def code(officer_id: int) -> ResponseReturnValue:
    """A personal code to scan: made by WeChat after the transaction, shown in this answer and in no other."""
    with db.transaction() as session:
        editor = people.editor(session)
        found = officers.must_administer(session, editor, officer_id)
        account = qrcodes.account_of_officer(session, officer_id)
        issued, at = binding.issue(session, officer_id), now()
        officers.note(session, editor, found, {"wechat": "发出绑定码"})
    _, url = qrcodes.personal_code(account, issued)
    picture = Markup(draw_svg(url))  # drawn by us: it holds nothing that anybody typed
    pasted = "" if config.wechat_api_base == WECHAT else url  # the sandbox's phones take it in words
    shown = {"officer": found, "code": picture, "address": pasted, "until": at + binding.LIFE}
    return render_template("desk/officer_code.html", **shown)


@bp.post("/<int:officer_id>/phone")
@require(Who.ADMINISTRATOR)
def phone(officer_id: int) -> ResponseReturnValue:
    """Write down who looked, then show the whole number in this answer and in no other."""
    with db.transaction() as session:
        editor = people.editor(session)
        found = officers.must_administer(session, editor, officer_id)
        officers.note(session, editor, found, {"seen": "电话"})
    return _show(officer_id, phone=found.phone or "", is_whole=True)


def _act(officer_id: int, act: str, editor_of: Callable[[Session], Editor]) -> ResponseReturnValue:
    try:
        with db.transaction() as session:
            ACTS[act](session, editor_of(session), officer_id)
    except REFUSED as error:
        return _show(
            officer_id, wrong=sentences_of(error), tried=_tried(act), typed=request.form
        ), error.status
    flash("已经保存", "success")
    return redirect(url_for("officers.officer", officer_id=officer_id), 303)


def _tried(act: str) -> str:
    """Which form of the page was sent: each post has one of its own to end it."""
    return f"{act}{request.form.get('post', '')}" if act == "end" else act


def _show(officer_id: int, **shown: Any) -> str:
    with db.transaction() as session:
        editor = people.editor(session)
        found = officers.find(session, editor, officer_id)
        return render_template("desk/officer.html", **(_page(session, editor, found) | shown))


def _page(session: Session, editor: Editor, found: Officer) -> dict[str, Any]:
    at = now()
    held = [post for post in found.posts if post.until is None or post.until > at]
    may_edit = officers.may_administer(editor, found) and found.left_at is None
    leaving = may_edit and _is_leaving()
    near = _near(session, editor, found, held)
    record = officers.record_of(session, found) if may_edit or editor.is_command_line else []
    return {
        "officer": found,
        "held": [(post, editor.may_edit(serves(post))) for post in held],
        "past": [post for post in found.posts if post not in held],
        "phone": mask_phone(found.phone) if found.phone else "",
        "is_bound": binding.is_bound(session, found.id),
        "bound_since": binding.bound_since(session, found.id),
        "wecom": _in_wecom(session, found.id),
        "away": absences.away(held, at),
        "stand_ins": _stand_ins(session, held),
        "leaving": leaving,
        "stays": handover.what_stays(session, found.id) if leaving else [],
        "may_edit": may_edit,
        "may_give": bool(editor.areas()) and found.left_at is None,
        "is_me": found.id == g.officer_id,
        "near": near,
        "record": record,
        "names": changes.names(session, record),
        "did": changes.DID_LABELS,
        "say": SAY,
        "at": at,
        **_choices(session, editor),
    }


def _in_wecom(session: Session, officer_id: int) -> list[tuple[str, str, str]]:
    """For each account whose district uses WeCom: its name, its area, and which member the officer is."""
    known = wecom_binding.userids(session, officer_id)
    return [(name, area, known.get(name, "")) for name, area in wecom_binding.served().items()]


def _near(session: Session, editor: Editor, found: Officer, held: Sequence[Post]) -> list[str]:
    """Who may stand in or go on."""
    if not held or found.left_at is not None:
        return []
    offered = choosing.colleagues(session, editor, _own_area(editor, found.id, held), held)
    return [words for officer_id, words in offered if officer_id != found.id]


def _own_area(editor: Editor, officer_id: int, held: Sequence[Post]) -> Area | None:
    """For one's own leave those around are colleagues; for others all whom the editor sees."""
    is_own = bool(held) and officer_id == editor.officer_id
    return serves(min(held, key=lambda post: post.id)) if is_own else None


def _is_leaving() -> bool:
    """Whether the form for leaving is looked at or was sent: what stays behind is counted only then."""
    return "leave" in request.args or (request.view_args or {}).get("act") == "leave"


def _stand_ins(session: Session, held: list[Post]) -> list[str]:
    return sorted(
        {stand_in.name for stand_in in duty.stand_ins(session, [post.id for post in held]).values()}
    )


def _choices(session: Session, editor: Editor) -> dict[str, Any]:
    """What the forms offer, empty."""
    return {
        "roles": choosing.ROLES,
        "forces": list(FORCE_LABELS.items()),
        "areas": choosing.areas(session, editor) if editor.areas() else [],
        "units": choosing.units(session, editor) if editor.areas() else [],
        "typed": {},
        "wrong": {},
        "tried": "",
    }


def _form(**shown: Any) -> str:
    with db.transaction() as session:
        return render_template("desk/officer_new.html", **(_choices(session, people.editor(session)) | shown))


def _change(session: Session, editor: Editor, officer_id: int) -> None:
    officers.change(session, editor, officer_id, officer_forms.person())


def _give(session: Session, editor: Editor, officer_id: int) -> None:
    posts.give(session, editor, officer_id, officer_forms.seat(session, editor), **officer_forms.days())


def _end(session: Session, editor: Editor, officer_id: int) -> None:
    post_id, held = number(request.form.get("post", "")), posts.held_by(session, officer_id)
    if post_id not in [post.id for post in held]:
        raise Invalid("这个岗位已经有变化，请刷新页面再试")
    successor = _named(session, editor, _own_area(editor, officer_id, held), "successor")
    handover.ends(session, editor, int(post_id or 0), officer_forms.days()["until"], successor)


def _away(session: Session, editor: Editor, officer_id: int) -> None:
    since, until = (
        officer_forms.moment("since", "请填开始的时间"),
        officer_forms.moment("until", "请填返岗的时间"),
    )
    area = _own_area(editor, officer_id, posts.held_by(session, officer_id))
    substitute = _named(session, editor, area, "substitute")
    absences.be_away(session, editor, officer_id, since, until, substitute)


def _back(session: Session, editor: Editor, officer_id: int) -> None:
    absences.come_back(session, editor, officer_id)


def _leave(session: Session, editor: Editor, officer_id: int) -> None:
    must_be_sure()
    fields = [field for field in request.form if POST.fullmatch(field)]
    area = _own_area(editor, officer_id, posts.held_by(session, officer_id))
    named = {field: _named(session, editor, area, field) for field in fields}
    chosen = {int(field.removeprefix("post")): who for field, who in named.items() if who is not None}
    handover.leaves(session, editor, officer_id, chosen)


def _named(session: Session, editor: Editor, area: Area | None, field: str) -> int | None:
    """The colleague who was typed to stand in or go on, if one was. Raises WrongFields."""
    said = clean(request.form.get(field, ""))
    return choosing.colleague_called(session, editor, said, field, area) if said else None


def _unbind(session: Session, editor: Editor, officer_id: int) -> None:
    found = officers.must_administer(session, editor, officer_id)
    binding.release(session, officer_id)
    officers.note(session, editor, found, {"wechat": "已解除绑定"})


def _wecom(session: Session, editor: Editor, officer_id: int) -> None:
    """The member of WeCom that the officer is; an empty field takes it away."""
    found = officers.must_administer(session, editor, officer_id)
    account, userid = clean(request.form.get("account", "")), clean(request.form.get("userid", ""))
    if account not in wecom_binding.served():
        raise Invalid("这里没有企业微信，请刷新页面再试")
    if userid:
        wecom_binding.bind(session, officer_id, account, userid)
    else:
        wecom_binding.release(session, officer_id, account)
    officers.note(session, editor, found, {"wecom": "已绑定" if userid else "已解除绑定"})


OWN = frozenset({"away", "back"})
ACTS: dict[str, Callable[[Session, Editor, int], None]] = {
    "change": _change, "give": _give, "end": _end, "away": _away, "back": _back, "leave": _leave,
    "unbind": _unbind, "wecom": _wecom,
}  # fmt: skip
