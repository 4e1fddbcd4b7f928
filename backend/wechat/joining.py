"""Turns of 附议: what others reported at the place is offered, numbered, and joined by its digit."""

from dataclasses import replace
from datetime import UTC, datetime

from backend.cases.workflow import Status
from backend.wechat import wording
from backend.wechat.reports import ADD_FOR, code_of, is_adding, place_of
from backend.wechat.talk import Facts, State
from backend.wechat.turns import JoinMatter, Turn


def offer(state: State, facts: Facts) -> Turn:
    """What can be joined; what is asked for otherwise stays asked."""
    place = place_of(state, facts)
    if place is None:
        return Turn(state, wording.MATTERS_WHERE)
    if not facts.matters:
        return Turn(state, wording.NO_MATTERS.format(place=place.name))
    lines = "\n".join(f"{digit} {matter.words}" for digit, matter in enumerate(facts.matters, start=1))
    offered = replace(
        state,
        matters=tuple(matter.id for matter in facts.matters),
        matters_until=(facts.now + ADD_FOR).timestamp(),
        survey_seen=facts.survey.id if facts.survey else 0,
    )
    return Turn(offered, wording.MATTERS.format(lines=lines))


def is_choosing(state: State, facts: Facts) -> bool:
    """Whether a digit means a matter: nothing else that is answered by one was asked after the matters."""
    is_over = facts.now.timestamp() > state.matters_until or state.survey_until > state.matters_until
    survey = facts.survey
    is_surveyed = survey is not None and survey.is_open and survey.id > state.survey_seen
    return bool(state.matters) and not is_over and not is_surveyed


def choose(state: State, digit: int, facts: Facts) -> Turn:
    """Join the matter of this digit: with the case that was opened a moment ago, else with a new one."""
    if digit > len(state.matters):
        return Turn(state, wording.MATTERS_WHICH.format(count=len(state.matters)))
    listed = _when_listed(state, facts)
    is_own = is_adding(state, facts) and facts.last is not None and facts.last.status is Status.SUBMITTED
    join = JoinMatter(
        state.case_number if is_own else facts.number,
        state.matters[digit - 1],
        place_of(state, listed) or facts.home,
        is_own=is_own,
        words=state.kept_words,
        media=state.kept,
        code=code_of(state, listed),
    )
    joined = replace(
        state,
        case_number=join.number,
        case_until=(facts.now + ADD_FOR).timestamp(),
        dangers=state.dangers if is_own else (),
        asking="",
        last_words="",
        was_cut=False,
        kept=(),
        kept_words="",
        matters=(),
    )
    return Turn(joined, "", (join,))


def _when_listed(state: State, facts: Facts) -> Facts:
    """As it was when the matters were listed: they were those of a place that may have lapsed since."""
    return replace(facts, now=datetime.fromtimestamp(state.matters_until, UTC) - ADD_FOR)
