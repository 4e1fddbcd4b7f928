"""Calls of every function that is told who asks: which there are, and what of a street's rows they get."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, time, timedelta
from typing import Any, get_type_hints

import sqlalchemy as sa

import backend.cases
import backend.orders
import backend.places
from backend.cases import duties, staff
from backend.cases.callback_models import Heard
from backend.cases.callbacks import Told as CallTold
from backend.cases.code_figures import Wanted
from backend.cases.deadline_models import Clock
from backend.cases.meeting_models import MeetingKind
from backend.cases.meetings import Plan
from backend.cases.models import Case, Channel
from backend.cases.policy_changes import Said as PolicySaid
from backend.cases.service import Actor
from backend.cases.supervision_models import Effect, Measure
from backend.cases.survey_decisions import Decision
from backend.cases.survey_policy_changes import Said as SurveySaid
from backend.cases.tables import KINDS
from backend.cases.thanks_models import ThanksKind
from backend.cases.time_requests import Wish
from backend.cases.workflow import Action, Given, Outcome, Status
from backend.db import Base
from backend.orders.drafting import Draft
from backend.orders.effects import Told as OrderTold
from backend.orders.workflow import Action as OrderAction
from backend.places import code_changes
from backend.places import fields as place_fields
from backend.places.imports import Options
from backend.places.models import Post
from backend.places.officers import Person as Told
from backend.places.outlines import Shape
from backend.places.posts import Seat
from backend.places.roles import Carrier, Level, Role, UnitKind
from backend.places.roster import Turn
from backend.places.scope import Editor
from backend.places.units import Facts
from backend.sheets import Sheet
from backend.times import local, now
from tests.walk.town import Street

PACKAGES = (backend.places, backend.cases, backend.orders)
ASKED_BY = (Editor, Actor)
DAY = timedelta(days=1)
PROOF = "ab" * 32  # the sha256 of a photo

# Functions that are told who asks and yet guard nothing themselves, each with who does.
HELD = "the order is held already, by a verb that asked"
UNGUARDED = {
    "cases.meanwhile.check": "is given the case by who has asked whether it is theirs",
    "cases.meanwhile.repeated": "is given the case by who has asked whether it is theirs",
    "cases.editions.amend": "the dictionary is everybody's; who may change it is asked by its callers",
    "cases.survey_decisions.offered": "whoever asks has read the rows by `page`",
    "cases.exclusions.decidable": "whoever asks has read the rows by `listed`",
    "cases.service.answer_survey": "the survey's own link is the right to answer it",
    "orders.effects.apply": HELD,
    "orders.service.write": HELD,
    "orders.under.acknowledge": HELD,
    "orders.under.assign": HELD,
    "orders.under.release": HELD,
    "orders.under.resolve": HELD,
    "cases.supervisions.add": "is given what its callers have locked and asked about",
    "places.changes.record": "writes down what a verb has done",
    "places.posts.finish": "ends a row that `end` or a leave has asked about",
    "places.naming.the_one": "finds the place that a form names; what is then done with it asks who does it",
    "places.imports.apply": "pages give it only what the caller has uploaded (console/imports.py)",
    "places.officers.note": "writes down what a verb has done",
    "places.posts.put": "gives a stand-in a post that is nobody's to give",
    "places.units.record": "writes down what a verb has done",
}

# Functions that show and change nothing of the street here even for its own people, each with why.
EVERYBODYS = "the dictionary is everybody's, and changed by who administers a district"
DAYS = "the calendar is everybody's, and changed by who administers a district"
NUMBERS = "answers with ids, numbers or yes and no"
UNDISPUTED = "no case of the street is in dispute"
ANSWERED = "the unit that was asked answers, and none of those who ask here is of it"
ASKED = "the unit that has the case asks, and none of those who ask here is of it"
NO_SECOND = "the town has no second place or person that this could be about"
IDLE: dict[str, str] = {
    "cases.callbacks.correct": "no callback of the street has just ended by a wrong tap",
    **dict.fromkeys(("cases.arbitration.decided", "cases.arbitration.disputed"), UNDISPUTED),
    **dict.fromkeys(("cases.arbitration.decide", "cases.arbitration.make_duty"), UNDISPUTED),
    "cases.categories.add": EVERYBODYS,
    "cases.categories.amend": EVERYBODYS,
    "cases.categories.end": EVERYBODYS,
    "cases.categories.move": EVERYBODYS,
    "cases.categories.rename": EVERYBODYS,
    "cases.category_imports.export": EVERYBODYS,
    "cases.category_imports.plan": EVERYBODYS,
    "cases.editions.publish": EVERYBODYS,
    "cases.callback_queries.counts": NUMBERS,
    "cases.callbacks.find": "a callback holds ids, times and words of ours; its page shows the case",
    "cases.meeting_queries.figures": NUMBERS,
    "cases.merging.unmerge": "no case of the street is merged",
    "cases.queries.kin": "a case that is not there hangs together with none",
    "cases.survey_figures.waiting": NUMBERS,
    "cases.time_requests.ask_extension": ASKED,
    "cases.time_requests.ask_pause": ASKED,
    "cases.time_requests.resume": "no clock of the street stands still",
    "cases.policy_changes.add_day": DAYS,
    "cases.policy_changes.remove_day": DAYS,
    "cases.policy_changes.with_hours": "no area of the street has hours of its own",
    "cases.supervisions.answer": ANSWERED,
    "orders.supervising.answer": ANSWERED,
    "orders.queries.board": NUMBERS,
    "orders.queries.of_case": "the town's orders were drafted from no case",
    "orders.queries.to_approve": "a secretary's; tests/orders/test_pages.py shows it",
    "orders.queries.to_do": "a unit's; tests/orders/test_pages.py shows it",
    "places.area_imports.plan": "says of the street's row only what the file said",
    "places.area_lists.new_parents": NO_SECOND,
    "places.area_lists.seen": NUMBERS,
    "places.area_lists.successors": NO_SECOND,
    "places.areas.close": NO_SECOND,
    "places.areas.merge": NO_SECOND,
    "places.areas.touches": NUMBERS,
    "places.code_changes.count_missing": NUMBERS,
    "places.officer_imports.plan": "says of the street's officer only what the file said",
    "places.posts.must_know": NUMBERS,
    "places.second_factors.reset": NO_SECOND,
    "places.units.offers": "no two units of the street are called alike",
}


def sheet(kind: str, cells: dict[str, Any]) -> Sheet:
    """A table of this kind with one row, which names a row of the street by its code."""
    headers = tuple(KINDS[kind].headers)
    assert cells.keys() <= set(headers), (kind, headers)
    return Sheet("a.csv", headers, ((2, dict.fromkeys(headers, "") | cells),))


def person_of(street: Street) -> dict[str, Any]:
    return {"姓名": street.people["desk"].name, "工号": street.people["desk"].code}


def case_like(street: Street) -> Case:
    """A case that is not there, like those of the street in place and category."""
    place, category_id = street.areas["station"], street.book["category_id"][0]
    where = {"place_id": place.id, "community_id": place.community_id, "subdistrict_id": street.area.id}
    return Case(id=0, number="", report="", category_id=category_id, group_ids=[], **where)


Give = Callable[[Street], Any]
# What stands for a parameter, by function and name or by the name alone.
GIVEN: dict[str, Give] = {
    "action": lambda s: Action.ADD,
    "cases.category_imports.plan.sheet": lambda s: sheet("categories", {"编码": "", "一级": "某类"}),
    "cases.duties.draft.told": lambda s: (),
    "cases.duties.draft_once.told": lambda s: (),
    "cases.duty_imports.plan.sheet": lambda s: sheet("duties", {"责任单位": s.marks.first("units.name")}),
    "orders.drafting.revise.number": lambda s: s.book["order_number"][2],
    "orders.service.find.number": lambda s: s.book["order_number"][0],
    "orders.service.lock.number": lambda s: s.book["order_number"][0],
    "orders.service.perform.action": lambda s: OrderAction.ADD,
    "orders.service.perform.number": lambda s: s.book["order_number"][0],
    "orders.service.perform.told": lambda s: OrderTold(note="去看过了"),
    "cases.merging.split.number": lambda s: s.book["number"][1],
    "cases.merging.link.other": lambda s: s.book["number"][1],
    "cases.merging.merge.into": lambda s: s.book["number"][1],
    "cases.supervisions.issue.number": lambda s: s.book["number"][1],
    "cases.supervisions.end.words": lambda s: "已经核实",
    "orders.notices.draft.month": lambda s: date(2026, 7, 1),
    "orders.supervising.issue_on_order.number": lambda s: s.book["order_number"][0],
    "orders.notices.find.notice_id": lambda s: s.book["notice_id"][0],
    "places.absences.come_back.officer_id": lambda s: s.people["away"].id,
    "places.areas.add.level": lambda s: Level.COMMUNITY,
    "places.areas.close.with_places": lambda s: True,
    "places.areas.close.successor_id": lambda s: None,
    "places.areas.move.area_id": lambda s: s.areas["building"].id,
    "places.areas.move.to_id": lambda s: s.areas["community"].id,
    "places.naming.called.words": lambda s: s.marks.first("areas.community.name"),
    "places.areas.reopen.area_id": lambda s: s.areas["closed"].id,
    "places.code_changes.unrevoke.code_id": lambda s: s.book["code_id"][2],
    "places.outlines.put.polygons": lambda s: [
        [[(114.1, 22.1), (114.2, 22.1), (114.2, 22.2), (114.1, 22.1)]]
    ],
    "places.roster.change.since": lambda s: now() + DAY,
    "places.roster.change.until": lambda s: now() + DAY + timedelta(hours=1),
    "places.unit_ends.close.successor_id": lambda s: s.units[1].id,
    "orders.successions.close.successor_id": lambda s: s.units[1].id,
    "places.area_imports.plan.sheet": lambda s: sheet(
        "areas", {"编码": s.area.code, "名称": "某处", "层级": "街道"}
    ),
    "places.area_lists.new_parents.said": lambda s: s.areas["community"].name,
    "places.area_lists.search.said": lambda s: s.areas["community"].name,
    "places.area_lists.successors.said": lambda s: s.areas["closed"].name,
    "places.officer_imports.plan.sheet": lambda s: sheet("officers", person_of(s)),
    "places.unit_imports.plan.sheet": lambda s: sheet("units", {"编码": s.units[0].code, "名称": "某处"}),
    "after": lambda s: None,
    "area": lambda s: s.area,
    "area_id": lambda s: s.area.id,
    "at": lambda s: now(),
    "before": lambda s: None,
    "callback_id": lambda s: s.book["callback_id"][0],
    "percent": lambda s: 10,
    "carrier": lambda s: Carrier.URL,
    "cases.callback_queries.page.view": lambda s: "due",
    **dict.fromkeys(
        (f"cases.callbacks.{verb}.callback_id" for verb in ("dial", "give_back", "record")),
        lambda s: s.book["callback_id"][1],
    ),
    "cases.callbacks.record.told": lambda s: CallTold(Heard.NO_ANSWER),
    "case": lambda s: case_like(s),
    "cases": lambda s: [case_like(s)],
    "cases.meanwhile.check.seen": lambda s: None,
    "cases.meanwhile.repeated.seen": lambda s: 0,
    "cases.meanwhile.check.statuses": lambda s: set(Status),
    "category_id": lambda s: s.book["category_id"][0],
    "channel": lambda s: Channel.WECHAT,
    "code": lambda s: "",
    "content": lambda s: f"编码,名称,层级\n{s.area.code},某处,街道\n".encode(),
    "file_name": lambda s: "a.csv",
    "is_unit": lambda s: True,
    "keywords": lambda s: (),
    "monday": lambda s: (now() + 7 * DAY).date(),
    "polygons": lambda s: (),
    "resolve_hours": lambda s: 8,
    "shapes": lambda s: [Shape(s.areas["grid"].code, "", ())],
    "shift_id": lambda s: s.book["shift_id"][0],
    "spot_id": lambda s: s.units[0].id,
    "synonyms": lambda s: (),
    "turns": lambda s: [Turn(0, time(9), time(12))],
    "code_id": lambda s: s.book["code_id"][0],
    "due_at": lambda s: now() + DAY,
    "cases.policy_changes.add.said": lambda s: PolicySaid(Clock.ACCEPT, 20, s.area.id, "某规定"),
    "cases.policy_changes.set_hours.text": lambda s: "09:00-17:00",
    "cases.time_requests.ask_extension.number": lambda s: s.book["number"][1],
    "cases.time_requests.ask_extension.wish": lambda s: Wish(
        Clock.RESOLVE, "等配件", minutes=60, proof=PROOF
    ),
    "cases.time_requests.ask_pause.number": lambda s: s.book["number"][1],
    "cases.time_requests.ask_pause.wish": lambda s: Wish(
        Clock.RESOLVE, "等配件", until_at=now() + DAY, proof=PROOF
    ),
    "cases.time_requests.decide.number": lambda s: s.book["number"][1],
    "change_id": lambda s: s.book["change_id"][0],
    "day": lambda s: date(2032, 6, 1),
    "day_id": lambda s: s.book["day_id"][0],
    "is_granted": lambda s: True,
    "is_working": lambda s: True,
    "cases.policy_changes.end.policy_id": lambda s: s.book["rule_id"][0],
    "effect": lambda s: Effect.ADVANCED,
    "notice_id": lambda s: s.book["notice_id"][1],
    "supervision_id": lambda s: s.book["supervision_id"][1],
    "drafted": lambda s: Draft("某事", "去办", s.areas["community"].id, s.units[0].id),
    "duty_id": lambda s: s.book["duty_id"][1],
    "facts": lambda s: Facts("某单位", UnitKind.OFFICE, s.area.id),
    "attendee_id": lambda s: s.book["attendee_id"][0],
    "cases.hard_queries.charges.since": lambda s: None,
    "cases.hard_queries.charges.until": lambda s: None,
    "cases.hard_cases.review.number": lambda s: s.book["number"][3],
    "cases.hard_cases.take_charge.officer_id": lambda s: s.people["secretary"].id,
    "cause": lambda s: "底册缺失",
    "change": lambda s: "先查底册",
    "marks": lambda s: ("cross_region",),
    "officer_ids": lambda s: [s.people["handler"].id],
    "worked": lambda s: "老邻居作证",
    "cases.meetings.close.meeting_id": lambda s: s.book["meeting_id"][1],
    "cases.meetings.open_meeting.plan": lambda s: Plan(
        MeetingKind.TEA, s.areas["community"].id, "茶话会", s.people["secretary"].id, now()
    ),
    "cases.meeting_queries.figures.since": lambda s: (local(now()) - DAY).date(),
    "cases.meeting_queries.figures.until": lambda s: (local(now()) + DAY).date(),
    "cases.thanks.counts.by": lambda s: "community",
    "cases.thanks.counts.first": lambda s: (local(now()) - DAY).date(),
    "cases.thanks.counts.until": lambda s: (local(now()) + DAY).date(),
    "cases.thanks.record.day": lambda s: local(now()).date(),
    "cases.thanks.record.kind": lambda s: ThanksKind.PHONE,
    "cases.thanks.record.number": lambda s: s.book["number"][3],
    "cases.thanks.record.photo": lambda s: None,
    "thanks_id": lambda s: s.book["thanks_id"][0],
    "cases.survey_policy_changes.end.policy_id": lambda s: s.book["survey_policy_id"][0],
    "cases.survey_policy_changes.find.policy_id": lambda s: s.book["survey_policy_id"][1],
    "cases.survey_policy_changes.put.said": lambda s: SurveySaid(s.area.id, days_open=4),
    "decision": lambda s: Decision.REOPEN,
    "lines": lambda s: [],
    "review_id": lambda s: s.book["review_id"][0],
    "exclusion_id": lambda s: s.book["exclusion_id"][0],
    "is_approved": lambda s: True,
    "measure": lambda s: Measure.ACCEPTED_IN_TIME,
    "reason": lambda s: "同一件事重复提交",
    "matter_id": lambda s: s.book["matter_id"][0],
    "meeting_id": lambda s: s.book["meeting_id"][0],
    "phone": lambda s: "",
    "places.spots.named.words": lambda s: s.areas["community"].name,
    "places.spots.offered.said": lambda s: s.areas["community"].name,
    "roles": lambda s: staff.TAKERS,
    "text": lambda s: "车位不够用",
    "words": lambda s: "今晚起巡查",
    "given": lambda s: Given(note="去看过了", unit_id=s.units[0].id, outcome=Outcome.EXPLAINED),
    "import_id": lambda s: None,
    "into_id": lambda s: s.units[1].id,
    "kind": lambda s: None,
    "places.imports.look.kind": lambda s: KINDS["areas"],
    "level": lambda s: Level.GRID,
    "limit": lambda s: 500,
    "cases.duties.amend.list_id": lambda s: s.book["list_id"][0],  # the one in force
    "list_id": lambda s: s.book["list_id"][1],
    "name": lambda s: "某处",
    "number": lambda s: s.book["number"][0],
    "note": lambda s: "看过了",
    "numbers": lambda s: [s.book["number"][0]],
    "officer_id": lambda s: s.people["desk"].id,
    "options": lambda s: Options(under_id=s.area.id, name="某版"),
    "parent_id": lambda s: s.area.id,
    "person": lambda s: Told("某人", "13900000000", None),
    "policy_id": lambda s: s.book["policy_id"][0],
    "post_id": lambda s: s.book["post_id"][1],
    "said": lambda s: place_fields.Told(name="某处"),
    "seat": lambda s: Seat(Role.SECRETARY, area_id=s.areas["community"].id),
    "since": lambda s: now() - DAY,
    "substitute_id": lambda s: s.people["dispatcher"].id,
    "successor_id": lambda s: s.people["dispatcher"].id,
    "statuses": lambda s: (),
    "successors": lambda s: {},
    "to_id": lambda s: s.area.id,
    "told": lambda s: duties.Told(s.units[0].id),
    "under_id": lambda s: None,
    "unit_id": lambda s: s.units[0].id,
    "until": lambda s: now() + DAY,
    "visit": lambda s: staff.Visit("门口的灯不亮", s.areas["station"].id, Channel.WINDOW),
    "wanted": lambda s: Wanted(),
    "wish": lambda s: code_changes.Wish(label="门口"),
}


def asked() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every public function of the packages that takes a session and who asks, with its short name."""
    for package in PACKAGES:
        for found in pkgutil.iter_modules(package.__path__):
            module = importlib.import_module(f"{package.__name__}.{found.name}")
            for name, function in inspect.getmembers(module, inspect.isfunction):
                if function.__module__ == module.__name__ and not name.startswith("_") and asks(function):
                    yield f"{package.__name__.removeprefix('backend.')}.{found.name}.{name}", function


