"""附议 as it is lived: a neighbour has reported it already, and one digit is enough to have it too."""

import re

import pytest

from backend.cases.survey_models import SurveyState
from backend.cases.workflow import Action, Status
from tests.cases.pictures import jpeg
from tests.journey.test_journey import PLACE, UNIT, link_in, number_in, read_case

pytestmark = [pytest.mark.slow, pytest.mark.browser]

ANSWER = "灯泡已经换好，晚上会亮"


def classifies(desk, entry):
    """Say what the case is about, by what the page proposes."""
    form = desk.page.locator("details#classify")
    form.locator("summary").tap()
    form.get_by_role("radio", name=re.compile(entry)).first.check()
    form.get_by_role("button", name="归类", exact=True).tap()
    desk.page.get_by_text("办好了：归类").wait_for()


def neighbours_matter(town, neighbour, desk, handler):
    """The number of a case of a neighbour that is filed and at work."""
    neighbour.reply_to(neighbour.phone.scan(ticket=town.ticket(PLACE)))
    number = number_in(neighbour.says("公交站牌边上的路灯不亮了，陈阿姨昨晚摔了一跤"))
    assert desk.opens_card(desk.hears(number, "待受理")) == 200
    desk.accepts()
    classifies(desk, "路灯不亮")
    desk.assigns_to(UNIT)
    assert handler.opens_card(handler.hears(number, "待签收")) == 200
    handler.acknowledges()
    return number


def test_who_has_the_same_to_say_joins_by_a_digit_and_hears_to_the_end(town, meet, newcomer):
    resident, neighbour = newcomer("徐小姐"), newcomer("何大爷")
    desk, handler = meet("周晓岚"), meet("辛文静")
    matter = neighbours_matter(town, neighbour, desk, handler)
    resident.reply_to(resident.phone.scan(ticket=town.ticket(PLACE)))
    listed = resident.says("我也是")
    assert "1 路灯不亮（玉兰苑东门" in listed
    assert "陈阿姨" not in listed
    reply = resident.says("1")
    assert "和邻居反映的“路灯不亮”一起办" in reply
    number = number_in(reply)
    assert number != matter
    assert "和别人反映的同一件事一起办" in resident.says("进度")

    handler.page.reload()
    assert handler.sees(number)
    assert handler.sees("收到附议")
    handler.resolves(ANSWER, jpeg(640, 480))
    neighbour.hears(matter, "已办理：" + ANSWER)
    told = resident.hears(number, "已办理：" + ANSWER)
    assert resident.opens(link_in(told)) == 200
    assert resident.sees("别的居民反映的是同一件事，合在一起办")
    resident.confirms()
    survey = resident.hears("事情真的解决了吗", number)
    assert "5 很满意" in resident.taps_line(survey, "已解决")
    assert resident.says("5") == "谢谢您的评价。一天内想改，直接回复新的数字就行。"

    case, steps, [asked] = read_case(town, number)
    assert [action for action, _ in steps] == [Action.SUBMIT, Action.JOIN, Action.FOLLOW, Action.CONFIRM]
    assert (case.status, asked.state, asked.satisfaction) == (Status.CLOSED, SurveyState.ANSWERED, 5)
    assert read_case(town, matter)[0].status is Status.RESOLVED
    assert len([line for line in desk.chat() if "待受理" in line]) == 1  # nobody was woken by who joined
