"""One district with two streets of everything, and another district: rows that could leak to each other."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pyotp
import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend import storage
from backend.auth import LoginSession, LoginTicket, hash_token
from backend.cases import intake
from backend.cases.category_models import Category
from backend.cases.intake import Report
from backend.cases.meeting_models import Attendee, Matter, Meeting, MeetingKind
from backend.cases.models import (
    Attachment,
    AttachmentKind,
    AutoDispatch,
    Case,
    Channel,
    Duty,
    DutyList,
    ListState,
    Stored,
)
from backend.cases.service import Actor, perform
from backend.cases.survey_models import Survey, SurveyState
from backend.cases.workflow import Action, Given, Outcome
from backend.notify import binding
from backend.places import changes, codes, imports, officers, scope
from backend.places.changes import Did, Entry
from backend.places.imports import Fate, Finding, Plan, RowFate
from backend.places.layouts import Format
from backend.places.models import (
    Area,
    CodeScans,
    Import,
    Officer,
    Outline,
    PlaceCode,
    Post,
    Resident,
    Shift,
    Unit,
)
from backend.places.officers import Person
from backend.places.poster_jobs import JobState, PosterJob
from backend.places.roles import Level, Role, UnitKind
from backend.places.scope import Editor
from backend.privacy import blind_index, seal_bytes
from backend.times import now
from backend.wechat.models import Conversation, InboundMessage
from tests.cases.pictures import jpeg
from tests.factories import make_area, make_contact
from tests.walk.callback_rows import add_callbacks
from tests.walk.deadline_rows import add_deadlines
from tests.walk.exclusion_rows import add_exclusions
from tests.walk.marks import Marks
from tests.walk.message_rows import add_messages
from tests.walk.order_rows import add_orders
from tests.walk.supervision_rows import add_notices, add_supervisions
from tests.walk.survey_rows import add_surveys
from tests.walk.telephone_rows import add_calls
from tests.walk.thanks_rows import add_thanks, add_voices

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
Book = dict[str, list[Any]]  # values for the arguments of routes, by the argument's name


@dataclass
class Street:
    """A street's rows, by the names that tests need; `book` holds what its addresses are made of."""

    session: Session
    marks: Marks
    area: Area
    areas: dict[str, Area] = field(default_factory=dict)
    units: list[Unit] = field(default_factory=list)
    people: dict[str, Officer] = field(default_factory=dict)
    residents: list[Resident] = field(default_factory=list)
    book: Book = field(default_factory=lambda: defaultdict(list))

    def add(self, row: Any) -> Any:
        self.session.add(row)
        self.session.flush()
        return row


def make_street(session: Session, marks: Marks, district: Area, category: Category) -> Street:
    """A street with all that a street has; every text in it holds a mark of its own."""
    area = _area(session, marks, Level.SUBDISTRICT, district)
    street = Street(session, marks, area)
    _add_places(street)
    _add_units(street)
    _add_people(street)
    _add_codes(street, category)
    _add_posters(street)
    _add_dictionary(street, category)
    _add_duties(street, category)
    _add_cases(street, category)
    add_deadlines(street)
    add_exclusions(street)
    add_thanks(street)
    add_surveys(street)
    add_voices(street)
    add_callbacks(street)
    _add_meetings(street)
    add_orders(street)
    add_supervisions(street)
    add_notices(street)
    add_messages(street)
    add_calls(street)
    _add_logins(street)
    _add_records(street)
    session.commit()
    return street


def actor_of(session: Session, officer: Officer) -> Actor:
    return Actor(officer_id=officer.id, posts=tuple(scope.posts_of(session, officer.id)))


def editor_of(session: Session, officer: Officer) -> Editor:
    return Editor(officer.id, tuple(scope.posts_of(session, officer.id)))


def add_officer(street: Street, key: str, role: Role, *, area=None, unit=None, **post: Any) -> Officer:
    """An officer of the street with a post, found by all that officers are found by."""
    marks = street.marks
    person = Person(marks.text("officers.name"), marks.phone("officers.phone"), marks.text("officers.code"))
    officer = street.add(Officer(**officers.values(person)))
    where = {"area_id": area.id if area else None, "unit_id": unit.id if unit else None}
    held = street.add(Post(officer_id=officer.id, role=role, **where | post))
    street.people[key] = officer
    street.book["officer_id"].append(officer.id)
    street.book["post_id"].append(held.id)
    return officer


