"""What is cleared away at night: what has been kept for long enough, and no file that a row still names."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend import auth, storage
from backend.auth import LoginSession, LoginTicket, hash_token
from backend.cases.models import Attachment, AttachmentKind, Stored
from backend.config import config
from backend.console import night_tasks, tickets
from backend.places.layouts import Format
from backend.places.poster_jobs import JobState, PosterJob
from backend.times import now
from tests.console.conftest import open_case
from tests.factories import make_contact

DAY = timedelta(days=1)


def drawn(session, officer, days_ago, content=b"a poster"):
    """A job of posters that was drawn so many days ago."""
    at = now() - days_ago * DAY
    job = PosterJob(
        officer_id=officer.id, wanted={}, format=Format.A5, state=JobState.DONE, due_at=at, done=3
    )
    job.sha256 = storage.save(content)
    session.add(job)
    session.commit()
    return job


def is_there(sha256):
    try:
        return bool(storage.read(sha256))
    except FileNotFoundError:
        return False


def test_posters_drawn_30_days_ago_go_and_the_page_says_so(session, place, as_officer):
    old, new = drawn(session, place.desk, 31, b"an old one"), drawn(session, place.desk, 29, b"a new one")
    files = old.sha256, new.sha256
    night_tasks.clear_away()
    session.refresh(old)
    assert [is_there(sha256) for sha256 in files] == [False, True]
    assert (old.state, old.sha256) == (JobState.DONE, None)
    client, address = as_officer(place.desk), f"/console/codes/posters/{old.id}"
    page = client.get(address).text
    assert "这份海报的文件已清理，请重新生成" in page
    assert "下载" not in page
    answer = client.get(f"{address}/file")
    assert answer.status_code == 404
    assert "这份海报的文件已清理，请重新生成" in answer.text
    assert client.get(f"/console/codes/posters/{new.id}/file").data == b"a new one"


def test_a_file_that_goes_while_it_is_asked_for_is_answered_alike(session, place, as_officer):
    job = drawn(session, place.desk, 29, b"going just now")
    storage.remove(job.sha256)
    answer = as_officer(place.desk).get(f"/console/codes/posters/{job.id}/file")
    assert answer.status_code == 404
    assert "这份海报的文件已清理，请重新生成" in answer.text


def test_a_file_that_another_row_names_stays(session, place):
    old, same = drawn(session, place.desk, 31, b"the same"), drawn(session, place.desk, 1, b"the same")
    photo = drawn(session, place.desk, 31, b"a photo, too")
    case = open_case(session, place.community)
    kept = {"case_id": case.id, "kind": AttachmentKind.PHOTO, "state": Stored.STORED, "source": {}}
    session.add(Attachment(**kept, sha256=photo.sha256))
    session.commit()
    files = same.sha256, photo.sha256
    night_tasks.clear_away()
    session.expire_all()
    assert (old.sha256, photo.sha256, same.sha256) == (None, None, files[0])
    assert [is_there(sha256) for sha256 in files] == [True, True]


def test_two_old_jobs_of_one_file_let_it_go_and_a_second_night_finds_nothing(session, place):
    jobs = [drawn(session, place.desk, 40, b"twice") for _ in range(2)]
    sha256 = jobs[0].sha256
    assert night_tasks.drop_posters(session, now(), 10) == 2
    assert not is_there(sha256)
    assert night_tasks.drop_posters(session, now(), 10) == 0
    storage.remove(sha256)  # as after a night that was cut off


def test_what_is_not_drawn_yet_is_left(session, place):
    job = drawn(session, place.desk, 60, b"being drawn")
    job.state = JobState.DRAWING
    session.commit()
    assert night_tasks.drop_posters(session, now(), 10) == 0
    assert is_there(job.sha256)


def test_files_go_in_small_batches_between_which_a_new_one_has_its_turn(session, place):
    jobs = [drawn(session, place.desk, 31, b"one of many") for _ in range(45)]
    turns = []

    def note(_connection, _cursor, statement, *_):
        turns.append("pg_advisory_xact_lock" in statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    night_tasks.clear_away()
    sa.event.remove(sa.Engine, "before_cursor_execute", note)
    assert turns.count(True) == 3
    session.expire_all()
    assert {job.sha256 for job in jobs} == {None}


def test_a_file_that_cannot_be_removed_is_named_in_the_log_and_the_others_go(session, place, caplog):
    stuck, other = drawn(session, place.desk, 31, b"stuck"), drawn(session, place.desk, 31, b"other")
    files = stuck.sha256, other.sha256
    storage.remove(files[0])
    folder = config.stores_in / files[0][:2] / files[0][2:4] / files[0]  # which is not removed as a file is
    folder.mkdir()
    night_tasks.clear_away()
    folder.rmdir()
    session.expire_all()
    assert (stuck.sha256, other.sha256) == (None, None)
    assert not is_there(files[1])
    assert files[0] in caplog.text


@pytest.mark.parametrize(("ago", "stays"), [(0.9, True), (1.1, False)])
def test_a_ticket_goes_a_day_after_it_expired(session, ago, stays):
    token, _ = tickets.issue(session, "Chrome")
    own = LoginTicket.token_hash == hash_token(token)
    session.execute(sa.update(LoginTicket).where(own).values(expires_at=now() - ago * DAY))
    session.commit()
    night_tasks.clear_away()
    assert bool(session.scalar(sa.select(LoginTicket.id).where(own))) is stays


@pytest.mark.parametrize(
    ("expired", "ended", "stays"),
    [(-1, None, True), (89, None, True), (91, None, False), (-1, 89, True), (-1, 91, False)],
)
def test_a_login_goes_90_days_after_it_ended_in_either_way(session, expired, ended, stays):
    token, _ = auth.start_session(session, make_contact(session).id)
    session.flush()
    own = LoginSession.token_hash == hash_token(token)
    ends = {"expires_at": now() - expired * DAY, "revoked_at": ended and now() - ended * DAY}
    session.execute(sa.update(LoginSession).where(own).values(ends))
    session.commit()
    night_tasks.clear_away()
    assert bool(session.scalar(sa.select(LoginSession.id).where(own))) is stays


def test_batches_follow_each_other_until_nothing_is_left(session, monkeypatch):
    monkeypatch.setattr(night_tasks, "BATCH", 2)
    for _ in range(5):
        tickets.issue(session, "Chrome")
    session.execute(sa.update(LoginTicket).values(expires_at=now() - 2 * DAY))
    session.commit()
    night_tasks.clear_away()
    assert session.scalar(sa.select(sa.func.count()).select_from(LoginTicket)) == 0
