"""The pages of deadlines: policies, the calendar of work, and hours."""

from datetime import date, datetime, timedelta

import pytest
import sqlalchemy as sa

from backend import times
from backend.cases import policies
from backend.cases.deadline_models import CalendarDay, Clock, Policy
from backend.places.models import Area
from backend.places.roles import Level
from backend.times import SHANGHAI, now
from tests.cases.clock_scene import fresh
from tests.factories import make_area, make_category

__all__ = ["fresh"]
pytestmark = pytest.mark.usefixtures("fresh")
HOME = "/console/policies/"
RULE = {"clock": "resolve", "length": "5", "unit": "days", "counted": "1", "source": "2026 年试点方案"}


@pytest.fixture
def district(session, place):
    return session.get_one(Area, place.community.district_id)


def post(client, address="", **form):
    return client.post(HOME + address, data=form)


def test_a_rule_is_added_shown_put_on_the_record_and_ended(session, admin_client, place, district):
    category = make_category(session, "路灯不亮")
    answer = post(admin_client, **RULE, category="路灯不亮", urgency="no", amber="25")
    assert answer.status_code == 303
    row = session.scalars(sa.select(Policy)).one()
    assert (row.clock, row.minutes, row.in_working_time) == (Clock.RESOLVE, 5 * 7 * 60, True)
    assert (row.area_id, row.category_id, row.urgent, row.amber) == (district.id, category.id, False, 25)
    page = admin_client.get(HOME).text
    assert "35 小时（工作时间）" in page
    assert "路灯不亮，只管一般" in page
    assert "还剩 25%" in page
    assert post(admin_client, f"{row.id}/end").status_code == 303
    assert "还没有自己的规则" in admin_client.get(HOME).text
    record = admin_client.get("/console/changes/?subject=policies").text
    assert "新增时限规则" in record
    assert "停用时限规则" in record
    assert "时限（分钟）：2100" in record
    assert "in_working_time" not in record


def test_a_day_of_work_is_as_long_as_the_areas_hours(session, admin_client, place):
    answer = post(admin_client, "hours", area="", hours="08:00-12:00，13:00-17:00")
    assert answer.status_code == 303
    post(admin_client, **RULE)
    assert session.scalars(sa.select(Policy.minutes)).one() == 5 * 8 * 60
    assert "08:00-12:00 13:00-17:00" in admin_client.get(HOME).text
    assert "工作时间：08:00-12:00 13:00-17:00" in admin_client.get("/console/changes/").text
    post(admin_client, "hours", area="", hours="")
    assert session.scalars(sa.select(Area.hours).where(Area.hours.is_not(None))).all() == []


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"clock": "lunch"}, "请选择是哪一步的时限"),
        ({"length": "很久"}, "请填写时限"),
        ({"length": "0"}, "请填写时限"),
        ({"length": "400", "unit": "days", "counted": ""}, "1 分钟到 1 年"),
        ({"source": " "}, "请写明依据"),
        ({"category": "没有的事"}, "事件字典里没有这一项"),
        ({"area": "没有的地方"}, "没有找到地点"),
        ({"amber": "100"}, "1 到 99"),
    ],
)
def test_what_cannot_be_taken_is_said_and_kept(session, admin_client, wrong, sentence):
    answer = post(admin_client, **RULE | wrong)
    assert answer.status_code in (422, 404)
    assert sentence in answer.text
    assert 'value="2026 年试点方案"' in answer.text or "source" in wrong
    assert session.scalars(sa.select(Policy)).all() == []


def test_a_second_rule_for_the_same_is_refused(session, admin_client):
    post(admin_client, **RULE)
    answer = post(admin_client, **RULE | {"length": "3"})
    assert (answer.status_code, "已经有一条同样的规则" in answer.text) == (409, True)


