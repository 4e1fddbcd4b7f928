"""Staff intake: who may take down what for whom, and that a caller is known again."""

import threading

import pytest
import sqlalchemy as sa

from backend import db
from backend.cases import staff
from backend.cases.models import CHANNEL_LABELS, Case, CaseEvent, Channel
from backend.cases.service import Actor
from backend.cases.staff import Visit, take
from backend.errors import Forbidden, Invalid, NotFound
from backend.notify.models import Notification
from backend.places.models import Resident
from backend.places.roles import Level, Role
from backend.places.scope import posts_of
from backend.privacy import blind_index
from tests.factories import make_area, make_community, make_contact, make_officer, make_resident, make_unit

PHONE = "13900000001"


def as_actor(session, officer):
    return Actor(officer_id=officer.id, posts=tuple(posts_of(session, officer.id)))


@pytest.fixture
def community(session):
    return make_community(session)


@pytest.fixture
def desk(session, community):
    """The community's information officer."""
    return as_actor(session, make_officer(session, Role.INFORMATION_OFFICER, area=community))


def visit(community, **fields):
    defaults = {"text": "楼道灯坏了", "place_id": community.id, "channel": Channel.TELEPHONE}
    return Visit(**defaults | fields)


def test_a_telephone_call_becomes_a_case_of_the_caller(session, community, desk):
    case = take(session, desk, visit(community, name="何丽", phone="139-0000-0001"))
    assert (case.channel, case.officer_id, case.place_id) == (
        Channel.TELEPHONE,
        desk.officer_id,
        community.id,
    )
    caller = session.get_one(Resident, case.resident_id)
    assert (caller.name, caller.phone) == ("何丽", PHONE)
    event = session.scalars(sa.select(CaseEvent).where(CaseEvent.case_id == case.id)).one()
    assert event.role is Role.INFORMATION_OFFICER
    assert session.scalar(sa.select(Notification.officer_id)) == desk.officer_id


def test_the_callers_name_and_number_are_sealed(session, community, desk):
    take(session, desk, visit(community, name="何丽", phone=PHONE))
    name, phone = session.execute(sa.text("SELECT name, phone FROM residents")).one()
    assert "何丽".encode() not in bytes(name)
    assert PHONE.encode() not in bytes(phone)


def test_the_same_number_is_the_same_person(session, community, desk):
    first = take(session, desk, visit(community, name="何丽", phone="+86 139 0000 0001"))
    second = take(session, desk, visit(community, phone=PHONE, channel=Channel.HOTLINE))
    assert first.resident_id == second.resident_id
    assert first.number != second.number


def test_who_gave_no_name_the_first_time_may_give_it_the_second_and_keeps_it(session, community, desk):
    case = take(session, desk, visit(community, phone=PHONE))
    for name in ("何丽", "何小丽"):
        take(session, desk, visit(community, name=name, phone=PHONE))
        assert session.get(Resident, case.resident_id).name == "何丽"


def test_a_number_claimed_in_wechat_does_not_show_another_persons_calls(session, community, desk):
    claimant = make_resident(session, phone=PHONE, phone_index=blind_index(PHONE))
    make_contact(session, claimant)
    case = take(session, desk, visit(community, phone=PHONE))
    assert case.resident_id != claimant.id


def test_someone_who_gives_neither_name_nor_number_may_report_too(session, community, desk):
    assert take(session, desk, visit(community, channel=Channel.WINDOW)).resident_id is None


def test_the_other_systems_number_opens_one_case_however_often_it_comes(session, community, desk):
    first = take(session, desk, visit(community, name="何丽", key="12345:A1", channel=Channel.HOTLINE))
    again = take(session, desk, visit(community, name="何丽", key="12345:A1", channel=Channel.HOTLINE))
    assert first.id == again.id
    assert session.scalar(sa.select(sa.func.count()).select_from(Resident)) == 1


def test_officers_take_reports_only_for_places_that_their_posts_cover(session, community, desk):
    other = make_community(session, name="月季社区")
    with pytest.raises(Forbidden, match="不归您负责"):
        take(session, desk, visit(other))
    assert session.scalar(sa.select(sa.func.count()).select_from(Case)) == 0


def test_a_post_at_the_district_covers_the_stations_below(session, community):
    station = make_area(session, Level.STATION, community, name="玉兰苑东门")
    district = session.get_one(type(community), community.district_id)
    dispatcher = as_actor(session, make_officer(session, Role.DISPATCHER, area=district))
    assert take(session, dispatcher, visit(station)).community_id == community.id


@pytest.mark.parametrize("role", [Role.SUPERVISOR, Role.LEADER])
def test_who_does_not_take_reports_is_told_so(session, community, role):
    with pytest.raises(Forbidden, match="您的岗位不能"):
        take(session, as_actor(session, make_officer(session, role, area=community)), visit(community))


def test_a_units_handler_takes_no_reports(session, community):
    handler = make_officer(session, Role.HANDLER, unit=make_unit(session, community))
    with pytest.raises(Forbidden, match="不归您负责"):
        take(session, as_actor(session, handler), visit(community))


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"text": "  "}, "请填写"),
        ({"text": "长" * 2001}, "太长"),
        ({"phone": "12"}, "电话号码"),
        ({"phone": "139000000012"}, "电话号码"),
        ({"channel": Channel.WECHAT}, "渠道"),
    ],
)
def test_what_cannot_be_taken_down_is_said_in_a_sentence(session, community, desk, fields, problem):
    with pytest.raises(Invalid, match=problem):
        take(session, desk, visit(community, **fields))


def test_a_place_that_is_not_there_is_not_found(session, community, desk):
    with pytest.raises(NotFound, match="地点"):
        take(session, desk, visit(community, place_id=999_999))


@pytest.mark.parametrize(
    ("written", "clean"),
    [("0755-0000 1234", "075500001234"), ("（0755）00001234", "075500001234"), ("", "")],
)
def test_numbers_are_compared_without_their_dashes(written, clean):
    assert staff.clean_phone(written) == clean


def test_two_calls_of_one_person_at_the_same_moment_make_one_person(committed):
    community = make_community(committed)
    desk = as_actor(committed, make_officer(committed, Role.INFORMATION_OFFICER, area=community))
    wanted, start = visit(community, name="何丽", phone=PHONE), threading.Barrier(4)
    committed.expunge_all()

    def call():
        start.wait()
        with db.transaction() as session:
            take(session, desk, wanted)

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert committed.scalar(sa.select(sa.func.count()).select_from(Case)) == 4
    assert committed.scalar(sa.select(sa.func.count()).select_from(Resident)) == 1


def test_every_channel_has_its_name_and_residents_come_by_theirs_alone():
    assert set(CHANNEL_LABELS) == set(Channel)
    assert set(Channel) > staff.ONLINE