def _area(session: Session, marks: Marks, level: Level, parent: Area, **fields: Any) -> Area:
    kind = f"areas.{level}"
    return make_area(
        session,
        level,
        parent,
        name=marks.text(f"{kind}.name"),
        code=marks.text(f"{kind}.code"),
        telephone=marks.phone(f"{kind}.telephone"),
        **fields,
    )


def _add_places(street: Street) -> None:
    above, places = street.area, {}
    for level in (Level.COMMUNITY, Level.ZONE, Level.GRID, Level.BUILDING, Level.STATION):
        position = {"latitude": 22.7, "longitude": 114.3} if level is Level.GRID else {}
        above = places[level.value] = _area(street.session, street.marks, level, above, **position)
    closed = _area(street.session, street.marks, Level.COMMUNITY, street.area, closed_at=now() - DAY)
    street.areas = places | {"street": street.area, "closed": closed}
    street.add(Outline(area_id=places["grid"].id, ring="((114,22),(115,22),(115,23),(114,22))"))
    street.book["area_id"] = [area.id for area in street.areas.values()]


def _add_units(street: Street) -> None:
    marks = street.marks
    for at, fields in (("street", {}), ("community", {}), ("street", {"closed_at": now() - DAY})):
        unit = Unit(
            area_id=street.areas[at].id,
            kind=UnitKind.DEPARTMENT,
            name=marks.text("units.name"),
            code=marks.text("units.code"),
            aliases=[marks.text("units.aliases")],
            telephone=marks.phone("units.telephone"),
            **fields,
        )
        street.units.append(street.add(unit))
    street.book["unit_id"] = [unit.id for unit in street.units]


def _add_people(street: Street) -> None:
    places, unit = street.areas, street.units[0]
    admin = add_officer(street, "administrator", Role.ADMINISTRATOR, area=street.area)
    admin.second_factor = street.marks.known("officers.second_factor", pyotp.random_base32())
    add_officer(street, "desk", Role.INFORMATION_OFFICER, area=places["community"])
    add_officer(street, "dispatcher", Role.DISPATCHER, area=street.area)
    add_officer(street, "supervisor", Role.SUPERVISOR, area=street.area)
    add_officer(street, "handler", Role.HANDLER, unit=unit)
    add_officer(street, "grid officer", Role.GRID_OFFICER, area=places["grid"])
    at = now()
    away = {"away_since": at - DAY, "away_until": at + 9 * DAY}
    add_officer(street, "away", Role.SECRETARY, area=places["community"], since=at - 9 * DAY, **away)
    add_officer(street, "secretary", Role.SECRETARY, area=places["community"])
    gone = add_officer(
        street, "gone", Role.SECRETARY, area=places["community"], since=at - 9 * DAY, until=at - DAY
    )
    gone.left_at = at - DAY
    for post_id in street.book["post_id"][:2]:
        shift = street.add(Shift(post_id=post_id, since=at - HOUR, until=at + HOUR))
        street.book["shift_id"].append(shift.id)
    binding.issue(street.session, street.people["desk"].id)


def _add_codes(street: Street, category: Category) -> None:
    marks = street.marks
    for area, revoked_at in (("community", None), ("station", None), ("grid", now() - DAY)):
        code = PlaceCode(
            area_id=street.areas[area].id,
            unit_id=street.units[0].id,
            category_id=category.id,
            scene=marks.text("place_codes.scene"),
            label=marks.text("place_codes.label"),
            ticket=marks.text("place_codes.ticket"),
            url=marks.text("place_codes.url"),
            account="demo",
            revoked_at=revoked_at,
        )
        street.add(code)
        street.book["code_id"].append(code.id)
        street.book["scene"].append(code.scene)
        street.book["payload"].append(codes.payload(code.scene))
        street.add(CodeScans(code_id=code.id, day=date(2026, 11, 20), scans=7))


