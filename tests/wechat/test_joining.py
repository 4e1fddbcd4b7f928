"""附议 in the chat: what others reported here is offered by number, and a digit joins it."""

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend.cases.joining import Matter
from backend.cases.models import Attachment, Case, CaseEvent
from backend.cases.workflow import Action, Status
from backend.notify.messages import Message
from backend.notify.models import Notification
from backend.wechat import facts as reading
from backend.wechat import wording
from backend.wechat.talk import Kind, SurveyFact
from backend.wechat.turns import JoinMatter, RateSurvey
from backend.wechat.understanding import Intent, understand
from tests.factories import make_case, make_category, make_community
from tests.wechat import pushes
from tests.wechat.pushes import push, read
from tests.wechat.pushes import send as post
from tests.wechat.talking import CASE, FACTS, GUIHUA, NOON, POSITION, SURVEY, YULAN, say, send
from tests.wechat.test_names import statements

LAMP = Matter(31, "路灯不亮（玉兰社区，11月20日有人反映，正在办）")
WASTE = Matter(32, "垃圾堆放（玉兰社区，11月19日有人反映，正在办）")
OFFERED = {"matters": (LAMP, WASTE)}


@pytest.fixture
def offered(at_yulan):
    """The state after the matters of 玉兰社区 were listed."""
    return say("附议", at_yulan, **OFFERED).state


# -- what is meant


@pytest.mark.parametrize(
    "words", ["附议", "我要附议！", "我也是", "我家也是", "一样的问题", "我也有同样的情况", "同样的事"]
)
def test_who_has_the_same_to_say_is_understood(words):
    assert understand(words).intent is Intent.JOIN


@pytest.mark.parametrize(
    "words", ["我家也漏水", "我也是昨天看到三栋路灯不亮的", "一样", "楼下一样的问题没人管"]
)
def test_words_that_say_what_is_wrong_are_a_report(words):
    assert understand(words).intent is Intent.WORDS


# -- the turns


def test_the_open_matters_of_the_place_are_listed_by_number(at_yulan):
    turn = say("我也是", at_yulan, **OFFERED)
    assert f"1 {LAMP.words}\n2 {WASTE.words}" in turn.reply
    assert (turn.effects, turn.state.matters) == ((), (LAMP.id, WASTE.id))


def test_where_nothing_is_open_or_the_place_is_unknown_the_reply_leads_on(at_yulan):
    assert "请用一句话说说" in say("附议", at_yulan).reply
    assert "扫一扫" in say("附议", **OFFERED).reply
    assert LAMP.words in say("附议", home=YULAN, home_is_place=True, **OFFERED).reply


def test_the_digit_joins_and_what_was_sent_before_goes_along(offered):
    kept = send(Kind.PHOTO, offered, message={"media_id": "m1"}).state
    turn = say("2", kept)
    assert turn.effects == (JoinMatter(FACTS.number, WASTE.id, YULAN, media=(("photo", "m1"),)),)
    assert (turn.state.case_number, turn.state.kept, turn.state.matters) == (FACTS.number, (), ())
    assert say("2", turn.state).effects == ()


def test_a_digit_that_is_not_on_the_list_is_asked_again(offered):
    turn = say("3", offered)
    assert (turn.effects, turn.state) == ((), offered)
    assert "1 到 2" in turn.reply


@pytest.mark.parametrize(
    ("status", "number", "is_own"),
    [(Status.SUBMITTED, CASE.number, True), (Status.ACCEPTED, "261121000009", False)],
)
def test_what_was_reported_a_moment_ago_is_what_joins_while_nobody_has_looked_at_it(
    reported, status, number, is_own
):
    case = replace(CASE, status=status)
    offered = say("附议", reported, last=case, **OFFERED).state
    turn = say("1", offered, last=case, number="261121000009")
    assert turn.effects == (JoinMatter(number, LAMP.id, YULAN, is_own=is_own),)


def test_a_case_of_half_an_hour_ago_is_let_be(reported):
    late = {"now": NOON + timedelta(minutes=31), "number": "261121000009", "last": CASE}
    offered = say("附议", reported, **late, **OFFERED).state
    assert say("1", offered, **late).effects == (JoinMatter("261121000009", LAMP.id, YULAN),)


def test_the_matter_is_joined_where_it_was_listed_though_the_scan_has_lapsed_since():
    there = send(Kind.SCAN, message={"text": "scene1"}, scanned=YULAN, code=4).state
    listed = say("我也是", there, now=NOON + timedelta(hours=11, minutes=59), **OFFERED).state
    turn = say("1", listed, now=NOON + timedelta(hours=12, minutes=5))
    assert turn.effects == (JoinMatter(FACTS.number, LAMP.id, YULAN, code=4),)


def test_the_digit_answers_whatever_was_asked_last(offered, at_yulan):
    assert say("1", offered, survey=SURVEY).effects[0].solved  # the survey came after the list
    again = say("附议", at_yulan, survey=SURVEY, **OFFERED).state
    assert isinstance(say("1", again, survey=SURVEY).effects[0], JoinMatter)
    later = SurveyFact(SURVEY.id + 1, SURVEY.number, is_open=True)
    rating = say("1", again, survey=later, now=NOON + timedelta(minutes=1)).state
    assert isinstance(say("5", rating, now=NOON + timedelta(minutes=2)).effects[0], RateSurvey)
    listed = say("附议", rating, now=NOON + timedelta(minutes=3), **OFFERED).state
    assert isinstance(say("1", listed, now=NOON + timedelta(minutes=4)).effects[0], JoinMatter)


