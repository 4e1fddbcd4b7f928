"""The talk, turn by turn; no database is needed, because the conversation is a pure function."""

from dataclasses import replace
from datetime import timedelta

import pytest

from backend.cases.survey_models import Follow
from backend.cases.workflow import Action, Status
from backend.wechat import wording
from backend.wechat.conversation import converse
from backend.wechat.talk import EMPTY, MOST_RECENT, Kind, Message, State, SurveyFact, WhyFact
from backend.wechat.turns import (
    AddToAnswer,
    AddToCase,
    AnswerSurvey,
    Bind,
    KeepPhone,
    OpenCase,
    RateSurvey,
    SayLate,
    Step,
    TickReasons,
    Unfollow,
)
from tests.wechat.talking import CASE, FACTS, NOON, SURVEY, YULAN, say, send

READ = NOON + timedelta(seconds=10)  # by then the next question has been read


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
    turn = send(kind, reported, message=message, last=CASE, now=NOON + timedelta(minutes=29))
    assert turn.effects == (effect,)


def test_a_photo_after_half_an_hour_is_kept_for_the_next_report(reported):
    late = {"now": NOON + timedelta(minutes=31), "last": CASE}
    kept = send(Kind.PHOTO, reported, message={"media_id": "m1"}, **late)
    assert kept.effects == ()
    opened = say("垃圾堆在路口没人清理", kept.state, **late)
    assert opened.effects[0].media == (("photo", "m1"),)


def test_nothing_joins_a_case_that_was_withdrawn(reported):
    gone = replace(CASE, status=Status.WITHDRAWN)
    assert isinstance(say("又停电了", reported, last=gone).effects[0], OpenCase)


def test_long_words_right_after_a_report_are_a_matter_of_their_own(reported):
    turn = say("另外，菜市场门口的下水道堵了，污水一直往外流", reported, last=CASE)
    assert isinstance(turn.effects[0], OpenCase)


def test_short_words_that_were_another_matter_become_a_case_on_request(reported):
    added = say("井盖也坏了", reported, last=CASE)
    assert "另一件" in added.reply
    turn = say("另一件", added.state, last=CASE, number="261121000002")
    assert turn.effects == (OpenCase("261121000002", "井盖也坏了", YULAN),)


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


def test_progress_lists_the_latest_cases_and_a_link():
    older = replace(CASE, number="261120000009", status=Status.CLOSED)
    turn = say("进度", recent=(CASE, older))
    assert turn.reply.index(CASE.number) < turn.reply.index(older.number)
    assert f'请<a href="{FACTS.link}">点这里</a>。' in turn.reply


def test_progress_lists_open_cases_first_and_says_how_many_more_there_are():
    closed = [replace(CASE, number=f"26112000000{n}", status=Status.CLOSED) for n in range(4)]
    reply = say("进度", recent=(*closed, CASE)).reply
    assert reply.index(CASE.number) < reply.index(closed[0].number)
    assert [case.number in reply for case in closed] == [True, True, False, False]
    assert f'另外还有2件。想看每一步的进展，请<a href="{FACTS.link}">点这里</a>。' in reply


def test_progress_with_few_cases_speaks_of_no_more():
    assert "另外" not in say("进度", recent=(CASE,) * 3).reply


def test_progress_does_not_claim_to_have_counted_more_than_it_looked_at():
    assert "另外至少还有7件" in say("进度", recent=(CASE,) * MOST_RECENT).reply


def test_all_open_cases_are_there_to_withdraw_even_many_with_long_reports():
    many = [replace(CASE, number=f"26112100000{n}", report="路" * 60) for n in range(MOST_RECENT)]
    reply = wording.clip(say("撤回", recent=tuple(many)).reply)
    assert "10件事" in reply
    assert all(case.number in reply for case in many)