def test_only_administrators_see_the_page_and_only_their_own_places(
    session, place, as_officer, as_administrator, district
):
    assert as_officer(place.desk).get(HOME).status_code == 403
    assert post(as_officer(place.supervisor), **RULE).status_code == 403
    other = make_area(session, name="别的区")
    stranger = as_administrator(other)
    row = Policy(clock=Clock.RESOLVE, area_id=district.id, minutes=60, source="本区规定")
    session.add(row)
    session.commit()
    assert "本区规定" not in stranger.get(HOME).text
    assert post(stranger, f"{row.id}/end").status_code == 404
    assert post(stranger, **RULE | {"area": district.name}).status_code == 403
    assert post(stranger, "hours", area=district.name, hours="09:00-17:00").status_code == 403


def test_days_are_entered_and_removed_by_the_districts_administrators(
    session, place, admin_client, as_administrator
):
    day = (now() + timedelta(days=30)).date()
    form = {"day": day.isoformat(), "works": "", "name": "设备检修"}
    street = as_administrator(session.get_one(Area, place.community.subdistrict_id))
    assert post(street, "days", **form).status_code == 403
    assert post(admin_client, "days", **form).status_code == 303
    assert post(admin_client, "days", **form).status_code == 409
    row = session.scalars(sa.select(CalendarDay)).one()
    assert (row.day, row.is_working, row.name) == (day, False, "设备检修")
    assert "设备检修" in admin_client.get(HOME).text
    assert post(street, f"days/{row.id}/remove").status_code == 403
    assert post(admin_client, f"days/{row.id}/remove").status_code == 303
    assert session.scalars(sa.select(CalendarDay)).all() == []
    record = admin_client.get("/console/changes/?subject=calendar_days").text
    assert "新增工作日历" in record
    assert "删除工作日历" in record


@pytest.mark.parametrize("day", ["", "2026-13-01", "1999-01-01"])
def test_a_day_that_is_none_is_refused(session, admin_client, day):
    answer = post(admin_client, "days", day=day, name="元旦")
    assert (answer.status_code, "请填日期" in answer.text) == (422, True)


@pytest.mark.parametrize("hours", ["9点到5点", "12:00-09:00", "09:00"])
def test_hours_that_are_none_are_refused(session, admin_client, hours):
    answer = post(admin_client, "hours", area="", hours=hours)
    assert (answer.status_code, "请按先后顺序填写" in answer.text) == (422, True)


def test_a_year_whose_holidays_nobody_knows_is_pointed_out(session, admin_client, monkeypatch):
    october = datetime(2030, 10, 9, 9, tzinfo=SHANGHAI)
    monkeypatch.setattr(times, "now", lambda: october)
    page = admin_client.get(HOME).text
    assert "还没有 2030 年的放假安排" in page
    assert "还没有 2031 年的放假安排" in page
    first = date(2030, 10, 1)
    session.add_all(
        CalendarDay(day=first + timedelta(days=n), is_working=False, name="国庆节") for n in range(7)
    )
    session.commit()
    assert "还没有 2030 年的放假安排" not in admin_client.get(HOME).text


def test_what_is_changed_here_holds_in_this_process_at_once(session, admin_client, place):
    assert policies.kept().rules == {}
    post(admin_client, **RULE)
    assert list(policies.kept().rules) == [Clock.RESOLVE]


def test_the_list_pages_by_key_and_takes_as_few_queries_for_many(session, admin_client, district):
    levels = list(Level)
    for n, clock in enumerate((list(Clock) * 6)[:60]):
        row = {"level": levels[n // 10], "area_id": district.id, "minutes": n + 1}
        session.add(Policy(clock=clock, source=f"规定{n}", **row))
    session.commit()
    page = admin_client.get(HOME).text
    assert page.count("停用</button>") == 50
    [last] = [int(part.split('"')[0].split("&")[0]) for part in page.split("?before=")[1:2]]
    rest = admin_client.get(f"{HOME}?before={last}", headers={"HX-Request": "true"}).text
    assert rest.count("停用</button>") == 10
    assert "<html" not in rest