def _add_dictionary(street: Street, category: Category) -> None:
    """The dictionary is everybody's: its entry and edition are in each street's book."""
    street.book["category_id"].append(category.id)
    street.book["edition_id"].append(category.since_id)


def _add_posters(street: Street) -> None:
    """Posters that the administrator asked for: drawn, and lying in the store."""
    drawn = storage.save(street.marks.text("poster_jobs.file").encode())
    job = PosterJob(
        officer_id=street.people["administrator"].id,
        area_id=street.area.id,
        wanted={"words": street.marks.text("poster_jobs.wanted")},
        format=next(iter(Format)),
        state=JobState.DONE,
        sha256=drawn,
        error=street.marks.text("poster_jobs.error"),
    )
    street.book["job_id"].append(street.add(job).id)


def _add_duties(street: Street, category: Category) -> None:
    for state in (ListState.CURRENT, ListState.DRAFT, ListState.RETIRED):
        listed = street.add(
            DutyList(area_id=street.area.id, name=street.marks.text("duty_lists.name"), state=state)
        )
        duty = Duty(
            list_id=listed.id,
            category_id=category.id,
            area_id=street.areas["grid"].id,
            unit_id=street.units[0].id,
            assisting=[street.units[1].id],
            source=street.marks.text("duties.source"),
        )
        street.book["list_id"].append(listed.id)
        street.book["duty_id"].append(street.add(duty).id)
    street.book["policy_id"].append(street.add(AutoDispatch(area_id=street.areas["community"].id)).id)


# What is done to each case after it came in; each step with a note of its own.
LIVES = (
    (),
    (Action.ACCEPT, Action.ASSIGN, Action.ACKNOWLEDGE, Action.LOG),
    (Action.ACCEPT, Action.ASSIGN, Action.ACKNOWLEDGE, Action.RESOLVE),
    (Action.ACCEPT, Action.ASSIGN, Action.ACKNOWLEDGE, Action.RESOLVE, Action.CONFIRM),
)
DOERS = {
    Action.ACCEPT: "desk",
    Action.ASSIGN: "desk",
    Action.ACKNOWLEDGE: "handler",
    Action.LOG: "desk",
    Action.RESOLVE: "handler",
}


def _add_cases(street: Street, category: Category) -> None:
    resident = _resident(street)
    for steps in LIVES:
        case = _open_case(street, resident)
        case.category_id = category.id
        for action in steps:
            _take(street, case, resident, action)
        _add_photo(street, case)
        street.book["number"].append(street.marks.known("cases.number", case.number))
    _add_survey_answers(street, resident)
    hard = street.session.scalars(sa.select(Case).where(Case.number == street.book["number"][1])).one()
    hard.is_legacy, hard.leader_id = True, street.people["secretary"].id


def _resident(street: Street) -> Resident:
    phone = street.marks.phone("residents.phone")
    fields = {"name": street.marks.text("residents.name"), "phone": phone, "phone_index": blind_index(phone)}
    resident = street.add(Resident(**fields))
    street.residents.append(resident)
    contact = make_contact(street.session, resident, unionid=street.marks.text("contacts.unionid"))
    street.add(Conversation(contact_id=contact.id, state={"said": street.marks.text("conversations.state")}))
    words = {"content": {"text": street.marks.text("inbound_messages.content")}, "reply": ""}
    street.add(InboundMessage(contact_id=contact.id, dedupe_key=street.marks.word, kind="text", **words))
    return resident


def _open_case(street: Street, resident: Resident) -> Case:
    place = street.areas["station"]
    report = Report(
        street.marks.text("cases.report"),
        place.id,
        place.name,
        Channel.WECHAT,
        resident_id=resident.id,
        address=street.marks.text("cases.address"),
        code_id=street.book["code_id"][1],
        key=street.marks.text("cases.key"),
    )
    return intake.open_case(street.session, report)


def _take(street: Street, case: Case, resident: Resident, action: Action) -> None:
    doer = DOERS.get(action)
    actor = actor_of(street.session, street.people[doer]) if doer else Actor(resident_id=resident.id)
    note = street.marks.text(f"case_events.note.{action}")
    given = Given(note=note, unit_id=street.units[0].id, outcome=Outcome.EXPLAINED)
    perform(street.session, case.number, action, actor, given)


