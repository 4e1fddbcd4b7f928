"""附议: who has the same to say joins, with a case and a survey of their own, and reads nobody's words."""

import html
import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend.cases.category_models import CaseKind, Category
from backend.cases.models import Case
from backend.cases.workflow import Action, Status
from tests.factories import make_case, make_category, make_community
from tests.resident.conftest import at

TOKEN = re.compile(r'name="same" value="([^"]+)"')


@pytest.fixture
def matter(session, place):
    """What somebody else reported, filed and at work."""
    category = make_category(session, "路灯不亮")
    words = "陈阿姨家门口的灯坏了"
    fields = {"status": Status.IN_PROGRESS, "category_id": category.id, "report": words}
    return make_case(session, place, **fields)


def form(phone):
    return phone.open("/r/report?scene=yulan")[1]


def join(phone, token, key="k-1", report="我家楼下的灯也不亮"):
    return phone.send("/r/report", scene="yulan", key=key, report=report, same=token)


def own_case(session, phone):
    session.expire_all()
    return session.scalars(sa.select(Case).where(Case.resident_id == phone.resident_id)).one()


def test_what_is_being_worked_on_here_is_offered_without_anybodys_words(phone, matter):
    page = form(phone)
    assert "路灯不亮（玉兰社区" in page
    assert "陈阿姨" not in page
    assert matter.number not in page


def test_who_joins_has_a_case_of_their_own_that_goes_along(session, phone, matter):
    [token] = TOKEN.findall(html.unescape(form(phone)))
    status, page = join(phone, token)
    case = own_case(session, phone)
    assert status == 200
    assert (case.status, case.master_id, case.report) == (Status.MERGED, matter.id, "我家楼下的灯也不亮")
    assert "一起办" in page
    join(phone, token)
    assert session.query(Case).count() == 2


def test_who_chose_a_matter_need_not_write_it_and_nobody_is_alarmed_by_what_it_is_called(
    session, phone, matter
):
    session.get(Category, matter.category_id).name = "火灾隐患"
    session.commit()
    page = html.unescape(form(phone))
    assert "data-missing" not in page
    [token] = TOKEN.findall(page)
    assert join(phone, "", report=" ")[0] == 422
    assert join(phone, token, report=" ")[0] == 200
    case = own_case(session, phone)
    assert (case.report, case.master_id, case.urgent) == ("附议：火灾隐患", matter.id, False)


def test_where_the_matter_was_solved_meanwhile_the_report_is_not_lost(session, phone, matter):
    [token] = TOKEN.findall(html.unescape(form(phone)))
    matter.status = Status.CLOSED
    session.commit()
    join(phone, token)
    assert own_case(session, phone).status is Status.SUBMITTED


def test_a_token_that_nobody_gave_is_refused_and_what_was_typed_stays(session, phone, matter):
    status, page = join(phone, "made-up")
    assert status == 404
    assert "我家楼下的灯也不亮" in page
    assert session.query(Case).count() == 1


def test_what_was_chosen_stays_chosen_when_something_else_is_refused(
    session, place, phone, matter, monkeypatch
):
    monkeypatch.setattr("backend.cases.joining.MOST", 2)
    [token] = TOKEN.findall(html.unescape(form(phone)))
    for _ in range(2):  # newer ones
        make_case(session, place, category_id=matter.category_id, status=Status.IN_PROGRESS)
    status, page = phone.send("/r/report", scene="yulan", key="k-1", report="？", same=token)
    chosen = re.findall(r'name="same" value="([^"]*)" checked', html.unescape(page))
    assert (status, len(chosen)) == (422, 1)
    join(phone, chosen[0])
    assert own_case(session, phone).master_id == matter.id


def test_quarrels_and_pleas_are_nobodys_business(session, place, phone, matter):
    for kind in (CaseKind.DISPUTE, CaseKind.COUNSELLING, CaseKind.ASSISTANCE, CaseKind.LEGAL):
        category = make_category(session, f"家务事{kind}", kind=kind)
        make_case(session, place, category_id=category.id, status=Status.IN_PROGRESS)
    elsewhere = make_community(session, name="月季社区")
    make_case(session, elsewhere, category_id=matter.category_id, status=Status.IN_PROGRESS)
    assert len(TOKEN.findall(form(phone))) == 1


def test_the_mini_program_offers_the_matters_and_joins_by_what_stands_for_one(session, mini, matter):
    status, answer = mini.get("/matters?scene=yulan")
    [offered] = answer["matters"]
    assert (status, offered["words"].split("（")[0]) == (200, "路灯不亮")
    told = {"scene": "yulan", "key": "k-1", "same": offered["same"]}
    status, case = mini.post("/cases", **told)
    assert (status, case["status"], own_case(session, mini).master_id) == (201, "merged", matter.id)
    assert case["report"] == "附议：路灯不亮"
    assert mini.post("/cases", **told)[1]["number"] == case["number"]
    assert mini.get("/matters?scene=yulan")[1] == {"matters": []}
    assert mini.get("/matters?scene=nowhere")[0] == 404


def test_what_stands_for_nothing_is_refused_and_so_is_what_is_too_old(session, mini, matter, monkeypatch):
    told = {"report": "灯不亮", "scene": "yulan", "key": "k-1"}
    assert mini.post("/cases", **told, same="made-up")[0] == 404
    [offered] = mini.get("/matters?scene=yulan")[1]["matters"]
    monkeypatch.setattr("backend.resident.joining.OPEN_FOR", timedelta(seconds=-1))
    assert mini.post("/cases", **told, same=offered["same"])[0] == 410
    assert session.query(Case).count() == 1


def test_a_question_stands_first_and_is_answered_by_any_word(session, phone, desk, case):
    desk.handle(case.number)
    row = session.scalars(sa.select(Case).where(Case.number == case.number)).one()
    row.question, row.due_at = "是三楼还是四楼？", None
    session.commit()
    page = phone.open(at(case))[1]
    assert "工作人员想问您：“是三楼还是四楼？”请点“补充说明”回答" in page
    assert "等您回复后接着办" in page
    phone.send(f"{at(case)}/{Action.ADD}", note="四楼")
    session.refresh(row)
    assert row.replied_at is not None
    assert "工作人员想问您" not in phone.open(at(case))[1]


def test_no_moment_is_promised_while_none_is_known(session, phone, desk, case):
    desk.handle(case.number)
    row = session.scalars(sa.select(Case).where(Case.number == case.number)).one()
    row.due_at = None
    session.commit()
    page = phone.open(at(case))[1]
    assert "正在处理，近期会给您答复。" in page
