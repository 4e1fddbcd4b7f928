"""A resident who said that a case is solved, and says a moment later that it is not, over real PostgreSQL."""

import pytest
import sqlalchemy as sa

from backend.cases.models import Case, CaseEvent
from backend.cases.workflow import STATUS_LABELS, Action, Status
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
    committed.commit()
    say(client, "路灯不亮了，晚上看不见路，请派人来修")
    talk = committed.scalars(sa.select(Conversation)).one()
    talk.state = talk.state | {"survey": 5, "survey_number": closed.number, "survey_until": 9e9}
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
        (Action.REOPEN, "没解决，还是臭"),
        (Action.ADD, "垃圾桶旁边还是很臭，晚上窗户都不敢开，孩子也睡不好"),
    ]


def test_a_case_that_cannot_come_back_says_why_in_a_sentence(client, committed, surveyed):
    case(committed, surveyed).status = Status.ACCEPTED
    committed.commit()
    assert STATUS_LABELS[Status.ACCEPTED] in say(client, "没有解决")
    assert case(committed, surveyed).round == 1
