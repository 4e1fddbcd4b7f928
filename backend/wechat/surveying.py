"""Turns of a callback survey: the two questions, why an answer is a bad one, second thoughts, late taps."""

from collections.abc import Sequence
from dataclasses import replace

from backend.cases.intake import summary
from backend.cases.models import REPORT_LENGTH
from backend.cases.survey_models import Follow
from backend.cases.surveys import CHANGE_FOR, DISSATISFIED, SATISFACTION
from backend.cases.workflow import Status
from backend.wechat import wording
from backend.wechat.reports import ADD_FOR, back_to, cut, is_adding, is_asking_why, is_telling_why, surveyed
from backend.wechat.talk import CaseFact, Facts, Kind, Media, Message, State, SurveyFact
from backend.wechat.turns import AddToAnswer, AddToCase, AnswerSurvey, RateSurvey, SayLate, TickReasons, Turn
from backend.wechat.understanding import Intent, Understood, digit_of


def is_rating(state: State, facts: Facts) -> bool:
    """Whether the account waits to hear how satisfied someone is, who said that their case is solved."""
    return state.survey is not None and facts.now.timestamp() <= state.survey_until


def is_rated(state: State, facts: Facts) -> bool:
    """Whether they may still say how satisfied they are, or say otherwise."""
    return state.survey is not None and facts.now.timestamp() <= state.rated_until


def is_rating_anew(state: State, facts: Facts) -> bool:
    """Whether a digit says it: nothing else is asked, and nothing else is spoken of just now."""
    is_asked = facts.survey is not None and (facts.survey.is_open or facts.survey.is_due)
    is_free = not is_asked and not is_adding(state, facts) and asked_last(state, facts) is None
    return is_free and is_rated(state, facts)


def is_judging(state: State, understood: Understood, facts: Facts) -> bool:
    """Whether words of the scale say how satisfied they are; more words than these only where we have asked,
    or where no other case is spoken of just now: 不满意，灯又坏了."""
    if not understood.satisfaction or is_rating(state, facts):
        return bool(understood.satisfaction)
    if understood.intent is Intent.RATING:
        is_open = facts.survey is not None and facts.survey.is_open
        return is_rated(state, facts) and not is_open and asked_last(state, facts) is None
    return is_rated(state, facts) and not is_adding(state, facts) and not is_telling_why(state, facts)


def is_ticking(state: State, facts: Facts) -> bool:
    """Whether a digit says why an answer is a bad one; a survey that is open since has asked for one, too."""
    asked = facts.survey.id if facts.survey is not None and facts.survey.is_open else 0
    return is_telling_why(state, facts) and bool(state.reasons) and asked <= (state.why or 0)


def is_taking_back(facts: Facts, *, solved: bool) -> bool:
    """Whether this takes back what was said to a survey within the day."""
    survey = facts.survey
    return survey is not None and survey.is_changeable and survey.solved is not solved


def is_asked_since(case: CaseFact, state: State, facts: Facts) -> bool:
    """Whether a survey has asked something after this case asked whether it is solved: the newest question is
    what is answered."""
    asked = [facts.survey.asked_at] if facts.survey is not None and facts.survey.is_open else []
    if is_telling_why(state, facts):
        asked.append(state.case_until - ADD_FOR.total_seconds())
    if is_rated(state, facts):
        asked.append(state.rated_until - CHANGE_FOR.total_seconds())
    return max(asked, default=0) > case.resolved_at


def asked_last(state: State, facts: Facts) -> CaseFact | None:
    """The case that asks whether it is solved, where that is the newest question."""
    case = next((case for case in facts.recent if case.status is Status.RESOLVED), None)
    return None if case is None or is_asked_since(case, state, facts) else case


def is_change(state: State, understood: Understood, facts: Facts) -> bool:
    """Whether 没有解决 is a change of mind: we have just heard 已解决, and asked how satisfied they are."""
    if not understood.is_denial or not is_rating(state, facts):
        return False
    if understood.number is None:
        return asked_last(state, facts) is None
    return understood.number == state.survey_number


def is_said_again(state: State, understood: Understood, facts: Facts) -> bool:
    """Whether 没有解决 says once more what we have just heard, and asked about."""
    is_more = (
        is_taking_back(facts, solved=False) and facts.survey is not None and facts.survey.id == state.why
    )
    return is_asking_why(state, facts) and understood.number in (None, state.case_number) and not is_more


def is_of_closed(state: State, understood: Understood, facts: Facts) -> bool:
    """Whether 没有解决 is of a closed case: we heard today that it is solved, or have not asked yet."""
    is_due = facts.survey is not None and facts.survey.is_due
    is_free = understood.number is not None or not is_adding(state, facts)
    return is_taking_back(facts, solved=False) or (is_due and is_free)


def is_answer(state: State, understood: Understood, facts: Facts) -> bool:
    """Whether 没有解决 answers a survey. Words that only begin with it do, where one case was asked about, or
    will be, and none is spoken of just now; or where its number stands with them."""
    survey = facts.survey
    if survey is None or not understood.is_denial:
        return False
    if understood.intent is Intent.UNSOLVED:
        return True
    if understood.number is not None:
        return survey.is_open or survey.is_due or is_taking_back(facts, solved=False)
    is_one = (survey.is_open or survey.is_due) and not facts.others
    return is_one and not is_adding(state, facts) and not is_telling_why(state, facts)


