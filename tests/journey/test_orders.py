"""Two stories of orders, played as people play them: scanned, commanded, carried out, answered."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend.cases.models import Case
from backend.cases.survey_models import Survey, SurveyState
from backend.cases.workflow import Outcome
from backend.cases.workflow import Status as CaseStatus
from backend.orders.models import Order, OrderUnit
from backend.orders.workflow import PartStatus, Status
from backend.places.models import Unit
from tests.cases.pictures import jpeg
from tests.journey.test_journey import link_in, number_in

pytestmark = [pytest.mark.slow, pytest.mark.browser]

PLACE = "玉兰苑东门（玉兰社区）"
CENTRE, BUILDING = "青岚区群众诉求服务中心", "青岚区住房和建设局"
PHONE = "13812345678"
MARKET, PUBLIC_ORDER = "青岚区市场监督管理局", "望溪街道综治办"


def report(town, person, words):
    """Scan the code of the place and say it in one message. Returns the case's number."""
    person.reply_to(person.phone.scan(ticket=town.ticket(PLACE)))
    return number_in(person.says(words))


def draft(desk, link, lead, assisting, title, *, calls=False):
    """Go from the alert to the form of an order, name the units, send it. Returns the order's number.

    With `calls` it asks that whoever reported is called in the end.
    """
    assert desk.opens(link) == 200
    page = desk.page
    page.get_by_label("标题").fill(title)
    rows = page.locator(".unit-row")
    for details in page.locator("details:not([open]) > summary", has_text="其他单位").all():
        details.tap()
    rows.filter(has_text=lead).get_by_role("radio").check()
    for unit in assisting:
        rows.filter(has_text=unit).get_by_role("checkbox").check()
    page.get_by_label("办结后电话回访").set_checked(calls)
    page.get_by_role("button", name="交书记批准").tap()
    page.get_by_text("起草好了").wait_for()
    return page.url.split("/orders/")[1].partition("?")[0]


def form_for(card_link, *numbers):
    """The address of the form of an order that begins with these cases, at the account of the alert."""
    site, _, rest = card_link.partition("/console/")
    account = rest.partition("?")[2]
    return f"{site}/console/orders/new?{'&'.join(f'case={number}' for number in numbers)}&{account}"


def approve(secretary, number):
    assert secretary.opens_card(secretary.hears(number, "待批准")) == 200
    secretary.page.get_by_role("button", name="批准发令").tap()
    secretary.page.get_by_text("办好了：批准发令").wait_for()


def take(officer, number, *steps):
    """Open the order from the alert, and take steps that ask nothing."""
    assert officer.opens_card(officer.hears(number, "发令单")) == 200
    for step in steps:
        officer.page.get_by_role("button", name=step, exact=True).tap()
        officer.page.get_by_text(f"办好了：{step}").wait_for()


def report_back(officer, words):
    officer.page.get_by_label("办了什么、结果怎样").fill(words)
    officer.page.get_by_role("button", name="反馈", exact=True).tap()
    officer.page.get_by_text("办好了：反馈").wait_for()


def answer(officer, words):
    """Declare it solved in fact, with a photo."""
    officer.page.reload()
    form = officer.page.locator("#answer")
    form.get_by_label("办理结果").select_option(label="实际解决")
    form.get_by_label("给群众的答复").fill(words)
    file = {"name": "proof.jpg", "mimeType": "image/jpeg", "buffer": jpeg(640, 480)}
    form.locator("input[type=file]").set_input_files(file)
    form.get_by_role("button", name="答复办结").tap()
    officer.page.get_by_text("办好了：答复办结").wait_for()


def confirm(resident, case, words):
    """Say on the page of the case that it is solved: with that it is closed."""
    assert resident.opens(link_in(resident.hears(case, words))) == 200
    resident.confirms()


def call(officer, link, phone):
    """Find the callback on the list as soon as it is there, take it, see the number, and write down that it
    is solved and they are satisfied."""
    site, _, rest = link.partition("/console/")
    page = officer.page
    assert officer.opens(f"{site}/console/callbacks/?{rest.partition('?')[2]}") == 200
    officer.sees_after_a_while("li.board-case:has-text('发令单要求电话回访')")
    page.get_by_role("button", name="我来打").tap()
    page.get_by_role("heading", name="怎么说").wait_for()
    assert not officer.sees(phone)
    page.get_by_role("button", name="查看号码，打电话").tap()
    page.locator(f"a[href='tel:{phone}']").wait_for()
    page.get_by_label("接通了，答了").check()
    page.get_by_label("已解决").check()
    page.get_by_label("满意", exact=True).check()
    page.get_by_role("button", name="记下结果").tap()
    page.get_by_text("记好了：接通了，答了").wait_for()


