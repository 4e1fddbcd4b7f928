"""Addresses that somebody has changed by hand: answered in words, never by an error."""

import pytest
import sqlalchemy as sa

from backend.places.models import Post
from backend.times import now

HUGE = "9" * 25
PATHS = (
    "/console/areas/{}",
    "/console/units/{}",
    "/console/officers/{}",
    "/console/codes/{}",
    "/console/dictionary/{}",
    "/console/duties/{}",
    "/console/imports/{}",
    "/console/sessions/{}",
    "/console/units/?after={}",
    "/console/officers/?after={}",
    "/console/codes/?before={}",
    "/console/changes/?before={}",
    "/console/dictionary/?q=%00",
    "/console/areas/?q=%00",
    "/console/officers/?q=%00",
)


@pytest.mark.parametrize("path", PATHS)
def test_a_number_that_no_row_has_is_answered_in_words(place, admin_client, path):
    answer = admin_client.get(path.format(HUGE))
    assert answer.status_code in (200, 404, 422)
    assert answer.status_code == 200 or any(words in answer.text for words in ("没有", "失效"))


@pytest.mark.parametrize(
    "address", ["nothing", "units/999999999", "officers/999999999", "areas/1/nothing", "?tab=nothing"]
)
def test_who_works_here_goes_on_from_the_desk(admin_client, address):
    answer = admin_client.get(f"/console/{address}")
    assert answer.status_code == 404
    assert 'href="/console/">返回诉求列表<' in answer.text
    assert "从微信消息里" not in answer.text


def test_an_officer_who_administers_nothing_goes_on_from_the_desk(place, as_officer):
    answer = as_officer(place.desk).get("/console/changes/")
    assert answer.status_code == 403
    assert 'href="/console/">返回诉求列表<' in answer.text


def test_who_does_not_work_here_is_not_led_in_a_circle(session, place, as_officer):
    resident, retired = as_officer(None), as_officer(place.colleague)
    session.execute(sa.update(Post).where(Post.officer_id == place.colleague.id).values(until=now()))
    session.commit()
    for client, status in ((resident, 401), (retired, 403)):
        answer = client.get("/console/units/")
        assert answer.status_code == status
        assert 'href="/r/">我反映的事<' in answer.text
        assert "返回诉求列表" not in answer.text