def answered_badly(state: State, message: Message, facts: Facts) -> int | None:
    """The survey to which this message may give a bad answer."""
    if message.tapped.startswith("survey:"):
        is_bad = message.tapped.endswith(":unsolved")
    elif message.kind in (Kind.TEXT, Kind.VOICE):
        said = message.understood
        is_digit = said.intent is Intent.DIGIT and digit_of(message.text) in (1, 2)
        is_rate = is_digit and (is_rating(state, facts) or is_rating_anew(state, facts))
        is_dissent = 0 < said.satisfaction <= DISSATISFIED and is_judging(state, said, facts)
        if is_rate or is_dissent or is_change(state, said, facts):
            return state.survey
        is_asked = facts.survey is not None and facts.survey.is_open
        is_bad = is_answer(state, said, facts) or (is_digit and is_asked)
    else:
        return None
    return facts.survey.id if is_bad and facts.survey is not None else None


def ask_which(state: State, facts: Facts) -> Turn | None:
    """Where several cases may be meant, of which one was not asked about yet."""
    if facts.survey is None or not facts.others:
        return None
    each = (
        wording.CLOSED_LINE.format(number=one.number, summary=summary(one.report))
        for one in (facts.survey, *facts.others)
    )
    return Turn(state, wording.WHICH_CLOSED.format(lines="\n".join(each), link=facts.link))


def answer(state: State, facts: Facts, *, solved: bool) -> Turn:
    survey = facts.survey
    if survey is None:
        return Turn(state, wording.SURVEY_OVER)
    if survey.is_expired:
        late = wording.SURVEY_LATE[solved].format(link=facts.link, number=survey.number)
        return Turn(state, late, (SayLate(survey.id, solved),))
    is_change = survey.is_changeable and survey.solved is not solved
    if not (survey.is_open or survey.is_due or is_change):
        return Turn(state, wording.SURVEY_OVER)
    return _solved(state, survey, facts) if solved else _unsolved(state, survey, facts)


def _solved(state: State, survey: SurveyFact, facts: Facts) -> Turn:
    until = (facts.now + ADD_FOR).timestamp()
    asking = replace(surveyed(state), survey=survey.id, survey_number=survey.number, survey_until=until)
    asking = replace(asking, rated_until=(facts.now + CHANGE_FOR).timestamp())
    if state.asking == "why":
        asking = replace(asking, asking="")
    changed = wording.SURVEY_CHANGED if survey.is_changeable else ""
    return Turn(asking, changed + wording.SURVEY_SOLVED, (AnswerSurvey(survey.id, True),))


def _unsolved(state: State, survey: SurveyFact, facts: Facts) -> Turn:
    said = wording.UNSOLVED[facts.why.unsolved]
    reply = said.format(number=survey.number) + _reasons(facts)
    return Turn(_why(state, survey.id, survey.number, facts), reply, (AnswerSurvey(survey.id, False),))


def rate(state: State, survey_id: int, step: int, facts: Facts, words: str = "", media: Media = ()) -> Turn:
    """How satisfied they are, also for the second time. Words are of somebody who is not."""
    if step not in SATISFACTION:
        return Turn(state, wording.SURVEY_FIVE)
    is_anew = not state.survey_until
    rating = RateSurvey(survey_id, step, words[:REPORT_LENGTH], is_anew)
    if step > DISSATISFIED:
        asking = "" if state.asking == "why" else state.asking
        thanked = _rated(state, replace(surveyed(state), asking=asking))
        again = wording.SURVEY_RERATED.format(said=SATISFACTION[step], holds="")
        return Turn(thanked, again if is_anew else wording.SURVEY_THANKS, (rating,))
    reply = wording.DISSATISFIED[facts.why.dissatisfied].format(number=state.survey_number)
    asked = _rated(state, _why(state, survey_id, state.survey_number, facts))
    recording = _recording(survey_id, state.survey_number, media, facts.why.dissatisfied)
    return Turn(asked, reply + (cut(words) or _reasons(facts)), (rating, *recording))


def _rated(before: State, state: State) -> State:
    """They may say otherwise still."""
    return replace(
        state, survey=before.survey, survey_number=before.survey_number, rated_until=before.rated_until
    )


def deny(state: State, survey_id: int, number: str, text: str, media: Media, facts: Facts) -> Turn:
    """The case is not solved, in words of their own, if any: perhaps a change of mind."""
    words = text[:REPORT_LENGTH]
    recording = _recording(survey_id, number, media, facts.why.unsolved)
    said = wording.UNSOLVED[facts.why.unsolved]
    back = _why(state, survey_id, number, facts)
    answered = AnswerSurvey(survey_id, False, words)
    asked = cut(text) if text else _reasons(facts)
    return Turn(back, said.format(number=number) + asked, (answered, *recording))


def _recording(
    survey_id: int, number: str, media: Media, follow: Follow | None
) -> tuple[AddToCase | AddToAnswer, ...]:
    """What was spoken joins the case where that comes back; else it takes nothing more by itself."""
    if not media:
        return ()
    is_back = follow is Follow.REOPEN
    return (AddToCase(number, media=media) if is_back else AddToAnswer(survey_id, media=media),)


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
