"""Opening a case: one statement, the same for a chat message, a page, the mini program and staff.

The statement is a chain of CTEs behind `gate`, a relation with one row when the case may be opened and none
when it may not (a chat message that was already answered). So the quick path can put its own CTEs before it.
"""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backend.broker import nudge
from backend.cases.audience import COMMUNITY
from backend.cases.deadline_models import Clock
from backend.cases.deadlines import accept_times
from backend.cases.models import Case, Channel
from backend.cases.workflow import RULES, Action
from backend.db import after_commit
from backend.errors import NotFound
from backend.notify.messages import haste
from backend.notify.tasks import deliver
from backend.places.roles import Role
from backend.privacy import mask_phones
from backend.times import local, now, spoken, stamp

write_json = json.JSONEncoder(ensure_ascii=False).encode  # json.dumps would make an encoder for each call
SUMMARY = 40
NUMBERS = 10  # draws; with 60,000 cases a day one in sixteen numbers is taken by the evening
[(_, SUBMITTED)] = RULES[Action.SUBMIT].tells

OPENED: LiteralString = f"""
opened AS (
    INSERT INTO cases (number, key, channel, report, urgent, resident_id, officer_id, place_id, district_id,
        subdistrict_id, community_id, zone_id, grid_id, code_id, category_id, latitude, longitude, address,
        due_at)
    SELECT %(number)s, %(key)s, %(channel)s, %(report)s, %(urgent)s, %(resident_id)s, %(officer_id)s,
        area.id, area.district_id, area.subdistrict_id, area.community_id, area.zone_id, area.grid_id,
        %(code_id)s, (SELECT category_id FROM place_codes WHERE id = %(code_id)s AND revoked_at IS NULL),
        %(latitude)s, %(longitude)s, %(address)s, %(due_at)s
    FROM gate, areas area WHERE area.id = %(place_id)s
    RETURNING id, round, status, urgent, due_at, resident_id, officer_id, place_id, grid_id, zone_id,
        community_id, subdistrict_id, district_id
), submitted AS (
    INSERT INTO case_events (case_id, round, action, role, resident_id, officer_id, to_status)
    SELECT id, round, '{Action.SUBMIT}', %(role)s, resident_id, officer_id, status FROM opened
    RETURNING id
), clocked AS (
    INSERT INTO deadlines (case_id, round, clock, minutes, in_working_time, amber_at, due_at, next_at)
    SELECT id, round, '{Clock.ACCEPT}', %(minutes)s, %(in_working_time)s, %(amber_at)s, due_at, %(amber_at)s
    FROM opened
)"""

OPEN_CASE: LiteralString = f"""{OPENED}, told AS (
    INSERT INTO notifications (key, message, officer_id, fields, haste)
    SELECT 'case:' || c.id || ':{SUBMITTED}:' || s.id || ':officer:' || people.officer_id,
        '{SUBMITTED}', people.officer_id, %(fields)s::jsonb, %(haste)s
    FROM opened c, submitted s, LATERAL ({COMMUNITY}) people
    RETURNING id
)"""

OPEN_ALONE: LiteralString = f"""
WITH gate AS (SELECT 1), {OPEN_CASE}
SELECT (SELECT id FROM opened) AS id, (SELECT array_agg(id) FROM told) AS told"""

# Of a matter that is known already: nobody has to be woken for it.
OPEN_QUIETLY: LiteralString = (
    f"WITH gate AS (SELECT 1), {OPENED} SELECT id, NULL::bigint[] AS told FROM opened"
)

# Attachments that lie elsewhere still; `target` is the relation with the case's id and round.
ATTACH: LiteralString = """
attached AS (
    INSERT INTO attachments (case_id, round, kind, source)
    SELECT target.case_id, target.round, medium->>'kind', medium->'source'
    FROM target, jsonb_array_elements(%(media)s::jsonb) medium
    RETURNING id
)"""

OPENED_ATTACH: LiteralString = f"target AS (SELECT id AS case_id, round FROM opened), {ATTACH}"

ADD_TO_CASE: LiteralString = f"""
target AS (
    INSERT INTO case_events (case_id, round, action, role, resident_id, from_status, to_status, note)
    SELECT c.id, c.round, '{Action.ADD}', 'resident', c.resident_id, c.status, c.status, %(words)s
    FROM gate, cases c WHERE c.number = %(number)s AND c.resident_id = %(resident_id)s
    RETURNING case_id, round
), answered AS (
    UPDATE cases SET replied_at = statement_timestamp() FROM target
    WHERE cases.id = target.case_id AND question IS NOT NULL AND replied_at IS NULL
)"""