def _add_photo(street: Street, case: Case) -> None:
    content = jpeg(comment=street.marks.text("attachments.content").encode())
    kept = {"sha256": storage.save(content), "mime": "image/jpeg", "size": len(content)}
    photo = Attachment(case_id=case.id, kind=AttachmentKind.PHOTO, state=Stored.STORED, source={}, **kept)
    street.book["attachment_id"].append(street.add(photo).id)


def _add_survey_answers(street: Street, resident: Resident) -> None:
    """The closed case has a survey already, which is open; another round's was answered."""
    survey = street.session.scalars(sa.select(Survey).where(Survey.resident_id == resident.id)).one()
    answered = Survey(
        case_id=survey.case_id,
        round=2,
        resident_id=resident.id,
        state=SurveyState.ANSWERED,
        solved=True,
        satisfaction=5,
        words=street.marks.text("surveys.words"),
    )
    street.book["survey_id"] = [survey.id, street.add(answered).id]


def _add_meetings(street: Street) -> None:
    """A meeting with a matter that waits, and one that can be ended."""
    marks, place = street.marks, street.areas["community"]
    for settled in (False, True):
        meeting = Meeting(
            kind=MeetingKind.TEA,
            place_id=place.id,
            **{column: getattr(place, column) for column in scope.COLUMNS.values()},
            title=marks.text("meetings.title"),
            where=marks.text("meetings.where"),
            host_id=street.people["secretary"].id,
            officer_id=street.people["desk"].id,
            held_at=now() - HOUR,
        )
        street.book["meeting_id"].append(street.add(meeting).id)
        attendee = street.add(Attendee(meeting_id=meeting.id, resident_id=street.residents[0].id))
        street.book["attendee_id"].append(attendee.id)
        matter = Matter(
            meeting_id=meeting.id,
            attendee_id=attendee.id,
            text=marks.text("matters.text"),
            answer=marks.text("matters.answer") if settled else None,
            officer_id=street.people["desk"].id,
        )
        street.book["matter_id"].append(street.add(matter).id)


def _add_logins(street: Street) -> None:
    """The desk is logged in, and a desktop of theirs waits to be let in."""
    contact = make_contact(street.session, officer=street.people["desk"])
    token, ends = street.marks.text("login_tickets.token"), now() + HOUR
    device = street.marks.text("login_sessions.device")
    login = LoginSession(token_hash=hash_token(device), contact_id=contact.id, device=device, expires_at=ends)
    ticket = LoginTicket(
        token_hash=hash_token(token),
        browser_hash=hash_token(f"browser of {token}"),
        device=street.marks.text("login_tickets.device"),
        contact_id=contact.id,
        expires_at=ends,
    )
    street.book["login_id"].append(street.add(login).id)
    street.add(ticket)
    street.book["ticket"].append(token)


def _add_records(street: Street) -> None:
    """An import with its file and report, and lines of the record of changes."""
    marks, admin = street.marks, street.people["administrator"]
    finding = Finding("名称", marks.text("imports.report.value"), "太长", "改短")
    row = RowFate(2, marks.text("imports.report.name"), Fate.ADDED, [finding])
    taken = Import(
        kind="areas",
        file_name=marks.text("imports.file_name"),
        sha256=storage.save(seal_bytes("名称,层级\n某处,社区".encode(), imports.SEALED_AS)),
        officer_id=admin.id,
        counts={"added": 1},
        report=imports._written(Plan([row], lambda *_: None)),
    )
    street.book["import_id"].append(street.add(taken).id)
    for subject, subject_id in (
        ("areas", street.area.id),
        ("officers", admin.id),
        ("units", street.units[0].id),
    ):
        before, after = {"name": marks.text("changes.before")}, {"name": marks.text("changes.after")}
        entry = Entry(
            Did.CHANGED, subject, subject_id, marks.text("changes.name"), street.area.id, before, after
        )
        changes.record(street.session, Editor(admin.id), [entry], taken.id)