@pytest.mark.parametrize("text", ["26112268068", "2611226806", "261122680", "编号：2611226806811"])
def test_a_mistyped_number_is_said_not_to_exist_and_is_added_to_nothing(reported, text):
    turn = say(text, reported, last=CASE)
    assert turn.effects == ()
    assert "12位数字" in turn.reply


@pytest.mark.parametrize("text", ["工作台", "待办", "我的待办", "我的工单"])
def test_an_officer_is_shown_the_way_and_nothing_is_registered(at_yulan, text):
    turn = say(text, at_yulan)
    assert turn.effects == ()
    assert f'工作人员请<a href="{FACTS.officers_link}">点这里</a>' in turn.reply
    assert "自己反映的事情，请回复“进度”" in turn.reply


def test_a_report_that_is_too_long_says_so_and_its_rest_joins_it(at_yulan):
    opened = say("路灯坏" * 667, at_yulan)
    assert opened.effects[0].text == ("路灯坏" * 667)[:2000]
    assert "前2000个字" in opened.reply
    rest = "后来又来过两次人，都说不归他们管，让我们再等一等"
    turn = say(rest, opened.state, last=CASE)
    assert turn.effects == (AddToCase(CASE.number, rest),)
    assert isinstance(say(rest, turn.state, last=CASE).effects[0], OpenCase)


def test_long_words_that_join_a_case_say_that_they_were_cut():
    turn = say("路灯坏" * 667, say("2", survey=SURVEY).state, last=CASE)
    assert turn.effects[0] == AddToCase(CASE.number, ("路灯坏" * 667)[:2000])
    assert "前2000个字" in turn.reply


def test_words_of_the_greatest_length_are_not_said_to_be_cut(at_yulan):
    assert "个字" not in say("路灯" * 1000, at_yulan).reply


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
    turn = say("我姓郑，电话13800000000", reported, last=CASE)
    assert turn.effects == (KeepPhone("13800000000"), AddToCase(CASE.number, "我姓郑"))


def test_withdrawing_nothing_says_so():
    assert "没有正在办理" in say("撤回").reply


def test_asking_for_a_person_alerts_those_who_have_the_case_and_gives_the_telephone():
    turn = say("人工", recent=(CASE,))
    assert turn.effects[0].action is Action.ASK_PERSON
    assert "0755-00001234" in turn.reply


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
    turn = say("1", say("1", survey=SURVEY).state, now=READ)
    assert turn.effects == (RateSurvey(5, 1),)
    assert "重新办理" in turn.reply


def test_words_after_not_solved_join_the_case_that_came_back():
    back = say("2", survey=SURVEY).state
    reopened = replace(CASE, status=Status.ACCEPTED)
    turn = say("灯还是不亮", back, last=reopened)
    joined = AddToAnswer(SURVEY.id, "灯还是不亮", is_told=True)
    assert turn.effects == (AddToCase(CASE.number, "灯还是不亮"), joined)


def test_a_long_account_of_what_is_not_solved_joins_the_case_that_came_back():
    survey = SurveyFact(5, CASE.number, True)
    back = say("2", survey=survey).state
    told = "灯只亮了一个晚上就又灭了，来的人说要换整根线，之后再也没有人来过"
    located = send(Kind.LOCATION, back, message={"latitude": 22.7, "longitude": 114.2}, last=CASE, near=YULAN)
    for state in (back, located.state):
        joined = AddToAnswer(survey.id, told, is_told=True)
        assert say(told, state, last=CASE).effects == (AddToCase(CASE.number, told), joined)


def test_an_answered_survey_says_so_kindly():
    tapped = Message(Kind.TEXT, "1 已解决", tapped="survey:5:solved")
    turn = converse(EMPTY, tapped, replace(FACTS, survey=replace(SURVEY, is_open=False)))
    assert (turn.reply, turn.effects) == (wording.SURVEY_OVER, ())


WHY = WhyFact(("没有人来", "时间太长", "其他"))


