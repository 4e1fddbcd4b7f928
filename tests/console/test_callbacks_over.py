"""The pages of telephone callbacks once a call is over: what was said, and what was tapped by mistake."""

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend.cases.callback_models import CallAttempt, CallbackState, Heard
from backend.cases.models import Case
from backend.cases.survey_models import Survey
from backend.times import now
from tests.console.test_callbacks import INDEX, again, callback, post

__all__ = ["callback"]


def test_the_page_of_a_finished_call_shows_what_was_answered(session, place, as_officer, callback):
    client = as_officer(place.desk)
    post(client, callback, "take")
    post(client, callback, "dial")
    said = {"solved": "no", "satisfaction": "2", "reasons": ["没有人来", "态度不好"], "words": "还是不亮"}
    offered = client.get(f"{INDEX}{callback.id}").text
    said["reasons"] = re.findall(r'name="reasons" value="(.*?)"', offered)[:2]
    assert post(client, callback, "record", heard="answered", **said).status_code == 303
    page = client.get(f"{INDEX}{callback.id}").text
    assert "<strong>没有解决，不满意</strong>" in page
    assert f"原因：{'、'.join(said['reasons'])}" in page
    assert "还是不亮" in page


@pytest.mark.parametrize("heard", ["no_answer", "busy", "refused", "wrong_number"])
def test_answers_of_somebody_who_did_not_answer_are_asked_about_before_they_are_dropped(
    session, place, as_officer, callback, heard
):
    client = as_officer(place.desk)
    post(client, callback, "take")
    post(client, callback, "dial")
    said = {"heard": heard, "solved": "no", "satisfaction": "1"}
    refused = post(client, callback, "record", **said)
    assert (refused.status_code, "却填了对方的回答" in refused.text) == (422, True)
    assert "没有答，下面的不记" in refused.text
    assert 'name="solved" value="no" autocomplete="off" checked' in refused.text
    assert session.scalars(sa.select(CallAttempt.heard)).all() == [None]
    assert post(client, callback, "record", unanswered="1", **said).status_code == 303
    assert session.scalars(sa.select(CallAttempt.heard)).all() == [Heard(heard)]
    assert session.get_one(Survey, callback.survey_id).solved is None


@pytest.mark.parametrize("heard", ["refused", "wrong_number"])
def test_who_tapped_the_wrong_end_says_it_anew_within_ten_minutes(
    session, place, as_officer, callback, heard
):
    client, address = as_officer(place.desk), f"{INDEX}{callback.id}"
    post(client, callback, "take")
    post(client, callback, "dial")
    post(client, callback, "record", heard=heard)
    assert "记错了，重新记" in client.get(address).text
    colleague = as_officer(place.colleague)
    assert "记错了，重新记" not in colleague.get(address).text
    assert post(colleague, callback, "correct").status_code == 409
    assert post(client, callback, "correct").location == address
    assert "电话打得怎么样" in client.get(address).text
    assert post(client, callback, "correct").status_code == 409
    assert (
        post(client, callback, "record", heard="answered", solved="yes", satisfaction="5").status_code == 303
    )
    assert again(session, callback).state is CallbackState.ANSWERED
    number = session.get_one(Case, callback.case_id).number
    assert "记错了，重新记" in client.get(f"/console/cases/{number}").text
    assert post(client, callback, "correct").status_code == 409


def test_after_ten_minutes_the_end_of_a_callback_stays(session, place, as_officer, callback):
    client = as_officer(place.desk)
    post(client, callback, "take")
    post(client, callback, "dial")
    post(client, callback, "record", heard="refused")
    session.execute(sa.update(CallAttempt).values(ended_at=now() - timedelta(minutes=11)))
    session.commit()
    assert "记错了，重新记" not in client.get(f"{INDEX}{callback.id}").text
    late = post(client, callback, "correct")
    assert (late.status_code, "十分钟以内可以重新记" in late.text) == (409, True)
    assert again(session, callback).state is CallbackState.REFUSED
