"""没有解决 between the closing of a case and its survey is the answer to that closing, over PostgreSQL."""

import pytest
import sqlalchemy as sa

from backend.cases.models import Case, CaseEvent
from backend.cases.survey_models import (
    Follow,
    ReviewState,
    Survey,
    SurveyPolicy,
    SurveyReview,
    SurveyState,
    Via,
)
from backend.cases.workflow import Action, Status
from backend.times import now
from backend.wechat import wording
from tests.wechat import pushes
from tests.wechat.pushes import push, read, send

NO_LIGHT, RUBBISH = "路灯不亮了，晚上看不见路，请派人来修", "楼下的垃圾桶满了好几天，味道很大"


def say(client, words):
    return read(send(client, push(pushes.text(words))))


def close(client, session, words):
    """The number of a case that was reported a while ago and is closed since; its survey is due later."""
    say(client, words)
    session.rollback()
    case = session.scalars(sa.select(Case).order_by(Case.id.desc()).limit(1)).one()
    case.status, case.closed_at = Status.CLOSED, now()
    asked = {"case_id": case.id, "round": 1, "resident_id": case.resident_id}
    session.add(Survey(**asked, state=SurveyState.DUE, next_at=now()))
    session.execute(sa.text("UPDATE conversations SET state = '{}'"))
    session.commit()
    return case.number


@pytest.fixture
def closed(client, committed):
    return close(client, committed, NO_LIGHT)


def case(session, number):
    session.rollback()
    return session.scalars(sa.select(Case).where(Case.number == number)).one()


def last_step(session, number):
    own = sa.select(CaseEvent).where(CaseEvent.case_id == case(session, number).id)
    event = session.scalars(own.order_by(CaseEvent.id.desc()).limit(1)).one()
    return event.action, event.note


@pytest.mark.parametrize(
    ("words", "note"),
    [
        ("没有解决", "没有解决"),
        ("没解决，还是看不见路", "没有解决：没解决，还是看不见路"),
    ],
)
def test_not_solved_brings_back_the_case_that_was_just_closed(client, committed, closed, words, note):
    reply = say(client, words)
    assert reply.startswith(wording.UNSOLVED[Follow.REOPEN].format(number=closed))
    assert (case(committed, closed).status, case(committed, closed).round) == (Status.ACCEPTED, 2)
    assert last_step(committed, closed) == (Action.REOPEN, note)
    assert len(committed.scalars(sa.select(Case)).all()) == 1
    survey = committed.scalars(sa.select(Survey)).one()
    assert (survey.state, survey.solved, survey.via) == (SurveyState.ANSWERED, False, Via.CHAT)
    assert (survey.next_at, survey.sent_at) == (None, None)  # nobody asks what was said already


@pytest.mark.parametrize("words", ["没人管", "不行", "没有解决"])
def test_where_another_case_was_just_reported_the_words_are_of_that_one(client, committed, closed, words):
    say(client, "垃圾桶满了三天，没有人来收，味道很大")
    say(client, words)
    assert case(committed, closed).status is Status.CLOSED
    reported = committed.scalars(sa.select(Case).order_by(Case.id.desc()).limit(1)).one()
    assert last_step(committed, reported.number) == (Action.ADD, words)


def test_what_the_policy_says_of_a_bad_answer_holds_there_too(client, committed, closed):
    place = case(committed, closed).district_id
    committed.add(SurveyPolicy(area_id=place, on_unsolved=Follow.REVIEW, reasons=["没有人来"]))
    committed.commit()
    assert "督查人员会重新核查" in say(client, "没有解决")
    say(client, "1")
    assert case(committed, closed).status is Status.CLOSED
    assert committed.scalar(sa.select(SurveyReview.state)) is ReviewState.OPEN
    assert committed.scalar(sa.select(Survey.reasons)) == ["没有人来"]


def test_of_several_the_resident_is_asked_which_and_the_number_says_it(client, committed, closed):
    other = close(client, committed, RUBBISH)
    reply = say(client, "没有解决")
    assert all(words in reply for words in (closed, other, "路灯不亮了", "楼下的垃圾桶"))
    assert {one.status for one in committed.scalars(sa.select(Case))} == {Status.CLOSED}
    assert f"编号 {closed} 会重新办理" in say(client, f"{closed} 没有解决")
    assert (case(committed, closed).round, case(committed, other).round) == (2, 1)


def test_a_digit_says_that_nothing_was_asked_and_what_will_be(client, committed, closed):
    assert say(client, "2") == wording.NOT_ASKED_YET.format(number=closed)
    assert "过些时候我们会问您解决没有" in say(client, "2")
    assert case(committed, closed).round == 1


def test_what_we_have_asked_is_what_is_answered(client, committed, closed):
    committed.execute(sa.update(Survey).values(state=SurveyState.SENT))
    committed.commit()
    other = close(client, committed, RUBBISH)
    say(client, "没有解决")
    assert (case(committed, closed).round, case(committed, other).round) == (2, 1)
    say(client, "没有解决")  # said twice, it brings back no other case
    say(client, "没解决，还是不亮")
    assert case(committed, other).round == 1
    assert len(committed.scalars(sa.select(Case)).all()) == 2


def test_a_case_that_waits_to_be_confirmed_is_meant_before_one_that_is_closed(client, committed, closed):
    other = close(client, committed, RUBBISH)
    committed.execute(sa.delete(Survey).where(Survey.case_id == case(committed, other).id))
    committed.execute(sa.update(Case).where(Case.number == other).values(status=Status.RESOLVED))
    committed.commit()
    say(client, "没有解决")
    assert (case(committed, closed).round, case(committed, other).round) == (1, 2)


def test_a_number_with_not_solved_of_a_case_at_work_tells_how_it_stands(client, committed):
    say(client, NO_LIGHT)
    number = committed.scalar(sa.select(Case.number))
    assert f"编号 {number}，等待受理" in say(client, f"{number} 没有解决")
    assert len(committed.scalars(sa.select(Case)).all()) == 1


def test_a_word_about_another_matter_is_a_case_of_its_own(client, committed, closed):
    say(client, RUBBISH)
    assert len(committed.scalars(sa.select(Case)).all()) == 2
    assert case(committed, closed).status is Status.CLOSED
