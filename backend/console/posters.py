"""What the posters of codes say, and drawing them into one file: for worker, pages and command."""

import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from backend.cases import code_figures
from backend.cases.code_figures import Wanted
from backend.errors import Invalid
from backend.places import codes, queries
from backend.places.layouts import Format
from backend.places.models import Area, PlaceCode
from backend.places.posters import Poster, Told, draw_pdf, draw_zip, unprintable
from backend.places.roles import Carrier, Level
from backend.places.scope import Editor
from backend.wechat import qrcodes

AT_ONCE = 5_000  # posters of one file
LINE = "微信扫一扫，一句话反映身边事"
NONE_LEFT = "这里没有能印的码：小程序码只有微信画好的图片，请选 ZIP；等微信生成的码，请过几分钟再来"
NO_CODES = (
    "这里还没有在用的二维码：请在“二维码”页面点“新做二维码”，或者在服务器上运行 python -m backend publish"
)


@dataclass(frozen=True)
class Sheets:
    """What is to be printed: posters, pictures that only WeChat draws, and how many codes have neither."""

    posters: Sequence[Poster]
    pictures: Sequence[tuple[str, PlaceCode]]
    left_out: int = 0


def collect(
    session: Session,
    editor: Editor,
    wanted: Wanted,
    *,
    ids: Sequence[int] | None = None,
    level: Level | None = None,
) -> Sheets:
    """The used codes that are wanted, street by street and place by place (two queries)."""
    street, community = aliased(Area), aliased(Area)
    query = (
        code_figures.codes_of(editor, wanted)
        .outerjoin(street, street.id == Area.subdistrict_id)
        .outerjoin(community, community.id == Area.community_id)
        .where(codes.living())
        .add_columns(Area, street.name, community.name)
        .order_by(Area.subdistrict_id, Area.community_id, Area.grid_id, Area.id, PlaceCode.id)
        .limit(AT_ONCE + 1)
    )
    if ids is not None:
        query = query.where(PlaceCode.id.in_(ids))
    if level is not None:
        query = query.where(Area.level == level)
    rows = session.execute(query).all()
    if len(rows) > AT_ONCE:
        raise Invalid(f"一次最多印 {AT_ONCE} 张，请选小一点的范围，分几次印")
    return _sorted(rows, queries.telephones(session, {area for _, area, *_ in rows}))


def _sorted(
    rows: Iterable["sa.Row[PlaceCode, Area, str, str]"], telephones: Mapping[int, str | None]
) -> Sheets:
    posters, pictures, left_out = [], [], 0
    for code, area, street, community in rows:
        text = codes.text_of(code)
        if text is not None:
            above = [name for name in (street, community) if name and name != area.name]
            posters.append(poster(code, area, " ".join(above), telephones[area.id]))
        elif code.carrier is Carrier.MINI_PROGRAM and code.ticket:
            pictures.append((f"{area.name}-{code.id}", code))
        else:
            left_out += 1
    return Sheets(posters, pictures, left_out)


def poster(code: PlaceCode, area: Area, above: str, telephone: str | None) -> Poster:
    """What hangs on the wall. The label is for who hangs it up: the code's number, and where."""
    label = f"{code.id} {code.label}" if code.label else str(code.id)
    return Poster(codes.text_of(code) or "", area.name, above, LINE, telephone, label)


def total(sheets: Sheets, *, is_zip: bool) -> int:
    """How many pieces the file will hold. Pictures that only WeChat draws do not go into a PDF."""
    return len(sheets.posters) + (len(sheets.pictures) if is_zip else 0)


def check(sheets: Sheets, *, is_zip: bool) -> None:
    """Say before the first page what cannot be printed. Raises Invalid."""
    if not total(sheets, is_zip=is_zip):
        raise Invalid(NONE_LEFT if sheets.pictures or sheets.left_out else NO_CODES)
    bad = next((one for one in sheets.posters if unprintable(one)), None)
    if bad is not None:
        raise Invalid(f"“{bad.title}”里有字库没有的字“{unprintable(bad)}”，印出来是空白，请先改地点的名称")


def draw(sheets: Sheets, format: Format, out: BinaryIO, *, is_zip: bool, on_page: Told | None = None) -> None:
    """Write a PDF of all posters, or a zip with a PDF for each and the pictures that WeChat drew."""
    check(sheets, is_zip=is_zip)
    if not is_zip:
        draw_pdf(sheets.posters, format, out, on_page=on_page)
        return
    if sheets.posters:
        draw_zip(sheets.posters, format, out, on_page=on_page)
    with zipfile.ZipFile(out, "a") as archive:
        for number, (name, code) in enumerate(sheets.pictures, len(sheets.posters) + 1):
            content, ending = qrcodes.picture(code)
            archive.writestr(f"{name.replace('/', '_')}.{ending}", content)
            if on_page:
                on_page(number)
