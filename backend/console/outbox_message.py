"""One message at the outbox desk: what it says, its whole story, and by what else it can be sent."""

from dataclasses import dataclass, replace
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from backend import db
from backend.auth import Who, require
from backend.console import outbox_lines, outbox_lists
from backend.console.outbox import bp
from backend.console.outbox_scope import of_watcher
from backend.errors import Conflict, Invalid
from backend.notify import mending, outbox, sms_channel, telephone, troubles
from backend.notify.channels import CHANNELS, Owed, Recipient, Refusal
from backend.notify.ladders import AT_ONCE, LABELS, TO_BE_TOLD, Rung
from backend.notify.models import Notification
from backend.times import now
from backend.web import people
from backend.web.forms import sentences_of
from backend.wechat import channel, subscriptions, wecom_channel

__all__ = ["bp"]  # the application registers it
REGISTER = (channel, sms_channel, subscriptions, telephone, wecom_channel)  # as the worker does
# All that a message to such a recipient can be sent by.
OFFERED = {Recipient.RESIDENT: TO_BE_TOLD, Recipient.OFFICER: AT_ONCE}


@dataclass(frozen=True)
class Option:
    """A channel for this message; `why_not` is empty when it would take the message now. `before`: what was
    said of it when it was tried, where that is another reason by now."""

    rung: Rung
    label: str
    why_not: str
    before: str = ""


@bp.get("/<int:message_id>")
@require(Who.OFFICER)
def message(message_id: int) -> ResponseReturnValue:
    return _show(message_id)


@bp.post("/<int:message_id>/channel")
@require(Who.OFFICER)
def send_by(message_id: int) -> ResponseReturnValue:
    """Send it by the channel that was chosen; what is refused is said on its page."""
    try:
        with db.transaction() as session:
            actor = people.officer(session)
            row = outbox_lists.find(session, of_watcher(actor.posts), message_id)
            assert actor.officer_id is not None
            rung = _chosen()
            _must_be_callable(session, row, rung)
            mending.must_be_one(
                session, message_id, mending.send_by(session, message_id, rung, actor.officer_id)
            )
    except (Invalid, Conflict) as error:
        return _show(message_id, wrong=sentences_of(error)), error.status
    flash(f"已安排改用{LABELS[rung]}发送", "success")
    return redirect(url_for("outbox.message", message_id=message_id), 303)


def _chosen() -> Rung:
    said = request.form.get("channel", "")
    if said not in set(Rung) - {Rung.VISIT}:
        raise Invalid("请选择用哪种办法发送")
    return Rung(said)


def _must_be_callable(session: Session, row: Notification, rung: Rung) -> None:
    """A call is asked for where somebody can make it: nobody waits for one to themselves. Raises Conflict."""
    if rung is Rung.TELEPHONE and (why_not := _why_not(session, _anew(row), rung)):
        raise Conflict(why_not)


def _show(message_id: int, **shown: Any) -> str:
    with db.transaction() as session:
        row = outbox_lists.find(session, of_watcher(people.officer(session).posts), message_id)
        [line] = outbox_lines.lines(session, [row])
        is_stuck = troubles.has_failed(row) or troubles.is_put_off(row)
        facts = {"line": line, "is_stuck": is_stuck, "options": options(session, row) if is_stuck else []}
        facts["in_doubt"] = troubles.label_of(row.channel) if is_stuck else ""
    return render_template("desk/outbox_message.html", **({"wrong": {}} | facts | shown), at=now())


def options(session: Session, row: Notification) -> list[Option]:
    """Whether each channel would take the message now: it is asked to prepare, and all that is taken back.

    As `send_by` will have it sent: that an earlier call got no answer keeps no channel from it.
    """
    owed = _anew(row)
    rungs = [rung for rung in OFFERED[owed.recipient] if rung in CHANNELS]
    tried = {rung["channel"]: rung["why"] for rung in row.rungs if not rung.get("chosen")}
    return [_option(session, owed, rung, tried.get(rung, "")) for rung in rungs]


def _option(session: Session, owed: Owed, rung: Rung, said: str) -> Option:
    why_not = _why_not(session, owed, rung)
    return Option(rung, LABELS[rung], why_not, said if why_not != said else "")


def _anew(row: Notification) -> Owed:
    return replace(outbox.owed_of(row), unanswered=None)


def _why_not(session: Session, owed: Owed, rung: Rung) -> str:
    attempt = session.begin_nested()
    try:
        CHANNELS[rung].prepare(session, owed)
    except Refusal as refusal:
        return refusal.reason
    finally:
        attempt.rollback()
    return ""
