"""Tables of officers: one row is one post; thousands at once; nobody takes over another street's people."""

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from backend import sheets
from backend.errors import Invalid
from backend.places import officer_imports, officers, posts
from backend.places.imports import Fate, Options
from backend.places.models import Import, Officer, Post
from backend.places.posts import Seat
from backend.places.roles import Force, Role
from backend.places.scope import posts_of
from backend.sheets import Sheet
from backend.times import SHANGHAI, now
from tests.factories import make_officer, make_unit
from tests.places.people import town

__all__ = ["town"]


def row(
    name="周晓岚", code="A001", phone="13800000001", role="信息员", at="青岚区/望溪街道/玉兰社区", **more
):
    said = {"force": "", "since": "", "until": ""} | more
    return (code, name, phone, role, at, said["force"], said["since"], said["until"])


def plan(session, editor, *rows, headers=officer_imports.HEADERS):
    if isinstance(rows[0], Sheet):
        return officer_imports.plan(session, rows[0], editor, Options())
    cells = [dict(zip(headers, each, strict=True)) for each in rows]
    sheet = Sheet("人员.csv", tuple(headers), tuple(enumerate(cells, start=2)))
    return officer_imports.plan(session, sheet, editor, Options())


def write(session, found):
    imported = Import(kind="officers", file_name="人员.csv", sha256="0", report="[]")
    session.add(imported)
    session.flush()
    found.write(session, imported.id)
    return imported


def fates(found):
    return [fate.fate for fate in found.rows]


def take_in(session, editor, *rows):
    found = plan(session, editor, *rows)
    assert found.refused() == []
    write(session, found)
    return found


def test_a_row_is_a_person_with_a_post(session, town):
    imported = write(session, plan(session, town.editor, row(since="2026-01-05", until="2026年12月31日")))
    [officer] = officers.page(session, town.editor, search="A001")
    assert (officer.name, officer.phone) == ("周晓岚", "13800000001")
    assert officers.page(session, town.editor, search="周晓岚") == [officer]
    [post] = officer.posts
    assert (post.role, post.area_id) == (Role.INFORMATION_OFFICER, town.community.id)
    assert post.since == datetime(2026, 1, 5, tzinfo=SHANGHAI)
    assert post.until == datetime(2027, 1, 1, tzinfo=SHANGHAI)  # the last day is a whole one
    assert {line.import_id for line in (*town.changes("officers"), *town.changes("posts"))} == {imported.id}


def test_the_same_person_again_is_another_post(session, town):
    unit = make_unit(session, town.street, name="综治办", code="U1")
    force = row(role="平安员", at="青岚区/望溪街道/玉兰社区/玉兰一网格", force="楼栋长")
    rows = [
        row(),
        force,
        row(role="经办人", at="U1"),
        row(code="", role="调解员", at="青岚区/望溪街道/综治办"),
    ]
    take_in(session, town.editor, *rows)
    [officer] = officers.page(session, town.editor, search="周晓岚")
    held = {(post.role, post.area_id, post.unit_id, post.force_kind) for post in officer.posts}
    assert held == {
        (Role.INFORMATION_OFFICER, town.community.id, None, None),
        (Role.SAFETY_OFFICER, town.grid.id, None, Force.BUILDING_HEAD),
        (Role.HANDLER, None, unit.id, None),
        (Role.MEDIATOR, None, unit.id, None),
    }


def test_namesakes_are_told_apart_by_code_or_phone(session, town):
    rows = [row(code="", phone="13800000001"), row(code="", phone="13800000002"), row(code="B", phone="")]
    take_in(session, town.editor, *rows)
    assert len(officers.page(session, town.editor, search="周晓岚")) == 3


def test_the_same_file_again_changes_nothing(session, town):
    rows = [row(since="2026-01-05"), row(role="社区书记"), row(role="社区书记")]
    take_in(session, town.editor, *rows)
    before = session.scalar(sa.select(sa.func.count()).select_from(Post))
    again = take_in(session, town.editor, *rows)
    assert fates(again) == [Fate.SAME, Fate.SAME, Fate.REPEATED]
    assert session.scalar(sa.select(sa.func.count()).select_from(Post)) == before
    assert len(town.changes("officers")) == 1


