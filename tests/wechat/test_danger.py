"""The talk when life is in danger: the number to call first, and a case of its own at the right place."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from backend.wechat.talk import Kind, State
from backend.wechat.turns import AddToAnswer, AddToCase, Locate, OpenCase
from tests.wechat.talking import CASE, FACTS, FIRE, GUIHUA, NOON, POSITION, SURVEY, YULAN, say, send


@pytest.fixture
def burning(at_yulan):
    """The state a moment after a case of fire was opened."""
    return say("三栋着火了", at_yulan).state


def test_danger_at_a_place_that_was_asked_for_is_danger_first():
    asked = say("路灯不亮了").state
    turn = say("玉兰社区有人打架", asked, last=CASE, named=YULAN)
    assert turn.effects == (OpenCase(FACTS.number, "玉兰社区有人打架", YULAN, urgent=True),)
    assert "110" in turn.reply


def test_danger_that_is_told_again_with_its_place_answers_where():
    asked = say("三栋着火了").state
    turn = say("玉兰社区三栋着火了", asked, last=FIRE, named=YULAN)
    assert turn.effects == (Locate(CASE.number, YULAN, address="玉兰社区三栋着火了"),)
    assert turn.reply.index("119") < turn.reply.index("玉兰社区")


def test_danger_that_was_another_matter_is_urgent_there_too(burning):
    added = say("五栋也着火了", burning, last=FIRE)
    turn = say("另一件", added.state, last=FIRE, number="261121000002")
    assert turn.effects == (OpenCase("261121000002", "五栋也着火了", YULAN, urgent=True),)


def test_danger_answers_first_with_the_number_and_marks_the_case_urgent(at_yulan):
    turn = say("三栋着火了", at_yulan)
    assert turn.reply.index("119") < turn.reply.index(FACTS.number)
    assert turn.effects[0].urgent


def test_danger_at_a_place_scanned_just_now_says_the_place_and_how_to_correct_it(at_yulan):
    turn = say("三栋着火了", at_yulan)
    assert "地点：玉兰社区。如果不是这里，请马上点“＋”发送位置" in turn.reply
    assert "在哪里" not in turn.reply


def test_danger_after_another_matter_opens_its_own_case_at_once(reported):
    turn = say("有人跳楼", reported, last=CASE, number="261121000002")
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
    after = {"last": replace(CASE, report="有人跳楼"), "now": at + timedelta(minutes=5)}
    located = send(Kind.LOCATION, opened, message=POSITION, near=GUIHUA, **after)
    assert located.effects == (Locate(CASE.number, GUIHUA, 22.7, 114.2, "三栋"),)
    named = say("桂花社区", opened, named=GUIHUA, is_name=True, **after)
    assert named.effects == (Locate(CASE.number, GUIHUA),)


def test_a_location_long_after_danger_is_about_something_new(at_yulan):
    opened = say("有人跳楼", at_yulan).state
    later = send(
        Kind.LOCATION, opened, message=POSITION, last=FIRE, near=GUIHUA, now=NOON + timedelta(hours=2)
    )
    assert later.effects == ()


def test_more_about_a_danger_joins_its_case(burning):
    turn = say("窗口冒着烟", burning, last=FIRE)
    assert "119" in turn.reply
    assert turn.effects == (AddToCase(CASE.number, "窗口冒着烟", urgent=True),)


@pytest.mark.parametrize("words", ["桂花社区有人打架", "桂花社区着火，有人打架"])
def test_another_danger_opens_a_case_of_its_own_and_leaves_the_first_where_it_is(burning, words):
    turn = say(words, burning, last=FIRE, named=GUIHUA, number="261121000002")
    assert turn.effects == (OpenCase("261121000002", words, GUIHUA, urgent=True),)
    assert "110" in turn.reply


def test_a_danger_at_the_end_of_a_long_report_is_the_cases_all_the_same(at_yulan):
    opened = say("楼道里堆满了纸箱和旧家具，说了很多次也没有人来清理，" * 3 + "现在冒烟了", at_yulan).state
    turn = say("三栋着火了", opened, last=CASE)
    assert turn.effects == (AddToCase(CASE.number, "三栋着火了", urgent=True),)


def test_a_danger_that_was_added_is_one_of_the_case_from_then_on():
    back = say("2", survey=SURVEY).state
    told = say("灯不亮，有人晕倒了", back, last=CASE).state
    assert told.dangers == ("120",)
    again = say("又有人晕倒了", replace(told, asking=""), last=CASE)
    assert again.effects == (AddToCase(CASE.number, "又有人晕倒了", urgent=True),)


def test_the_dangers_of_one_case_are_not_those_of_the_next(burning):
    moved = send(Kind.SCAN, burning, message={"text": "s"}, scanned=GUIHUA).state
    back = say("2", burning, survey=SURVEY).state
    calm = say("路灯不亮了，晚上看不见路，请派人来修一下", burning, last=FIRE).state
    assert moved.dangers == back.dangers == calm.dangers == ()


def test_the_dangers_survive_being_stored(burning):
    assert burning.dangers == ("119",)
    assert State.read(json.loads(json.dumps(burning.stored()))) == burning


def test_a_state_from_before_dangers_were_remembered_is_read(burning):
    old = {name: value for name, value in burning.stored().items() if name != "dangers"}
    assert State.read(old).dangers == ()


def test_danger_that_names_one_of_several_places_is_danger_first(burning):
    named = "桂花社区着火了"
    turn = say(named, burning, last=FIRE, alike=("望溪街道桂花社区", "松屿街道桂花社区"))
    assert turn.effects == (AddToCase(CASE.number, named, urgent=True),)
    assert turn.reply.index("119") < turn.reply.index("望溪街道桂花社区")
    assert "按紧急情况处理" in turn.reply


def test_danger_that_named_one_of_several_places_can_be_another_matter(burning):
    older = say("窗口冒着烟", burning, last=FIRE).state
    asked = say("桂花社区着火了", older, last=FIRE, alike=("望溪街道桂花社区",)).state
    turn = say("另一件", asked, last=FIRE, number="261121000002")
    assert turn.effects[0].text == "桂花社区着火了"


def test_danger_in_what_was_asked_for_joins_the_case_that_came_back():
    back = say("2", survey=SURVEY).state
    told = say("灯不亮，有人晕倒了", back, last=CASE)
    said = AddToAnswer(SURVEY.id, "灯不亮，有人晕倒了", is_told=True)
    assert told.effects == (AddToCase(CASE.number, "灯不亮，有人晕倒了", urgent=True), said)


def test_despair_is_met_with_the_hotline():
    assert "12356" in say("我不想活了").reply
