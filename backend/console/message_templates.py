"""Templates and quotas (/console/templates): what each account can send, how it looks, what is left."""

import time
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from backend import db
from backend.auth import Who, require
from backend.console import unreachable
from backend.errors import Forbidden, NotFound
from backend.notify.messages import CATALOGUE, Message
from backend.places.models import Area
from backend.web import news, people
from backend.web.forms import last_seen_at
from backend.web.words import clean
from backend.wechat import accounts, previews, samples, templates, upkeep
from backend.wechat.accounts import Account
from backend.wechat.models import Sort, TemplateLibrary

bp = Blueprint("templates", __name__, url_prefix="/console/templates")

LOOKING = "正在向微信重新核对，核对完这一页会自己更新"
NONE_HERE = "您管的范围里没有公众号"
LOOKS = 60  # seconds for which a page waits to hear of a look
FRESH = 30.0  # seconds for which a process goes by the warnings that it has read
_warned: list[tuple[float, list[tuple[str, str]]]] = []


@bp.get("/")
@require(Who.ADMINISTRATOR)
def index() -> ResponseReturnValue:
    """Every kind of message on every account of the caller's: usable, or what is wrong. To a page that waits
    for a look: whether it is over."""
    with db.transaction() as session:
        served = _served(session)
        known = templates.libraries(session)
    seen = news.print_of([(one.account, one.sort, one.looked_at) for one in known.values()])
    if news.is_asked():
        return news.UNCHANGED if request.args["seen"] == seen else _again()
    shown = [_account(account, known) for account in served]
    waits = seen if _is_looking() else ""
    return render_template("desk/templates.html", shown=shown, words=_words(), waits=waits, lacking=NONE_HERE)


def _again() -> ResponseReturnValue:
    """The page is read anew by itself."""
    return "", 200, {"HX-Redirect": url_for("templates.index")}


def _is_looking() -> bool:
    """Whether somebody asked a moment ago, as the address says."""
    asked = request.args.get("asked", "")
    return asked.isdigit() and 0 <= time.time() - int(asked[:12]) < LOOKS


@bp.post("/look")
@require(Who.ADMINISTRATOR)
def look() -> ResponseReturnValue:
    """Have WeChat asked anew, by a worker: it may be slow to answer."""
    with db.transaction() as session:
        if not _served(session):
            raise Forbidden(NONE_HERE)
    upkeep.read_templates.send()
    flash(LOOKING, "success")
    return redirect(url_for("templates.index", asked=int(time.time())), 303)


@bp.get("/preview")
@require(Who.ADMINISTRATOR)
def preview() -> ResponseReturnValue:
    """One kind of message as it will look, with words of the caller's own if they give any."""
    with db.transaction() as session:
        served, known = _served(session), templates.libraries(session)
    account = _chosen(served, request.args.get("account"))
    said = {name: clean(request.args.get(name, ""))[: previews.LONGEST] for name in previews.TYPED}
    message = _message(request.args.get("message"))
    facts = {
        "shown": previews.preview(account, message, said, known),
        "account": account,
        "message": message,
        "said": said,
        "hints": samples.words_for(message),
    }
    choices = {"accounts": _names(served), "messages": _words(), "fields": FIELDS}
    return render_template("desk/templates_preview.html", **facts, **choices)


@bp.get("/quotas")
@require(Who.ADMINISTRATOR)
def quotas() -> ResponseReturnValue:
    """What each account used of the day's calls, what is left, and whom no message reaches."""
    after = last_seen_at("after")
    with db.transaction() as session:
        served = {account.name for account in _served(session)}
        away = unreachable.listed(session, people.editor(session), after)
    more = unreachable.key_of(away[-1]) if len(away) == unreachable.PAGE else ""
    rows = {"away": away, "more": more}
    if "HX-Request" in request.headers:
        return render_template("desk/templates_unreached.html", **rows)
    states = [state for state in upkeep.states() if state.account.name in served]
    sms = upkeep.of_sms() if states else None
    return render_template("desk/templates_quotas.html", states=states, sms=sms, **rows)


def _served(session: Session) -> list[Account]:
    """The accounts whose area this administrator holds."""
    ids = {accounts.area_id(session, one): one for one in accounts.all_accounts().values()}
    own = sa.select(Area.id).where(Area.id.in_(ids), people.editor(session).edits(Area))
    held = set(session.scalars(own))
    return [one for one in accounts.all_accounts().values() if accounts.area_id(session, one) in held]


def _chosen(served: list[Account], name: str | None) -> Account:
    """The account of this name, or the first. Raises NotFound for one that is not the caller's."""
    found = next((one for one in served if name in (None, "", one.name)), None)
    if found is None:
        raise NotFound("没有这个公众号" if name else NONE_HERE)
    return found


FIELDS = {"place": "地点", "summary": "内容", "note": "说明", "who": "单位"}


def warnings() -> list[str]:
    """What an administrator should know on every page of the accounts of theirs; for templates."""
    if not _warned or time.monotonic() - _warned[0][0] > FRESH:
        _warned[:] = [(time.monotonic(), upkeep.warnings())]
    found = _warned[0][1]
    if not found:
        return []
    with db.transaction() as session:
        served = {account.name for account in _served(session)}
    return list(dict.fromkeys(sentence for name, sentence in found if name in served))


def _account(account: Account, known: dict[tuple[str, Sort], TemplateLibrary]) -> dict[str, Any]:
    """One account of the page: its libraries, and its kinds with what is wrong first. A library that was not
    read is one thing to do, however many kinds need it."""
    own = templates.check(account, known)
    read = {sort: known.get((account.name, sort)) for sort in templates.set_down(account)}
    return {
        "account": account,
        "libraries": [(templates.SORT_LABELS[sort], library) for sort, library in read.items()],
        "unread": [(one, templates.not_read(one)) for one in read.values() if one and one.problem],
        "wrong": [one for one in own if one.problem not in (None, templates.NOT_LOOKED)],
        "good": [one for one in own if not one.problem],
    }


def _message(said: str | None) -> Message:
    if said is None:
        return Message.CASE_ACCEPTED
    if said not in set(Message):
        raise NotFound("没有这种消息")
    return Message(said)


def _names(served: list[Account]) -> dict[str, str]:
    return {account.name: f"{account.area}（{account.name}）" for account in served}


def _words() -> dict[str, str]:
    """Each kind by its status and the beginning of its words: several share a status."""
    samples = {message: previews.words_of(message) for message in Message}
    return {message: f"{CATALOGUE[message].status} · {words}" for message, words in samples.items()}
