import io
import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend.cases import attachments, intake, queries
from backend.cases.intake import Report
from backend.cases.models import Attachment, AttachmentKind, CaseEvent, Channel, Stored
from backend.cases.service import Actor, perform
from backend.cases.workflow import Action, Given, Outcome, Status
from backend.console import wording
from backend.notify.models import Notification
from backend.places.models import Area, Post
from backend.places.roles import Level, Role
from backend.times import now
from tests.cases.pictures import drawing, written
from tests.factories import make_area, make_case, make_community, make_officer, make_resident, make_unit


def open_case(session, place, text="玉兰苑门口的路灯不亮了，晚上走路看不清", **fields):
    resident = make_resident(session, phone="13812345678")
    report = Report(text, place.id, place.name, Channel.WECHAT, resident_id=resident.id, **fields)
    case = intake.open_case(session, report)
    session.commit()
    return case


def last_event(session, case):
    return session.scalar(sa.select(sa.func.max(CaseEvent.id)).where(CaseEvent.case_id == case.id))


def tap(client, session, case, action, seen=None, **form):
    """Send the form of a step as the page shows it now, or as it was when `seen` was the last event."""
    form["seen"] = str(seen or last_event(session, case))
    return client.post(f"/console/cases/{case.number}/{action}", data=form)


def posts(officer, session):
    return tuple(session.scalars(sa.select(Post).where(Post.officer_id == officer.id)))


def walk(session, case, place, *steps):
    """Take steps as the people whose turn it is."""
    people = {
        Action.ACCEPT: place.desk, Action.ASSIGN: place.desk,
        Action.ACKNOWLEDGE: place.handler, Action.RESOLVE: place.handler,
    }  # fmt: skip
    for action in steps:
        officer = people[action]
        given = Given(note="已换新灯泡", unit_id=place.unit.id, outcome=Outcome.EXPLAINED)
        perform(
            session, case.number, action, Actor(officer_id=officer.id, posts=posts(officer, session)), given
        )
    session.commit()


def test_an_officer_reads_what_was_said_where_and_until_when(session, place, as_officer):
    case = open_case(session, place.community)
    page = as_officer(place.desk).get(f"/console/cases/{case.number}").text
    assert case.report in page
    assert "青岚区 / 望溪街道 / 玉兰社区" in page
    assert "受理时限 " in page
    assert "等您受理" in page
    assert (
        "等信息员、社区书记或分拨员“受理”"
        in as_officer(place.supervisor).get(f"/console/cases/{case.number}").text
    )


def test_the_resident_s_telephone_number_is_masked(session, place, as_officer):
    case = open_case(session, place.community)
    page = as_officer(place.desk).get(f"/console/cases/{case.number}").text
    assert "138****5678" in page
    assert "13812345678" not in page


def test_numbers_in_the_text_are_masked_in_lists_and_for_those_who_only_look(session, place, as_officer):
    case = open_case(session, place.community, "路灯坏了，请打 13912345678 找我")
    leader = make_officer(session, Role.LEADER, area=place.community)
    for address in ("/console/?tab=all", f"/console/cases/{case.number}"):
        page = as_officer(leader).get(address).text
        assert "139****5678" in page
        assert "13912345678" not in page


def test_what_a_resident_typed_cannot_become_markup(session, place, as_officer):
    case = open_case(session, place.community, "<script>alert(1)</script> 路灯坏了")
    for address in ("/console/", f"/console/cases/{case.number}"):
        page = as_officer(place.desk).get(address).text
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)" in page


def test_one_tap_accepts_a_case(session, place, as_officer):
    case = open_case(session, place.community)
    client = as_officer(place.desk)
    response = tap(client, session, case, "accept", note="马上安排")
    assert response.status_code == 303
    session.refresh(case)
    assert case.status is Status.ACCEPTED
    assert "办好了：受理" in client.get(response.location).text


def test_a_second_tap_changes_nothing_and_says_so(session, place, as_officer):
    case = open_case(session, place.community)
    client, seen = as_officer(place.desk), last_event(session, case)
    tap(client, session, case, "accept", seen)
    tap(client, session, case, "assign", unit=str(place.unit.id))
    again = last_event(session, case)
    for _ in range(2):
        response = tap(client, session, case, "add", again, note="已经看过现场")
    page = client.get(response.location).text
    assert "“补充材料”已经办好了，不用再点" in page
    taken = session.scalars(sa.select(CaseEvent.action).where(CaseEvent.case_id == case.id)).all()
    assert taken.count(Action.ADD) == 1