def asks(function: Callable[..., Any]) -> bool:
    """Whether the function is told who asks."""
    told = get_type_hints(function)
    return "session" in told and any(
        _is_who(name, told[name]) for name in inspect.signature(function).parameters
    )


def _is_who(name: str, kind: Any) -> bool:
    return kind in ASKED_BY or (name == "posts" and kind == Sequence[Post])


def arguments(
    name: str, function: Callable[..., Any], session: Any, who: Any, street: Street
) -> dict[str, Any]:
    """What to call the function with: who asks, and the street's rows."""
    told, found = get_type_hints(function), {}
    for parameter in inspect.signature(function).parameters.values():
        key, kind = parameter.name, told[parameter.name]
        if key == "session":
            found[key] = session
        elif _is_who(key, kind):
            found[key] = who.posts if key == "posts" else kind(officer_id=who.officer_id, posts=who.posts)
        elif (give := GIVEN.get(f"{name}.{key}") or GIVEN.get(key)) is not None:
            found[key] = give(street)
        else:
            assert parameter.default is not inspect.Parameter.empty, (
                f"The walk does not know what to give {name} as “{key}”: "
                "add it to GIVEN in tests/walk/calls.py"
            )
    return found


def spelt(value: Any, depth: int = 6) -> str:
    """All that can be read in what a function returned, without asking the database for more."""
    if depth == 0 or value is None:
        return ""
    if isinstance(value, Base):
        return spelt({k: v for k, v in sa.inspect(value).dict.items() if not isinstance(v, Base)}, depth - 1)
    if is_dataclass(value) and not isinstance(value, type):
        return "\n".join(spelt(getattr(value, each.name), depth - 1) for each in fields(value))
    if isinstance(value, dict):
        return "\n".join(spelt(each, depth - 1) for pair in value.items() for each in pair)
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, str | int | float):
        return str(value)
    return "\n".join(spelt(each, depth - 1) for each in value) if hasattr(value, "__iter__") else str(value)
