"""Requests for every route: what stands in its address, what its page reads, and what its forms send.

A route is walked by itself as soon as it exists. An argument or a field that is not in these tables fails the
test with a sentence that says where to add it.
"""

import io
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlencode

import flask
from flask import Flask
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.routing import Rule
from werkzeug.routing.converters import AnyConverter

from backend import auth
from backend.cases.tables import KINDS
from backend.cases.workflow import Action
from backend.console import dictionary, officers, roster, units
from backend.orders.workflow import Action as OrderAction
from backend.times import local, now
from tests.cases.pictures import jpeg
from tests.walk.town import Street

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
UNWALKED = {"static": "files of the program, the same for everybody"}
LAST, FIRST = "999999999", "0"  # of what is paged by ids


@dataclass(frozen=True)
class Source:
    """From whose rows an address or a form is filled; `is_own` when the sender has the links, too.

    Of many rows of one table a stranger tries a few: what guards one guards all.
    """

    street: Street
    is_own: bool = False
    most: int = 3

    def some(self, values: list[Any]) -> list[Any]:
        """The first, the last and some between."""
        step = max(1, (len(values) - 1) // max(1, self.most - 1))
        return values if len(values) <= self.most else [*values[:-1:step][: self.most - 1], values[-1]]


Values = Callable[[Source], list[Any]]


def book(name: str) -> Values:
    return lambda source: source.some(source.street.book[name])


def first(name: str) -> Values:
    """The first row of its kind, where others are ended or closed."""
    return lambda source: source.street.book[name][:1]


def said(*values: Any) -> Values:
    return lambda source: list(values)


def marked(*kinds: str) -> Values:
    """The street's marks of these kinds: what somebody may search for."""
    return lambda source: [source.street.marks.first(kind) for kind in kinds]


def signed(purpose: str, name: str) -> Values:
    """A link's token: the real one for who was given it, else one that was signed for something else."""

    def tokens(source: Source) -> list[str]:
        signed_for = purpose if source.is_own else f"not {purpose}"
        return [auth.sign(signed_for, row_id) for row_id in source.street.book[name]]

    return tokens


def kinds(_source: Source) -> list[str]:
    return list(KINDS) or ["areas"]


IDS = (
    "area_id",
    "callback_id",
    "category_id",
    "code_id",
    "day_id",
    "duty_id",
    "edition_id",
    "exclusion_id",
    "import_id",
    "list_id",
    "login_id",
    "matter_id",
    "meeting_id",
    "message_id",
    "number",
)
IDS += ("notice_id", "officer_id", "post_id", "shift_id", "task_id", "thanks_id", "unit_id")
# By blueprint and argument, or by the argument alone.
ARGUMENTS: dict[str, Values] = {
    "account": said("demo"),
    "action": said(*Action),
    "auto_dispatch.policy_id": book("policy_id"),
    "dictionary.act": lambda _source: sorted(dictionary.ACTS),
    "officers.act": lambda _source: sorted(officers.ACTS),
    "units.act": lambda _source: sorted(units.ACTS),
    "format_": said("a4"),
    "job_id": book("job_id"),
    "board.supervise_order.number": book("order_number"),
    "board.urge_order.number": book("order_number"),
    "orders.action": said(*OrderAction),
    "orders.number": book("order_number"),
    "orders.photo_id": book("photo_id"),
    "roster.act": lambda _source: sorted(roster.ACTS),
    "roster.area.spot_id": book("area_id"),
    "spot_id": book("unit_id"),
    "entry.token": book("ticket"),
    "imports.kind": kinds,
    "imports.suffix": said("csv", "xlsx"),
    "policies.policy_id": book("rule_id"),
    "survey_policies.policy_id": book("survey_policy_id"),
    **{name: book(name) for name in IDS},
    "case_number": book("number"),
    "door.payload": book("payload"),
    "resident.ask.token": signed("survey", "survey_id"),
    "resident.answer.token": signed("survey", "survey_id"),
    "resident.serve.token": signed("file", "attachment_id"),
    "resident.say_late.token": signed("survey", "survey_id"),
    "resident.thank.token": signed("survey", "survey_id"),
}

# What a page reads of its query or its form, by blueprint and name or by the name alone.
FIELDS: dict[str, Values] = {
    "account": said("demo"),
    "address": said("三号楼旁边"),
    "after": said(FIRST),
    "aliases": said("别的叫法"),
    "area": book("area_id"),
    "assisting": said(""),
    "attendee": book("attendee_id"),
    "auto_dispatch.category": said(""),
    "auto_dispatch.place": marked("areas.subdistrict.name"),
    "basis": said("职责清单第 3 条"),
    "rule": said("", "0"),
    "before": said(LAST),
    "board.community": lambda source: [source.street.areas["community"].id],
    "board.mark": said("urged", "calm"),
    "board.supervise_order.unit": lambda source: source.street.book["unit_id"][:1],
    "board.supervise.unit": lambda source: source.street.book["unit_id"][:1],
    "callback_shares.place": marked("areas.community.name", "areas.subdistrict.name"),
    "percent": said("10"),
    "callbacks.after": said(f"{FIRST}~2026-01-01T00:00:00+00:00"),
    "callbacks.view": said("due", "done"),
    "heard": said("answered"),
    "later": said("2032-06-01T10:00"),
    "orders.callback": said("1"),
    "bulk.picked": lambda source: [f"{source.street.book['number'][0]}.{LAST}"],
    "category": book("category_id"),
    "carrier": said("url"),
    "cause": said("底册缺失"),
    "change": said("先查底册"),
    "changes.subject": said("areas", "officers", "units"),
    "closed": said("1"),
    "code": said(""),  # a code that WeChat gave, or six digits: a real one would ask WeChat
    "csrf_token": said(),  # comes in a header
    "datum": said("wgs84"),
    "day": said("0"),
    "all": said("", "1"),
    "amber": said("40"),
    "clock": said("accept"),
    "console.day": said("2026-11-20", f"{local(now()).date()}"),
    "console.kind": said("phone"),
    "counted": said("", "1"),
    "hours": said("09:00-17:00"),
    "length": said("3"),
    "policies.area": marked("areas.subdistrict.name", "areas.community.name"),
    "policies.category": said(""),
    "policies.day": said("2032-06-01"),
    "policies.unit": said("hours", "days"),
    "request": book("change_id"),
    "urgency": said("no"),
    "works": said("1"),
    "days": said("365"),
    "dictionary.kind": said("complaint"),
    "dispatching.after": said("1~2026-01-01T00:00:00+00:00"),
    "dispatching.picked": lambda source: source.street.book["number"][:1],
    "dispatching.plan": lambda source: [
        f"{source.street.book['number'][0]}.{LAST}.{source.street.book['unit_id'][0]}."
    ],
    "dispatching.seen": said(LAST),
    "dispatching.unit": lambda source: source.street.book["unit_id"][:1],
    "dictionary.under": said(""),
    "effect": said("advanced"),
    "expires": said("2027-12-31"),
    "fate": said("added"),
    "figures.by": said("unit", "community"),
    "figures.decision": said("approved"),
    "figures.measure": said("accepted_in_time"),
    "figures.number": book("number"),
    "figures.reason": said("同一件事重复提交"),
    "force": said(""),
    "format": said("a4"),
    "from": said("", "past"),
    "ids": book("code_id"),
    "into": book("unit_id"),
    "is_whole": said(""),
    "key": said("walk"),
    "codes.category": said("路灯不亮"),
    "codes.kind": said("zip"),
    "codes.level": said(""),
    "codes.place": marked("areas.community.name", "areas.subdistrict.name"),
    "keywords": said("路灯"),
    "label": said("东门"),
    "held": said("2026-11-20T15:00"),
    "host": lambda source: [source.street.people["secretary"].name],
    "intake.channel": said("telephone"),
    "intake.place": marked("areas.community.name"),
    "kind": kinds,
    "latitude": said("22.70"),
    "left": said("1"),
    "unanswered": said("1"),
    "unbound": said("1"),
    "level": said("community"),
    "limit": said("48小时"),
    "login": book("login_id"),
    "longitude": said("114.30"),
    "leave": said("1"),
    "legacy": said("1"),
    "month": said("2026-10-01"),
    "name": said("某处"),
    "next": said("/console/"),
    "note": said("已经去看过了"),
    "notices.area": lambda source: [source.street.area.id],
    "offer": said("x"),
    "officers.place": marked("areas.community.name", "units.name", "areas.subdistrict.name"),
    "officers.role": said("secretary", "handler", "administrator"),
    "marks": said("cross_region"),
    "member": marked("officers.name"),
    "meetings.answer": said(""),
    "meetings.kind": said("tea"),
    "meetings.place": marked("areas.community.name"),
    "officer": book("officer_id"),
    "case": first("number"),
    "orders.after": said(LAST),
    "orders.case": first("number"),
    "orders.lead": first("unit_id"),
    "orders.of": first("unit_id"),
    "orders.part": first("part_id"),
    "orders.place": lambda source: [source.street.areas["community"].id],
    "orders.tab": said("all", "issued"),
    "orders.task": said("劝离摊主"),
    "orders.unit": first("unit_id"),
    "other": book("unit_id"),
    "outbox.after": said("1~2026-01-01T00:00:00+00:00"),
    "outbox.channel": said("wechat_template"),
    "outbox.error": marked("notifications.error"),
    "outbox.reason": said("已经当面告诉他了"),
    "outbox.tab": said("failed", "visit", "silent", "late"),
    "outcome": said("explained"),
    "telephoning.outcome": said("told"),
    "userid": said("zhang.san"),
    "phone": said("13900000000"),
    "place": book("area_id"),
    "post": book("post_id"),
    "q": marked("officers.name", "units.name", "areas.community.name"),
    "reasons": said("没有人来"),
    "remove": said("1", ""),
    "room": said("二楼会议室"),
    "report": said("门口的路灯又不亮了，请来看看"),
    "satisfaction": said("5"),
    "scene": book("scene"),
    "same": said(""),
    "seen": said(LAST),
    "shift": book("shift_id"),
    "since": said("2026-12-01"),
    "skip_refused": said("1"),
    "solved": said("yes"),
    "source": said("会议纪要"),
    "roster.since": said("09:00", "2026-12-01T09:00"),
    "roster.until": said("12:00", "2026-12-01T12:00"),
    "state": said("x"),
    "supervision": book("supervision_id"),
    "review": book("review_id"),
    "survey_reviews.decision": said("reopen", "uphold"),
    "survey_reviews.state": said("open", "reopened", "upheld", "taken_back"),
    "survey_reviews.after": said(f"{FIRST}~2026-01-01T00:00:00+00:00"),
    "survey_reviews.until": said("2026-12-31T18:00"),
    "survey_policies.area": marked("areas.subdistrict.name", "areas.community.name"),
    "survey_policies.category": said(""),
    "survey_policies.days": said("5"),
    "survey_policies.edit": book("survey_policy_id"),
    "survey_policies.outcome": said(""),
    "asked": said("yes"),
    "delay": said("2"),
    "on_dissatisfied": said("review"),
    "on_unsolved": said("review"),
    "reminded": said("no"),
    "why": said("没有人来"),
    "supervisions.state": said("open", "answered"),
    "sure": said("1"),
    "substitute": marked("officers.name"),
    "successor": marked("officers.name"),
    "synonyms": said("灯"),
    "resident.thanks": said("1"),
    "survey_results.before": said("2032-01-01T00:00:00+00:00~1"),
    "survey_results.by": said("unit", "category"),
    "survey_results.month": said("year"),
    "tab": said("all", "closed"),
    "text": said("车位不够用"),
    "thanks": book("thanks_id"),
    "title": said("停车问题茶话会"),
    "telephone": said("0755-28001234"),
    "to": marked("areas.community.name", "areas.subdistrict.name", "areas.community.code"),
    "top": book("category_id"),
    "under": book("area_id"),
    "unit": book("unit_id"),
    "units.area": marked("areas.subdistrict.name", "areas.community.name"),
    "units.kind": said("department"),
    "units.successor": marked("units.name"),
    "units.twin": marked("units.name"),
    "until": said("2026-12-31"),
    "view": said("open", "mine", "legacy", "led", "all"),
    "urgent": said("1"),
    "with_places": said("1", ""),
    "resident.page": said("/r/"),
    "templates.message": said("case_resolved", "order_issued"),
    "templates.place": said("玉兰苑"),
    "templates.summary": said("路灯不亮了"),
    "templates.who": said("市政中心"),
    "week": said("2026-11-23"),
    "weeks": said("1"),
    "words": said("谢谢"),
    "worked": said("老邻居作证"),
}
FILES: dict[str, Callable[[], tuple[bytes, str]]] = {
    "file": lambda: ("名称,层级\n某处,社区\n".encode(), "a.csv"),
    "photo": lambda: (jpeg(), "a.jpg"),
    "photos": lambda: (jpeg(), "a.jpg"),
}
# What programs send, by route.
BODIES: dict[str, Callable[[Source], dict[str, Any]]] = {
    "api.act": lambda source: {"note": "还没有修好"},
    "api.answer_survey": lambda source: {"solved": True, "satisfaction": 5, "words": "谢谢"},
    "api.login": lambda source: {"account": "demo", "code": ""},  # a code would ask WeChat
    "api.open_case": lambda source: {
        "report": "门口的路灯又不亮了，请来看看",
        "scene": source.street.book["scene"][0],
        "key": "walk",
    },
    "api.subscriptions": lambda source: {"accepted": {}},
}


@dataclass(frozen=True)
class Ask:
    """One request."""

    endpoint: str
    method: str
    address: str
    form: dict[str, Any] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    body: dict[str, Any] | None = None
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def sent(self) -> str:
        """All that the sender knew already."""
        return f"{unquote(self.address)} {self.form} {self.body}"

    def send(self, client: Any, headers: dict[str, str]) -> Any:
        sent: dict[str, Any] = {"headers": headers | dict(self.headers)}
        if self.body is not None:
            sent["json"] = self.body
        elif self.method != "GET":
            files = {name: (io.BytesIO((file := FILES[name]())[0]), file[1]) for name in self.files}
            sent["data"] = self.form | files
        return client.open(self.address, method=self.method, **sent)


class Asker:
    """Makes the requests of every route, and learns from each answer what the page reads."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.read: dict[tuple[str, str], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        app.request_class = noting(self.note)
        self.urls = app.url_map.bind("localhost")
        self.unknown: set[str] = set()  # what the tables do not know, each with where to add it

    def note(self, part: str, name: str) -> None:
        request = flask.request
        if request.endpoint and isinstance(name, str):
            self.read[request.endpoint, request.method][part].add(name)

    def asks(self, at: Source, sends: Source, begin: tuple[str, ...] = ("",)) -> Iterator[Ask]:
        """Every route and method (that begins so) with the addresses of one street, and the words of one."""
        for rule in sorted(self.app.url_map.iter_rules(), key=lambda rule: rule.endpoint):
            if rule.endpoint not in UNWALKED and rule.endpoint.startswith(begin):
                for method in sorted((rule.methods or set()) & set(METHODS)):
                    yield from self._of(rule, method, at, sends)

    def _of(self, rule: Rule, method: str, at: Source, sends: Source) -> Iterator[Ask]:
        names = sorted(rule.arguments)
        found = {name: self._argument(rule, name, at) for name in names}
        if not all(found.values()):
            return  # what is not known is said by `unknown`
        addresses = [self.urls.build(rule.endpoint, turn, method) for turn in turns(found)]
        make = self._reading if method == "GET" else self._changing
        yield from make(rule.endpoint, method, addresses, sends)

    def _reading(self, endpoint: str, method: str, addresses: list[str], sends: Source) -> Iterator[Ask]:
        """Each address as it is; then with every field that the page reads, alone and together."""
        yield from (Ask(endpoint, method, address) for address in addresses)
        names = sorted(self.read[endpoint, method]["args"])
        values = {name: self._values(endpoint, name, sends) for name in names}
        queries = [{name: value} for name, found in values.items() for value in found]
        for number, query in enumerate(queries):
            yield Ask(endpoint, method, f"{addresses[number % len(addresses)]}?{urlencode(query)}")
        for query in turns({name: found for name, found in values.items() if found}, least=0):
            address = f"{addresses[0]}?{urlencode(query)}"
            yield Ask(endpoint, method, address, headers=(("HX-Request", "true"),))

    def _changing(self, endpoint: str, method: str, addresses: list[str], sends: Source) -> Iterator[Ask]:
        """As many requests as the longest list of values: each value is sent at least once."""
        if endpoint in BODIES:
            yield from (Ask(endpoint, method, address, body=BODIES[endpoint](sends)) for address in addresses)
            return
        read = self.read[endpoint, method]
        self.unknown |= {
            f"{endpoint} reads the file “{n}”: add it to FILES" for n in read["files"] - FILES.keys()
        }
        files = tuple(sorted(read["files"] & FILES.keys()))
        values = {name: self._values(endpoint, name, sends) for name in sorted(read["form"] | read["args"])}
        filled = {name: found for name, found in values.items() if found and name not in FILES}
        for turn in turns({"": addresses} | filled):
            address = turn.pop("")
            query = urlencode({name: value for name, value in turn.items() if name in read["args"]})
            form = {name: str(value) for name, value in turn.items() if name in read["form"]}
            yield Ask(endpoint, method, f"{address}?{query}".rstrip("?"), form, files)

    def _values(self, endpoint: str, name: str, source: Source) -> list[Any]:
        known = _known(FIELDS, endpoint, name)
        if known is None:
            self.unknown.add(f"{endpoint} reads the field “{name}”: add it to FIELDS")
        return known(source) if known else []

    def _argument(self, rule: Rule, name: str, source: Source) -> list[Any]:
        converter = rule._converters[name]
        if isinstance(converter, AnyConverter):
            return sorted(converter.items)
        known = _known(ARGUMENTS, rule.endpoint, name)
        if known is None:
            self.unknown.add(f"{rule.rule} has the argument “{name}”: add it to ARGUMENTS")
        elif not known(source):
            self.unknown.add(f"{rule.rule}: the town has nothing for “{name}”, see town.py")
        return known(source) if known else []


def turns(values: dict[str, list[Any]], least: int = 1) -> list[dict[str, Any]]:
    """As many choices as the longest list is long, each with one value of every list in turn."""
    longest = max(map(len, values.values()), default=least)
    return [{name: found[turn % len(found)] for name, found in values.items()} for turn in range(longest)]


def _known(table: dict[str, Values], endpoint: str, name: str) -> Values | None:
    """What the table says of this name at this route, in its blueprint, or anywhere."""
    where = endpoint.partition(".")[0]
    names = (f"{endpoint}.{name}", f"{where}.{name}", name)
    return next((table[each] for each in names if each in table), None)


def noting(note: Callable[[str, str], None]) -> type[flask.Request]:
    """A request that tells of every field of it that is read."""

    class Noting(ImmutableMultiDict[str, Any]):
        part = ""

        def __getitem__(self, name: str) -> Any:
            note(self.part, name)
            return super().__getitem__(name)

        def get(self, name: str, default: Any = None, type: Any = None) -> Any:
            note(self.part, name)
            return super().get(name, default, type)

        def getlist(self, name: str, type: Any = None) -> list[Any]:
            note(self.part, name)
            return super().getlist(name, type)

        def __contains__(self, name: object) -> bool:
            note(self.part, str(name))
            return super().__contains__(name)

    parts = {part: type(part, (Noting,), {"part": part}) for part in ("args", "form", "files")}

    class Asked(flask.Request):
        @property
        def args(self) -> Any:
            return parts["args"](super().args)

        @property
        def form(self) -> Any:
            return parts["form"](super().form)

        @property
        def files(self) -> Any:
            return parts["files"](super().files)

    return Asked