def test_assigning_twice_from_one_page_alerts_the_unit_once(session, place, as_officer):
    case = open_case(session, place.community)
    walk(session, case, place, Action.ACCEPT)
    client, seen = as_officer(place.desk), last_event(session, case)
    for _ in range(2):
        assert tap(client, session, case, "assign", seen, unit=str(place.unit.id)).status_code == 303
    alerts = sa.select(sa.func.count()).where(
        Notification.officer_id == place.handler.id, Notification.message == "case_assigned"
    )
    assert session.scalar(alerts) == 1


def test_a_step_by_a_colleague_in_between_is_named_and_not_overwritten(session, place, as_officer):
    case = open_case(session, place.community)
    seen = last_event(session, case)
    tap(as_officer(place.colleague), session, case, "reject", seen, note="不属于社区管")
    response = tap(as_officer(place.desk), session, case, "accept", seen)
    assert response.status_code == 409
    assert "信息员 何静在今天" in response.text
    assert "已“不予受理”" in response.text
    session.refresh(case)
    assert case.status is Status.REJECTED


def test_words_that_the_resident_added_meanwhile_do_not_stop_a_step(session, place, as_officer):
    case = open_case(session, place.community)
    seen = last_event(session, case)
    perform(session, case.number, Action.ADD, Actor(resident_id=case.resident_id), Given(note="就在东门"))
    session.commit()
    assert tap(as_officer(place.desk), session, case, "accept", seen).status_code == 303


def test_what_is_missing_is_said_and_what_was_typed_stays(session, place, as_officer):
    case = open_case(session, place.community)
    walk(session, case, place, Action.ACCEPT, Action.ASSIGN, Action.ACKNOWLEDGE)
    response = tap(as_officer(place.handler), session, case, "resolve", note="换了灯泡", outcome="solved")
    assert response.status_code == 422
    assert "“实际解决”需要一张现场照片作证明" in response.text
    assert ">换了灯泡</textarea>" in response.text
    assert re.search(r'value="solved" required [^>]*checked', response.text)


def test_a_photo_sent_with_the_answer_is_the_proof(session, place, as_officer, broker):
    case = open_case(session, place.community)
    walk(session, case, place, Action.ACCEPT, Action.ASSIGN, Action.ACKNOWLEDGE)
    photo = (io.BytesIO(written(drawing())), "灯.jpg")
    client = as_officer(place.handler)
    response = tap(client, session, case, "resolve", note="换了灯泡", outcome="solved", photos=photo)
    assert response.status_code == 303
    session.refresh(case)
    assert (case.status, case.answer) == (Status.RESOLVED, "换了灯泡")
    assert "办理照片" in client.get(response.location).text


def test_nobody_has_photos_decoded_for_a_case_that_is_not_theirs(session, place, as_officer, monkeypatch):
    case = open_case(session, make_community(session))
    monkeypatch.setattr(attachments, "prepare", None)
    photo = (io.BytesIO(written(drawing())), "灯.jpg")
    assert tap(as_officer(place.desk), session, case, "add", photos=photo).status_code == 403


def test_the_same_photo_twice_in_one_form_is_one_photo(session, place, as_officer):
    case = open_case(session, place.community)
    photos = [(io.BytesIO(written(drawing())), f"{n}.jpg") for n in range(2)]
    client = as_officer(place.desk)
    response = tap(client, session, case, "add", photos=photos)
    assert session.scalar(sa.select(sa.func.count(Attachment.id))) == 1
    assert "补充材料（1 张照片）" in client.get(response.location).text


def test_a_refused_step_says_that_its_photos_must_be_chosen_again(session, place, as_officer):
    case = open_case(session, place.community)
    walk(session, case, place, Action.ACCEPT, Action.ASSIGN, Action.ACKNOWLEDGE)
    photo = (io.BytesIO(written(drawing())), "灯.jpg")
    client = as_officer(place.handler)
    page = tap(client, session, case, "resolve", note="长" * 501, outcome="solved", photos=photo).text
    assert re.findall(r'class="wrong" role="alert">([^<]+)<', page) == [
        "说明太长了，最多 500 个字",
        "照片需要重新选择",
    ]


