"""What the conversation needs to know about one message: one statement, and names kept in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any, LiteralString

from backend import db, quick
from backend.cases import joining, survey_policies, survey_reviews
from backend.cases.intake import new_number
from backend.cases.joining import Matter
from backend.cases.models import Case
from backend.cases.survey_models import SurveyState
from backend.cases.workflow import Status
from backend.config import config
from backend.places import queries
from backend.places.models import Area
from backend.places.queries import NamedPlace
from backend.quick import Statement
from backend.wechat import homes, surveying
from backend.wechat.accounts import Account
from backend.wechat.effects import Sender
from backend.wechat.envelope import Delivery
from backend.wechat.reports import is_saying_where, is_scanned, place_of
from backend.wechat.talk import WINDOW, CaseFact, Facts, Kind, Message, Place, State, SurveyFact, WhyFact
from backend.wechat.understanding import Intent

_CASE: LiteralString = (
    "json_build_array(c.id, c.number, c.status, left(c.report, 60), extract(epoch FROM c.due_at), "
    "coalesce(extract(epoch FROM c.resolved_at), 0))"
)

# What only some messages ask for: preparing a part to run costs as much as running it.
PARTS: dict[str, LiteralString] = {
    "asked": f"""
    (SELECT {_CASE} FROM cases c WHERE c.number = %(number)s AND c.resident_id = k.resident_id)""",
    "scanned": """
    (SELECT json_build_array(a.id, a.name, a.telephone, p.id,
            p.revoked_at IS NULL AND coalesce(p.expires_at > now(), true))
        FROM place_codes p JOIN areas h ON h.id = p.area_id
        JOIN areas a ON a.id = CASE WHEN h.closed_at IS NULL THEN h.id ELSE coalesce(h.successor_id, h.id) END
        WHERE p.scene = %(scene)s)""",
    "recent": f"""
    (SELECT json_agg(r.fact) FROM (
        SELECT {_CASE} AS fact FROM cases c WHERE c.resident_id = k.resident_id
        ORDER BY c.id DESC LIMIT 10) r)""",
    "survey": """
    (SELECT json_agg(r.fact) FROM (
        SELECT json_build_array(s.id, c.number, s.state,
            coalesce(s.answered_at > now() - interval '1 day', false), s.solved, left(c.report, 60),
            coalesce(extract(epoch FROM coalesce(s.reminded_at, s.sent_at)), 0)) AS fact
        FROM surveys s JOIN cases c ON c.id = s.case_id
        WHERE s.resident_id = k.resident_id
            AND CASE WHEN %(survey)s::bigint IS NOT NULL THEN s.id = %(survey)s::bigint
                ELSE (s.state = 'sent' OR s.state = 'due' AND %(solved)s::boolean IS NOT TRUE
                        OR s.solved <> %(solved)s::boolean AND s.answered_at > now() - interval '1 day'
                        AND s.round = (SELECT max(n.round) FROM surveys n WHERE n.case_id = s.case_id))
                    AND c.number = coalesce(%(number)s, c.number) END
        ORDER BY (s.state = 'sent') DESC, s.id DESC LIMIT 3) r)""",
}

RECENT = {
    Intent.PROGRESS,
    Intent.MINE,
    Intent.URGE,
    Intent.WITHDRAW,
    Intent.PERSON,
    Intent.SOLVED,
    Intent.UNSOLVED,
    Intent.DIGIT,
    Intent.RATING,
}
SOLVED = {Intent.SOLVED: True, Intent.UNSOLVED: False}
SURVEYED = {Intent.DIGIT, Intent.DIGITS, Intent.RATING, Intent.SOLVED, Intent.UNSOLVED, Intent.JOIN}


@dataclass(frozen=True)
class Known:
    """What the first statement tells about the sender."""

    sender: Sender
    is_awaited: bool  # not known to follow, or a message was put off until this visit
    version: int
    state: State
    replied: str | None  # the reply, when this very message was answered before


@cache
def reading(wanted: frozenset[str]) -> Statement:
    """The statement that finds what is known of a sender, and these of the PARTS."""
    parts = ", ".join([sql if name in wanted else "NULL" for name, sql in PARTS.items()])
    return Statement(
        "read " + " ".join(sorted(wanted)),
        f"""