def read_order(town, number):
    """The order, and its parts by the name of the unit."""
    with town.record() as session:
        order = session.scalars(sa.select(Order).where(Order.number == number)).one()
        parts = sa.select(Unit.name, OrderUnit).join(Unit, Unit.id == OrderUnit.unit_id)
        return order, dict(session.execute(parts.where(OrderUnit.order_id == order.id)).all())


def case_page(card_link, case):
    site, _, rest = card_link.partition("/console/")
    return f"{site}/console/cases/{case}?{rest.partition('?')[2]}"


def read_survey(town, number):
    with town.record() as session:
        own = sa.select(Survey.state, Survey.solved, Survey.satisfaction).join(
            Case, Case.id == Survey.case_id
        )
        return tuple(session.execute(own.where(Case.number == number)).one())


def read_cases(town, numbers):
    with town.record() as session:
        return session.scalars(sa.select(Case).where(Case.number.in_(numbers))).all()


def test_unpaid_wages_bring_mediator_and_department_to_the_site_in_minutes(town, meet):
    watchman, desk, secretary, supervisor = map(meet, ("翁佩珊", "周晓岚", "方静怡", "滕嘉怡"))
    mediator, department = meet("车立群"), meet("席雅琴")

    case = report(town, watchman, "工地拖欠二十个工人三个月工资，工人都围在门口")
    assert "电话" in watchman.says(PHONE)
    link = desk.phone.tap(desk.hears(case, "待受理"))["open"]
    number = draft(desk, form_for(link, case), CENTRE, [BUILDING], "工地拖欠工资，请到场调解", calls=True)
    approve(secretary, number)
    supervisor.hears(number, "发令单")
    take(mediator, number, "签收", "到场")
    take(department, number, "签收", "到场")
    report_back(department, "已责令总包单位今天先垫付一个月工资")
    answer(mediator, "双方已达成协议，今天先付一个月工资，其余月底前付清")

    confirm(watchman, case, "双方已达成协议")
    order, parts = read_order(town, number)
    assert (order.status, order.outcome) == (Status.ANSWERED, Outcome.SOLVED)
    assert order.created_at <= order.approved_at <= order.answered_at
    for part in parts.values():
        assert part.status is PartStatus.REPORTED
        assert order.approved_at <= part.acknowledged_at <= part.arrived_at
        assert part.arrived_at - order.approved_at < timedelta(minutes=10)
    [found] = read_cases(town, [case])
    assert (found.status, found.outcome) == (CaseStatus.CLOSED, Outcome.SOLVED)
    five = [found.discovered_at, found.accepted_at, found.acknowledged_at, found.resolved_at]
    assert five == sorted(five)
    assert found.accepted_at == order.approved_at

    call(desk, link, PHONE)
    assert desk.opens(case_page(link, case)) == 200
    for words in ("查看了电话，准备拨打", "接通：已解决，满意", "已回访（发令单要求电话回访）"):
        assert desk.sees(words), words
    assert read_survey(town, case) == (SurveyState.ANSWERED, True, 4)
    assert not any("请您评价" in words or "解决了吗" in words for words in watchman.chat())


def test_one_result_about_the_illegal_market_goes_back_to_every_reporter(town, meet):
    first, second, desk, secretary = map(meet, ("李秀兰", "陈浩然", "周晓岚", "方静怡"))
    market, centre, public_order = map(meet, ("蒲桂珍", "车立群", "闵慧敏"))

    cases = [report(town, first, "停车场里每天早上都有人摆摊卖菜，占了车位")]
    cases.append(report(town, second, "地面停车场成了菜市场，又脏又挤"))
    link = desk.phone.tap(desk.hears(cases[1], "待受理"))["open"]
    number = draft(desk, form_for(link, *cases), MARKET, [CENTRE, PUBLIC_ORDER], "联合清理停车场的非法市场")
    approve(secretary, number)
    for officer in (market, centre, public_order):
        take(officer, number, "签收")
    report_back(centre, "已向反映人说明处理安排")
    report_back(public_order, "已派人值守三天")
    words = "摊位已经全部清走，今后每天早上有人值守"
    answer(market, words)

    for resident, case in zip((first, second), cases, strict=True):
        resident.hears(case, words)
    order, parts = read_order(town, number)
    assert (order.status, order.answer) == (Status.ANSWERED, words)
    assert {name: part.answer for name, part in parts.items()} == {
        MARKET: words,
        CENTRE: "已向反映人说明处理安排",
        PUBLIC_ORDER: "已派人值守三天",
    }
    assert [(case.status, case.answer) for case in read_cases(town, cases)] == [
        (CaseStatus.RESOLVED, words)
    ] * 2
