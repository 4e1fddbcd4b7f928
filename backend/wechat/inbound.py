"""The path of an incoming message: one statement reads, one statement writes, and the reply is ready.

The write is gated by the conversation's version. Whoever comes second (the same delivery again, or the next
message of a quick typist) finds the gate shut, reads again, and either returns the reply that is stored or
takes its own turn. So a message is answered once, without a lock held while Python thinks.
"""

from datetime import datetime
from time import monotonic, sleep
from typing import Any, LiteralString

from psycopg import errors as pg
from sqlalchemy.exc import OperationalError

from backend import db, quick
from backend.broker import nudge
from backend.cases import intake
from backend.cases.intake import Report, write_json
from backend.cases.models import Channel
from backend.errors import AppError
from backend.notify import early, outbox
from backend.notify.tasks import deliver
from backend.places.codes import today
from backend.privacy import mask_phones
from backend.quick import Statement
from backend.wechat import effects, wording
from backend.wechat.accounts import MINI, Account
from backend.wechat.contacts import welcome
from backend.wechat.conversation import converse
from backend.wechat.envelope import Delivery
from backend.wechat.facts import Known, gather
from backend.wechat.media import fetch
from backend.wechat.talk import WINDOW, Kind, Message
from backend.wechat.turns import AddToCase, CountScan, Effect, KeepPhone, OpenCase, Turn

TURNS = 20  # how often a message may find the gate shut; each time somebody else got through
PATIENCE, PAUSE = 3.0, 0.2  # seconds to wait for a database that is away; WeChat waits five

GATE: LiteralString = """
gate AS (
    UPDATE conversations SET state = %(state)s::jsonb, version = version + 1, heard_at = %(at)s,
        window_left = CASE WHEN window_until > %(at)s THEN greatest(window_left, %(window_left)s)
                           ELSE coalesce(%(window_left)s, 0) END,
        window_until = greatest(window_until, %(window_until)s)
    WHERE contact_id = %(contact_id)s AND version = %(version)s
    RETURNING contact_id
)"""

HEARD: LiteralString = """
heard AS (
    INSERT INTO inbound_messages (dedupe_key, contact_id, kind, content, reply)
    SELECT %(dedupe_key)s, contact_id, %(kind)s, %(content)s::jsonb, %(reply)s FROM gate
)"""

# Each returns [the messages owed, the attachments to fetch], or no row when the gate was shut.
TOLD: LiteralString = "(SELECT json_agg(id) FROM told)"
ATTACHED: LiteralString = "(SELECT json_agg(id) FROM attached)"
ANSWER = Statement("answer", f"WITH {GATE}, {HEARD} SELECT json_build_array(NULL, NULL) FROM gate")
OPEN = Statement(
    "open", f"WITH {GATE}, {HEARD}, {intake.OPEN_CASE} SELECT json_build_array({TOLD}, NULL) FROM gate"
)
OPEN_WITH_MEDIA = Statement(
    "open with media",
    f"WITH {GATE}, {HEARD}, {intake.OPEN_CASE}, {intake.OPENED_ATTACH} "
    f"SELECT json_build_array({TOLD}, {ATTACHED}) FROM gate",
)
ADD = Statement(
    "add", f"WITH {GATE}, {HEARD}, {intake.ADD_TO_CASE} SELECT json_build_array(NULL, NULL) FROM gate"
)
ADD_WITH_MEDIA = Statement(
    "add with media",
    f"WITH {GATE}, {HEARD}, {intake.ADD_TO_CASE}, {intake.ATTACH} "
    f"SELECT json_build_array(NULL, {ATTACHED}) FROM gate",
)
SCAN = Statement(
    "scan",
    f"""
WITH {GATE}, {HEARD}, counted AS (
    INSERT INTO code_scans (code_id, day, scans) SELECT %(code_id)s, %(day)s::date, 1 FROM gate
    ON CONFLICT (code_id, day) DO UPDATE SET scans = code_scans.scans + 1
) SELECT json_build_array(NULL, NULL) FROM gate""",
)
ARRIVED = Statement(
    "arrived",
    f"WITH arrived AS ({outbox.ARRIVED} RETURNING id) SELECT json_build_array(id) FROM arrived LIMIT 1",
)
PASS: LiteralString = f"WITH {GATE} SELECT contact_id FROM gate"
KEEP: LiteralString = f"""
WITH gate AS (
    UPDATE conversations SET state = %(state)s::jsonb WHERE contact_id = %(contact_id)s RETURNING contact_id
), {HEARD} SELECT"""


class Busy(AppError):
    """WeChat will deliver again; by then whoever was in the way is through."""

    status, code, message = 503, "busy", "请稍后再试"


def receive(account: Account, delivery: Delivery, at: datetime) -> str:
    """Take in one message, once. Returns the reply; an empty string where there is nothing to say."""
    until = monotonic() + PATIENCE
    for _ in range(TURNS):
        try:
            reply = _turn(account, delivery, at)
        except pg.UniqueViolation:
            continue  # somebody made this contact, or has this number: the next turn sees or draws anew
        except (pg.OperationalError, OperationalError):
            if monotonic() > until:
                raise Busy() from None
            sleep(PAUSE)  # the database is starting again: what is gated may be tried again
            continue
        if reply is not None:
            return reply
    raise Busy()


