"""The table of steps: every pair of status and action, for every role, as its row says and not otherwise."""

import re
from itertools import product

import pytest

from backend.cases import workflow
from backend.cases.diagram import diagram
from backend.cases.workflow import (
    LOOKS,
    OUTCOME_LABELS,
    RULES,
    STATUS_LABELS,
    UNSOLVED,
    Action,
    Given,
    Need,
    Outcome,
    Status,
)
from backend.errors import AppError, Conflict, Forbidden, Invalid
from backend.notify.messages import CATALOGUE, RESIDENT
from backend.places.roles import Role

EVERYTHING = Given(
    note="说明",
    unit_id=1,
    officer_id=1,
    officer_ids=(1,),
    case_id=1,
    basis="职责清单第 3 条",
    category_id=1,
    outcome=Outcome.SOLVED,
    has_proof=True,
)
HAN = re.compile(r"[\u4e00-\u9fff]")


@pytest.mark.parametrize("action", Action)
def test_a_step_is_allowed_exactly_where_its_row_says(action):
    rule = RULES[action]
    for status, role in product(Status, Role):
        if status in rule.sources and role in rule.roles:
            assert workflow.check(status, action, role, EVERYTHING) is rule
            assert action in workflow.allowed(status, {role})
            continue
        with pytest.raises(Conflict if role in rule.roles else Forbidden) as refusal:
            workflow.check(status, action, role, EVERYTHING)
        assert HAN.search(refusal.value.message), (status, role)
        assert rule.label in refusal.value.message
        assert action not in workflow.allowed(status, {role})


def test_a_refusal_says_what_the_status_is_now():
    with pytest.raises(Conflict, match="现在是“已结案”，不能“受理”"):
        workflow.check(Status.CLOSED, Action.ACCEPT, Role.SECRETARY, EVERYTHING)


@pytest.mark.parametrize(
    ("role", "actions"),
    [
        (
            Role.RESIDENT,
            "submit locate add join confirm reopen close_again dissent assent comment withdraw urge"
            " ask_person thank",
        ),
        (
            Role.HANDLER,
            "add acknowledge take delegate first_contact ask progress send_back dispute resolve link pause"
            " extend resume answer_supervision log see_phone thank",
        ),
        (
            Role.INFORMATION_OFFICER,
            "submit locate add classify accept reject claim assign retract split merge unmerge link ask"
            " resolve_on_spot log see_phone call_back thank",
        ),
        (Role.GRID_OFFICER, "submit add resolve_on_spot see_phone thank"),
        (
            Role.SUPERVISOR,
            "reopen uphold urge link grant deny resume supervise end_supervision mark take_charge form_group"
            " log review see_phone call_back thank strike_thanks",
        ),
        (Role.ARBITER, "arbitrate"),
        (Role.GROUP_MEMBER, "add progress log"),
        (Role.SYSTEM, "accept assign merge joined remerge unmerge follow close withdraw resume"),
        (
            Role.LEADER,
            "reopen uphold supervise end_supervision mark take_charge form_group log review thank"
            " strike_thanks",
        ),
    ],
)
def test_each_kind_of_person_has_these_steps_and_no_others(role, actions):
    assert {action for action, rule in RULES.items() if role in rule.roles} == set(actions.split())


@pytest.mark.parametrize("status", [Status.REJECTED, Status.WITHDRAWN])
def test_from_an_end_no_step_leads_on(status):
    """What a supervisor wanted to know about it can still be brought to an end."""
    assert workflow.allowed(status, set(Role)) == [Action.END_SUPERVISION]
    assert RULES[Action.END_SUPERVISION].target is None


def test_every_status_can_be_reached_and_every_open_one_left():
    reached = {Status.SUBMITTED}
    for _ in Status:
        reached |= {rule.target for rule in RULES.values() if rule.target and reached & set(rule.sources)}
    assert reached == set(Status)
    left = {status for rule in RULES.values() if rule.target for status in rule.sources}
    assert left == set(Status) - {Status.REJECTED, Status.WITHDRAWN}


