"""Cases under an order: they go to the lead with it, and one answer reaches everybody who reported."""

from contextlib import contextmanager
from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend.cases import intake
from backend.cases import service as cases
from backend.cases.intake import Report
from backend.cases.models import Case, Channel
from backend.cases.workflow import Action as CaseAction
from backend.cases.workflow import Given, Outcome
from backend.cases.workflow import Status as CaseStatus
from backend.console import order_drafts, order_forms
from backend.errors import Conflict, Forbidden, Invalid, NotFound
from backend.notify.models import Notification
from backend.orders import binding, drafting
from backend.orders.workflow import Action
from backend.places.models import Area, Resident
from backend.places.roles import Role
from tests.factories import make_area, make_code, make_resident, make_unit
from tests.orders.scene import ANSWER, AT, make_neighbours

MINUTE = timedelta(minutes=1)


def submit(scene, words="停车场里有人摆非法市场"):
    report = Report(
        words,
        scene.community.id,
        scene.community.name,
        Channel.WECHAT,
        resident_id=make_resident(scene.session).id,
    )
    return intake.open_case(scene.session, report, AT)


def issue(scene, *found, **fields):
    return scene.issue(cases=[case.number for case in found], **fields)


def again(scene, case):
    scene.session.refresh(case)
    return case


def told_to(scene, resident_id):
    own = sa.select(Notification).where(Notification.resident_id == resident_id).order_by(Notification.id)
    return [(row.message.value, row.fields["note"]) for row in scene.session.scalars(own)]


@contextmanager
def statements(session):
    """What is asked of the database meanwhile."""
    sent = []
    listen = lambda *args: sent.append(args[2])  # noqa: E731
    sa.event.listen(session.connection(), "before_cursor_execute", listen)
    yield sent
    sa.event.remove(session.connection(), "before_cursor_execute", listen)


def scanned(scene, unit):
    """A case of the scene's community whose scanned code names a unit of elsewhere."""
    code = make_code(scene.session, scene.community)
    code.unit_id = unit.id
    case = submit(scene)
    case.code_id = code.id
    scene.session.flush()
    return case


def test_an_order_binds_whom_its_place_or_one_of_its_cases_names_and_nobody_else(scene):
    street = scene.session.get(Area, scene.community.subdistrict_id)
    city = make_unit(scene.session, make_area(scene.session, scene.community.level, street), name="电梯公司")
    case = scanned(scene, city)
    with pytest.raises(NotFound, match="不管这个地方"):
        scene.issue(lead_id=city.id)
    order = issue(scene, case, lead_id=city.id)
    assert again(scene, case).unit_id == city.id
    may = binding.choices(scene.session, [case])
    assert city.id in {unit.id for unit in binding.choice(scene.session, order, may.values()).units}
    other = scene.issue()
    with pytest.raises(NotFound, match="不管这个地方"):
        scene.do(other, Action.ADD_UNIT, "secretary", unit_id=city.id)


def test_a_lead_must_be_one_to_whom_every_case_can_go(scene):
    street = scene.session.get(Area, scene.community.subdistrict_id)
    city = make_unit(scene.session, make_area(scene.session, scene.community.level, street), name="电梯公司")
    first, second = scanned(scene, city), submit(scene)
    with pytest.raises(Conflict, match=f"主办单位不管诉求 {second.number} 的地方"):
        issue(scene, first, second, lead_id=city.id)
    assert issue(scene, first, second, assisting=[city.id])


def test_the_form_offers_whom_any_of_its_cases_names(scene):
    """A form that asks for the first case alone would not offer what the verb takes."""
    street = scene.session.get(Area, scene.community.subdistrict_id)
    city = make_unit(scene.session, make_area(scene.session, scene.community.level, street), name="电梯公司")
    found = [submit(scene), scanned(scene, city)]
    sheet = order_drafts.blank(scene.session, scene.actor("desk"), [case.number for case in found], None)
    assert city.id in {choice.id for choice in (*sheet.first, *sheet.rest)}
    order = issue(scene, *found, assisting=[])
    [add] = [
        task
        for task in order_forms.tasks(scene.session, order, scene.actor("secretary"))
        if task.action is Action.ADD_UNIT
    ]
    assert city.id in {unit_id for unit_id, _ in add.units}


