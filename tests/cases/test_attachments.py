import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend import auth, db, storage
from backend.cases import attachments, queries
from backend.cases.attachments import BACK_OFF, EXPIRED, LEASE, MEDIA_LIFE, PHOTOS, brought, prepare
from backend.cases.content import check
from backend.cases.models import Attachment, AttachmentKind, CaseEvent, Stored
from backend.cases.workflow import Action, Status
from backend.errors import Conflict, Invalid
from backend.times import now
from tests.cases import pictures
from tests.cases.pictures import jpeg
from tests.factories import make_case

SECOND = timedelta(seconds=1)


def make_waiting(session, case=None, **fields):
    """A row as a chat message leaves it: what is to be fetched, and from where."""
    row = Attachment(
        case_id=(case or make_case(session)).id,
        kind=AttachmentKind.PHOTO,
        source={"account": "demo", "media_id": "a-media-id"},
        **fields,
    )
    session.add(row)
    session.commit()
    return row


def test_a_photo_from_a_page_is_kept_with_its_case(session):
    case = make_case(session, round=2)
    photo, _ = attachments.attach(session, case, prepare(pictures.jpeg_of_a_telephone()), by_resident=True)
    assert (photo.case_id, photo.round, photo.state, photo.by_resident) == (case.id, 2, Stored.STORED, True)
    kept = storage.read(photo.sha256)
    assert (photo.mime, photo.size) == ("image/jpeg", len(kept))
    assert b"secret" not in kept


def test_only_photos_come_from_pages():
    with pytest.raises(Invalid, match="只能上传照片"):
        prepare(pictures.AMR)


def test_each_side_may_add_so_many_photos_in_a_round(session):
    case = make_case(session)
    for width in range(81, 81 + PHOTOS):
        attachments.attach(session, case, prepare(jpeg(width)), by_resident=True)
    with pytest.raises(Conflict, match="最多传 9 张照片"):
        attachments.attach(session, case, prepare(jpeg()), by_resident=True)
    attachments.attach(session, case, prepare(jpeg()), by_resident=False)
    case.round = 2
    session.commit()
    attachments.attach(session, case, prepare(jpeg()), by_resident=True)


def test_the_same_photo_again_is_the_one_that_is_there(session):
    case = make_case(session)
    first, is_new = attachments.attach(session, case, prepare(jpeg()), by_resident=True)
    assert is_new
    assert attachments.attach(session, case, prepare(jpeg()), by_resident=True) == (first, False)
    of_officer, is_new = attachments.attach(session, case, prepare(jpeg()), by_resident=False)
    assert is_new
    assert of_officer is not first


def test_a_bad_photo_costs_no_other():
    prepared = attachments.prepare_all([pictures.PDF, jpeg(), pictures.HTML])
    [photo] = prepared.photos
    assert len(prepared.refused) == 2
    assert storage.read(photo.sha256)


def test_an_addition_says_what_came_with_it_and_nothing_that_came_at_another_moment(session):
    case, at = make_case(session), now()
    for width in (80, 81):
        attachments.attach(session, case, prepare(jpeg(width)), by_resident=True, at=at)
    attachments.attach(session, case, prepare(jpeg(82)), by_resident=True, at=at + SECOND)
    make_waiting(session, case, created_at=at).kind = AttachmentKind.VOICE
    session.flush()
    files = queries.attachments(session, case)
    assert brought(CaseEvent(action=Action.ADD, created_at=at), files) == "2 张照片、1 段录音"
    assert brought(CaseEvent(action=Action.ADD, created_at=at + 2 * SECOND), files) == ""
    assert brought(CaseEvent(action=Action.RESOLVE, created_at=at), files) == ""


def test_lost_photos_and_recordings_do_not_use_up_the_room(session):
    case = make_case(session)
    for _ in range(PHOTOS):
        make_waiting(session, case, state=Stored.LOST)
    assert attachments.attach(session, case, prepare(jpeg()), by_resident=True)[0].state is Stored.STORED


