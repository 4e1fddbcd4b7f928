"""The whole loop, played as people play it: phones, pages, and nothing but waiting in between."""

import io

import pytest
import sqlalchemy as sa
from PIL import Image

from backend.cases.models import Case, CaseEvent
from backend.cases.survey_models import Survey, SurveyState
from backend.cases.workflow import Action, Outcome, Status
from tests.cases.pictures import jpeg, jpeg_of_a_telephone

pytestmark = [pytest.mark.slow, pytest.mark.browser]

PLACE = "玉兰苑东门（玉兰社区）"
UNIT = "望溪街道市政服务中心"
REPORT = "公交站旁边的路灯不亮了，晚上走路看不清"
FIRST_ANSWER, SECOND_ANSWER = "灯泡已经换好，晚上会亮", "线路接触不良，已经重新接好"


def number_in(reply):
    """The case number that a reply tells."""
    return reply.split("编号：")[1].splitlines()[0]


def read_case(town, number):
    """The case, its steps as (action, round), and its surveys."""
    with town.record() as session:
        case = session.scalars(sa.select(Case).where(Case.number == number)).one()
        events = sa.select(CaseEvent.action, CaseEvent.round).where(CaseEvent.case_id == case.id)
        surveys = sa.select(Survey).where(Survey.case_id == case.id).order_by(Survey.round)
        steps = [tuple(step) for step in session.execute(events.order_by(CaseEvent.id))]
        return case, steps, session.scalars(surveys).all()


def report_with_a_photo(town, resident):
    """Scan the code of a place, say it in one message, add a photo. Returns the case number."""
    greeting = resident.reply_to(resident.phone.scan(picture=town.picture_of_code(PLACE)))
    assert greeting.startswith("您好，您现在在玉兰苑东门。")
    assert "发一条消息就可以" in greeting
    reply = resident.says(REPORT)
    number = number_in(reply)
    assert reply.startswith(f"收到，已登记。\n编号：{number}\n地点：玉兰苑东门\n")
    assert "前有工作人员受理，有进展会在这里告诉您" in reply
    photo = resident.reply_to(resident.phone.send_image(jpeg_of_a_telephone()))
    assert photo == f"照片已加到编号 {number}。"
    return number


def read_the_alert_and_the_case(officer, number):
    """The card on the officer's phone leads to a page that shows what was said, where, with the photo."""
    card = officer.hears(number, "待受理", "玉兰苑东门")
    assert officer.opens_card(card) == 200
    assert officer.page.url.startswith(f"http://phone{officer.phone.user_id}.localhost:")
    assert officer.sees(REPORT)
    assert officer.sees("青岚区 / 望溪街道 / 玉兰社区 / 玉兰苑东门")
    officer.sees_after_a_while(".photos img")
    photo = officer.first_photo()
    assert b"secret" not in photo
    assert not Image.open(io.BytesIO(photo)).getexif()


def handle(desk, handler, resident, number, answer):
    """Assign, acknowledge, resolve with a proof; the resident is told each time."""
    desk.assigns_to(UNIT)
    resident.hears("已派给" + UNIT, number)
    assert handler.opens_card(handler.hears(number, "待签收")) == 200
    handler.acknowledges()
    resident.hears(UNIT + "已经接手", number)
    return handler.resolves(answer, jpeg(640, 480))


def confirm(resident, number, answer):
    """Follow the link in the message, read the timeline, say that it is solved."""
    told = resident.hears(number, "已办理：" + answer)
    assert resident.opens(link_in(told)) == 200
    for step in ("已收到反映", "已受理", f"已派给{UNIT}", "已接手，正在处理", "已办理", answer):
        assert resident.sees(step), step
    assert len(resident.page.locator(".photos img").all()) >= 2
    resident.confirms()


def link_in(message):
    """The address in a message of the chat."""
    return message["content"].split('<a href="')[1].split('"')[0]


def all_that_the_resident_hears(number):
    """Replies and news, in their order."""
    assigned = f"您反映的事情（编号 {number}）已派给{UNIT}，请等待办理。"
    taken_over = f"{UNIT}已经接手您反映的事情（编号 {number}），正在处理。"
    closed = f"您反映的“{REPORT}”（编号 {number}）结案了。"
    return [
        "您好，您现在在玉兰苑东门。",
        "收到，已登记。",
        f"照片已加到编号 {number}。",
        f"您反映的事情（编号 {number}）已经受理，正在安排负责的单位。",
        f"编号 {number}，已受理，正在安排单位",
        assigned,
        taken_over,
        f"您反映的事情（编号 {number}）已办理：{FIRST_ANSWER}",
        closed,
        f"知道了，编号 {number} 会重新办理。请说说哪里没有解决，我们会告诉负责的单位。",
        f"已加到编号 {number}。如果这是另一件事，请回复“另一件”。",
        assigned,
        taken_over,
        f"您反映的事情（编号 {number}）已办理：{SECOND_ANSWER}",
        closed,
        "谢谢您。您对这次办理满意吗？请回复数字：",
        "谢谢您的评价。一天内想改，直接回复新的数字就行。",
    ]