def test_why_something_is_not_solved_is_a_digit_and_several_may_be_ticked():
    asked = say("2", survey=SURVEY, why=WHY)
    assert "1 没有人来\n2 时间太长\n3 其他" in asked.reply
    first = say("2", asked.state, now=READ)
    assert first.effects == (TickReasons(SURVEY.id, ("时间太长",)),)
    assert say("1", first.state).effects == (TickReasons(SURVEY.id, ("没有人来",)),)
    assert say("9", first.state).reply == wording.SURVEY_WHY.format(count=3)


@pytest.mark.parametrize("text", ["3 1", "3、1", "3,1", "3，1", "３，１。", "3和1", " 3  1 "])
def test_several_digits_apart_tick_several_reasons_at_once(text):
    asked = say("2", survey=SURVEY, why=WHY)
    turn = say(text, asked.state)
    assert turn.effects == (TickReasons(SURVEY.id, ("其他", "没有人来")),)
    assert "记下了：其他、没有人来。" in turn.reply


def test_digits_that_are_not_apart_or_not_on_the_list_are_asked_for_again():
    asked = say("2", survey=SURVEY, why=WHY).state
    for text in ("31", "3 9"):
        assert (say(text, asked).effects, say(text, asked).reply) == ((), wording.SURVEY_WHY.format(count=3))


def test_several_digits_answer_nothing_else():
    assert say("1 2", survey=SURVEY).reply == wording.SURVEY_WHICH
    assert say("4 5", say("1", survey=SURVEY).state).reply == wording.SURVEY_FIVE
    assert say("2 5").reply == wording.TELL_MORE


def test_the_dissatisfied_are_asked_why_too():
    asked = say("2", say("1", survey=SURVEY).state, why=WHY)
    assert "2 时间太长" in asked.reply
    assert say("3", asked.state).effects == (TickReasons(SURVEY.id, ("其他",)),)


def test_a_survey_that_is_open_since_gets_the_digit():
    asked = say("2", survey=SURVEY, why=WHY).state
    later = SurveyFact(SURVEY.id + 1, "261121000009", is_open=True)
    assert say("1", asked, survey=later).effects == (AnswerSurvey(later.id, True),)


def test_half_an_hour_later_a_digit_is_no_reason():
    asked = say("2", survey=SURVEY, why=WHY).state
    assert say("1", asked, now=NOON + timedelta(minutes=31)).effects == ()


@pytest.mark.parametrize("kind", [Kind.PHOTO, Kind.VOICE, Kind.VIDEO])
def test_while_a_closed_case_is_looked_at_words_and_files_join_the_answer(kind):
    reviewed = replace(WHY, unsolved=Follow.REVIEW)
    asked = say("2", survey=SURVEY, why=reviewed)
    assert "督查人员会重新核查" in asked.reply
    closed = replace(CASE, status=Status.CLOSED)
    told = "灯只亮了一个晚上就又灭了，来的人说要换整根线，之后再也没有人来过"
    assert say(told, asked.state, last=closed).effects == (AddToAnswer(SURVEY.id, told),)
    sent = send(kind, asked.state, message={"media_id": "m1"}, last=closed)
    assert sent.effects == (AddToAnswer(SURVEY.id, media=((kind.value, "m1"),)),)


def test_a_danger_is_a_case_of_its_own_also_after_a_bad_answer():
    asked = say("2", survey=SURVEY, why=replace(WHY, unsolved=Follow.REVIEW)).state
    turn = say("楼下着火了", asked, last=replace(CASE, status=Status.CLOSED))
    assert isinstance(turn.effects[0], OpenCase)
    assert "119" in turn.reply


def tapped(words, **fact):
    message = Message(Kind.TEXT, words, tapped=f"survey:5:{'unsolved' if '没' in words else 'solved'}")
    return converse(EMPTY, message, replace(FACTS, survey=replace(SURVEY, is_open=False, **fact)))


