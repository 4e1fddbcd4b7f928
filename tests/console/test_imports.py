"""Tables in and out by the page: each row's fate first, then all or nothing, by whoever it belongs to."""

import io
import json
import re

import openpyxl
import pytest
import sqlalchemy as sa

from backend import storage
from backend.places.models import Area, Change, Import
from backend.places.roles import Level
from tests.factories import make_area

HEADERS = "层级,名称,上级名称,电话\n"


@pytest.fixture
def street(session, place):
    return session.get_one(Area, place.community.subdistrict_id)


def upload(client, text, kind="areas", name="地点.csv", **form):
    file = (io.BytesIO(text.encode() if isinstance(text, str) else text), name)
    return client.post(f"/console/imports/{kind}", data={"file": file, **form})


def counts(session):
    return session.scalars(sa.select(Import).order_by(Import.id.desc()).limit(1)).one().counts


def test_a_dry_run_shows_every_rows_fate_and_changes_nothing(session, place, admin_client):
    before = session.scalar(sa.select(sa.func.count(Area.id)))
    rows = "社区,海棠社区,青岚区/望溪街道,\n社区,海棠社区,青岚区/望溪街道,\n网格,一网格,没有这个地方,\n"
    report = admin_client.get(upload(admin_client, HEADERS + rows).location).text
    assert counts(session) == {"added": 1, "changed": 0, "same": 0, "repeated": 1, "refused": 1}
    assert "还没有导入" in report
    assert re.search(r"<td[^>]*>4</td>", report)  # as the spreadsheet counts
    assert all(words in report for words in ("新增", "文件里重复", "不能导入", "没有这个地方", "怎么办"))
    assert session.scalar(sa.select(sa.func.count(Area.id))) == before


def test_the_good_rows_come_in_when_one_says_so_and_the_same_file_again_changes_nothing(
    session, place, admin_client
):
    text = HEADERS + "社区,海棠社区,青岚区/望溪街道,0755-00000001\n网格,一网格,没有这个地方,\n"
    page = upload(admin_client, text).location
    refused = admin_client.get(admin_client.post(f"{page}/apply").location).text
    assert "有 1 行不能导入，什么都没有改" in refused
    done = admin_client.get(admin_client.post(f"{page}/apply", data={"skip_refused": "1"}).location).text
    assert "导入完成：新增 1 行" in done
    area = session.scalars(sa.select(Area).where(Area.name == "海棠社区")).one()
    assert (area.level, area.telephone) == (Level.COMMUNITY, "0755-00000001")
    again = admin_client.get(admin_client.post(f"{page}/apply").location).text
    assert "已经导入过了" in again
    upload(admin_client, text)
    assert counts(session)["same"] == 1


def test_what_changed_since_the_dry_run_is_looked_at_again(session, place, street, admin_client):
    page = upload(admin_client, HEADERS + "社区,海棠社区,青岚区/望溪街道,\n").location
    make_area(session, Level.COMMUNITY, street, name="海棠社区")
    said = admin_client.get(admin_client.post(f"{page}/apply").location).text
    assert "资料又变了" in said


def test_what_a_colleague_wrote_since_the_dry_run_is_not_overwritten(session, place, street, admin_client):
    area = make_area(session, Level.COMMUNITY, street, name="海棠社区", telephone="0755-00000001")
    session.commit()
    page = upload(admin_client, HEADERS + "社区,海棠社区,青岚区/望溪街道,0755-00000003\n").location
    area.telephone = "0755-00000002"
    session.commit()
    said = admin_client.get(admin_client.post(f"{page}/apply").location).text
    assert "资料又变了" in said
    session.refresh(area)
    assert area.telephone == "0755-00000002"


def test_an_export_is_taken_back_as_it_is(session, place, admin_client):
    exported = admin_client.post("/console/imports/areas/export.xlsx")
    sheet = openpyxl.load_workbook(io.BytesIO(exported.data)).active
    assert [cell.value for cell in sheet[1]][:3] == ["编码", "层级", "名称"]
    assert "玉兰社区" in [row[2].value for row in sheet]
    upload(admin_client, exported.data, name="地点.xlsx")
    assert counts(session) == {"added": 0, "changed": 0, "same": 3, "repeated": 0, "refused": 0}


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (b"", "a.csv", "空"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "a.xlsx", "读不出来"),
        ("天气,心情\n晴,好\n".encode(), "a.csv", "表头"),
    ],
)
def test_a_file_that_is_no_such_table_is_refused_in_words(session, place, admin_client, content, name, said):
    answer = upload(admin_client, content, name=name)
    assert answer.status_code in (413, 422)
    assert said in answer.text


def test_no_file_is_said_beside_the_field(place, admin_client):
    answer = admin_client.post("/console/imports/areas", data={})
    assert answer.status_code == 422
    assert answer.text.count("请选择一个 XLSX 或 CSV 文件") >= 2  # by the browser and by the server


@pytest.mark.parametrize("after", ["²", "٣", "-1", "9" * 19])
def test_a_page_that_can_be_none_is_refused_in_words(session, place, admin_client, after):
    report = upload(admin_client, HEADERS + "社区,海棠社区,青岚区/望溪街道,\n").location
    for page in (
        f"{report}?after={after}",
        f"/console/changes/?before={after}",
        f"/console/areas/?q=a&after={after}",
        f"/console/units/?after={after}",
        f"/console/officers/?after={after}",
        f"/console/codes/?before={after}",
        f"/console/duties/?before={after}",
        f"/console/dictionary/editions?before={after}",
    ):
        answer = admin_client.get(page)
        assert answer.status_code == 422
        assert "这一页已经失效，请从头看起" in answer.text


