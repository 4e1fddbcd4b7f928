"""The events that follow a sent message: owed in the state file, pushed a moment later by one thread."""

import json
import logging
import threading
from collections.abc import Mapping

from wechat_sandbox import apps, push
from wechat_sandbox.apps import App
from wechat_sandbox.platform import Platform

IDLE_SECONDS = 1.0
log = logging.getLogger(__name__)


def owe(platform: Platform, app: App, openid: str, msgid: int, event: Mapping[str, object]) -> None:
    """Remember to push this event; it is pushed after `receipt_delay_ms`, also after a restart."""
    if not platform.option("receipts") or not app.callback_url:
        return
    due = platform.now() + platform.option("receipt_delay_ms") / 1000
    platform.state.write(
        "INSERT INTO receipts VALUES (?, ?, ?, ?, ?)",
        msgid, app.app_id, openid, json.dumps(event, ensure_ascii=False), due,
    )  # fmt: skip
    platform.receipt_due.set()


def template_finished(platform: Platform, app: App, openid: str, msgid: int) -> None:
    """Owe TEMPLATESENDJOBFINISH; its element is MsgID with a capital D."""
    event = {"Event": "TEMPLATESENDJOBFINISH", "MsgID": msgid, "Status": platform.option("receipt_status")}
    owe(platform, app, openid, msgid, event)


def subscription_sent(platform: Platform, app: App, openid: str, msgid: int, template_id: str) -> None:
    """Owe subscribe_msg_sent_event."""
    status = platform.option("receipt_status")
    code = 0 if status == "success" else -1
    item = {"TemplateId": template_id, "MsgID": str(msgid), "ErrorCode": code, "ErrorStatus": status}
    event = {"Event": "subscribe_msg_sent_event", "SubscribeMsgSentEvent": {"List": item}}
    owe(platform, app, openid, msgid, event)


def start(platform: Platform) -> threading.Thread:
    """Start the thread that pushes what is due."""
    thread = threading.Thread(target=_run, args=(platform,), name="receipts", daemon=True)
    thread.start()
    return thread


def _run(platform: Platform) -> None:
    while not platform.is_ending:  # then they stay owed: those whom they are for may be ending too
        try:
            wait = _push_due(platform)
        except Exception:
            log.exception("receipts: the round failed")
            wait = IDLE_SECONDS
        platform.receipt_due.wait(wait)
        platform.receipt_due.clear()


def _push_due(platform: Platform) -> float:
    """Hand what is due to the background threads; returns the seconds until the next round.

    The row goes before the push: a kill between the two loses a receipt, as the real network may.
    """
    now = platform.now()
    for row in platform.state.rows("SELECT * FROM receipts WHERE due <= ? ORDER BY due LIMIT 100", now):
        platform.state.write("DELETE FROM receipts WHERE msgid = ?", row["msgid"])
        platform.background.submit(_push, platform, row["app_id"], row["openid"], json.loads(row["event"]))
    following = platform.state.row("SELECT min(due) AS due FROM receipts")
    due = following["due"] if following else None
    return IDLE_SECONDS if due is None else min(IDLE_SECONDS, max(0.0, due - now))


def _push(platform: Platform, app_id: str, openid: str, event: Mapping[str, object]) -> None:
    app = apps.find(platform, app_id)
    if app is None:
        return
    head = {
        "ToUserName": app.original_id, "FromUserName": openid,
        "CreateTime": int(platform.now()), "MsgType": "event",
    }  # fmt: skip
    with platform.finishing():
        push.deliver(platform, app, openid, head | dict(event))
