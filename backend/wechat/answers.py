"""Turns that answer: greetings, progress, urging, withdrawing, surveys. One short function per intent."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from backend.cases.intake import summary
from backend.cases.surveys import DISSATISFIED
from backend.cases.workflow import OPEN, RULES, Action
from backend.times import spoken
from backend.wechat import joining, surveying, wording
from backend.wechat.reports import back_to, is_adding, is_locating, is_telling_why, open_case
from backend.wechat.talk import EMPTY, MOST_RECENT, CaseFact, Facts, State
from backend.wechat.turns import AddToCase, KeepPhone, Step, Turn, WantNotices
from backend.wechat.understanding import DIGITS, Intent, Understood, understand

SAME_TAP = timedelta(seconds=5)
AT_ONCE = 3  # cases in one reply: what fits on a phone
NOT_AN_ANSWER = Turn(EMPTY)  # "没有解决" when nothing waits for an answer: a complaint, then


def digit(state: State, digit: int, facts: Facts) -> Turn:
    """What a digit answers. The same one again at once is the same tap: nobody has read the next question."""
    if digit == state.digit and facts.now.timestamp() <= state.digit_until:
        return Turn(state, wording.REPEATED.format(digit=digit))
    turn = _digit(state, digit, facts)
    return once(turn, digit, facts) if turn.effects else turn


def once(turn: Turn, digit: int, facts: Facts) -> Turn:
    """Remember which digit was answered just now, typed or tapped."""
    until = (facts.now + SAME_TAP).timestamp()
    return replace(turn, state=replace(turn.state, digit=digit, digit_until=until))


def _digit(state: State, digit: int, facts: Facts) -> Turn:
    if joining.is_choosing(state, facts):
        return joining.choose(state, digit, facts)
    if state.survey is not None and surveying.is_rating(state, facts):
        return surveying.rate(state, state.survey, digit, facts)
    if surveying.is_ticking(state, facts):
        return surveying.tick(state, [digit])
    if facts.survey is not None and facts.survey.is_open:
        if digit not in (1, 2):
            return Turn(state, wording.SURVEY_WHICH)
        return surveying.answer(state, facts, solved=digit == 1)
    if is_locating(state, facts):
        return Turn(state, wording.PLACE_ASKED.format(example=facts.example))
    return _unasked(state, digit, facts)


def _unasked(state: State, digit: int, facts: Facts) -> Turn:
    """What a digit answers where none was asked for: perhaps how satisfied they are, for the second time."""
    if (case := surveying.asked_last(state, facts)) is not None:
        return Turn(state, wording.CONFIRM_WHICH.format(number=case.number))
    if facts.survey is not None and facts.survey.is_due:
        return Turn(state, wording.NOT_ASKED_YET.format(number=facts.survey.number))
    if state.survey is not None and surveying.is_rating_anew(state, facts):
        return surveying.rate(state, state.survey, digit, facts)
    return Turn(state, wording.NOTHING_ASKED)


def digits(state: State, several: Sequence[int], facts: Facts) -> Turn:
    """Several digits: only the reasons of a bad answer are more than one."""
    if surveying.is_rating(state, facts):
        return Turn(state, wording.SURVEY_FIVE)
    if surveying.is_ticking(state, facts):
        return surveying.tick(state, several)
    is_asked = facts.survey is not None and facts.survey.is_open
    return Turn(state, wording.SURVEY_WHICH if is_asked else wording.TELL_MORE)


def _blank(state: State, understood: Understood, facts: Facts) -> Turn:
    if understood.core.isdigit() and surveying.is_ticking(state, facts):  # 25: two reasons, or none
        return surveying.ask_why(state)
    return Turn(state, wording.TELL_MORE)


def _greeting(state: State, understood: Understood, facts: Facts) -> Turn:
    return Turn(state, wording.GREETED)


def _thanks(state: State, understood: Understood, facts: Facts) -> Turn:
    return Turn(state, wording.THANKED)


def _help(state: State, understood: Understood, facts: Facts) -> Turn:
    return Turn(state, wording.HELP)


def _progress(state: State, understood: Understood, facts: Facts) -> Turn:
    if not facts.recent:
        return Turn(state, wording.NO_CASES)
    open_first = sorted(facts.recent, key=lambda case: case.status not in OPEN)
    lines = [_line(case, facts) for case in open_first[:AT_ONCE]]
    more = _rest(len(facts.recent)) + wording.CASES_MORE.format(link=facts.link)
    return Turn(state, "\n\n".join([*lines, more]))


def _rest(count: int) -> str:
    """How many cases are not in the reply; whoever has as many as we look at may have more."""
    if count <= AT_ONCE:
        return ""
    said = wording.CASES_REST if count < MOST_RECENT else wording.CASES_REST_OR_MORE
    return said.format(count=count - AT_ONCE)


def _one_case(state: State, understood: Understood, facts: Facts) -> Turn:
    if facts.asked is None:
        is_wrong = len(understood.number or "") != DIGITS
        said = wording.NO_SUCH_LENGTH if is_wrong else wording.NO_SUCH_CASE
        return Turn(state, said.format(number=understood.number, length=DIGITS))
    return Turn(state, f"{_line(facts.asked, facts)}\n{wording.CASES_MORE.format(link=facts.link)}")


def _office(state: State, understood: Understood, facts: Facts) -> Turn:
    return Turn(state, wording.OFFICE.format(link=facts.officers_link))


def _urge(state: State, understood: Understood, facts: Facts) -> Turn:
    return _step(state, understood, facts, Action.URGE, wording.URGED)


def _withdraw(state: State, understood: Understood, facts: Facts) -> Turn:
    """What is withdrawn does not come back: with several open cases the number must be said."""
    open_cases = [case for case in facts.recent if case.status in RULES[Action.WITHDRAW].sources]
    if understood.number is None and len(open_cases) > 1:
        lines = "\n\n".join(_short_line(case) for case in open_cases)
        return Turn(state, wording.WITHDRAW_WHICH.format(count=len(open_cases), lines=lines))
    turn = _step(state, understood, facts, Action.WITHDRAW, wording.WITHDRAWN)
    return replace(turn, state=replace(turn.state, case_until=0, asking=""))


def _person(state: State, understood: Understood, facts: Facts) -> Turn:
    telephone = facts.home.telephone
    call = "\n" + wording.PERSON_PHONE.format(telephone=telephone) if telephone else ""
    case = _latest(understood, facts, Action.ASK_PERSON)
    if case is None:
        return Turn(state, wording.PERSON_NO_CASE + call)
    step = Step(case.number, Action.ASK_PERSON, "请联系我")
    return Turn(state, wording.PERSON.format(number=case.number) + call, (step,))


def _solved(state: State, understood: Understood, facts: Facts) -> Turn:
    case = _latest(understood, facts, Action.CONFIRM)
    is_surveyed = _is_open(facts) or surveying.is_taking_back(facts, solved=True)
    if is_surveyed and (case is None or surveying.is_asked_since(case, state, facts)):
        return surveying.answer(state, facts, solved=True)
    if case is None:
        return _one_case(state, understood, facts) if understood.number else Turn(state, wording.THANKED)
    return Turn(state, wording.CONFIRMED.format(number=case.number), (Step(case.number, Action.CONFIRM),))


def _is_open(facts: Facts) -> bool:
    return facts.survey is not None and facts.survey.is_open


def _unsolved(state: State, understood: Understood, facts: Facts) -> Turn:
    case = _latest(understood, facts, Action.CONFIRM)
    if _is_open(facts) and (case is None or surveying.is_asked_since(case, state, facts)):
        return surveying.answer(state, facts, solved=False)
    if case is None and surveying.is_said_again(state, understood, facts):
        return Turn(state, wording.UNSOLVED_AGAIN)
    if case is None and surveying.is_of_closed(state, understood, facts):
        return surveying.ask_which(state, facts) or surveying.answer(state, facts, solved=False)
    if case is None:
        return _one_case(state, understood, facts) if understood.number else NOT_AN_ANSWER
    step = Step(case.number, Action.REOPEN, "没有解决")
    back = back_to(state, case.number, facts)
    return Turn(back, wording.REOPENED.format(number=case.number), (step,))


def _rating(state: State, understood: Understood, facts: Facts) -> Turn:
    """Words of the scale that rate nothing (conversation.py): another question is open, or they join what is
    spoken of, or nothing was asked."""
    if is_adding(state, facts) or is_telling_why(state, facts):
        return NOT_AN_ANSWER
    if _is_open(facts):
        return Turn(state, wording.SURVEY_WHICH)
    if (case := surveying.asked_last(state, facts)) is not None:
        return Turn(state, wording.CONFIRM_WHICH.format(number=case.number))
    return NOT_AN_ANSWER if understood.satisfaction <= DISSATISFIED else Turn(state, wording.THANKED)


def _another(state: State, understood: Understood, facts: Facts) -> Turn:
    if not state.last_words:
        return Turn(replace(state, case_until=0), wording.NO_ANOTHER)
    alone = replace(state, kept=(), kept_words="")
    return open_case(alone, state.last_words, (), facts, understand(state.last_words))


def _join(state: State, understood: Understood, facts: Facts) -> Turn:
    """Where we asked why a case came back, "一样的问题" is the answer."""
    is_awaited = state.asking == "why" and is_adding(state, facts)
    return NOT_AN_ANSWER if is_awaited else joining.offer(state, facts)


def _no_notices(state: State, understood: Understood, facts: Facts) -> Turn:
    return Turn(state, wording.NO_NOTICES, (WantNotices(False),))


def _notices(state: State, understood: Understood, facts: Facts) -> Turn:
    return Turn(state, wording.NOTICES, (WantNotices(True),))


def _phone(state: State, understood: Understood, facts: Facts) -> Turn:
    assert understood.phone is not None
    keep = KeepPhone(understood.phone)
    if not is_adding(state, facts) or facts.last is None:
        return Turn(state, wording.KEPT["phone"], (keep,))
    words = (AddToCase(facts.last.number, understood.name),) if understood.name else ()
    return Turn(state, wording.ADDED["phone"], (keep, *words))


def _step(state: State, understood: Understood, facts: Facts, action: Action, said: str) -> Turn:
    case = _latest(understood, facts, action)
    if case is not None:
        return Turn(state, said.format(number=case.number), (Step(case.number, action),))
    if understood.number is not None and facts.asked is None:
        return Turn(state, wording.NO_SUCH_CASE.format(number=understood.number))
    return Turn(state, wording.NOTHING_TO.format(what=RULES[action].label))


def _latest(understood: Understood, facts: Facts, action: Action) -> CaseFact | None:
    """The case that is meant: the one whose number was given, else the newest on which this can be done."""
    sources = RULES[action].sources
    return next((case for case in _meant(understood, facts) if case and case.status in sources), None)


def _meant(understood: Understood, facts: Facts) -> Sequence[CaseFact | None]:
    return (facts.asked,) if understood.number is not None else facts.recent


def _line(case: CaseFact, facts: Facts) -> str:
    line = _short_line(case)
    if case.due_at is None or case.due_at <= facts.now:
        return line
    return f"{line}\n{wording.CASE_DUE.format(until=spoken(case.due_at, facts.now))}"


def _short_line(case: CaseFact) -> str:
    """Ten of these fit into one reply."""
    return wording.CASE_LINE.format(
        number=case.number, status=wording.STATUS_WORDS[case.status], summary=summary(case.report)
    )


BY_INTENT: dict[Intent, Callable[[State, Understood, Facts], Turn]] = {
    Intent.BLANK: _blank,
    Intent.GREETING: _greeting,
    Intent.THANKS: _thanks,
    Intent.HELP: _help,
    Intent.PROGRESS: _progress,
    Intent.MINE: _progress,
    Intent.OFFICE: _office,
    Intent.CASE: _one_case,
    Intent.URGE: _urge,
    Intent.WITHDRAW: _withdraw,
    Intent.PERSON: _person,
    Intent.SOLVED: _solved,
    Intent.UNSOLVED: _unsolved,
    Intent.RATING: _rating,
    Intent.ANOTHER: _another,
    Intent.JOIN: _join,
    Intent.PHONE: _phone,
    Intent.NO_NOTICES: _no_notices,
    Intent.NOTICES: _notices,
}