def test_whom_cases_may_go_to_is_asked_as_often_for_many_that_are_alike_as_for_one(scene):
    found = [submit(scene) for _ in range(4)]
    binding.choices(scene.session, found)  # the duty lists are read
    counts = []
    for some in (found[:1], found):
        with statements(scene.session) as sent:
            binding.choices(scene.session, some)
        counts.append(len(sent))
    assert counts[0] == counts[1] > 0


def test_a_lead_that_serves_a_case_no_longer_is_named_with_the_case_at_the_approval(scene):
    street = scene.session.get(Area, scene.community.subdistrict_id)
    city = make_unit(scene.session, make_area(scene.session, scene.community.level, street), name="电梯公司")
    first, second = scanned(scene, city), scanned(scene, city)
    order = scene.draft(cases=[first.number, second.number], lead_id=city.id, assisting=[])
    second.code_id = None
    scene.session.flush()
    with pytest.raises(Conflict, match=f"不管诉求 {second.number} 的地方，请先“修改”发令单，换一个主办"):
        scene.do(order, Action.APPROVE, "secretary")


def test_an_approval_leaves_alone_what_went_its_own_way_since_the_draft(scene):
    """Nobody is kept from commanding because of a case that is not sent any more."""
    first, second = submit(scene), submit(scene)
    order = scene.draft(cases=[first.number, second.number])
    second.status, second.unit_id = CaseStatus.DISPUTED, scene.units["third"].id
    scene.session.flush()
    scene.do(order, Action.APPROVE, "secretary")
    assert again(scene, first).status is CaseStatus.ASSIGNED
    assert again(scene, second).status is CaseStatus.DISPUTED


def test_on_approval_the_cases_go_to_the_lead(scene):
    first, second = submit(scene), submit(scene)
    scene.session.flush()
    cases.perform(scene.session, second.number, CaseAction.ACCEPT, scene.actor("desk"), at=AT)
    issue(scene, first, second)
    for case in (first, second):
        case = again(scene, case)
        assert (case.status, case.unit_id) == (CaseStatus.ASSIGNED, scene.units["lead"].id)
        assert [message for message, _ in told_to(scene, case.resident_id)] == [
            "case_accepted",
            "case_on_its_way",
        ]


def test_the_lead_is_alerted_once_by_the_order_and_not_again_by_each_case(scene):
    issue(scene, submit(scene), submit(scene))
    own = sa.select(Notification.message).where(Notification.officer_id == scene.people["lead"].id)
    assert [message.value for message in scene.session.scalars(own)] == ["order_issued"]


def test_signing_for_the_order_signs_for_its_cases_and_only_the_leads_signature_counts(scene):
    case = submit(scene)
    order = issue(scene, case)
    scene.do(order, Action.ACKNOWLEDGE, "second")
    assert again(scene, case).status is CaseStatus.ASSIGNED
    scene.do(order, Action.ACKNOWLEDGE, "lead")
    assert again(scene, case).status is CaseStatus.IN_PROGRESS


def test_one_answer_reaches_every_reporter_also_of_merged_cases(scene):
    scene.add("dispatcher", Role.DISPATCHER, area=scene.session.get(Area, scene.community.district_id))
    master, member, other = submit(scene), submit(scene), submit(scene)
    dispatcher = scene.actor("dispatcher")
    for case in (master, member):
        cases.perform(scene.session, case.number, CaseAction.ACCEPT, dispatcher, at=AT)
    merge = Given(note="同一件事", case_id=master.id)
    cases.perform(scene.session, member.number, CaseAction.MERGE, dispatcher, merge, at=AT)
    order = issue(scene, master, other)
    scene.report_all(order)
    scene.answer(order)
    for case in (master, other, member):
        found = again(scene, case)
        assert (found.status, found.outcome, found.answer) == (CaseStatus.RESOLVED, Outcome.SOLVED, ANSWER)
        assert ("case_resolved", ANSWER) in told_to(scene, found.resident_id)


