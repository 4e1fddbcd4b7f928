"""Telephone callbacks (电话回访): an officer takes one, sees the number, calls, writes down what came of it.

Taking one is like 抢单: the first has it, for half an hour. Seeing the number begins a try; for two hours
from then on nobody else is offered it, whatever becomes of the officer. A case is locked before its callback.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, time, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.cases import callback_hours, callback_tries, service, survey_answers, survey_policies, surveys
from backend.cases.callback_hours import APART, TRIES
from backend.cases.callback_models import (
    HEARD_LABELS,
    CallAttempt,
    CallbackState,
    Heard,
    PhoneCallback,
)
from backend.cases.models import Case
from backend.cases.service import Actor
from backend.cases.survey_answers import Said
from backend.cases.survey_models import Via
from backend.cases.survey_policies import Terms
from backend.cases.workflow import CALLERS, Action, Given
from backend.errors import Conflict, Forbidden, Invalid, NotFound, TooMany
from backend.places.models import Post, Resident
from backend.places.scope import roles_over
from backend.times import next_within, now, spoken

LATEST = timedelta(days=14)  # how far off somebody may ask to be called
WORDS = 500  # characters of what they said
ASK_SOLVED, ASK_SATISFIED = "请选事情解决了没有", "请选是不是满意"
NOT_NOW = "现在不打回访电话，{}起可以打"
TOO_LATE = "这个结果不能重新记了：只有自己记的“不愿意回访”“号码不对”，十分钟以内可以重新记"
NOT_HELD = "请先点“我来打”，再看号码、记结果"


@dataclass(frozen=True)
class Told:
    """What the officer says of a call. Satisfaction is 1 to 5; `words` are the resident's own."""

    heard: Heard
    solved: bool | None = None
    satisfaction: int | None = None
    words: str = ""
    reasons: tuple[str, ...] = ()  # of a bad answer, of those that are offered
    later_at: datetime | None = None


def callers(posts: Sequence[Post]) -> list[Post]:
    """Those of the posts with which somebody calls: what they reach is theirs to call about."""
    return [post for post in posts if post.role in CALLERS and post.unit_id is None]


def reaches(actor: Actor, callback: PhoneCallback) -> bool:
    """Whether this officer calls about what happens there."""
    return bool(roles_over(callers(actor.posts), callback))


def find(session: Session, callback_id: int, actor: Actor) -> PhoneCallback:
    """The callback, if it is this officer's to call about. Raises NotFound or Forbidden."""
    return _theirs(session.get(PhoneCallback, callback_id), actor)


def take(session: Session, callback_id: int, actor: Actor, at: datetime | None = None) -> PhoneCallback:
    """The first who takes it has it; for who is calling already nothing changes. Raises NotFound, Forbidden,
    or Conflict that says who was quicker, or, outside the hours, when people are called again."""
    moment = at or now()
    callback = _lock(session, callback_id, actor)
    callback_tries.must_wait(session, callback)
    callback_tries.must_be_free(session, callback, actor.officer_id, moment)
    if callback_tries.begun(session, callback, actor.officer_id):  # `taken_at` anew would end it unsaid
        return callback
    _must_be_open(session, callback, moment)
    if callback.next_at > moment and callback.officer_id != actor.officer_id:
        raise Conflict(f"这位居民要等到{spoken(callback.next_at, moment)}再打")
    callback.officer_id, callback.taken_at = actor.officer_id, moment
    return callback


def give_back(session: Session, callback_id: int, actor: Actor) -> PhoneCallback:
    """Leave it to others; a number that was seen keeps its two hours. Raises as `take`."""
    callback = _lock(session, callback_id, actor)
    callback_tries.must_wait(session, callback)
    if callback.officer_id != actor.officer_id:
        raise Conflict("这个回访不在您手里")
    callback.officer_id = callback.taken_at = None
    return callback


def dial(session: Session, callback_id: int, actor: Actor, at: datetime | None = None) -> Resident:
    """Whom to call, whole; that this officer saw the number is in the record of the case.

    Raises as `take`, and Conflict outside the hours or for a callback that is not in this officer's hands.
    """
    moment = at or now()
    callback = _lock_with_case(session, callback_id, actor)
    callback_tries.must_wait(session, callback)
    _must_hold(session, callback, actor, moment)
    _must_be_open(session, callback, moment)
    attempt = callback_tries.begun(session, callback, actor.officer_id)
    if attempt is None or moment - attempt.unmasked_at >= APART:
        callback_tries.must_be_apart(session, callback, moment)
        attempt = CallAttempt(callback_id=callback.id, officer_id=actor.officer_id, unmasked_at=moment)
        session.add(attempt)
    callback.next_at = attempt.unmasked_at + APART
    _write(session, callback, actor, "查看了电话，准备拨打", moment)
    return session.get_one(Resident, callback.resident_id)


