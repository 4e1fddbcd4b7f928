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
    DISPUTED = "disputed"
    IN_PROGRESS = "in_progress"
    RESOLVED = "resolved"
    CLOSED = "closed"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    MERGED = "merged"


class Action(StrEnum):
    SUBMIT = "submit"
    LOCATE = "locate"
    ADD = "add"
    ACCEPT = "accept"
    REJECT = "reject"
    CLAIM = "claim"
    ASSIGN = "assign"
    RETRACT = "retract"
    SPLIT = "split"
    MERGE = "merge"
    JOIN = "join"
    JOINED = "joined"
    REMERGE = "remerge"
    UNMERGE = "unmerge"
    FOLLOW = "follow"
    LINK = "link"
    ACKNOWLEDGE = "acknowledge"
    TAKE = "take"
    DELEGATE = "delegate"
    FIRST_CONTACT = "first_contact"
    ASK = "ask"
    PROGRESS = "progress"
    SEND_BACK = "send_back"
    DISPUTE = "dispute"
    ARBITRATE = "arbitrate"
    RESOLVE_ON_SPOT = "resolve_on_spot"
    RESOLVE = "resolve"
    CONFIRM = "confirm"
    CLOSE = "close"
    REOPEN = "reopen"
    CLOSE_AGAIN = "close_again"
    DISSENT = "dissent"
    ASSENT = "assent"
    COMMENT = "comment"
    UPHOLD = "uphold"
    WITHDRAW = "withdraw"
    URGE = "urge"
    ASK_PERSON = "ask_person"
    PAUSE = "pause"
    EXTEND = "extend"
    GRANT = "grant"
    DENY = "deny"
    RESUME = "resume"
    SUPERVISE = "supervise"
    ANSWER_SUPERVISION = "answer_supervision"
    END_SUPERVISION = "end_supervision"
    MARK = "mark"
    TAKE_CHARGE = "take_charge"
    FORM_GROUP = "form_group"
    LOG = "log"
    REVIEW = "review"
    SEE_PHONE = "see_phone"
    CALL_BACK = "call_back"
    CLASSIFY = "classify"
    THANK = "thank"
    STRIKE_THANKS = "strike_thanks"


class Outcome(StrEnum):
    """How a resolution is declared: solved in fact, explained, or beyond what the duty covers."""

    SOLVED = "solved"
    EXPLAINED = "explained"
    BEYOND_DUTY = "beyond_duty"


class Need(StrEnum):
    """What must be given with a step."""

    NOTE = "note"
    UNIT = "unit"
    OFFICER = "officer"
    OFFICERS = "officers"
    CASE = "case"  # another one
    BASIS = "basis"  # the duty rule it rests on
    CATEGORY = "category"
    OUTCOME = "outcome"
    PROOF = "proof"  # a photo or document; asked only where the outcome is "solved in fact"


class Audience(StrEnum):
    """Who is told; audience.py finds the people."""

    RESIDENT = "resident"
    COMMUNITY = "community"
    UNIT = "unit"
    FORMER_UNIT = "former_unit"  # whose it was before the step, if it is theirs no more
    HANDLER = "handler"
    SUPERVISORS = "supervisors"
    ARBITERS = "arbiters"
    LEADER = "leader"
    GROUP = "group"


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
    Status.DISPUTED: "待裁定",
    Status.IN_PROGRESS: "处置中",
    Status.RESOLVED: "待确认",
    Status.CLOSED: "已结案",
    Status.REJECTED: "不予受理",
    Status.WITHDRAWN: "已撤回",
    Status.MERGED: "已并案",
}

OUTCOME_LABELS = {
    Outcome.SOLVED: "实际解决",
    Outcome.EXPLAINED: "解释说明",
    Outcome.BEYOND_DUTY: "超出职责",
}

S, A, R, N, P, M = Status, Action, Role, Need, Audience, Message
UNSOLVED = (S.SUBMITTED, S.ACCEPTED, S.ASSIGNED, S.DISPUTED, S.IN_PROGRESS)
OPEN = (*UNSOLVED, S.RESOLVED, S.MERGED)
WITH_DESK, WITH_UNIT = (S.SUBMITTED, S.ACCEPTED), (S.ASSIGNED, S.IN_PROGRESS)
ON_SPOT = (R.SAFETY_OFFICER, R.GRID_OFFICER, R.INFORMATION_OFFICER)
DESK = (R.INFORMATION_OFFICER, R.SECRETARY, R.DISPATCHER)
UNIT = (R.HANDLER, R.UNIT_HEAD, R.MEDIATOR)
COMMAND = (R.SECRETARY, R.DISPATCHER, R.SUPERVISOR, R.LEADER)
CALLERS = (R.INFORMATION_OFFICER, R.DISPATCHER, R.SUPERVISOR)

