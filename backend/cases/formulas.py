"""The published rates, each by one formula: which cases count, when, and which of them are good.

Nothing else knows how a case counts: what is kept (standings.py) is filled from here, and so is what is
counted live (figures.py).
"""

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from backend.cases.callback_models import CallbackState, PhoneCallback, Why
from backend.cases.category_models import Category
from backend.cases.deadline_models import Clock, Deadline, Decision
from backend.cases.models import Case
from backend.cases.standing_models import Way
from backend.cases.supervision_models import Exclusion, Measure
from backend.cases.survey_models import Survey, SurveyState
from backend.cases.workflow import Status
from backend.places import scope

Condition = sa.ColumnElement[bool]

# What was merged into another case or split from one is counted there, so that no matter counts twice.
IS_COUNTED = Case.master_id.is_(None) & Case.parent_id.is_(None)


def _newest(table: Any, meant: Callable[[Any], Condition]) -> Condition:
    """The condition that a row of a case is meant, and the newest of those that are."""
    other = aliased(table)
    newer = sa.select(other.id).where(other.case_id == table.case_id, meant(other), other.id > table.id)
    return meant(table) & ~newer.exists()


@dataclass(frozen=True)
class Formula:
    """One published rate: of the cases that count in a period, how many are good.

    `rests_on` is the table whose rows it judges, of which `counts` leaves at most one for a case. `moment`
    says in which period a case counts, `round` which of its rounds is judged: an exclusion is for that one.
    `way` says how the answer of a survey came, `of` whose it is: by the places and the unit of the case, or
    by the unit that had done what a survey asks about, whoever has the case by now.
    """

    label: str
    sentence: str
    moment: Any
    counts: Condition
    good: Condition
    round: Any
    rests_on: Any = None
    way: Any = None
    of: Any = Case

    def select(self, *what: Any) -> sa.Select[Any]:
        """These columns of the cases that count."""
        query = sa.select(*what).select_from(Case).where(IS_COUNTED, self.counts)
        return query.join(self.rests_on, self.rests_on.case_id == Case.id) if self.rests_on else query


# A clock's fate is known when it stops or when it runs out, whichever comes first. Its `due_at` holds all
# that was granted: pauses and extensions move it. While it is paused it cannot run out.
_FATE = sa.func.least(Deadline.stopped_at, Deadline.due_at)
_KEPT = Deadline.stopped_at.is_not(None) & (Deadline.stopped_at <= Deadline.due_at)
_GOES_ON = Deadline.paused_at.is_(None) | Deadline.stopped_at.is_not(None)
# Who takes a matter back in time owes nobody an answer, and nobody owes them one.
_TAKEN_BACK = (Case.status == Status.WITHDRAWN) & _KEPT
SATISFIED = 4  # of five, and above


def _is(clock: Clock) -> Callable[[Any], Condition]:
    return lambda table: table.clock == clock


def is_to_call(table: Any) -> Condition:
    """The condition that somebody is to be asked by telephone instead of written to, called already or not,
    and has neither answered nor run out of time: until then nobody can say whether they were asked. When its
    time is over it counts, called or not."""
    own = (PhoneCallback.case_id == table.case_id) & (PhoneCallback.round == table.round)
    found = sa.select(PhoneCallback.id).where(own).correlate(table).exists()
    return sa.and_(table.state == SurveyState.SENT, found)


def _is_asked(table: Any) -> Condition:
    asked: Condition = table.sent_at.is_not(None) & table.withdrawn_at.is_(None) & ~is_to_call(table)
    return asked


def _is_answered(table: Any) -> Condition:
    """Who says so before we have asked counts in no rate: only the unhappy do that."""
    return sa.and_(table.state == SurveyState.ANSWERED, table.sent_at.is_not(None))


def _is_solved_or_not(table: Any) -> Condition:
    return sa.and_(_is_answered(table), table.solved.is_not(None))


def _is_rated(table: Any) -> Condition:
    return sa.and_(_is_answered(table), table.satisfaction.is_not(None))


# Who was drawn and not reached is as silent as before; who was to be called anyhow was not asked otherwise,
# unless they answered by themselves before anybody called.
_CALLED = sa.case(
    ((PhoneCallback.why == Why.SAMPLED) & (PhoneCallback.state == CallbackState.ANSWERED), Way.SAMPLED.value),
    ((PhoneCallback.why != Why.SAMPLED) & (PhoneCallback.state != CallbackState.REPLIED), Way.PHONE.value),
)
_OF_ROUND = (PhoneCallback.case_id == Survey.case_id) & (PhoneCallback.round == Survey.round)
_WAY = sa.func.coalesce(
    sa.select(_CALLED).where(_OF_ROUND).correlate(Survey).scalar_subquery(),
    sa.case(
        (Survey.state == SurveyState.ANSWERED, Way.SELF.value),
        (Survey.state == SurveyState.EXPIRED, Way.SILENT.value),
        else_=Way.OPEN.value,
    ),
)
# A case as its survey has it, for whoever asks where it lies and whose it is.
_PLACES = {name: getattr(Case, name) for name in (*scope.COLUMNS.values(), "place_id")}
OF_SURVEY = SimpleNamespace(**_PLACES, unit_id=Survey.unit_id)
# What a case is about, by the top of the dictionary: entries of other editions with the same name are one.
CATEGORY = sa.func.split_part(Category.path, " / ", 1)