def record(
    session: Session, callback_id: int, actor: Actor, told: Told, at: datetime | None = None
) -> PhoneCallback:
    """Write down what came of the call, with its consequences; where the callback ended while they spoke,
    what was said is kept all the same. Raises as `dial`, and Invalid."""
    moment = at or now()
    callback = _lock_with_case(session, callback_id, actor)
    attempt = callback_tries.begun(session, callback, actor.officer_id)
    if attempt is None:
        callback_tries.must_wait(session, callback)
    _must_hold(session, callback, actor, moment)
    if attempt is None:
        raise Conflict("请先查看号码，打过电话再记结果")
    if len(told.words) > WORDS:
        raise Invalid(f"写得太长了，最多 {WORDS} 个字")
    attempt.heard, attempt.ended_at, attempt.note = told.heard, moment, told.words.strip()
    if callback.state is not CallbackState.WAITING:
        return _heard_late(session, callback, actor, told, moment)
    callback.officer_id = callback.taken_at = None
    ENDINGS[told.heard](session, callback, actor, told, moment)
    return callback


def correct(session: Session, callback_id: int, actor: Actor, at: datetime | None = None) -> PhoneCallback:
    """Whoever has just written down by mistake that a callback is over takes it back, and says anew what came
    of the call. Raises as `find`, and Conflict once it is too late, or for what somebody else wrote down."""
    moment = at or now()
    callback = _lock_with_case(session, callback_id, actor)
    attempt = callback_tries.correctable(session, callback, actor.officer_id, moment)
    if attempt is None or attempt.heard is None:
        raise Conflict(TOO_LATE)
    _write(session, callback, actor, f"刚才记的“{HEARD_LABELS[attempt.heard]}”记错了，重新记", moment)
    attempt.heard = attempt.ended_at = None
    callback.state, callback.ended_at = CallbackState.WAITING, None
    callback.officer_id, callback.taken_at = actor.officer_id, attempt.unmasked_at
    return callback


def _heard_late(
    session: Session, callback: PhoneCallback, actor: Actor, told: Told, at: datetime
) -> PhoneCallback:
    """They answered in chat, say, while they were on the telephone: their answer there counts. The words
    stand with the attempt also where the survey has heard enough."""
    if told.heard is Heard.ANSWERED:
        said = Said(told.solved, told.satisfaction, told.words, told.reasons)
        with suppress(TooMany):
            via, caller = Via.TELEPHONE, actor.officer_id
            survey_answers.say_late(session, callback.survey_id, said, via, officer_id=caller, at=at)
    return callback


def _answered(session: Session, callback: PhoneCallback, actor: Actor, told: Told, at: datetime) -> None:
    """The same two questions, the same consequences as an answer in chat: it is the resident who says so."""
    if told.solved is None:
        raise Invalid(ASK_SOLVED)
    if told.solved and told.satisfaction is None:
        raise Invalid(ASK_SATISFIED)
    if set(told.reasons) - set(terms(session, callback).reasons):
        raise Invalid("原因请从列出的里面选")
    _end(callback, CallbackState.ANSWERED, at)
    _write(session, callback, actor, f"接通：{_said(told)}", at)
    said = Said(told.solved, told.satisfaction, told.words, told.reasons)
    survey_answers.give(session, callback.survey_id, said, Via.TELEPHONE, officer_id=actor.officer_id, at=at)


def _hours(session: Session, callback: PhoneCallback) -> tuple[time, time]:
    """The hours in which people are called where the case lies: those in which they are asked, but never at
    night."""
    return callback_hours.by_day(terms(session, callback).hours)


def opens(session: Session, callback: PhoneCallback, at: datetime) -> datetime:
    """The first moment from then on at which people are called where the case lies."""
    return callback_hours.opens(at, terms(session, callback).hours)


def terms(session: Session, callback: PhoneCallback) -> Terms:
    """How the survey of the case is asked, by telephone, too: what there is to tick, what follows."""
    return survey_policies.read(session).terms(session.get_one(Case, callback.case_id))


