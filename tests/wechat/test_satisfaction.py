"""How satisfied somebody is, said in the words of the scale, and said otherwise within a day."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend.cases import surveys
from backend.cases.models import Attachment, Case, CaseEvent
from backend.cases.survey_models import Follow, Survey, SurveyAnswer, SurveyPolicy, SurveyState
from backend.cases.survey_policies import REASONS
from backend.cases.workflow import Action, Status
from backend.times import now
from backend.wechat import wording
from backend.wechat.models import Conversation
from backend.wechat.understanding import Intent, understand
from tests.factories import make_case
from tests.wechat import pushes
from tests.wechat.pushes import push, read, send

LOOK_ALIKE = "满意小区路灯坏了"


def tell(client, fields):
    return read(send(client, push(fields)))


def say(client, words):
    return tell(client, pushes.text(words))


@pytest.fixture
def asked(client, committed):
    """The number of a closed case, after the answer that it is solved: how satisfied is asked."""
    say(client, "楼下的垃圾桶满了好几天，味道很大")
    [closed] = committed.scalars(sa.select(Case)).all()
    closed.status, closed.closed_at = Status.CLOSED, now()
    of_it = {"case_id": closed.id, "round": 1, "resident_id": closed.resident_id}
    committed.add(Survey(**of_it, state=SurveyState.SENT, sent_at=now()))
    committed.execute(sa.update(Conversation).values(state={}))
    committed.commit()
    assert "您对这次办理满意吗" in say(client, "1")
    return closed.number


def given(session):
    """How satisfied, by each answer that is on the record; there is no case but the one."""
    session.rollback()
    assert session.scalar(sa.select(sa.func.count()).select_from(Case)) == 1
    return session.scalars(sa.select(SurveyAnswer.satisfaction).order_by(SurveyAnswer.id)).all()


def survey(session):
    session.rollback()
    return session.scalars(sa.select(Survey)).one()


def case(session):
    session.rollback()
    return session.scalars(sa.select(Case)).one()


def last_step(session):
    steps = sa.select(CaseEvent.action, CaseEvent.note).order_by(CaseEvent.id.desc()).limit(1)
    return tuple(session.execute(steps).one())


def later(session, **length):
    """So much time passes."""
    back = timedelta(**length)
    found, talk = survey(session), session.scalars(sa.select(Conversation)).one()
    found.answered_at -= back
    moments = {name: at - back.total_seconds() for name, at in talk.state.items() if name.endswith("_until")}
    talk.state = talk.state | moments
    session.commit()


@pytest.mark.parametrize(
    ("words", "step"),
    [
        ("很满意", 5),
        ("非常满意！", 5),
        ("十分满意，谢谢你们", 5),
        ("我很满意的", 5),
        ("满意", 4),
        ("满意吧", 4),
        ("满意啊。", 4),
        ("满意了", 4),
        ("比较满意", 4),
        ("一般", 3),
        ("一般般吧", 3),
        ("还行", 3),
        ("还可以吧", 3),
        ("不满意", 2),
        ("不满意！！", 2),
        ("不太满意", 2),
        ("对这次办理不满意", 2),
        ("很不满意", 1),
        ("非常不满意啊", 1),
        ("一点都不满意", 1),
        ("改成不满意吧", 2),
    ],
)
def test_the_words_of_the_scale_are_read(words, step):
    understood = understand(words)
    assert (understood.intent, understood.satisfaction) == (Intent.RATING, step)


@pytest.mark.parametrize(
    "words",
    [
        LOOK_ALIKE,
        "满意小区路灯坏了，晚上很黑",
        "满意，另外井盖坏了",
        "满意吗",
        "一般人走不过去",
        "还可以走的路堵了",
        "对物业不满意",
        "居民都很满意的公园关门了",
    ],
)
def test_what_only_looks_like_it_is_a_report(words):
    understood = understand(words)
    assert (understood.intent, understood.satisfaction) == (Intent.WORDS, 0)


@pytest.mark.parametrize(("words", "step"), [("非常满意", 5), ("满意吧", 4), ("还行", 3)])
def test_where_we_have_asked_they_are_the_answer_and_no_new_case(client, committed, asked, words, step):
    assert say(client, words) == wording.SURVEY_THANKS
    assert given(committed) == [None, step]
    assert case(committed).status is Status.CLOSED


@pytest.mark.parametrize(("words", "step"), [("不满意", 2), ("很不满意啊", 1)])
def test_dissatisfaction_in_words_brings_the_case_back_and_is_asked_why(
    client, committed, asked, words, step
):
    reply = say(client, words)
    assert reply.startswith(wording.SURVEY_SORRY.format(number=asked))
    assert f"1 {REASONS[0]}" in reply
    assert given(committed) == [None, step]
    assert (case(committed).status, case(committed).round) == (Status.ACCEPTED, 2)


def test_what_only_looks_like_it_is_a_case_of_its_own_also_where_we_have_asked(client, committed, asked):
    assert "已登记" in say(client, LOOK_ALIKE)
    assert survey(committed).satisfaction is None


def test_who_says_more_is_dissatisfied_with_these_words(client, committed, asked):
    reply = say(client, "不满意，灯又坏了")
    assert reply.startswith(wording.SURVEY_SORRY.format(number=asked))
    assert given(committed) == [None, 2]
    assert (survey(committed).solved, survey(committed).words) == (True, "不满意，灯又坏了")
    assert last_step(committed) == (Action.REOPEN, "不满意：不满意，灯又坏了")


def test_what_was_spoken_keeps_its_recording(client, committed, asked):
    tell(client, pushes.voice("v1", "不满意，灯又坏了。"))
    assert given(committed) == [None, 2]
    assert committed.scalars(sa.select(Attachment.case_id)).all() == [case(committed).id]


def test_where_a_supervisor_looks_first_it_joins_the_answer(client, committed, asked):
    committed.add(SurveyPolicy(area_id=case(committed).district_id, on_dissatisfied=Follow.REVIEW))
    committed.commit()
    assert "会请督查人员核查" in tell(client, pushes.voice("v1", "不满意，灯又坏了。"))
    assert case(committed).status is Status.CLOSED
    assert committed.scalars(sa.select(Attachment.case_id)).all() == [case(committed).id]


def test_an_hour_later_the_words_are_the_answer_still(client, committed, asked):
    later(committed, hours=1)
    say(client, "满意")
    assert given(committed) == [None, 4]


def test_the_thanks_say_that_it_can_be_changed_and_how(client, asked):
    assert "一天内想改，直接回复新的数字" in say(client, "5")


@pytest.mark.parametrize(("words", "step"), [("3", 3), ("一般吧", 3), ("很满意", 5), ("4", 4)])
def test_said_otherwise_after_the_thanks_it_is_changed_as_often_as_one_likes(
    client, committed, asked, words, step
):
    say(client, "满意")
    later(committed, hours=5)
    assert say(client, words) == wording.SURVEY_RERATED.format(said=surveys.SATISFACTION[step], holds="")
    assert survey(committed).satisfaction == step
    say(client, "5")
    assert survey(committed).satisfaction == 5


@pytest.mark.parametrize("words", ["不满意", "2", "不满意，灯又坏了"])
def test_who_is_dissatisfied_after_all_brings_the_case_back(client, committed, asked, words):
    say(client, "5")
    assert say(client, words).startswith(wording.SURVEY_SORRY.format(number=asked))
    assert given(committed) == [None, 5, 2]
    assert (case(committed).status, case(committed).round) == (Status.ACCEPTED, 2)


def test_who_is_satisfied_after_all_reads_that_the_case_does_not_come_back(client, committed, asked):
    say(client, "不满意")
    assert say(client, "满意了") == "好的，改成“满意”了，这件事不再重新办理。谢谢您。"
    assert given(committed) == [None, 2, 4]
    assert (case(committed).status, case(committed).round) == (Status.CLOSED, 1)


@pytest.mark.parametrize("words", ["3", "满意"])
def test_after_a_day_nothing_is_changed_and_nothing_is_opened(client, committed, asked, words):
    say(client, "5")
    later(committed, hours=25)
    say(client, words)
    assert given(committed) == [None, 5]


def test_another_survey_that_is_open_gets_the_digit_and_asks_for_it(client, committed, community, asked):
    say(client, "5")
    resident_id = case(committed).resident_id
    other = make_case(committed, community, status=Status.CLOSED, resident_id=resident_id)
    of_it = {"case_id": other.id, "round": 1, "resident_id": resident_id}
    committed.add(Survey(**of_it, state=SurveyState.SENT, sent_at=now()))
    committed.commit()
    assert say(client, "很满意") == wording.SURVEY_WHICH
    assert "会重新办理" in say(client, "2")
    states = committed.execute(sa.select(Survey.solved, Survey.satisfaction).order_by(Survey.id)).all()
    assert [tuple(row) for row in states] == [(True, 5), (False, None)]


@pytest.mark.parametrize("words", ["2", "不满意", "很满意"])
def test_a_case_that_waits_to_be_confirmed_since_is_said_to_wait_and_nothing_is_changed(
    client, committed, asked, words
):
    say(client, "5")
    found = case(committed)
    found.status, found.resolved_at = Status.RESOLVED, now()
    committed.commit()
    assert say(client, words) == wording.CONFIRM_WHICH.format(number=asked)
    assert given(committed) == [None, 5]
