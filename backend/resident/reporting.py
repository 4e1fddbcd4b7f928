"""A report that comes by a form or the mini program: where it belongs, whose it is, and the case it opens."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend import privacy
from backend.cases import intake, joining, merging
from backend.cases.models import Case, Channel
from backend.cases.staff import clean_phone
from backend.errors import Invalid, NotFound
from backend.notify.models import Contact
from backend.places import codes, positions, queries, residents
from backend.places.models import Area, PlaceCode, Resident
from backend.places.roles import Role
from backend.resident import schemas
from backend.web.forms import WrongFields
from backend.web.words import clean
from backend.wechat import accounts
from backend.wechat.accounts import MINI, Account
from backend.wechat.understanding import Intent, understand

SAYS_TOO_LITTLE = {Intent.BLANK, Intent.DIGIT}
UNKNOWN = "没有找到这个地点，二维码可能已经换新了"
TOO_LITTLE = "请再说详细一点：在哪里、出了什么事，一两句话就行"


@dataclass(frozen=True)
class Told:
    """What was filled in, cleaned. `position` is GCJ-02 (latitude, longitude); `key` is the sender's own."""

    text: str
    key: str
    scene: str = ""
    phone: str = ""
    address: str = ""
    position: tuple[float, float] | None = None
    same: int | None = None  # the id of a case that is about the same matter


def account_of(session: Session, contact_id: int) -> Account:
    """The account by which this contact came to us."""
    name = session.scalars(sa.select(Contact.account).where(Contact.id == contact_id)).one()
    return accounts.get(name.removesuffix(MINI))


def home_of(session: Session, contact_id: int) -> int:
    """The id of the area that the contact's account serves."""
    return accounts.area_id(session, account_of(session, contact_id))


def place_of(session: Session, scene: str) -> Area:
    """The place behind a scanned code, or NotFound."""
    area = known_place(session, scene)
    if area is None:
        raise NotFound(UNKNOWN)
    return area


def known_place(session: Session, scene: str) -> Area | None:
    """The place behind a scanned code, or None."""
    return codes.by_scene(session, clean(scene))


def scanned(session: Session, scene: str) -> PlaceCode | None:
    """The code that was scanned, if it may be used. A place that was chosen from a list was not scanned:
    it comes with a bare scene, and what is in our pictures is signed."""
    if codes.scene_in(clean(scene)) is None:
        return None
    found = codes.find(session, clean(scene))
    return found.code if found and found.is_used else None


def count_scan(session: Session, scene: str) -> None:
    """Count the opening of the mini program by a code; the mini program asks for the place once for each."""
    if code := scanned(session, scene):
        codes.count(session, code.id, scans=1)


def choices(session: Session, contact_id: int) -> list[schemas.Place]:
    """The communities and stations that a resident without a scanned code can choose from."""
    return [
        schemas.Place(scene=place.scene, name=place.name, path=place.path)
        for place in queries.choices(session, home_of(session, contact_id))
        if place.scene is not None
    ]


def open_case(
    session: Session, told: Told, contact_id: int, resident_id: int, channel: Channel
) -> tuple[Case, bool]:
    """Open the case, or find the one that the same key opened; and whether it is new.

    Raises WrongFields with the sentences that say what to mend.
    """
    text = _said(session, told)
    if understand(text).intent in SAYS_TOO_LITTLE:
        raise WrongFields({"report": TOO_LITTLE})
    area, true = _locate(session, told, contact_id)
    if phone := _clean_phone(told.phone):
        residents.keep_phone(session, resident_id, phone)
    code = scanned(session, told.scene)
    report = intake.Report(
        text=text,
        place_id=area.id,
        place=area.name,
        channel=channel,
        resident_id=resident_id,
        role=Role.RESIDENT,
        urgent=bool(understand(told.text).dangers),  # what a matter is filed as calls nobody to a danger
        latitude=true[0] if true else None,
        longitude=true[1] if true else None,
        address=told.address or None,
        code_id=code.id if code else None,
        key=f"resident:{resident_id}:{told.key}",
    )
    case = merging.join(session, report, told.same) if told.same else intake.open_case(session, report)
    # The column's default is the transaction's own moment: an older one means that the key was known.
    is_new = case.discovered_at == session.scalar(sa.select(sa.func.now()))
    if is_new and code and true:
        codes.note_position(session, code.id, true)
    return case, is_new


def _said(session: Session, told: Told) -> str:
    """What they say; who says the same as others need not write it."""
    if told.text or told.same is None:
        return told.text
    return joining.SAME.format(matter=joining.name_of(session, told.same))


def _locate(session: Session, told: Told, contact_id: int) -> tuple[Area, positions.Point | None]:
    """The scanned place, else the nearest one, else the account's whole area: no report is turned away."""
    true = positions.to_wgs84(*told.position) if told.position else None
    if told.scene:
        area = codes.by_scene(session, told.scene)
        if area is None:
            raise WrongFields({"scene": "没有找到这个地点，请重新扫码，或从列表里选一个地点"})
        return area, true
    home = home_of(session, contact_id)
    near = queries.at_point(session, home, *true) if true else None
    return near or session.get_one(Area, home), true


def _clean_phone(text: str) -> str:
    try:
        return clean_phone(text)
    except Invalid as error:
        raise WrongFields({"phone": error.message}) from None


def phone_of(session: Session, resident_id: int) -> str:
    """The number that the resident left before, masked; empty without one."""
    phone = session.get_one(Resident, resident_id).phone
    return privacy.mask_phone(phone) if phone else ""
