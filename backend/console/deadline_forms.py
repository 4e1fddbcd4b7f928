"""Time on the page of a case: the forms that ask for more, grant and resume, and the ledger of its clocks."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from backend.cases import attachments, lateness, policies, time_requests
from backend.cases.attachments import Photo
from backend.cases.clock_ledger import running
from backend.cases.clock_words import day_minutes, span
from backend.cases.clocks import CLOCK_LABELS
from backend.cases.deadline_models import ChangeKind, Clock, Deadline, DeadlineChange
from backend.cases.models import Case
from backend.cases.policies import World
from backend.cases.service import Actor
from backend.cases.time_requests import Wish
from backend.cases.workflow import Action
from backend.console.case_forms import Facts, Form, Section
from backend.places.models import Officer
from backend.times import SHANGHAI, local, moment, now, spoken, stamp
from backend.web.forms import WrongFields, number
from backend.web.words import NOTE_LENGTH, clean

MISSING = {  # by field; what the browser says of an empty one, and the server says again
    "clock": "请选择哪个时限",
    "note": "请写明理由",
    "until": "请选择恢复计时的时间",
    "length": "请填写延长多久，例如 2",
    "request": "请选择哪一份申请",
    "photos": time_requests.NO_PROOF,
}
UNITS = {"hours": "小时", "days": "天"}
WORKING_UNITS = {"hours": "小时工作时间", "days": "个工作日"}
MIXED_UNITS = {"hours": "小时", "days": "天（按工作时间计算的时限为工作日）"}
MORNING = time(9)
A_DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
Typed = MultiDict[str, str]


def _offer_pause(session: Session, case: Case, _actor: Actor) -> Facts | None:
    at = now()
    clocks = [row for row in _askable(session, case) if row.paused_at is None and row.due_at > at]
    until = datetime.combine(local(at).date() + 3 * A_DAY, MORNING, SHANGHAI)
    return _offer(clocks, until=until.strftime("%Y-%m-%dT%H:%M"))


def _offer_extension(session: Session, case: Case, _actor: Actor) -> Facts | None:
    clocks = _askable(session, case)
    return _offer(clocks, units=_units(clocks), in_working_time=any(row.in_working_time for row in clocks))


def _units(clocks: Sequence[Deadline]) -> dict[str, str]:
    if not any(row.in_working_time for row in clocks):
        return UNITS
    return WORKING_UNITS if all(row.in_working_time for row in clocks) else MIXED_UNITS


def _offer(clocks: Sequence[Deadline], **more: object) -> Facts | None:
    choices = [(row.clock.value, f"{CLOCK_LABELS[row.clock]}（{spoken(row.due_at)}到期）") for row in clocks]
    return {"clocks": choices, "missing": MISSING} | more if clocks else None


def _askable(session: Session, case: Case) -> list[Deadline]:
    return time_requests.askable(session, case)


def _take_pause(
    session: Session, case_number: str, actor: Actor, form: Typed, photos: Sequence[Photo]
) -> Case:
    until = _moment(form.get("until", ""))
    wrong = {} if until else {"until": MISSING["until"]}
    clock, reason = _asked(form, photos, wrong)
    wish = Wish(clock, reason, until_at=until, proof=photos[0].sha256)
    return _with_proof(session, time_requests.ask_pause(session, case_number, actor, wish), photos)


def _take_extension(
    session: Session, case_number: str, actor: Actor, form: Typed, photos: Sequence[Photo]
) -> Case:
    many, unit = number(form.get("length", "")), form.get("unit", "")
    wrong = {} if many and many < 10_000 and unit in UNITS else {"length": MISSING["length"]}
    clock, reason = _asked(form, photos, wrong)
    minutes = (many or 0) * (60 if unit == "hours" else _day(session, case_number, clock))
    wish = Wish(clock, reason, minutes=minutes, proof=photos[0].sha256)
    return _with_proof(session, time_requests.ask_extension(session, case_number, actor, wish), photos)


def _day(session: Session, case_number: str, clock: Clock) -> int:
    """The minutes of a day as this clock counts them; of one that does not run, what is asked is refused."""
    case = session.scalars(sa.select(Case).where(Case.number == case_number)).one()
    found = [row for row in running(session, case.id) if row.clock is clock]
    return day_minutes(policies.in_force(session), case, found[0]) if found else A_DAY // MINUTE


def _asked(form: Typed, photos: Sequence[Photo], wrong: dict[str, str]) -> tuple[Clock, str]:
    """The clock and the reason of a request. Raises WrongFields, also for what is wrong besides."""
    said, reason = form.get("clock", ""), clean(form.get("note", ""))
    if said not in set(Clock):
        wrong["clock"] = MISSING["clock"]
    if not reason or len(reason) > NOTE_LENGTH:
        wrong["note"] = f"理由太长了，最多 {NOTE_LENGTH} 个字" if reason else MISSING["note"]
    if not photos:
        wrong["photos"] = MISSING["photos"]
    if wrong:
        raise WrongFields(wrong)
    return Clock(said), reason


def _offer_decision(session: Session, case: Case, actor: Actor) -> Facts | None:
    """Whoever asked does not decide."""
    found = [
        pair for pair in time_requests.open_requests(session, case) if pair[0].asked_by != actor.officer_id
    ]
    ids = {change.asked_by for change, _ in found}
    rows = session.execute(sa.select(Officer.id, Officer.name).where(Officer.id.in_(ids)))
    names = {officer_id: name for officer_id, name in rows}
    world = policies.in_force(session)
    lines = [
        (change, _said(world, case, change, row, names.get(change.asked_by or 0, "承办单位")))
        for change, row in found
    ]
    return {"requests": lines, "missing": MISSING} if lines else None


def _said(world: World, case: Case, change: DeadlineChange, row: Deadline, who: str) -> str:
    """周明申请把办结时限延长 2 天：需要开挖路面"""
    return f"{who}申请{_wished(world, case, change, row)}：{change.reason}"


def requests(session: Session, case: Case) -> list[str]:
    """已申请把办结时限延长 2 天，等批准: what was asked about the case's time, for all who see it."""
    found, world = time_requests.open_requests(session, case), policies.in_force(session)
    return [f"已申请{_wished(world, case, change, row)}，等批准" for change, row in found]


