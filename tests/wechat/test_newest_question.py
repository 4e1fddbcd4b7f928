"""Of several questions about what is solved the newest is what is answered, over real PostgreSQL."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend.cases.models import Case, CaseEvent
from backend.cases.survey_models import Survey, SurveyAnswer, SurveyState
from backend.cases.workflow import Action, Status
from backend.times import now
from backend.wechat import wording
from backend.wechat.models import Conversation
from tests.wechat import pushes
from tests.wechat.pushes import push, read, send

NO_LIGHT, RUBBISH = "路灯不亮了，晚上看不见路，请派人来修", "楼下的垃圾桶满了好几天，味道很大"


def say(client, words):
    return read(send(client, push(pushes.text(words))))


def case(session, number):
    session.rollback()
    return session.scalars(sa.select(Case).where(Case.number == number)).one()


def report(client, session, words):
    say(client, words)
    session.rollback()
    return session.scalars(sa.select(Case.number).order_by(Case.id.desc()).limit(1)).one()


def survey(client, session, words):
    """The number of a case that was closed, and whose survey waits for an answer."""
    session.execute(sa.update(Conversation).values(state={}))
    session.commit()
    number = report(client, session, words)
    found = case(session, number)
    found.status, found.closed_at = Status.CLOSED, now()
    asked = {"case_id": found.id, "round": found.round, "resident_id": found.resident_id}
    session.add(Survey(**asked, state=SurveyState.SENT, sent_at=now()))
    session.execute(sa.update(Conversation).values(state={}))
    session.commit()
    return number


def resolve(session, number, at=None):
    found = case(session, number)
    found.status, found.resolved_at = Status.RESOLVED, at or now()
    session.commit()


def answers(session):
    session.rollback()
    return session.scalars(sa.select(SurveyAnswer.solved).order_by(SurveyAnswer.id)).all()


@pytest.fixture
def handled(client, committed):
    """The number of a case that came back by its survey and was handled again; it waits to be confirmed."""
    number = survey(client, committed, NO_LIGHT)
    say(client, "2")
    resolve(committed, number)
    return number


def test_solved_confirms_what_was_handled_again_and_leaves_the_old_answer(client, committed, handled):
    assert say(client, "已解决") == wording.CONFIRMED.format(number=handled)
    found = case(committed, handled)
    assert (found.status, found.round, answers(committed)) == (Status.CLOSED, 2, [False])


def test_not_solved_sends_back_what_was_handled_again_and_is_no_second_answer(client, committed, handled):
    assert say(client, "没有解决") == wording.REOPENED.format(number=handled)
    found = case(committed, handled)
    assert (found.status, found.round, answers(committed)) == (Status.ACCEPTED, 3, [False])


def test_what_is_written_of_a_case_that_waits_again_does_not_join_the_old_answer(client, committed, handled):
    say(client, "灯亮了，就是有点暗")
    steps = sa.select(CaseEvent.action, CaseEvent.note).order_by(CaseEvent.id.desc()).limit(1)
    assert tuple(committed.execute(steps).one()) == (Action.ADD, "灯亮了，就是有点暗")
    assert answers(committed) == [False]


def test_the_number_of_another_is_an_answer_to_that_one(client, committed, handled):
    other = survey(client, committed, RUBBISH)
    assert "您对这次办理满意吗" in say(client, f"{other} 已解决")
    assert case(committed, handled).status is Status.RESOLVED
    assert answers(committed) == [False, True]


def test_a_result_is_meant_before_an_older_survey_and_a_newer_survey_before_the_result(
    client, committed, handled
):
    survey(client, committed, RUBBISH)
    assert "您对这次办理满意吗" in say(client, "已解决")
    assert case(committed, handled).status is Status.RESOLVED
    committed.execute(
        sa.update(Survey)
        .where(Survey.solved)
        .values(state=SurveyState.SENT, solved=None, answered_at=None, sent_at=now() - timedelta(hours=1))
    )
    committed.execute(sa.update(Conversation).values(state={}))
    committed.commit()
    assert say(client, "已解决") == wording.CONFIRMED.format(number=handled)


def test_not_solved_is_of_the_result_that_came_after_we_asked_how_satisfied(client, committed):
    first = survey(client, committed, RUBBISH)
    second = report(client, committed, NO_LIGHT)
    assert "您对这次办理满意吗" in say(client, "1")
    resolve(committed, second)
    assert say(client, "没有解决") == wording.REOPENED.format(number=second)
    assert (case(committed, first).status, answers(committed)) == (Status.CLOSED, [True])


def test_not_solved_is_of_the_survey_where_the_result_is_older(client, committed):
    first = survey(client, committed, RUBBISH)
    second = report(client, committed, NO_LIGHT)
    resolve(committed, second, now() - timedelta(hours=2))
    assert "您对这次办理满意吗" in say(client, "1")
    say(client, "没有解决")
    assert (case(committed, second).status, answers(committed)) == (Status.RESOLVED, [True, False])
    assert case(committed, first).status is Status.ACCEPTED
