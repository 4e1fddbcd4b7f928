"""A resident who said that a case is solved, and says a moment later that it is not, over real PostgreSQL."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend.cases import surveys
from backend.cases.models import Case, CaseEvent
from backend.cases.survey_models import (
    Follow,
    ReviewState,
    Survey,
    SurveyAnswer,
    SurveyPolicy,
    SurveyReview,
    SurveyState,
)
from backend.cases.survey_policies import REASONS
from backend.cases.workflow import Action, Status
from backend.places.roles import Role
from backend.times import now
from backend.wechat import wording
from backend.wechat.models import Conversation
from tests.wechat import pushes
from tests.wechat.pushes import push, read, send


def say(client, words):
    return read(send(client, push(pushes.text(words))))


@pytest.fixture
def surveyed(client, committed):
    """The number of a closed case whose survey waits for 1 to 5; a later case is open."""
    say(client, "楼下的垃圾桶满了好几天，味道很大")
    [closed] = committed.scalars(sa.select(Case)).all()
    closed.status = Status.CLOSED
    asked = {"case_id": closed.id, "round": 1, "resident_id": closed.resident_id}
    survey = Survey(**asked, state=SurveyState.SENT)
    committed.add(survey)
    surveys.answer(survey, solved=True)
    committed.commit()
    say(client, "路灯不亮了，晚上看不见路，请派人来修")
    talk = committed.scalars(sa.select(Conversation)).one()
    talk.state = talk.state | {"survey": survey.id, "survey_number": closed.number, "survey_until": 9e9}
    committed.commit()
    return closed.number


def case(session, number):
    session.rollback()
    return session.scalars(sa.select(Case).where(Case.number == number)).one()


def test_the_case_that_was_asked_about_comes_back_and_not_another(client, committed, surveyed):
    assert f"编号 {surveyed} 会重新办理" in say(client, "没解决，还是臭")
    say(client, "垃圾桶旁边还是很臭，晚上窗户都不敢开，孩子也睡不好")
    back = case(committed, surveyed)
    assert (back.status, back.round) == (Status.ACCEPTED, 2)
    steps = sa.select(CaseEvent.action, CaseEvent.note).where(CaseEvent.case_id == back.id)
    assert [tuple(step) for step in committed.execute(steps.order_by(CaseEvent.id).offset(1))] == [
        (Action.REOPEN, "没有解决：没解决，还是臭"),
        (Action.ADD, "垃圾桶旁边还是很臭，晚上窗户都不敢开，孩子也睡不好"),
    ]


def test_both_answers_are_on_record_and_the_last_one_counts(client, committed, surveyed):
    say(client, "没解决，还是臭")
    say(client, "垃圾桶旁边还是很臭")
    survey = committed.scalars(sa.select(Survey).execution_options(populate_existing=True)).one()
    assert (survey.solved, survey.words) == (False, "没解决，还是臭\n垃圾桶旁边还是很臭")
    given = committed.scalars(survey.answers.select().order_by(SurveyAnswer.id)).all()
    assert [one.solved for one in given] == [True, False, False]


def test_already_solved_takes_it_back_and_the_case_is_closed_again(client, committed, surveyed):
    say(client, "没解决，还是臭")
    say(client, "2 5")
    reply = say(client, "已经解决了")
    assert "好的，改成“已解决”了，这件事不再重新办理。" in reply
    assert "您对这次办理满意吗" in reply
    back = case(committed, surveyed)
    assert (back.status, back.round) == (Status.CLOSED, 1)
    survey = committed.scalars(sa.select(Survey)).one()
    assert (survey.solved, survey.words, survey.reasons) == (True, None, [])
    given = committed.scalars(survey.answers.select().order_by(SurveyAnswer.id)).all()
    assert [one.solved for one in given] == [True, False, False, True]
    assert say(client, "2") == wording.DISSATISFIED[Follow.REOPEN].format(number=surveyed) + why(committed)
    assert case(committed, surveyed).round == 2


@pytest.mark.parametrize("words", ["没有解决", "还没有解决", "没修好"])
def test_not_solved_takes_a_good_answer_back_once_all_was_said(client, committed, surveyed, words):
    assert say(client, "5") == wording.SURVEY_THANKS
    reply = say(client, words)
    assert reply == wording.UNSOLVED[Follow.REOPEN].format(number=surveyed) + why(committed)
    assert case(committed, surveyed).round == 2
    assert committed.scalar(sa.select(sa.func.count()).select_from(Case)) == 2


def test_a_case_that_waits_to_be_confirmed_is_meant_before_an_answer_that_was_given(
    client, committed, surveyed
):
    say(client, "5")
    waiting = committed.scalars(sa.select(Case).where(Case.number != surveyed)).one()
    waiting.status = Status.RESOLVED
    committed.commit()
    assert waiting.number in say(client, "没有解决")
    assert (case(committed, surveyed).round, case(committed, waiting.number).round) == (1, 2)


def test_a_day_later_not_solved_is_a_new_matter(client, committed, surveyed):
    say(client, "5")
    committed.execute(sa.update(Survey).values(answered_at=now() - timedelta(hours=25)))
    committed.commit()
    say(client, "没有解决")
    assert case(committed, surveyed).round == 1


def why(session):
    lines = "\n".join(f"{n} {reason}" for n, reason in enumerate(REASONS, start=1))
    return wording.SURVEY_REASONS.format(lines=lines)


def test_where_somebody_has_begun_the_resident_reads_that_it_goes_on(client, committed, surveyed):
    say(client, "没解决，还是臭")
    back = case(committed, surveyed)
    taken = {"action": Action.CLAIM, "role": Role.INFORMATION_OFFICER, "to_status": back.status}
    committed.add(CaseEvent(case_id=back.id, round=back.round, **taken))
    committed.commit()
    assert "改成“已解决”了，这件事已经有人在重新办理，会接着办完。" in say(client, "解决了")
    assert (case(committed, surveyed).status, case(committed, surveyed).round) == (Status.ACCEPTED, 2)


def test_after_a_day_solved_takes_nothing_back(client, committed, surveyed):
    say(client, "没解决，还是臭")
    committed.execute(sa.text("UPDATE surveys SET answered_at = now() - interval '25 hours'"))
    committed.commit()
    assert say(client, "解决了") == wording.THANKED
    assert case(committed, surveyed).round == 2


def test_what_was_upheld_within_the_day_is_told_and_no_more_is_promised(client, committed, surveyed):
    found = case(committed, surveyed)
    survey = committed.scalars(sa.select(Survey)).one()
    committed.add(SurveyPolicy(area_id=found.district_id, on_unsolved=Follow.REVIEW))
    facts = {"survey_id": survey.id, "case_id": found.id, "complaint": "不满意"}
    committed.add(SurveyReview(**facts, state=ReviewState.UPHELD))
    committed.commit()
    assert "记下了，已转告负责的单位" in say(client, "没解决，还是臭")
    found = case(committed, surveyed)
    assert (found.status, found.round) == (Status.CLOSED, 1)
    assert committed.scalar(sa.select(SurveyReview.state)) is ReviewState.UPHELD


def test_who_takes_back_what_a_supervisor_was_to_look_at_reads_that_nobody_will(client, committed, surveyed):
    committed.add(SurveyPolicy(area_id=case(committed, surveyed).district_id, on_unsolved=Follow.REVIEW))
    committed.commit()
    say(client, "没解决，还是臭")
    say(client, "1 5")
    assert "好的，改成“已解决”了，督查人员不再核查这件事。" in say(client, "已经解决了")
    review = committed.scalars(sa.select(SurveyReview)).one()
    assert (review.state, case(committed, surveyed).status) == (ReviewState.TAKEN_BACK, Status.CLOSED)
    assert all(reason in review.complaint for reason in (REASONS[0], REASONS[4], "还是臭"))


def test_of_a_case_that_is_open_again_the_words_are_kept_and_no_round_is_begun(client, committed, surveyed):
    case(committed, surveyed).status = Status.ACCEPTED
    committed.commit()
    say(client, "没有解决")
    found = case(committed, surveyed)
    last = committed.scalars(sa.select(CaseEvent).order_by(CaseEvent.id.desc()).limit(1)).one()
    assert (found.round, last.action, last.note) == (1, Action.COMMENT, "改了评价：没有解决")


@pytest.mark.parametrize("words", ["没有解决", "还没解决！"])
def test_not_solved_said_again_at_once_is_the_same_answer_and_adds_nothing(
    client, committed, surveyed, words
):
    say(client, "没有解决")
    before = said(committed)
    assert say(client, words) == wording.UNSOLVED_AGAIN
    assert "说说哪里没有解决" in wording.UNSOLVED_AGAIN
    assert said(committed) == before
    assert case(committed, surveyed).round == 2


def test_not_solved_said_again_is_nothing_about_the_answer_to_an_earlier_round(client, committed, surveyed):
    """That one was a good answer, of today, and is over since the next round was asked about."""
    say(client, "5")
    case(committed, surveyed).round = 2
    first = committed.scalars(sa.select(Survey)).one()
    of_next = {"case_id": first.case_id, "round": 2, "resident_id": first.resident_id}
    committed.add(Survey(**of_next, state=SurveyState.SENT))
    committed.commit()
    say(client, "2")
    before = said(committed)
    assert say(client, "没有解决") == wording.UNSOLVED_AGAIN
    committed.execute(sa.text("UPDATE conversations SET state = '{}'"))  # also when nothing more is awaited
    committed.commit()
    assert "答过了" not in say(client, "没有解决")
    assert said(committed) == before


def said(session):
    """All answers, and the steps of the case that was asked about."""
    session.rollback()
    given = session.execute(
        sa.select(SurveyAnswer.solved, SurveyAnswer.words).order_by(SurveyAnswer.id)
    ).all()
    asked = sa.select(Survey.case_id)
    steps = sa.select(CaseEvent.action, CaseEvent.note).where(CaseEvent.case_id.in_(asked))
    return given, session.execute(steps.order_by(CaseEvent.id)).all()
