"""Twins: one unit under several names, with and without its street, in full and short."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import NamedTuple

Named = tuple[int, str]  # a unit's id in the source, and a name it has there

# What the offices of a street are called in full, and how people write it.
SHORT = {
    "城市管理": "城管",
    "城市建设": "城建",
    "安全生产监督管理": "安监",
    "消防安全管理委员会": "消安委",
    "消防安全委员会": "消安委",
    "纪律检查工作委员会": "纪工委",
    "劳动管理": "劳动",
    "办公室": "办",
}

# A street's name ends in one of these; 街道办事处 must not be read as 街道办 with an office called 事处….
STREET = "(?:街道办事处|街道办(?!事处)|街道(?!办)|(?<!街道)办事处)"
BEFORE = re.compile(rf"(?P<street>[^()]{{2,4}}?){STREET}(?P<body>[^()]{{2,}})")
BEHIND = re.compile(r"(?P<body>[^()]+)\((?P<told>[^()]+)\)")
TOLD = re.compile(r"(?P<street>[^()]{2,4}?)(?:街道办事处|街道办|街道|办事处)")
HINTED = re.compile(r"(?P<street>[^()]{2,4}?)(?:办|辖区)?")
COMMUNITY = re.compile(r".+社区(?:工作站)?")


class Spelling(NamedTuple):
    """What a name says: the body (an office, a community, a company) and the street, where it is told."""

    body: str
    street: str | None = None


def twins(units: Iterable[Named]) -> list[list[Named]]:
    """Groups of two or more (id, name) that are one unit, in the order they came; the rest is left out.

    1. The same id is the same unit, whatever its names.
    2. The same office of the same street is the same unit: 城管办（坑梓街道办事处）, 坑梓街道城管办 and
       坑梓街道办事处城市管理办公室. In brackets 坑梓, 坑梓办 or 坑梓辖区 will do, if another name in the
       list shows that 坑梓 is a street.
    3. A community lies in one street: 六联社区 is 六联社区（坪山街道办事处）, unless the list has a
       community of that name in two streets.

    Never merged: offices of different streets, not even through an id that has names of both; a name that
    tells no street with one that does or with its like under another id (two streets may each write just
    城建办), communities excepted; a community and its 工作站.
    """
    rows = list(dict.fromkeys(units))
    leaders = {unit_id: unit_id for unit_id, _ in rows}
    for same in _same(rows).values():
        joined = {leaders[unit_id] for unit_id in same}
        leaders |= {unit_id: min(joined) for unit_id, leader in leaders.items() if leader in joined}
    groups: dict[int, list[Named]] = defaultdict(list)
    for unit_id, name in rows:
        groups[leaders[unit_id]].append((unit_id, name))
    return [group for group in groups.values() if len(group) > 1]


def _same(rows: Collection[Named]) -> dict[Spelling, set[int]]:
    """Spelling with its street → the ids that are spelled so."""
    spelled = _spell(rows)
    homes = _homes(spelled)
    same: dict[Spelling, set[int]] = defaultdict(set)
    for unit_id, spellings in spelled.items():
        streets = {spelling.street for spelling in spellings if spelling.street}
        for body, street in spellings:
            known = {street} if street else streets or homes.get(body, set())
            if len(known) == 1 and len(streets) < 2:
                same[Spelling(body, *known)].add(unit_id)
    return same


def _spell(rows: Collection[Named]) -> dict[int, list[Spelling]]:
    plain = [(unit_id, _plain(name)) for unit_id, name in rows]
    streets = {street for _, name in plain if (street := _read(name, ()).street)}
    spelled: dict[int, list[Spelling]] = defaultdict(list)
    for unit_id, name in plain:
        spelled[unit_id].append(_read(name, streets))
    return spelled


def _plain(name: str) -> str:
    """Brackets of one kind, no blanks, the short words."""
    plain = "".join(name.split()).replace("（", "(").replace("）", ")")
    for full, short in SHORT.items():
        plain = plain.replace(full, short)
    return plain


def _read(name: str, streets: Collection[str]) -> Spelling:
    """Streets are those known from other names. A name that tells two streets tells none."""
    behind = BEHIND.fullmatch(name)
    told = _street(behind["told"], streets) if behind else None
    if behind and not told:
        return Spelling(name)
    rest = behind["body"] if behind else name
    before = BEFORE.fullmatch(rest)
    if before and told in (None, before["street"]):
        return Spelling(before["body"], before["street"])
    return Spelling(name) if before else Spelling(rest, told)


def _street(told: str, streets: Collection[str]) -> str | None:
    if sure := TOLD.fullmatch(told):
        return sure["street"]
    hinted = HINTED.fullmatch(told)
    return hinted["street"] if hinted and hinted["street"] in streets else None


def _homes(spelled: dict[int, list[Spelling]]) -> dict[str, set[str]]:
    """Community → its street, for communities that the list shows in one street alone."""
    found: dict[str, set[str]] = defaultdict(set)
    for spellings in spelled.values():
        for body, street in spellings:
            if street and COMMUNITY.fullmatch(body):
                found[body].add(street)
    return {body: streets for body, streets in found.items() if len(streets) == 1}
