"""The form for a report: one submit, one case; whatever is wrong is said and nothing typed is lost."""

import io
import re

import pytest

from backend.cases.models import Attachment, Case, Channel
from backend.cases.staff import clean_phone
from backend.errors import Invalid
from backend.places.models import Resident
from backend.places.roles import Level
from backend.privacy import blind_index
from backend.resident.report_page import CHECKS
from tests.cases.pictures import PDF, jpeg
from tests.factories import make_area, make_code
from tests.resident.conftest import Phone


def filled(**fields):
    return {"scene": "yulan", "key": "k-1", "report": "3 栋楼下的路灯坏了"} | fields


def test_the_form_knows_the_place_of_the_code(phone):
    status, page = phone.open("/r/report?scene=yulan")
    assert status == 200
    assert "玉兰社区" in page


def test_a_report_becomes_a_case_of_that_place(session, phone, place):
    status, page = phone.send("/r/report", **filled(address="3 栋 2 单元"))
    case = session.query(Case).one()
    assert status == 200
    assert "已经收到您反映的事" in page
    assert case.number in page
    assert (case.place_id, case.channel, case.resident_id) == (place.id, Channel.WEB, phone.resident_id)
    assert case.address == "3 栋 2 单元"


def test_a_double_submit_makes_one_case(session, phone):
    phone.send("/r/report", **filled())
    _, second = phone.send("/r/report", **filled())
    assert session.query(Case).count() == 1
    assert session.query(Case).one().number in second


def test_the_same_key_of_another_resident_is_another_case(session, phone, stranger):
    phone.send("/r/report", **filled())
    stranger.send("/r/report", **filled())
    assert session.query(Case).count() == 2


def test_photos_and_the_telephone_come_along(session, phone):
    phone.send("/r/report", **filled(phone="138 0013 8000", photos=[(io.BytesIO(jpeg()), "a.jpg")]))
    resident = session.get(Resident, phone.resident_id)
    assert resident.phone == "13800138000"
    assert resident.phone_index == blind_index("13800138000")
    assert session.query(Attachment).count() == 1


def test_a_number_that_was_left_before_is_shown_masked(phone):
    phone.send("/r/report", **filled(phone="13800138000"))
    _, page = phone.open("/r/report?scene=yulan")
    assert "138****8000" in page
    assert "13800138000" not in page


def test_a_bad_photo_does_not_cost_the_report(session, phone):
    _, page = phone.send("/r/report", **filled(photos=[(io.BytesIO(PDF), "a.jpg")]))
    assert "有照片没有收下" in page
    assert session.query(Case).count() == 1


def sent(*contents):
    """The files of one form."""
    return [(io.BytesIO(content), f"{n}.jpg") for n, content in enumerate(contents)]


def beside(page, name):
    """The sentences beside the field of this name."""
    field = re.search(rf'name="{name}".*?</label>', page, re.S)
    return re.findall(r'class="wrong" role="alert">([^<]+)<', field[0])


def test_the_same_photo_ten_times_is_one_photo(session, phone):
    _, page = phone.send("/r/report", **filled(photos=sent(*[jpeg()] * 10)))
    assert session.query(Attachment).count() == 1
    assert "没有收下" not in page


def test_of_twelve_photos_nine_are_taken_and_the_page_says_once_why_no_more(session, phone):
    _, page = phone.send("/r/report", **filled(photos=sent(*(jpeg(80 + n) for n in range(12)))))
    assert session.query(Attachment).count() == 9
    assert page.count("有照片没有收下：最多传 9 张照片") == 1


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("report", "", "请填写反映的内容"),
        ("report", "长" * 2001, "反映的内容太长了，最多2000个字"),
        ("report", "喂", "请再说详细一点：在哪里、出了什么事，一两句话就行"),
        ("address", "长" * 101, "地址太长了，最多100个字"),
        ("phone", "12345", "电话号码不对，请填手机号或带区号的固定电话"),
    ],
)
def test_a_sentence_stands_beside_the_field_that_it_is_about(phone, name, text, sentence):
    _, page = phone.send("/r/report", **filled(**{name: text}))
    assert beside(page, name) == [sentence]
    assert page.count('class="wrong"') == page.count(" autofocus") == 1


def test_two_wrong_fields_are_both_named(phone):
    _, page = phone.send("/r/report", **filled(report="", address="长" * 101))
    assert beside(page, "report") == ["请填写反映的内容"]
    assert beside(page, "address") == ["地址太长了，最多100个字"]