@pytest.mark.parametrize(
    ("action", "lacking", "said"),
    [
        (Action.REJECT, {"note": " \n"}, "请填写说明"),
        (Action.SEND_BACK, {"note": ""}, "请填写说明"),
        (Action.SEND_BACK, {"basis": " "}, "请选依据的职责，或者写明依据"),
        (Action.DISPUTE, {"unit_id": None}, "请选择责任单位"),
        (Action.DELEGATE, {"officer_id": None}, "请选择一位工作人员"),
        (Action.FORM_GROUP, {"officer_ids": ()}, "请选择专班成员"),
        (Action.MERGE, {"case_id": None}, "请填写另一件诉求的编号"),
        (Action.ASSIGN, {"unit_id": None}, "请选择责任单位"),
        (Action.CLASSIFY, {"category_id": None}, "请选择事项"),
        (Action.RESOLVE, {"note": ""}, "请填写说明"),
        (Action.RESOLVE, {"outcome": None}, "请选择办理结果"),
        (Action.RESOLVE, {"has_proof": False}, "照片"),
        (Action.RESOLVE_ON_SPOT, {"note": ""}, "请填写说明"),
        (Action.RESOLVE_ON_SPOT, {"outcome": None, "has_proof": False}, "照片"),
    ],
)
def test_what_a_step_needs_is_asked_for_in_words(action, lacking, said):
    rule = RULES[action]
    with pytest.raises(Invalid, match=said):
        workflow.check(rule.sources[0], action, rule.roles[0], Given(**vars(EVERYTHING) | lacking))


@pytest.mark.parametrize("outcome", [Outcome.EXPLAINED, Outcome.BEYOND_DUTY])
def test_only_solved_in_fact_needs_proof(outcome):
    given = Given(note="已向居民解释", outcome=outcome)
    rule = workflow.check(Status.IN_PROGRESS, Action.RESOLVE, Role.HANDLER, given)
    assert rule.target is Status.RESOLVED


def test_every_need_can_be_missing():
    """A need that nothing checks would be a promise in the table alone."""
    assert {need for rule in RULES.values() for need in rule.needs} == set(Need)


def test_someone_with_several_roles_acts_in_the_first_that_the_row_names():
    assert workflow.acting_role(Action.ASSIGN, {Role.DISPATCHER, Role.SECRETARY}) is Role.SECRETARY
    with pytest.raises(AppError, match="您的岗位不能“派单”"):
        workflow.acting_role(Action.ASSIGN, {Role.HANDLER})


def test_what_is_told_to_a_resident_leads_to_the_residents_page():
    for rule in RULES.values():
        for who, message in rule.tells:
            assert (CATALOGUE[message].link == RESIDENT) is (who is workflow.Audience.RESIDENT), message


def test_every_step_tells_the_resident_or_comes_from_the_resident():
    told = {action for action, rule in RULES.items() if workflow.Audience.RESIDENT in dict(rule.tells)}
    own = {action for action, rule in RULES.items() if Role.RESIDENT in rule.roles}
    seen = set(Action) - told - own - workflow.UNTOLD  # on the page alone
    assert seen == {
        Action.SPLIT,
        Action.UNMERGE,
        Action.FIRST_CONTACT,
        Action.RETRACT,
        Action.SEND_BACK,
        Action.DISPUTE,
        Action.SUPERVISE,
    }


def test_everything_has_a_word_that_people_read():
    assert set(STATUS_LABELS) == set(Status)
    assert set(OUTCOME_LABELS) == set(Outcome)
    assert set(RULES) == set(Action)
    assert all(HAN.search(rule.label) for rule in RULES.values())
    assert len({rule.label for rule in RULES.values()}) == len(Action)


def test_the_diagram_shows_every_status_and_every_step():
    lines = diagram().splitlines()
    assert lines[0] == "stateDiagram-v2"
    for status, label in STATUS_LABELS.items():
        assert f"    {status}: {status} {label}" in lines
    for action, rule in RULES.items():
        shown = [line for line in lines if line.endswith(f"{action} {rule.label}")]
        arrows = len(rule.sources) if rule.target and rule.sources else 1
        assert len(shown) == (0 if action in LOOKS else arrows), action
    assert "    resolved --> closed: confirm 确认解决" in lines


def test_a_look_moves_nothing_and_tells_nobody_and_is_for_whoever_has_another_step():
    for action in LOOKS:
        rule = RULES[action]
        assert (rule.target, rule.needs, rule.tells, rule.stamps) == (None, (), (), None)
        for status, role in product(Status, Role):
            others = set(workflow.allowed(status, {role})) - LOOKS
            if action in workflow.allowed(status, {role}):
                assert others, (status, role)


def test_urging_and_locating_are_for_what_is_not_solved_yet():
    assert RULES[Action.LOCATE].sources == UNSOLVED
    assert set(RULES[Action.URGE].sources) == {*UNSOLVED, Status.MERGED}
    assert Status.RESOLVED not in UNSOLVED


def test_what_is_sent_back_a_second_time_is_a_dispute():
    for action in (Action.SEND_BACK, Action.DISPUTE):
        assert workflow.meant(action, 0) is Action.SEND_BACK
        assert workflow.meant(action, 1) is Action.DISPUTE
    assert workflow.meant(Action.ASSIGN, 1) is Action.ASSIGN
