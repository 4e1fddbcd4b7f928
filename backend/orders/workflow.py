"""The life of an order (发令单) and of each unit's part in it, in one table. Buttons, API and documents ask it."""

from dataclasses import dataclass
from enum import StrEnum

from backend.cases.workflow import DESK, UNIT, Outcome
from backend.errors import Conflict, Forbidden, Invalid
from backend.notify.messages import Message
from backend.places.roles import Role


class Overtaken(Conflict):
    """Somebody else was quicker: the order, or the part, is no longer where this step begins."""


class Status(StrEnum):
    """Of an order."""

    DRAFTED = "drafted"
    ISSUED = "issued"
    ANSWERED = "answered"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class PartStatus(StrEnum):
    """Of one unit's part."""

    OWED = "owed"  # alerted, not signed for yet; before the approval: named only
    ACKNOWLEDGED = "acknowledged"
    ARRIVED = "arrived"
    REPORTED = "reported"
    WITHDRAWN = "withdrawn"


class Action(StrEnum):
    DRAFT = "draft"
    REVISE = "revise"
    APPROVE = "approve"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"
    ADD_UNIT = "add_unit"
    WITHDRAW_UNIT = "withdraw_unit"
    ACKNOWLEDGE = "acknowledge"
    ARRIVE = "arrive"
    REPORT_BACK = "report_back"
    RETURN = "return"  # a report that is not enough goes back to its unit
    ANSWER = "answer"
    ADD = "add"
    URGE = "urge"
    SUPERVISE = "supervise"
    ANSWER_SUPERVISION = "answer_supervision"
    END_SUPERVISION = "end_supervision"
    SUCCEED = "succeed"  # a unit has ended in another one of the order, which goes on with both parts


class Whose(StrEnum):
    """Whose step it is, and of what: it says over which row the role must be held."""

    ORDER = "order"  # the order's: who commands in its area, or works in the lead unit
    OF_PART = "of_part"  # the same people, but about one assisting unit's part
    OF_ANY_PART = "of_any_part"  # the same people, about one unit's part, be it the lead's
    PART = "part"  # the unit's own part: who works in that unit
    ASSISTING = "assisting"  # the same, but not the lead's
    LEAD = "lead"  # the lead's own part alone
    ANY = "any"  # the order's, for whoever has to do with it
    ASKED = "asked"  # of who works in a unit that is supervised, whatever became of its part


class Need(StrEnum):
    """What must be given with a step."""

    NOTE = "note"
    TITLE = "title"
    TEXT = "text"
    UNIT = "unit"
    OUTCOME = "outcome"
    PROOF = "proof"  # a photo of any unit; asked only where the outcome is "solved in fact"
    REPORTS = "reports"  # of every other unit that is still bound


class Audience(StrEnum):
    """Who is told; alerts.py finds the people."""

    APPROVERS = "approvers"
    DRAFTER = "drafter"
    COMMUNITY = "community"  # who drafted it and who approved it
    SUPERVISORS = "supervisors"
    UNITS = "units"  # all that are bound
    UNREPORTED = "unreported"  # those of them that have not reported back
    UNIT = "unit"  # the one whose part it is
    LEAD = "lead"


@dataclass(frozen=True)
class Rule:
    """One step. `sources` and `target` are the order's, `parts` and `part_target` those of the unit's part.

    No target leaves the status as it is; no `parts`: the step is about no single part, or any.
    """

    label: str
    sources: tuple[Status, ...]
    target: Status | None
    roles: tuple[Role, ...]
    whose: Whose = Whose.ORDER
    parts: tuple[PartStatus, ...] = ()
    part_target: PartStatus | None = None
    needs: tuple[Need, ...] = ()
    tells: tuple[tuple[Audience, Message], ...] = ()


STATUS_LABELS = {
    Status.DRAFTED: "待批准",
    Status.ISSUED: "执行中",
    Status.ANSWERED: "已办结",
    Status.REFUSED: "未批准",
    Status.WITHDRAWN: "已撤回",
}

PART_LABELS = {
    PartStatus.OWED: "待签收",
    PartStatus.ACKNOWLEDGED: "已签收",
    PartStatus.ARRIVED: "已到场",
    PartStatus.REPORTED: "已反馈",
    PartStatus.WITHDRAWN: "已撤回",
}

S, U, A, R, W, N, P, M = Status, PartStatus, Action, Role, Whose, Need, Audience, Message
BOUND = (U.OWED, U.ACKNOWLEDGED, U.ARRIVED, U.REPORTED)
AT_WORK = (U.ACKNOWLEDGED, U.ARRIVED)
UNREPORTED = (U.OWED, *AT_WORK)
SUPERVISORS = (R.SUPERVISOR, R.LEADER)

