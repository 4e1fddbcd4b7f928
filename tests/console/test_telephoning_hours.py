"""At night a resident's number is shown to nobody; the list says from when they may be called."""

from datetime import datetime, time

import pytest

from backend.notify import telephone
from backend.notify.messages import Message
from backend.notify.models import Notification
from backend.notify.outbox import NEXT_VISIT
from backend.notify.telephone_models import TelephoneTask
from backend.places.scope import COLUMNS
from backend.times import SHANGHAI, now
from tests.console.conftest import open_case
from tests.settings import set_to

PAGE = "/console/telephone/"


@pytest.fixture
def call(session, place):
    """A result to be told to its resident."""
    case = open_case(session, place.community)
    case.status = "resolved"
    to = {"resident_id": case.resident_id, "fields": {"number": case.number}}
    row = Notification(key="r", message=Message.CASE_RESOLVED, due_at=now() + NEXT_VISIT, **to)
    session.add(row)
    session.flush()
    where = {column: getattr(place.community, column) for column in COLUMNS.values()}
    task = TelephoneTask(notification_id=row.id, words="灯泡换好了", why="对方退订了短信", **where)
    session.add(task)
    session.commit()
    return task


def test_at_night_a_resident_is_not_called(call, place, as_officer, night):
    client = as_officer(place.desk)
    page = client.get(PAGE).text
    assert ("灯泡换好了" in page, f"现在不给居民打电话，{night}起可以打" in page) == (True, True)
    assert ("看号码" in page, "打得怎么样" in page) == (False, False)
    seen = client.post(f"{PAGE}{call.id}/number")
    assert (seen.status_code, "起可以打" in seen.text, "13812345678" in seen.text) == (409, True, False)


def test_by_day_they_are(call, place, as_officer):
    client = as_officer(place.desk)
    page = client.get(PAGE).text
    assert ("看号码" in page, "打得怎么样" in page, "起可以打" in page) == (True, True, False)
    assert "13812345678" in client.post(f"{PAGE}{call.id}/number").text


def test_a_list_that_lies_open_when_the_hours_end_shows_no_number_any_more(
    call, place, as_officer, monkeypatch
):
    """What came of a call that began in time is still written down."""
    over = datetime.combine(now().date(), time(20, 35), SHANGHAI)
    monkeypatch.setattr(telephone, "now", lambda: over)
    client = as_officer(place.desk)
    with set_to(callback_hours=(time(9), time(20, 30))):
        seen = client.post(f"{PAGE}{call.id}/number")
        assert (seen.status_code, "13812345678" in seen.text) == (409, False)
        said = {"outcome": "no_answer"}
        assert client.post(f"{PAGE}{call.id}/done", data=said).status_code == 303
