"""The outbox desk (消息台, /console/outbox): messages that did not arrive, why, and what is done."""

from collections import defaultdict
from datetime import datetime
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from backend import db
from backend.auth import Who, require
from backend.console import outbox_lines, outbox_lists, outbox_waits
from backend.console.outbox_lines import Line
from backend.console.outbox_scope import of_watcher
from backend.errors import Conflict, Invalid, NotFound
from backend.notify import mending
from backend.notify.troubles import TROUBLE_LABELS, Trouble
from backend.places.models import Post
from backend.times import now
from backend.web import news, people
from backend.web.forms import cursor, read_cursor, sentences_of
from backend.web.words import clean

bp = Blueprint("outbox", __name__, url_prefix="/console/outbox")

MENDED = (Trouble.FAILED, Trouble.VISIT)  # what there is something to decide about
HELD = "held"  # the list beside the tabs
RESEND, GIVE_UP = "resend", "give_up"
DONE = {RESEND: "已重新安排发送 {} 条消息", GIVE_UP: "已决定不再发送 {} 条消息"}
NOTHING = "这些消息已经有人处理过了，没有重复发送"


@bp.get("/")
@require(Who.OFFICER)
def index() -> ResponseReturnValue:
    """The list, or (to a page that says what it shows) whether there is anything new in it."""
    facts = _facts()
    if news.is_asked():
        return news.answer(
            facts["seen"], url_for("outbox.index", tab=facts["tab"], error=facts["error"] or None)
        )
    return _list(facts)


@bp.get("/tabs")
@require(Who.OFFICER)
def tabs() -> ResponseReturnValue:
    """The tabs with their numbers, and what waits: asked for by the page itself."""
    with db.transaction() as session:
        found = _numbers(session, _posts(session), now())
    return render_template("desk/outbox_tabs.html", tab=_tab(), **found, **_words())


@bp.get("/held")
@require(Who.OFFICER)
def held() -> ResponseReturnValue:
    """What waits for room under a limit or a quota; there is nothing to decide about it."""
    after, at = request.args.get("after", ""), now()
    with db.transaction() as session:
        rows = outbox_waits.held_page(session, _posts(session), at, read_cursor(after))
        facts: dict[str, Any] = {"lines": outbox_lines.lines(session, rows), "tab": HELD, "error": ""}
    more = cursor(rows[-1].due_at, rows[-1].id) if len(rows) == outbox_lists.PAGE else ""
    facts |= {"more": more, "is_cut": False, "tried": None, "wrong": {}, "typed": {}}
    whole = "desk/outbox_rows.html" if "HX-Request" in request.headers else "desk/outbox_held.html"
    return render_template(whole, **facts, **_words())


@bp.post("/<int:message_id>/<any(resend, give_up):verb>")
@require(Who.OFFICER)
def mend(message_id: int, verb: str) -> ResponseReturnValue:
    """Decide about one message; what is refused is said at its row, with what was typed."""
    try:
        with db.transaction() as session:
            posts = _posts(session)
            outbox_lists.find(session, posts, message_id)
            done = _take(session, verb, [message_id])
            mending.must_be_one(session, message_id, done)
    except (Invalid, Conflict) as error:
        return _refused(error, message_id)
    return _back(verb, len(done), error=_error())


@bp.post("/all/<any(resend, give_up):verb>")
@require(Who.OFFICER)
def mend_all(verb: str) -> ResponseReturnValue:
    """Decide about all messages that did not go out for one reason, so many at once."""
    try:
        with db.transaction() as session:
            wanted = (session, _posts(session), _tab(), now(), _error())
            done = _take(session, verb, outbox_lists.ids(*wanted, mending.AT_ONCE))
            if not done:
                raise Conflict(NOTHING)
    except (Invalid, Conflict) as error:
        return _refused(error, 0)
    return _back(verb, len(done))


def _take(session: Session, verb: str, ids: list[int]) -> list[int]:
    officer_id = people.officer(session).officer_id
    assert officer_id is not None
    if verb == RESEND:
        return mending.resend(session, ids, officer_id)
    return mending.give_up(session, ids, officer_id, clean(request.form.get("reason", "")))


