"""An import with errors in Chromium: what is wrong is read on the page, and the good rows come in."""

import pytest
import sqlalchemy as sa
from playwright.sync_api import expect

from backend.auth import LoginSession
from backend.places.models import Area
from backend.places.roles import Role
from backend.times import now
from tests.browser import is_cut, sign_in
from tests.factories import make_community, make_contact, make_officer

pytestmark = pytest.mark.browser

TABLE = """地点名称,级别,上级,纬度,经度
海棠社区,社区,青岚区/望溪街道,22.71,114.21
海棠社区,社区,青岚区/望溪街道,22.71,114.21
一网格,网格,没有这个社区,,
二网格,小区,青岚区/望溪街道/玉兰社区,,
三网格,网格,青岚区/望溪街道/玉兰社区,北,东
"""


@pytest.fixture
def open_page(committed, site):
    """A function that opens the imports in this browser as the administrator of the district."""
    district = committed.get_one(Area, make_community(committed).district_id)
    contact = make_contact(committed, officer=make_officer(committed, Role.ADMINISTRATOR, area=district))

    def open_page(context):
        sign_in(committed, context, site, contact)
        committed.execute(sa.update(LoginSession).values(second_factor_at=now()))
        committed.commit()
        page = context.new_page()
        page.goto(f"{site}/console/imports/")
        return page

    return open_page


@pytest.mark.parametrize("size", ["phone", "desktop"])
def test_errors_are_read_row_by_row_and_the_rest_comes_in(committed, request, open_page, size):
    page = open_page(request.getfixturevalue(size))
    page.get_by_role("button", name="看看会怎样").click()
    page.get_by_role("alert").get_by_text("请选择一个 XLSX 或 CSV 文件").wait_for()
    page.get_by_label("文件").set_input_files(
        {"name": "地点.csv", "mimeType": "text/csv", "buffer": TABLE.encode("gb18030")}
    )
    page.get_by_role("button", name="看看会怎样").click()
    page.get_by_text("还没有导入").wait_for()
    assert not is_cut(page)
    for words in ("没有这个社区", "小区", "北", "怎么办"):
        assert page.get_by_text(words).first.is_visible()
    page.get_by_role("link", name="不能导入 3").click()
    expect(page.locator("tbody tr")).to_have_count(3)
    page.get_by_role("button", name="跳过 3 行，导入其余的").click()
    page.get_by_text("导入完成：新增 1 行").wait_for()
    assert committed.scalar(sa.select(sa.func.count()).where(Area.name == "海棠社区")) == 1
