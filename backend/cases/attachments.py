"""Attachments of a case: added from a page, or fetched later from where a chat message left them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend import auth, storage
from backend.cases.content import Checked, check
from backend.cases.models import Attachment, AttachmentKind, Case, CaseEvent, Stored
from backend.cases.survey_models import Survey
from backend.cases.workflow import RULES, STATUS_LABELS, Action
from backend.errors import Conflict, Invalid, TooLarge
from backend.times import now

PHOTOS = 9  # of one side in one round: what WeChat lets a person choose at once
MEDIA_LIFE = timedelta(days=3)  # how long WeChat keeps what a user sent (its temporary media interface)
EXPIRED = "微信上的文件已过期"
LEASE = timedelta(minutes=2)  # longer than a slow download; what is fetched twice is kept once
BACK_OFF = tuple(timedelta(minutes=minutes) for minutes in (0.5, 2, 10, 60, 180, 360))
COUNTED = {
    AttachmentKind.PHOTO: "{} 张照片",
    AttachmentKind.VOICE: "{} 段录音",
    AttachmentKind.VIDEO: "{} 段视频",
}

NOUNS = {AttachmentKind.PHOTO: "照片", AttachmentKind.VOICE: "录音", AttachmentKind.VIDEO: "视频"}


@dataclass(frozen=True)
class Photo:
    """A photo that may be kept and lies in the store: all that is left to do with it is quick."""

    sha256: str
    mime: str
    size: int


def prepare(content: bytes) -> Photo:
    """Check a photo from a page, redraw it and store it. Raises Invalid or TooLarge.

    It takes up to seconds, so it is done before a transaction holds the case that others want, too.
    """
    checked = check(content)
    if checked.kind is not AttachmentKind.PHOTO:
        raise Invalid("这里只能上传照片")
    return Photo(storage.save(checked.content), checked.mime, len(checked.content))


@dataclass(frozen=True)
class Prepared:
    """The photos of a form that may be kept, and why others may not: a bad one costs no other."""

    photos: list[Photo]
    refused: list[str]


def prepare_all(contents: Sequence[bytes]) -> Prepared:
    """Every photo of a form, as far as it may be kept."""
    prepared = Prepared([], [])
    for content in contents:
        try:
            prepared.photos.append(prepare(content))
        except (Invalid, TooLarge) as error:
            prepared.refused.append(error.message)
    return prepared


def attach(
    session: Session, case: Case, photo: Photo, *, by_resident: bool, at: datetime | None = None
) -> tuple[Attachment, bool]:
    """Add a photo to a case that is still open, and say whether it is new. The case was found before.

    The same photo again, as a second tap sends it, is the one that is there already. `at` is the moment of
    the step that it comes with (see `brought`). Raises Conflict when the case takes nothing more.
    """
    session.refresh(case, ["status", "round"], with_for_update=True)
    if known := _same(session, case.id, case.round, photo.sha256, by_resident):
        return known, False
    if case.status not in RULES[Action.ADD].sources:
        raise Conflict(f"这件事现在是“{STATUS_LABELS[case.status]}”，不能再补充照片")
    _check_room(session, case.id, case.round, by_resident)
    return _add(session, case.id, case.round, photo, by_resident, at or now()), True


def attach_to_answer(session: Session, survey: Survey, photo: Photo, at: datetime) -> bool:
    """Add a photo that comes with the answer to the survey of a round, whatever has become of the case, which
    the caller holds. False: it is there already. Raises Conflict when the answer has enough; those that came
    with the report leave it its own."""
    where = (survey.case_id, survey.round)
    if _same(session, *where, photo.sha256, by_resident=True):
        return False
    _check_room(session, *where, by_resident=True, since=survey.answered_at)
    _add(session, *where, photo, by_resident=True, at=at)
    return True


def _add(
    session: Session, case_id: int, round_: int, photo: Photo, by_resident: bool, at: datetime
) -> Attachment:
    attachment = Attachment(
        case_id=case_id,
        round=round_,
        by_resident=by_resident,
        source={},
        state=Stored.STORED,
        kind=AttachmentKind.PHOTO,
        mime=photo.mime,
        sha256=photo.sha256,
        size=photo.size,
        created_at=at,
    )
    session.add(attachment)
    session.flush()
    return attachment


def brings_nothing(words: str, photos: Sequence[Photo], new: int) -> bool:
    """Whether an addition is the same tap again: photos without a word, none of them new to the case."""
    return bool(photos) and not new and not words


def brought(event: CaseEvent, files: Sequence[Attachment]) -> str:
    """What an addition brought, like "2 张照片、1 段录音"; empty if only words, and for every other step.

    A step and its files are written together and bear one moment, so nothing else need tie them.
    """
    if event.action not in (Action.ADD, Action.COMMENT):
        return ""
    return _counted(file.kind for file in files if file.created_at == event.created_at)


def sent(kinds: Sequence[AttachmentKind]) -> str:
    """What a step says that brings only these: 发来 2 张照片; of one, which more may follow, 发来照片."""
    if len(kinds) == 1:
        return f"发来{NOUNS[kinds[0]]}"
    return f"发来 {_counted(kinds)}" if kinds else ""


def _counted(found: Iterable[AttachmentKind]) -> str:
    kinds = Counter(found)
    return "、".join(words.format(kinds[kind]) for kind, words in COUNTED.items() if kinds[kind])


def _same(session: Session, case_id: int, round_: int, sha256: str, by_resident: bool) -> Attachment | None:
    """The same photo of the same side in this round."""
    return session.scalar(
        sa.select(Attachment)
        .where(
            Attachment.case_id == case_id,
            Attachment.round == round_,
            Attachment.by_resident == by_resident,
            Attachment.sha256 == sha256,
        )
        .limit(1)
    )


def _check_room(
    session: Session, case_id: int, round_: int, by_resident: bool, since: datetime | None = None
) -> None:
    own = sa.select(sa.func.count()).where(
        Attachment.case_id == case_id,
        Attachment.round == round_,
        Attachment.by_resident == by_resident,
        Attachment.kind == AttachmentKind.PHOTO,
        Attachment.state != Stored.LOST,
    )
    there = session.scalar(own if since is None else own.where(Attachment.created_at >= since))
    if there is not None and there >= PHOTOS:
        raise Conflict(f"最多传 {PHOTOS} 张照片，已经够了")


def take_due(
    session: Session, at: datetime, limit: int, ids: Sequence[int] | None = None
) -> list[Attachment]:
    """Claim files that are to be fetched now (of these ids, if given) until `at` + LEASE. Cost: what is due.

    Those that WeChat does not keep any more are given up here and not returned.
    """
    due = sa.select(Attachment).where(Attachment.state == Stored.WAITING, Attachment.due_at <= at)
    if ids is not None:
        due = due.where(Attachment.id.in_(ids))
    claimed = session.scalars(due.order_by(Attachment.due_at).limit(limit).with_for_update(skip_locked=True))
    return [attachment for attachment in claimed.all() if _claim(attachment, at)]


def _claim(attachment: Attachment, at: datetime) -> bool:
    if attachment.created_at + MEDIA_LIFE < at:
        attachment.state, attachment.reason = Stored.LOST, EXPIRED
        return False
    attachment.due_at, attachment.attempts = at + LEASE, attachment.attempts + 1
    return True


def keep(session: Session, attachment_id: int, checked: Checked, sha256: str) -> None:
    """Record that a waiting file was fetched, and lies in the store under this SHA-256."""
    if attachment := _waiting(session, attachment_id):
        attachment.state, attachment.kind, attachment.mime = Stored.STORED, checked.kind, checked.mime
        attachment.sha256, attachment.size = sha256, len(checked.content)


def lose(session: Session, attachment_id: int, reason: str) -> None:
    """Record that a waiting file cannot be had, with the reason as officers read it."""
    if attachment := _waiting(session, attachment_id):
        attachment.state, attachment.reason = Stored.LOST, reason


def put_off(session: Session, attachment_id: int, at: datetime) -> None:
    """Record that fetching failed at this moment; the longer it has failed, the later it is tried again."""
    if attachment := _waiting(session, attachment_id):
        attachment.due_at = at + BACK_OFF[min(attachment.attempts, len(BACK_OFF)) - 1]


def _waiting(session: Session, attachment_id: int) -> Attachment | None:
    """The row, locked; None when another worker was quicker: what it recorded stands."""
    return session.scalar(
        sa.select(Attachment)
        .where(Attachment.id == attachment_id, Attachment.state == Stored.WAITING)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def photo_url(attachment: Attachment) -> str:
    """Where the file is shown: a path that cannot be guessed and expires, for those who see the case."""
    return f"/r/files/{auth.sign('file', attachment.id)}"
