"""Monthly notices: figures counted by hand, kept as they were, written by the supervisor and read by all."""

from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from backend.cases.callback_models import PhoneCallback, Why
from backend.cases.deadline_models import Clock, Deadline
from backend.cases.models import CaseEvent
from backend.cases.service import Actor
from backend.cases.supervision_models import MonthlyNotice, Supervision
from backend.cases.survey_models import Survey, SurveyState
from backend.cases.workflow import Action, Status
from backend.errors import Conflict, Forbidden, Invalid, NotFound
from backend.orders import notice_figures, notices, successions
from backend.orders.models import Order, OrderUnit
from backend.orders.workflow import PartStatus
from backend.orders.workflow import Status as OrderStatus
from backend.places import scope
from backend.places.models import Area
from backend.places.roles import Role
from tests.cases.scene import at_once
from tests.factories import COLUMNS, make_case, make_community, make_officer, make_resident, make_unit
from tests.places.people import editor_of

MONTH = date(2026, 10, 1)
IN = datetime(2026, 10, 15, 2, tzinfo=UTC)
BEFORE = datetime(2026, 9, 30, 15, 59, tzinfo=UTC)  # 23:59 of the day before, in Shanghai
FIRST = datetime(2026, 9, 30, 16, 0, tzinfo=UTC)  # 00:00 of the first day
AFTER = datetime(2026, 10, 31, 16, 0, tzinfo=UTC)  # 00:00 of the next month
DAWN = datetime(2026, 11, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Town:
    """A community with two units and their people; what happens in it is put in by hand."""

    def __init__(self, session):
        self.session = session
        self.community = make_community(session)
        self.street = session.get_one(Area, self.community.subdistrict_id)
        self.city, self.power = (
            make_unit(session, self.street, name=name) for name in ("市政中心", "供电所")
        )
        self.supervisor = self.actor(Role.SUPERVISOR, area=self.street)

    def actor(self, role, **where):
        officer = make_officer(self.session, role, **where)
        return Actor(officer_id=officer.id, posts=tuple(scope.posts_of(self.session, officer.id)))

    def add(self, row):
        self.session.add(row)
        self.session.flush()
        return row

    def order(self, number, approved_at, answered_at=None, units=()):
        where = {column: getattr(self.community, column) for column in COLUMNS.values()}
        status = OrderStatus.ANSWERED if answered_at else OrderStatus.ISSUED
        order = Order(
            number=number, status=status, title="清理", text="请清理", place_id=self.community.id,
            unit_id=units[0].id, drafted_by=self.supervisor.officer_id, approved_at=approved_at,
            answered_at=answered_at, **where,
        )  # fmt: skip
        self.add(order)
        return [self.add(OrderUnit(order_id=order.id, unit_id=u.id, is_lead=u is units[0])) for u in units]

    def clock(self, due_at, stopped_at=None, clock=Clock.ORDER_ACKNOWLEDGE, **of):
        started = due_at - HOUR
        self.add(
            Deadline(round=1, clock=clock, started_at=started, due_at=due_at, stopped_at=stopped_at, **of)
        )

    def case(self, unit=None, **fields):
        return make_case(self.session, self.community, unit_id=unit.id if unit else None, **fields)

    def event(self, case, action, at, unit=None):
        officer = self.supervisor.officer_id
        row = CaseEvent(
            case_id=case.id, round=1, action=action, role=Role.SUPERVISOR, officer_id=officer,
            unit_id=unit.id if unit else None, to_status=Status.ASSIGNED, created_at=at,
        )  # fmt: skip
        self.add(row)

    def supervise(self, case, unit, at, due_at, answered_at=None):
        asked_by = self.supervisor.officer_id
        self.add(
            Supervision(
                case_id=case.id,
                unit_id=unit.id,
                officer_id=asked_by,
                text="请说明",
                due_at=due_at,
                created_at=at,
                answered_at=answered_at,
            )
        )


@pytest.fixture
def town(session):
    return Town(session)


def fill(town):
    """October: what stands at its edges belongs to September and November."""
    first, second = town.order("F1", IN, IN + HOUR, (town.city, town.power))
    (third,) = town.order("F2", FIRST, None, (town.city,))
    (early,) = town.order("F0", BEFORE, FIRST, (town.city,))
    (late,) = town.order("F9", AFTER, AFTER, (town.power,))
    gone = town.order("F3", IN, None, (town.power, town.city))[1]
    gone.status = PartStatus.WITHDRAWN
    town.clock(IN, IN - HOUR, order_unit_id=first.id)  # in time
    town.clock(IN, IN + HOUR, order_unit_id=second.id)  # too late
    town.clock(IN, None, order_unit_id=third.id)  # never
    town.clock(AFTER + HOUR, AFTER - HOUR, order_unit_id=late.id)  # signed in October before its time
    town.clock(IN, IN - HOUR, order_unit_id=gone.id)
    town.clock(BEFORE, BEFORE, order_unit_id=early.id)
    town.clock(IN, IN, Clock.ORDER_REPORT, order_unit_id=first.id)
    case = town.case(town.power, accepted_at=IN, status=Status.RESOLVED)
    town.clock(IN, IN - HOUR, Clock.ACCEPT, case_id=case.id)
    town.clock(IN, None, Clock.RESOLVE, case_id=case.id)
    for action, at, unit in (
        (Action.ASSIGN, BEFORE, town.city),
        (Action.URGE, BEFORE, None),
        (Action.URGE, FIRST, None),
        (Action.SEND_BACK, IN, town.power),
        (Action.ARBITRATE, IN, town.power),
        (Action.URGE, AFTER - HOUR, None),
        (Action.URGE, AFTER, None),
    ):
        town.event(case, action, at, unit)
    town.supervise(case, town.city, IN, IN + HOUR, IN + HOUR)
    town.supervise(case, town.power, IN, IN + HOUR, IN + 2 * HOUR)
    town.supervise(case, town.power, BEFORE, IN)
    town.session.commit()


def taken(town, area=None):
    found = notice_figures.taken(town.session, area or town.street, MONTH, DAWN)
    return found["whole"], {row["name"]: row["figures"] for row in found["units"]}


def test_the_figures_are_what_one_counts_by_hand(town):
    fill(town)
    whole, units = taken(town)
    expected = {
        "orders_issued": [3], "orders_answered": [2], "urged": [2], "supervised": [2], "supervised_late": [2],
        "sent_back": [1], "arbitrated": [1], "order_acknowledged": [2, 4, 0], "order_reported": [1, 1, 0],
        "accepted_in_time": [1, 1, 0], "closed_on_time": [0, 1, 0], "resolved": [1, 1, 0],
    }  # fmt: skip
    assert {key: whole[key] for key in expected} == expected
    city, power = units["市政中心"], units["供电所"]
    keys = ("orders_issued", "orders_answered", "order_acknowledged", "urged", "sent_back", "supervised")
    assert [city[key] for key in keys] == [[2], [2], [1, 2, 0], [1], [1], [1]]
    assert [power[key] for key in keys] == [[2], [1], [1, 2, 0], [1], [0], [1]]
    assert power["arbitrated"] == [1]
    assert power["closed_on_time"] == [0, 1, 0]


def test_what_a_unit_signed_late_stays_late_when_the_unit_ends_in_another_of_the_order(town, session):
    """What the successor goes on with is counted once, with the successor."""
    gone, into = town.order("F1", IN, None, (town.city, town.power))
    town.clock(IN, IN + HOUR, order_unit_id=gone.id)
    town.clock(IN, IN + HOUR, order_unit_id=into.id)
    town.clock(IN + 3 * HOUR, None, Clock.ORDER_ARRIVE, order_unit_id=gone.id)
    town.clock(IN + 4 * HOUR, None, Clock.ORDER_ARRIVE, order_unit_id=into.id)
    before = taken(town)[0]
    session.commit()
    editor = editor_of(session, make_officer(session, Role.ADMINISTRATOR, area=town.street))
    successions.merge(session, editor, town.city.id, town.power.id, IN + 2 * HOUR)
    whole, units = taken(town)
    assert whole["order_acknowledged"] == before["order_acknowledged"] == [0, 2, 0]
    assert [units[name]["order_acknowledged"] for name in ("市政中心", "供电所")] == [[0, 1, 0], [0, 1, 0]]
    assert units["供电所"]["order_arrived"] == whole["order_arrived"] == [0, 1, 0]


def to_call(town, unit, sent_at, **said):
    """A survey that was sent then about a case of this unit, and is to be asked by telephone."""
    case, resident = town.case(unit, status=Status.CLOSED), make_resident(town.session)
    known = {"state": SurveyState.SENT, "sent_at": sent_at, "next_at": AFTER, "unit_id": case.unit_id} | said
    survey = town.add(Survey(case_id=case.id, round=1, resident_id=resident.id, **known))
    of = {"case_id": case.id, "round": 1, "survey_id": survey.id, "resident_id": resident.id}
    times = {"next_at": sent_at, "until_at": AFTER}
    town.add(PhoneCallback(why=Why.NO_WECHAT, place_id=case.place_id, **of | times))


def test_who_was_to_be_called_and_has_not_answered_stands_beside_the_rate_without_them(town):
    for sent_at in (BEFORE, FIRST, IN, AFTER):
        to_call(town, town.city, sent_at)
    to_call(town, town.power, IN, state=SurveyState.EXPIRED, next_at=None)
    whole, units = taken(town)
    assert (whole["uncalled"], whole["responded"]) == ([2], [0, 1, 0])
    assert [units[name]["uncalled"] for name in ("市政中心", "供电所")] == [[2], [0]]
    [said] = [one for one in notice_figures.columns() if one["key"] == "uncalled"]
    assert said["label"] == "要打电话问、还没有答的"


def test_a_neighbours_work_is_in_nobody_elses_figures(town, session):
    fill(town)
    whole, units = taken(town, make_community(session))
    assert not units
    assert set(map(tuple, whole.values())) == {(0,), (0, 0, 0)}


def test_a_count_of_nothing_is_nought_and_a_rate_of_nothing_a_dash():
    assert notice_figures.said([28, 29, 1]) == ("96.6%", "28/29，剔除 1")
    assert notice_figures.said([0, 0, 0]) == ("—", "0/0")
    assert notice_figures.said([3]) == ("3", "")


def test_figures_stay_as_they_were_when_the_notice_was_published(town, session):
    fill(town)
    row = notices.draft(session, town.supervisor, town.street.id, date(2026, 10, 9), DAWN)
    assert row.month == MONTH
    notices.publish(session, town.supervisor, row.id, "十月发令执行总体平稳。", DAWN)
    before = dict(row.figures)
    town.order("F5", IN, IN, (town.city,))
    with pytest.raises(Conflict, match="已经发布"):
        notices.draft(session, town.supervisor, town.street.id, MONTH, DAWN)
    with pytest.raises(Conflict, match="已经发布"):
        notices.write(session, town.supervisor, row.id, "改一改")
    session.refresh(row)
    assert row.figures == before
    assert row.words == "十月发令执行总体平稳。"


def test_a_draft_takes_its_figures_anew_and_keeps_its_words(town, session):
    row = notices.draft(session, town.supervisor, town.street.id, MONTH, DAWN)
    notices.write(session, town.supervisor, row.id, "待补充")
    fill(town)
    again = notices.draft(session, town.supervisor, town.street.id, MONTH, DAWN)
    assert (again.id, again.words, again.figures["whole"]["orders_issued"]) == (row.id, "待补充", [3])


def test_a_month_that_goes_on_has_no_notice_and_nobody_publishes_without_words(town, session):
    with pytest.raises(Invalid, match="还没有过完"):
        notices.draft(session, town.supervisor, town.street.id, MONTH, AFTER - HOUR)
    row = notices.draft(session, town.supervisor, town.street.id, MONTH, AFTER)
    with pytest.raises(Invalid, match="请先写几句"):
        notices.publish(session, town.supervisor, row.id, "  ", DAWN)


@pytest.mark.parametrize("number", ["13812345678", "44030119900101123X"])
def test_everybody_reads_a_notice_so_that_no_persons_number_goes_into_it(town, session, number):
    row = notices.draft(session, town.supervisor, town.street.id, MONTH, DAWN)
    with pytest.raises(Invalid, match="居民也会看到"):
        notices.publish(session, town.supervisor, row.id, f"请联系 {number}", DAWN)
    assert row.published_at is None
    assert notices.published(session) == []
    notices.publish(session, town.supervisor, row.id, "监督电话 0755-28001234", DAWN)
    assert [one.id for one in notices.published(session)] == [row.id]


def test_only_who_supervises_the_area_writes_its_notice(town, session):
    row = notices.draft(session, town.supervisor, town.community.id, MONTH, DAWN)  # a community of the street
    others = [
        town.actor(Role.LEADER, area=town.street),
        town.actor(Role.HANDLER, unit=town.city),
        town.actor(Role.SUPERVISOR, area=town.community),
        town.actor(Role.SUPERVISOR, area=make_community(session)),
    ]
    for actor in others:
        with pytest.raises(Forbidden):
            notices.draft(session, actor, town.street.id, MONTH, DAWN)
    with pytest.raises(Forbidden):
        notices.publish(session, others[-1], row.id, "通报", DAWN)


def test_a_published_notice_is_read_by_all_of_the_area_and_a_draft_by_those_who_command_it(town, session):
    row = notices.draft(session, town.supervisor, town.street.id, MONTH, DAWN)
    leader, handler = town.actor(Role.LEADER, area=town.street), town.actor(Role.HANDLER, unit=town.city)
    desk = town.actor(Role.INFORMATION_OFFICER, area=town.community)
    above = town.actor(Role.DISPATCHER, area=session.get_one(Area, town.street.district_id))
    stranger = town.actor(Role.SUPERVISOR, area=make_community(session))

    def readers():
        return [
            bool(notices.page(session, actor.posts)) for actor in (leader, handler, desk, above, stranger)
        ]

    assert readers() == [True, False, False, False, False]
    notices.publish(session, town.supervisor, row.id, "十月总体平稳。", DAWN)
    assert readers() == [True, True, True, True, False]
    assert notices.find(session, desk.posts, row.id).area.name == town.street.name
    with pytest.raises(NotFound):
        notices.find(session, stranger.posts, row.id)


def test_two_who_draft_at_once_make_one_notice(committed):
    town = Town(committed)

    def draft(session):
        return notices.draft(session, town.supervisor, town.street.id, MONTH, DAWN).id

    first, second = at_once(draft, draft)
    assert first == second
    assert committed.scalar(sa.select(sa.func.count()).select_from(MonthlyNotice)) == 1