def test_two_photos_at_one_moment_do_not_pass_the_limit_together(committed):
    case_id = make_case(committed).id
    for _ in range(PHOTOS - 1):
        make_waiting(committed, committed.get_one(attachments.Case, case_id))
    refused = []

    def upload(width):
        photo = prepare(jpeg(width))
        with db.transaction() as session:
            case = session.get_one(attachments.Case, case_id)
            try:
                attachments.attach(session, case, photo, by_resident=True)
            except Conflict as error:
                refused.append(error)

    threads = [threading.Thread(target=upload, args=[80 + n]) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 3
    assert committed.scalar(sa.select(sa.func.count(Attachment.id))) == PHOTOS


@pytest.mark.parametrize("status", [Status.CLOSED, Status.WITHDRAWN, Status.REJECTED])
def test_a_case_that_has_ended_takes_no_more_photos(session, status):
    case = make_case(session, status=status)
    with pytest.raises(Conflict, match="不能再补充照片"):
        attachments.attach(session, case, prepare(jpeg()), by_resident=True)


def test_a_file_is_claimed_once_until_its_lease_ends(session):
    row = make_waiting(session)
    at = now() + SECOND
    assert [claimed.id for claimed in attachments.take_due(session, at, 5)] == [row.id]
    assert attachments.take_due(session, at, 5) == []
    assert attachments.take_due(session, at + LEASE - SECOND, 5) == []
    assert [claimed.id for claimed in attachments.take_due(session, at + LEASE, 5)] == [row.id]
    assert row.attempts == 2


def test_only_the_files_that_are_named_are_claimed(session):
    case = make_case(session)
    first, second, third = (make_waiting(session, case) for _ in range(3))
    at = now() + SECOND
    assert {row.id for row in attachments.take_due(session, at, 5, [first.id, third.id])} == {
        first.id,
        third.id,
    }
    assert [row.id for row in attachments.take_due(session, at, 5)] == [second.id]


def test_two_workers_never_claim_the_same_file(committed):
    case = make_case(committed)
    for _ in range(40):
        make_waiting(committed, case)
    at = now() + SECOND
    claimed = []

    def work():
        for _ in range(10):
            with db.transaction() as session:
                claimed.extend(row.id for row in attachments.take_due(session, at, 3))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(claimed) == 40
    assert len(set(claimed)) == 40


def test_what_wechat_keeps_no_longer_is_given_up(session):
    at = now()
    gone = make_waiting(session, created_at=at - MEDIA_LIFE - SECOND)
    there = make_waiting(session, created_at=at - MEDIA_LIFE + SECOND)
    assert [row.id for row in attachments.take_due(session, at + SECOND / 2, 5)] == [there.id]
    session.flush()
    session.refresh(gone)
    assert (gone.state, gone.reason) == (Stored.LOST, EXPIRED)


def test_a_fetched_file_says_what_it_turned_out_to_be(session):
    row = make_waiting(session)
    checked = check(pictures.AMR)
    attachments.keep(session, row.id, checked, storage.save(checked.content))
    assert (row.state, row.kind, row.mime) == (Stored.STORED, AttachmentKind.VOICE, "audio/amr")
    assert storage.read(row.sha256) == pictures.AMR
    assert row.size == len(pictures.AMR)


def test_what_was_recorded_first_stands(session):
    row = make_waiting(session)
    checked = check(pictures.AMR)
    attachments.keep(session, row.id, checked, storage.save(checked.content))
    attachments.lose(session, row.id, "来晚了")
    attachments.put_off(session, row.id, now())
    session.flush()
    session.refresh(row)
    assert (row.state, row.reason) == (Stored.STORED, None)


def test_a_file_that_fails_is_tried_later_and_later(session):
    row = make_waiting(session)
    waits = []
    for _ in range(len(BACK_OFF) + 2):
        row.due_at = at = now()
        session.flush()
        attachments.take_due(session, at, 1)
        attachments.put_off(session, row.id, at)
        waits.append(row.due_at - at)
    assert waits == [*BACK_OFF, BACK_OFF[-1], BACK_OFF[-1]]
    assert sum(BACK_OFF, timedelta()) < MEDIA_LIFE


def test_the_address_of_a_file_cannot_be_made_up(session):
    row = make_waiting(session)
    url = attachments.photo_url(row)
    assert url.startswith("/r/files/")
    token = url.removeprefix("/r/files/")
    assert auth.unsign("file", token, timedelta(hours=1)) == row.id
    assert attachments.photo_url(make_waiting(session)) != url