def test_a_recording_is_played_on_the_page_or_offered_with_the_reason(session, place, as_officer):
    case = open_case(session, place.community)
    for mime in ("audio/mpeg", "audio/amr"):
        session.add(
            Attachment(case_id=case.id, kind=AttachmentKind.VOICE, state=Stored.STORED, mime=mime, source={})
        )
    session.commit()
    page = as_officer(place.desk).get(f"/console/cases/{case.number}").text
    assert len(re.findall(r'<audio[^>]* controls[^>]* src="/r/files/', page)) == 1
    assert len(re.findall(r'<a[^>]* href="/r/files/[^>]* download>下载录音 2', page)) == 1
    assert "网页上放不了" in page


def test_a_refused_step_keeps_no_photo(session, place, as_officer):
    case = open_case(session, place.community)
    walk(session, case, place, Action.ACCEPT, Action.ASSIGN, Action.ACKNOWLEDGE)
    photo = (io.BytesIO(written(drawing())), "灯.jpg")
    tap(as_officer(place.handler), session, case, "resolve", note="", outcome="solved", photos=photo)
    assert session.scalar(sa.select(sa.func.count(Attachment.id))) == 0


def test_what_is_no_photo_is_refused_with_a_sentence(session, place, as_officer):
    case = open_case(session, place.community)
    response = tap(as_officer(place.desk), session, case, "add", photos=(io.BytesIO(b"<html>"), "x.jpg"))
    assert response.status_code == 422
    assert "照片" in response.text


def test_only_units_that_serve_the_place_can_be_chosen(session, place, as_officer):
    case = open_case(session, place.community)
    walk(session, case, place, Action.ACCEPT)
    elsewhere = make_unit(session, make_community(session), name="外区城管中心")
    client = as_officer(place.desk)
    page = client.get(f"/console/cases/{case.number}").text
    assert place.unit.name in page
    assert elsewhere.name not in page
    assert tap(client, session, case, "assign", unit=str(elsewhere.id)).status_code == 404
    session.refresh(case)
    assert case.status is Status.ACCEPTED


def test_a_case_without_a_place_is_given_one_and_reaches_the_officers_there(session, place, as_officer):
    district = session.get_one(Area, place.community.district_id)
    elsewhere = make_community(session, name="银杏社区")
    case = open_case(session, district)
    client = as_officer(make_officer(session, Role.DISPATCHER, area=district))
    assert as_officer(place.desk).get(f"/console/cases/{case.number}").status_code == 403
    assert tap(client, session, case, "locate", place=str(elsewhere.id)).status_code == 422
    assert tap(client, session, case, "locate", place=str(place.community.id)).status_code == 303
    assert as_officer(place.desk).get(f"/console/cases/{case.number}").status_code == 200


def test_an_officer_who_moves_a_case_out_of_their_reach_is_led_back_to_the_list(session, place, as_officer):
    subdistrict = session.get_one(Area, place.community.subdistrict_id)
    other = make_area(session, Level.COMMUNITY, subdistrict, name="银杏社区")
    case = open_case(session, place.community)
    client = as_officer(place.desk)
    response = tap(client, session, case, "locate", place=str(other.id))
    assert (response.status_code, response.location) == (303, "/console/")
    assert "办好了：补充地点" in client.get("/console/").text


def test_a_case_that_came_back_shows_the_earlier_answer_and_the_resident_s_words_on_top(
    session, place, as_officer
):
    case = open_case(session, place.community)
    walk(session, case, place, Action.ACCEPT, Action.ASSIGN, Action.ACKNOWLEDGE, Action.RESOLVE)
    perform(session, case.number, Action.REOPEN, Actor(resident_id=case.resident_id), Given(note="还是不亮"))
    session.commit()
    page = as_officer(place.desk).get(f"/console/cases/{case.number}").text
    top = page[: page.index("反映内容")]
    assert "还是不亮" in top
    assert "已换新灯泡" in top
    assert "第 2 次办理" in top


def test_what_the_resident_says_stands_without_the_verdict_that_the_page_gives(session, place, as_officer):
    case = open_case(session, place.community)
    walk(session, case, place, Action.ACCEPT, Action.ASSIGN, Action.ACKNOWLEDGE, Action.RESOLVE)
    said = Given(note="没有解决：没有解决，换了灯泡还是不亮")
    perform(session, case.number, Action.REOPEN, Actor(resident_id=case.resident_id), said)
    session.commit()
    page = as_officer(place.desk).get(f"/console/cases/{case.number}").text
    assert '群众说：</strong><span class="said">换了灯泡还是不亮<' in page
    assert "没有解决：" not in page


