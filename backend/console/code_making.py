"""Making codes (/console/codes/new): one, or one for each place of a level. Shares codes.py's blueprint."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from backend import db
from backend.auth import Who, require
from backend.cases import category_search
from backend.console import choosing, code_forms
from backend.console.code_files import bp
from backend.db import after_commit
from backend.errors import Conflict, Forbidden, Invalid, NotFound
from backend.places import area_lists, code_changes
from backend.places.code_changes import Wish
from backend.places.models import Area, PlaceCode
from backend.places.roles import CARRIER_LABELS, LEVEL_LABELS, Carrier, Level
from backend.places.scope import Editor, lies_in
from backend.web import people
from backend.web.forms import WrongFields, number, sentences_of
from backend.web.words import clean
from backend.wechat import ledger, pictures, qrcodes
from backend.wechat.codes import ProviderError
from backend.wechat.ledger import Holding

OFFERED = 12  # places to choose from while one types
NO_MINI_PROGRAM = "这里还没有小程序，做不了小程序码，请改用网址码"
EXPECTED = (Invalid, Conflict, Forbidden, NotFound)
HELP = {
    Carrier.URL: "数量不限。微信里扫了打开反映页面；别的浏览器会提示用微信扫。",
    Carrier.ACCOUNT: "扫了进公众号聊天。每个公众号最多 10 万个，停用也不退还。",
    Carrier.MINI_PROGRAM: "扫了打开小程序。图片只能由微信画，海报里放不进去，打包下载时是单独的图片。",
}


@dataclass(frozen=True)
class Order:
    """What is to be made: a code for this place, or for each place of the level in it."""

    area: Area
    carrier: Carrier
    level: Level | None
    wish: Wish


@bp.get("/new")
@require(Who.ADMINISTRATOR)
def new() -> ResponseReturnValue:
    return _form()


@bp.post("/new")
@require(Who.ADMINISTRATOR)
def make() -> ResponseReturnValue:
    """Make what is asked for; of many it is first said how many they are."""
    try:
        with db.transaction() as session:
            editor = people.editor(session)
            order = _order(session, editor)
            count = _count(session, editor, order)
            if order.level and request.form.get("sure") != str(count):
                return _form(asked=count, typed=request.form)
            made, area = _make(session, editor, order, count), order.area
        if isinstance(made, PlaceCode):
            _have_drawn(made)
            return redirect(url_for("codes.code", code_id=made.id), 303)
    except EXPECTED as error:
        return _form(wrong=sentences_of(error), typed=request.form), error.status
    flash(f"做好了 {made} 个码", "success")
    return redirect(url_for("codes.index", area=area.id, carrier=order.carrier.value), 303)


def _order(session: Session, editor: Editor) -> Order:
    form = request.form
    if form.get("carrier") not in set(Carrier):
        raise WrongFields({"carrier": "请选择做哪一种码"})
    area = choosing.area_called(session, editor, clean(form.get("place", "")), "place")
    level = form.get("level", "")
    editor.must_edit(area)
    return Order(
        area, Carrier(form["carrier"]), Level(level) if level in set(Level) else None,
        code_forms.wish(session, form),
    )  # fmt: skip


def _count(session: Session, editor: Editor, order: Order) -> int:
    if order.level is None:
        return 1
    return code_changes.count_missing(session, editor, order.area.id, order.level, order.carrier)


def _make(session: Session, editor: Editor, order: Order, count: int) -> PlaceCode | int:
    """The one code, or how many were made. Their pictures are WeChat's matter, and come after."""
    account = qrcodes.account_of(session, order.area, order.carrier)
    if order.carrier is Carrier.ACCOUNT:
        ledger.check_room(session, account, count)
    elif order.carrier is Carrier.MINI_PROGRAM and account is None:
        raise Conflict(NO_MINI_PROGRAM)
    if order.level is not None:
        after_commit(session, pictures.make_pictures.send)
        return code_changes.make_all(session, editor, order.area.id, order.level, order.carrier)
    code, is_new = code_changes.make(session, editor, order.area.id, order.carrier, order.wish)
    flash("做好了" if is_new else "这里已经有一个一模一样的码", "success" if is_new else "info")
    return code


def _have_drawn(code: PlaceCode) -> None:
    """Have WeChat draw the one code now. If it has no room, the code that cannot be is taken back."""
    try:
        qrcodes.ensure_ticket(code.id)
    except ProviderError as error:
        flash(f"微信暂时没有画好图片（{error}），系统会自动再试，请过几分钟再来看", "info")
    except Conflict:
        with db.transaction() as session:
            code_changes.revoke(session, people.editor(session), code.id)
        raise


def _form(**shown: Any) -> str:
    with db.transaction() as session:
        editor = people.editor(session)
        area = session.get(Area, number(request.args.get("area", "")) or 0)
        facts = {
            "carriers": CARRIER_LABELS,
            "help": HELP,
            "levels": LEVEL_LABELS,
            "holdings": [held for held in ledger.holdings(session) if _concerns(editor, held)],
            "most": ledger.PERMANENT,
            "place": area_lists.paths(session, [area])[area.id] if area and editor.may_edit(area) else "",
            "typed": {},
            "wrong": {},
            "asked": None,
        }
        return render_template("desk/codes_new.html", **(facts | shown))


def _concerns(editor: Editor, held: Holding) -> bool:
    """Whether the account serves a place of this person, or lies in one."""
    return any(lies_in(area, held.area) or lies_in(held.area, area) for area in editor.areas())


@bp.get("/places")
@require(Who.ADMINISTRATOR)
def places() -> ResponseReturnValue:
    """The places that may be meant by what is typed, for the field's list."""
    said = clean(request.args.get("place", ""))[:60]
    with db.transaction() as session:
        editor = people.editor(session)
        query = sa.select(Area).where(Area.name.contains(said, autoescape=True), editor.edits(Area))
        rows = session.scalars(query.where(Area.closed_at.is_(None)).order_by(Area.id).limit(OFFERED)).all()
        paths = area_lists.paths(session, rows)
    return render_template("desk/codes_offers.html", found=[paths[row.id] for row in rows])


@bp.get("/categories")
@require(Who.ADMINISTRATOR)
def categories() -> ResponseReturnValue:
    """The entries of the dictionary that may be meant by what is typed."""
    with db.transaction() as session:
        found = category_search.find(session, clean(request.args.get("category", ""))[:60])
    return render_template("desk/codes_offers.html", found=[one.category.path for one in found])