def test_within_a_day_the_other_line_changes_the_answer_and_the_same_one_does_not():
    solved, unsolved = {"is_changeable": True, "solved": True}, {"is_changeable": True, "solved": False}
    assert tapped("2 没有解决", **solved).effects == (AnswerSurvey(5, False),)
    changed = tapped("1 已解决", **unsolved)
    assert changed.effects == (AnswerSurvey(5, True),)
    assert "改成“已解决”" in changed.reply
    assert tapped("1 已解决", **solved).reply == wording.SURVEY_OVER


UNSOLVED = replace(SURVEY, is_open=False, is_changeable=True, solved=False)


@pytest.mark.parametrize("text", ["已经解决了", "解决了", "后来解决了，谢谢您"])
def test_saying_solved_within_a_day_takes_not_solved_back(text):
    turn = say(text, survey=UNSOLVED, recent=(replace(CASE, status=Status.ACCEPTED),))
    assert turn.effects == (AnswerSurvey(5, True),)
    assert "改成“已解决”" in turn.reply
    assert say("4", turn.state).effects == (RateSurvey(5, 4),)


def test_a_case_that_waits_to_be_confirmed_is_meant_unless_we_have_just_asked_why():
    waiting = replace(CASE, number="261121000009", status=Status.RESOLVED, resolved_at=NOON.timestamp() - 60)
    facts = {"survey": UNSOLVED, "recent": (waiting,)}
    assert say("解决了", **facts).effects == (Step(waiting.number, Action.CONFIRM),)
    asked = say("2", survey=SURVEY, why=WHY).state
    assert say("解决了", asked, **facts).effects == (AnswerSurvey(5, True),)
    since = (replace(waiting, resolved_at=NOON.timestamp() + 60),)
    assert say("解决了", asked, **facts | {"recent": since}).effects == (
        Step(waiting.number, Action.CONFIRM),
    )


def test_what_is_written_after_solved_is_about_the_old_case_no_more():
    asked = say("2", survey=SURVEY, why=WHY).state
    solved = say("已经解决了", asked, survey=UNSOLVED).state
    told = "小区东门的路灯昨天晚上也不亮了，路上很黑，老人走路不安全"
    assert isinstance(say(told, solved, last=replace(CASE, status=Status.IN_PROGRESS)).effects[0], OpenCase)


def test_a_tap_after_the_end_is_heard_and_told_where_to_go():
    late = tapped("2 没有解决", is_expired=True)
    assert late.effects == (SayLate(5, False),)
    assert "没有解决”我们记下了" in late.reply
    assert FACTS.link in late.reply


def test_whoever_taps_solved_after_the_end_is_not_sent_to_not_solved():
    late = tapped("1 已解决", is_expired=True)
    assert late.effects == (SayLate(5, True),)
    assert "您说的“已解决”我们记下了" in late.reply
    assert "没有解决" not in late.reply


def test_a_digit_that_answers_nothing_opens_nothing():
    assert say("1").effects == ()


def test_a_wrong_digit_is_asked_again():
    assert say("7", survey=SURVEY).reply == wording.SURVEY_WHICH
    assert say("9", say("1", survey=SURVEY).state).reply == wording.SURVEY_FIVE


@pytest.mark.parametrize("text", ["没有解决", "没解决，还是臭", "还没解决还是臭"])
def test_a_change_of_mind_brings_back_the_case_that_was_asked_about(text):
    other = replace(CASE, number="261121000009")
    asked = replace(say("1", survey=SURVEY).state, case_number=other.number, case_until=9e9)
    turn = say(text, asked, last=other)
    assert turn.effects == (AnswerSurvey(SURVEY.id, False, "" if text == "没有解决" else text),)
    assert f"编号 {CASE.number} 会重新办理" in turn.reply
    told = "垃圾桶旁边还是很臭，晚上窗户都不敢开，孩子也睡不好"
    joined = AddToAnswer(SURVEY.id, told, is_told=True)
    assert say(told, turn.state, last=CASE).effects == (AddToCase(CASE.number, told), joined)


