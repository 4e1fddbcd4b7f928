"""The event dictionary and a duty list in a browser, on a phone and on a desk."""

import pytest
import sqlalchemy as sa

from backend.auth import LoginSession
from backend.cases import duties
from backend.places.roles import Role
from backend.times import now
from tests.browser import is_cut, sign_in
from tests.cases.duty_scene import make_scene
from tests.factories import make_contact, make_officer

pytestmark = pytest.mark.browser


@pytest.fixture
def scene(committed):
    scene = make_scene(committed)
    scene.draft = duties.copy(committed, scene.editor, scene.duty_list.id, "修改稿")
    committed.commit()
    return scene


@pytest.fixture
def enter(committed, scene, site):
    """A page of a browser whose user is the district's administrator, with their second factor."""

    def sign(context):
        officer = make_officer(committed, Role.ADMINISTRATOR, area=scene.district)
        sign_in(committed, context, site, make_contact(committed, officer=officer))
        committed.execute(sa.update(LoginSession).values(second_factor_at=now()))
        committed.commit()
        return context.new_page()

    return sign


def test_on_a_phone_branches_open_and_nothing_is_cut(phone, site, scene, enter):
    page = enter(phone)
    page.goto(f"{site}/console/dictionary/")
    for name in ("市容环卫", "占道经营"):
        page.locator("summary", has_text=name).click(position={"x": 5, "y": 10})
        page.wait_for_selector("text=环境卫生")
    page.wait_for_selector("text=店外经营")
    for path in (
        "dictionary/",
        "dictionary/?q=经营",
        f"duties/{scene.draft.id}",
        f"duties/{scene.draft.id}/check",
    ):
        page.goto(f"{site}/console/{path}")
        assert not is_cut(page)


def test_on_a_desk_one_types_and_finds_and_writes_a_cell(desktop, site, scene, enter):
    page = enter(desktop)
    page.goto(f"{site}/console/dictionary/")
    page.keyboard.press("/")
    page.keyboard.type("ldt")
    page.wait_for_selector("text=流动摊贩")
    page.goto(f"{site}/console/duties/{scene.draft.id}")
    page.locator("tr", has_text="店外经营").locator("td", has_text="城管办").locator("a").click()
    page.select_option("select[name=unit]", label="水务局（青岚区）")
    page.click("text=保存")
    page.wait_for_selector("text=已经保存")
    assert "水务局" in page.inner_text("main")