FORMULAS: dict[Measure, Formula] = {
    Measure.ACCEPTED_IN_TIME: Formula(
        "按时受理率",
        "应受理的诉求里，在受理时限内受理、不予受理或当场办好的占多少。"
        "分母：本期受理时限有了结果（已经处理，或者时限已到）的诉求；时限内自己撤回的不算。",
        _FATE,
        _newest(Deadline, _is(Clock.ACCEPT)) & _GOES_ON & ~_TAKEN_BACK,
        _KEPT,
        Deadline.round,
        Deadline,
    ),
    Measure.CLOSED_ON_TIME: Formula(
        "按期办结率",
        "应办结的诉求里，在办结时限内办结的占多少；批准的延期和挂起已经算进时限。"
        "分母：本期办结时限有了结果（已经办结，或者时限已到）的诉求，重办的按最近一轮算；时限内自己撤回的不算。",
        _FATE,
        _newest(Deadline, _is(Clock.RESOLVE)) & (Deadline.round == Case.round) & _GOES_ON & ~_TAKEN_BACK,
        _KEPT,
        Deadline.round,
        Deadline,
    ),
    Measure.SOLVED_FIRST_TIME: Formula(
        "一次办结率",
        "结案的诉求里，一次办好、没有退回重办过的占多少。分母：本期结案的诉求。",
        Case.closed_at,
        Case.status == Status.CLOSED,
        Case.round == 1,
        Case.round,
    ),
    Measure.RESOLVED: Formula(
        "办结率",
        "受理的诉求里，到现在已经办结（待确认或已结案）的占多少。分母：本期受理的诉求；后来撤回的不算。",
        Case.accepted_at,
        Case.status != Status.WITHDRAWN,
        Case.status.in_([Status.RESOLVED, Status.CLOSED]),
        Case.round,
    ),
    Measure.RESPONDED: Formula(
        "回访答复率",
        "发出回访的诉求里，答复了的占多少。"
        "分母：本期发出回访的诉求，过期没有答的、发出后还在等答复的都算；还没有发出的不算；"
        "要打电话问的，答了或者过了期才算；回访过几次的只算最近一次；还没答就重新办理的，这次回访收回，不算。",
        Survey.sent_at,
        _newest(Survey, _is_asked),
        Survey.state == SurveyState.ANSWERED,
        Survey.round,
        Survey,
        _WAY,
        OF_SURVEY,
    ),
    Measure.SOLVED: Formula(
        "回访解决率",
        "答复了回访的诉求里，说“已解决”的占多少。"
        "分母：本期答复了回访的诉求，回访过几次的只算最近一次；没有答复的、还没有问就说了的不算。",
        Survey.answered_at,
        _newest(Survey, _is_solved_or_not),
        Survey.solved.is_(True),
        Survey.round,
        Survey,
        _WAY,
        OF_SURVEY,
    ),
    Measure.SATISFIED: Formula(
        "满意率",
        "回访中打了分的诉求里，评为“满意”或“很满意”的占多少。"
        "分母：本期回访打了分的诉求，回访过几次的只算最近一次；没有打分的、还没有问就说了的不算。",
        Survey.answered_at,
        _newest(Survey, _is_rated),
        Survey.satisfaction >= SATISFIED,
        Survey.round,
        Survey,
        _WAY,
        OF_SURVEY,
    ),
}
SURVEYED = (Measure.RESPONDED, Measure.SOLVED, Measure.SATISFIED)  # of what residents were asked afterwards
NEVER_TWICE = "并案的只算主件，拆分的只算原件；剔除的诉求分子分母都不算，单独列出。"


def leaves_out(measure: Measure) -> Condition:
    """The condition that an exclusion leaves this case out of this rate, in the round it judges: there is one
    at most (ix_exclusions_case)."""
    own = (Exclusion.case_id == Case.id) & (Exclusion.round == FORMULAS[measure].round)
    return sa.and_(own, Exclusion.measure == measure, Exclusion.state == Decision.APPROVED)


def judged_round(session: Session, case: Case, measure: Measure) -> int | None:
    """The round of a case that this rate judges; None while the case does not count in it."""
    formula = FORMULAS[measure]
    found: int | None = session.scalar(formula.select(formula.round).where(Case.id == case.id))
    return found
