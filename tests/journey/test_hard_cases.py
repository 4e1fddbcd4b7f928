"""Two hard matters, played as people play them: a case of 44 years, and a dispute over a relocation."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend.cases import hard_cases
from backend.cases.meeting_models import Matter
from backend.cases.models import Case, CaseEvent, Channel
from backend.cases.service import Actor
from backend.cases.workflow import Action, Outcome, Status
from backend.places.models import Officer
from backend.places.scope import posts_of
from backend.times import local, now
from tests.cases.pictures import jpeg
from tests.journey.test_journey import link_in, number_in

pytestmark = [pytest.mark.slow, pytest.mark.browser]

PLACE = "玉兰苑东门（玉兰社区）"
UNIT, CENTRE = "望溪街道市政服务中心", "青岚区群众诉求服务中心"
OLD = "1982年村里搬迁，答应的安置房一直没有给，底册和协议都说找不到了，四十四年了"
SETTLED = "安置协议已经签订，房子已经交付，钥匙交到本人手里"
DISPUTE = "旧改补偿按哪一年的标准算，说法不一样，几户人谈不拢"
DAY = timedelta(days=1)


def takes(person, action, label, **fields):
    """Open the form of a step that is not the next one, fill it, send it."""
    form = person.page.locator(f"details#{action}")
    form.locator("summary").tap()
    for name, value in fields.items():
        field = form.locator(f"[name={name}]").first
        if field.evaluate("field => field.tagName") == "SELECT":
            field.select_option(label=value)
        else:
            field.fill(value)
    form.get_by_role("button", name=label, exact=True).tap()
    person.page.get_by_text(f"办好了：{label}").wait_for()


def opens_news(person, message):
    """Follow a message, a card or words with an address; returns the page's HTTP status."""
    return person.opens_card(message) if message.get("card") else person.opens(link_in(message))


def marks(person, *labels):
    """Tick what makes the case hard."""
    form = person.page.locator("details#mark")
    form.locator("summary").tap()
    for label in labels:
        form.get_by_text(label, exact=False).first.tap()
    form.get_by_role("button", name="标记难案", exact=True).tap()
    person.page.get_by_text("办好了：标记难案").wait_for()


def read(town, number):
    with town.record() as session:
        return session.scalars(sa.select(Case).where(Case.number == number)).one()


def steps_of(town, number):
    with town.record() as session:
        case_id = session.scalars(sa.select(Case.id).where(Case.number == number)).one()
        own = sa.select(CaseEvent.action).where(CaseEvent.case_id == case_id)
        return list(session.scalars(own.order_by(CaseEvent.id)))


def log_for(town, number, code, days):
    """What an officer wrote down on the days before today: when is said, for nobody waits a hundred days."""
    with town.record() as session:
        officer_id = session.scalars(sa.select(Officer.id).where(Officer.code == code)).one()
        actor = Actor(officer_id=officer_id, posts=tuple(posts_of(session, officer_id)))
        came = sa.update(Case).where(Case.number == number, Case.discovered_at > now() - max(days) * DAY)
        session.execute(came.values(discovered_at=now() - max(days) * DAY))
        for day in sorted(days, reverse=True):
            words = f"走访老邻居，核对当年的人口和房屋（{day} 天前）"
            hard_cases.log(session, number, actor, words, at=now() - day * DAY)
        session.commit()


def test_a_case_of_44_years_is_led_worked_on_for_100_days_closed_and_reviewed(town, meet, newcomer):
    resident, desk, supervisor, leader = newcomer("权先生"), *map(meet, ("周晓岚", "滕嘉怡", "湛月明"))
    lawyer, handler = meet("栾素云"), meet("辛文静")
    resident.reply_to(resident.phone.scan(ticket=town.ticket(PLACE)))
    number = number_in(resident.says(OLD))
    card = desk.hears(number, "待受理")
    assert desk.opens_card(card) == 200
    desk.accepts()
    desk.assigns_to(UNIT)
    link = desk.phone.tap(card)["open"]

    assert lawyer.opens(link) == 403  # not before she is in the group
    assert supervisor.opens(link) == 200
    marks(supervisor, "积案", "跨部门", "人户分离", "无档案资料", "无协议合同")
    takes(supervisor, "take_charge", "包案", officer="湛月明（领导 · 青岚区）", note="年底前化解")
    takes(supervisor, "form_group", "组建专班", member="栾素云", note="查底册，核身份")
    assert opens_news(leader, leader.hears(number, "包案")) == 200
    assert leader.sees("积案、跨部门、人户分离、无档案资料、无协议合同")
    assert opens_news(lawyer, lawyer.hears(number, "专班")) == 200
    takes(lawyer, "log", "工作日志", note="区档案馆没有，去街道老库房找")

    log_for(town, number, "QL061", range(5, 110, 5))
    lawyer.page.reload()
    assert lawyer.sees("第 106 天")
    assert lawyer.sees("其中 22 天有工作日志")
    assert handler.opens_card(handler.hears(number, "待签收")) == 200
    handler.acknowledges()
    handler.resolves(SETTLED, jpeg(640, 480))
    assert resident.opens(link_in(resident.hears(number, "已办理：" + SETTLED))) == 200
    assert not resident.sees("老库房")
    resident.confirms()

    leader.page.reload()
    words = {"cause": "底册只有手写一份", "worked": "请老邻居当面作证", "change": "旧档一律扫描"}
    takes(leader, "review", "复盘", **words)
    assert leader.sees("要改进的：旧档一律扫描")
    leader.opens(link.replace(f"cases/{number}", "hard/").replace("?", "?view=mine&"))
    assert leader.sees(number)
    assert_the_record_of_the_old_case(town, number)


