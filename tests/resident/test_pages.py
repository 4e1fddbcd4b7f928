"""The resident's pages: one's own cases, in plain words, and what can be done with them."""

import re

import pytest

from backend import db
from backend.cases import service
from backend.cases.workflow import Action, Given
from tests.factories import make_unit
from tests.resident.conftest import at, open_case


def test_my_cases_are_listed_and_nobody_elses(session, place, phone, stranger, case):
    open_case(session, place, stranger.resident_id, "邻居家的秘密")
    _, page = phone.open("/r/")
    assert "玉兰苑门口的路灯不亮了" in page
    assert "等待受理" in page
    assert "邻居家的秘密" not in page
    assert f"编号 {case.number}" in page


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


def test_without_a_login_the_browser_is_sent_to_wechat(app, case):
    response = app.test_client().get(at(case))
    assert response.status_code == 302
    assert "/wechat/" in response.headers["Location"]
    assert case.number in response.headers["Location"]


def test_only_what_the_workflow_allows_is_offered(phone, desk, case):
    _, submitted = phone.open(at(case))
    desk.resolve(case.number)
    _, resolved = phone.open(at(case))
    offered = {action: f"{at(case)}/{action}" for action in ("confirm", "reopen", "add", "urge", "withdraw")}
    assert [name for name, path in offered.items() if path in submitted] == ["add", "urge", "withdraw"]
    assert [name for name, path in offered.items() if path in resolved] == ["confirm", "reopen", "add"]


def test_internal_words_stay_internal(session, place, phone, desk, case):
    desk.handle(case.number)
    unit = make_unit(session, place, name="内部单位")
    with db.transaction() as session:
        given = Given(note="这不归我们管，内部讨论", basis="内部依据", unit_id=unit.id)
        service.perform(session, case.number, Action.SEND_BACK, desk.handler, given)
    _, page = phone.open(at(case))
    assert "正在换一个单位来办" in page
    assert "内部" not in page
    assert "周明" not in page


def shown(answer):
    """The page without the tokens of its forms, which are other ones in every second."""
    status, page = answer
    return status, re.sub(r'value="[\w.-]{40,}"', "", page)


def test_that_an_officer_looked_at_the_telephone_number_stays_internal(phone, mini, desk, case):
    desk.handle(case.number)
    before = shown(phone.open(at(case)))
    with db.transaction() as session:
        service.perform(session, case.number, Action.SEE_PHONE, desk.handler)
    assert shown(phone.open(at(case))) == before
    assert "电话" not in before[1].partition("办理进展")[2]


def test_the_timeline_names_the_unit_in_plain_words(phone, desk, case):
    desk.resolve(case.number)
    _, page = phone.open(at(case))
    for words in ("已收到反映", "已受理", "已派给市政服务中心", "已接手，正在处理", "灯泡已经换好"):
        assert words in page


def test_words_alone_say_that_something_was_added(phone, case):
    _, page = phone.send(f"{at(case)}/add", note="晚上九点以后更黑")
    assert "<strong>补充了情况</strong>" in page


def test_the_telephone_is_called_the_communitys(phone, case):
    _, page = phone.open(at(case))
    assert "<dt>社区电话</dt>" in page


def test_a_page_that_is_not_there_shows_a_way_out(phone):
    status, page = phone.open("/r/nothing")
    assert status == 404
    assert '<a class="weui-btn weui-btn_primary" href="/r/">我反映的事</a>' in page


def test_danger_is_answered_with_the_number_to_call(session, place, phone):
    case = open_case(session, place, phone.resident_id, "楼道里着火了", urgent=True)
    _, page = phone.open(at(case))
    assert "119" in page


def test_a_late_case_says_so(session, phone, case):
    case.due_at = case.discovered_at.replace(year=2020)
    session.commit()
    _, page = phone.open(at(case))
    assert "已经超过了说好的时间" in page
