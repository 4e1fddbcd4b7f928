"""The talk when life is in danger: the number to call first, and a case of its own at the right place."""

from dataclasses import replace
from datetime import timedelta

import pytest

from backend.wechat.talk import (
    AddToCase,
    Kind,
    Locate,
    OpenCase,
)
from tests.wechat.talking import CASE, FACTS, FIRE, GUIHUA, NOON, POSITION, SURVEY, YULAN, say, send


def test_danger_at_a_place_that_was_asked_for_is_danger_first():
    asked = say("路灯不亮了").state
    turn = say("玉兰社区有人打架", asked, joined=CASE, named=YULAN)
    assert turn.effects == (OpenCase(FACTS.number, "玉兰社区有人打架", YULAN, urgent=True),)
    assert "110" in turn.reply


def test_danger_that_is_told_again_with_its_place_answers_where():
    asked = say("三栋着火了").state
    turn = say("玉兰社区三栋着火了", asked, joined=FIRE, named=YULAN)
    assert turn.effects == (Locate(CASE.number, YULAN, address="玉兰社区三栋着火了"),)
    assert turn.reply.index("119") < turn.reply.index("玉兰社区")


def test_danger_that_was_another_matter_is_urgent_there_too(reported):
    joined = say("有人打架", reported, joined=FIRE)
    turn = say("另一件", joined.state, joined=FIRE, number="261121000002")
    assert turn.effects == (OpenCase("261121000002", "有人打架", YULAN, urgent=True),)


def test_danger_answers_first_with_the_number_and_marks_the_case_urgent(at_yulan):
    turn = say("三栋着火了", at_yulan)
    assert turn.reply.index("119") < turn.reply.index(FACTS.number)
    assert turn.effects[0].urgent


def test_danger_at_a_place_scanned_just_now_says_the_place_and_how_to_correct_it(at_yulan):
    turn = say("三栋着火了", at_yulan)
    assert "地点：玉兰社区。如果不是这里，请马上点“＋”发送位置" in turn.reply
    assert "在哪里" not in turn.reply


def test_danger_after_another_matter_opens_its_own_case_at_once(reported):
    turn = say("有人跳楼", reported, joined=CASE, number="261121000002")
    assert turn.effects == (OpenCase("261121000002", "有人跳楼", YULAN, urgent=True),)


def test_danger_long_after_the_scan_asks_for_the_place_right_after_the_numbers_to_call(at_yulan):
    turn = say("有人跳楼", at_yulan, now=NOON + timedelta(hours=6))
    assert turn.effects == (OpenCase(FACTS.number, "有人跳楼", YULAN, urgent=True),)
    call, where, *rest = turn.reply.splitlines()
    assert "110" in call
    assert where.startswith("现在在哪里？请马上点“＋”发送位置")
    assert any("先记为玉兰社区" in line for line in rest)


def test_danger_nowhere_asks_for_the_place_right_after_the_number_to_call():
    call, where, *rest = say("着火了").reply.splitlines()
    assert "119" in call
    assert where.startswith("请问在哪里？请马上点“＋”发送位置")
    assert f"编号：{FACTS.number}" in rest


def test_danger_is_where_the_words_say_even_right_after_a_scan(at_yulan):
    turn = say("桂花社区有人跳楼", at_yulan, named=GUIHUA)
    assert turn.effects == (OpenCase(FACTS.number, "桂花社区有人跳楼", GUIHUA, urgent=True),)


@pytest.mark.parametrize("hours", [0, 6])
def test_a_location_or_a_name_after_danger_moves_the_case_there(at_yulan, hours):
    at = NOON + timedelta(hours=hours)
    opened = say("有人跳楼", at_yulan, now=at).state
    after = {"joined": replace(CASE, report="有人跳楼"), "now": at + timedelta(minutes=5)}
    located = send(Kind.LOCATION, opened, message=POSITION, near=GUIHUA, **after)
    assert located.effects == (Locate(CASE.number, GUIHUA, 22.7, 114.2, "三栋"),)
    assert say("桂花社区", opened, named=GUIHUA, **after).effects == (Locate(CASE.number, GUIHUA),)


def test_a_location_long_after_danger_is_about_something_new(at_yulan):
    opened = say("有人跳楼", at_yulan).state
    later = send(
        Kind.LOCATION, opened, message=POSITION, joined=FIRE, near=GUIHUA, now=NOON + timedelta(hours=2)
    )
    assert later.effects == ()


def test_more_about_a_danger_joins_its_case(reported):
    turn = say("有人晕倒了", reported, joined=FIRE)
    assert "120" in turn.reply
    assert turn.effects == (AddToCase(CASE.number, "有人晕倒了", urgent=True),)


def test_danger_in_what_was_asked_for_joins_the_case_that_came_back():
    back = say("2", survey=SURVEY).state
    told = say("灯不亮，有人晕倒了", back, joined=CASE)
    assert told.effects == (AddToCase(CASE.number, "灯不亮，有人晕倒了", urgent=True),)


def test_despair_is_met_with_the_hotline():
    assert "12356" in say("我不想活了").reply