# fmt: off
RULES: dict[Action, Rule] = {
    A.DRAFT: Rule("起草", (), S.DRAFTED, DESK, needs=(N.TITLE, N.TEXT, N.UNIT),
        tells=((P.APPROVERS, M.ORDER_DRAFTED),)),
    A.REVISE: Rule("修改", (S.DRAFTED,), None, DESK, needs=(N.TITLE, N.TEXT, N.UNIT)),
    A.APPROVE: Rule("批准发令", (S.DRAFTED,), S.ISSUED, (R.SECRETARY,),
        tells=((P.UNITS, M.ORDER_ISSUED), (P.SUPERVISORS, M.ORDER_WATCHED), (P.DRAFTER, M.ORDER_WATCHED))),
    A.REFUSE: Rule("不批准", (S.DRAFTED,), S.REFUSED, (R.SECRETARY,), needs=(N.NOTE,),
        tells=((P.DRAFTER, M.ORDER_REFUSED),)),
    A.WITHDRAW: Rule("撤回", (S.DRAFTED, S.ISSUED), S.WITHDRAWN, (R.SECRETARY,), needs=(N.NOTE,),
        tells=((P.UNITS, M.ORDER_WITHDRAWN), (P.SUPERVISORS, M.ORDER_WITHDRAWN), (P.COMMUNITY, M.ORDER_WITHDRAWN))),
    A.ADD_UNIT: Rule("增加单位", (S.ISSUED,), None, (R.SECRETARY,), needs=(N.UNIT,),
        tells=((P.UNIT, M.ORDER_ISSUED),)),
    A.WITHDRAW_UNIT: Rule("撤回单位", (S.ISSUED,), None, (R.SECRETARY,), W.OF_PART, BOUND, U.WITHDRAWN, (N.NOTE,),
        tells=((P.UNIT, M.ORDER_WITHDRAWN),)),
    A.ACKNOWLEDGE: Rule("签收", (S.ISSUED,), None, UNIT, W.PART, (U.OWED,), U.ACKNOWLEDGED),
    A.ARRIVE: Rule("到场", (S.ISSUED,), None, UNIT, W.PART, (U.ACKNOWLEDGED,), U.ARRIVED),
    A.REPORT_BACK: Rule("反馈", (S.ISSUED,), None, UNIT, W.ASSISTING, AT_WORK, U.REPORTED, (N.NOTE,),
        tells=((P.LEAD, M.ORDER_REPORTED), (P.COMMUNITY, M.ORDER_REPORTED))),
    A.RETURN: Rule("退回反馈", (S.ISSUED,), None, (R.SECRETARY, *UNIT), W.OF_PART, (U.REPORTED,), U.ACKNOWLEDGED,
        (N.NOTE,), tells=((P.UNIT, M.ORDER_RETURNED),)),
    A.ANSWER: Rule("答复办结", (S.ISSUED,), S.ANSWERED, UNIT, W.LEAD, AT_WORK, U.REPORTED,
        (N.NOTE, N.REPORTS, N.OUTCOME, N.PROOF),
        tells=((P.COMMUNITY, M.ORDER_ANSWERED), (P.SUPERVISORS, M.ORDER_ANSWERED), (P.UNITS, M.ORDER_ANSWERED))),
    A.ADD: Rule("补充", (S.ISSUED,), None, (*UNIT, *DESK), W.ANY, needs=(N.NOTE,)),
    A.URGE: Rule("催办", (S.ISSUED,), None, (R.SECRETARY, R.SUPERVISOR),
        tells=((P.UNREPORTED, M.ORDER_URGED),)),
    A.SUPERVISE: Rule("督办", (S.ISSUED,), None, SUPERVISORS, W.OF_ANY_PART, BOUND, needs=(N.NOTE,),
        tells=((P.UNIT, M.ORDER_SUPERVISED),)),
    A.ANSWER_SUPERVISION: Rule("答复督办", (S.ISSUED, S.ANSWERED), None, UNIT, W.ASKED, needs=(N.NOTE,),
        tells=((P.SUPERVISORS, M.ORDER_SUPERVISION_ANSWERED),)),
    A.END_SUPERVISION: Rule("办结督办", (S.ISSUED, S.ANSWERED, S.WITHDRAWN), None, SUPERVISORS, needs=(N.NOTE,)),
    A.SUCCEED: Rule("单位合并", (S.ISSUED,), None, (R.ADMINISTRATOR,), W.OF_ANY_PART, BOUND, U.WITHDRAWN,
        tells=((P.UNIT, M.ORDER_JOINED),)),
}
# fmt: on
ABOUT_PART = (Whose.OF_PART, Whose.OF_ANY_PART, Whose.PART, Whose.ASSISTING, Whose.LEAD)


