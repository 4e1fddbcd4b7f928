"""The shell of the desktop's pages: what the menu offers, and to whom."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import request, url_for

from backend.cases.exclusions import READERS
from backend.cases.hard_queries import LOGGERS
from backend.cases.meetings import RECORDERS
from backend.cases.staff import TAKERS
from backend.cases.survey_figures import READERS as RESULT_READERS
from backend.cases.workflow import CALLERS, UNIT
from backend.console.arbitrating import SEATED
from backend.console.board_figures import WATCHERS
from backend.console.outbox_scope import WATCHERS as MENDERS
from backend.notify.telephone import CALLERS as TELEPHONERS
from backend.places.roles import Role
from backend.web import people

EVERYONE = frozenset(Role)
ADMINISTRATORS = frozenset({Role.ADMINISTRATOR})
SUPERVISED = WATCHERS | frozenset(UNIT)

# Groups of endpoint, label, the roles whose menu it stands in. What a page lets someone do is its own matter.
MENU = (
    ("诉求", (("console.cases", "诉求", EVERYONE),)),
    (
        "值班",
        (
            ("dispatching.index", "值班台", SEATED),
            ("telephoning.index", "待打电话", TELEPHONERS),
            ("intake.index", "登记诉求", TAKERS),
            ("roster.index", "值班表", EVERYONE),
        ),
    ),
    ("发令", (("orders.index", "发令单", EVERYONE),)),
    (
        "监督",
        (
            ("board.index", "督查看板", WATCHERS),
            ("supervisions.index", "督办单", SUPERVISED),
            ("notices.index", "月通报", EVERYONE),
            ("figures.index", "指标", READERS),
            ("outbox.index", "消息台", MENDERS),
        ),
    ),
    (
        "回访",
        (
            ("callbacks.index", "电话回访", frozenset(CALLERS)),
            ("survey_reviews.index", "回访复核", SUPERVISED),
            ("survey_results.index", "回访结果", RESULT_READERS),
        ),
    ),
    (
        "会议与难案",
        (
            ("meetings.index", "茶话会与接访", RECORDERS),
            ("hard_cases.index", "难案与积案", LOGGERS),
        ),
    ),
    (
        "基础资料",
        (
            ("areas.index", "地点", EVERYONE),
            ("units.index", "单位", EVERYONE),
            ("officers.index", "人员", EVERYONE),
            ("dictionary.index", "事件字典", EVERYONE),
            ("duties.index", "职责清单", EVERYONE),
            ("policies.index", "时限", ADMINISTRATORS),
            ("survey_policies.index", "回访规则", ADMINISTRATORS),
            ("auto_dispatch.index", "自动派单", ADMINISTRATORS),
            ("callback_shares.index", "回访抽样", ADMINISTRATORS),
            ("codes.index", "二维码", EVERYONE),
            ("templates.index", "消息模板与额度", ADMINISTRATORS),
            ("imports.index", "导入导出", ADMINISTRATORS),
            ("changes.index", "变更记录", ADMINISTRATORS),
        ),
    ),
    ("我的", (("my_messages.index", "我的消息", EVERYONE), ("sessions.index", "我的登录", EVERYONE))),
)


@dataclass(frozen=True)
class Entry:
    """One line of the menu."""

    label: str
    address: str
    is_here: bool


@dataclass(frozen=True)
class Group:
    """What stands under one heading of the menu; of one line only, the line stands for itself."""

    label: str
    entries: Sequence[Entry]

    @property
    def is_here(self) -> bool:
        return any(entry.is_here for entry in self.entries)


def nav() -> list[Group]:
    """The caller's menu; for templates."""
    own = people.roles()
    groups = [
        Group(label, [_entry(endpoint, words) for endpoint, words, roles in lines if roles & own])
        for label, lines in MENU
    ]
    return [group for group in groups if group.entries]


def _entry(endpoint: str, label: str) -> Entry:
    return Entry(label, url_for(endpoint), endpoint.partition(".")[0] == request.blueprint)
