"""The officers' page of one case: what was said, what happened and what can be done."""

import re
from datetime import timedelta

import pytest

from backend.cases.models import Attachment, AttachmentKind, Stored
from backend.cases.service import Actor, perform
from backend.cases.survey_models import Survey, SurveyState
from backend.cases.workflow import Action, Given
from backend.places.roles import Role
from tests.console.conftest import open_case, queries_of, tap, walk
from tests.factories import make_officer, make_unit


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


def test_whoever_is_not_asked_to_act_reads_which_unit_is_waited_for(session, place, as_officer):
    case = open_case(session, place.community)
    walk(session, case, place, Action.ACCEPT, Action.ASSIGN)
    for officer, words in ((place.desk, "等望溪街道市政服务中心签收"), (place.handler, "等您签收")):
        assert f"<p>{words}</p>" in as_officer(officer).get(f"/console/cases/{case.number}").text


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


def test_a_case_that_was_closed_again_is_shown_as_closed_and_wants_nothing(session, place, as_officer):
    case = open_case(session, place.community)
    walk(session, case, place, Action.ACCEPT, Action.ASSIGN, Action.ACKNOWLEDGE, Action.RESOLVE)
    resident = Actor(resident_id=case.resident_id)
    perform(session, case.number, Action.REOPEN, resident, Given(note="没有解决：还是不亮"))
    perform(session, case.number, Action.CLOSE_AGAIN, resident, Given(note="已解决，满意"))
    session.commit()
    page = as_officer(place.desk).get(f"/console/cases/{case.number}").text
    assert "群众反映没有解决" not in page
    assert "第 2 次办理" not in page
    assert "已结案" in page
    assert "改评价后结案" in page
    assert '/assign"' not in page


def test_what_the_resident_says_stands_without_the_verdict_that_the_page_gives(session, place, as_officer):
    case = open_case(session, place.community)
    walk(session, case, place, Action.ACCEPT, Action.ASSIGN, Action.ACKNOWLEDGE, Action.RESOLVE)
    said = Given(note="没有解决：没有解决，换了灯泡还是不亮")
    perform(session, case.number, Action.REOPEN, Actor(resident_id=case.resident_id), said)
    session.commit()
    page = as_officer(place.desk).get(f"/console/cases/{case.number}").text
    assert '群众说：</strong><span class="said">换了灯泡还是不亮<' in page
    assert "没有解决：" not in page


@pytest.mark.parametrize("verdict", ["没有解决", "不满意"])
def test_words_that_came_after_the_verdict_stand_on_top_for_desk_and_handler(
    session, place, as_officer, verdict
):
    case = open_case(session, place.community)
    walk(session, case, place, Action.ACCEPT, Action.ASSIGN, Action.ACKNOWLEDGE, Action.RESOLVE)
    resident = Actor(resident_id=case.resident_id)
    perform(session, case.number, Action.REOPEN, resident, Given(note=verdict))
    for words in ("只修了东边那盏", "西边还是黑的"):
        perform(session, case.number, Action.ADD, resident, Given(note=words))
    walk(session, case, place, Action.ASSIGN)
    perform(session, case.number, Action.ADD, resident, Given(note="谢谢你们"))
    session.commit()
    for officer in (place.desk, place.handler):
        page = as_officer(officer).get(f"/console/cases/{case.number}").text
        assert '群众说：</strong><span class="said">只修了东边那盏\n西边还是黑的<' in page


@pytest.mark.parametrize(
    ("verdict", "written", "box"),
    [
        ("没有解决", "西边还是黑的", "原因：没有人来、时间太长\n西边还是黑的"),
        ("没有解决：还是不亮", "西边还是黑的", "还是不亮\n原因：没有人来、时间太长"),
        ("不满意", "", "原因：没有人来、时间太长"),
    ],
)
def test_reasons_that_were_ticked_after_the_verdict_stand_on_top_too(
    session, place, as_officer, verdict, written, box
):
    case = open_case(session, place.community)
    walk(session, case, place, Action.ACCEPT, Action.ASSIGN, Action.ACKNOWLEDGE, Action.RESOLVE)
    resident = Actor(resident_id=case.resident_id)
    perform(session, case.number, Action.REOPEN, resident, Given(note=verdict))
    perform(session, case.number, Action.COMMENT, resident, Given(note="原因：没有人来、时间太长"))
    perform(session, case.number, Action.ADD, resident, Given(note=written))
    perform(session, case.number, Action.COMMENT, resident, Given(note="改了评价：已解决"))
    session.commit()
    page = as_officer(place.desk).get(f"/console/cases/{case.number}").text
    assert f'群众说：</strong><span class="said">{box}<' in page


def test_photos_of_a_survey_stand_apart_from_those_of_the_report(session, place, as_officer):
    case = open_case(session, place.community)
    asked = {"case_id": case.id, "resident_id": case.resident_id, "state": SurveyState.ANSWERED}
    answered = case.discovered_at + timedelta(days=3)
    session.add(Survey(**asked, round=1, answered_at=answered, solved=False))
    stored = {"case_id": case.id, "kind": AttachmentKind.PHOTO, "state": Stored.STORED, "source": {}}
    for hash_, at in (("a" * 64, answered - timedelta(days=2)), ("b" * 64, answered + timedelta(minutes=1))):
        session.add(Attachment(**stored, sha256=hash_, mime="image/jpeg", created_at=at))
    session.commit()
    page = as_officer(place.desk).get(f"/console/cases/{case.number}").text
    reported, answering = page.split("<h2>回访照片</h2>")
    assert (reported.count("<img"), answering.count("<img")) == (1, 1)