def test_a_list_is_forgotten_with_its_half_hour_its_place_or_another_report(offered):
    assert say("1", offered, now=NOON + timedelta(minutes=31)).reply == wording.NOTHING_ASKED
    for state in (
        send(Kind.LOCATION, offered, message=POSITION, near=GUIHUA).state,
        send(Kind.SCAN, offered, message={"text": "guihua"}, scanned=GUIHUA).state,
        say("垃圾堆在路口没人清理", offered).state,
    ):
        assert say("1", state).effects == ()


def test_the_same_trouble_is_an_answer_where_we_asked_why_a_case_came_back(reported):
    asked = replace(reported, asking="why")
    turn = say("一样的问题", asked, last=replace(CASE, status=Status.ACCEPTED), **OFFERED)
    assert turn.effects[0].words == "一样的问题"


def test_the_state_is_stored_and_read_again(offered):
    assert type(offered).read(offered.stored()) == offered


# -- over real PostgreSQL


def tell(client, fields, openid="o" + "1" * 27):
    return read(post(client, push(fields, openid)))


def scan(client):
    return tell(client, pushes.event("SCAN", "yulan"))


def words(client, text, **more):
    return tell(client, pushes.text(text), **more)


@pytest.fixture
def matter(committed, community):
    """What a neighbour reported, filed and at work."""
    category = make_category(committed, "路灯不亮")
    fields = {"category_id": category.id, "status": Status.IN_PROGRESS, "report": "陈阿姨家门口的灯坏了"}
    return make_case(committed, community, **fields)


def own(session):
    session.rollback()
    return session.scalars(sa.select(Case).where(Case.resident_id.is_not(None)).order_by(Case.id)).all()


def alerts(session):
    told = sa.select(Notification.message).where(Notification.officer_id.is_not(None))
    return session.scalars(told).all()


def test_who_joins_by_chat_has_a_case_of_their_own_and_wakes_nobody(client, committed, matter):
    scan(client)
    listed = words(client, "附议")
    assert "1 路灯不亮（玉兰社区" in listed
    assert "陈阿姨" not in listed
    delivery = push(pushes.text("1"))
    reply = read(post(client, delivery))
    [case] = own(committed)
    assert (case.status, case.master_id, case.report) == (Status.MERGED, matter.id, "附议：路灯不亮")
    assert case.code_id is not None
    assert f"您的编号：{case.number}" in reply
    assert alerts(committed) == []
    assert read(post(client, delivery)) == reply  # delivered again
    tell(client, pushes.image())
    assert committed.scalars(sa.select(Attachment.case_id)).all() == [case.id]
    assert "没有邻居反映过" in words(client, "附议")
    assert len(own(committed)) == 1


def test_the_case_of_a_moment_ago_is_the_one_that_joins(client, committed, matter):
    scan(client)
    words(client, "我家楼下的灯也不亮，走路看不见")
    words(client, "附议")
    reply = words(client, "1")
    [case] = own(committed)
    assert (case.status, case.report) == (Status.MERGED, "我家楼下的灯也不亮，走路看不见")
    assert case.number in reply
    steps = committed.scalars(sa.select(CaseEvent.action).filter_by(case_id=case.id).order_by(CaseEvent.id))
    assert steps.all() == [Action.SUBMIT, Action.JOIN]


def test_what_is_over_when_the_digit_comes_is_said_and_the_case_stands_alone(client, committed, matter):
    scan(client)
    words(client, "附议")
    committed.get(Case, matter.id).status = Status.CLOSED
    committed.commit()
    reply = words(client, "1")
    [case] = own(committed)
    assert (case.status, "不能和邻居反映的“路灯不亮”一起办" in reply, case.number in reply) == (
        Status.SUBMITTED,
        True,
        True,
    )
    assert alerts(committed) == [Message.CASE_SUBMITTED]


def test_what_moved_elsewhere_meanwhile_is_not_said_to_be_over(client, committed, matter):
    scan(client)
    words(client, "我也是")
    moved = committed.get(Case, matter.id)
    moved.community_id = make_community(committed, name="月季社区").id
    moved.category_id = None
    committed.commit()
    reply = words(client, "1")
    [case] = own(committed)
    assert (case.status, case.report) == (Status.SUBMITTED, "附议：同一件事")
    assert "现在不能和邻居反映的“同一件事”一起办，您的这件单独登记了" in reply


def test_a_number_that_is_taken_is_drawn_again(client, committed, matter, monkeypatch):
    scan(client)
    words(client, "附议")
    drawn = iter([matter.number, "261121999999"])
    monkeypatch.setattr(reading, "new_number", lambda at: next(drawn))
    assert "261121999999" in words(client, "1")
    assert [case.number for case in own(committed)] == ["261121999999"]


def test_only_who_asks_for_the_matters_pays_for_them(client, committed, matter):
    scan(client)
    with statements() as asked:
        words(client, "你好")
        assert "收到，已登记" in words(client, "楼下垃圾堆满了，臭得睡不着")
    assert asked == []
    with statements() as asked:
        words(client, "附议")
    assert len([each for each in asked if each.startswith("SELECT")]) == 2