def test_planning_writes_nothing(session, town):
    plan(session, town.editor, row())
    assert officers.page(session, town.editor, search="A001") == []


def test_who_was_written_down_without_indexes_is_known_again(session, town):
    officer = make_officer(session, Role.INFORMATION_OFFICER, area=town.community, name="周晓岚")
    officer.phone = "138-0000-0001"
    session.commit()
    found = plan(session, town.editor, row())
    assert fates(found) == [Fate.CHANGED]  # the code is new
    write(session, found)
    assert officer.code == "A001"
    assert fates(plan(session, town.editor, row())) == [Fate.SAME]


def test_what_is_given_out_can_be_taken_in_again(session, town):
    unit = make_unit(session, town.street, name="综治办")
    make_officer(session, Role.HANDLER, unit=unit, name="无号无电话").code = "C9"
    take_in(session, town.editor, row(since="2026-01-05", until="2099-12-31"), row(role="社区书记"))
    make_officer(session, Role.SECRETARY, area=town.other_community, name="邻街的人")
    session.execute(
        sa.update(Officer).where(Officer.code.is_(None)).values(code=sa.cast(Officer.id, sa.Text))
    )
    out = list(officer_imports.export(session, town.editor))
    assert "邻街的人" not in {each[1] for each in out}
    assert len(out) == 4  # the administrator, too
    for write_file in (sheets.write_csv, sheets.write_xlsx):
        back = sheets.read(write_file(officer_imports.HEADERS, out), "人员")
        assert set(fates(plan(session, town.editor, back))) == {Fate.SAME}


def test_other_headers_and_words_are_understood(session, town):
    headers = ("编号", "姓名", "手机号码", "角色", "所在单位", "类别", "上岗日期", "离岗日期")
    found = plan(session, town.editor, row(role="information_officer", since="2026/1/5"), headers=headers)
    assert fates(found) == [Fate.ADDED]


@pytest.mark.parametrize(
    ("said", "column", "words"),
    [
        ({"name": ""}, "姓名", "没有姓名"),
        ({"phone": "12"}, "电话", "电话号码不对"),
        ({"code": "", "phone": ""}, "工号", "分不清是哪一位"),
        ({"role": "所长"}, "岗位", "不认识"),
        ({"role": "居民"}, "岗位", "不认识"),
        ({"at": ""}, "所在", "没有写在哪里"),
        ({"at": "没有这里"}, "所在", "没有找到"),
        ({"role": "分拨员"}, "岗位", "分拨员不能设在社区"),
        ({"role": "经办人"}, "岗位", "经办人设在单位里"),
        ({"force": "楼栋长"}, "平安员类别", "只有平安员"),
        ({"role": "平安员", "force": "门卫"}, "平安员类别", "不认识"),
        ({"since": "2026-13-01"}, "开始", "日期读不出来"),
        ({"since": "昨天"}, "开始", "日期读不出来"),
        ({"since": "2026-02-01", "until": "2026-01-01"}, "结束", "早于"),
        ({"until": "2020-01-01"}, "结束", "已经过去"),
        ({"at": "青岚区/松屿街道/桂香社区"}, "所在", "不归您管理"),
        ({"role": "管理员", "at": "青岚区"}, "所在", "不归您管理"),
    ],
)
def test_a_row_that_cannot_be_taken_says_why_and_what_to_do(session, town, said, column, words):
    [fate] = plan(session, town.editor, row(**said)).rows
    assert fate.fate is Fate.REFUSED
    assert fate.findings[0].column == column
    assert words in fate.findings[0].problem
    assert fate.findings[0].cure


def test_the_end_of_time_is_no_date(session, town):
    [refused] = plan(session, town.editor, row(until="9999-12-31")).rows
    assert refused.fate is Fate.REFUSED
    assert refused.findings[0].cure.endswith("没有结束日期请留空")


