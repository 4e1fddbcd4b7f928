"""Places that residents name in the chat, over real PostgreSQL; their names are kept in memory."""

from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from backend.cases.models import Attachment, Case, CaseEvent, Channel
from backend.notify.models import Notification
from backend.places.models import Area
from backend.places.roles import Level
from backend.wechat import homes
from backend.wechat.models import Conversation
from backend.wechat.talk import MOST_RECENT
from tests.factories import make_area, make_case, make_code
from tests.wechat import pushes
from tests.wechat.pushes import push, read, send


def tell(client, fields):
    return read(send(client, push(fields)))


def scan(client):
    return tell(client, pushes.event("SCAN", "yulan"))


def say(client, words):
    return tell(client, pushes.text(words))


def cases(session):
    session.rollback()
    return session.scalars(sa.select(Case).order_by(Case.id)).all()


def make_earlier(session, **seconds):
    """These moments of the talk were so many seconds earlier."""
    talk = session.scalars(sa.select(Conversation)).one()
    talk.state = talk.state | {name: talk.state[name] - by for name, by in seconds.items()}
    session.commit()


@contextmanager
def statements():
    """What is asked of the database meanwhile by way of the ORM."""
    asked = []

    def note(connection, cursor, statement, *_):
        asked.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)


@pytest.fixture
def street(committed, community):
    return committed.get_one(Area, community.subdistrict_id)


@pytest.fixture
def guihua(committed, street):
    return make_area(committed, Level.COMMUNITY, street, name="桂花社区")


def test_danger_that_names_a_place_is_there_whatever_was_scanned(client, committed, community, guihua):
    scan(client)
    say(client, "路灯不亮了")
    assert "地点：桂花社区" in say(client, "桂花社区有人跳楼")
    lamp, danger = cases(committed)
    assert (lamp.place_id, lamp.urgent) == (community.id, False)
    assert (danger.place_id, danger.urgent) == (guihua.id, True)


def test_another_danger_than_that_of_the_last_case_is_a_case_where_it_is(
    client, committed, community, guihua
):
    scan(client)
    say(client, "有人打架")
    assert "119" in say(client, "桂花社区着火了")
    fight, fire = cases(committed)
    assert (fight.place_id, fire.place_id) == (community.id, guihua.id)
    assert fire.urgent


def test_danger_that_names_one_of_several_places_alarms_the_officers(client, committed, street, guihua):
    other = make_area(
        committed, Level.SUBDISTRICT, committed.get_one(Area, street.district_id), name="松屿街道"
    )
    make_area(committed, Level.COMMUNITY, other, name="桂花社区")
    scan(client)
    say(client, "三栋着火了")
    reply = say(client, "桂花社区着火了")
    assert reply.index("119") < reply.index("松屿街道桂花社区")
    assert len(cases(committed)) == 1
    assert committed.scalars(sa.select(Notification.message).order_by(Notification.id)).all() == [
        "case_submitted",
        "case_urged",
    ]


def test_a_report_that_names_a_place_is_there_when_the_scan_was_hours_ago(client, committed, guihua):
    scan(client)
    make_earlier(committed, place_until=3600)
    say(client, "桂花社区门口积水")
    assert [case.place_id for case in cases(committed)] == [guihua.id]


def test_a_report_that_names_another_place_is_there_even_right_after_a_scan(client, committed, guihua):
    scan(client)
    assert "地点：桂花社区" in say(client, "桂花社区门口的红绿灯坏了，车子乱开，老人过马路危险")
    assert [case.place_id for case in cases(committed)] == [guihua.id]


@pytest.mark.parametrize("level", [Level.STATION, Level.GRID])
@pytest.mark.parametrize("words", ["玉兰社区的路灯不亮了", "玉兰社区有人打架"])
def test_a_code_scanned_just_now_says_better_where_in_the_named_community(
    client, committed, community, level, words
):
    spot = make_area(committed, level, community, name="玉兰苑东门")
    make_code(committed, spot, "gate")
    tell(client, pushes.event("SCAN", "gate"))
    say(client, words)
    assert [case.place_id for case in cases(committed)] == [spot.id]


def test_a_grid_of_another_community_does_not_outdo_the_named_one(client, committed, community, guihua):
    make_code(committed, make_area(committed, Level.GRID, community), "grid")
    tell(client, pushes.event("SCAN", "grid"))
    say(client, "桂花社区门口积水")
    assert [case.place_id for case in cases(committed)] == [guihua.id]


def test_a_station_named_right_after_the_code_of_its_community_counts(client, committed, community):
    gate = make_area(committed, Level.STATION, community, name="玉兰苑东门")
    scan(client)
    say(client, "玉兰苑东门积水")
    assert [case.place_id for case in cases(committed)] == [gate.id]


