"""Turns of a callback survey: the two questions, why an answer is a bad one, second thoughts, late taps."""

from collections.abc import Sequence
from dataclasses import replace

from backend.cases.models import REPORT_LENGTH
from backend.cases.surveys import DISSATISFIED, SATISFACTION
from backend.wechat import wording
from backend.wechat.reports import ADD_FOR, back_to, cut, is_telling_why, surveyed
from backend.wechat.talk import Facts, Media, State, SurveyFact
from backend.wechat.turns import AddToCase, AnswerSurvey, RateSurvey, SayLate, TickReasons, Turn


def is_rating(state: State, facts: Facts) -> bool:
    """Whether the account waits to hear how satisfied someone is, who said that their case is solved."""
    return state.survey is not None and facts.now.timestamp() <= state.survey_until


def is_ticking(state: State, facts: Facts) -> bool:
    """Whether a digit says why an answer is a bad one; a survey that is open since has asked for one, too."""
    asked = facts.survey.id if facts.survey is not None and facts.survey.is_open else 0
    return is_telling_why(state, facts) and bool(state.reasons) and asked <= (state.why or 0)


def is_taking_back(facts: Facts, *, solved: bool) -> bool:
    """Whether this takes back what was said to a survey within the day."""
    survey = facts.survey
    return survey is not None and survey.is_changeable and survey.solved is not solved


def answer(state: State, facts: Facts, *, solved: bool) -> Turn:
    survey = facts.survey
    if survey is None:
        return Turn(state, wording.SURVEY_OVER)
    if survey.is_expired:
        said = "已解决" if solved else "没有解决"
        late = wording.SURVEY_LATE.format(said=said, link=facts.link, number=survey.number)
        return Turn(state, late, (SayLate(survey.id, solved),))
    is_change = survey.is_changeable and survey.solved is not solved
    if not survey.is_open and not is_change:
        return Turn(state, wording.SURVEY_OVER)
    return _solved(state, survey, facts) if solved else _unsolved(state, survey, facts)


def _solved(state: State, survey: SurveyFact, facts: Facts) -> Turn:
    until = (facts.now + ADD_FOR).timestamp()
    asking = replace(surveyed(state), survey=survey.id, survey_number=survey.number, survey_until=until)
    if state.asking == "why":
        asking = replace(asking, asking="")
    changed = "" if survey.is_open else wording.SURVEY_CHANGED
    return Turn(asking, changed + wording.SURVEY_SOLVED, (AnswerSurvey(survey.id, True),))


def _unsolved(state: State, survey: SurveyFact, facts: Facts) -> Turn:
    said = wording.UNSOLVED[facts.why.unsolved]
    reply = said.format(number=survey.number) + _reasons(facts)
    return Turn(_why(state, survey.id, survey.number, facts), reply, (AnswerSurvey(survey.id, False),))


def rate(state: State, survey_id: int, digit: int, facts: Facts) -> Turn:
    if digit > max(SATISFACTION):
        return Turn(state, wording.SURVEY_FIVE)
    rating = RateSurvey(survey_id, digit)
    if digit > DISSATISFIED:
        return Turn(surveyed(state), wording.SURVEY_THANKS, (rating,))
    said = wording.DISSATISFIED[facts.why.dissatisfied]
    reply = said.format(number=state.survey_number) + _reasons(facts)
    return Turn(_why(state, survey_id, state.survey_number, facts), reply, (rating,))


def deny(state: State, text: str, media: Media, facts: Facts) -> Turn:
    """A change of mind: the case that was just said to be solved is not."""
    assert state.survey is not None
    number, words = state.survey_number, text[:REPORT_LENGTH]
    recording = (AddToCase(number, media=media),) if media else ()
    said = wording.UNSOLVED[facts.why.unsolved]
    back = _why(state, state.survey, number, facts)
    answered = AnswerSurvey(state.survey, False, words)
    return Turn(back, said.format(number=number) + cut(text), (answered, *recording))


def tick(state: State, digits: Sequence[int]) -> Turn:
    """All of these reasons, or none where one of the digits stands for none."""
    assert state.why is not None
    if max(digits) > len(state.reasons):
        return ask_why(state)
    reasons = tuple(dict.fromkeys(state.reasons[digit - 1] for digit in digits))
    return Turn(
        state, wording.SURVEY_TICKED.format(reasons="、".join(reasons)), (TickReasons(state.why, reasons),)
    )


def ask_why(state: State) -> Turn:
    return Turn(state, wording.SURVEY_WHY.format(count=len(state.reasons)))


def _why(state: State, survey_id: int, number: str, facts: Facts) -> State:
    """Whatever comes next says why."""
    return replace(back_to(state, number, facts), why=survey_id, reasons=facts.why.reasons)


def _reasons(facts: Facts) -> str:
    if not facts.why.reasons:
        return ""
    lines = "\n".join(f"{digit} {reason}" for digit, reason in enumerate(facts.why.reasons, start=1))
    return wording.SURVEY_REASONS.format(lines=lines)
