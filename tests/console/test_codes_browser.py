"""The pages of codes in Chromium: what the screen shows is read back, posters come with a progress bar."""

import io

import pytest
import sqlalchemy as sa
import zxingcpp
from PIL import Image

from backend import auth
from backend.console import poster_tasks
from backend.places import code_changes, codes
from backend.places.models import Area, CodeScans, PlaceCode
from backend.places.poster_jobs import PosterJob
from backend.places.roles import Carrier, Level, Role
from backend.places.scope import COMMAND_LINE
from backend.times import now
from backend.wechat import accounts
from tests.browser import is_cut, sign_in
from tests.factories import make_area, make_community, make_contact, make_officer

pytestmark = pytest.mark.browser


@pytest.fixture
def administrator(committed, broker):
    """The administrator of the district of 玉兰社区, which has a code at each of three buildings."""
    accounts.reset()
    community = make_community(committed, telephone="0755-28000001")
    for name in ("1栋", "2栋", "3栋"):
        make_area(committed, Level.BUILDING, community, name=name)
    code_changes.make_all(committed, COMMAND_LINE, community.id, Level.BUILDING, Carrier.URL)
    code = committed.scalars(sa.select(PlaceCode)).first()
    for days, scans in ((0, 7), (3, 12), (9, 2)):
        day = codes.today().fromordinal(codes.today().toordinal() - days)
        committed.add(CodeScans(code_id=code.id, day=day, scans=scans, far=1))
    committed.commit()
    district = committed.get_one(Area, community.district_id)
    return make_officer(committed, Role.ADMINISTRATOR, area=district)


def enter(session, context, site, officer):
    sign_in(session, context, site, make_contact(session, officer=officer))
    session.execute(sa.update(auth.LoginSession).values(second_factor_at=now()))
    session.commit()
    page = context.new_page()
    page.complaints = []
    page.on("console", lambda message: page.complaints.append(message.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    return page


def test_the_code_on_the_screen_is_read_as_a_telephone_reads_it(committed, desktop, site, administrator):
    page = enter(committed, desktop, site, administrator)
    code = committed.scalars(sa.select(PlaceCode)).first()
    page.goto(f"{site}/console/codes/{code.id}")
    page.locator(".code-picture").wait_for()
    screen = Image.open(io.BytesIO(page.screenshot()))
    assert [found.text for found in zxingcpp.read_barcodes(screen)] == [codes.address(code.scene)]
    assert page.complaints == []


def test_many_are_made_after_it_was_said_how_many(committed, desktop, site, administrator):
    page = enter(committed, desktop, site, administrator)
    page.goto(f"{site}/console/codes/new")
    page.get_by_role("combobox", name="地点").first.fill("青岚区")
    page.locator("select[name=level]").select_option("community")
    page.get_by_role("button", name="做码").click()
    page.get_by_text("会新做 1 个码").wait_for()
    page.get_by_role("button", name="确认，做 1 个").click()
    page.get_by_text("做好了 1 个码").wait_for()
    assert page.complaints == []


def test_posters_of_ticked_codes_come_with_a_progress_bar(committed, desktop, site, administrator):
    page = enter(committed, desktop, site, administrator)
    page.goto(f"{site}/console/codes/")
    page.get_by_role("checkbox", name="选2栋").check()
    page.get_by_role("button", name="生成海报").click()
    page.locator("progress").wait_for()
    job = committed.scalars(sa.select(PosterJob)).one()
    poster_tasks.draw([job.id])
    page.get_by_text("画好了 1 张").wait_for()
    with page.expect_download() as download:
        page.get_by_role("link", name="下载").click()
    assert download.value.suggested_filename.endswith(".pdf")
    assert page.complaints == []


def test_the_list_is_searched_while_one_types(committed, desktop, site, administrator):
    page = enter(committed, desktop, site, administrator)
    page.goto(f"{site}/console/codes/")
    page.keyboard.press("/")
    page.keyboard.type("3栋")
    page.get_by_role("link", name="2栋").wait_for(state="detached")
    assert page.get_by_role("link", name="3栋").count() == 1
    page.get_by_label("状态").select_option("revoked")
    page.get_by_text("没有找到这样的码").wait_for()
    assert page.complaints == []


def test_pages_fit_a_phone_and_a_desk(committed, phone, desktop, site, administrator):
    code = committed.scalars(sa.select(PlaceCode)).first()
    door = codes.address(code.scene).removeprefix(codes.config.public_url)
    for context in (phone, desktop):
        page = enter(committed, context, site, administrator)
        for path in ("/console/codes/", f"/console/codes/{code.id}", "/console/codes/new", door, "/c/forged"):
            page.goto(site + path)
            assert not is_cut(page), path