def test_one_report_goes_all_the_way_round_and_comes_back_once(town, meet):
    resident, desk, handler, head = map(meet, ("李秀兰", "周晓岚", "辛文静", "芦志诚"))
    earlier_errors = town.errors()

    number = report_with_a_photo(town, resident)
    read_the_alert_and_the_case(desk, number)
    desk.accepts()
    resident.hears("已经受理", number)
    assert "已受理，正在安排单位" in resident.says("进度")

    handle(desk, handler, resident, number, FIRST_ANSWER)
    confirm(resident, number, FIRST_ANSWER)
    first_survey = resident.hears("事情真的解决了吗", number)
    assert [line["content"] for line in first_survey["items"]] == ["1 已解决", "2 没有解决"]
    first_link = first_survey["tail"].splitlines()[-1]

    reply = resident.taps_line(first_survey, "没有解决")
    assert reply.startswith(f"知道了，编号 {number} 会重新办理。请说说哪里没有解决")
    assert resident.says("还是一闪一闪的") == f"已加到编号 {number}。如果这是另一件事，请回复“另一件”。"
    for officer in (desk, handler, head):
        assert officer.opens_card(officer.hears(number, "群众重办", "没有解决")) == 200
        assert officer.sees("第 2 次办理")
        assert officer.sees(f"上次答复：{FIRST_ANSWER}")
        assert officer.sees("还是一闪一闪的")

    handle(desk, handler, resident, number, SECOND_ANSWER)
    confirm(resident, number, SECOND_ANSWER)
    second_survey = resident.hears("事情真的解决了吗", number)
    assert "5 很满意" in resident.taps_line(second_survey, "已解决")
    assert resident.says("5") == "谢谢您的评价。一天内想改，直接回复新的数字就行。"

    resident.page.reload()
    assert resident.sees("第 2 次办理")
    assert resident.sees("谢谢您的评价")
    assert resident.opens(first_link) == 410
    assert resident.sees("已经答过了")
    assert resident.has_heard(*all_that_the_resident_hears(number))
    assert desk.has_heard("［新工单提醒］待受理", "［没有解决，请重新办理］群众重办")
    for officer in (handler, head):
        assert officer.has_heard(
            "［新派工单，请签收］待签收", "［没有解决，请重新办理］群众重办", "［新派工单，请签收］待签收"
        )
    assert_the_record_tells_the_same(town, number)
    assert town.errors() == earlier_errors


def assert_the_record_tells_the_same(town, number):
    case, steps, (first, second) = read_case(town, number)
    round_one = [Action.SUBMIT, Action.ADD, Action.ACCEPT, Action.ASSIGN, Action.ACKNOWLEDGE, Action.RESOLVE]
    round_two = [Action.ADD, Action.ASSIGN, Action.ACKNOWLEDGE, Action.RESOLVE, Action.CONFIRM]
    assert steps == [
        *((action, 1) for action in [*round_one, Action.CONFIRM, Action.REOPEN]),
        *((action, 2) for action in round_two),
    ]
    assert (case.status, case.round, case.outcome) == (Status.CLOSED, 2, Outcome.SOLVED)
    assert case.answer == SECOND_ANSWER
    five = [case.discovered_at, case.accepted_at, case.resolved_at, case.confirmed_at, case.fed_back_at]
    assert five == sorted(five)
    assert (first.round, first.state, first.solved) == (1, SurveyState.ANSWERED, False)
    assert (second.round, second.state, second.solved) == (2, SurveyState.ANSWERED, True)
    assert (first.satisfaction, second.satisfaction) == (None, 5)


def test_a_report_without_a_place_asks_for_it_and_reaches_the_officers_there(town, meet, newcomer):
    resident, dispatcher, desk = newcomer("胡玉珍"), meet("岑静雯"), meet("周晓岚")
    resident.reply_to(resident.phone.follow())

    reply = resident.says("楼下的垃圾桶满了好几天，味道很大")
    number = number_in(reply)
    assert "请问在哪里？请点“＋”发送位置" in reply
    dispatcher.hears(number, "待受理")
    placed = resident.reply_to(resident.phone.send_location(22.7084, 114.21927, "玉兰苑东门（公交站）"))
    assert placed == f"好的，地点记为玉兰苑东门，已转给那里的工作人员。\n编号：{number}"

    assert desk.opens_card(desk.hears(number, "待受理", "玉兰苑东门")) == 200
    assert desk.sees("楼下的垃圾桶满了好几天")
    assert desk.sees("玉兰苑东门（公交站）")


def test_an_officer_hears_a_recording_that_nobody_recognised(town, meet, newcomer):
    resident, desk = newcomer("钱阿婆"), meet("周晓岚")
    resident.reply_to(resident.phone.scan(ticket=town.ticket(PLACE)))

    number = number_in(resident.reply_to(resident.phone.send_voice(seconds=4)))

    assert desk.opens_card(desk.hears(number, "待受理", "语音")) == 200
    desk.sees_after_a_while("a:has-text('下载录音')")
    recording = desk.page.get_by_role("link", name="下载录音 1").get_attribute("href")
    status, kind, content = desk.file_behind(recording)
    assert (status, kind) == (200, "audio/amr")
    assert content.startswith(b"#!AMR")


def test_an_officer_of_another_community_is_refused(town, meet, newcomer):
    resident, desk, stranger = newcomer("孙阿姨"), meet("周晓岚"), meet("罗嘉铭")
    resident.reply_to(resident.phone.scan(ticket=town.ticket(PLACE)))
    number = number_in(resident.says("电梯口堆满了纸箱，婴儿车推不出去"))
    link = desk.phone.tap(desk.hears(number, "待受理"))["open"]

    assert stranger.opens(link.replace("account=qinglan", "account=hefeng")) == 403
    assert stranger.sees("不归您办理")
    assert not stranger.sees("婴儿车")
    assert stranger.opens(link) == 403  # through the other account nobody knows him as an officer
    assert not stranger.sees("婴儿车")