def _wished(world: World, case: Case, change: DeadlineChange, row: Deadline) -> str:
    if change.kind is ChangeKind.PAUSE:
        how = f"挂起到{stamp(change.until_at)}"
    else:
        how = f"延长 {span(world, case, row, change.minutes or 0)}"
    return f"把{CLOCK_LABELS[row.clock]}时限{how}"


def _take_grant(
    session: Session, case_number: str, actor: Actor, form: Typed, _photos: Sequence[Photo]
) -> Case:
    return _decide(session, case_number, actor, form, is_granted=True)


def _take_denial(
    session: Session, case_number: str, actor: Actor, form: Typed, _photos: Sequence[Photo]
) -> Case:
    return _decide(session, case_number, actor, form, is_granted=False)


def _decide(session: Session, case_number: str, actor: Actor, form: Typed, *, is_granted: bool) -> Case:
    chosen, words = number(form.get("request", "")), clean(form.get("note", ""))
    wrong = {} if chosen else {"request": MISSING["request"]}
    if not words and not is_granted:
        wrong["note"] = MISSING["note"]
    if len(words) > NOTE_LENGTH:
        wrong["note"] = f"说明太长了，最多 {NOTE_LENGTH} 个字"
    if wrong:
        raise WrongFields(wrong)
    change = time_requests.decide(
        session, case_number, actor, chosen or 0, is_granted=is_granted, words=words
    )
    return _case_of(session, change)


def _offer_resume(session: Session, case: Case, _actor: Actor) -> Facts | None:
    paused = [row for row in running(session, case.id) if row.paused_at is not None]
    return {"paused": [CLOCK_LABELS[row.clock] for row in paused]} if paused else None


def _take_resume(
    session: Session, case_number: str, actor: Actor, form: Typed, _photos: Sequence[Photo]
) -> Case:
    words = clean(form.get("note", ""))
    if len(words) > NOTE_LENGTH:
        raise WrongFields({"note": f"说明太长了，最多 {NOTE_LENGTH} 个字"})
    return time_requests.resume(session, case_number, actor, words)


def _ledger(session: Session, case: Case, _actor: Actor) -> Facts | None:
    """The sentences, and how the clocks that run stand at a glance."""
    sentences = lateness.why_late(session, case)
    return (
        {"sentences": sentences, "is_late": any("超时 " in line for line in sentences)} if sentences else None
    )


def _case_of(session: Session, change: DeadlineChange) -> Case:
    row = session.get_one(Deadline, change.deadline_id)
    return session.get_one(Case, row.case_id)


def _with_proof(session: Session, change: DeadlineChange, photos: Sequence[Photo]) -> Case:
    """Who decides finds the photos among those of the case."""
    case = _case_of(session, change)
    for photo in photos:
        attachments.attach(session, case, photo, by_resident=False)
    return case


def _moment(text: str) -> datetime | None:
    try:
        return moment(text.strip())
    except ValueError:
        return None


FORMS: dict[Action, Form] = {
    Action.PAUSE: Form("console/forms/pause.html", _offer_pause, _take_pause),
    Action.EXTEND: Form("console/forms/extend.html", _offer_extension, _take_extension),
    Action.GRANT: Form("console/forms/time_request.html", _offer_decision, _take_grant),
    Action.DENY: Form("console/forms/time_denial.html", _offer_decision, _take_denial),
    Action.RESUME: Form("console/forms/resume.html", _offer_resume, _take_resume),
}
SECTIONS: list[Section] = [Section("console/sections/deadlines.html", _ledger)]
