"""How a survey is asked (回访规则): when, how long, with which reasons to tick, and what a bad answer brings.

Policies are read anew whenever they are needed: cases are closed, not opened, when that is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import time, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.cases import duty_rules
from backend.cases.models import Case
from backend.cases.policies import place_in
from backend.cases.routing import Chain
from backend.cases.survey_models import Follow, Survey, SurveyPolicy
from backend.config import config
from backend.times import parse_hours

REASONS = ("没有人来", "没修好，或又坏了", "答复看不懂", "态度不好", "时间太长", "其他")
MOST_REASONS = 9  # one digit each in chat
LONGEST_OPEN = 30  # days
LEADERS_ROUND = 3  # from this round on a bad answer is a leader's to look at


@dataclass(frozen=True)
class Terms:
    """How one survey is asked."""

    is_asked: bool
    delay_minutes: int
    hours: tuple[time, time]
    days_open: float
    is_reminded: bool = True
    on_unsolved: Follow = Follow.REOPEN
    on_dissatisfied: Follow = Follow.REOPEN
    reasons: tuple[str, ...] = REASONS

    @property
    def open_for(self) -> timedelta:
        return timedelta(days=self.days_open)

    def follow(self, solved: bool | None, round_: int) -> Follow:
        """What a bad answer brings. In the third round it is not tried once more: a leader looks at it."""
        if round_ >= LEADERS_ROUND:
            return Follow.REVIEW
        return self.on_unsolved if solved is False else self.on_dissatisfied


@dataclass(frozen=True)
class Rules:
    """All policies in force."""

    rows: Sequence[SurveyPolicy] = ()
    chains: Mapping[int, Chain] = field(default_factory=dict)  # of categories, where a policy names one

    def terms(self, case: Case) -> Terms:
        """For this case: each thing from the most specific policy that says it, as deadlines have it: the
        entry of the dictionary before the area, then the outcome, the urgency, and of two alike the newer."""
        ranked = [(rank, row) for row in self.rows if (rank := self._rank(row, case)) is not None]
        terms = usual()
        for _, row in sorted(ranked, key=lambda pair: pair[0]):
            terms = replace(terms, **_said(row))
        return terms

    def _rank(self, row: SurveyPolicy, case: Case) -> tuple[int, ...] | None:
        own = self.chains.get(case.category_id or 0, ())
        standing = self.chains.get(row.category_id, (row.category_id,))[0] if row.category_id else None
        found = (
            place_in(standing, own),
            place_in(row.area_id, duty_rules.place_chain(case)),
            place_in(row.outcome, (case.outcome,)),
            place_in(row.urgent, (case.urgent,)),
        )
        return None if None in found else tuple(each for each in found if each is not None)


def usual() -> Terms:
    """What holds where no policy says otherwise: the settings."""
    return Terms(True, config.survey_delay_minutes, config.survey_hours, config.survey_days_open)


def read(session: Session) -> Rules:
    """What stands in the table now (one query; one more where policies name entries)."""
    in_force = sa.select(SurveyPolicy).where(SurveyPolicy.ended_at.is_(None)).order_by(SurveyPolicy.id)
    rows = session.scalars(in_force).all()
    names_entries = any(row.category_id for row in rows)
    return Rules(rows, duty_rules.category_chains(session) if names_entries else {})


def of_survey(session: Session, survey_id: int) -> tuple[Survey, Terms] | None:
    """A survey, and how it is asked; None where there is none."""
    survey = session.get(Survey, survey_id)
    if survey is None:
        return None
    return survey, read(session).terms(session.get_one(Case, survey.case_id))


def _said(row: SurveyPolicy) -> dict[str, Any]:
    said: dict[str, Any] = {
        name: getattr(row, name)
        for name in (
            "is_asked",
            "delay_minutes",
            "days_open",
            "is_reminded",
            "on_unsolved",
            "on_dissatisfied",
        )
    }
    said["hours"] = parse_hours(row.hours) if row.hours else None
    said["reasons"] = tuple(row.reasons) if row.reasons else None
    return {name: value for name, value in said.items() if value is not None}
