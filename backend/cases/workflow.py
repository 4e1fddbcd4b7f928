"""The life of a case (诉求), in one table. Buttons, API, documents and tests all ask this module."""

from dataclasses import dataclass
from enum import StrEnum

from backend.errors import Conflict, Forbidden, Invalid
from backend.notify.messages import Message
from backend.places.roles import Role


class Status(StrEnum):
    SUBMITTED = "submitted"
    ACCEPTED = "accepted"
    ASSIGNED = "assigned"
    IN_PROGRESS = "in_progress"
    RESOLVED = "resolved"
    CLOSED = "closed"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class Action(StrEnum):
    SUBMIT = "submit"
    LOCATE = "locate"
    ADD = "add"
    ACCEPT = "accept"
    REJECT = "reject"
    ASSIGN = "assign"
    ACKNOWLEDGE = "acknowledge"
    SEND_BACK = "send_back"
    RESOLVE_ON_SPOT = "resolve_on_spot"
    RESOLVE = "resolve"
    CONFIRM = "confirm"
    CLOSE = "close"
    REOPEN = "reopen"
    WITHDRAW = "withdraw"
    URGE = "urge"
    ASK_PERSON = "ask_person"
    SEE_PHONE = "see_phone"
    CLASSIFY = "classify"


class Outcome(StrEnum):
    """How a resolution is declared: solved in fact, explained, or beyond what the duty covers."""

    SOLVED = "solved"
    EXPLAINED = "explained"
    BEYOND_DUTY = "beyond_duty"


class Need(StrEnum):
    """What must be given with a step."""

    NOTE = "note"
    UNIT = "unit"
    CATEGORY = "category"
    OUTCOME = "outcome"
    PROOF = "proof"  # a photo or document; asked only where the outcome is "solved in fact"


class Audience(StrEnum):
    """Who is told; audience.py finds the people."""

    RESIDENT = "resident"
    COMMUNITY = "community"
    UNIT = "unit"
    SUPERVISORS = "supervisors"


@dataclass(frozen=True)
class Rule:
    """One step. `target` None leaves the status; `stamps` names the one of the five times it sets."""

    label: str
    sources: tuple[Status, ...]
    target: Status | None
    roles: tuple[Role, ...]
    needs: tuple[Need, ...] = ()
    tells: tuple[tuple[Audience, Message], ...] = ()
    stamps: str | None = None


STATUS_LABELS = {
    Status.SUBMITTED: "待受理",
    Status.ACCEPTED: "待分拨",
    Status.ASSIGNED: "待签收",
    Status.IN_PROGRESS: "处置中",
    Status.RESOLVED: "待确认",
    Status.CLOSED: "已结案",
    Status.REJECTED: "不予受理",
    Status.WITHDRAWN: "已撤回",
}

OUTCOME_LABELS = {
    Outcome.SOLVED: "实际解决",
    Outcome.EXPLAINED: "解释说明",
    Outcome.BEYOND_DUTY: "超出职责",
}

S, A, R, N, P, M = Status, Action, Role, Need, Audience, Message
OPEN = (S.SUBMITTED, S.ACCEPTED, S.ASSIGNED, S.IN_PROGRESS, S.RESOLVED)
UNSOLVED = (S.SUBMITTED, S.ACCEPTED, S.ASSIGNED, S.IN_PROGRESS)
ON_SPOT = (R.SAFETY_OFFICER, R.GRID_OFFICER, R.INFORMATION_OFFICER)
DESK = (R.INFORMATION_OFFICER, R.SECRETARY, R.DISPATCHER)
UNIT = (R.HANDLER, R.UNIT_HEAD, R.MEDIATOR)