def _said(told: Told) -> str:
    satisfied = surveys.SATISFACTION.get(told.satisfaction or 0, "没有说是否满意")
    because = f"。{'、'.join(told.reasons)}" if told.reasons else ""
    words = f"{because}。原话：{told.words.strip()}" if told.words.strip() else because
    return f"{'已解决' if told.solved else '没有解决'}，{satisfied}{words}"


def _missed(session: Session, callback: PhoneCallback, actor: Actor, told: Told, at: datetime) -> None:
    """Nobody at the other end: again at another part of the day, three times in all. A line that is busy has
    somebody at home: that part of the day is as good as any."""
    callback.tries += 1
    said = f"第 {callback.tries} 次，{HEARD_LABELS[told.heard]}"
    if callback.tries >= TRIES:
        _end(callback, CallbackState.UNREACHED, at)
        return _write(session, callback, actor, f"{said}，{TRIES} 次都没有打通，不再打", at)
    callback.next_at = callback_hours.next_try(
        at, callback_tries.unheard(session, callback), _hours(session, callback)
    )
    return _write(session, callback, actor, f"{said}，{spoken(callback.next_at, at)}再打", at)


def _later(session: Session, callback: PhoneCallback, actor: Actor, told: Told, at: datetime) -> None:
    """They name the time themselves, so that it may be sooner than two hours."""
    if told.later_at is None or not at < told.later_at <= at + LATEST:
        raise Invalid(f"请选再打的时间，从现在起 {LATEST.days} 天以内")
    start, end = hours = _hours(session, callback)
    if next_within(told.later_at, hours) > told.later_at:
        raise Invalid(f"请选{start:%H:%M}到{end:%H:%M}之间的时间")
    callback.next_at = told.later_at
    callback.until_at = max(callback.until_at, told.later_at + timedelta(days=1))
    _write(session, callback, actor, f"对方请我们{spoken(told.later_at, at)}再打", at)


def _over(session: Session, callback: PhoneCallback, actor: Actor, told: Told, at: datetime) -> None:
    state = CallbackState(told.heard)
    _end(callback, state, at)
    _write(session, callback, actor, HEARD_LABELS[told.heard], at)


ENDINGS: dict[Heard, Callable[[Session, PhoneCallback, Actor, Told, datetime], None]] = {
    Heard.ANSWERED: _answered,
    Heard.NO_ANSWER: _missed,
    Heard.BUSY: _missed,
    Heard.LATER: _later,
    Heard.REFUSED: _over,
    Heard.WRONG_NUMBER: _over,
}


def _end(callback: PhoneCallback, state: CallbackState, at: datetime) -> None:
    callback.state, callback.ended_at = state, at


def _write(session: Session, callback: PhoneCallback, actor: Actor, note: str, at: datetime) -> None:
    number = session.get_one(Case, callback.case_id).number
    service.perform(session, number, Action.CALL_BACK, actor, Given(note=note), at=at)


def _lock(session: Session, callback_id: int, actor: Actor) -> PhoneCallback:
    own = sa.select(PhoneCallback).where(PhoneCallback.id == callback_id).with_for_update()
    return _theirs(session.scalar(own.execution_options(populate_existing=True)), actor)


def _lock_with_case(session: Session, callback_id: int, actor: Actor) -> PhoneCallback:
    """The case before what hangs on it, as everywhere."""
    case_id = find(session, callback_id, actor).case_id
    session.execute(sa.select(Case.id).where(Case.id == case_id).with_for_update())
    return _lock(session, callback_id, actor)


def _theirs(callback: PhoneCallback | None, actor: Actor) -> PhoneCallback:
    if callback is None:
        raise NotFound("没有找到这个回访")
    if not reaches(actor, callback):
        raise Forbidden("这个回访不归您打")
    return callback


def _must_be_open(session: Session, callback: PhoneCallback, at: datetime) -> None:
    if (morning := opens(session, callback, at)) > at:
        raise Conflict(NOT_NOW.format(spoken(morning, at)))


def _must_hold(session: Session, callback: PhoneCallback, actor: Actor, at: datetime) -> None:
    """Whose half hour is over may go on, as long as nobody else has taken it."""
    callback_tries.must_be_free(session, callback, actor.officer_id, at)
    if callback.officer_id != actor.officer_id:
        raise Conflict(NOT_HELD)
