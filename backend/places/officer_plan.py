"""What becomes of each row of a table of officers: whose post it is, where, and what it changes."""

from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from backend.places import area_index, officers
from backend.places.imports import Fate, Finding
from backend.places.models import Area, Officer, Post, Unit
from backend.places.officer_rows import AT, CODE, FORCE, PHONE, ROLE, UNTIL, Line, first_day, last_day
from backend.places.officers import Person
from backend.places.posts import misfit, wrong_force
from backend.places.roles import ROLE_LABELS, Role
from backend.places.scope import NOT_YOURS, Editor
from backend.places.unit_rows import place_named
from backend.privacy import blind_index, mask_phone
from backend.times import now

Where = Area | Unit
Seat = tuple[Role, int | None, int | None]  # role, area, unit


@dataclass
class One:
    """One person of the table: there already, or to be added."""

    person: Person
    row: int
    officer: Officer | None = None
    is_mine: bool = True  # every post of theirs is the sender's to administer
    is_known: bool = True  # one of them is
    held: dict[Seat, Post] = field(default_factory=dict)  # by role and place
    rows: dict[Seat, Line] = field(default_factory=dict)  # of the table, the same way
    is_changed: bool = False  # the code or the phone
    is_told: bool = False  # and a row says so


@dataclass
class Step:
    """What becomes of one row."""

    line: Line
    one: One | None
    where: Where | None
    fate: Fate
    findings: list[Finding]
    post: Post | None = None