def test_history_names_the_unit_and_the_officer_and_the_reason_of_a_return(session, place, as_officer):
    case = open_case(session, place.community)
    walk(session, case, place, Action.ACCEPT, Action.ASSIGN)
    tap(as_officer(place.handler), session, case, "send_back", note="这条路归物业管")
    page = as_officer(place.desk).get(f"/console/cases/{case.number}").text
    assert "望溪街道市政服务中心 陈志" in page
    assert "派单给望溪街道市政服务中心" in page
    assert "这条路归物业管" in page


def test_buttons_are_those_of_the_workflow_for_the_officer_s_roles(session, place, as_officer):
    case = open_case(session, place.community)
    walk(session, case, place, Action.ACCEPT, Action.ASSIGN)
    forms = re.compile(rf'action="/console/cases/{case.number}/(\w+)"')
    assert set(forms.findall(as_officer(place.handler).get(f"/console/cases/{case.number}").text)) == {
        "acknowledge", "send_back", "add",
    }  # fmt: skip
    assert set(forms.findall(as_officer(place.supervisor).get(f"/console/cases/{case.number}").text)) == {
        "urge"
    }


def test_the_list_starts_with_what_waits_for_the_officer_by_deadline(session, place, as_officer):
    calm = open_case(session, place.community, "楼道灯坏了")
    urgent = open_case(session, place.community, "井盖没有了", urgent=True)
    done = open_case(session, place.community, "已经派出去的事")
    walk(session, done, place, Action.ACCEPT, Action.ASSIGN)
    page = as_officer(place.desk).get("/console/").text
    assert re.findall(r"/console/cases/(\d+)", page) == [urgent.number, calm.number]
    assert done.number in as_officer(place.handler).get("/console/").text
    assert "没有等您办理的诉求" in as_officer(place.supervisor).get("/console/").text


@pytest.mark.parametrize("tab", ["waiting", "all", "submitted"])
def test_pages_of_a_list_follow_without_gap_or_repeat(session, place, as_officer, tab):
    due = now() + timedelta(hours=1)
    cases = [make_case(session, place.community, due_at=due if n % 2 else None) for n in range(45)]
    client, address, seen = as_officer(place.desk), f"/console/?tab={tab}", []
    while address:
        page = client.get(address, headers={"HX-Request": "true"} if seen else {}).text
        seen += re.findall(r"/console/cases/(\d+)", page)
        more = re.search(r'href="(/console/\?[^"]*after=[^"]+)"', page)
        address = more.group(1).replace("&amp;", "&") if more else None
    assert len(seen) == 45
    assert set(seen) == {case.number for case in cases}


@pytest.mark.parametrize("after", ["x", "1~x", "9" * 40, "%00", "-1"])
def test_a_made_up_page_is_refused_or_empty_but_never_breaks(session, place, as_officer, after):
    assert as_officer(place.desk).get(f"/console/?tab=waiting&after={after}").status_code in {200, 422}


@pytest.mark.parametrize("tab", ["waiting", "all"])
def test_the_list_takes_the_same_queries_for_one_case_and_for_twenty(session, place, as_officer, tab):
    client = as_officer(place.desk)
    open_case(session, place.community)
    few = queries_of(lambda: client.get(f"/console/?tab={tab}"))
    for _ in range(19):
        open_case(session, place.community)
    many = queries_of(lambda: client.get(f"/console/?tab={tab}"))
    assert len(many) == len(few) > 0


def queries_of(call):
    """The statements that a request sends to the database."""
    statements = []

    def note(_connection, _cursor, statement, *_):
        statements.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    assert call().status_code == 200
    sa.event.remove(sa.Engine, "before_cursor_execute", note)
    return statements


def test_a_deadline_turns_amber_and_then_red(session, place):
    case = open_case(session, place.community)
    assert wording.due(case, case.due_at - timedelta(minutes=25)).tone == "calm"
    assert wording.due(case, case.due_at - timedelta(minutes=10)).tone == "amber"
    late = wording.due(case, case.due_at + timedelta(hours=2))
    assert (late.tone, late.words[-6:]) == ("red", "已超时2小时")


def test_every_status_that_somebody_works_on_has_a_next_step_that_leaves_it(session):
    assert set(queries.NEXT_STEP) == set(wording.CLOCKS)
    for status, action in queries.NEXT_STEP.items():
        assert status in queries.RULES[action].sources
        assert queries.RULES[action].target not in (None, status)