def _turn(account: Account, delivery: Delivery, at: datetime) -> str | None:
    """One attempt. None: somebody else wrote between our reading and our writing."""
    if delivery.message.kind is Kind.RECEIPT and _is_arrival(account, delivery.message, at):
        return ""
    gathered = gather(account, delivery, at)
    if gathered is None and account.name.endswith(MINI):
        return ""  # whoever logs in there is met by their unionid: made here, they would be somebody else
    if gathered is None:
        welcome(account.name, delivery.openid)
        return None
    known, facts = gathered
    reply = known.replied
    if reply is None:
        turn = converse(known.state, delivery.message, facts)
        reply = _answer(account, delivery, known, turn, at)
    if reply is not None and known.is_awaited:
        _greet(known)
    return reply


def _is_arrival(account: Account, message: Message, at: datetime) -> bool:
    """The quick way of most receipts, as many as messages: this one arrived, and it is written down.

    One that is quicker than our own record of the message is kept for whoever writes that; they look there
    afterwards, so we look here again.
    """
    if message.text.strip().lower() != outbox.ARRIVAL:
        return False
    said = {"account": account.name, "provider_id": message.tapped, "at": at}
    if quick.run(ARRIVED, said) is None:
        early.keep(account.name, message.tapped, outbox.ARRIVAL)
        quick.run(ARRIVED, said)
    return True


def _answer(account: Account, delivery: Delivery, known: Known, turn: Turn, at: datetime) -> str | None:
    values = _values(known, delivery, turn, at)
    if all(map(_is_quick, turn.effects)):
        return _write(account, known, turn, values, at)
    return _write_slowly(known, turn, values)


def _greet(known: Known) -> None:
    """Who writes follows, even if the event was before our time; what waited for their visit is due now.

    Only after the message opened the chat's window: a worker that was quicker would find it shut, and put
    off again what had waited. Killed before this, we do it when the message is delivered again.
    """
    with db.transaction() as session:
        effects.greet(session, known.sender)


def _is_quick(effect: Effect) -> bool:
    return isinstance(effect, OpenCase | CountScan) or (isinstance(effect, AddToCase) and not effect.urgent)


def _values(known: Known, delivery: Delivery, turn: Turn, at: datetime) -> dict[str, Any]:
    message = delivery.message
    length, count = WINDOW.get(message.kind, (None, None))
    return {
        "contact_id": known.sender.contact_id,
        "version": known.version,
        "state": write_json(turn.state.stored()),
        "at": at,
        "window_until": at + length if length else None,
        "window_left": count,
        "dedupe_key": delivery.dedupe_key,
        "kind": message.kind.value,
        "content": write_json(_content(message, turn)),
        "reply": wording.clip(turn.reply),
    }


def _content(message: Message, turn: Turn) -> dict[str, Any]:
    """For the record of what came in; a telephone number that is kept is kept sealed, and not here."""
    stored = message.stored()
    if any(isinstance(effect, KeepPhone) for effect in turn.effects):
        stored["text"] = mask_phones(message.text)
    return stored


def _write(account: Account, known: Known, turn: Turn, values: dict[str, Any], at: datetime) -> str | None:
    """The quick way: everything that this message means, in one statement."""
    statement, more = ANSWER, {}
    for effect in turn.effects:
        if isinstance(effect, OpenCase):
            statement = OPEN_WITH_MEDIA if effect.media else OPEN
            more = _opening(account, known, effect, at)
        elif isinstance(effect, CountScan):
            statement, more = SCAN, {"code_id": effect.code, "day": today()}
        elif isinstance(effect, AddToCase):
            statement = ADD_WITH_MEDIA if effect.media else ADD
            media = effects.media_json(account.name, effect.media)
            more = intake.addition(effect.number, known.sender.resident_id, effect.words, media)
    row = quick.run(statement, values | more)
    if row is None:
        return None
    told, attached = row
    nudge(deliver, told or [])
    nudge(fetch, attached or [])
    return str(values["reply"])


def _opening(account: Account, known: Known, effect: OpenCase, at: datetime) -> dict[str, Any]:
    report = Report(
        text=effect.text,
        place_id=effect.place.id,
        place=effect.place.name,
        channel=Channel.WECHAT,
        resident_id=known.sender.resident_id,
        urgent=effect.urgent,
        code_id=effect.code,
    )
    media = effects.media_json(account.name, effect.media)
    return intake.parameters(report, effect.number, at) | {"media": media}


def _write_slowly(known: Known, turn: Turn, values: dict[str, Any]) -> str | None:
    """The way of everything that goes through the services: the same gate, in the services' transaction."""
    with db.transaction() as session:
        connection = session.connection()
        if connection.exec_driver_sql(PASS, values).first() is None:
            return None
        for effect in turn.effects:
            try:
                with session.begin_nested():
                    values["reply"] = wording.clip(
                        effects.carry_out(session, known.sender, effect) or str(values["reply"])
                    )
            except AppError as refusal:  # nothing was done, so nothing follows from it
                values |= {"reply": refusal.message, "state": write_json(known.state.stored())}
        connection.exec_driver_sql(KEEP, values)
    return str(values["reply"])
