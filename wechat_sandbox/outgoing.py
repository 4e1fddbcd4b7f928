"""Sends what a user does to the account and shows the user what comes back."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wechat_sandbox import chats, people, push, replies
from wechat_sandbox.apps import App
from wechat_sandbox.people import User
from wechat_sandbox.platform import Platform
from wechat_sandbox.push import Delivery

log = logging.getLogger(__name__)


@dataclass
class Outcome:
    """What became of one message or event."""

    message: dict[str, Any]
    deliveries: list[Delivery] = field(default_factory=list)
    reply: dict[str, Any] | None = None
    fault: str | None = None
    warnings: list[str] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """The outcome as the control API shows it."""
        return {
            "message": self.message, "deliveries": [one.document() for one in self.deliveries],
            "reply": self.reply, "fault": self.fault, "warnings": self.warnings,
        }  # fmt: skip


@dataclass(frozen=True)
class Trigger:
    """One message or event on its way: `fields` without the head, `message` as it stands in the chat.

    `silent` marks events whose answer nobody sees (unsubscribe, VIEW): they never show a fault.
    """

    fields: Mapping[str, object]
    message: dict[str, Any]
    silent: bool = False

    @property
    def is_event(self) -> bool:
        """Whether this is an event and not a message."""
        return self.fields.get("MsgType") == "event"


def go(platform: Platform, app: App, user: User, trigger: Trigger, *, wait: bool) -> Outcome:
    """Deliver now and return the outcome, or (without `wait`) leave it to a background thread."""
    if not app.callback_url:
        return Outcome(trigger.message, warnings=["this app has no callback"])
    if wait:
        return _deliver(platform, app, user, trigger)
    platform.background.submit(_deliver_quietly, platform, app, user, trigger)
    return Outcome(trigger.message)


def _deliver_quietly(platform: Platform, app: App, user: User, trigger: Trigger) -> None:
    try:
        _deliver(platform, app, user, trigger)
    except Exception:
        log.exception("a background delivery failed")


def _deliver(platform: Platform, app: App, user: User, trigger: Trigger) -> Outcome:
    openid = people.openid(app, user)
    head = {"ToUserName": app.original_id, "FromUserName": openid, "CreateTime": trigger.message["at"]}
    with platform.finishing():
        deliveries = push.deliver(platform, app, openid, head | dict(trigger.fields))
        outcome = Outcome(trigger.message, deliveries)
        try:
            _show_reply(platform, app, user, trigger, outcome)
        except replies.ReplyRefused as error:
            _show_fault(platform, app, user, trigger, outcome, str(error))
        return outcome


def _show_reply(platform: Platform, app: App, user: User, trigger: Trigger, outcome: Outcome) -> None:
    """Read the answer that counts and put it into the chat; duplicates must all say the same."""
    answered = push.answer_of(outcome.deliveries)
    if answered.status != 200:
        raise replies.ReplyRefused(answered.error or "no answer")
    openid = people.openid(app, user)
    reply = replies.read(platform, app, openid, answered.body, to_event=trigger.is_event)
    outcome.warnings += reply.warnings
    for other in outcome.deliveries:
        if other.status == 200 and other is not answered:
            again = replies.read(platform, app, openid, other.body, to_event=trigger.is_event)
            if (again.kind, again.fields) != (reply.kind, reply.fields):
                outcome.warnings.append("a repeated delivery was answered with another reply")
    if reply.kind is None:
        return
    if app.kind == "mini_program" or trigger.silent:
        outcome.warnings.append("a passive reply that nobody sees")
        return
    outcome.reply = chats.append(platform, app, user, "account", reply.kind, passive=True, **reply.fields)


def _show_fault(
    platform: Platform, app: App, user: User, trigger: Trigger, outcome: Outcome, reason: str
) -> None:
    outcome.warnings.append(reason)
    log.warning("%s: the user sees the fault notice: %s", app.app_id, reason)
    if trigger.silent or app.kind == "mini_program":
        return
    outcome.fault = chats.FAULT_NOTICE
    chats.append(platform, app, user, "system", "notice", content=chats.FAULT_NOTICE, reason=reason)