ADD_ALONE: LiteralString = f"""
WITH gate AS (SELECT 1), {ADD_TO_CASE}, {ATTACH} SELECT (SELECT array_agg(id) FROM attached) AS attached"""


@dataclass(frozen=True)
class Report:
    """What is reported, where, and by whom. Positions are WGS-84 degrees."""

    text: str
    place_id: int
    place: str
    channel: Channel
    resident_id: int | None = None
    officer_id: int | None = None
    role: Role = Role.RESIDENT
    urgent: bool = False
    latitude: float | None = None
    longitude: float | None = None
    address: str | None = None
    code_id: int | None = None  # the QR code that was scanned for it, which may say what the matter is
    key: str | None = None
    number: str = ""  # drawn already; else one is drawn


def new_number(at: datetime) -> str:
    """Twelve digits: the day, then six at random, so that no number tells the next."""
    return f"{local(at):%y%m%d}{secrets.randbelow(10**6):06d}"


def parameters(report: Report, number: str, at: datetime, session: Session | None = None) -> dict[str, Any]:
    """What OPEN_CASE takes, for psycopg."""
    times = accept_times(report.urgent, at, report.place_id, session)
    fields = {
        "number": number,
        "place": report.place,
        "area": str(report.place_id),
        "summary": summary(report.text),
        "at": stamp(at),
        "until": spoken(times.due_at, at),
        "urgent": "1" if report.urgent else "",
    }
    return {
        "number": number,
        "key": report.key,
        "channel": report.channel.value,
        "report": report.text,
        "urgent": report.urgent,
        "resident_id": report.resident_id,
        "officer_id": report.officer_id,
        "role": report.role.value,
        "place_id": report.place_id,
        "code_id": report.code_id,
        "latitude": report.latitude,
        "longitude": report.longitude,
        "address": report.address,
        "due_at": times.due_at,
        "amber_at": times.amber_at,
        "minutes": times.minutes,
        "in_working_time": times.in_working_time,
        "fields": write_json(fields),
        "haste": haste(SUBMITTED, fields),
    }


def addition(number: str, resident_id: int, words: str, media: str) -> dict[str, Any]:
    """What ADD_TO_CASE takes: words and media (JSON) that join the sender's own case."""
    return {"number": number, "resident_id": resident_id, "words": words, "media": media}


def open_case(session: Session, report: Report, at: datetime | None = None, *, quietly: bool = False) -> Case:
    """Open a case, with its event and deadline, and with its alerts unless it is done `quietly`. The same
    `key` again returns the same case. Raises IntegrityError where the report's own number is taken."""
    if report.key is not None and (known := with_key(session, report.key)) is not None:
        if known.resident_id != report.resident_id:
            raise NotFound("没有找到这件诉求")
        return known
    moment = at or now()
    row = _insert(session, report, moment, OPEN_QUIETLY if quietly else OPEN_ALONE)
    told: Sequence[int] = row.told or []
    after_commit(session, lambda: nudge(deliver, list(told)))
    return session.get_one(Case, row.id)


def _insert(session: Session, report: Report, at: datetime, statement: str) -> Any:
    """Run the statement; a number that is taken costs another try, no more."""
    draws = 1 if report.number else NUMBERS
    for draw in range(1, draws + 1):
        try:
            with session.begin_nested():
                values = parameters(report, report.number or new_number(at), at, session)
                return session.connection().exec_driver_sql(statement, values).one()
        except IntegrityError as error:
            if "uq_cases_number" not in str(error) or draw == draws:
                raise
    raise AssertionError


def with_key(session: Session, key: str) -> Case | None:
    """The case that this key opened before. Taking the key's lock makes a double tap wait for the first."""
    session.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(key, 0))))
    return session.scalar(sa.select(Case).where(Case.key == key))


def summary(text: str) -> str:
    """The beginning of a report, on one line, without the telephone numbers in it."""
    line = mask_phones(" ".join(text.split()))
    return line if len(line) <= SUMMARY else line[: SUMMARY - 1] + "…"