# fmt: off
RULES: dict[Action, Rule] = {
    A.SUBMIT: Rule("提交", (), S.SUBMITTED, (R.RESIDENT, *ON_SPOT, *DESK),
        tells=((P.COMMUNITY, M.CASE_SUBMITTED),), stamps="discovered_at"),
    A.LOCATE: Rule("补充地点", UNSOLVED, None, (R.RESIDENT, *DESK),
        tells=((P.COMMUNITY, M.CASE_SUBMITTED),)),
    A.ADD: Rule("补充材料", OPEN, None, (R.RESIDENT, *ON_SPOT, *DESK, *UNIT)),
    A.CLASSIFY: Rule("归类", UNSOLVED, None, DESK, (N.CATEGORY,)),
    A.ACCEPT: Rule("受理", (S.SUBMITTED,), S.ACCEPTED, DESK,
        tells=((P.RESIDENT, M.CASE_ACCEPTED),), stamps="accepted_at"),
    A.REJECT: Rule("不予受理", (S.SUBMITTED,), S.REJECTED, DESK, (N.NOTE,),
        tells=((P.RESIDENT, M.CASE_REJECTED),)),
    A.ASSIGN: Rule("派单", (S.ACCEPTED, S.ASSIGNED), S.ASSIGNED, DESK, (N.UNIT,),
        tells=((P.UNIT, M.CASE_ASSIGNED), (P.RESIDENT, M.CASE_ON_ITS_WAY))),
    A.ACKNOWLEDGE: Rule("签收", (S.ASSIGNED,), S.IN_PROGRESS, UNIT,
        tells=((P.RESIDENT, M.CASE_IN_PROGRESS),)),
    A.SEND_BACK: Rule("退单", (S.ASSIGNED, S.IN_PROGRESS), S.ACCEPTED, UNIT, (N.NOTE,),
        tells=((P.COMMUNITY, M.CASE_SENT_BACK),)),
    A.RESOLVE_ON_SPOT: Rule("现场化解", (S.SUBMITTED, S.ACCEPTED), S.RESOLVED, ON_SPOT, (N.NOTE, N.PROOF),
        tells=((P.RESIDENT, M.CASE_RESOLVED),), stamps="resolved_at"),
    A.RESOLVE: Rule("办结", (S.IN_PROGRESS,), S.RESOLVED, UNIT, (N.NOTE, N.OUTCOME, N.PROOF),
        tells=((P.RESIDENT, M.CASE_RESOLVED),), stamps="resolved_at"),
    A.CONFIRM: Rule("确认解决", (S.RESOLVED,), S.CLOSED, (R.RESIDENT,),
        stamps="confirmed_at"),  # who confirmed need not be told; the chat's few messages are kept for the survey
    A.CLOSE: Rule("结案", (S.RESOLVED,), S.CLOSED, (R.SYSTEM, R.DISPATCHER),
        tells=((P.RESIDENT, M.CASE_CLOSED),)),
    A.REOPEN: Rule("没有解决", (S.RESOLVED, S.CLOSED), S.ACCEPTED, (R.RESIDENT, R.SUPERVISOR),
        tells=((P.COMMUNITY, M.CASE_RETURNED), (P.UNIT, M.CASE_RETURNED), (P.RESIDENT, M.CASE_REOPENED))),
    A.WITHDRAW: Rule("撤回", (S.SUBMITTED, S.ACCEPTED, S.ASSIGNED), S.WITHDRAWN, (R.RESIDENT,),
        tells=((P.COMMUNITY, M.CASE_WITHDRAWN), (P.UNIT, M.CASE_WITHDRAWN))),
    A.URGE: Rule("催办", UNSOLVED, None, (R.RESIDENT, R.SUPERVISOR),
        tells=((P.COMMUNITY, M.CASE_URGED), (P.UNIT, M.CASE_URGED))),
    A.ASK_PERSON: Rule("请人联系", OPEN, None, (R.RESIDENT,),
        tells=((P.COMMUNITY, M.PERSON_WANTED), (P.UNIT, M.PERSON_WANTED))),
    A.SEE_PHONE: Rule("查看电话", OPEN, None, (*ON_SPOT, *DESK, *UNIT, R.SUPERVISOR)),
}
# fmt: on
LOOKS = frozenset({A.SEE_PHONE})  # written down for officers alone: nothing happened to the case
UNTOLD = LOOKS | {A.CLASSIFY}  # residents do not see them: to them nothing happened


@dataclass(frozen=True)
class Given:
    """What comes with a step."""

    note: str = ""
    unit_id: int | None = None
    category_id: int | None = None
    outcome: Outcome | None = None
    has_proof: bool = False


def check(status: Status, action: Action, role: Role, given: Given) -> Rule:
    """Return the rule for this step, or raise the reason it is not allowed, as a Chinese sentence."""
    rule = RULES[action]
    if role not in rule.roles:
        raise Forbidden(f"您的岗位不能“{rule.label}”")
    if status not in rule.sources:
        raise Conflict(f"这件事现在是“{STATUS_LABELS[status]}”，不能“{rule.label}”")
    for need in rule.needs:
        _check_need(need, action, given)
    return rule


def _check_need(need: Need, action: Action, given: Given) -> None:
    solved = given.outcome is Outcome.SOLVED or action is Action.RESOLVE_ON_SPOT
    missing = {
        Need.NOTE: not given.note.strip() and "请填写说明",
        Need.UNIT: given.unit_id is None and "请选择责任单位",
        Need.CATEGORY: given.category_id is None and "请选择事项",
        Need.OUTCOME: given.outcome is None and "请选择办理结果",
        Need.PROOF: solved and not given.has_proof and "“实际解决”需要一张现场照片作证明",
    }[need]
    if missing:
        raise Invalid(missing)


def allowed(status: Status, roles: set[Role]) -> list[Action]:
    """The steps that someone with these roles may take on a case in this status, in the table's order."""
    return [a for a, rule in RULES.items() if status in rule.sources and not roles.isdisjoint(rule.roles)]


def acting_role(action: Action, roles: set[Role]) -> Role:
    """The role in which someone takes this step: the first of the rule's that they hold."""
    rule = RULES[action]
    held = [role for role in rule.roles if role in roles]
    if not held:
        raise Forbidden(f"您的岗位不能“{rule.label}”")
    return held[0]


def diagram() -> str:
    """The table as a Mermaid diagram, for README.md."""
    arrows = [
        f"    {source} --> {rule.target}: {action} {rule.label}"
        for action, rule in RULES.items()
        if rule.target
        for source in rule.sources
    ]
    names = [f"    {status}: {status} {label}" for status, label in STATUS_LABELS.items()]
    start = f"    [*] --> {Status.SUBMITTED}: {Action.SUBMIT} {RULES[Action.SUBMIT].label}"
    return "\n".join(["stateDiagram-v2", *names, start, *arrows, *_staying()])


def _staying() -> list[str]:
    """The steps that leave the status as it is, as a note: as arrows they would hide the others."""
    staying = [action for action, rule in RULES.items() if rule.target is None and action not in LOOKS]
    steps = [f"        {action} {RULES[action].label}" for action in staying]
    return [f"    note right of {Status.SUBMITTED}", "        状态不变：", *steps, "    end note"]
