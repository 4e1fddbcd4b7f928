"""Files behind signed addresses."""

import time

import pytest

from backend import auth, storage
from backend.cases.attachments import photo_url
from backend.cases.models import Attachment, AttachmentKind, Stored
from tests.cases.pictures import jpeg


@pytest.fixture
def photo(session, case):
    content = jpeg()
    row = Attachment(
        case_id=case.id,
        kind=AttachmentKind.PHOTO,
        state=Stored.STORED,
        sha256=storage.save(content),
        mime="image/jpeg",
        size=len(content),
        source={},
    )
    session.add(row)
    session.commit()
    return row


def test_whoever_has_the_address_sees_the_file(app, photo):
    response = app.test_client().get(photo_url(photo))
    assert response.status_code == 200
    assert response.data == jpeg()
    assert response.headers["Content-Type"] == "image/jpeg"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cache-Control"].startswith("private")
    assert response.headers["Content-Disposition"].startswith("inline; filename=")


def test_a_part_of_a_file_is_given_to_whoever_asks_for_a_part(app, photo):
    response = app.test_client().get(photo_url(photo), headers={"Range": "bytes=2-5"})
    assert response.status_code == 206
    assert response.data == jpeg()[2:6]
    assert response.headers["Content-Range"] == f"bytes 2-5/{len(jpeg())}"


@pytest.mark.parametrize("token", ["1", "a.b.c"])
def test_a_guessed_address_finds_nothing(app, photo, token):
    assert app.test_client().get(f"/r/files/{token}").status_code == 404


def test_a_surveys_token_opens_no_file(app, photo):
    assert app.test_client().get(f"/r/files/{auth.sign('survey', photo.id)}").status_code == 404


def test_an_address_ends_after_a_day(app, photo, monkeypatch):
    address = photo_url(photo)
    tomorrow = time.time() + 25 * 3600
    monkeypatch.setattr("time.time", lambda: tomorrow)
    assert app.test_client().get(address).status_code == 410


def test_a_file_that_is_not_fetched_yet_is_not_found(app, session, photo):
    photo.state, photo.sha256 = Stored.WAITING, None
    session.commit()
    assert app.test_client().get(photo_url(photo)).status_code == 404


def test_what_is_no_picture_is_saved_not_shown(app, session, photo):
    photo.mime = "text/html"
    session.commit()
    response = app.test_client().get(photo_url(photo))
    assert response.headers["Content-Disposition"].startswith("attachment")
