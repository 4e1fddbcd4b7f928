"""What makes a case hard (难案): the marks, their groups and what officers call them."""

from collections.abc import Collection
from enum import StrEnum


class Mark(StrEnum):
    """What makes a case hard."""

    CROSS_REGION = "cross_region"
    CROSS_DEPARTMENT = "cross_department"
    CROSS_TRADE = "cross_trade"
    PERSON_AND_MATTER_APART = "person_and_matter_apart"
    PERSON_AND_HOUSEHOLD_APART = "person_and_household_apart"
    ALL_THREE_APART = "all_three_apart"
    NO_POLICY = "no_policy"
    NO_OWNER = "no_owner"
    NO_RECORDS = "no_records"
    NO_AGREEMENT = "no_agreement"
    NO_PRECEDENT = "no_precedent"
    NO_FUNDS = "no_funds"
    MANY_PEOPLE = "many_people"
    IN_COURT = "in_court"
    FROM_HISTORY = "from_history"


# What officers call them, group by group. 三跨三分离 is the State's term. Reports speak of 六无 without a
# list: these are the six things whose lack keeps an old case open, and a city may put its own here.
GROUPS: tuple[tuple[str, dict[Mark, str]], ...] = (
    ("三跨", {
        Mark.CROSS_REGION: "跨地区",
        Mark.CROSS_DEPARTMENT: "跨部门",
        Mark.CROSS_TRADE: "跨行业",
    }),
    ("三分离", {
        Mark.PERSON_AND_MATTER_APART: "人事分离",
        Mark.PERSON_AND_HOUSEHOLD_APART: "人户分离",
        Mark.ALL_THREE_APART: "人事户分离",
    }),
    ("六无", {
        Mark.NO_POLICY: "无政策依据",
        Mark.NO_OWNER: "无责任主体",
        Mark.NO_RECORDS: "无档案资料",
        Mark.NO_AGREEMENT: "无协议合同",
        Mark.NO_PRECEDENT: "无先例可循",
        Mark.NO_FUNDS: "无资金来源",
    }),
    ("其他", {
        Mark.MANY_PEOPLE: "群体性",
        Mark.IN_COURT: "涉法涉诉",
        Mark.FROM_HISTORY: "历史遗留",
    }),
)  # fmt: skip
MARK_LABELS = {mark: label for _, group in GROUPS for mark, label in group.items()}
LEGACY = "积案"


def words_of(marks: Collection[str], is_legacy: bool) -> str:
    """积案、跨部门、无档案资料; 取消标记 for none."""
    labels = [label for mark, label in MARK_LABELS.items() if mark in marks]
    return "、".join(([LEGACY] if is_legacy else []) + labels) or "取消标记"