def assert_the_record_of_the_old_case(town, number):
    case, steps = read(town, number), steps_of(town, number)
    assert (case.status, case.outcome, case.is_legacy) == (Status.CLOSED, Outcome.SOLVED, True)
    assert case.leader_id is not None
    assert len(case.group_ids) == 1
    assert (steps.count(Action.LOG), steps[-1]) == (22, Action.REVIEW)
    told = [Action.MARK, Action.TAKE_CHARGE, Action.FORM_GROUP, Action.RESOLVE, Action.CONFIRM]
    assert [step for step in steps if step in told] == told


def open_meeting(secretary, link, title, day):
    """A meeting of the secretary, whose record she keeps on her phone."""
    assert secretary.opens(link) == 200
    page = secretary.page
    if page.locator("details.card[open]").count() == 0:
        page.get_by_text("新开一次").tap()
    page.get_by_role("radio", name="书记茶话会").check()
    page.get_by_label("名称").fill(title)
    page.get_by_label("主持人").fill("方静怡")
    page.get_by_label("时间").fill(local(day).strftime("%Y-%m-%dT%H:%M"))
    page.get_by_role("button", name="新开").tap()
    page.get_by_role("heading", name=title).wait_for()
    return page.url


def add_person(secretary, name, phone):
    page = secretary.page
    page.locator("#people [name=name]").fill(name)
    page.locator("#people [name=phone]").fill(phone)
    page.get_by_role("button", name="加上").tap()
    page.locator(".came").get_by_text(name).wait_for()


def raises(secretary, text, who, answer=""):
    page = secretary.page
    page.get_by_label("提了什么事").fill(text)
    page.get_by_label("谁提的").select_option(label=who)
    page.get_by_label("当场的答复").fill(answer)
    page.get_by_role("button", name="记下").tap()
    page.locator(".matter").get_by_text(text).wait_for()


def test_a_dispute_raised_at_a_meeting_is_mediated_over_two_weeks(town, meet):
    secretary, desk, mediator = map(meet, ("方静怡", "周晓岚", "车立群"))
    link = f"{town.env['PUBLIC_URL']}/console/meetings/?account=qinglan"
    first = open_meeting(secretary, link, "旧改补偿协调会第一次", now() - 14 * DAY)
    add_person(secretary, "邱伯", "13900000061")
    add_person(secretary, "戴姨", "13900000062")
    raises(secretary, DISPUTE, "邱伯")
    raises(secretary, "评估报告看不到", "戴姨", answer="当场发了复印件")
    secretary.page.get_by_role("button", name="转为诉求").first.tap()
    secretary.page.get_by_text("已转为诉求").wait_for()
    with town.record() as session:
        case = session.scalars(
            sa.select(Case).join(Matter, Matter.case_id == Case.id).where(Matter.text == DISPUTE)
        ).one()

    assert desk.opens_card(desk.hears(case.number, "待受理")) == 200
    assert desk.sees("来自书记茶话会“旧改补偿协调会第一次”")
    desk.accepts()
    desk.assigns_to(CENTRE)
    assert mediator.opens_card(mediator.hears(case.number, "待签收")) == 200
    mediator.acknowledges()
    takes(mediator, "first_contact", "先行联系", note="上门见了邱伯，先听他说了一下午")
    log_for(town, case.number, "QL059", range(1, 13))

    open_meeting(secretary, link, "旧改补偿协调会第二次", now() - 7 * DAY)
    add_person(secretary, "邱伯", "13900000061")
    raises(secretary, "按2021年的标准，差额分两年补", "邱伯", answer="双方当场同意，下周签协议")
    secretary.page.get_by_label("我看清楚了").check()
    secretary.page.get_by_role("button", name="结束登记").tap()
    secretary.page.get_by_text("已结束登记").wait_for()

    mediator.page.reload()
    mediator.resolves("双方已签补偿协议，第一笔款已经到账", jpeg(640, 480))
    secretary.page.goto(first)
    assert secretary.sees("待确认")
    assert secretary.sees("诉求已办好")
    done = read(town, case.number)
    assert (done.channel, done.status, done.outcome) == (Channel.MEETING, Status.RESOLVED, Outcome.SOLVED)
    assert steps_of(town, case.number).count(Action.LOG) == 12
