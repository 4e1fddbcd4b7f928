"""The catalogue of messages: one row each says what is written and where it leads.

Texts are filled from the notification's fields: number, place, summary, status, at, note, who, until. None
shows `area`, the id of the place.
A template message carries the same fields in the slots that the account's template offers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Message(StrEnum):
    CASE_SUBMITTED = "case_submitted"
    CASE_ASSIGNED = "case_assigned"
    CASE_SENT_BACK = "case_sent_back"
    CASE_RETURNED = "case_returned"
    CASE_URGED = "case_urged"
    CASE_WITHDRAWN = "case_withdrawn"
    CASE_OVERDUE = "case_overdue"
    CASE_SOON_DUE = "case_soon_due"
    CASE_ESCALATED = "case_escalated"
    CASE_GONE = "case_gone"
    CASE_DELEGATED = "case_delegated"
    CASE_DISPUTED = "case_disputed"
    CASE_ARBITRATED = "case_arbitrated"
    CASE_UNMERGED = "case_unmerged"
    CASE_REPLIED = "case_replied"
    CASE_IN_CHARGE = "case_in_charge"
    GROUP_FORMED = "group_formed"
    PART_DONE = "part_done"
    TIME_WANTED = "time_wanted"
    TIME_DECIDED = "time_decided"
    SUPERVISED = "supervised"
    SUPERVISION_ANSWERED = "supervision_answered"
    SUPERVISION_OVERDUE = "supervision_overdue"
    ORDER_SUPERVISED = "order_supervised"
    ORDER_SUPERVISION_ANSWERED = "order_supervision_answered"
    ORDER_SUPERVISION_OVERDUE = "order_supervision_overdue"
    ORDER_DRAFTED = "order_drafted"
    ORDER_REFUSED = "order_refused"
    ORDER_ISSUED = "order_issued"
    ORDER_WATCHED = "order_watched"
    ORDER_REPORTED = "order_reported"
    ORDER_RETURNED = "order_returned"
    ORDER_ANSWERED = "order_answered"
    ORDER_WITHDRAWN = "order_withdrawn"
    ORDER_URGED = "order_urged"
    ORDER_JOINED = "order_joined"
    ORDER_SOON_DUE = "order_soon_due"
    ORDER_OVERDUE = "order_overdue"
    ORDER_ESCALATED = "order_escalated"
    PERSON_WANTED = "person_wanted"
    CASE_ACCEPTED = "case_accepted"
    CASE_REJECTED = "case_rejected"
    CASE_ON_ITS_WAY = "case_on_its_way"
    CASE_IN_PROGRESS = "case_in_progress"
    CASE_RESOLVED = "case_resolved"
    CASE_CLOSED = "case_closed"
    CASE_REOPENED = "case_reopened"
    CASE_CLOSED_AGAIN = "case_closed_again"
    CASE_MERGED = "case_merged"
    CASE_ASKED = "case_asked"
    CASE_PROGRESS = "case_progress"
    ANSWER_DISPUTED = "answer_disputed"
    SURVEY_COMMENTED = "survey_commented"
    REVIEW_WANTED = "review_wanted"
    REVIEW_FOR_LEADER = "review_for_leader"
    REVIEW_WITH_LEADER = "review_with_leader"
    REVIEW_DECIDED = "review_decided"
    REVIEW_ENDED = "review_ended"
    ANSWER_UPHELD = "answer_upheld"
    SURVEY_INVITED = "survey_invited"
    SURVEY_REMINDED = "survey_reminded"
    DIGEST = "digest"


@dataclass(frozen=True)
class Choice:
    """One line that can be tapped in chat; the id comes back with the tap."""

    id: str
    text: str


@dataclass(frozen=True)
class Kind:
    """What one message says. `link` is a path below PUBLIC_URL; `urgent` ignores quiet hours; what `fades`,
    of what residents read, is no news any more once something newer has been said of the same matter; what has
    a word for `gathers`, of what officers read, goes with others of its kind: "3 件" and that word.

    Between a Han character and a number that is counted or names something stands a blank (您有 3 件, 诉求
    {number}): a sentence has it before a field that begins with a digit. A time keeps to its word (20:00前)."""

    status: str  # at most five Han characters: what a template's phrase slot takes
    text: str
    link: str
    urgent: bool = False
    fades: bool = False
    choices: tuple[Choice, ...] = ()
    gathers: str = ""


M = Message
OFFICER, RESIDENT, SURVEY = "/console/cases/{number}", "/r/cases/{number}", "/r/surveys/{token}"
ORDER, SUPERVISIONS = "/console/orders/{number}", "/console/supervisions/"
REVIEWS = "/console/survey-reviews/"
SOLVED = (Choice("survey:{survey}:solved", "1 已解决"), Choice("survey:{survey}:unsolved", "2 没有解决"))

# fmt: off
CATALOGUE: dict[Message, Kind] = {
    M.CASE_SUBMITTED:   Kind("待受理", "新诉求 {number}\n{place}\n{summary}\n请在{until}前受理。", OFFICER, urgent=True, gathers="新诉求"),
    M.CASE_ASSIGNED:    Kind("待签收", "派给您单位的诉求 {number}\n{place}\n{summary}\n请在{until}前签收。{note}", OFFICER, urgent=True, gathers="待签收的诉求"),
    M.CASE_SENT_BACK:   Kind("已退单", "诉求 {number} 被退回，请重新派单。\n{place}\n退回理由：{note}", OFFICER, urgent=True),
    M.CASE_RETURNED:    Kind("群众重办", "诉求 {number} 没有解决，需要重办。\n{place}\n上次答复：{answer}\n理由：{note}", OFFICER, urgent=True),
    M.CASE_URGED:       Kind("催办", "诉求 {number} 有群众或督查催办，请尽快办理。\n{place}\n{summary}\n{note}", OFFICER, urgent=True, gathers="催办的诉求"),
    M.CASE_WITHDRAWN:   Kind("已撤回", "诉求 {number} 群众已撤回，不用再办。\n{place}\n{note}", OFFICER, gathers="群众撤回的诉求"),
    M.CASE_OVERDUE:     Kind("已超时", "诉求 {number} 超过时限还没有{note}，请马上跟进。\n{place}\n{summary}", OFFICER, urgent=True, gathers="超时的诉求"),
    M.CASE_SOON_DUE:    Kind("快到时限", "诉求 {number} 快到时限了：请在{until}前{note}。\n{place}\n{summary}", OFFICER, gathers="快到时限的诉求"),
    M.CASE_ESCALATED:   Kind("超时上报", "诉求 {number} 超时仍没有{note}，已上报给您，请过问。\n{place}\n承办：{who}\n{summary}", OFFICER, urgent=True, gathers="超时上报的诉求"),
    M.CASE_GONE:        Kind("不用再办", "诉求 {number} 已收回、改派或并案，您单位不用再办。\n{place}\n{note}", OFFICER, gathers="不用再办的诉求"),
    M.CASE_DELEGATED:   Kind("交您办理", "诉求 {number} 交给您办理。\n{place}\n{summary}\n请在{until}前办好这一步。{note}", OFFICER, urgent=True, gathers="交您办理的诉求"),
    M.CASE_DISPUTED:    Kind("待裁定", "诉求 {number} 第二次被退回，请裁定由谁办理。\n{place}\n{summary}\n退回理由：{note}", OFFICER, urgent=True),
    M.CASE_ARBITRATED:  Kind("裁定派单", "区里裁定诉求 {number} 由您单位办理，不能再退。\n{place}\n{summary}\n请在{until}前签收。理由：{note}", OFFICER, urgent=True),
    M.CASE_UNMERGED:    Kind("撤销并案", "诉求 {number} 不再并案，请重新派单。\n{place}\n{summary}\n{note}", OFFICER, urgent=True),
    M.CASE_REPLIED:     Kind("居民已回复", "诉求 {number} 的居民回复了您问的情况。\n{place}\n{note}", OFFICER, urgent=True),
    M.CASE_IN_CHARGE:   Kind("请您包案", "诉求 {number} 由您包案。\n{place}\n{summary}\n{note}", OFFICER),
    M.GROUP_FORMED:     Kind("专班通知", "诉求 {number} 成立专班，您是成员。\n{place}\n{summary}\n{note}", OFFICER),
    M.PART_DONE:        Kind("部分办好", "诉求 {number} 拆出去的一部分办好了。\n{place}\n结果：{note}", OFFICER),
    M.TIME_WANTED:      Kind("时限申请", "诉求 {number} 申请调整时限，请审批。\n{place}\n承办：{who}\n{note}", OFFICER),
    M.TIME_DECIDED:     Kind("申请结果", "诉求 {number} 的时限申请有结果了：{note}", OFFICER),
    M.SUPERVISED:       Kind("督办", "督办单：诉求 {number}\n{place}\n要求：{note}\n请按时答复。", SUPERVISIONS, urgent=True),
    M.SUPERVISION_ANSWERED: Kind("督办答复", "诉求 {number} 的督办单已答复：{note}", OFFICER),
    M.SUPERVISION_OVERDUE: Kind("督办超时", "诉求 {number} 的督办单到期没有答复，请{who}马上答复。\n要求：{note}", SUPERVISIONS),
    M.ORDER_SUPERVISED: Kind("督办", "督办单：发令单 {number}（{summary}）\n{place}\n督办{who}：{note}\n请在“督办单”页面按时答复。", SUPERVISIONS, urgent=True),
    M.ORDER_SUPERVISION_ANSWERED: Kind("督办答复", "发令单 {number} 的督办单，{who}已答复：{note}", SUPERVISIONS),
    M.ORDER_SUPERVISION_OVERDUE: Kind("督办超时", "发令单 {number} 的督办单到期没有答复，请{who}马上答复。\n要求：{note}", SUPERVISIONS),
    M.ORDER_DRAFTED:    Kind("待批准", "发令单 {number} 请您批准：{summary}\n{place}\n受令单位：{who}", ORDER, urgent=True),
    M.ORDER_REFUSED:    Kind("未批准", "发令单 {number} 没有批准：{summary}\n理由：{note}", ORDER, urgent=True),
    M.ORDER_ISSUED:     Kind("发令单", "社区发令 {number}：{summary}\n{place}\n您单位的任务：{note}\n请在{until}前签收。", ORDER, urgent=True),
    M.ORDER_WATCHED:    Kind("发令单", "社区已发令 {number}：{summary}\n{place}\n受令单位：{who}", ORDER, urgent=True),
    M.ORDER_REPORTED:   Kind("单位反馈", "发令单 {number} 有单位反馈了：{summary}\n{who}：{note}", ORDER),
    M.ORDER_RETURNED:   Kind("请补反馈", "发令单 {number} 的反馈被退回，请补充：{summary}\n理由：{note}", ORDER, urgent=True),
    M.ORDER_ANSWERED:   Kind("发令办结", "发令单 {number} 已办结：{summary}\n{place}\n答复：{note}", ORDER),
    M.ORDER_WITHDRAWN:  Kind("发令撤回", "发令单 {number} 撤回，{who}不用再办：{summary}\n{note}", ORDER, urgent=True),
    M.ORDER_URGED:      Kind("催办", "发令单 {number} 催办：{summary}\n{place}\n{note}", ORDER, urgent=True),
    M.ORDER_JOINED:     Kind("任务合并", "发令单 {number}：{who}并入您单位，它的任务由您单位接着办。\n{place}\n{summary}\n{note}", ORDER, urgent=True),
    M.ORDER_SOON_DUE:   Kind("快到时限", "发令单 {number} 快到时限了：请在{until}前{note}。\n{place}\n{summary}", ORDER),
    M.ORDER_OVERDUE:    Kind("已超时", "发令单 {number} 超过时限还没有{note}，请马上跟进。\n{place}\n{summary}", ORDER, urgent=True),
    M.ORDER_ESCALATED:  Kind("超时上报", "发令单 {number} 超时仍没有{note}，已上报给您，请过问。\n{place}\n受令单位：{who}\n{summary}", ORDER, urgent=True),
    M.PERSON_WANTED:    Kind("请联系", "诉求 {number} 的群众请工作人员联系。\n{place}\n{note}", OFFICER, urgent=True),
    M.CASE_ACCEPTED:    Kind("已受理", "您反映的事情（编号 {number}）已经受理，正在安排负责的单位。{note}", RESIDENT, fades=True),
    M.CASE_REJECTED:    Kind("不能受理", "您反映的事情（编号 {number}）不能受理。原因：{note}", RESIDENT),
    M.CASE_ON_ITS_WAY:  Kind("已派单", "您反映的事情（编号 {number}）已派给{who}，请等待办理。", RESIDENT, fades=True),
    M.CASE_IN_PROGRESS: Kind("处理中", "{who}已经接手您反映的事情（编号 {number}），正在处理。", RESIDENT, fades=True),
    M.CASE_RESOLVED:    Kind("待您确认", "您反映的事情（编号 {number}）已办理：{note}\n请您看一看，然后直接回复“已解决”或“没有解决”。", RESIDENT, urgent=True),
    M.CASE_CLOSED:      Kind("已办结", "您反映的事情（编号 {number}）已结案。谢谢您的反映，之后我们会做一次回访。", RESIDENT),
    M.CASE_REOPENED:    Kind("重新办理", "您反映的事情（编号 {number}）会重新办理，有进展会马上告诉您。", RESIDENT),
    M.CASE_MERGED:      Kind("合并办理", "您反映的事情（编号 {number}）有别的居民也反映了，会放在一起办。办好了同样告诉您，您的评价也一样算数。", RESIDENT),
    M.CASE_ASKED:       Kind("请您补充", "您反映的事情（编号 {number}）要请您补充一个情况：{note}\n请直接回复。", RESIDENT, urgent=True),
    M.CASE_PROGRESS:    Kind("办理进展", "您反映的事情（编号 {number}）有进展：{note}", RESIDENT),
    M.CASE_CLOSED_AGAIN: Kind("不用重办", "诉求 {number} 的居民改了评价，不用重新办理，已经结案。\n{place}\n居民说：{note}", OFFICER, gathers="不用重办的诉求"),
    M.DIGEST:           Kind("多条消息", "您有 {summary}，请点开看。", "/console/", urgent=True),
    M.ANSWER_DISPUTED:  Kind("回访不满", "诉求 {number} 回访时居民不认可办理结果，督查正在复核。\n{place}\n上次答复：{answer}\n居民说：{note}", OFFICER),
    M.SURVEY_COMMENTED: Kind("回访留言", "诉求 {number} 的居民在回访里说：{note}\n{place}", OFFICER),
    M.REVIEW_WANTED:    Kind("待复核", "诉求 {number} 回访时居民不认可办理结果，请在{until}前复核。\n{place}\n承办：{who}\n居民说：{note}", REVIEWS),
    M.REVIEW_FOR_LEADER: Kind("请您过问", "诉求 {number} 办了三次以上，居民仍不认可，请在{until}前决定是否包案。\n{place}\n承办：{who}\n居民说：{note}", REVIEWS),
    M.REVIEW_WITH_LEADER: Kind("请领导决定", "诉求 {number} 办了三次以上，居民仍不认可，已请领导在{until}前决定。\n{place}\n承办：{who}\n居民说：{note}", REVIEWS),
    M.REVIEW_ENDED:     Kind("不用复核", "诉求 {number} 的居民{note}。\n不用再复核了。\n{place}", OFFICER),
    M.REVIEW_DECIDED:   Kind("复核结果", "诉求 {number} 的回访复核有结果了，维持原来的办理结果：{note}\n{place}", OFFICER),
    M.ANSWER_UPHELD:    Kind("复核结果", "您在回访里对编号 {number} 提的意见，督查人员复核过了：{note}\n有新的情况，请随时给我们留言。", RESIDENT),
    M.SURVEY_INVITED:   Kind("请您评价", "您反映的“{summary}”（编号 {number}）结案了。\n事情真的解决了吗？请点一下，或回复数字：", SURVEY, choices=SOLVED),
    M.SURVEY_REMINDED:  Kind("请您评价", "再打扰您一次：您反映的“{summary}”（编号 {number}）解决了吗？请点一下，或回复数字：", SURVEY, choices=SOLVED),
}
# fmt: on
URGENT = frozenset(message for message, kind in CATALOGUE.items() if kind.urgent)


def haste(message: Message, fields: Mapping[str, Any]) -> int:
    """Which of what is due goes first: 0, what is about an urgent case; 1, what is urgent by its kind; 2."""
    if fields.get("urgent") == "1":
        return 0
    return 1 if message in URGENT else 2