class Planner:
    """Everything at hand while the rows are judged: places, units, people, and what is the sender's."""

    def __init__(self, session: Session, editor: Editor, under_id: int | None) -> None:
        self.at = now()
        self.index = area_index.load(session)
        self.under = self.index.by_id.get(under_id or 0)
        self.areas = {
            area.id: area for area in session.scalars(sa.select(Area).where(Area.closed_at.is_(None)))
        }
        units = session.scalars(sa.select(Unit).where(Unit.closed_at.is_(None)).order_by(Unit.id)).all()
        self.units_by_code = {unit.code: unit for unit in units if unit.code}
        self.units_by_name: dict[str, list[Unit]] = {}
        for unit in units:
            for name in {unit.name, *unit.aliases}:
                self.units_by_name.setdefault(name, []).append(unit)
        self.mine = set(session.scalars(sa.select(Area.id).where(editor.edits(Area))))
        self.by_code: dict[str, One] = {}
        self.by_index: dict[tuple[bytes, bytes], One] = {}
        gone = sa.select(Officer.code).where(Officer.left_at.is_not(None), Officer.code.is_not(None))
        self.codes_of_gone = set(session.scalars(gone))  # which stay theirs
        self._load_people(session, editor)

    def _load_people(self, session: Session, editor: Editor) -> None:
        posts_too = selectinload(Officer.posts)
        unit_areas = {
            unit_id: area_id for unit_id, area_id in session.execute(sa.select(Unit.id, Unit.area_id))
        }
        for officer in session.scalars(
            sa.select(Officer).where(Officer.left_at.is_(None)).options(posts_too)
        ):
            one = One(Person("", None, officer.code), 0, officer)
            ahead = [post for post in officer.posts if post.until is None or post.until > self.at]
            places = [post.area_id or unit_areas[post.unit_id or 0] for post in officer.posts]
            now_at = [post.area_id or unit_areas[post.unit_id or 0] for post in ahead]
            one.is_known = editor.is_command_line or any(place in self.mine for place in places)
            one.is_mine = one.is_known and all(place in self.mine for place in now_at)
            one.held = {
                (post.role, post.area_id, post.unit_id): post for post in ahead if post.for_id is None
            }
            if officer.code:
                self.by_code[officer.code] = one
            name = officer.name_index or blind_index(officers.plain_name(officer.name))
            phone = officer.phone_index or officers.index_of_phone(officer.phone)
            if phone:
                self.by_index[name, phone] = one

    def judge(self, line: Line) -> Step:
        if line.findings:
            return Step(line, None, None, Fate.REFUSED, line.findings)
        where, finding = self._where(line)
        if where is None or finding is not None:
            return Step(line, None, where, Fate.REFUSED, [finding] if finding else [])
        if line.role and (wrong := wrong_force(line.role, line.force_kind)):
            said = Finding(FORCE, line.cells[FORCE], wrong, "请清空这一格，或者把岗位改成平安员")
            return Step(line, None, where, Fate.REFUSED, [said])
        if line.person.code in self.codes_of_gone:
            said = Finding(CODE, line.cells[CODE], "工号是已离岗人员的", "请换工号，或留空")
            return Step(line, None, where, Fate.REFUSED, [said])
        one = self._one(line)
        if finding := self._wrong_person(line, one):
            return Step(line, one, where, Fate.REFUSED, [finding])
        return self._post(line, one, where)

    def _where(self, line: Line) -> tuple[Where | None, Finding | None]:
        assert line.role is not None
        named = [where for where in (self._area(line.at), self._unit(line.at)) if where is not None]
        if not named:
            cure = "请写编码，或者从区开始的全称，如 青岚区/望溪街道/玉兰社区；也请检查是否停用、是否重名"
            return None, Finding(AT, line.at, "没有找到这个地点或单位", cure)
        where = next((where for where in named if not misfit(line.role, where)), None)
        if where is None:
            wrong = misfit(line.role, named[0])
            return None, Finding(ROLE, ROLE_LABELS[line.role], wrong, f"请改“{ROLE}”或“{AT}”")
        if (where.id if isinstance(where, Area) else where.area_id) not in self.mine:
            return where, Finding(AT, line.at, NOT_YOURS, "请删去这一行，或者请上级管理员导入")
        return where, None

    def _area(self, text: str) -> Area | None:
        node = place_named(text, self.index, self.under)
        return self.areas.get(node.id or 0) if node is not None else None

    def _unit(self, text: str) -> Unit | None:
        """By code, by name if no other unit has it, or by the path of its area and its name."""
        if text in self.units_by_code:
            return self.units_by_code[text]
        path, _, name = text.rpartition("/")
        found = self.units_by_name.get(name.strip(), [])
        area = self._area(path) if path else None
        if area is not None:
            found = [unit for unit in found if unit.area_id == area.id]
        return found[0] if len(found) == 1 else None

    def _one(self, line: Line) -> One:
        """The person of this row: by the code, else by name and phone; or one who is new."""
        person = line.person
        key = (blind_index(person.name), blind_index(person.phone)) if person.phone else None
        known = self.by_code.get(person.code) if person.code else None
        if known is None and key is not None:
            same = self.by_index.get(key)
            known = same if same is not None and not (person.code and same.person.code) else None
        one = known or One(person, line.number)
        if person.code:
            self.by_code.setdefault(person.code, one)
        if key is not None:
            self.by_index.setdefault(key, one)
        return one

    def _wrong_person(self, line: Line, one: One) -> Finding | None:
        """Why the row cannot be about this person, whom its code or its name and phone name."""
        said, officer = line.person, one.officer
        if not one.is_known:
            return Finding(CODE, said.code or "", "这位工作人员不归您管理", "请上级管理员导入")
        name = one.person.name or (officer.name if officer is not None else said.name)
        if officers.plain_name(name) != said.name:
            cure = "请核对工号；确实改了名，请到人员页面修改"
            return Finding(CODE, said.code or "", "同一个工号，姓名不一样", cure)
        is_first = not one.person.name
        if not is_first and said.phone and one.person.phone and one.person.phone != said.phone:
            return Finding(
                PHONE, mask_phone(said.phone), f"和第 {one.row} 行的电话不一样", "请核对，改成一样的"
            )
        phone = said.phone or one.person.phone
        one.person = Person(said.name, phone, said.code or one.person.code)
        one.row = one.row or line.number
        if officer is not None:
            one.is_changed = _differs(officer, one.person)
        if one.is_changed and not one.is_mine:
            return Finding(PHONE, "", officers.ELSEWHERE, "请把工号和电话改回原来的，或请上级管理员导入")
        return None

    def _post(self, line: Line, one: One, where: Where) -> Step:
        seat = seat_at(line, where)
        if seat in one.rows:
            return _again(line, one, where, one.rows[seat])
        post = one.held.get(seat)
        if finding := self._wrong_end(line, post):
            return Step(line, one, where, Fate.REFUSED, [finding])
        one.rows[seat] = line
        if post is None:
            return Step(line, one, where, Fate.ADDED, [])
        is_told, one.is_told = one.is_told, one.is_told or one.is_changed
        is_same = _says_the_same(line, post) and is_told == one.is_told
        return Step(line, one, where, Fate.SAME if is_same else Fate.CHANGED, [], post)

    def _wrong_end(self, line: Line, post: Post | None) -> Finding | None:
        """A post is not ended by a table: nobody would be asked who goes on with its cases."""
        if line.until is None:
            return None
        said = line.cells[UNTIL]
        if post is not None and last_day(line.until) != last_day(post.until):
            is_longer = post.until is not None and line.until > post.until
            cure = "请在人员页面上结束岗位，那里会问由谁接任"
            return None if is_longer else Finding(UNTIL, said, "比原来结束得早", cure)
        is_over = post is None and line.until <= self.at
        return (
            Finding(UNTIL, said, "日期已经过去", "已经结束的岗位不用导入，请删去这一行") if is_over else None
        )


def seat_at(line: Line, where: Where) -> Seat:
    assert line.role is not None
    is_area = isinstance(where, Area)
    return line.role, where.id if is_area else None, None if is_area else where.id


def _again(line: Line, one: One, where: Where, first: Line) -> Step:
    same = (line.force_kind, line.since, line.until) == (first.force_kind, first.since, first.until)
    if same:
        return Step(line, one, where, Fate.REPEATED, [])
    problem = f"和第 {first.number} 行是同一个岗位，日期或类别不一样"
    return Step(line, one, where, Fate.REFUSED, [Finding(AT, line.at, problem, "请只留一行，或者改成一样的")])


def _says_the_same(line: Line, post: Post) -> bool:
    return (
        line.force_kind in (None, post.force_kind)
        and (line.since is None or first_day(line.since) == first_day(post.since))
        and (line.until is None or last_day(line.until) == last_day(post.until))
    )


def _differs(officer: Officer, person: Person) -> bool:
    phone = person.phone is not None and blind_index(person.phone) != officers.index_of_phone(officer.phone)
    return phone or person.code not in (None, officer.code)