SELECT json_build_array(k.id, k.resident_id,
    %(is_visit)s::boolean AND (NOT k.follows OR EXISTS (
        SELECT FROM notifications n WHERE n.status = 'waiting' AND n.due_at > now() + interval '1 year'
            AND (n.resident_id = k.resident_id OR n.officer_id = k.officer_id))),
    t.version, t.state,
    (SELECT reply FROM inbound_messages WHERE dedupe_key = %(dedupe_key)s),
    (SELECT {_CASE} FROM cases c WHERE c.number = t.state->>'case_number'),
    {parts})
FROM contacts k JOIN conversations t ON t.contact_id = k.id
WHERE k.account = %(account)s AND k.openid = %(openid)s""",
    )


def gather(account: Account, delivery: Delivery, at: datetime) -> tuple[Known, Facts] | None:
    """What is known of the sender, and the facts of this message. None: the sender was never met."""
    values = _parameters(account, delivery)
    row = quick.run(reading(_wanted(delivery.message, values)), values)
    if row is None:
        return None
    contact_id, resident_id, is_awaited, version, stored, replied, *found = row
    sender = Sender(account.name, contact_id, resident_id)
    known = Known(sender, is_awaited, version, State.read(stored), replied)
    home = homes.of(account)
    facts = _facts(account, home, found, at)
    meant = _meant(known, delivery.message, facts, home.names)
    return known, replace(facts, **meant) if meant else facts


def _facts(account: Account, home: homes.Home, found: list[Any], at: datetime) -> Facts:
    last, asked, scanned, recent, surveys = found  # as in PARTS
    survey, *others = map(_survey, surveys) if surveys else (None,)
    *place, code, is_code_used = scanned or (None, True)
    return Facts(
        now=at,
        number=new_number(at),
        home=home.place,
        home_is_place=home.is_place,
        example=home.example,
        link=f"{config.public_url}/r/?account={account.name}",
        officers_link=f"{config.public_url}/console/?account={account.name}",
        scanned=Place(*place) if place else None,
        code=code,
        is_code_used=is_code_used,
        last=_case(last),
        asked=_case(asked),
        recent=tuple(case for case in map(_case, recent or ()) if case),
        survey=survey,
        others=_in_doubt(survey, others),
    )


def _survey(found: list[Any]) -> SurveyFact:
    survey_id, number, state, is_recent, solved, report, asked_at = found
    return SurveyFact(
        survey_id,
        number,
        is_open=state == SurveyState.SENT,
        is_expired=state == SurveyState.EXPIRED,
        is_changeable=is_recent and state == SurveyState.ANSWERED,
        solved=solved,
        is_due=state == SurveyState.DUE,
        report=report,
        asked_at=asked_at,
    )


def _in_doubt(survey: SurveyFact | None, others: Sequence[SurveyFact]) -> tuple[SurveyFact, ...]:
    """Of several that were asked about nobody knows which is meant, nor of what was not asked yet, unless
    something was: that is what is answered."""
    if survey is not None and survey.is_open:
        return tuple(one for one in others if one.is_open)
    return tuple(others) if survey and any(one.is_due for one in (survey, *others)) else ()


def _parameters(account: Account, delivery: Delivery) -> dict[str, Any]:
    message = delivery.message
    words = message.understood if message.kind in (Kind.TEXT, Kind.VOICE) else None
    tapped = message.tapped.split(":") if message.tapped.startswith("survey:") else []
    survey = int(tapped[1]) if len(tapped) == 3 and tapped[1].isdigit() else None
    return {
        "account": account.name,
        "openid": delivery.openid,
        "dedupe_key": delivery.dedupe_key,
        "is_visit": message.kind in WINDOW,
        "number": words.number if words else None,
        "scene": message.text if message.kind in (Kind.SCAN, Kind.FOLLOW) else None,
        "survey": survey,
        # Of one that was answered otherwise, or that is solved by no means: 没解决，还是臭.
        "solved": (False if words.is_denial else SOLVED.get(words.intent)) if words else None,
    }


def _wanted(message: Message, values: dict[str, Any]) -> frozenset[str]:
    is_said = message.kind in (Kind.TEXT, Kind.VOICE)
    intent = message.understood.intent if is_said else None
    wants = {
        "asked": values["number"] is not None,
        "scanned": values["scene"] is not None,
        "recent": message.kind is Kind.CLICK or intent in RECENT,
        "survey": message.tapped.startswith("survey:") or intent in SURVEYED or _is_denial(message),
    }
    return frozenset(name for name, is_wanted in wants.items() if is_wanted)


def _is_denial(message: Message) -> bool:
    return message.kind in (Kind.TEXT, Kind.VOICE) and message.understood.is_denial


def _case(fact: list[Any] | None) -> CaseFact | None:
    if fact is None:
        return None
    case_id, number, status, report, due_at, resolved_at = fact
    due = datetime.fromtimestamp(due_at, UTC) if due_at else None
    return CaseFact(case_id, number, Status(status), report, due, resolved_at)


def _meant(known: Known, message: Message, facts: Facts, names: Sequence[NamedPlace]) -> dict[str, Any]:
    """What else the words or the position mean."""
    if message.kind in (Kind.TEXT, Kind.VOICE) and message.understood.intent is Intent.JOIN:
        return {"matters": _matters(known, facts)}
    if survey_id := surveying.answered_badly(known.state, message, facts):
        return {"why": _why(survey_id)}
    return _places(known.state, message, facts, names)


def _why(survey_id: int) -> WhyFact:
    """What may be ticked there, and what then happens: four or five queries, for whoever says so."""
    with db.transaction() as session:
        found = survey_policies.of_survey(session, survey_id)
        if found is None:
            return WhyFact()
        survey, terms = found
        case = session.get_one(Case, survey.case_id)
        follow = partial(survey_reviews.follow, session, survey, case, terms)
        return WhyFact(terms.reasons, follow(solved=False), follow(solved=True))


def _matters(known: Known, facts: Facts) -> tuple[Matter, ...]:
    """What others have reported in the community where the sender is; two queries, for whoever asks."""
    place = place_of(known.state, facts)
    if place is None:
        return ()
    with db.transaction() as session:
        community_id = session.get_one(Area, place.id).community_id
        return tuple(joining.matters(session, community_id, known.sender.resident_id))


def _places(state: State, message: Message, facts: Facts, names: Sequence[NamedPlace]) -> dict[str, Any]:
    """The places that a position or words mean: a position costs a query, words are held against memory."""
    if message.kind is Kind.LOCATION and message.latitude is not None and message.longitude is not None:
        with db.transaction() as session:
            near = queries.at_point(session, facts.home.id, message.latitude, message.longitude)
            return {"near": Place(near.id, near.name, near.telephone) if near else None}
    if message.kind not in (Kind.TEXT, Kind.VOICE) or message.understood.intent is not Intent.WORDS:
        return {}
    return _named(state, message, facts, names)


def _named(state: State, message: Message, facts: Facts, names: Sequence[NamedPlace]) -> dict[str, Any]:
    found = queries.said_in(message.text, names)
    is_name = any(queries.is_name_of(place, message.text) for place in found)
    said = replace(facts, is_name=True) if is_name else facts
    is_answer = is_saying_where(state, message.understood, said)
    if len(found) == 1:
        [place] = found
        # A report may say where: 海棠社区门口积水. A code scanned just now at a gate in there says it better.
        if not is_answer and is_scanned(state, facts.now) and _is_within(state.place, place, names):
            return {}
        return {"named": Place(place.id, place.name, place.telephone), "is_name": is_name}
    if not is_answer:
        return {}
    alike = queries.to_choose(found or queries.beginning(message.text, names))
    return {"alike": tuple(alike), "is_name": is_name}


def _is_within(place_id: int | None, named: NamedPlace, names: Sequence[NamedPlace]) -> bool:
    """Whether the place known so far is the named one or lies in it; a grid or a building costs a query."""
    if place_id == named.id:
        return True
    if named.community_id != named.id:
        return False  # only communities have places in them
    known = next((place for place in names if place.id == place_id), None)
    if known is not None:
        return known.community_id == named.id
    with db.transaction() as session:
        area = session.get(Area, place_id)
        return area is not None and area.community_id == named.id
