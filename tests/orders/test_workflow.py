"""The table of steps: every order, part, action and role, as its row says and not otherwise."""

import re
from itertools import product

import pytest

from backend.cases.workflow import Outcome
from backend.errors import AppError, Conflict, Forbidden, Invalid
from backend.notify.messages import CATALOGUE, ORDER, SUPERVISIONS
from backend.orders import diagram, workflow
from backend.orders.workflow import (
    ABOUT_PART,
    PART_LABELS,
    RULES,
    STATUS_LABELS,
    Action,
    Given,
    Need,
    PartStatus,
    Status,
    Whose,
)
from backend.places.roles import Role

EVERYTHING = Given("说明", "标题", "内容", unit_id=1, outcome=Outcome.SOLVED, has_proof=True)
HAN = re.compile(r"[\u4e00-\u9fff]")


def is_about(rule, part, is_lead):
    """Whether a step of this sort can be about such a part, as the words of `Whose` say."""
    if rule.whose not in ABOUT_PART:
        return True
    meant = {Whose.PART: True, Whose.OF_ANY_PART: True, Whose.LEAD: is_lead}.get(rule.whose, not is_lead)
    return meant and part in rule.parts


@pytest.mark.parametrize("action", Action)
def test_a_step_is_allowed_exactly_where_its_row_says(action):
    rule = RULES[action]
    for status, part, is_lead, role in product(Status, (*PartStatus, None), (True, False), Role):
        offered = action in workflow.allowed(status, part, {role}, is_lead=is_lead)
        if role in rule.roles and status in rule.sources and is_about(rule, part, is_lead):
            assert workflow.check(status, part, action, role, EVERYTHING, is_lead=is_lead) is rule
            assert offered == (rule.whose in ABOUT_PART or part is None)
            continue
        assert not offered, (status, part, role)
        with pytest.raises(AppError) as refusal:
            workflow.check(status, part, action, role, EVERYTHING, is_lead=is_lead)
        assert HAN.search(refusal.value.message)


def test_a_post_that_cannot_is_told_so_before_anything_else():
    for action, role in product(Action, Role):
        if role not in RULES[action].roles:
            with pytest.raises(Forbidden, match=f"您的岗位不能“{RULES[action].label}”"):
                workflow.check(Status.ISSUED, PartStatus.OWED, action, role, EVERYTHING)


@pytest.mark.parametrize(
    ("role", "actions"),
    [
        (Role.INFORMATION_OFFICER, "draft revise add"),
        (Role.DISPATCHER, "draft revise add"),
        (
            Role.SECRETARY,
            "draft revise approve refuse withdraw add_unit withdraw_unit return add urge",
        ),
        (Role.HANDLER, "acknowledge arrive report_back return answer add answer_supervision"),
        (Role.UNIT_HEAD, "acknowledge arrive report_back return answer add answer_supervision"),
        (Role.MEDIATOR, "acknowledge arrive report_back return answer add answer_supervision"),
        (Role.SUPERVISOR, "urge supervise end_supervision"),
        (Role.RESIDENT, ""),
        (Role.SAFETY_OFFICER, ""),
        (Role.LEADER, "supervise end_supervision"),
        (Role.ADMINISTRATOR, "succeed"),
    ],
)
def test_each_kind_of_person_has_these_steps_and_no_others(role, actions):
    assert {action for action, rule in RULES.items() if role in rule.roles} == set(actions.split())


@pytest.mark.parametrize("status", [Status.ANSWERED, Status.REFUSED, Status.WITHDRAWN])
def test_from_an_end_no_step_leads_on(status):
    for part, is_lead in product((*PartStatus, None), (True, False)):
        left = workflow.allowed(status, part, set(Role), is_lead=is_lead)
        assert set(left) <= {
            Action.ANSWER_SUPERVISION,
            Action.END_SUPERVISION,
        }  # what was asked is owed still
        assert not any(RULES[action].target or RULES[action].part_target for action in left)


def test_every_status_of_order_and_part_can_be_reached():
    assert {rule.target for rule in RULES.values() if rule.target} == set(Status)
    assert {rule.part_target for rule in RULES.values() if rule.part_target} | {PartStatus.OWED} == set(
        PartStatus
    )


@pytest.mark.parametrize(
    ("action", "lacking", "said", "error"),
    [
        (Action.DRAFT, {"title": " "}, "请写一句标题", Invalid),
        (Action.DRAFT, {"text": ""}, "请写明要办什么", Invalid),
        (Action.REVISE, {"unit_id": None}, "请选择受令单位", Invalid),
        (Action.REFUSE, {"note": "\n"}, "请填写说明", Invalid),
        (Action.ANSWER, {"outcome": None}, "请选择办理结果", Invalid),
        (Action.ANSWER, {"has_proof": False}, "照片", Invalid),
        (Action.ANSWER, {"unreported": ("甲", "乙")}, "还有单位没有反馈：甲、乙", Conflict),
    ],
)
def test_what_a_step_needs_is_asked_for_in_words(action, lacking, said, error):
    rule = RULES[action]
    with pytest.raises(error, match=said):
        workflow.check_needs(action, Given(**vars(EVERYTHING) | lacking))
    assert rule.needs


def test_every_need_can_be_missing():
    assert {need for rule in RULES.values() for need in rule.needs} == set(Need)


def test_only_solved_in_fact_needs_proof():
    given = Given(note="已解释", outcome=Outcome.EXPLAINED)
    role, part = Role.HANDLER, PartStatus.ACKNOWLEDGED
    assert workflow.check(Status.ISSUED, part, Action.ANSWER, role, given, is_lead=True)


def test_an_assisting_unit_reports_and_the_lead_answers():
    acting = PartStatus.ACKNOWLEDGED
    with pytest.raises(Forbidden, match="协办单位请“反馈”"):
        workflow.check(Status.ISSUED, acting, Action.ANSWER, Role.HANDLER, EVERYTHING)
    with pytest.raises(Forbidden, match="请直接“答复办结”"):
        workflow.check(Status.ISSUED, acting, Action.REPORT_BACK, Role.HANDLER, EVERYTHING, is_lead=True)


def test_every_message_leads_to_the_order_or_to_what_is_asked_about_it():
    for rule in RULES.values():
        for _, message in rule.tells:
            assert CATALOGUE[message].link in (ORDER, SUPERVISIONS), message


def test_everything_has_a_word_that_people_read():
    assert set(STATUS_LABELS) == set(Status)
    assert set(PART_LABELS) == set(PartStatus)
    assert set(RULES) == set(Action)
    assert len({rule.label for rule in RULES.values()}) == len(Action)


def test_the_diagram_shows_every_status_and_every_move():
    lines = diagram.diagram().splitlines()
    assert lines[0] == "stateDiagram-v2"
    for status, label in STATUS_LABELS.items():
        assert f"    {status}: {status} {label}" in lines
    for part, label in PART_LABELS.items():
        assert f"        unit_{part}: {part} {label}" in lines
    for action, rule in RULES.items():
        arrows = [line for line in lines if line.endswith(f": {action} {rule.label}")]
        moves = bool(rule.target) * (len(rule.sources) or 1) + bool(rule.part_target) * len(rule.parts)
        assert len(arrows) == moves + (action is Action.ADD_UNIT), action
