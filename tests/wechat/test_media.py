"""Media from the chat to the store, through the sandbox's own interface for them."""

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend import storage
from backend.cases.attachments import EXPIRED
from backend.cases.models import Attachment, AttachmentKind, Stored
from backend.times import now
from backend.wechat import media
from tests.cases.pictures import drawing, opened, written
from tests.factories import make_case
from tests.programs import WORKER, kill, running, wait_until
from tests.weixin import follower

GET = "/cgi-bin/media/get"
DAY = 86_400


@pytest.fixture
def phone(committed, weixin):
    """A resident's phone at the account `demo`."""
    return follower(committed, weixin, "resident")[0]


def sent(session, message, kind=AttachmentKind.PHOTO, case=None, account="demo", **fields):
    """The row that a message with this media id leaves behind."""
    row = Attachment(
        case_id=(case or make_case(session)).id,
        kind=kind,
        source={"account": account, "media_id": message["message"]["media_id"]},
        **fields,
    )
    session.add(row)
    session.commit()
    return row


def test_a_photo_is_fetched_stripped_and_stored(committed, phone):
    row = sent(committed, phone.send_image())
    media.fetch([row.id])
    committed.refresh(row)
    assert (row.state, row.kind, row.mime) == (Stored.STORED, AttachmentKind.PHOTO, "image/jpeg")
    kept = storage.read(row.sha256)
    assert len(kept) == row.size
    assert opened(kept).format == "JPEG"
    assert not opened(kept).getexif()  # the sandbox's pictures carry a place and a telephone's name


def test_a_recording_is_kept_as_it_came(committed, phone):
    row = sent(committed, phone.send_voice(seconds=2), AttachmentKind.VOICE)
    media.fetch([row.id])
    committed.refresh(row)
    assert (row.state, row.mime) == (Stored.STORED, "audio/amr")
    assert storage.read(row.sha256).startswith(b"#!AMR\n")


def test_a_film_is_fetched_from_the_address_that_wechat_points_to(committed, phone):
    row = sent(committed, phone.send("video"), AttachmentKind.VIDEO)
    media.fetch([row.id])
    committed.refresh(row)
    assert (row.state, row.mime) == (Stored.STORED, "video/mp4")


def test_what_is_fetched_already_is_not_asked_for_again(committed, weixin, phone):
    row = sent(committed, phone.send_image())
    media.fetch([row.id])
    media.fetch([row.id, 987_654_321])
    media.fetch_due()
    assert len(weixin.calls(GET)) == 1


def test_two_workers_at_one_photo_ask_for_it_once(committed, weixin, phone):
    row = sent(committed, phone.send_image())
    threads = [threading.Thread(target=media.fetch, args=[[row.id]]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(weixin.calls(GET)) == 1


@pytest.mark.parametrize("days", [3.1, 30])
def test_what_wechat_has_forgotten_is_lost_with_the_reason(committed, weixin, phone, days):
    row = sent(committed, phone.send_image())
    weixin.clock(days * DAY)
    media.fetch([row.id])
    committed.refresh(row)
    assert (row.state, row.reason) == (Stored.LOST, EXPIRED)


def test_what_is_too_old_is_not_even_asked_for(committed, weixin, phone):
    row = sent(committed, phone.send_image(), created_at=now() - timedelta(days=3, minutes=1))
    media.fetch_due()
    committed.refresh(row)
    assert (row.state, row.reason) == (Stored.LOST, EXPIRED)
    assert weixin.calls(GET) == []


@pytest.mark.parametrize("fault", [{"errcode": -1}, {"http_status": 502}, {"close": True}])
def test_a_busy_platform_is_asked_again_later(committed, weixin, phone, fault):
    row = sent(committed, phone.send_image())
    weixin.faults(api=[{"path": GET, "times": 1, **fault}])
    media.fetch([row.id])
    committed.refresh(row)
    assert (row.state, row.attempts) == (Stored.WAITING, 1)
    assert timedelta(seconds=20) < row.due_at - now() < timedelta(seconds=40)

    media.fetch_due()
    assert row.state is Stored.WAITING
    row.due_at = now()
    committed.commit()
    media.fetch_due()
    committed.refresh(row)
    assert (row.state, row.attempts) == (Stored.STORED, 2)


def test_a_file_that_is_refused_says_why(committed, phone):
    row = sent(committed, phone.send_image(written(drawing(), "BMP")))
    media.fetch([row.id])
    committed.refresh(row)
    assert (row.state, row.sha256) == (Stored.LOST, None)
    assert row.reason == "这种文件收不了，请发照片、语音或视频"


def test_one_file_that_fails_does_not_hold_up_the_next(committed, phone):
    case = make_case(committed)
    rows = [
        sent(committed, phone.send_image(), case=case, account="gone"),
        sent(committed, {"message": {"media_id": "never-heard-of"}}, case=case),
        sent(committed, phone.send_image(), case=case),
    ]
    media.fetch([row.id for row in rows])
    for row in rows:
        committed.refresh(row)
    assert [row.state for row in rows] == [Stored.WAITING, Stored.LOST, Stored.STORED]
    assert rows[0].due_at > now()


def test_a_full_batch_calls_the_next_worker(committed, broker, phone):
    case = make_case(committed)
    for _ in range(media.BATCH + 1):
        sent(committed, phone.send_image(), case=case)
    media.fetch_due()
    states = committed.scalars(sa.select(Attachment.state)).all()
    assert sorted(states) == [Stored.STORED] * media.BATCH + [Stored.WAITING]
    assert broker.client.llen("dramatiq:media") == 1


def test_a_worker_killed_while_it_downloads_loses_nothing(committed, weixin, phone, database_url, tmp_path):
    row = sent(committed, phone.send_image())
    weixin.faults(api=[{"path": GET, "times": 1, "delay_ms": 7_000}])
    settings = {"DATABASE_URL": database_url, "WECHAT_API_BASE": weixin.url}
    with running(WORKER, tmp_path / "worker.log", **settings) as worker:
        media.fetch.send([row.id])
        wait_until(lambda: weixin.calls(GET) or attempts(committed, row), 120)
        kill(worker)
    committed.refresh(row)
    assert (row.state, row.attempts) == (Stored.WAITING, 1)
    assert row.due_at > now()

    row.due_at = now()  # the lease is over
    committed.commit()
    media.fetch_due()
    committed.refresh(row)
    assert (row.state, row.attempts) == (Stored.STORED, 2)


def attempts(session, row):
    session.refresh(row)
    session.commit()
    return row.attempts
