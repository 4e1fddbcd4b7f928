"""The talk about where something is: scanned, sent, named in the words, or asked for."""

from dataclasses import replace
from datetime import timedelta

import pytest

from backend.cases.workflow import Status
from backend.wechat.talk import Kind, Place
from backend.wechat.turns import AddToAnswer, AddToCase, Locate, OpenCase
from tests.wechat.talking import CASE, FACTS, GUIHUA, NOON, POSITION, SURVEY, YULAN, say, send


def test_a_report_without_a_place_is_kept_as_a_case_and_the_place_is_asked_for():
    turn = say("路灯不亮了")
    assert turn.effects == (OpenCase(FACTS.number, "路灯不亮了", FACTS.home),)
    assert "请问在哪里" in turn.reply
    assert turn.state.asking == "place"


def test_the_name_of_a_community_answers_where():
    asked = say("路灯不亮了").state
    turn = say("玉兰", asked, last=CASE, named=YULAN, is_name=True)
    assert turn.effects == (Locate(CASE.number, YULAN),)
    assert "玉兰社区" in turn.reply
    assert turn.state.asking == ""


def test_what_is_said_beyond_the_name_of_the_place_is_kept_as_the_address():
    asked = say("路灯不亮了").state
    turn = say("玉兰社区3号楼2单元", asked, last=CASE, named=YULAN)
    assert turn.effects == (Locate(CASE.number, YULAN, address="玉兰社区3号楼2单元"),)


@pytest.mark.parametrize(
    ("words", "later"),
    [
        ("玉兰社区菜市场门口的下水道堵了好几天", timedelta(minutes=5)),
        ("玉兰社区垃圾没人收", timedelta(days=2)),
    ],
)
def test_a_report_that_names_a_place_is_not_taken_for_the_answer_where(words, later):
    asked = say("路灯不亮了").state
    turn = say(words, asked, last=CASE, named=YULAN, now=NOON + later)
    assert [type(effect) for effect in turn.effects] == [OpenCase]


@pytest.mark.parametrize("names", [("玉兰苑东门",), ("玉兰苑东门", "玉兰苑西门")])
def test_a_name_that_is_only_the_beginning_of_others_is_kept_and_asked_about(names):
    asked = say("路灯不亮了").state
    turn = say("玉兰苑", asked, last=CASE, alike=names)
    assert turn.effects == (AddToCase(CASE.number, "玉兰苑"),)
    assert "“玉兰苑”记下了" in turn.reply
    assert [line for line in turn.reply.splitlines() if line in names] == list(names)
    assert "发送位置" in turn.reply
    named = say(names[0], turn.state, last=CASE, named=Place(9, names[0]), is_name=True)
    assert named.effects == (Locate(CASE.number, Place(9, names[0])),)


def test_a_location_answers_where_even_an_hour_later():
    asked = say("路灯不亮了").state
    position = {"latitude": 22.7, "longitude": 114.2, "label": "玉兰苑"}
    turn = send(Kind.LOCATION, asked, message=position, last=CASE, near=YULAN, now=NOON + timedelta(hours=1))
    assert turn.effects == (Locate(CASE.number, YULAN, 22.7, 114.2, "玉兰苑"),)


def test_a_report_that_names_its_community_is_not_asked_where():
    turn = say("玉兰社区门口积水很深", named=YULAN)
    assert turn.effects == (OpenCase(FACTS.number, "玉兰社区门口积水很深", YULAN),)
    assert "请问在哪里" not in turn.reply


def test_what_the_words_name_counts_more_than_what_was_scanned_a_while_ago(at_yulan):
    turn = say("桂花社区门口积水", at_yulan, named=GUIHUA, now=NOON + timedelta(hours=6))
    assert turn.effects == (OpenCase(FACTS.number, "桂花社区门口积水", GUIHUA),)


def test_a_name_that_was_spoken_answers_where_and_its_recording_is_kept():
    asked = say("路灯不亮了").state
    spoken = {"text": "玉兰社区。", "media_id": "v1"}
    turn = send(Kind.VOICE, asked, message=spoken, last=CASE, named=YULAN, is_name=True)
    assert turn.effects == (Locate(CASE.number, YULAN), AddToCase(CASE.number, media=(("voice", "v1"),)))


def test_a_name_that_was_spoken_in_part_is_kept_with_its_recording():
    asked = say("路灯不亮了").state
    spoken = {"text": "玉兰苑", "media_id": "v1"}
    turn = send(Kind.VOICE, asked, message=spoken, last=CASE, alike=("玉兰苑东门",))
    assert turn.effects == (AddToCase(CASE.number, "玉兰苑", (("voice", "v1"),)),)


