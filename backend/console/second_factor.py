"""The second factor of administrators (/console/second-factor): set up, shown before a change, reset."""

from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from limits import parse
from markupsafe import Markup

from backend import auth, db
from backend.auth import Who, require
from backend.errors import AppError, Forbidden, Gone, Invalid, NotFound, TooMany
from backend.places import second_factors
from backend.places.drawing import draw_svg
from backend.places.models import Officer
from backend.web import people, protection
from backend.web.forms import sentences_of
from backend.wechat.login import own_path

bp = Blueprint("second_factor", __name__, url_prefix="/console/second-factor")

OFFER = "second factor"  # what a secret is signed for while its owner has not proved to hold it
TRIES = parse("5 per 10 minutes")  # of one officer
TOO_MANY = "试得太多了，请过十分钟再试"
TOO_OLD = "这一页开得太久了，请用新的二维码再设置一次"
DONE = "验证通过，十二小时内不用再输动态码"


@bp.get("")
@require(Who.OFFICER)
def ask() -> ResponseReturnValue:
    """The field for six digits, or how to get an app that shows them."""
    _only_administrators()
    with db.transaction() as session:
        if second_factors.is_set_up(session, g.officer_id):
            return render_template("desk/second_factor.html", next=_wanted(), wrong={})
    return _offer(second_factors.new_secret())


@bp.post("")
@require(Who.OFFICER)
def show() -> ResponseReturnValue:
    _only_administrators()
    try:
        if not protection.is_within(TRIES, OFFER, str(g.officer_id)):
            raise TooMany(TOO_MANY)
        with db.transaction() as session:
            second_factors.show(session, g.officer_id, request.form.get("code", ""))
            auth.pass_second_factor(session)
    except (Invalid, TooMany) as error:
        wrong = sentences_of(error)
        return render_template("desk/second_factor.html", next=_wanted(), wrong=wrong), error.status
    flash(DONE, "success")
    return redirect(_wanted(), 303)


@bp.post("/setup")
@require(Who.OFFICER)
def set_up() -> ResponseReturnValue:
    """Take the secret that was offered to this officer, if the code shows that their app holds it."""
    _only_administrators()
    secret = _offered()
    if secret is None:
        flash(TOO_OLD, "info")
        return redirect(url_for("second_factor.ask", next=_wanted()), 303)
    try:
        with db.transaction() as session:
            second_factors.set_up(session, g.officer_id, secret, request.form.get("code", ""))
            auth.pass_second_factor(session)
    except Invalid as error:
        return _offer(secret, error), error.status
    flash(DONE, "success")
    return redirect(_wanted(), 303)


@bp.post("/<int:officer_id>/reset")
@require(Who.ADMINISTRATOR)
def reset(officer_id: int) -> ResponseReturnValue:
    """For someone who lost the phone with the app."""
    with db.transaction() as session:
        officer = second_factors.reset(session, people.editor(session), officer_id)
    flash(f"已重置：{officer.name}下次改动时会重新设置动态码", "success")
    return redirect(url_for("sessions.of_officer", officer_id=officer_id), 303)


def _only_administrators() -> None:
    if not g.administers:
        raise Forbidden("只有管理员需要动态码")


def _wanted() -> str:
    return own_path(request.values.get("next") or url_for("console.cases"))


def _offer(secret: str, error: AppError | None = None) -> str:
    """The page that shows a secret, signed so that only what was offered here is taken."""
    with db.transaction() as session:
        address = second_factors.address(secret, session.get_one(Officer, g.officer_id).name)
    shown: dict[str, Any] = {
        "code": Markup(draw_svg(address)),
        "secret": secret,
        "offer": auth.sign(OFFER, [g.officer_id, secret]),
        "next": _wanted(),
        "wrong": sentences_of(error) if error else {},
    }
    return render_template("desk/second_factor_setup.html", **shown)


def _offered() -> str | None:
    """The secret that the form brings back, if it was offered to this officer a short while ago."""
    try:
        officer_id, secret = auth.unsign(OFFER, request.form.get("offer", ""), second_factors.OFFER_LIFE)
    except (Gone, NotFound):
        return None
    return str(secret) if officer_id == g.officer_id else None