def test_a_change_of_mind_that_was_spoken_keeps_its_recording():
    asked = say("1", survey=SURVEY).state
    turn = send(Kind.VOICE, asked, message={"text": "没解决，还是臭。", "media_id": "v1"})
    assert turn.effects[1] == AddToCase(CASE.number, media=(("voice", "v1"),))


def test_not_solved_long_after_the_survey_is_no_change_of_mind(at_yulan):
    asked = say("1", at_yulan, survey=SURVEY).state
    turn = say("没解决，还是臭", asked, now=NOON + timedelta(minutes=31))
    assert isinstance(turn.effects[0], OpenCase)


@pytest.mark.parametrize(
    ("digit", "first"), [("1", AnswerSurvey(SURVEY.id, True)), ("2", AnswerSurvey(SURVEY.id, False))]
)
def test_the_same_digit_at_once_is_one_tap_however_often_and_answers_the_next_question_later(digit, first):
    """1 is 很不满意 there, and 2 a reason."""
    answered = say(digit, survey=SURVEY, why=WHY)
    assert answered.effects == (first,)
    at_once = NOON + timedelta(seconds=3)
    again = say(digit, answered.state, now=at_once)
    assert (again.effects, again.reply) == ((), wording.REPEATED.format(digit=digit))
    assert say(digit, again.state, now=at_once, why=WHY).effects == ()
    assert say(digit, answered.state, now=NOON + timedelta(seconds=6), why=WHY).effects != ()
    other = say("3", answered.state, now=at_once, why=WHY)
    assert other.effects != ()


@pytest.mark.parametrize(("digit", "tapped"), [("1", "solved"), ("2", "unsolved")])
def test_a_digit_typed_right_after_the_same_choice_was_tapped_is_that_tap(digit, tapped):
    answered = send(Kind.TEXT, EMPTY, survey=SURVEY, why=WHY, message={"tapped": f"survey:5:{tapped}"})
    assert answered.effects == (AnswerSurvey(SURVEY.id, tapped == "solved"),)
    assert say(digit, answered.state, now=NOON + timedelta(seconds=2), why=WHY).effects == ()


def test_where_two_were_asked_about_words_of_no_number_are_of_neither(at_yulan):
    """Only 没有解决 alone answers the newest; what is wrong may be of the other."""
    other = replace(SURVEY, id=6, number="261121000006")
    said = {"survey": SURVEY, "others": (other,), "why": WHY}
    assert isinstance(say("没解决，还是看不见路", at_yulan, **said).effects[0], OpenCase)
    assert say("没有解决", at_yulan, **said).effects == (AnswerSurvey(SURVEY.id, False),)


@pytest.mark.parametrize(
    "words",
    ["{} 没有解决，还是臭", "没解决，还是臭 {}", "{}没有解决，灯还是不亮，晚上看不见路，老人不敢出门"],
)
def test_the_number_of_a_case_may_stand_with_what_is_not_solved(words):
    text = words.format(SURVEY.number)
    turn = say(text, survey=SURVEY, asked=CASE, why=WHY)
    assert turn.effects == (AnswerSurvey(SURVEY.id, False, text),)


def test_a_digit_that_answered_nothing_is_answered_each_time():
    assert say("2", say("2").state).reply == wording.NOTHING_ASKED


def test_not_solved_said_twice_takes_back_no_other_answer():
    """One case was said to be solved this morning; of another we have just heard that it is not."""
    asked = say("2", survey=SURVEY, why=WHY)
    this_morning = SurveyFact(6, "261121000006", is_open=False, is_changeable=True, solved=True)
    turn = say("没有解决", asked.state, survey=this_morning, last=CASE, why=WHY)
    assert AnswerSurvey(6, False) not in turn.effects
