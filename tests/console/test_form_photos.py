"""Photos that come with the forms of officers."""

import io
import re

import sqlalchemy as sa

from backend.cases.models import Attachment, CaseEvent
from backend.cases.workflow import Action, Status
from tests.cases.pictures import drawing, files, jpeg, written
from tests.console.conftest import open_case, tap, walk
from tests.factories import make_community


def test_a_photo_sent_with_the_answer_is_the_proof(session, place, as_officer, broker):
    case = open_case(session, place.community)
    walk(session, case, place, Action.ACCEPT, Action.ASSIGN, Action.ACKNOWLEDGE)
    photo = (io.BytesIO(written(drawing())), "灯.jpg")
    client = as_officer(place.handler)
    response = tap(client, session, case, "resolve", note="换了灯泡", outcome="solved", photos=photo)
    assert response.status_code == 303
    session.refresh(case)
    assert (case.status, case.answer) == (Status.RESOLVED, "换了灯泡")
    assert "办理照片" in client.get(response.location).text


def test_a_strangers_photo_is_not_even_kept(session, place, as_officer):
    case, kept = open_case(session, make_community(session)), files()
    photo = (io.BytesIO(jpeg(88, 61)), "灯.jpg")
    assert tap(as_officer(place.desk), session, case, "add", photos=photo).status_code == 403
    assert files() == kept


def test_photos_that_the_case_has_already_are_no_step_and_the_page_says_so(session, place, as_officer):
    case, client = open_case(session, place.community), as_officer(place.desk)
    for _ in range(2):
        response = tap(client, session, case, "add", photos=(io.BytesIO(jpeg()), "灯.jpg"))
    assert "这些照片已经在这件事里了，不用再传" in client.get(response.location).text
    assert steps_of(session, case).count(Action.ADD) == 1
    tap(client, session, case, "add", note="又去看了一次", photos=(io.BytesIO(jpeg()), "灯.jpg"))
    assert steps_of(session, case).count(Action.ADD) == 2


def steps_of(session, case):
    return session.scalars(sa.select(CaseEvent.action).where(CaseEvent.case_id == case.id)).all()


def test_the_same_photo_twice_in_one_form_is_one_photo(session, place, as_officer):
    case = open_case(session, place.community)
    photos = [(io.BytesIO(written(drawing())), f"{n}.jpg") for n in range(2)]
    client = as_officer(place.desk)
    response = tap(client, session, case, "add", photos=photos)
    assert session.scalar(sa.select(sa.func.count(Attachment.id))) == 1
    assert "补充材料（1 张照片）" in client.get(response.location).text


def test_a_refused_step_says_that_its_photos_must_be_chosen_again(session, place, as_officer):
    case = open_case(session, place.community)
    walk(session, case, place, Action.ACCEPT, Action.ASSIGN, Action.ACKNOWLEDGE)
    photo = (io.BytesIO(written(drawing())), "灯.jpg")
    client = as_officer(place.handler)
    page = tap(client, session, case, "resolve", note="长" * 501, outcome="solved", photos=photo).text
    assert re.findall(r'class="wrong" role="alert">([^<]+)<', page) == [
        "说明太长了，最多 500 个字",
        "照片需要重新选择",
    ]


def test_a_refused_step_keeps_no_photo(session, place, as_officer):
    case = open_case(session, place.community)
    walk(session, case, place, Action.ACCEPT, Action.ASSIGN, Action.ACKNOWLEDGE)
    photo = (io.BytesIO(written(drawing())), "灯.jpg")
    tap(as_officer(place.handler), session, case, "resolve", note="", outcome="solved", photos=photo)
    assert session.scalar(sa.select(sa.func.count(Attachment.id))) == 0


def test_what_is_no_photo_is_refused_with_a_sentence(session, place, as_officer):
    case = open_case(session, place.community)
    response = tap(as_officer(place.desk), session, case, "add", photos=(io.BytesIO(b"<html>"), "x.jpg"))
    assert response.status_code == 422
    assert "照片" in response.text
