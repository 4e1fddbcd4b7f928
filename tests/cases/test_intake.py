from dataclasses import replace

import pytest
import sqlalchemy as sa

from backend.cases import intake
from backend.cases.intake import Report
from backend.cases.models import Case, Channel
from backend.errors import NotFound
from backend.notify.models import Notification
from backend.places.models import Area
from backend.places.roles import Role
from backend.times import now
from tests.factories import make_community, make_officer, make_resident, misplaced


@pytest.fixture
def report(session):
    place = make_community(session)
    return Report(
        "路灯不亮了", place.id, place.name, Channel.WEB, resident_id=make_resident(session).id, key="k1"
    )


def test_a_number_that_is_taken_costs_only_another_draw(session, report, monkeypatch):
    numbers = iter(["261121000001", "261121000001", "261121000002"])
    monkeypatch.setattr(intake, "new_number", lambda at: next(numbers))
    intake.open_case(session, report)
    second = intake.open_case(session, replace(report, key="k2"))
    assert second.number == "261121000002"


@pytest.mark.parametrize("is_urgent", [True, False])
def test_the_alert_of_a_new_case_has_its_place_in_the_queue(session, report, is_urgent):
    make_officer(session, Role.INFORMATION_OFFICER, area=session.get_one(Area, report.place_id))
    intake.open_case(session, replace(report, urgent=is_urgent))
    assert session.scalar(sa.select(Notification.haste)) == (0 if is_urgent else 1)
    assert misplaced(session) == []


def test_numbers_begin_with_the_day_and_tell_nothing_of_the_next():
    drawn = {intake.new_number(now()) for _ in range(50)}
    assert len({number[:6] for number in drawn}) == 1
    assert len({int(b) - int(a) for a, b in zip(sorted(drawn), sorted(drawn)[1:], strict=False)}) > 10


def test_the_same_key_is_the_same_case(session, report):
    assert intake.open_case(session, report).id == intake.open_case(session, report).id
    assert session.scalar(sa.select(sa.func.count()).select_from(Case)) == 1


def test_a_strangers_key_does_not_open_somebody_elses_case(session, report):
    intake.open_case(session, report)
    with pytest.raises(NotFound):
        intake.open_case(session, replace(report, resident_id=make_resident(session).id))
