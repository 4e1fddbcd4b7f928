"""Monthly notices as everybody reads them: published ones alone, figures of units, nobody's name."""

from datetime import UTC, date, datetime

import pytest

from backend.cases.supervision_models import MonthlyNotice
from backend.orders import notice_figures
from backend.places.models import Area
from backend.places.roles import Role
from tests.browser import DESKTOP, PHONE, is_cut
from tests.factories import make_community, make_officer

AT = datetime(2026, 11, 2, 1, tzinfo=UTC)
NOTHING = {
    each["key"]: [0] if each["key"] in notice_figures.COUNTS else [0, 0, 0]
    for each in notice_figures.columns()
}
CITY = NOTHING | {
    "orders_issued": [6],
    "order_acknowledged": [28, 29, 1],
    "satisfied": [0, 1, 0],
    "resolved": [4, 5, 0],
}


UNITS = [
    {"name": "市政中心", "figures": CITY},
    {"name": "供电所", "figures": NOTHING},
    {"name": notice_figures.NOBODY, "figures": NOTHING | {"urged": [3]}},
]


def make_notice(
    session, area, month=10, *, published_at=AT, words="十月发令执行总体平稳。", units=UNITS, is_public=True
):
    figures = {"columns": notice_figures.columns(), "whole": CITY, "units": units, "at": AT.isoformat()}
    author = make_officer(session, Role.SUPERVISOR, name="王督查", area=area)
    row = MonthlyNotice(
        area_id=area.id, month=date(2026, month, 1), figures=figures, words=words, officer_id=author.id,
        published_at=published_at, is_public=is_public and published_at is not None,
    )  # fmt: skip
    session.add(row)
    session.commit()
    return row


@pytest.fixture
def street(session, place):
    return session.get_one(Area, place.subdistrict_id)


@pytest.fixture
def anybody(app):
    """A browser of somebody who never signed in."""
    return app.test_client()


def test_a_published_notice_is_everybodys_and_names_units_and_nobody(session, street, anybody):
    row = make_notice(session, street)
    page = anybody.get(f"/r/notices/{row.id}")
    assert page.status_code == 200
    for words in ("十月发令执行总体平稳。", "市政中心", "96.6%", "28/29，剔除 1", street.name):
        assert words in page.text
    assert "王督查" not in page.text
    assert notice_figures.NOBODY not in page.text


def test_a_rate_of_very_few_is_not_shown(session, street, anybody):
    """One satisfied answer of one would say what a neighbour answered."""
    page = anybody.get(f"/r/notices/{make_notice(session, street).id}").text
    assert "0/1" not in page
    assert "少于 5 件，不公布" in page
    assert "4/5" in page


def resolved(**units):
    """Units with this many resolved cases of as many, by name."""
    return [{"name": name, "figures": NOTHING | {"resolved": [n, n, 0]}} for name, n in units.items()]


@pytest.mark.parametrize(
    ("units", "hidden"),
    [
        (resolved(甲=3, 乙=7, 丙=9), "甲乙"),
        (resolved(甲=3, 乙=7, 丙=9) + resolved(**{notice_figures.NOBODY: 20}), "甲"),
        (resolved(甲=6, 乙=7) + resolved(**{notice_figures.NOBODY: 2}), "甲"),
        (resolved(甲=4, 乙=4, 丙=9), "甲乙"),
        (resolved(甲=1, 乙=1, 丙=9, 丁=9), "甲乙丙"),
        (resolved(甲=5, 乙=7), ""),
    ],
)
def test_a_rate_of_very_few_is_not_what_the_others_leave_of_the_whole(
    session, street, anybody, units, hidden
):
    page = anybody.get(f"/r/notices/{make_notice(session, street, units=units).id}").text
    shown = {block[0] for block in page.split("<summary>")[1:] if "100.0%" in block}
    assert shown == {unit["name"] for unit in units} - set(hidden) - {notice_figures.NOBODY}


def test_what_was_published_for_officers_alone_stays_theirs(session, street, anybody):
    row = make_notice(session, street, is_public=False)
    assert anybody.get(f"/r/notices/{row.id}").status_code == 404
    assert f"/r/notices/{row.id}" not in anybody.get("/r/notices").text


def test_a_draft_is_found_by_nobody(session, street, anybody):
    row = make_notice(session, street, published_at=None, words="草稿里的话")
    assert anybody.get(f"/r/notices/{row.id}").status_code == 404
    assert anybody.get(f"/r/notices/{row.id + 999}").status_code == 404
    page = anybody.get("/r/notices")
    assert (page.status_code, "还没有发布月通报" in page.text) == (200, True)
    assert f"/r/notices/{row.id}" not in page.text


def test_telephone_numbers_in_the_words_are_masked(session, street, anybody):
    row = make_notice(session, street, words="请联系 13812345678")
    assert "13812345678" not in anybody.get(f"/r/notices/{row.id}").text


def test_the_list_is_that_of_a_place_of_an_account_or_of_all(session, place, street, anybody):
    near, own = make_notice(session, street), make_notice(session, place)
    elsewhere = make_notice(session, make_community(session))

    def listed(query=""):
        page = anybody.get(f"/r/notices{query}").text
        return {row for row in (near, own, elsewhere) if f'/r/notices/{row.id}"' in page}

    assert listed() == {near, own, elsewhere}
    assert listed(f"?area={place.id}") == {near, own}
    assert listed(f"?area={elsewhere.area_id}") == {elsewhere}
    assert listed("?account=demo") == {near, own}
    assert anybody.get("/r/notices?area=999999999").status_code == 404
    assert anybody.get("/r/notices?account=nobody").status_code == 404


def test_a_long_list_goes_on_by_key_in_the_same_place(session, street, anybody):
    rows = [make_notice(session, street, 1)]
    rows += [MonthlyNotice(**copied(rows[0]) | {"month": date(2000 + n, 1, 1)}) for n in range(21)]
    session.add_all(rows[1:])
    session.commit()
    first = anybody.get(f"/r/notices?area={street.id}").text
    address = first.split('href="/r/notices?')[1].split('"')[0].replace("&amp;", "&")
    assert f"area={street.id}" in address
    second = anybody.get(f"/r/notices?{address}").text
    assert f'/r/notices/{rows[0].id}"' in second
    assert f'/r/notices/{rows[0].id}"' not in first


def copied(row):
    names = ("area_id", "figures", "words", "officer_id", "published_at", "is_public")
    return {name: getattr(row, name) for name in names}


def test_the_residents_pages_lead_to_the_notices(session, place, phone, case):
    assert 'href="/r/notices"' in phone.open("/r/")[1]
    assert f'href="/r/notices?area={place.id}"' in phone.open(f"/r/cases/{case.number}")[1]


@pytest.mark.browser
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desk"])
def test_it_is_read_on_a_phone_and_on_a_desk(committed, chromium, site, size):
    make_notice(committed, make_community(committed), words="十月发令执行总体平稳。\n请市政中心按时反馈。")
    context = chromium.new_context(viewport=size, base_url=site, locale="zh-CN")
    tab = context.new_page()
    tab.goto("/r/notices")
    assert not is_cut(tab)
    tab.get_by_role("link", name="2026年10月").click()
    tab.get_by_text("市政中心", exact=True).click()
    tab.get_by_text("数字怎么算的").click()
    assert not is_cut(tab)
    context.close()
