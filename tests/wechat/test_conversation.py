"""The talk, turn by turn; no database is needed, because the conversation is a pure function."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from backend.cases.workflow import Action, Status
from backend.wechat import wording
from backend.wechat.conversation import converse
from backend.wechat.talk import (
    EMPTY,
    AddToCase,
    AnswerSurvey,
    Bind,
    CaseFact,
    Facts,
    KeepPhone,
    Kind,
    Locate,
    Message,
    OpenCase,
    Place,
    RateSurvey,
    State,
    Step,
    SurveyFact,
    Unfollow,
)

NOON = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
YULAN = Place(7, "玉兰社区")
CASE = CaseFact(1, "261121000001", Status.SUBMITTED, "路灯不亮了", NOON + timedelta(minutes=30))
FIRE = replace(CASE, report="三栋着火了")
GUIHUA = Place(8, "桂花社区")
POSITION = {"latitude": 22.7, "longitude": 114.2, "label": "三栋"}
FACTS = Facts(
    now=NOON,
    number="261121000001",
    home=Place(1, "青岚区", "0755-00001234"),
    home_is_place=False,
    example="玉兰社区",
    link="http://example.invalid/r/",
)


def say(text, state=EMPTY, **facts):
    return converse(state, Message(Kind.TEXT, text), replace(FACTS, **facts))


def send(kind, state=EMPTY, *, message=None, **facts):
    return converse(state, Message(kind, **(message or {})), replace(FACTS, **facts))


@pytest.fixture
def at_yulan():
    return send(Kind.SCAN, message={"text": "scene1"}, scanned=YULAN).state


@pytest.fixture
def reported(at_yulan):
    """The state a moment after a case was opened, and the facts that go with it."""
    return say("路灯不亮了，晚上很危险", at_yulan).state


def test_a_scan_greets_with_the_place_and_says_that_one_message_is_enough():
    turn = send(Kind.SCAN, message={"text": "scene1"}, scanned=YULAN)
    assert "玉兰社区" in turn.reply
    assert "一条消息" in turn.reply
    assert turn.effects == ()


def test_a_new_follower_who_scanned_is_greeted_at_the_place_too():
    turn = send(Kind.FOLLOW, message={"text": "scene1"}, scanned=YULAN)
    assert "玉兰社区" in turn.reply
    assert turn.effects == ()


def test_a_new_follower_without_a_code_is_welcomed():
    turn = send(Kind.FOLLOW)
    assert "青岚区" in turn.reply


def test_an_unknown_code_still_leads_on():
    assert send(Kind.SCAN, message={"text": "gone"}).reply == wording.NO_SUCH_CODE


def test_one_message_after_a_scan_opens_a_case_with_number_next_step_and_time(at_yulan):
    turn = say("路灯不亮了", at_yulan)
    assert turn.effects == (OpenCase(FACTS.number, "路灯不亮了", YULAN),)
    assert FACTS.number in turn.reply
    assert "受理" in turn.reply
    assert "今天 12:30" in turn.reply


def test_a_report_without_a_place_is_kept_as_a_case_and_the_place_is_asked_for():
    turn = say("路灯不亮了")
    assert turn.effects == (OpenCase(FACTS.number, "路灯不亮了", FACTS.home),)
    assert "请问在哪里" in turn.reply
    assert turn.state.asking == "place"


def test_the_name_of_a_community_answers_where():
    asked = say("路灯不亮了").state
    turn = say("玉兰", asked, joined=CASE, named=YULAN)
    assert turn.effects == (Locate(CASE.number, YULAN),)
    assert "玉兰社区" in turn.reply
    assert turn.state.asking == ""


def test_what_is_said_beyond_the_name_of_the_place_is_kept_as_the_address():
    asked = say("路灯不亮了").state
    turn = say("玉兰社区3号楼2单元", asked, joined=CASE, named=YULAN)
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
    turn = say(words, asked, joined=CASE, named=YULAN, now=NOON + later)
    assert [type(effect) for effect in turn.effects] == [OpenCase]


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


@pytest.mark.parametrize("names", [("玉兰苑东门",), ("玉兰苑东门", "玉兰苑西门")])
def test_a_name_that_is_only_the_beginning_of_others_is_kept_and_asked_about(names):
    asked = say("路灯不亮了").state
    turn = say("玉兰苑", asked, joined=CASE, alike=names)
    assert turn.effects == (AddToCase(CASE.number, "玉兰苑"),)
    assert "“玉兰苑”记下了" in turn.reply
    assert [line for line in turn.reply.splitlines() if line in names] == list(names)
    assert "发送位置" in turn.reply
    named = say(names[0], turn.state, joined=CASE, named=Place(9, names[0]))
    assert named.effects == (Locate(CASE.number, Place(9, names[0])),)


def test_a_location_answers_where_even_an_hour_later():
    asked = say("路灯不亮了").state
    position = {"latitude": 22.7, "longitude": 114.2, "label": "玉兰苑"}
    turn = send(
        Kind.LOCATION, asked, message=position, joined=CASE, near=YULAN, now=NOON + timedelta(hours=1)
    )
    assert turn.effects == (Locate(CASE.number, YULAN, 22.7, 114.2, "玉兰苑"),)


def test_a_report_that_names_its_community_is_not_asked_where():
    turn = say("玉兰社区门口积水很深", named=YULAN)
    assert turn.effects == (OpenCase(FACTS.number, "玉兰社区门口积水很深", YULAN),)
    assert "请问在哪里" not in turn.reply


def test_what_the_words_name_counts_more_than_what_was_scanned_a_while_ago(at_yulan):
    turn = say("桂花社区门口积水", at_yulan, named=GUIHUA, now=NOON + timedelta(hours=6))
    assert turn.effects == (OpenCase(FACTS.number, "桂花社区门口积水", GUIHUA),)


def test_a_location_long_after_the_scan_says_where_the_case_is(at_yulan):
    later = NOON + timedelta(hours=6)
    opened = say("路灯不亮了", at_yulan, now=later).state
    turn = send(Kind.LOCATION, opened, message=POSITION, joined=CASE, near=GUIHUA, now=later)
    assert turn.effects == (Locate(CASE.number, GUIHUA, 22.7, 114.2, "三栋"),)
    assert say("漏水", turn.state, now=later).effects[0].place == GUIHUA


def test_a_location_after_a_scan_adds_the_position_and_keeps_the_place(reported):
    turn = send(Kind.LOCATION, reported, message=POSITION, joined=CASE, near=Place(9, "玉兰一网格"))
    assert turn.effects == (Locate(CASE.number, YULAN, 22.7, 114.2, "三栋"),)


def test_an_account_of_one_community_knows_where():
    turn = say("路灯不亮了", home=YULAN, home_is_place=True)
    assert turn.effects == (OpenCase(FACTS.number, "路灯不亮了", YULAN),)
    assert "请问在哪里" not in turn.reply


@pytest.mark.parametrize(
    ("kind", "message", "effect"),
    [
        (Kind.PHOTO, {"media_id": "m1"}, AddToCase(CASE.number, media=(("photo", "m1"),))),
        (Kind.VIDEO, {"media_id": "m1"}, AddToCase(CASE.number, media=(("video", "m1"),))),
        (Kind.VOICE, {"media_id": "m1"}, AddToCase(CASE.number, media=(("voice", "m1"),))),
        (Kind.TEXT, {"text": "13800000000"}, KeepPhone("13800000000")),
        (Kind.TEXT, {"text": "在三栋门口"}, AddToCase(CASE.number, "在三栋门口")),
    ],
)
def test_what_follows_within_half_an_hour_joins_the_case(reported, kind, message, effect):
    turn = send(kind, reported, message=message, joined=CASE, now=NOON + timedelta(minutes=29))
    assert turn.effects == (effect,)


def test_a_photo_after_half_an_hour_is_kept_for_the_next_report(reported):
    late = {"now": NOON + timedelta(minutes=31), "joined": CASE}
    kept = send(Kind.PHOTO, reported, message={"media_id": "m1"}, **late)
    assert kept.effects == ()
    opened = say("垃圾堆在路口没人清理", kept.state, **late)
    assert opened.effects[0].media == (("photo", "m1"),)


def test_nothing_joins_a_case_that_was_withdrawn(reported):
    gone = replace(CASE, status=Status.WITHDRAWN)
    assert isinstance(say("又停电了", reported, joined=gone).effects[0], OpenCase)


def test_long_words_right_after_a_report_are_a_matter_of_their_own(reported):
    turn = say("另外，菜市场门口的下水道堵了，污水一直往外流", reported, joined=CASE)
    assert isinstance(turn.effects[0], OpenCase)


def test_short_words_that_were_another_matter_become_a_case_on_request(reported):
    joined = say("井盖也坏了", reported, joined=CASE)
    assert "另一件" in joined.reply
    turn = say("另一件", joined.state, joined=CASE, number="261121000002")
    assert turn.effects == (OpenCase("261121000002", "井盖也坏了", YULAN),)


def test_danger_that_was_another_matter_is_urgent_there_too(reported):
    joined = say("有人打架", reported, joined=FIRE)
    turn = say("另一件", joined.state, joined=FIRE, number="261121000002")
    assert turn.effects == (OpenCase("261121000002", "有人打架", YULAN, urgent=True),)


def test_a_new_scan_begins_anew(reported):
    moved = send(Kind.SCAN, reported, message={"text": "s"}, scanned=GUIHUA).state
    turn = say("漏水", moved)
    assert turn.effects == (OpenCase(FACTS.number, "漏水", GUIHUA),)


def test_yesterdays_scan_says_nothing_about_today(at_yulan):
    assert say("路灯不亮了", at_yulan, now=NOON + timedelta(hours=13)).state.asking == "place"


def test_recognised_speech_is_a_report_with_its_recording(at_yulan):
    turn = send(Kind.VOICE, at_yulan, message={"text": "路灯不亮了", "media_id": "v1"})
    assert turn.effects == (OpenCase(FACTS.number, "路灯不亮了", YULAN, media=(("voice", "v1"),)),)


def test_speech_that_was_not_recognised_opens_a_case_for_an_officer_to_listen(at_yulan):
    turn = send(Kind.VOICE, at_yulan, message={"media_id": "v1"})
    assert turn.effects == (OpenCase(FACTS.number, wording.VOICE_REPORT, YULAN, media=(("voice", "v1"),)),)


def test_a_link_is_kept_until_there_are_words(at_yulan):
    kept = send(Kind.LINK, at_yulan, message={"text": "小区公告", "label": "http://example.invalid/1"})
    turn = say("这个公告不合理", kept.state)
    assert turn.effects[0].text == "这个公告不合理\n小区公告 http://example.invalid/1"


@pytest.mark.parametrize("text", ["", "[微笑]", "啊", "😂"])
def test_messages_that_say_nothing_never_open_a_case(at_yulan, text):
    turn = say(text, at_yulan)
    assert turn.effects == ()
    assert turn.reply == wording.TELL_MORE


@pytest.mark.parametrize(("text", "reply"), [("你好", wording.GREETED), ("谢谢", wording.THANKED)])
def test_courtesy_is_returned_and_opens_nothing(at_yulan, text, reply):
    turn = say(text, at_yulan)
    assert (turn.reply, turn.effects) == (reply, ())


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


def test_progress_lists_the_latest_cases_and_a_link():
    older = replace(CASE, number="261120000009", status=Status.CLOSED)
    turn = say("进度", recent=(CASE, older))
    assert turn.reply.index(CASE.number) < turn.reply.index(older.number)
    assert f'请<a href="{FACTS.link}">点这里</a>。' in turn.reply


def test_progress_without_cases_invites_a_report():
    assert say("进度").reply == wording.NO_CASES


def test_a_number_shows_that_case_if_it_is_the_senders():
    assert "等待受理" in say(CASE.number, asked=CASE).reply
    assert "没有找到" in say(CASE.number).reply


def test_urging_takes_the_newest_case_that_is_still_being_worked_on():
    closed = replace(CASE, number="261121000009", status=Status.CLOSED)
    turn = say("催办", recent=(closed, CASE))
    assert turn.effects == (Step(CASE.number, Action.URGE),)


def test_urging_by_number_takes_that_case():
    other = replace(CASE, number="261121000005", status=Status.ASSIGNED)
    turn = say("催办261121000005", recent=(CASE,), asked=other)
    assert turn.effects == (Step(other.number, Action.URGE),)


def test_urging_somebody_elses_number_does_nothing():
    turn = say("催办261121000005", recent=(CASE,))
    assert turn.effects == ()
    assert "没有找到" in turn.reply


def test_withdrawing_names_the_case():
    turn = say("撤回", recent=(CASE,))
    assert turn.effects == (Step(CASE.number, Action.WITHDRAW),)
    assert CASE.number in turn.reply


def test_with_two_open_cases_the_number_must_be_said():
    other = replace(CASE, number="261121000005")
    turn = say("撤回", recent=(other, CASE))
    assert turn.effects == ()
    assert "2件事" in turn.reply
    assert CASE.number in turn.reply
    assert other.number in turn.reply


def test_a_name_with_a_telephone_number_joins_the_case(reported):
    turn = say("我姓郑，电话13800000000", reported, joined=CASE)
    assert turn.effects == (KeepPhone("13800000000"), AddToCase(CASE.number, "我姓郑"))


def test_a_digit_while_a_place_is_asked_for_asks_for_it_again():
    turn = say("1", say("路灯不亮了").state, joined=CASE)
    assert "社区名称" in turn.reply


def test_withdrawing_nothing_says_so():
    assert "没有正在办理" in say("撤回").reply


def test_asking_for_a_person_alerts_those_who_have_the_case_and_gives_the_telephone():
    turn = say("人工", recent=(CASE,))
    assert turn.effects[0].action is Action.ASK_PERSON
    assert "0755-00001234" in turn.reply


SURVEY = SurveyFact(5, CASE.number, is_open=True)


def test_one_digit_answers_the_survey():
    turn = say("1", survey=SURVEY)
    assert turn.effects == (AnswerSurvey(5, True),)
    assert "满意" in turn.reply


def test_a_tap_on_the_menu_message_answers_the_survey():
    tapped = Message(Kind.TEXT, "2 没有解决", tapped="survey:5:unsolved")
    turn = converse(EMPTY, tapped, replace(FACTS, survey=SURVEY))
    assert turn.effects == (AnswerSurvey(5, False),)


def test_the_second_digit_says_how_satisfied():
    turn = say("4", say("1", survey=SURVEY).state)
    assert turn.effects == (RateSurvey(5, 4),)
    assert turn.reply == wording.SURVEY_THANKS


def test_dissatisfaction_is_met_with_the_case_coming_back():
    turn = say("1", say("1", survey=SURVEY).state)
    assert turn.effects == (RateSurvey(5, 1),)
    assert "重新办理" in turn.reply


def test_words_after_not_solved_join_the_case_that_came_back():
    back = say("2", survey=SURVEY).state
    reopened = replace(CASE, status=Status.ACCEPTED)
    turn = say("灯还是不亮", back, joined=reopened)
    assert turn.effects == (AddToCase(CASE.number, "灯还是不亮"),)


def test_a_long_account_of_what_is_not_solved_joins_the_case_that_came_back():
    survey = SurveyFact(5, CASE.number, True)
    back = say("2", survey=survey).state
    told = "灯只亮了一个晚上就又灭了，来的人说要换整根线，之后再也没有人来过"
    located = send(
        Kind.LOCATION, back, message={"latitude": 22.7, "longitude": 114.2}, joined=CASE, near=YULAN
    )
    for state in (back, located.state):
        assert say(told, state, joined=CASE).effects == (AddToCase(CASE.number, told),)


def test_an_answered_survey_says_so_kindly():
    tapped = Message(Kind.TEXT, "1 已解决", tapped="survey:5:solved")
    turn = converse(EMPTY, tapped, replace(FACTS, survey=replace(SURVEY, is_open=False)))
    assert (turn.reply, turn.effects) == (wording.SURVEY_OVER, ())


def test_a_digit_that_answers_nothing_opens_nothing():
    assert say("1").effects == ()


def test_a_wrong_digit_is_asked_again():
    assert say("7", survey=SURVEY).reply == wording.SURVEY_WHICH
    assert say("9", say("1", survey=SURVEY).state).reply == wording.SURVEY_FIVE


def test_saying_solved_confirms_the_case_that_waits_for_it():
    turn = say("已经解决了", recent=(replace(CASE, status=Status.RESOLVED),))
    assert turn.effects == (Step(CASE.number, Action.CONFIRM),)


def test_saying_not_solved_sends_the_case_back():
    turn = say("没有解决", recent=(replace(CASE, status=Status.RESOLVED),))
    assert turn.effects == (Step(CASE.number, Action.REOPEN, "没有解决"),)


def test_nobody_cares_is_a_complaint_when_nothing_waits_for_an_answer(at_yulan):
    assert isinstance(say("没人处理", at_yulan).effects[0], OpenCase)


def test_a_personal_code_binds_an_officer():
    assert send(Kind.SCAN, message={"text": "bind_abc"}).effects == (Bind("abc"),)


def test_leaving_is_noted_in_silence():
    turn = send(Kind.UNFOLLOW)
    assert (turn.reply, turn.effects) == ("", (Unfollow(),))


def test_the_state_survives_being_stored(reported):
    assert State.read(reported.stored()) == reported


def test_a_state_from_another_version_is_read():
    assert State.read({"place": 7, "forgotten": 1}) == State(place=7)


def test_a_very_long_reply_stays_within_the_platforms_limit():
    clipped = wording.clip("路" * 3000)
    assert len(clipped.encode()) <= 2048
    assert clipped.endswith("…")