def test_a_refused_form_says_that_its_photos_must_be_chosen_again(phone):
    _, page = phone.send("/r/report", **filled(report="", photos=sent(jpeg())))
    assert beside(page, "photos") == ["照片需要重新选择"]


def test_a_refused_form_without_photos_says_nothing_of_photos(phone):
    _, page = phone.send("/r/report", **filled(report="", photos=(io.BytesIO(b""), "")))
    assert beside(page, "photos") == []


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"report": ""}, "请填写反映的内容"),
        ({"report": " \n\t"}, "请填写反映的内容"),
        ({"report": "喂"}, "请再说详细一点"),
        ({"report": "。。。！"}, "请再说详细一点"),
        ({"report": "1"}, "请再说详细一点"),
        ({"report": "长" * 10_000}, "反映的内容太长了，最多2000个字"),
        ({"phone": "12345"}, "电话号码不对"),
        ({"address": "长" * 101}, "地址太长了，最多100个字"),
        ({"key": ""}, "请填写提交编号"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_lost(session, phone, fields, sentence):
    status, page = phone.send("/r/report", **filled(**fields))
    assert status == 422
    assert sentence in page
    assert session.query(Case).count() == 0
    assert (fields.get("report") or "3 栋楼下的路灯坏了")[:50].strip() in page


def test_two_thousand_characters_are_a_report(session, phone):
    assert phone.send("/r/report", **filled(report="路灯坏了" * 500))[0] == 200
    assert len(session.query(Case).one().report) == 2000


def test_what_nobody_can_see_is_left_out(session, phone):
    phone.send("/r/report", **filled(report="路灯\x00坏了\u202e三天\r\n没人修"))
    assert session.query(Case).one().report == "路灯坏了三天\n没人修"


def test_an_unknown_code_leads_to_the_choice_of_places(phone):
    status, page = phone.open("/r/report?scene=%00nothing")
    assert status == 200
    assert "请在下面选一个地点" in page
    assert "玉兰社区" in page


def test_without_a_code_the_places_of_the_own_account_are_offered(session, phone):
    district = make_area(session, name="别的区")
    make_code(session, make_area(session, Level.COMMUNITY, district, name="海棠社区"), "haitang")
    _, page = phone.open("/r/report")
    assert "scene=yulan" in page
    assert "海棠社区" not in page


def test_a_code_that_went_out_of_use_meanwhile_keeps_the_words(session, phone):
    status, page = phone.send("/r/report", **filled(scene="gone"))
    assert status == 422
    assert "没有找到这个地点" in page
    assert "3 栋楼下的路灯坏了</textarea>" in page
    assert '<option value="yulan">玉兰社区' in page
    assert session.query(Case).count() == 0


@pytest.mark.parametrize("scene", ["", " \u200b"])
def test_a_place_that_was_not_chosen_is_asked_for_and_nothing_typed_is_lost(session, phone, scene):
    status, page = phone.send("/r/report", **filled(scene=scene))
    assert status == 422
    assert beside(page, "scene") == ["请选择地点"]
    assert "3 栋楼下的路灯坏了</textarea>" in page
    assert session.query(Case).count() == 0


@pytest.mark.parametrize(
    "number",
    ["13800138000", "+86 138-0013-8000", "8613800138000", "0755-28000001", "（0755）2800 0001",
     "010 12345678", "", "12345", "1380013800", "138001380001", "23800138000", "0755-280", "13800138000转8",
     "()"],
)  # fmt: skip
def test_the_browser_takes_the_very_numbers_that_the_server_takes(number):
    check = CHECKS["phone"]
    bare = re.sub(check["without"], "", number)
    assert (not bare or re.search(check["like"], bare, re.ASCII) is not None) is is_taken(number)
    assert "(?<" not in check["like"]


def is_taken(number):
    try:
        clean_phone(number)
    except Invalid:
        return False
    return True


def test_danger_makes_the_case_urgent(session, phone):
    _, page = phone.send("/r/report", **filled(report="楼道里着火了，快来人"))
    assert session.query(Case).one().urgent
    assert "119" in page


def test_html_in_a_report_is_only_text(app, session, place):
    _, page = Phone(app, session).send("/r/report", **filled(report="<script>alert(1)</script> 路灯坏了"))
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page
