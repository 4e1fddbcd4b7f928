"""What the pages and the API say to a resident: one table of steps, one of what comes next, one of what can be done."""

from dataclasses import dataclass

from backend.cases.survey_models import ReviewState
from backend.cases.workflow import Action, Status


@dataclass(frozen=True)
class Doing:
    """Something that a resident can do. `ask` stands over the field for words; `done` is said afterwards."""

    label: str
    ask: str
    done: str
    needs_note: bool = False
    missing: str = ""


A, S = Action, Status
SAID_GOOD = "您的评价我们收到了。"
SAID_LATE = "您说的我们记下了，也告诉了负责的单位。还要重新办理的，请打开这件事，点“没有解决”。"
SAID_REVIEWED = "督查人员会核查这件事，结果会马上告诉您。"
SAID_TOLD = "记下了，已转告负责的单位。"
SAID_BAD = "这件事会重新办理，有进展会马上告诉您。"

# fmt: off
DOINGS: dict[Action, Doing] = {
    A.CONFIRM:  Doing("已解决", "有想说的话可以写在这里（也可以不写）", "谢谢您的确认，这件事已经结案"),
    A.REOPEN:   Doing("没有解决", "请说一说哪里还没有解决", SAID_BAD, True, "请说一说哪里还没有解决，好让工作人员知道再做什么"),
    A.ADD:      Doing("补充说明", "还有什么情况，请写在这里", "已经补充上了，工作人员看得到", True, "请写上要补充的话"),
    A.URGE:     Doing("催办", "想对负责的单位说的话（也可以不写）", "已经帮您催了，负责的单位马上会收到提醒"),
    A.WITHDRAW: Doing("撤回", "为什么撤回（也可以不写）", "这件事已经撤回"),
}

STEPS: dict[Action, str] = {
    A.SUBMIT: "已收到反映",
    A.LOCATE: "补充了地点",
    A.ADD: "补充了情况",
    A.ACCEPT: "已受理",
    A.REJECT: "不能受理",
    A.ASSIGN: "已派给{unit}",
    A.ACKNOWLEDGE: "已接手，正在处理",
    A.SEND_BACK: "正在换一个单位来办",
    A.RETRACT: "正在换一个单位来办",
    A.DISPUTE: "由哪个单位办还没定，区里会定",
    A.ARBITRATE: "区里定了由{unit}办理",
    A.SPLIT: "其中一部分请{unit}一起办",
    A.MERGE: "和别的居民反映的同一件事合在一起办",
    A.JOIN: "您说的和别的居民反映的是同一件事，合在一起办",
    A.UNMERGE: "改为单独办理",
    A.FOLLOW: "已办理",
    A.FIRST_CONTACT: "已和您联系",
    A.ASK: "请您补充情况",
    A.PROGRESS: "有新的进展",
    A.SUPERVISE: "上级正在过问这件事",
    A.RESOLVE_ON_SPOT: "已在现场处理",
    A.RESOLVE: "已办理",
    A.CONFIRM: "确认已解决",
    A.CLOSE: "已结案",
    A.REOPEN: "没有解决，重新办理",
    A.CLOSE_AGAIN: "您改了评价，这件事结案了",
    A.DISSENT: "您不认可办理结果，督查人员正在复核",
    A.ASSENT: "您改了评价，督查人员不再复核",
    A.COMMENT: "您补充了回访意见",
    A.UPHOLD: "督查人员复核过了",
    A.WITHDRAW: "已撤回",
    A.URGE: "催办了一次",
    A.ASK_PERSON: "请工作人员联系",
}

BROUGHT = "发来 {what}"  # in the place of 补充了情况

NEXT: dict[Status, str] = {
    S.SUBMITTED: "社区工作人员会在{by}受理，受理后会马上告诉您。",
    S.ACCEPTED: "已经受理，{by}会派给负责的单位。",
    S.ASSIGNED: "已经派给{unit}，{by}会有人接手。",
    S.DISPUTED: "由哪个单位办还没定，区里会在{by}定下来。",
    S.MERGED: "别的居民也反映了这件事，{unit}一起办。办好了会马上告诉您，也会请您评价。",
    S.IN_PROGRESS: "{unit}正在处理，{by}会给您答复。",
    S.RESOLVED: "已经办理了，请您看一看是不是真的解决了。{closes}前您没有回复，就会自动结案。",
    S.CLOSED: "这件事已经结案。",
    S.REJECTED: "这件事不能受理，原因写在下面。有不清楚的可以给我们留言。",
    S.WITHDRAWN: "您已经撤回这件事。以后有需要，可以重新反映。",
}
LATE = "已经超过了说好的时间（{until}），我们正在催促，您也可以点“催办”。"
WAITING = "等您回复后接着办。"  # instead of what comes next
ASKED = "工作人员想问您：“{question}”请点“补充说明”回答，也可以在微信里直接回复。"
SURVEYED = {
    "due": "这件事已经结案。之后会请您说一说办得怎么样。",
    "open": "这件事已经结案，请您说一说办得怎么样。",
    "answered": "这件事已经结案，谢谢您的评价。",
    "expired": "这件事已经结案。",
}

# A closed case whose answer somebody looks at, or has looked at, and what follows a bad answer.
REVIEWED = {
    ReviewState.OPEN: "您说的问题，督查人员正在核查，结果会告诉您。",
    ReviewState.UPHELD: "您说的问题，督查人员核查过了，结果写在下面。还有事，请直接给我们留言。",
}
FOLLOWED = {ReviewState.OPEN: SAID_REVIEWED, ReviewState.REOPENED: SAID_BAD}

YOU, STAFF, COMMUNITY, SYSTEM = "您", "工作人员", "社区工作人员", "系统"
# fmt: on