# fmt: off
RULES: dict[Action, Rule] = {
    A.SUBMIT: Rule("提交", (), S.SUBMITTED, (R.RESIDENT, *ON_SPOT, *DESK),
        tells=((P.COMMUNITY, M.CASE_SUBMITTED),), stamps="discovered_at"),
    A.LOCATE: Rule("补充地点", UNSOLVED, None, (R.RESIDENT, *DESK), tells=((P.COMMUNITY, M.CASE_SUBMITTED),)),
    A.ADD: Rule("补充材料", OPEN, None, (R.RESIDENT, *ON_SPOT, *DESK, *UNIT, R.GROUP_MEMBER)),
    A.CLASSIFY: Rule("归类", UNSOLVED, None, DESK, (N.CATEGORY,)),
    A.ACCEPT: Rule("受理", (S.SUBMITTED,), S.ACCEPTED, (*DESK, R.SYSTEM),
        tells=((P.RESIDENT, M.CASE_ACCEPTED),), stamps="accepted_at"),
    A.REJECT: Rule("不予受理", (S.SUBMITTED,), S.REJECTED, DESK, (N.NOTE,), tells=((P.RESIDENT, M.CASE_REJECTED),)),
    A.CLAIM: Rule("抢单", WITH_DESK, None, DESK),
    A.ASSIGN: Rule("派单", (S.ACCEPTED, S.ASSIGNED), S.ASSIGNED, (*DESK, R.SYSTEM), (N.UNIT,),
        tells=((P.UNIT, M.CASE_ASSIGNED), (P.FORMER_UNIT, M.CASE_GONE), (P.RESIDENT, M.CASE_ON_ITS_WAY)),
        stamps="assigned_at"),
    A.RETRACT: Rule("收回派单", (S.ASSIGNED,), S.ACCEPTED, DESK, (N.NOTE,), tells=((P.FORMER_UNIT, M.CASE_GONE),)),
    A.SPLIT: Rule("拆分", (S.ACCEPTED, *WITH_UNIT), None, DESK, (N.UNIT, N.NOTE)),
    A.MERGE: Rule("并案", UNSOLVED, S.MERGED, (*DESK, R.SYSTEM), (N.CASE,),
        tells=((P.FORMER_UNIT, M.CASE_GONE), (P.RESIDENT, M.CASE_MERGED))),
    A.JOIN: Rule("附议", (S.SUBMITTED,), S.MERGED, (R.RESIDENT,), (N.CASE,)),
    A.JOINED: Rule("收到附议", UNSOLVED, None, (R.SYSTEM,), (N.NOTE,)),
    A.REMERGE: Rule("改并", (S.MERGED,), None, (R.SYSTEM,), (N.NOTE,)),
    A.UNMERGE: Rule("撤销并案", (S.MERGED,), S.ACCEPTED, (*DESK, R.SYSTEM), (N.NOTE,),
        tells=((P.COMMUNITY, M.CASE_UNMERGED),)),
    A.FOLLOW: Rule("随主件办结", (S.MERGED,), S.RESOLVED, (R.SYSTEM,), (N.NOTE,),
        tells=((P.RESIDENT, M.CASE_RESOLVED),), stamps="resolved_at"),
    A.LINK: Rule("关联", (*OPEN, S.CLOSED), None, (*DESK, *UNIT, R.SUPERVISOR), (N.CASE,)),
    A.ACKNOWLEDGE: Rule("签收", (S.ASSIGNED,), S.IN_PROGRESS, UNIT,
        tells=((P.RESIDENT, M.CASE_IN_PROGRESS),), stamps="acknowledged_at"),
    A.TAKE: Rule("接手", (S.IN_PROGRESS,), None, UNIT),
    A.DELEGATE: Rule("交办", WITH_UNIT, None, UNIT, (N.OFFICER,), tells=((P.HANDLER, M.CASE_DELEGATED),)),
    A.FIRST_CONTACT: Rule("先行联系", WITH_UNIT, None, UNIT, (N.NOTE,), stamps="first_contact_at"),
    A.ASK: Rule("请居民补充情况", (S.ACCEPTED, *WITH_UNIT), None, (*DESK, *UNIT), (N.NOTE,),
        tells=((P.RESIDENT, M.CASE_ASKED),)),
    A.PROGRESS: Rule("办理进展", (S.IN_PROGRESS,), None, (*UNIT, R.GROUP_MEMBER), (N.NOTE,),
        tells=((P.RESIDENT, M.CASE_PROGRESS),)),
    A.SEND_BACK: Rule("退单", WITH_UNIT, S.ACCEPTED, UNIT, (N.NOTE, N.BASIS, N.UNIT),
        tells=((P.COMMUNITY, M.CASE_SENT_BACK),)),
    A.DISPUTE: Rule("提请裁定", WITH_UNIT, S.DISPUTED, UNIT, (N.NOTE, N.BASIS, N.UNIT),
        tells=((P.ARBITERS, M.CASE_DISPUTED),)),
    A.ARBITRATE: Rule("裁定", (S.DISPUTED,), S.ASSIGNED, (R.ARBITER,), (N.UNIT, N.NOTE),
        tells=((P.UNIT, M.CASE_ARBITRATED), (P.RESIDENT, M.CASE_ON_ITS_WAY)), stamps="assigned_at"),
    A.RESOLVE_ON_SPOT: Rule("现场化解", WITH_DESK, S.RESOLVED, ON_SPOT, (N.NOTE, N.PROOF),
        tells=((P.RESIDENT, M.CASE_RESOLVED),), stamps="resolved_at"),
    A.RESOLVE: Rule("办结", (S.IN_PROGRESS,), S.RESOLVED, UNIT, (N.NOTE, N.OUTCOME, N.PROOF),
        tells=((P.RESIDENT, M.CASE_RESOLVED),), stamps="resolved_at"),
    A.CONFIRM: Rule("确认解决", (S.RESOLVED,), S.CLOSED, (R.RESIDENT,),
        stamps="confirmed_at"),  # who confirmed need not be told; the chat's few messages are kept for the survey
    A.CLOSE: Rule("结案", (S.RESOLVED,), S.CLOSED, (R.SYSTEM, R.DISPATCHER),
        tells=((P.RESIDENT, M.CASE_CLOSED),)),
    A.REOPEN: Rule("没有解决", (S.RESOLVED, S.CLOSED), S.ACCEPTED, (R.RESIDENT, R.LEADER, R.SUPERVISOR),
        tells=((P.COMMUNITY, M.CASE_RETURNED), (P.UNIT, M.CASE_RETURNED), (P.RESIDENT, M.CASE_REOPENED))),
    A.CLOSE_AGAIN: Rule("改评价后结案", (S.ACCEPTED,), S.CLOSED, (R.RESIDENT,), (N.NOTE,),
        tells=((P.COMMUNITY, M.CASE_CLOSED_AGAIN), (P.UNIT, M.CASE_CLOSED_AGAIN))),
    A.DISSENT: Rule("回访不认可", (S.CLOSED,), None, (R.RESIDENT,), (N.NOTE,), tells=((P.UNIT, M.ANSWER_DISPUTED),)),
    A.ASSENT: Rule("改评价后认可", (S.CLOSED,), None, (R.RESIDENT,), (N.NOTE,),
        tells=((P.UNIT, M.REVIEW_ENDED),)),
    A.COMMENT: Rule("回访留言", (*OPEN, S.CLOSED), None, (R.RESIDENT,), tells=((P.UNIT, M.SURVEY_COMMENTED),)),
    A.UPHOLD: Rule("复核后维持", (S.CLOSED,), None, (R.LEADER, R.SUPERVISOR), (N.NOTE,),
        tells=((P.RESIDENT, M.ANSWER_UPHELD), (P.UNIT, M.REVIEW_DECIDED))),
    A.WITHDRAW: Rule("撤回", (*WITH_DESK, S.ASSIGNED, S.DISPUTED, S.MERGED), S.WITHDRAWN, (R.RESIDENT, R.SYSTEM),
        tells=((P.COMMUNITY, M.CASE_WITHDRAWN), (P.UNIT, M.CASE_WITHDRAWN))),
    A.URGE: Rule("催办", (*UNSOLVED, S.MERGED), None, (R.RESIDENT, R.SUPERVISOR),
        tells=((P.COMMUNITY, M.CASE_URGED), (P.UNIT, M.CASE_URGED))),
    A.ASK_PERSON: Rule("请人联系", OPEN, None, (R.RESIDENT,),
        tells=((P.COMMUNITY, M.PERSON_WANTED), (P.UNIT, M.PERSON_WANTED))),
    A.PAUSE: Rule("申请挂起", WITH_UNIT, None, UNIT, (N.NOTE,), tells=((P.SUPERVISORS, M.TIME_WANTED),)),
    A.EXTEND: Rule("申请延期", WITH_UNIT, None, UNIT, (N.NOTE,), tells=((P.SUPERVISORS, M.TIME_WANTED),)),
    A.GRANT: Rule("同意申请", UNSOLVED, None, (R.SUPERVISOR, R.DISPATCHER), tells=((P.UNIT, M.TIME_DECIDED),)),
    A.DENY: Rule("不同意申请", UNSOLVED, None, (R.SUPERVISOR, R.DISPATCHER), (N.NOTE,),
        tells=((P.UNIT, M.TIME_DECIDED),)),
    A.RESUME: Rule("恢复计时", UNSOLVED, None, (R.SYSTEM, R.SUPERVISOR, R.DISPATCHER, *UNIT)),
    A.SUPERVISE: Rule("督办", UNSOLVED, None, (R.SUPERVISOR, R.LEADER), (N.NOTE, N.UNIT),
        tells=((P.UNIT, M.SUPERVISED),)),
    A.ANSWER_SUPERVISION: Rule("答复督办", (*OPEN, S.CLOSED), None, UNIT, (N.NOTE,),
        tells=((P.SUPERVISORS, M.SUPERVISION_ANSWERED),)),
    A.END_SUPERVISION: Rule("办结督办", (*OPEN, S.CLOSED, S.WITHDRAWN, S.REJECTED), None, (R.SUPERVISOR, R.LEADER), (N.NOTE,)),
    A.MARK: Rule("标记难案", (*OPEN, S.CLOSED), None, COMMAND),
    A.TAKE_CHARGE: Rule("包案", UNSOLVED, None, COMMAND, (N.OFFICER,), tells=((P.LEADER, M.CASE_IN_CHARGE),)),
    A.FORM_GROUP: Rule("组建专班", UNSOLVED, None, COMMAND, (N.OFFICERS,), tells=((P.GROUP, M.GROUP_FORMED),)),
    A.LOG: Rule("工作日志", (*OPEN, S.CLOSED), None, (*UNIT, *COMMAND, R.INFORMATION_OFFICER, R.GROUP_MEMBER), (N.NOTE,)),
    A.REVIEW: Rule("复盘", (S.CLOSED,), None, (*COMMAND, R.UNIT_HEAD), (N.NOTE,)),
    A.THANK: Rule("登记感谢", (*OPEN, S.CLOSED), None, (R.RESIDENT, *ON_SPOT, *UNIT, *COMMAND), (N.NOTE,)),
    A.STRIKE_THANKS: Rule("撤销感谢", (*OPEN, S.CLOSED), None, (R.SUPERVISOR, R.LEADER), (N.NOTE,)),
    A.SEE_PHONE: Rule("查看电话", OPEN, None, (*ON_SPOT, *DESK, *UNIT, R.SUPERVISOR)),
    A.CALL_BACK: Rule("电话回访", (S.CLOSED,), None, CALLERS),
}
# fmt: on
LOOKS = frozenset({A.SEE_PHONE, A.CALL_BACK})  # written down for officers alone: the case stays as it was
# Residents do not see them: to them nothing happened.
UNTOLD = LOOKS | {
    A.CLASSIFY, A.CLAIM, A.TAKE, A.DELEGATE, A.LINK, A.JOINED, A.REMERGE, A.MARK, A.TAKE_CHARGE, A.FORM_GROUP, A.LOG, A.REVIEW,
    A.ANSWER_SUPERVISION, A.END_SUPERVISION, A.PAUSE, A.EXTEND, A.GRANT, A.DENY, A.RESUME, A.THANK, A.STRIKE_THANKS,
}  # fmt: skip


@dataclass(frozen=True)
class Given:
    """What comes with a step."""

    note: str = ""
    unit_id: int | None = None
    officer_id: int | None = None
    officer_ids: tuple[int, ...] = ()
    case_id: int | None = None  # another case
    basis: str = ""  # the duty rule, in words
    marks: tuple[str, ...] = ()
    category_id: int | None = None
    outcome: Outcome | None = None
    has_proof: bool = False


def meant(action: Action, sent_back: int) -> Action:
    """The step that is meant: who sends back what was sent back before in this round asks for a decision."""
    if action in (Action.SEND_BACK, Action.DISPUTE):
        return Action.DISPUTE if sent_back else Action.SEND_BACK
    return action


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
        Need.OFFICER: given.officer_id is None and "请选择一位工作人员",
        Need.OFFICERS: not given.officer_ids and "请选择专班成员",
        Need.CASE: given.case_id is None and "请填写另一件诉求的编号",
        Need.BASIS: not given.basis.strip() and "请选依据的职责，或者写明依据",
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