def test_what_comes_after_a_place_was_named_is_there_too(at_yulan):
    opened = say("桂花社区有人跳楼", at_yulan, named=GUIHUA).state
    turn = say("垃圾堆在路口三天了，没有人来清理", opened, last=CASE)
    assert turn.effects[0].place == GUIHUA


def test_a_location_long_after_the_scan_says_where_the_case_is(at_yulan):
    later = NOON + timedelta(hours=6)
    opened = say("路灯不亮了", at_yulan, now=later).state
    turn = send(Kind.LOCATION, opened, message=POSITION, last=CASE, near=GUIHUA, now=later)
    assert turn.effects == (Locate(CASE.number, GUIHUA, 22.7, 114.2, "三栋"),)
    assert say("漏水", turn.state, now=later).effects[0].place == GUIHUA


def test_a_location_after_a_scan_adds_the_position_and_keeps_the_place(reported):
    turn = send(Kind.LOCATION, reported, message=POSITION, last=CASE, near=Place(9, "玉兰一网格"))
    assert turn.effects == (Locate(CASE.number, YULAN, 22.7, 114.2, "三栋"),)


def test_an_account_of_one_community_knows_where():
    turn = say("路灯不亮了", home=YULAN, home_is_place=True)
    assert turn.effects == (OpenCase(FACTS.number, "路灯不亮了", YULAN),)
    assert "请问在哪里" not in turn.reply


def test_a_new_scan_begins_anew(reported):
    moved = send(Kind.SCAN, reported, message={"text": "s"}, scanned=GUIHUA).state
    turn = say("漏水", moved)
    assert turn.effects == (OpenCase(FACTS.number, "漏水", GUIHUA),)


def test_yesterdays_scan_says_nothing_about_today(at_yulan):
    assert say("路灯不亮了", at_yulan, now=NOON + timedelta(hours=13)).state.asking == "place"


def test_a_digit_while_a_place_is_asked_for_asks_for_it_again():
    turn = say("1", say("路灯不亮了").state, last=CASE)
    assert "社区名称" in turn.reply


NAME_ALONE = {"named": GUIHUA, "is_name": True}


@pytest.mark.parametrize("words", ["三栋", "我家"])
def test_words_that_are_no_place_are_kept_and_the_place_is_asked_for_again(words):
    asked = say("路灯不亮了").state
    turn = say(words, asked, last=CASE)
    assert turn.effects == (AddToCase(CASE.number, words),)
    assert "还不知道在哪里：请回复社区名称，例如“玉兰社区”" in turn.reply
    assert say("桂花", turn.state, last=CASE, **NAME_ALONE).effects == (Locate(CASE.number, GUIHUA),)


def test_words_about_a_case_whose_place_is_known_ask_for_nothing(reported):
    assert "社区名称" not in say("在三栋门口", reported, last=CASE).reply


def test_the_reply_to_a_report_with_a_place_says_how_to_put_it_right(at_yulan):
    assert say("路灯不亮了", at_yulan).reply.endswith("地点不对？请回复社区名称。")
    later = say("路灯不亮了", at_yulan, now=NOON + timedelta(hours=6))
    assert later.reply.endswith("地点不对？请回复社区名称，或点“＋”发送位置。")


def test_a_name_alone_moves_the_case_as_often_as_it_is_said(reported):
    moved = say("桂花社区", reported, last=CASE, **NAME_ALONE)
    assert moved.effects == (Locate(CASE.number, GUIHUA),)
    back = say("玉兰社区", moved.state, last=CASE, named=YULAN, is_name=True)
    assert back.effects == (Locate(CASE.number, YULAN),)


def test_a_long_name_alone_moves_the_case_too(reported):
    stop = Place(9, "地铁4号线-望溪街道玉兰苑东门公交站")
    turn = say(stop.name, reported, last=CASE, named=stop, is_name=True)
    assert turn.effects == (Locate(CASE.number, stop),)


def test_a_name_alone_is_added_where_the_case_cannot_be_moved(reported):
    done = replace(CASE, status=Status.RESOLVED)
    turn = say("桂花社区", reported, last=done, **NAME_ALONE)
    assert turn.effects == (AddToCase(CASE.number, "桂花社区"),)


def test_a_name_alone_after_half_an_hour_moves_nothing(reported):
    turn = say("桂花社区", reported, last=CASE, now=NOON + timedelta(minutes=31), **NAME_ALONE)
    assert [type(effect) for effect in turn.effects] == [OpenCase]


def test_a_name_alone_answers_why_a_case_came_back_where_that_was_asked():
    back = say("2", survey=SURVEY).state
    turn = say("桂花社区", back, last=CASE, **NAME_ALONE)
    said = AddToAnswer(SURVEY.id, "桂花社区", is_told=True)
    assert turn.effects == (AddToCase(CASE.number, "桂花社区"), said)
