"""Residents take steps on their own cases; nothing typed is lost when one is refused."""

import io
import re

import pytest

from backend import auth
from backend.cases.models import Attachment, Case, CaseEvent
from backend.cases.workflow import Action, Status
from backend.notify.messages import Message
from backend.notify.models import Notification
from tests.cases.pictures import jpeg
from tests.resident.conftest import at, status_of


@pytest.mark.parametrize("action", ["add", "urge", "withdraw", "confirm", "reopen"])
def test_nobody_takes_a_step_on_anothers_case(session, stranger, case, action):
    status, page = stranger.send(f"{at(case)}/{action}", note="改一改", photos=(io.BytesIO(jpeg()), "a.jpg"))
    assert status == 404
    assert "路灯" not in page
    assert status_of(session, case) is Status.SUBMITTED
    assert session.query(CaseEvent).filter_by(case_id=case.id).count() == 1
    assert session.query(Attachment).count() == 0


def test_a_step_without_the_pages_token_is_refused(session, app, phone, case):
    elsewhere = app.test_client()
    elsewhere.set_cookie(auth.COOKIE, phone.token)
    assert elsewhere.post(f"{at(case)}/withdraw").status_code == 400
    assert status_of(session, case) is Status.SUBMITTED


def test_a_resolved_case_is_confirmed_with_one_tap(session, phone, desk, case):
    desk.resolve(case.number)
    status, page = phone.send(f"{at(case)}/confirm")
    assert status == 200
    assert "谢谢您的确认" in page
    assert status_of(session, case) is Status.CLOSED


def test_a_second_tap_changes_nothing_and_says_the_same(session, phone, desk, case):
    desk.resolve(case.number)
    phone.send(f"{at(case)}/confirm")
    status, page = phone.send(f"{at(case)}/confirm")
    assert status == 200
    assert "谢谢您的确认" in page
    assert session.query(CaseEvent).filter_by(case_id=case.id, action=Action.CONFIRM).count() == 1


def test_words_that_are_sent_twice_are_added_once(session, phone, case):
    for _ in range(2):
        phone.send(f"{at(case)}/add", note="晚上九点以后更黑")
    assert session.query(CaseEvent).filter_by(case_id=case.id, action=Action.ADD).count() == 1


def test_other_words_are_added_too(session, phone, case):
    phone.send(f"{at(case)}/add", note="晚上九点以后更黑")
    _, page = phone.send(f"{at(case)}/add", note="还有台阶")
    assert "晚上九点以后更黑" in page
    assert "还有台阶" in page


def test_not_solved_brings_the_case_back_with_the_words(session, phone, desk, case):
    desk.resolve(case.number)
    _, page = phone.send(f"{at(case)}/reopen", note="还是不亮")
    assert "这件事会重新办理，有进展会马上告诉您。" in page
    assert "第 2 次办理" in page
    assert "还是不亮" in page
    assert status_of(session, case) is Status.ACCEPTED


def test_not_solved_asks_what_is_not_solved(session, phone, desk, case):
    desk.resolve(case.number)
    status, page = phone.send(f"{at(case)}/reopen", note="  ")
    assert status == 422
    assert "哪里还没有解决" in page
    assert status_of(session, case) is Status.RESOLVED


def test_to_urge_is_counted_and_limited_and_says_when(session, phone, case):
    first, page = phone.send(f"{at(case)}/urge", note="孩子放学要走这条路")
    second, refused = phone.send(f"{at(case)}/urge")
    session.expire_all()
    assert (first, second) == (200, 429)
    assert "催办了一次" in page
    assert "负责的单位正在处理，请半小时后再催" in refused
    assert session.get(Case, case.id).urged == 1


def test_a_withdrawn_case_offers_nothing_more(session, phone, case):
    _, page = phone.send(f"{at(case)}/withdraw", note="已经好了")
    assert "您已经撤回这件事" in page
    assert f"{at(case)}/" not in page
    status, refused = phone.send(f"{at(case)}/urge")
    assert status == 409
    assert "已撤回" in refused


def test_what_was_typed_is_still_there_when_it_is_refused(phone, case):
    status, page = phone.send(f"{at(case)}/add", note="很长" * 300)
    assert status == 422
    assert "说明太长了，最多500个字" in page
    assert "很长很长" in page


def test_a_refused_step_opens_its_form_with_the_sentence_beside_the_field(phone, desk, case):
    desk.resolve(case.number)
    photo = (io.BytesIO(jpeg()), "a.jpg")
    _, page = phone.send(f"{at(case)}/reopen", note=" ", photos=photo)
    assert page.count('<details class="doing" open') == 1
    sentences = re.findall(r'class="wrong" role="alert">([^<]+)<', page)
    assert sentences == ["请说一说哪里还没有解决，好让工作人员知道再做什么", "照片需要重新选择"]


def test_the_verdict_is_not_said_twice(phone, desk, case):
    desk.resolve(case.number)
    _, page = phone.send(f"{at(case)}/reopen", note="没有解决：没有解决，灯还是不亮")
    assert '<p class="timeline__note">灯还是不亮</p>' in page


def test_an_empty_addition_asks_for_words(phone, case):
    status, page = phone.send(f"{at(case)}/add", photos=(io.BytesIO(b""), ""))
    assert status == 422
    assert "请写上要补充的话" in page


def test_an_unknown_step_is_not_found(phone, case):
    assert phone.send(f"{at(case)}/accept", note="x")[0] == 404


def test_the_officers_are_told_when_a_resident_urges(session, phone, desk, case):
    phone.send(f"{at(case)}/urge", note="孩子放学要走这条路")
    told = session.query(Notification).filter_by(message=Message.CASE_URGED).one()
    assert told.officer_id == desk.information_officer.officer_id
    assert told.fields["note"] == "孩子放学要走这条路"
