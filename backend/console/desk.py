"""The shell of the desktop's pages: what the menu offers, and to whom."""

from dataclasses import dataclass

from flask import request, url_for

from backend.cases.exclusions import READERS
from backend.cases.hard_queries import LOGGERS
from backend.cases.meetings import RECORDERS
from backend.cases.staff import TAKERS
from backend.cases.workflow import UNIT
from backend.console.arbitrating import SEATED
from backend.console.board_figures import WATCHERS
from backend.places.roles import Role
from backend.web import people

EVERYONE = frozenset(Role)
ADMINISTRATORS = frozenset({Role.ADMINISTRATOR})
SUPERVISED = WATCHERS | frozenset(UNIT)

# endpoint, label, the roles whose menu it stands in. What a page lets someone do is the page's own matter.
MENU = (
    ("console.cases", "诉求", EVERYONE),
    ("dispatching.index", "值班台", SEATED),
    ("orders.index", "发令单", EVERYONE),
    ("intake.index", "登记诉求", TAKERS),
    ("meetings.index", "茶话会与接访", RECORDERS),
    ("board.index", "督查看板", WATCHERS),
    ("supervisions.index", "督办单", SUPERVISED),
    ("notices.index", "月通报", EVERYONE),
    ("hard_cases.index", "难案与积案", LOGGERS),
    ("figures.index", "指标", READERS),
    ("areas.index", "地点", EVERYONE),
    ("units.index", "单位", EVERYONE),
    ("officers.index", "人员", EVERYONE),
    ("roster.index", "值班", EVERYONE),
    ("dictionary.index", "事件字典", EVERYONE),
    ("duties.index", "职责清单", EVERYONE),
    ("policies.index", "时限", ADMINISTRATORS),
    ("auto_dispatch.index", "自动派单", ADMINISTRATORS),
    ("codes.index", "二维码", EVERYONE),
    ("imports.index", "导入导出", ADMINISTRATORS),
    ("changes.index", "变更记录", ADMINISTRATORS),
    ("sessions.index", "我的登录", EVERYONE),
)


@dataclass(frozen=True)
class Entry:
    """One line of the menu."""

    label: str
    address: str
    is_here: bool


def nav() -> list[Entry]:
    """The caller's menu; for templates."""
    here, own = request.blueprint, people.roles()
    return [
        Entry(label, url_for(endpoint), endpoint.partition(".")[0] == here)
        for endpoint, label, roles in MENU
        if roles & own
    ]
