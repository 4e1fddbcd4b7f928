"""The catalogue of messages: one row each says what is written and where it leads.

Texts are filled from the notification's fields: number, place, summary, status, at, note, who, until.
A template message carries the same fields in the slots that the account's template offers.
"""

from dataclasses import dataclass
from enum import StrEnum


class Message(StrEnum):
    CASE_SUBMITTED = "case_submitted"
    CASE_ASSIGNED = "case_assigned"
    CASE_SENT_BACK = "case_sent_back"
    CASE_RETURNED = "case_returned"
    CASE_URGED = "case_urged"
    CASE_WITHDRAWN = "case_withdrawn"
    CASE_OVERDUE = "case_overdue"
    PERSON_WANTED = "person_wanted"
    CASE_ACCEPTED = "case_accepted"
    CASE_REJECTED = "case_rejected"
    CASE_ON_ITS_WAY = "case_on_its_way"
    CASE_IN_PROGRESS = "case_in_progress"
    CASE_RESOLVED = "case_resolved"
    CASE_CLOSED = "case_closed"
    CASE_REOPENED = "case_reopened"
    SURVEY_INVITED = "survey_invited"
    SURVEY_REMINDED = "survey_reminded"


@dataclass(frozen=True)
class Choice:
    """One line that can be tapped in chat; the id comes back with the tap."""

    id: str
    text: str


@dataclass(frozen=True)
class Kind:
    """What one message says. `link` is a path below PUBLIC_URL; `urgent` ignores quiet hours."""

    status: str  # at most five Han characters: what a template's phrase slot takes
    text: str
    link: str
    urgent: bool = False
    choices: tuple[Choice, ...] = ()


M = Message
OFFICER, RESIDENT, SURVEY = "/console/cases/{number}", "/r/cases/{number}", "/r/surveys/{token}"
SOLVED = (Choice("survey:{survey}:solved", "1 已解决"), Choice("survey:{survey}:unsolved", "2 没有解决"))

# fmt: off
CATALOGUE: dict[Message, Kind] = {
    M.CASE_SUBMITTED:   Kind("待受理", "新诉求 {number}\n{place}\n{summary}\n请在{until}前受理。", OFFICER, urgent=True),
    M.CASE_ASSIGNED:    Kind("待签收", "派给您单位的诉求 {number}\n{place}\n{summary}\n请在{until}前签收。{note}", OFFICER, urgent=True),
    M.CASE_SENT_BACK:   Kind("已退单", "诉求 {number} 被退回，请重新派单。\n{place}\n退回理由：{note}", OFFICER, urgent=True),
    M.CASE_RETURNED:    Kind("群众重办", "诉求 {number} 没有解决，需要重办。\n{place}\n上次答复：{answer}\n理由：{note}", OFFICER, urgent=True),
    M.CASE_URGED:       Kind("催办", "诉求 {number} 有群众或督查催办，请尽快办理。\n{place}\n{summary}\n{note}", OFFICER, urgent=True),
    M.CASE_WITHDRAWN:   Kind("已撤回", "诉求 {number} 群众已撤回，不用再办。\n{place}\n{note}", OFFICER),
    M.CASE_OVERDUE:     Kind("已超时", "诉求 {number} 超过时限还没有{note}，请马上跟进。\n{place}\n{summary}", OFFICER, urgent=True),
    M.PERSON_WANTED:    Kind("请联系", "诉求 {number} 的群众请工作人员联系。\n{place}\n{note}", OFFICER, urgent=True),
    M.CASE_ACCEPTED:    Kind("已受理", "您反映的事情（编号 {number}）已经受理，正在安排负责的单位。{note}", RESIDENT),
    M.CASE_REJECTED:    Kind("不能受理", "您反映的事情（编号 {number}）不能受理。原因：{note}", RESIDENT),
    M.CASE_ON_ITS_WAY:  Kind("已派单", "您反映的事情（编号 {number}）已派给{who}，请等待办理。", RESIDENT),
    M.CASE_IN_PROGRESS: Kind("处理中", "{who}已经接手您反映的事情（编号 {number}），正在处理。", RESIDENT),
    M.CASE_RESOLVED:    Kind("待您确认", "您反映的事情（编号 {number}）已办理：{note}\n请您看一看，然后直接回复“已解决”或“没有解决”。", RESIDENT, urgent=True),
    M.CASE_CLOSED:      Kind("已办结", "您反映的事情（编号 {number}）已结案。谢谢您的反映，之后我们会做一次回访。", RESIDENT),
    M.CASE_REOPENED:    Kind("重新办理", "您反映的事情（编号 {number}）会重新办理，有进展会马上告诉您。", RESIDENT),
    M.SURVEY_INVITED:   Kind("请您评价", "您反映的“{summary}”（编号 {number}）结案了。\n事情真的解决了吗？请点一下，或回复数字：", SURVEY, choices=SOLVED),
    M.SURVEY_REMINDED:  Kind("请您评价", "再打扰您一次：您反映的“{summary}”（编号 {number}）解决了吗？请点一下，或回复数字：", SURVEY, choices=SOLVED),
}
# fmt: on
