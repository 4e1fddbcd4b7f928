"""Two stories: garbage at night, told to an account found by search, and the crossing at a school."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend.cases.models import Case
from backend.cases.workflow import Action, Status
from tests.cases.pictures import jpeg
from tests.journey.test_journey import number_in, read_case

pytestmark = [pytest.mark.slow, pytest.mark.browser]

CLEANERS, ROADS = "望溪街道市政服务中心", "青岚区住房和建设局"
MINUTE = timedelta(minutes=1)


def takes_other(person, action, label, **fields):
    """Open one of the other steps, fill it in, send it, and read that it was done."""
    form = person.page.locator(f"details#{action}")
    form.locator("summary").tap()
    for name, value in fields.items():
        field = form.locator(f"[name={name}]")
        if field.evaluate("field => field.tagName") == "SELECT":
            field.select_option(label=value)
        else:
            field.fill(value)
    form.get_by_role("button", name=label, exact=True).tap()
    person.page.get_by_text(f"办好了：{label}").wait_for()


def opens_case(person, number, *words):
    assert person.opens_card(person.hears(number, *words)) == 200


def test_garbage_at_night_is_gone_the_same_night(town, meet, newcomer):
    """The account found by search, no code scanned: the dispatcher on duty grades it and finds the place."""
    resident, dispatcher, handler = newcomer("夜班工人"), meet("岑静雯"), meet("辛文静")
    resident.phone.follow()
    reply = resident.says("楼下垃圾堆满了，臭得睡不着，请来清一下")
    number = number_in(reply)
    assert "在哪里" in reply
    resident.says("桂香社区")

    opens_case(dispatcher, number, "待受理")
    dispatcher.accepts()
    resident.hears("已经受理", number)
    dispatcher.assigns_to(CLEANERS)
    resident.hears("已派给" + CLEANERS, number)
    opens_case(handler, number, "待签收")
    handler.acknowledges()
    resident.hears(CLEANERS + "已经接手", number)
    handler.resolves("垃圾已清运，地面也冲洗了", jpeg(640, 480))
    told = resident.hears(number, "已办理：垃圾已清运，地面也冲洗了")
    assert "已解决" in told["content"]

    case, steps, _ = read_case(town, number)
    assert (case.status, case.place_id) == (Status.RESOLVED, case.community_id)
    assert Action.LOCATE in {action for action, _ in steps}
    assert case.accepted_at - case.discovered_at < 30 * MINUTE
    assert case.acknowledged_at - case.assigned_at < 5 * MINUTE


def test_a_danger_that_takes_two_units_is_answered_step_by_step_and_with_one_voice(town, meet):
    """The crossing at a school: one unit leads, another has a part; the parent who wrote sees every step."""
    parent, desk, lead, second = map(meet, ("李秀兰", "周晓岚", "闵慧敏", "席雅琴"))
    parent.reply_to(parent.phone.scan(picture=town.picture_of_code("玉兰苑东门（玉兰社区）")))
    number = number_in(parent.says("学校门口没有斑马线，孩子过马路太危险，请加护栏和警示牌"))

    opens_case(desk, number, "待受理")
    desk.accepts()
    desk.assigns_to("望溪街道综治办")
    takes_other(desk, "split", "拆分", unit=ROADS, note="学校门口施划斑马线")
    opens_case(lead, number, "待签收")
    lead.acknowledges()
    takes_other(lead, "first_contact", "先行联系", note="打电话问清了上学的时间")
    takes_other(lead, "progress", "办理进展", note="早晚高峰已安排人在路口值守")
    parent.hears(number, "早晚高峰已安排人在路口值守")

    with town.record() as session:
        part = session.scalars(sa.select(Case).join(Case.events).where(Case.parent_id.is_not(None))).first()
    opens_case(second, part.number, "待签收")
    second.acknowledges()
    second.resolves("斑马线已经画好，警示牌已立", jpeg(640, 480))
    lead.page.reload()
    assert lead.sees(part.number)
    lead.resolves("斑马线画好了，护栏下周一装完，早晚都有人值守", jpeg(640, 480))
    answer = parent.hears(number, "已办理：斑马线画好了")
    assert parent.opens(answer["content"].split('<a href="')[1].split('"')[0]) == 200
    for step in ("已派给望溪街道综治办", f"其中一部分请{ROADS}一起办", "已和您联系", "有新的进展", "已办理"):
        assert parent.sees(step), step

    case, _, _ = read_case(town, number)
    assert case.resolved_at - case.discovered_at < timedelta(hours=24)
    assert case.first_contact_at is not None
    answered = [line for line in parent.chat() if "已办理" in line and number in line]
    assert len(answered) == 1
    assert read_case(town, part.number)[0].status is Status.CLOSED
