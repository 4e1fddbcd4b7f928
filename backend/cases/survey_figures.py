"""What surveys come to: their rates, and what those who answered by themselves say beside the silent.

The formulas are those of formulas.py and nobody else's. Here stands only what follows from them: of those who
were silent a random sample is called, and what these say is taken for what all the silent would have said.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from backend.cases import figures, formulas
from backend.cases.figures import By, Rate, Reach, Row
from backend.cases.formulas import SURVEYED
from backend.cases.intervals import Interval, percent
from backend.cases.models import Case
from backend.cases.standing_models import Way
from backend.cases.supervision_models import Measure
from backend.cases.survey_models import Survey, SurveyState
from backend.cases.surveys import DISSATISFIED, SATISFACTION
from backend.places.models import Post
from backend.places.roles import Role
from backend.places.scope import visible
from backend.times import now

READERS = frozenset({Role.SUPERVISOR, Role.LEADER, Role.UNIT_HEAD, Role.ADMINISTRATOR})
PAGE = 20
ASKED = (Measure.SOLVED, Measure.SATISFIED)  # the two questions
# What counts in no rate yet, as the page, the table and the monthly notice call it.
UNSENT = "还没有发出的"
UNCALLED = "要打电话问、还没有答的"
SENTENCE = (
    "没有答复的人里随机抽一些打电话问，他们说的，就当作所有没有答复的人会说的。"
    "折算＝自己答复的占比 × 自己答复的比例 ＋ 没有答复的占比 × 抽样问到的比例；"
    "占比按本期发出、已经答复或者已经过期的回访算；另外打电话问的（没有微信等）不在里面。没有抽样时写“—”。"
    "折算的范围只来自抽样的人少：两头各用抽样比例区间的一头算。"
)


def rates(
    session: Session,
    reach: Reach,
    since: datetime,
    until: datetime,
    by: By | None,
    at: datetime | None = None,
) -> list[Row]:
    """The three rates of what was asked in a period, as figures.rates has them."""
    return figures.rates(session, reach, since, until, by, at, SURVEYED)


@dataclass(frozen=True)
class Waiting:
    """Surveys that count in no rate yet: not sent now, and sent in a period, but to be asked by telephone,
    called already or not, and neither answered nor over."""

    unsent: int
    uncalled: int

    @property
    def said(self) -> list[tuple[str, int]]:
        """Those that there are, in the same words everywhere."""
        both = ((UNSENT, self.unsent), (UNCALLED, self.uncalled))
        return [(words, number) for words, number in both if number]


def waiting(
    session: Session, posts: Sequence[Post], since: datetime, until: datetime, at: datetime | None = None
) -> Waiting:
    """How many surveys of a period count in no rate yet (one query); what is not sent belongs to now."""
    is_now, sent_at = since <= (at or now()) < until, Survey.sent_at
    is_due = (Survey.state == SurveyState.DUE) & sa.literal(is_now)
    is_of_period = formulas.is_to_call(Survey) & (sent_at >= since) & (sent_at < until)
    count = sa.func.count
    query = sa.select(count().filter(is_due), count().filter(is_of_period)).select_from(Survey)
    own = query.join(Case, Case.id == Survey.case_id).where(
        is_unfinished(), visible(posts, formulas.OF_SURVEY)
    )
    unsent, uncalled = session.execute(own).one()
    return Waiting(unsent, uncalled)


def is_unfinished() -> sa.ColumnElement[bool]:
    """The condition that something is still to be done with a survey (surveys.py), and that its case counts:
    reads ix_surveys_next, and not every survey there ever was."""
    return sa.and_(Survey.next_at.is_not(None), Survey.withdrawn_at.is_(None), formulas.IS_COUNTED)


@dataclass(frozen=True)
class Whole:
    """What all would have said who were asked: a share, with how far it may be from the truth."""

    share: float
    interval: Interval

    @property
    def percent(self) -> str:
        return percent(self.share)

    @property
    def is_known(self) -> bool:
        """Whether nothing was guessed: all the silent were reached."""
        return self.interval.low == self.interval.high


@dataclass(frozen=True)
class Comparison:
    """One question: what those said who answered by themselves, what the sampled silent said, and both."""

    measure: Measure
    alone: Rate
    sampled: Rate
    # By telephone, because they cannot be asked otherwise: neither silent nor of their own accord.
    called: Rate
    whole: Whole | None

    @property
    def difference(self) -> str:
        """Who is ahead, by how many points of a hundred; a dash where unknown."""
        if not self.alone.denominator or not self.sampled.denominator:
            return "—"
        points = self.alone.share - self.sampled.share
        many = percent(abs(points)).removesuffix("%")
        if many == "0.0":
            return "一样"
        return f"{'自己答复的' if points > 0 else '抽样问到的'}高 {many} 个百分点"


def compare(
    session: Session, reach: Reach, since: datetime, until: datetime, at: datetime | None = None
) -> list[Comparison]:
    """Both questions of a period, by how the answers came."""
    ways = {row.id: row.rates for row in rates(session, reach, since, until, "way", at)}
    nothing = figures.total([], SURVEYED).rates
    alone, sampled, called, silent = (
        ways.get(way, nothing) for way in (Way.SELF, Way.SAMPLED, Way.PHONE, Way.SILENT)
    )
    own = alone[Measure.RESPONDED].denominator
    others = sampled[Measure.RESPONDED].denominator + silent[Measure.RESPONDED].denominator
    return [
        Comparison(
            measure,
            alone[measure],
            sampled[measure],
            called[measure],
            reweighed(alone[measure], sampled[measure], own, others),
        )
        for measure in ASKED
    ]


def reweighed(alone: Rate, sampled: Rate, own: int, others: int) -> Whole | None:
    """What all say, where `own` answered by themselves and `others` did not (SENTENCE); None where nobody was
    silent, or nobody knows what the others say, or what those do who answered. Where all the others were
    reached nothing is guessed: the interval is the share alone."""
    spread = sampled.interval
    if spread is None or not others or (own and not alone.denominator):
        return None
    if sampled.denominator == others:
        spread = Interval(sampled.share, sampled.share)
    part = own / (own + others)
    known = part * alone.share if own else 0.0
    low, share, high = (known + (1 - part) * each for each in (spread.low, sampled.share, spread.high))
    return Whole(share, Interval(low, high))


def is_bad() -> sa.ColumnElement[bool]:
    """The condition that somebody said: not solved, or dissatisfied (surveys.is_bad)."""
    written: Any = sa.literal_column(str(DISSATISFIED))  # in the statement, as in ix_surveys_voices
    bad: sa.ColumnElement[bool] = Survey.solved.is_(False) | (Survey.satisfaction <= written)
    return bad


def reasons(
    session: Session, posts: Sequence[Post], since: datetime, until: datetime
) -> list[tuple[str, int]]:
    """Why people were unhappy in a period: each reason with how many answers ticked it, the most first."""
    within = (Survey.answered_at >= since, Survey.answered_at < until)
    ticked = sa.select(sa.func.unnest(Survey.reasons).label("words")).join(Case, Case.id == Survey.case_id)
    words = ticked.where(is_bad(), visible(posts, formulas.OF_SURVEY), *within).subquery().c.words
    many = sa.func.count()
    found = session.execute(sa.select(words, many).group_by(words).order_by(many.desc(), words))
    return [(reason, count) for reason, count in found]


def verdict(survey: Survey) -> str:
    """A bad answer in two words: 没有解决 · 不满意."""
    said = ["没有解决"] if survey.solved is False else []
    if survey.satisfaction is not None and survey.satisfaction <= DISSATISFIED:
        said.append(SATISFACTION[survey.satisfaction])
    return " · ".join(said)


def voices(
    session: Session,
    posts: Sequence[Post],
    since: datetime,
    until: datetime,
    before: tuple[datetime, int] | None = None,
) -> list[Survey]:
    """The bad answers of a period that have words, with their cases, newest first, a page at a time; `before`
    is the moment and the id of the last one seen."""
    within = (Survey.answered_at >= since, Survey.answered_at < until)
    own = (is_bad(), Survey.words.is_not(None), visible(posts, formulas.OF_SURVEY), *within)
    query = sa.select(Survey).join(Case).where(*own).options(joinedload(Survey.case).joinedload(Case.unit))
    if before is not None:
        query = query.where(sa.tuple_(Survey.answered_at, Survey.id) < before)
    return list(session.scalars(query.order_by(Survey.answered_at.desc(), Survey.id.desc()).limit(PAGE)))
