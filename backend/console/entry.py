"""Letting a desktop in (/console/login): its screen shows a QR code, an officer's WeChat confirms it."""

from collections import Counter
from datetime import timedelta

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from limits import parse
from markupsafe import Markup
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from backend import auth, db, devices
from backend.auth import LIVES, Via, Who, public, require
from backend.config import WECHAT, config
from backend.console import tickets
from backend.console.tickets import State
from backend.errors import AppError, Conflict, Forbidden, Gone, NotFound, TooMany
from backend.notify.models import Contact
from backend.places import officers
from backend.places.drawing import draw_svg
from backend.places.models import Officer
from backend.times import now
from backend.web import errors, protection
from backend.wechat import accounts
from backend.wechat.login import own_path, set_cookie

bp = Blueprint("entry", __name__, url_prefix="/console/login")

COOKIE = "desk"  # of the one browser that shows the code: a poll address alone opens nothing
CHOICE = "account"  # the cookie that remembers through which account people log in here
CHOSEN_FOR = timedelta(days=365)
TICKETS = parse("60 per minute")  # of one address: an office shares one
PHONES_ONLY = "请用手机微信扫电脑上的二维码，在手机上确认"


@bp.errorhandler(NotFound)
@bp.errorhandler(Conflict)
@bp.errorhandler(Gone)
def refuse_plainly(error: AppError) -> ResponseReturnValue:
    return errors.answer(error.status, error.code, error.message, title="没有登录", links=[])


@bp.get("")
@public
def ask() -> ResponseReturnValue:
    """Show a code to scan. Inside WeChat nobody needs one: WeChat says who is asking."""
    wanted = _wanted()
    if devices.is_in_wechat(request.user_agent.string):
        return redirect(errors.login_url(wanted))
    if not protection.is_within(TICKETS, "ticket", request.remote_addr or ""):
        raise TooMany("打开得太频繁，请过一分钟再试")
    with db.transaction() as session:
        token, browser = tickets.issue(session, _device())
    chosen, choices = _account(), _accounts()
    page = config.public_url + url_for("entry.phone", token=token, account=chosen if choices else None)
    shown = _shown(token, State.WAITING, code=Markup(draw_svg(page)), address=_for_sandbox(page))
    shown |= {"account": chosen, "accounts": choices}
    response = Response(render_template("desk/entry.html", **shown), mimetype="text/html")
    set_cookie(response, COOKIE, browser, tickets.LIFE * 2, path=url_for("entry.phone", token=token) + "/")
    if request.args.get("account") == chosen:
        set_cookie(response, CHOICE, chosen, CHOSEN_FOR, path=url_for("entry.ask"))
    return response


def _account() -> str:
    """Through which account the scanning phone says who it is: as chosen now, or before; else the first."""
    known = accounts.all_accounts()
    said = (request.args.get("account", ""), request.cookies.get(CHOICE, ""))
    return next((name for name in said if name in known), next(iter(known)))


def _accounts() -> dict[str, str]:
    """What to call each account, by its place, where there are several: WeChat knows a person by another id
    in each of them, and an officer is bound in one."""
    known = accounts.all_accounts().values()
    of_place = Counter(account.area for account in known)
    names = {one.name: one.area if of_place[one.area] == 1 else f"{one.area}（{one.name}）" for one in known}
    return names if len(names) > 1 else {}


@bp.get("/<token>/state")
@public
def poll(token: str) -> ResponseReturnValue:
    """What has become of the code on this screen; 204 while the screen (`seen`) shows it already."""
    with db.transaction() as session:
        ticket = tickets.of_browser(session, token, request.cookies.get(COOKIE, ""))
        standing = tickets.state(ticket, now())
        name = _name_of(session, ticket.contact_id)
    if standing == request.args.get("seen"):
        return "", 204
    return render_template("desk/entry_state.html", **_shown(token, standing, name=name))


def _for_sandbox(page: str) -> str:
    """The address in words, where no real phone can scan it: the sandbox's phones take it pasted."""
    return "" if config.wechat_api_base == WECHAT else page


@bp.post("/<token>/enter")
@public
def enter(token: str) -> ResponseReturnValue:
    """Start the login that the phone confirmed, and go on to the page that was wanted."""
    with db.transaction() as session:
        login = tickets.enter(session, token, request.cookies.get(COOKIE, ""))
        auth.end_session(session)  # of whoever used this browser before
    is_script = "HX-Request" in request.headers
    response = Response(headers={"HX-Redirect": _wanted()}) if is_script else redirect(_wanted(), 303)
    set_cookie(response, auth.COOKIE, login, LIVES[Via.SCAN])
    response.delete_cookie(COOKIE, path=url_for("entry.phone", token=token) + "/")
    return response


@bp.get("/<token>")
@require(Who.OFFICER)
def phone(token: str) -> ResponseReturnValue:
    """What the scanning phone shows: which desktop asks, and whether it may come in."""
    _only_phones()
    with db.transaction() as session:
        ticket = tickets.scan(session, token, g.contact_id)
        standing = tickets.state(ticket, now())
        shown = _shown(token, standing, device=ticket.device, asked_at=ticket.created_at)
    return render_template("desk/confirm.html", **shown)


@bp.post("/<token>/confirm")
@require(Who.OFFICER)
def confirm(token: str) -> ResponseReturnValue:
    _only_phones()
    with db.transaction() as session:
        tickets.confirm(session, token, g.contact_id)
    return redirect(url_for("entry.phone", token=token), 303)


@bp.post("/<token>/refuse")
@require(Who.OFFICER)
def refuse(token: str) -> ResponseReturnValue:
    _only_phones()
    with db.transaction() as session:
        tickets.refuse(session, token, g.contact_id)
    return redirect(url_for("entry.phone", token=token), 303)


def _only_phones() -> None:
    """Else a stolen desktop's login could make itself a new one every twelve hours."""
    if g.by_scan:
        raise Forbidden(PHONES_ONLY)


def _wanted() -> str:
    return own_path(request.values.get("next") or url_for("console.cases"))


def _device() -> str:
    """What asks, in words for who is to confirm it, and later for the list of logins."""
    return f"{devices.describe(request.user_agent.string)}（网络地址 {request.remote_addr}）"


def _shown(token: str, standing: State, **more: object) -> dict[str, object]:
    return {"token": token, "state": standing, "number": tickets.number(token), "next": _wanted()} | more


def _name_of(session: Session, contact_id: int | None) -> str:
    """The name for a screen that others may see; empty before the scan."""
    contact = session.get(Contact, contact_id) if contact_id else None
    officer = session.get(Officer, contact.officer_id) if contact and contact.officer_id else None
    return officers.masked_name(officer.name) if officer else ""
