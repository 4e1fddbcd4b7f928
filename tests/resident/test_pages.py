"""The resident's pages: one's own cases, in plain words, and what can be done with them."""

import io
import re

import pytest

from backend import auth, db
from backend.cases import intake, service
from backend.cases.models import Attachment, Case, CaseEvent
from backend.cases.workflow import Action, Given, Status
from backend.notify.messages import Message
from backend.notify.models import Notification
from backend.wechat.effects import media_json
from tests.cases.pictures import HTML, PDF, jpeg
from tests.resident.conftest import open_case


def at(case):
    return f"/r/cases/{case.number}"


def status_of(session, case):
    session.expire_all()
    return session.get(Case, case.id).status


def test_my_cases_are_listed_and_nobody_elses(session, place, phone, stranger, case):
    open_case(session, place, stranger.resident_id, "邻居家的秘密")
    _, page = phone.open("/r/")
    assert "玉兰苑门口的路灯不亮了" in page
    assert "等待受理" in page
    assert "邻居家的秘密" not in page


def test_a_long_list_goes_on_by_key(session, place, phone):
    for n in range(23):
        open_case(session, place, phone.resident_id, f"第{n:02}件事情")
    _, first = phone.open("/r/")
    following = first.split("before=")[1].split('"')[0]
    _, second = phone.open(f"/r/?before={following}")
    assert "第22件事情" in first
    assert "第03件事情" in first
    assert "第02件事情" not in first
    assert "第02件事情" in second
    assert "before=" not in second


def test_the_list_costs_the_same_number_of_queries_for_one_case_and_for_five(
    session, place, phone, mini, queries
):
    for person, ask in ((phone, lambda: phone.open("/r/")), (mini, lambda: mini.get("/cases"))):
        open_case(session, place, person.resident_id)
        with queries() as for_one:
            ask()
        for _ in range(4):
            open_case(session, place, person.resident_id)
        with queries() as for_five:
            ask()
        assert len(for_five) == len(for_one)


def test_a_case_shows_what_was_said_and_what_comes_next_and_until_when(phone, case):
    status, page = phone.open(at(case))
    assert status == 200
    assert "玉兰苑门口的路灯不亮了" in page
    assert "社区工作人员会在今天" in page or "社区工作人员会在明天" in page
    assert case.number in page
    assert "0755-28000001" in page


@pytest.mark.parametrize("path", ["/r/cases/{number}", "/r/cases/000000000000", "/r/cases/%00", "/r/cases/x"])
def test_another_number_is_not_found_and_says_nothing(stranger, case, path):
    status, page = stranger.open(path.format(number=case.number))
    assert status == 404
    assert "没有找到这件诉求" in page
    assert "路灯" not in page


@pytest.mark.parametrize("action", ["add", "urge", "withdraw", "confirm", "reopen"])
def test_nobody_takes_a_step_on_anothers_case(session, stranger, case, action):
    status, page = stranger.send(f"{at(case)}/{action}", note="改一改", photos=(io.BytesIO(jpeg()), "a.jpg"))
    assert status == 404
    assert "路灯" not in page
    assert status_of(session, case) is Status.SUBMITTED
    assert session.query(CaseEvent).filter_by(case_id=case.id).count() == 1
    assert session.query(Attachment).count() == 0


def test_without_a_login_the_browser_is_sent_to_wechat(app, case):
    response = app.test_client().get(at(case))
    assert response.status_code == 302
    assert "/wechat/" in response.headers["Location"]
    assert case.number in response.headers["Location"]


def test_a_step_without_the_pages_token_is_refused(session, app, phone, case):
    elsewhere = app.test_client()
    elsewhere.set_cookie(auth.COOKIE, phone.token)
    assert elsewhere.post(f"{at(case)}/withdraw").status_code == 400
    assert status_of(session, case) is Status.SUBMITTED


def test_only_what_the_workflow_allows_is_offered(phone, desk, case):
    _, submitted = phone.open(at(case))
    desk.resolve(case.number)
    _, resolved = phone.open(at(case))
    offered = {action: f"{at(case)}/{action}" for action in ("confirm", "reopen", "add", "urge", "withdraw")}
    assert [name for name, path in offered.items() if path in submitted] == ["add", "urge", "withdraw"]
    assert [name for name, path in offered.items() if path in resolved] == ["confirm", "reopen", "add"]


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
    assert "半小时后再催" in refused
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


def test_internal_words_stay_internal(phone, desk, case):
    desk.handle(case.number)
    with db.transaction() as session:
        given = Given(note="这不归我们管，内部讨论")
        service.perform(session, case.number, Action.SEND_BACK, desk.handler, given)
    _, page = phone.open(at(case))
    assert "正在换一个单位来办" in page
    assert "内部" not in page
    assert "周明" not in page


def test_the_timeline_names_the_unit_in_plain_words(phone, desk, case):
    desk.resolve(case.number)
    _, page = phone.open(at(case))
    for words in ("已收到反映", "已受理", "已派给市政服务中心", "已接手，正在处理", "灯泡已经换好"):
        assert words in page


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


def test_words_alone_say_that_something_was_added(phone, case):
    _, page = phone.send(f"{at(case)}/add", note="晚上九点以后更黑")
    assert "<strong>补充了情况</strong>" in page


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


def test_what_came_by_chat_is_named_too(session, phone, case):
    media = media_json("demo", (("voice", "a-media-id"),))
    session.connection().exec_driver_sql(
        intake.ADD_ALONE, intake.addition(case.number, phone.resident_id, "", media)
    )
    session.commit()
    _, page = phone.open(at(case))
    assert "<strong>发来 1 段录音</strong>" in page


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


def test_the_telephone_is_called_the_communitys(phone, case):
    _, page = phone.open(at(case))
    assert "<dt>社区电话</dt>" in page


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


def test_the_tenth_photo_is_refused(session, phone, case):
    photos = [(io.BytesIO(jpeg(80 + n)), f"{n}.jpg") for n in range(10)]
    _, page = phone.send(f"{at(case)}/add", photos=photos)
    assert "最多传 9 张照片" in page
    assert session.query(Attachment).count() == 9


def test_an_empty_addition_asks_for_words(phone, case):
    status, page = phone.send(f"{at(case)}/add", photos=(io.BytesIO(b""), ""))
    assert status == 422
    assert "请写上要补充的话" in page


def test_a_page_that_is_not_there_shows_a_way_out(phone):
    status, page = phone.open("/r/nothing")
    assert status == 404
    assert '<a class="weui-btn weui-btn_primary" href="/">回到首页</a>' in page


def test_an_unknown_step_is_not_found(phone, case):
    assert phone.send(f"{at(case)}/accept", note="x")[0] == 404


def test_the_officers_are_told_when_a_resident_urges(session, phone, desk, case):
    phone.send(f"{at(case)}/urge", note="孩子放学要走这条路")
    told = session.query(Notification).filter_by(message=Message.CASE_URGED).one()
    assert told.officer_id == desk.information_officer.officer_id
    assert told.fields["note"] == "孩子放学要走这条路"


def test_danger_is_answered_with_the_number_to_call(session, place, phone):
    case = open_case(session, place, phone.resident_id, "楼道里着火了", urgent=True)
    _, page = phone.open(at(case))
    assert "119" in page


def test_a_late_case_says_so(session, phone, case):
    case.due_at = case.discovered_at.replace(year=2020)
    session.commit()
    _, page = phone.open(at(case))
    assert "已经超过了说好的时间" in page