@dataclass(frozen=True)
class Given:
    """What comes with a step. `unreported` names the other units whose report is still owed."""

    note: str = ""
    title: str = ""
    text: str = ""
    unit_id: int | None = None
    outcome: Outcome | None = None
    has_proof: bool = False
    unreported: tuple[str, ...] = ()


def check(
    status: Status,
    part: PartStatus | None,
    action: Action,
    role: Role,
    given: Given,
    *,
    is_lead: bool = False,
) -> Rule:
    """Return the rule for this step, or raise the reason it is not allowed, as a Chinese sentence.

    `part` is the status of the part it is about (None: of none), and `is_lead` whether that is the lead's.
    """
    rule = RULES[action]
    if role not in rule.roles:
        raise Forbidden(f"您的岗位不能“{rule.label}”")
    if status not in rule.sources:
        raise Overtaken(f"这张发令单现在是“{STATUS_LABELS[status]}”，不能“{rule.label}”")
    if rule.whose in ABOUT_PART:
        _check_part(rule, part, is_lead)
    check_needs(action, given)
    return rule


def check_needs(action: Action, given: Given) -> None:
    """Raises Invalid, or Conflict, for the first thing that the step needs and that was not given."""
    for need in RULES[action].needs:
        _check_need(need, given)


def _check_part(rule: Rule, part: PartStatus | None, is_lead: bool) -> None:
    if part is None:
        raise Invalid("请选择受令单位")
    if not is_lead and rule.whose is Whose.LEAD:
        raise Forbidden(f"由主办单位“{rule.label}”，协办单位请“反馈”")
    if is_lead and rule.whose is Whose.ASSISTING:
        raise Forbidden(f"主办单位不用“{rule.label}”，请直接“答复办结”")
    if is_lead and rule.whose is Whose.OF_PART:
        raise Conflict(f"对主办单位不能“{rule.label}”；换主办请撤回整张发令单，重新发")
    if part not in rule.parts:
        raise Overtaken(f"这个单位现在是“{PART_LABELS[part]}”，不能“{rule.label}”")


def _check_need(need: Need, given: Given) -> None:
    solved = given.outcome is Outcome.SOLVED
    waiting = "、".join(given.unreported)
    missing = {
        Need.NOTE: not given.note.strip() and "请填写说明",
        Need.TITLE: not given.title.strip() and "请写一句标题",
        Need.TEXT: not given.text.strip() and "请写明要办什么",
        Need.UNIT: given.unit_id is None and "请选择受令单位",
        Need.OUTCOME: given.outcome is None and "请选择办理结果",
        Need.PROOF: solved and not given.has_proof and "“实际解决”需要一张现场照片作证明",
        Need.REPORTS: waiting and f"还有单位没有反馈：{waiting}。等它们反馈，或请书记撤回这些单位",
    }[need]
    if missing:
        raise Conflict(missing) if need is Need.REPORTS else Invalid(missing)


def allowed(
    status: Status, part: PartStatus | None, roles: set[Role], *, is_lead: bool = False
) -> list[Action]:
    """The steps that someone with these roles may take on such an order and part, in the table's order."""
    return [
        action
        for action, rule in RULES.items()
        if status in rule.sources and not roles.isdisjoint(rule.roles) and _fits(rule, part, is_lead)
    ]


def _fits(rule: Rule, part: PartStatus | None, is_lead: bool) -> bool:
    """Whether the step is about such a part; one of the whole order is about none."""
    if rule.whose not in ABOUT_PART:
        return part is None
    wants_lead = {Whose.PART: is_lead, Whose.OF_ANY_PART: is_lead, Whose.LEAD: True}
    return part in rule.parts and is_lead == wants_lead.get(rule.whose, False)


def part_label(order: Status, part: PartStatus) -> str:
    """How a unit's part reads: nothing waits for a unit in an order that never went out or was withdrawn."""
    if order in (Status.DRAFTED, Status.REFUSED):
        return "未下达"
    if order is Status.WITHDRAWN and part in UNREPORTED:
        part = PartStatus.WITHDRAWN
    return PART_LABELS[part]


def acting_role(action: Action, roles: set[Role]) -> Role:
    """The role in which someone takes this step: the first of the rule's that they hold."""
    rule = RULES[action]
    held = [role for role in rule.roles if role in roles]
    if not held:
        raise Forbidden(f"您的岗位不能“{rule.label}”")
    return held[0]
