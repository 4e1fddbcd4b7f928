"""What the city hall of the bench's district keeps: units, people, a dictionary of 4,096 entries, duties."""

from collections.abc import Iterator
from itertools import product

from pypinyin import Style, pinyin

from backend.cases import category_imports, duty_imports
from backend.places import officer_rows, unit_rows
from backend.places.area_rows import CODE, LEVEL, NAME
from backend.places.roles import LEVEL_LABELS, ROLE_LABELS, UNIT_LABELS, Level, Role, UnitKind
from backend.sheets import write_csv
from bench import district

MEMBERS, MEDIATION = 61, 190  # units
PEOPLE = 5_000  # posts
TOPS = (
    "市容",
    "市政",
    "环保",
    "交通",
    "消防",
    "物业",
    "消费",
    "劳动",
    "教育",
    "医疗",
    "民政",
    "水务",
    "燃气",
    "供电",
    "通信",
    "住房",
)
THINGS = (
    "道路",
    "井盖",
    "路灯",
    "垃圾",
    "噪声",
    "积水",
    "绿化",
    "围挡",
    "招牌",
    "摊档",
    "车位",
    "电梯",
    "外墙",
    "管道",
    "厕所",
    "标识",
)
TROUBLES = (
    "破损",
    "缺失",
    "堵塞",
    "脏乱",
    "占用",
    "异响",
    "漏水",
    "过期",
    "松动",
    "倾斜",
    "污染",
    "断裂",
    "失灵",
    "扰民",
    "收费",
    "其他",
)
ROLES_AT = {
    Role.GRID_OFFICER: Level.GRID,
    Role.INFORMATION_OFFICER: Level.COMMUNITY,
    Role.SECRETARY: Level.COMMUNITY,
    Role.SUPERVISOR: Level.SUBDISTRICT,
    Role.DISPATCHER: Level.DISTRICT,
}


def units_csv() -> bytes:
    """Departments of the district, and mediation organisations of its communities."""
    communities = _codes(Level.COMMUNITY)
    rows = [
        (f"D{n:03}", f"第{n}局", UNIT_LABELS[UnitKind.DEPARTMENT], district.NAME_OF_ALL, "", "")
        for n in range(MEMBERS)
    ]
    for n in range(MEDIATION):
        at = communities[n % len(communities)]
        rows.append((f"M{n:03}", f"第{n}人民调解委员会", UNIT_LABELS[UnitKind.MEDIATION], at, "", ""))
    return write_csv(unit_rows.HEADERS, rows)


def officers_csv() -> bytes:
    """As many posts as PEOPLE: of places of every level, and the rest handlers."""
    places = [(role, code) for role, level in ROLES_AT.items() for code in _codes(level)]
    seats = [(ROLE_LABELS[role], code) for role, code in places]
    seats += [(ROLE_LABELS[Role.HANDLER], f"D{n % MEMBERS:03}") for n in range(PEOPLE - len(seats))]
    rows = [
        (f"P{n:05}", f"量测{n}", f"0755-1{n:07}", role, at, "", "", "") for n, (role, at) in enumerate(seats)
    ]
    return write_csv(officer_rows.HEADERS, rows)


def categories_csv() -> bytes:
    """16 × 16 × 16 entries on three levels."""
    rows = [
        (
            f"{t:02}{h:02}{w:02}",
            "",
            top,
            f"{top}{thing}",
            f"{top}{thing}{trouble}",
            "",
            "",
            f"{thing}坏了",
            thing,
            "3个工作日",
        )
        for (t, top), (h, thing), (w, trouble) in product(*map(enumerate, (TOPS, THINGS, TROUBLES)))
    ]
    return write_csv(category_imports.HEADERS, rows)


def duties_csv() -> bytes:
    """Every second level in every street."""
    streets = [f"{district.NAME_OF_ALL}/{name}" for name in _names(Level.SUBDISTRICT)]
    pairs = list(product(product(TOPS, THINGS), streets))
    rows = [
        ("", f"{top} / {top}{thing}", street, "", f"第{n % MEMBERS}局", "", "量测")
        for n, ((top, thing), street) in enumerate(pairs)
    ]
    rows += [("", top, district.NAME_OF_ALL, "", f"第{n}局", "", "量测") for n, top in enumerate(TOPS)]
    return write_csv(duty_imports.HEADERS, rows)


def typed() -> dict[str, list[str]]:
    """What somebody types who looks for an entry."""
    words = [f"{thing}{trouble}" for thing, trouble in product(THINGS[:8], TROUBLES[:5])]
    initials = ["".join(syllable[0] for syllable in pinyin(word, style=Style.FIRST_LETTER)) for word in words]
    return {"chinese": words, "initials": initials, "code": [f"{n % 16:02}{n % 7:02}" for n in range(40)]}


def _names(level: Level) -> list[str]:
    return [str(row[NAME]) for row in _of(level)]


def _codes(level: Level) -> list[str]:
    return [str(row[CODE]) for row in _of(level)]


def _of(level: Level) -> Iterator[district.Row]:
    return (row for row in district.rows() if row[LEVEL] == LEVEL_LABELS[level])
