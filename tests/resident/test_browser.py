"""The resident's pages in a real Chromium, as large as a phone and as a desk."""

import os

import pytest
import sqlalchemy as sa
from PIL import Image

from backend import auth, db
from backend.cases import service, surveys
from backend.cases.models import Attachment, Case
from backend.cases.staff import NO_PHONE, clean_phone
from backend.cases.survey_models import SurveyPolicy
from backend.cases.workflow import Action, Status
from backend.times import now
from backend.wechat import accounts
from tests.browser import DESKTOP, PHONE, is_cut
from tests.cases.pictures import written
from tests.factories import make_area, make_case, make_category, make_code, make_community, make_contact
from tests.resident.conftest import Desk, open_case

pytestmark = pytest.mark.browser


@pytest.fixture
def place(committed):
    accounts.reset()
    place = make_community(committed, telephone="0755-28000001")
    make_code(committed, place, "yulan")
    for name in ("玉兰苑东门", "望溪公园"):
        make_code(committed, make_area(committed, "station", place, name=name))
    return place


@pytest.fixture(params=[PHONE, DESKTOP], ids=["phone", "desk"])
def tab(request, chromium, committed, site, place):
    """A page of a resident who is signed in."""
    context = chromium.new_context(viewport=request.param, base_url=site, locale="zh-CN")
    contact = make_contact(committed)
    token, _ = auth.start_session(committed, contact.id)
    committed.commit()
    context.add_cookies([{"name": auth.COOKIE, "value": token, "url": site}])
    tab = context.new_page()
    tab.resident_id = contact.resident_id
    tab.problems = []
    tab.on("console", lambda message: message.type == "error" and tab.problems.append(message.text))
    tab.on("pageerror", lambda error: tab.problems.append(str(error)))
    yield tab
    assert tab.problems == []
    context.close()


def large_photo():
    """Nine of these would not fit in one form."""
    return written(Image.effect_noise((3000, 2000), 80), quality=95)