@pytest.mark.parametrize("name", ["桂花社区", "桂花", "桂花社区。", "望溪街道桂花社区"])
def test_a_name_alone_moves_the_case_that_was_registered_at_the_wrong_place(client, committed, guihua, name):
    scan(client)
    assert "地点不对？请回复社区名称" in say(client, "路灯不亮了，晚上看不见路")
    assert "地点记为桂花社区" in say(client, name)
    assert [(case.place_id, case.address) for case in cases(committed)] == [(guihua.id, None)]


def test_a_name_beside_other_words_moves_nothing(client, committed, community, guihua):
    scan(client)
    say(client, "路灯不亮了，晚上看不见路")
    assert "已加到" in say(client, "桂花社区的人说的")
    assert [case.place_id for case in cases(committed)] == [community.id]


def test_a_name_alone_that_several_places_have_is_asked_about(client, committed, street, guihua):
    district = committed.get_one(Area, street.district_id)
    other = make_area(committed, Level.SUBDISTRICT, district, name="松屿街道")
    there = make_area(committed, Level.COMMUNITY, other, name="桂花社区")
    scan(client)
    say(client, "路灯不亮了，晚上看不见路")
    assert "松屿街道桂花社区" in say(client, "桂花社区")
    say(client, "松屿街道桂花社区")
    assert [case.place_id for case in cases(committed)] == [there.id]


def test_each_report_that_names_a_place_is_there(client, committed, community, guihua):
    say(client, "桂花社区门口积水")
    say(client, "玉兰社区菜市场门口的下水道堵了好几天")
    assert [case.place_id for case in cases(committed)] == [guihua.id, community.id]


def test_a_spoken_report_that_names_a_place_is_there(client, committed, guihua):
    tell(client, pushes.voice("spoken", "桂花社区门口积水。"))
    assert [case.place_id for case in cases(committed)] == [guihua.id]


def test_a_spoken_name_answers_where_and_its_recording_joins(client, committed, guihua):
    say(client, "路灯不亮了")
    assert "桂花社区" in tell(client, pushes.voice("spoken", "桂花社区。"))
    assert [(case.place_id, case.address) for case in cases(committed)] == [(guihua.id, None)]
    assert committed.scalars(sa.select(Attachment)).one().source["media_id"] == "spoken"


def test_a_name_that_is_not_whole_is_asked_about_and_the_whole_one_answers(client, committed, community):
    gate = make_area(committed, Level.STATION, community, name="玉兰苑东门")
    say(client, "路灯不亮了")
    assert "\n玉兰苑东门\n" in say(client, "玉兰苑")
    assert [case.community_id for case in cases(committed)] == [None]
    say(client, "玉兰苑东门")
    assert [case.place_id for case in cases(committed)] == [gate.id]
    notes = committed.scalars(sa.select(CaseEvent.note).order_by(CaseEvent.id)).all()
    assert "玉兰苑" in notes


def test_what_comes_too_late_for_an_answer_is_not_asked_about(client, committed, community):
    make_area(committed, Level.STATION, community, name="玉兰苑东门")
    say(client, "路灯不亮了")
    make_earlier(committed, case_until=86_400)
    assert "玉兰苑东门" not in say(client, "玉兰苑")
    assert len(cases(committed)) == 2


def test_names_are_read_once_and_then_kept(client, guihua):
    say(client, "你好")
    with statements() as asked:
        assert "地点：桂花社区" in say(client, "桂花社区门口积水")
    assert asked == []


def test_a_new_name_counts_once_the_old_ones_are_forgotten(client, committed, street):
    say(client, "你好")
    make_area(committed, Level.COMMUNITY, street, name="桂花社区")
    assert "请问在哪里" in say(client, "桂花社区门口积水")
    homes.forget()
    assert "地点：桂花社区" in say(client, "桂花社区菜市场门口的下水道堵了好几天")


def test_a_new_name_counts_within_a_minute(client, committed, street, monkeypatch):
    monkeypatch.setattr(homes, "HOME_FOR", -1.0)
    say(client, "你好")
    make_area(committed, Level.COMMUNITY, street, name="桂花社区")
    assert "地点：桂花社区" in say(client, "桂花社区门口积水")


def test_ten_of_the_senders_cases_are_looked_at(client, committed, community):
    say(client, "路灯不亮了")
    [first] = cases(committed)
    for _ in range(MOST_RECENT + 2):
        make_case(committed, community, resident_id=first.resident_id, channel=Channel.WECHAT)
    assert f"{MOST_RECENT}件事" in say(client, "撤回")