def test_a_case_that_went_elsewhere_is_left_alone(scene):
    case, kept = submit(scene), submit(scene)
    order = issue(scene, case, kept)
    given = Given(note="归它管", unit_id=scene.units["third"].id)
    cases.perform(scene.session, case.number, CaseAction.ASSIGN, scene.actor("desk"), given, at=AT + MINUTE)
    scene.report_all(order)
    scene.answer(order)
    assert again(scene, case).status is CaseStatus.ASSIGNED
    assert again(scene, kept).status is CaseStatus.RESOLVED


def test_a_withdrawn_order_gives_back_what_was_not_signed_for(scene):
    case = submit(scene)
    order = issue(scene, case)
    scene.do(order, Action.WITHDRAW, "secretary", note="情况有误", at=AT + MINUTE)
    assert again(scene, case).status is CaseStatus.ACCEPTED


def test_an_answer_that_says_nothing_goes_to_nobody(scene):
    case = submit(scene)
    order = issue(scene, case)
    scene.report_all(order)
    scene.session.commit()
    with pytest.raises(Invalid, match="看不懂办了什么"):
        scene.answer(order, note="已处理，感谢您的反映")
    scene.session.rollback()
    assert scene.session.get(Case, case.id).status is CaseStatus.IN_PROGRESS


def test_an_answer_to_many_names_none_of_them(scene):
    case = submit(scene)
    scene.session.get(Resident, case.resident_id).name = "李秀兰"
    order = issue(scene, case, submit(scene))
    scene.report_all(order)
    with pytest.raises(Invalid, match="请不要写反映人的姓名“李秀兰”"):
        scene.answer(order, note="已按李秀兰反映的情况清走摊位")


def test_a_case_is_under_one_open_order_at_a_time(scene):
    case = submit(scene)
    order = scene.draft(cases=[case.number])
    with pytest.raises(Conflict, match=f"诉求 {case.number} 已经在发令单 {order.number} 里了"):
        scene.draft(cases=[case.number])
    scene.do(order, Action.REFUSE, "secretary", note="先核实")
    assert scene.draft(cases=[case.number]).number != order.number


def test_what_a_unit_has_in_hand_goes_under_an_order_of_that_unit_alone(scene):
    case, third = submit(scene), scene.units["third"].id
    given = Given(note="归它管", unit_id=third)
    cases.perform(scene.session, case.number, CaseAction.ACCEPT, scene.actor("desk"), at=AT)
    cases.perform(scene.session, case.number, CaseAction.ASSIGN, scene.actor("desk"), given, at=AT)
    cases.perform(scene.session, case.number, CaseAction.ACKNOWLEDGE, scene.actor("third"), at=AT)
    with pytest.raises(Conflict, match=f"诉求 {case.number} 已经由“街道综治办”办理中.*先请它办结、退单"):
        scene.draft(cases=[case.number])
    order = scene.draft(cases=[case.number], lead_id=third, assisting=[])
    with pytest.raises(Conflict, match="已经由“街道综治办”办理中"):
        drafting.revise(scene.session, order.number, scene.actor("desk"), scene.drafted())


def test_what_is_disputed_waits_for_its_ruling(scene):
    case = submit(scene)
    case.status, case.unit_id = CaseStatus.DISPUTED, scene.units["third"].id
    scene.session.flush()
    with pytest.raises(Conflict, match="正在裁定由谁办理，请等裁定以后再发令"):
        scene.draft(cases=[case.number])


def test_nobody_drafts_from_a_neighbours_case(scene):
    case = submit(scene)
    make_neighbours(scene)
    with pytest.raises(Forbidden):
        scene.draft(by="other secretary", cases=[case.number])
