"""What everybody may see or cause in a street, each with its reason; all else is the street's own."""

from tests.walk.walking import Answer

CHOSEN = "who reports without a code chooses among all communities and stations of the account's district"
SCANNED = "a code hangs on a wall: whoever scans it reads where they are, and whom to telephone"
JOINED = "who has the same to say as others reads what is being worked on there, as it is filed, and where"
REPORTED = "who reports something sees in their own case where it is, and whom to telephone"
SHARED = "the streets of one account share its codes: each sees how many every street has"
OWN_OFFICER = "who administers an officer sees where else that officer holds posts"

NOTICED = "a monthly notice is published for everybody, its draft for nobody"

# Route, beginnings of the kinds of marks, why.
PUBLIC: dict[str, tuple[tuple[str, ...], str]] = {
    "api.list_matters": (("areas.",), JOINED),
    "api.list_places": (("areas.", "place_codes.scene"), CHOSEN),
    "api.open_case": (("areas.",), REPORTED),
    "api.place": (("areas.", "place_codes.scene"), SCANNED),
    "codes.make": (("areas.subdistrict.name",), SHARED),
    "codes.new": (("areas.subdistrict.name",), SHARED),
    "door.enter": (("areas.", "place_codes.scene", "place_codes.label"), SCANNED),
    "officers.change": (("areas.community.name", "areas.subdistrict.name"), OWN_OFFICER),
    "officers.change_own": (("areas.community.name",), "an officer sees the posts that they held themselves"),
    "officers.index": (("areas.community.name",), OWN_OFFICER),
    "officers.officer": (("areas.community.name",), OWN_OFFICER),
    "resident.month": (("areas.", "units.name", "monthly_notices.words"), NOTICED),
    "resident.months": (("areas.",), NOTICED),
    "resident.show_form": (("areas.", "place_codes.scene", "place_codes.label"), CHOSEN),
    "resident.submit": (("areas.", "place_codes.scene", "place_codes.label"), REPORTED),
}
# Route, tables and columns, why.
CAUSED: dict[str, tuple[tuple[str, ...], str]] = {
    "api.open_case": (
        ("cases.", "notifications.officer_id"),
        "anybody may report anywhere; those there are told",
    ),
    "api.place": (("code_scans",), "a scan counts, whoever scans"),
    "door.enter": (("code_scans",), "a scan counts, whoever scans"),
    "officers.change_own": (
        ("posts.officer_id", "changes.area_id"),
        "a colleague near may stand in; tests/places/test_absences.py says that nobody else may",
    ),
    "resident.submit": (
        ("cases.", "notifications.officer_id"),
        "anybody may report anywhere; those there are told",
    ),
}
# Routes that ask WeChat for a picture, which is not there in tests.
ASKS_WECHAT = frozenset({"officers.code"})

# Kinds of marks that no route shows to anybody, and why.
UNSHOWN: dict[str, str] = {
    "cases.key": "by which the same report again is known",
    "contacts.unionid": "WeChat's own name for a person",
    "conversations.state": "where a chat stands; read by the chat alone",
    "inbound_messages.content": "kept as it came; what matters of it is in the case",
    "login_tickets.device": "its ticket was scanned by another WeChat of the desk than the one that walks",
    "login_tickets.token": "stands in the QR code of one desktop and in the address",
    "officers.second_factor": "shown once, when it is offered",
    "place_codes.ticket": "asks WeChat for a picture",
    "poster_jobs.error": "shown of a job that failed; the town's is done",
    "poster_jobs.wanted": "what the worker reads",
}
# Changing routes that change nothing of the street here even for those who may, and why.
EVERYBODYS = "the dictionary is everybody's, and changed by who administers a district"
CALENDAR = "the calendar is everybody's, and changed by who administers a district"
OWN = "changes nothing but the caller's own login, which is no row of the street here"
WECHAT = "asks WeChat"
ONE_FORM = "the walk's one form of plain words is refused; its own tests send a good one"
UNDISPUTED = "no case of the street is in dispute"
UNCHANGED: dict[str, str] = {
    "api.add_photo": ONE_FORM,
    "api.add_survey_photo": ONE_FORM,
    "api.login": WECHAT,
    "api.subscriptions": OWN,
    "areas.add": ONE_FORM,
    "bulk.gather": "leads to an address that holds the ticks of its form",
    "callbacks.correct": "no callback of the street has just ended by a wrong tap",
    "codes.change": ONE_FORM,
    "dictionary.add_top": EVERYBODYS,
    "dictionary.change": EVERYBODYS,
    "duties.draft": ONE_FORM,
    "dispatching.decide": UNDISPUTED,
    "dispatching.make_duty": UNDISPUTED,
    "duties.put": ONE_FORM,
    "entry.confirm": "the ticket was scanned by another WeChat",
    "entry.enter": "the desktop's cookie is in nobody's hands here",
    "entry.refuse": "the ticket was scanned by another WeChat",
    "imports.apply": "what stands there has changed since the town's dry run",
    "login.logout": OWN,
    "policies.add_day": CALENDAR,
    "policies.remove_day": CALENDAR,
    "resident.submit": ONE_FORM,
    "second_factor.reset": "only the caller has one",
    "second_factor.set_up": OWN,
    "second_factor.show": OWN,
    "templates.look": "asks WeChat what it knows of the accounts, which are no street's",
    "units.merge_twins": ONE_FORM,
}


def is_public(answer: Answer, kind: str) -> bool:
    """Whether this route may show marks of this kind to everybody, or to this person."""
    kinds, _ = PUBLIC.get(answer.ask.endpoint, ((), ""))
    return kind.startswith(answer.person.may_see) or kind.startswith(kinds)


def is_allowed_change(answer: Answer, what: str) -> bool:
    """Whether anybody may cause this by this route."""
    causes, _ = CAUSED.get(answer.ask.endpoint, ((), ""))
    return what.startswith(causes)
