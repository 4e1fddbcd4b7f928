"""The city that a bench talks to: one district, its people, and as many cases as wanted; written as SQL."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import sqlalchemy as sa

from bench import pushes

PEOPLE = 20_000
ACCOUNT = """[accounts.bench]
app_id = "wx00000000000000be"
app_secret = "00000000000000000000000000000000"
original_id = "gh_0000000000be"
token = "only-for-measuring-here"
aes_key = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
mode = "secure"
area = "量测区"
"""

PLACES = """
INSERT INTO areas (id, level, name, path, district_id) VALUES (1, 'district', '量测区', '1', 1);
INSERT INTO areas (id, parent_id, level, name, path, district_id, subdistrict_id)
    SELECT 1 + n, 1, 'subdistrict', '第' || n || '街道', ('1.' || (1 + n))::ltree, 1, 1 + n
    FROM generate_series(1, 6) n;
INSERT INTO areas (id, parent_id, level, name, path, district_id, subdistrict_id, community_id)
    SELECT 100 + n, 2 + n % 6, 'community', '第' || n || '社区',
        ('1.' || (2 + n % 6) || '.' || (100 + n))::ltree, 1, 2 + n % 6, 100 + n
    FROM generate_series(0, 68) n;
INSERT INTO officers (id, name) SELECT n, '\\x00' FROM generate_series(1, 200) n;
INSERT INTO posts (officer_id, role, area_id)
    SELECT 1 + n % 200, 'information_officer', 100 + n % 69 FROM generate_series(0, 137) n"""

# Everyone has just scanned a place and reported something, so that what they write next joins it.
RESIDENTS = """
INSERT INTO residents (id) SELECT n FROM generate_series(1, {people}) n;
INSERT INTO contacts (id, account, openid, resident_id)
    SELECT n, 'bench', 'o' || lpad(n::text, 27, '0'), n FROM generate_series(1, {people}) n;
INSERT INTO cases (number, channel, report, resident_id, place_id, district_id, subdistrict_id, community_id)
    SELECT '900101' || lpad(n::text, 6, '0'), 'wechat', '路灯不亮了', n, 100 + n % 69, 1, 2 + (n % 69) % 6,
        100 + n % 69 FROM generate_series(1, {people}) n;
INSERT INTO conversations (contact_id, state)
    SELECT n, jsonb_build_object('place', 100 + n % 69, 'place_name', '第' || n % 69 || '社区',
        'place_until', 4000000000, 'case_number', '900101' || lpad(n::text, 6, '0'), 'case_until', 4000000000)
    FROM generate_series(1, {people}) n"""

# Cases of the past: mostly closed, spread over three years, with the events that they have on average.
PAST = """
INSERT INTO cases (number, channel, status, report, resident_id, place_id, district_id, subdistrict_id,
        community_id, discovered_at, closed_at)
    SELECT '8' || lpad(n::text, 11, '0'), 'wechat',
        CASE WHEN n % 250 = 0 THEN 'in_progress' ELSE 'closed' END,
        '第' || n || '件事：小区门口的垃圾堆了几天没有人清理，请尽快安排', 1 + n % {people}, 100 + n % 69, 1,
        2 + (n % 69) % 6, 100 + n % 69, now() - random() * interval '3 years', now()
    FROM generate_series({first}, {last}) n"""
PAST_EVENTS = """
INSERT INTO case_events (case_id, round, action, role, resident_id, to_status)
    SELECT id, 1, 'submit', 'resident', resident_id, 'submitted' FROM cases
    WHERE number BETWEEN '8' || lpad({first}::text, 11, '0') AND '8' || lpad({last}::text, 11, '0')"""


def build(engine: sa.Engine) -> None:
    """Places, officers and residents in an empty, migrated database."""
    with engine.begin() as connection:
        for statement in (PLACES + ";" + RESIDENTS.format(people=PEOPLE)).split(";"):
            connection.execute(sa.text(statement))
    _settle(engine)


def add_past(engine: sa.Engine, first: int, last: int) -> None:
    """The cases `first` to `last` of the past."""
    with engine.begin() as connection:
        for statement in (PAST, PAST_EVENTS):
            connection.execute(sa.text(statement.format(first=first, last=last, people=PEOPLE)))


def _settle(engine: sa.Engine) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")
        connection.exec_driver_sql("CHECKPOINT")


settle = _settle


def write_account(folder: Path) -> None:
    (folder / "accounts.toml").write_text(ACCOUNT)


def openids() -> Iterator[str]:
    """Everyone in turn, so that nobody's messages wait for one another."""
    for number in count(1):
        yield f"o{1 + number % PEOPLE:027d}"


def joining() -> Iterator[tuple[str, pushes.Content]]:
    """What joins a case or asks about one: words, a picture, 进度, 你好."""
    contents = (pushes.text("就在三栋门口"), pushes.image("media"), pushes.text("进度"), pushes.text("你好"))
    for number, openid in enumerate(openids()):
        yield openid, contents[number % 4]


def opening() -> Iterator[tuple[str, pushes.Content]]:
    """What opens a case: a whole report."""
    for number, openid in enumerate(openids()):
        yield openid, pushes.text(f"第{number}件事：小区门口的垃圾堆了几天没有人清理，请尽快安排")