def test_rows_that_contradict_one_another_are_refused(session, town):
    rows = [row(), row(name="周小兰", role="社区书记"), row(phone="13800000002", role="社区书记")]
    rows += [row(since="2026-01-05")]
    found = plan(session, town.editor, *rows)
    assert fates(found) == [Fate.ADDED, Fate.REFUSED, Fate.REFUSED, Fate.REFUSED]
    problems = [fate.findings[0].problem for fate in found.refused()]
    assert problems == [
        "同一个工号，姓名不一样",
        "和第 2 行的电话不一样",
        "和第 2 行是同一个岗位，日期或类别不一样",
    ]


def test_a_wrong_code_renames_nobody(session, town):
    take_in(session, town.editor, row())
    found = plan(session, town.editor, row(name="别人"))
    assert "同一个工号" in found.refused()[0].findings[0].problem


def test_the_code_of_someone_who_left_is_refused(session, town):
    take_in(session, town.editor, row())
    session.execute(sa.update(Officer).where(Officer.code == "A001").values(left_at=now()))
    [refused] = plan(session, town.editor, row()).rows
    assert (refused.fate, refused.findings[0].problem) == (Fate.REFUSED, "工号是已离岗人员的")
    assert fates(plan(session, town.editor, row(code=""))) == [Fate.ADDED]


def test_a_new_phone_is_written_where_all_posts_are_the_senders(session, town):
    take_in(session, town.editor, row())
    found = plan(session, town.editor, row(phone="13800000002"), row(phone="", role="社区书记"))
    assert fates(found) == [Fate.CHANGED, Fate.ADDED]
    assert found.rows[0].before["电话"] == "138****0001"
    write(session, found)
    [officer] = officers.page(session, town.editor, search="13800000002")
    posts.give(session, town.chief, officer.id, Seat(Role.SUPERVISOR, town.other_street.id))
    assert fates(plan(session, town.editor, row(phone="13800000003"))) == [Fate.REFUSED]
    assert fates(plan(session, town.chief, row(phone="13800000003"))) == [Fate.CHANGED]


def test_another_streets_people_are_not_taken_over(session, town):
    """Whoever knows a code must not come to give its officer a post, or another phone."""
    take_in(session, town.editor, row())
    there = row(at="青岚区/松屿街道/桂香社区")
    found = plan(session, town.neighbour, there)
    assert "不归您管理" in found.refused()[0].findings[0].problem
    assert fates(plan(session, town.chief, there)) == [Fate.ADDED]


def test_a_post_is_not_ended_by_a_table(session, town):
    take_in(session, town.editor, row(until="2099-06-30"))
    for until in ("2099-06-29", "2020-01-01"):
        found = plan(session, town.editor, row(until=until))
        assert "人员页面上结束" in found.refused()[0].findings[0].cure
    longer = plan(session, town.editor, row(until="2099-12-31"))
    assert fates(longer) == [Fate.CHANGED]
    write(session, longer)
    assert list(officer_imports.export(session, town.editor))[-1][-1] == "2099-12-31"


def test_who_stands_in_for_somebody_is_not_given_out(session, town):
    take_in(session, town.editor, row())
    [officer] = officers.page(session, town.editor, search="A001")
    [own] = posts_of(session, officer.id)
    other = make_officer(session, Role.SECRETARY, area=town.community)
    seat = Seat(Role.INFORMATION_OFFICER, town.community.id)
    posts.put(session, town.editor, other.id, seat, until=now() + timedelta(days=1), for_id=own.id)
    assert len([each for each in officer_imports.export(session, town.editor) if each[3] == "信息员"]) == 1


def test_a_table_of_other_things_is_refused(session, town):
    with pytest.raises(Invalid, match="“岗位”、“所在”"):
        plan(session, town.editor, ("周晓岚",), headers=("姓名",))


def count_queries(session, call):
    seen = []

    def see(*args):
        seen.append(args[2])

    sa.event.listen(session.get_bind(), "before_cursor_execute", see)
    call()
    sa.event.remove(session.get_bind(), "before_cursor_execute", see)
    return len(seen)


def test_planning_asks_as_often_for_many_rows_as_for_one(session, town):
    one = count_queries(session, lambda: plan(session, town.editor, row()))
    many = [row(name=f"员工{n}", code=f"B{n}", phone="") for n in range(20)]
    assert count_queries(session, lambda: plan(session, town.editor, *many)) == one