def test_a_case_that_came_back_without_a_word_says_so(session, place, as_officer):
    case = open_case(session, place.community)
    walk(session, case, place, Action.ACCEPT, Action.ASSIGN, Action.ACKNOWLEDGE, Action.RESOLVE)
    resident = Actor(resident_id=case.resident_id)
    perform(session, case.number, Action.ADD, resident, Given(note="上一轮说的话"))
    perform(session, case.number, Action.REOPEN, resident, Given(note="没有解决"))
    session.commit()
    tap(as_officer(place.desk), session, case, "add", note="已经打过电话")
    page = as_officer(place.desk).get(f"/console/cases/{case.number}").text
    assert '群众说：</strong><span class="said">（没有留言）<' in page


def test_history_names_the_unit_and_the_officer_and_the_reason_of_a_return(session, place, as_officer):
    case = open_case(session, place.community)
    walk(session, case, place, Action.ACCEPT, Action.ASSIGN)
    other = str(make_unit(session, place.community).id)
    reason = {"note": "这条路归物业管", "basis": "职责清单第 3 条", "unit": other}
    tap(as_officer(place.handler), session, case, "send_back", **reason)
    page = as_officer(place.desk).get(f"/console/cases/{case.number}").text
    assert "望溪街道市政服务中心 陈志" in page
    assert "派单给望溪街道市政服务中心" in page
    assert "这条路归物业管" in page


def test_buttons_are_those_of_the_workflow_for_the_officer_s_roles(session, place, as_officer):
    case = open_case(session, place.community)
    walk(session, case, place, Action.ACCEPT, Action.ASSIGN)
    forms = re.compile(rf'action="/console/cases/{case.number}/(\w+)"')
    assert set(forms.findall(as_officer(place.handler).get(f"/console/cases/{case.number}").text)) == {
        "acknowledge", "send_back", "add", "see_phone", "delegate", "first_contact", "ask", "link", "log",
        "extend", "pause",
    }  # fmt: skip
    assert set(forms.findall(as_officer(place.supervisor).get(f"/console/cases/{case.number}").text)) == {
        "urge", "see_phone", "supervise", "link", "log", "mark", "form_group",
    }  # fmt: skip


def test_the_files_of_a_case_are_read_once_for_its_page(session, place, as_officer):
    case, client = open_case(session, place.community), as_officer(place.desk)
    asked = queries_of(lambda: client.get(f"/console/cases/{case.number}"))
    assert len([statement for statement in asked if "FROM attachments" in statement]) == 1


def test_a_page_that_lies_open_says_by_itself_what_has_happened_since(session, place, as_officer):
    case = open_case(session, place.community)
    client, page = as_officer(place.desk), f"/console/cases/{case.number}"
    [address] = re.findall(rf'hx-get="({page}/news\?seen=\d+)"', client.get(page).text)
    assert client.get(address).status_code == 204
    tap(as_officer(place.colleague), session, case, "reject", note="不属于社区管")
    told = client.get(address)
    assert told.status_code == 200
    assert "何静“不予受理”" in told.text


def test_who_comes_to_merge_it_finds_the_form_open_with_the_other_s_number(session, place, as_officer):
    case, other = (open_case(session, place.community) for _ in range(2))
    client = as_officer(place.desk)
    page = client.get(f"/console/cases/{case.number}?into={other.number}").text
    [form] = re.findall(r'<details class="task" id="merge" open>.*?</details>', page, re.DOTALL)
    assert re.search(rf'name="case"[^>]* value="{other.number}"', form)
    plain = client.get(f"/console/cases/{case.number}").text
    assert '<details class="task" id="merge">' in plain


def test_a_member_that_comes_back_quotes_what_it_was_answered_with_its_master(session, place, as_officer):
    master, member = (open_case(session, place.community) for _ in range(2))
    tap(as_officer(place.desk), session, member, "merge", case=master.number)
    walk(session, master, place, Action.ACCEPT, Action.ASSIGN, Action.ACKNOWLEDGE, Action.RESOLVE)
    session.refresh(member)
    answer = member.answer
    perform(session, member.number, Action.REOPEN, Actor(resident_id=member.resident_id))
    session.commit()
    page = as_officer(place.desk).get(f"/console/cases/{member.number}").text
    assert answer
    assert f'上次答复：</strong><span class="said">{answer}<' in page


@pytest.mark.parametrize("step", ["merge", "link"])
def test_a_number_that_nobody_has_is_said_beside_the_field(session, place, as_officer, step):
    case = open_case(session, place.community)
    refused = tap(as_officer(place.desk), session, case, step, case="999", note="同一件事")
    assert refused.status_code == 422
    assert "没有找到这个编号的诉求" in refused.text
    assert ">同一件事</textarea>" in refused.text