def test_a_report_is_for_whoever_sent_the_file(session, place, street, admin_client, as_administrator):
    page = upload(admin_client, HEADERS + "社区,海棠社区,青岚区/望溪街道,\n").location
    other = as_administrator(street)
    assert other.get(page).status_code == 404
    assert other.post(f"{page}/apply").status_code == 404
    assert "地点.csv" not in other.get("/console/imports/").text


def test_an_administrator_of_a_street_neither_takes_in_nor_gives_out_another(
    session, place, street, as_administrator
):
    district = session.get_one(Area, place.community.district_id)
    other = make_area(session, Level.SUBDISTRICT, district, name="松屿街道")
    client = as_administrator(other)
    upload(client, HEADERS + "社区,海棠社区,青岚区/望溪街道,\n")
    assert counts(session)["refused"] == 1
    assert "玉兰社区" not in client.post("/console/imports/areas/export.csv").data.decode()


def test_files_and_reports_lie_sealed(session, place, admin_client):
    upload(admin_client, HEADERS + "社区,海棠社区,青岚区/望溪街道,\n")
    row = session.execute(sa.text("SELECT sha256, report FROM imports")).one()
    assert "海棠".encode() not in storage.read(row.sha256)
    assert "海棠".encode() not in bytes(row.report)


def test_the_record_says_who_did_what(session, place, admin_client):
    page = upload(admin_client, HEADERS + "社区,海棠社区,青岚区/望溪街道,\n").location
    admin_client.post(f"{page}/apply")
    record = admin_client.get("/console/changes/").text
    assert "海棠社区" in record
    assert admin_client.officer.name in record
    assert "海棠社区" not in admin_client.get("/console/changes/?subject=units").text


def test_the_record_gives_names_for_ids_and_words_for_values(session, place, street, admin_client):
    session.add(
        Change(
            action="moved",
            subject="areas",
            subject_id=place.community.id,
            name="玉兰社区",
            area_id=place.community.id,
            before={"parent_id": street.parent_id, "closed_at": None},
            after={"parent_id": street.id, "level": "community", "closed_at": "2026-11-22T02:00:00+00:00"},
        )
    )
    session.commit()
    record = admin_client.get("/console/changes/").text
    for words in (
        "移动地点",
        "上级：青岚区",
        "上级：望溪街道",
        "层级：社区",
        "停用时间：2026-11-22 10:00",
        "停用时间：（空）",
    ):
        assert words in record


def test_the_record_goes_on_by_key_and_costs_the_same_for_more_rows(session, place, admin_client):
    area_id = place.community.id
    rows = [
        {
            "action": "changed",
            "subject": "areas",
            "subject_id": area_id,
            "name": f"第{n}次",
            "area_id": area_id,
        }
        for n in range(120)
    ]
    session.execute(sa.insert(Change), rows)
    session.commit()
    first = admin_client.get("/console/changes/").text
    assert ("第119次" in first, "第60次" in first) == (True, False)
    more = re.search(r'hx-get="([^"]+)"', first)[1].replace("&amp;", "&")
    second = admin_client.get(more, headers={"HX-Request": "true"}).text
    assert ("第69次" in second, "第119次" in second) == (True, False)
    assert "<html" not in second


def test_the_record_of_another_street_is_not_shown(session, place, as_administrator):
    district = session.get_one(Area, place.community.district_id)
    other = make_area(session, Level.SUBDISTRICT, district, name="松屿街道")
    session.add(
        Change(action="changed", subject="areas", subject_id=1, name="机密改名", area_id=place.community.id)
    )
    session.commit()
    assert "机密改名" not in as_administrator(other).get("/console/changes/").text


def test_who_took_a_table_out_is_on_the_record(session, place, admin_client):
    admin_client.post("/console/imports/officers/export.csv")
    record = admin_client.get("/console/changes/").text
    assert "导出人员" in record
    assert "行数：" in record


def test_a_page_of_the_report_parses_its_own_rows_alone(session, place, admin_client):
    page = upload(admin_client, HEADERS + "".join(f"社区,海棠{n}社区,青岚区/望溪街道,\n" for n in range(250)))
    row = session.scalars(sa.select(Import)).one()
    lines = row.report.split("\n")
    row.report = "\n".join([*lines[:100], *(f"{line} is cut off" for line in lines[100:])])
    session.commit()
    assert "海棠99社区" in admin_client.get(page.location).text
    row.report = "\n".join([*(f"{line} is cut off" for line in lines[:100]), *lines[100:]])
    session.commit()
    second = admin_client.get(f"{page.location}?after=101").text
    assert ("海棠100社区" in second, "海棠99社区" in second) == (True, False)


def test_a_report_that_was_written_as_one_array_is_still_read(session, place, admin_client):
    page = upload(admin_client, HEADERS + "社区,海棠社区,青岚区/望溪街道,\n网格,一网格,没有这个地方,\n")
    row = session.scalars(sa.select(Import)).one()
    row.report = json.dumps([json.loads(line.split("\t")[2]) for line in row.report.split("\n")])
    session.commit()
    assert "海棠社区" in admin_client.get(page.location).text
    assert "海棠社区" not in admin_client.get(f"{page.location}?fate=refused").text
