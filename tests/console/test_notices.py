"""The pages of monthly notices: drafted and published by the supervisor, read by all, printed on A4."""

from datetime import date
from io import BytesIO

import pypdfium2
import pytest

from backend.cases.supervision_models import MonthlyNotice
from backend.orders import notice_figures, notice_sheet
from backend.places.roles import Role
from backend.times import now
from tests.browser import is_cut, sign_in
from tests.console.board_town import fill, make_town, shoot
from tests.console.conftest import queries_of
from tests.factories import make_community, make_contact, make_officer

MONTH = date(2026, 10, 1)


@pytest.fixture
def town(session):
    return fill(make_town(session))


@pytest.fixture
def supervisor(town, as_officer):
    return as_officer(town.supervisor)


def add_notice(session, town, month=MONTH, **fields):
    figures = notice_figures.taken(session, town.street, now().date().replace(day=1), now())
    defaults = {"words": "发令执行总体平稳。\n请各单位注意签收时限。", "officer_id": town.supervisor.id}
    row = MonthlyNotice(area_id=town.street.id, month=month, figures=figures, **defaults | fields)
    session.add(row)
    session.commit()
    return row


def test_a_supervisor_drafts_writes_publishes_and_everybody_reads(session, town, supervisor, as_officer):
    drafted = supervisor.post("/console/notices/", data={"area": town.street.id, "month": "2026-10-01"})
    assert drafted.status_code == 303
    address, reader = drafted.location, as_officer(town.handler)
    assert reader.get(address).status_code == 404
    assert "请先写几句" in supervisor.post(f"{address}/publish", data={"words": ""}).text
    assert supervisor.post(f"{address}/write", data={"words": "先记一句"}).status_code == 303
    assert "先记一句" in supervisor.get(address).text
    assert supervisor.post(f"{address}/publish", data={"words": "十月总体平稳。"}).status_code == 303
    page = reader.get(address).text
    assert "十月总体平稳。" in page
    assert "<form" not in page
    assert "望溪街道 2026年10月 月通报" in reader.get("/console/notices/").text
    again = supervisor.post("/console/notices/", data={"area": town.street.id, "month": "2026-10-01"})
    assert (again.status_code, "已经发布" in again.text) == (409, True)


def test_a_form_that_is_not_filled_says_what_is_missing(town, supervisor):
    page = supervisor.post("/console/notices/", data={"area": town.street.id, "month": "x"})
    assert (page.status_code, "请选择月份" in page.text) == (422, True)
    page = supervisor.post("/console/notices/", data={"area": "", "month": "2026-10-01"})
    assert (page.status_code, "请选择区域" in page.text) == (422, True)


def test_it_prints_on_a4_in_embedded_type(session, town, supervisor):
    row = add_notice(session, town, published_at=now())
    printed = supervisor.get(f"/console/notices/{row.id}.pdf")
    assert printed.mimetype == "application/pdf"
    document = pypdfium2.PdfDocument(BytesIO(printed.data))
    width, height = document[0].get_size()
    assert (round(width / 72 * 25.4), round(height / 72 * 25.4)) == (210, 297)
    text = "".join(page.get_textpage().get_text_range() for page in document)
    for words in ("望溪街道 2026年10月 月通报", "请各单位注意签收时限。", "供电所", "按时签收率"):
        assert words in text.replace("\r\n", ""), words


def test_what_could_be_read_as_markup_is_printed_as_it_is(session, town):
    row = add_notice(session, town, words="<b>不是</b> & <标签>")
    row.area = town.street
    document = pypdfium2.PdfDocument(BytesIO(notice_sheet.draw(row)))
    assert "<b>不是</b> & <标签>" in document[0].get_textpage().get_text_range()


def test_a_neighbour_reads_and_writes_none_of_it(session, town, as_officer):
    row = add_notice(session, town, published_at=now())
    draft = add_notice(session, town, month=date(2026, 9, 1))
    client = as_officer(make_officer(session, Role.SUPERVISOR, area=make_community(session)))
    assert "还没有月通报" in client.get("/console/notices/").text
    for address in (f"{row.id}", f"{row.id}.pdf", f"{draft.id}"):
        assert client.get(f"/console/notices/{address}").status_code == 404
    assert client.post(f"/console/notices/{draft.id}/publish", data={"words": "通报"}).status_code == 403
    form = {"area": town.street.id, "month": "2026-08-01"}
    assert client.post("/console/notices/", data=form).status_code == 403


def test_the_list_takes_the_same_queries_for_one_and_for_three(session, town, supervisor):
    add_notice(session, town)
    few = queries_of(lambda: supervisor.get("/console/notices/"))
    for month in (8, 9):
        add_notice(session, town, month=date(2026, month, 1))
    assert len(queries_of(lambda: supervisor.get("/console/notices/"))) == len(few)


@pytest.mark.browser
def test_nothing_is_cut_on_a_phone_or_a_desk(committed, phone, desktop, site):
    town = fill(make_town(committed))
    row = add_notice(committed, town)
    for name, context in (("phone", phone), ("desk", desktop)):
        sign_in(committed, context, site, make_contact(committed, officer=town.supervisor))
        page = context.new_page()
        for path in ("", f"{row.id}"):
            page.goto(f"{site}/console/notices/{path}")
            assert not is_cut(page), path
            shoot(page, f"{name}-notice{'s' if not path else ''}")