def test_a_report_with_a_large_photo_is_filled_in_and_sent(committed, tab):
    tab.goto("/r/report")
    tab.get_by_role("link", name="玉兰社区").click()
    assert not is_cut(tab)
    tab.get_by_label("出了什么事？").fill("3 栋楼下的路灯坏了，晚上看不清路")
    photo = {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": large_photo()}
    tab.get_by_label("照片").set_input_files(photo)
    tab.locator(".chosen img").wait_for()
    size = tab.evaluate("document.querySelector('input[type=file]').files[0].size")
    tab.get_by_role("button", name="提交").click()
    tab.get_by_text("已经收到您反映的事").wait_for()
    assert not is_cut(tab)
    assert size < len(photo["buffer"])
    assert committed.query(Case).count() == committed.query(Attachment).count() == 1


def test_what_is_wrong_is_said_beside_the_field_before_the_photos_are_lost(committed, tab):
    tab.goto("/r/report?scene=yulan")
    photo = {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": written(Image.new("RGB", (80, 60)))}
    tab.get_by_label("照片").set_input_files(photo)
    tab.locator(".chosen img").wait_for()
    for words, sentence in (
        (" ", "请填写反映的内容"),
        ("喂！", "请再说详细一点：在哪里、出了什么事，一两句话就行"),
        ("长" * 2001, "写得太长了，最多 2000 个字，现在是 2001 个字"),
    ):
        tab.get_by_label("出了什么事？").fill(words)
        tab.get_by_role("button", name="提交").click()
        assert tab.locator(".wrong").all_inner_texts() == [sentence]
        assert tab.locator("label", has=tab.locator(".wrong")).locator("textarea").count() == 1
    tab.get_by_label("出了什么事？").fill("3 栋楼下的路灯坏了")
    tab.get_by_role("button", name="提交").click()
    tab.get_by_text("已经收到您反映的事").wait_for()
    assert committed.query(Attachment).count() == 1


def test_who_says_it_is_the_same_matter_need_not_write(committed, tab, place):
    category = make_category(committed, "路灯不亮")
    matter = make_case(committed, place, category_id=category.id, status=Status.IN_PROGRESS)
    committed.commit()
    tab.goto("/r/report?scene=yulan")
    tab.get_by_label("是：路灯不亮").check()
    tab.get_by_role("button", name="提交").click()
    tab.get_by_text("已经收到您反映的事").wait_for()
    assert committed.query(Case).filter_by(master_id=matter.id).one().report == "附议：路灯不亮"


def test_the_first_wrong_field_comes_into_sight(tab):
    tab.set_viewport_size({"width": 375, "height": 300})
    tab.goto("/r/report?scene=yulan")
    tab.get_by_role("button", name="提交").click()
    assert is_in_sight(tab, ".wrong")
    assert tab.evaluate("document.activeElement.name") == "report"


def test_what_only_the_server_refuses_comes_into_sight_too(committed, tab, place):
    open_survey(committed, tab, place)
    tab.set_viewport_size({"width": 375, "height": 300})
    tab.get_by_text("已解决", exact=True).click()
    tab.get_by_role("button", name="提交评价").click()
    tab.get_by_text("请再点一下您是不是满意").wait_for()
    assert is_in_sight(tab, ".wrong")
    tab.problems.clear()  # the answer 422 itself


def is_in_sight(tab, what):
    tab.wait_for_timeout(300)  # for the page to scroll
    box = tab.locator(what).first.bounding_box()
    return 0 <= box["y"] < tab.viewport_size["height"]


@pytest.mark.parametrize("number", ["13800138000", "+86 138-0013-8000", "0755-28000001", "（0755）2800 0001"])
def test_a_number_that_the_server_takes_is_not_refused_before_it_is_sent(tab, number):
    assert clean_phone(number)
    tab.goto("/r/report?scene=yulan")
    tab.get_by_label("出了什么事？").fill("3 栋楼下的路灯坏了")
    tab.get_by_label("您的电话").fill(number)
    tab.get_by_role("button", name="提交").click()
    tab.get_by_text("已经收到您反映的事").wait_for()


def test_what_is_no_number_is_said_beside_the_field_before_it_is_sent(committed, tab):
    tab.goto("/r/report?scene=yulan")
    tab.get_by_label("出了什么事？").fill("3 栋楼下的路灯坏了")
    tab.get_by_label("您的电话").fill("138-0013-800")
    tab.get_by_role("button", name="提交").click()
    assert tab.locator(".wrong").all_inner_texts() == [NO_PHONE]
    assert tab.problems == []
    assert committed.query(Case).count() == 0


def test_the_tenth_photo_is_left_out_before_it_is_sent_and_the_page_says_so(tab):
    tab.goto("/r/report?scene=yulan")
    content = written(Image.new("RGB", (80, 60)))
    photos = [{"name": f"{n}.jpg", "mimeType": "image/jpeg", "buffer": content} for n in range(11)]
    tab.get_by_label("照片").set_input_files(photos)
    tab.get_by_text("一次最多 9 张，后面 2 张没有选上").wait_for()
    assert tab.locator(".chosen img").count() == 9


def test_everything_that_can_be_tapped_is_large_enough(committed, tab, place):
    case = open_case(committed, place, tab.resident_id)
    for address in ("/r/", "/r/report", "/r/report?scene=yulan", f"/r/cases/{case.number}"):
        tab.goto(address)
        for box in tab.locator("a, button, summary, select, textarea").all():
            if box.is_visible():
                assert box.bounding_box()["height"] >= 44, (address, box.inner_text())


def test_a_double_tap_on_the_form_makes_one_case(committed, tab):
    tab.goto("/r/report?scene=yulan")
    tab.get_by_label("出了什么事？").fill("3 栋楼下的路灯坏了")
    tab.get_by_role("button", name="提交").dblclick()
    tab.get_by_text("已经收到您反映的事").wait_for()
    assert committed.query(Case).count() == 1


def test_from_the_list_to_not_solved_and_back(committed, tab, place):
    case = open_case(committed, place, tab.resident_id, "玉兰苑门口的路灯不亮了，晚上走路看不清")
    Desk(committed, place).resolve(case.number)
    tab.goto("/r/")
    assert not is_cut(tab)
    tab.get_by_text("玉兰苑门口的路灯").click()
    assert not is_cut(tab)
    tab.locator("summary", has_text="没有解决").click()
    tab.get_by_label("请说一说哪里还没有解决").fill("换了灯泡，还是不亮")
    tab.get_by_role("button", name="提交").click()
    tab.get_by_text("第 2 次办理").first.wait_for()
    tab.get_by_text("换了灯泡，还是不亮").wait_for()


def open_survey(committed, tab, place):
    case = open_case(committed, place, tab.resident_id)
    Desk(committed, place).resolve(case.number)
    with db.transaction() as session:
        actor = service.Actor(resident_id=tab.resident_id)
        service.perform(session, case.number, Action.CONFIRM, actor)
    tab.goto(f"/r/cases/{case.number}")
    tab.get_by_role("link", name="说一说办得怎么样").click()


def test_why_not_is_asked_of_whoever_says_so(committed, tab, place):
    open_survey(committed, tab, place)
    why = tab.get_by_text("哪里没有办好？")
    tab.get_by_text("已解决", exact=True).click()
    assert not why.is_visible()
    tab.get_by_text("没有解决", exact=True).click()
    why.wait_for()
    tab.get_by_text("没有人来", exact=True).click()
    assert not is_cut(tab)
    if folder := os.environ.get("PICTURES"):
        tab.screenshot(path=f"{folder}/survey-{tab.viewport_size['width']}.png", full_page=True)
    tab.get_by_role("button", name="提交评价").click()
    tab.get_by_text("这件事会重新办理").wait_for()
    survey = committed.scalars(sa.select(surveys.Survey)).one()
    assert (survey.solved, survey.reasons) == (False, ["没有人来"])


def test_what_is_hidden_from_the_survey_is_ticked_no_more(tab, place, committed):
    open_survey(committed, tab, place)
    tab.get_by_text("没有解决", exact=True).click()
    tab.get_by_text("没有人来", exact=True).click()
    assert not tab.get_by_text("我想说声谢谢").is_visible()
    tab.get_by_text("已解决", exact=True).click()
    assert not tab.get_by_text("哪里没有办好？").is_visible()
    tab.get_by_text("我想说声谢谢").click()
    tab.get_by_text("没有解决", exact=True).click()
    assert tab.locator("input[type=checkbox]:checked").count() == 0


def test_no_card_of_the_survey_touches_the_edge_beside_a_scrollbar(tab, place, committed):
    committed.add(
        SurveyPolicy(
            area_id=place.id, reasons=["没修好，或者修好了没两天又坏了", "https://example.org/abcdefgh"]
        )
    )
    open_survey(committed, tab, place)
    tab.get_by_text("没有解决", exact=True).click()
    for width in (375, 360, 320):  # of 375 a scrollbar takes 15
        tab.set_viewport_size({"width": width, "height": 812})
        for card in tab.locator(".card").all():
            if card.is_visible():
                box = card.bounding_box()
                assert box["x"] >= 12, width
                assert box["x"] + box["width"] <= width - 12, width
        assert not is_cut(tab)


def test_the_thanks_on_the_survey_keep_clear_of_the_photos(tab, place, committed):
    open_survey(committed, tab, place)
    thanks = tab.locator(".asked_thanks .pick__box").bounding_box()
    photos = tab.get_by_text("照片（可以不选，最多 9 张）").bounding_box()
    assert photos["y"] - (thanks["y"] + thanks["height"]) >= 16


def test_a_survey_is_answered_by_two_taps(committed, tab, place):
    open_survey(committed, tab, place)
    assert not is_cut(tab)
    tab.get_by_text("已解决", exact=True).click()
    tab.get_by_text("很满意", exact=True).click()
    tab.get_by_role("button", name="提交评价").click()
    tab.get_by_text("谢谢您的评价").wait_for()
    survey = committed.scalars(sa.select(surveys.Survey)).one()
    assert (survey.solved, survey.satisfaction) == (True, 5)
    assert survey.answered_at < now()
