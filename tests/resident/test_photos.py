"""Photos that residents add to their cases."""

import io
import re

import pytest

from backend.cases import attachments, intake
from backend.cases.models import Attachment, CaseEvent
from backend.cases.workflow import Action
from backend.wechat.effects import media_json
from tests.cases.pictures import HTML, PDF, files, jpeg
from tests.resident.conftest import at


def test_photos_are_added_and_shown(phone, case):
    photos = [(io.BytesIO(jpeg(80 + n)), f"{n}.jpg") for n in range(2)]
    _, page = phone.send(f"{at(case)}/add", photos=photos)
    assert "<strong>发来 2 张照片</strong>" in page
    assert page.count("<img") == 2
    address = page.split('<img src="')[1].split('"')[0]
    shown = phone.client.get(address)
    assert shown.status_code == 200
    assert shown.mimetype == "image/jpeg"


def test_photos_with_words_are_one_line_that_says_both(phone, case):
    _, page = phone.send(f"{at(case)}/add", note="看照片", photos=(io.BytesIO(jpeg()), "a.jpg"))
    assert re.search(r"<strong>发来 1 张照片</strong>.*?看照片</p>", page, re.S)


def test_the_same_photo_ten_times_is_one_photo(session, phone, case):
    photos = [(io.BytesIO(jpeg()), f"{n}.jpg") for n in range(10)]
    _, page = phone.send(f"{at(case)}/add", photos=photos)
    assert "发来 1 张照片" in page
    assert session.query(Attachment).count() == 1


def test_another_photo_within_the_same_minute_is_another_step(session, phone, case):
    for width in (80, 81, 81):
        assert phone.send(f"{at(case)}/add", photos=(io.BytesIO(jpeg(width)), "a.jpg"))[0] == 200
    assert session.query(CaseEvent).filter_by(case_id=case.id, action=Action.ADD).count() == 2


def test_photos_of_a_case_that_is_not_solved_belong_to_its_new_round(session, phone, desk, case):
    desk.resolve(case.number)
    phone.send(f"{at(case)}/reopen", note="还是不亮", photos=(io.BytesIO(jpeg()), "a.jpg"))
    assert session.query(Attachment).one().round == 2


def test_with_a_result_come_the_officers_photos_of_its_own_round_alone(session, phone, desk, case):
    phone.send(f"{at(case)}/add", photos=(io.BytesIO(jpeg(70)), "a.jpg"))
    attach_proof(session, case, 81)
    desk.resolve(case.number)
    assert photos_shown(phone, case) == (1, 1)
    phone.send(f"{at(case)}/reopen", note="还是不亮")
    assert photos_shown(phone, case) == (0, 1)
    attach_proof(session, case, 82)
    attach_proof(session, case, 83)
    assert photos_shown(phone, case) == (2, 1)


def attach_proof(session, case, width):
    attachments.attach(session, case, attachments.prepare(jpeg(width)), by_resident=False)
    session.commit()


def photos_shown(phone, case):
    """How many photos stand with the result, and how many with what was reported."""
    result, reported = phone.open(at(case))[1].split("您反映的事")
    return result.count("<img"), reported.count("<img")


def test_what_came_by_chat_is_named_too(session, phone, case):
    media = media_json("demo", (("voice", "a-media-id"),))
    session.connection().exec_driver_sql(
        intake.ADD_ALONE, intake.addition(case.number, phone.resident_id, "", media)
    )
    session.commit()
    _, page = phone.open(at(case))
    assert "<strong>发来 1 段录音</strong>" in page


def test_a_photo_sent_twice_is_kept_once(session, phone, case):
    for _ in range(2):
        phone.send(f"{at(case)}/add", note="看照片", photos=(io.BytesIO(jpeg()), "a.jpg"))
    assert session.query(Attachment).count() == 1


@pytest.mark.parametrize(("content", "sentence"), [(PDF, "这种文件收不了"), (HTML, "这种文件收不了")])
def test_another_file_is_refused_with_a_sentence(session, phone, case, content, sentence):
    status, page = phone.send(f"{at(case)}/add", photos=(io.BytesIO(content), "a.jpg"))
    assert status == 422
    assert sentence in page
    assert session.query(Attachment).count() == 0


def test_a_bad_photo_costs_neither_the_words_nor_the_good_ones(phone, case):
    photos = [(io.BytesIO(PDF), "a.jpg"), (io.BytesIO(jpeg()), "b.jpg")]
    status, page = phone.send(f"{at(case)}/add", note="看照片", photos=photos)
    assert status == 200
    assert "有照片没有收下：这种文件收不了" in page
    assert page.count("<img") == 1


def test_of_twelve_photos_nine_are_taken_and_the_page_says_once_why_no_more(session, phone, case):
    photos = [(io.BytesIO(jpeg(80 + n)), f"{n}.jpg") for n in range(12)]
    _, page = phone.send(f"{at(case)}/add", photos=photos)
    assert page.count("有照片没有收下：最多传 9 张照片") == 1
    assert session.query(Attachment).count() == 9


def test_files_that_are_no_photos_are_named_once(phone, case):
    photos = [(io.BytesIO(content), "a.jpg") for content in (PDF, HTML, jpeg())]
    _, page = phone.send(f"{at(case)}/add", photos=photos)
    assert page.count("有照片没有收下：这种文件收不了") == 1


def test_a_strangers_photo_is_not_even_kept(stranger, other_mini, case):
    kept = files()
    photo = jpeg(87, 61)
    assert stranger.send(f"{at(case)}/add", photos=(io.BytesIO(photo), "a.jpg"))[0] == 404
    assert other_mini.upload(f"/cases/{case.number}/photos", photo)[0] == 404
    assert files() == kept