def _refused(error: Invalid | Conflict, tried: int) -> ResponseReturnValue:
    shown = {"tried": tried, "wrong": sentences_of(error), "typed": request.form}
    return _list(_facts() | shown), error.status


def _back(verb: str, count: int, error: str = "") -> ResponseReturnValue:
    flash(DONE[verb].format(count), "success")
    return redirect(url_for("outbox.index", tab=_tab(), error=error or None), 303)


def _list(facts: dict[str, Any]) -> str:
    whole = "desk/outbox_rows.html" if "HX-Request" in request.headers else "desk/outbox.html"
    return render_template(whole, **({"tried": None, "wrong": {}, "typed": {}} | facts | _words()))


def _facts() -> dict[str, Any]:
    """A page of the list, and `seen`, by which it is known to be the same."""
    at, tab, after, error = now(), _tab(), request.args.get("after", ""), _error()
    with db.transaction() as session:
        posts = _posts(session)
        key = read_cursor(after)
        rows = outbox_lists.page(session, posts, tab, at, after=key, error=error)
        facts: dict[str, Any] = {"lines": outbox_lines.lines(session, rows)}
        if not (news.is_asked() or after):
            facts |= _beside(session, posts, tab, at)
        is_full = len(rows) == outbox_lists.PAGE
        more = outbox_lists.key_of(rows[-1], tab) if is_full else _beyond(session, tab, at, key)
    facts |= {"tab": tab, "error": error, "after": after, "more": more, "is_cut": not is_full, "at": at}
    return facts | {"seen": news.print_of([(row.id, row.status, row.attempts) for row in rows])}


def _beyond(session: Session, tab: Trouble, at: datetime, key: outbox_lists.Key | None) -> str:
    """Where to look on behind all that this page has looked at; a page that asks for news needs none."""
    return "" if news.is_asked() else outbox_lists.beyond(session, tab, at, key)


def _beside(session: Session, posts: list[Post], tab: Trouble, at: datetime) -> dict[str, Any]:
    """What the first page shows beside its rows."""
    error = _error()
    reasons = outbox_lists.errors(session, posts, tab, at) if tab in MENDED else []
    unbound = outbox_lists.unbound(session, posts, at) if tab is Trouble.VISIT else 0
    found: dict[str, Any] = {"reasons": reasons, "unbound": unbound, "many": dict(reasons).get(error, 0)}
    if reasons and not error:
        found["examples"] = _examples(session, posts, tab, at)
    return found | _numbers(session, posts, at)


def _numbers(session: Session, posts: list[Post], at: datetime) -> dict[str, Any]:
    """How many there are of each, and what waits while somebody does not answer."""
    away = outbox_waits.away()
    return {
        "counts": outbox_lists.counts(session, posts, at),
        "away": away,
        "waiting": outbox_waits.for_accounts(session, posts, at) if away else 0,
        "held": outbox_waits.held(session, posts, at),
    }


def _examples(session: Session, posts: list[Post], tab: Trouble, at: datetime) -> dict[str, list[Line]]:
    """To whom the latest messages of each cause are, and about what."""
    chosen = outbox_lists.examples(session, posts, tab, at)
    shown, found = outbox_lines.lines(session, [row for _, row in chosen]), defaultdict[str, list[Line]](list)
    for (cause, _), line in zip(chosen, shown, strict=True):
        found[cause].append(line)
    return found


def _words() -> dict[str, Any]:
    return {
        "labels": TROUBLE_LABELS,
        "most": outbox_lists.MOST,
        "mended": MENDED,
        "looked_at": outbox_lists.LOOKED_AT,
        "at_once": mending.AT_ONCE,
    }


def _posts(session: Session) -> list[Post]:
    return of_watcher(people.officer(session).posts)


def _tab() -> Trouble:
    """Which list is wanted. Raises NotFound for what is none."""
    said = request.args.get("tab", Trouble.FAILED)
    if said not in set(Trouble):
        raise NotFound("没有这个分类")
    return Trouble(said)


def _error() -> str:
    return request.args.get("error", "")[:500]
