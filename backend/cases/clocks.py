"""The table of clocks (时限): which step starts and stops which, how long it runs, and whose it is."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from backend.cases.deadline_models import Clock
from backend.cases.models import Case
from backend.cases.workflow import Action, Audience


@dataclass(frozen=True)
class Terms:
    """One clock. Its lengths hold where no policy says otherwise; an urgent one always runs in plain time.

    A clock that runs already is not started again, unless its start also stops it. One that runs once in a
    round goes on where it was when something starts it again: merging and undoing it wins no time.
    """

    label: str  # what is to be done: 超过时限还没有…
    started_by: tuple[Action, ...]
    stopped_by: tuple[Action, ...]
    normal: timedelta
    urgent: timedelta
    holder: Audience
    in_working_time: bool = False
    once_a_round: bool = False
    for_resident: bool = False  # runs only where there is a resident to speak to


A, P = Action, Audience
ENDS = (A.REJECT, A.WITHDRAW, A.MERGE, A.JOIN, A.CLOSE_AGAIN)
APART = (A.UNMERGE, *ENDS)  # a member that takes a master's place starts where its case is assigned
WORDS = (A.FIRST_CONTACT, A.ASK, A.PROGRESS, A.RESOLVE)  # what the resident hears from people
MINUTES, HOURS = timedelta(minutes=1), timedelta(hours=1)

# fmt: off
POLICY: dict[Clock, Terms] = {
    # The quick path starts this one in plain SQL (intake.py).
    Clock.ACCEPT: Terms("受理", (A.SUBMIT,), (A.ACCEPT, A.RESOLVE_ON_SPOT, *APART),
        30 * MINUTES, 5 * MINUTES, P.COMMUNITY),
    # Whoever makes it a case without a unit starts it.
    Clock.ASSIGN: Terms("分拨", (A.ACCEPT, A.RETRACT, A.SEND_BACK, A.UNMERGE, A.REOPEN),
        (A.ASSIGN, A.RESOLVE_ON_SPOT, *ENDS), 1 * HOURS, 5 * MINUTES, P.COMMUNITY),
    # Every unit has its own time to sign for it.
    Clock.ACKNOWLEDGE: Terms("签收", (A.ASSIGN, A.ARBITRATE),
        (A.ASSIGN, A.RETRACT, A.ACKNOWLEDGE, A.SEND_BACK, A.DISPUTE, *APART),
        1 * HOURS, 10 * MINUTES, P.UNIT),
    # The unit that signed for it speaks to the resident before it goes on; offices are closed at night.
    Clock.FIRST_CONTACT: Terms("先行联系", (A.ACKNOWLEDGE,), (*WORDS, A.SEND_BACK, A.DISPUTE, *APART),
        2 * HOURS, 30 * MINUTES, P.UNIT, in_working_time=True, for_resident=True),
    # The first word by people, whoever says it; what a program says by itself does not count.
    Clock.ANSWER: Terms("答复居民", (A.ACCEPT, A.REOPEN, A.UNMERGE), (*WORDS, A.RESOLVE_ON_SPOT, *ENDS),
        24 * HOURS, 2 * HOURS, P.UNIT, once_a_round=True, for_resident=True),
    # Neither sending back nor a dispute nor another unit stops it.
    Clock.RESOLVE: Terms("办结", (A.ASSIGN, A.ARBITRATE), (A.RESOLVE, A.RESOLVE_ON_SPOT, *ENDS),
        48 * HOURS, 4 * HOURS, P.UNIT, once_a_round=True),
    Clock.ARBITRATE: Terms("裁定", (A.DISPUTE,), (A.ARBITRATE, *APART), 4 * HOURS, 30 * MINUTES, P.ARBITERS),
    # A bad answer to a survey, where the policy has somebody look at it first.
    Clock.REVIEW: Terms("回访复核", (A.DISSENT,), (A.UPHOLD, A.ASSENT, A.REOPEN),
        24 * HOURS, 4 * HOURS, P.SUPERVISORS),
    # Of a unit under an order; the order's own steps turn them (start_part, stop_part).
    Clock.ORDER_ACKNOWLEDGE: Terms("签收", (), (), 10 * MINUTES, 5 * MINUTES, P.UNIT),
    Clock.ORDER_ARRIVE: Terms("到场", (), (), 30 * MINUTES, 15 * MINUTES, P.UNIT),
    Clock.ORDER_REPORT: Terms("反馈", (), (), 24 * HOURS, 4 * HOURS, P.UNIT),
}
# fmt: on
CLOCK_LABELS = {
    clock: f"发令单{terms.label}" if clock.startswith("order_") else terms.label
    for clock, terms in POLICY.items()
}
PAUSING = frozenset({A.ASK})  # asking the resident pauses what runs
TURNING = PAUSING.union(*((*terms.started_by, *terms.stopped_by) for terms in POLICY.values()))
EXTENDABLE = (Clock.RESOLVE, Clock.ANSWER)  # of which more time, or a pause, may be asked for
# What has been done in this round needs no clock: a unit may speak to the resident before it signs.
DONE: dict[Clock, Callable[[Case], bool]] = {
    Clock.FIRST_CONTACT: lambda case: case.first_contact_at is not None,
    Clock.ANSWER: lambda case: bool(case.answered_at or case.first_contact_at),
}


def is_needed(clock: Clock, case: Case) -> bool:
    """Whether there is something left to do by this clock."""
    if POLICY[clock].for_resident and case.resident_id is None:
        return False
    return clock not in DONE or not DONE[clock](case)


def length(clock: Clock, urgent: bool) -> timedelta:
    """How long it runs where no policy says otherwise."""
    terms = POLICY[clock]
    return terms.urgent if urgent else terms.normal
