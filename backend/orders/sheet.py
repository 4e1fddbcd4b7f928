"""An order on paper: one A4 page, in type that is embedded, smaller where there is much to say."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO

from reportlab.lib.colors import HexColor
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from sqlalchemy.orm import Session

from backend.cases.workflow import OUTCOME_LABELS
from backend.orders import queries
from backend.orders.models import Order, OrderUnit
from backend.orders.workflow import STATUS_LABELS, Status, part_label
from backend.places import fonts
from backend.places.fonts import PITCH, Face
from backend.places.models import Area, Officer
from backend.places.queries import path_names
from backend.times import stamp

WIDTH, HEIGHT, MARGIN = 210.0, 297.0, 18.0  # mm
SIZES = (4.2, 3.8, 3.4, 3.0, 2.6, 2.3, 2.0)  # of the type, in mm: the largest that fits is taken
RED, INK, GREY = HexColor("#c4161c"), HexColor("#1a1a1a"), HexColor("#5c6066")


@dataclass(frozen=True)
class Line:
    """A paragraph: its words, and how they stand."""

    words: str
    face: Face = Face.REGULAR
    is_grey: bool = False
    indent: float = 0.0  # sizes of the type
    before: float = 0.0  # room above, in sizes of the type


@dataclass(frozen=True)
class Paper:
    """What the page says: its head, and all the rest from the top."""

    head: str
    number: str
    lines: Sequence[Line]


def paper_of(session: Session, order: Order) -> Paper:
    """What the page of an order says; its place, parts and units are loaded."""
    community = session.get(Area, order.community_id) if order.community_id else None
    head = f"{community.name if community else order.place.name}电子发令单"
    place = " · ".join(filter(None, (path_names(session, order.place), order.place.name, order.address)))
    numbers = "、".join(case.number for case in queries.cases(session, order))
    lines = [
        Line(order.title, Face.BOLD),
        Line(f"状态：{STATUS_LABELS[order.status]}{'　紧急' if order.urgent else ''}", before=0.4),
        Line(f"地点：{place}"),
        *([Line(f"诉求：{numbers}")] if numbers else []),
        Line(f"起草：{_signed(session, order.drafted_by, order.created_at)}"),
        Line(f"批准：{_signed(session, order.approved_by, order.approved_at) or '（未批准）'}"),
        Line("要求", Face.BOLD, before=0.8),
        *(Line(text) for text in order.text.splitlines()),
        Line("受令单位", Face.BOLD, before=0.8),
        *(line for part in order.parts for line in _of_part(order, part)),
        *_answer(order),
    ]
    return Paper(head, order.number, lines)


def _signed(session: Session, officer_id: int | None, at: datetime | None) -> str:
    officer = session.get(Officer, officer_id) if officer_id else None
    return f"{officer.name}　{stamp(at)}" if officer else ""


def _of_part(order: Order, part: OrderUnit) -> list[Line]:
    kind = "主办" if part.is_lead else "协办"
    moments = {"签收": part.acknowledged_at, "到场": part.arrived_at, "反馈": part.reported_at}
    times = "　".join(f"{what} {stamp(at) or '＿＿＿＿＿＿'}" for what, at in moments.items())
    said = [part.task and f"任务：{part.task}", times, part.answer and f"反馈：{part.answer}"]
    name = Line(f"{kind}　{part.unit.name}（{part_label(order.status, part.status)}）", before=0.3)
    return [name, *(Line(words, is_grey=True, indent=2) for words in said if words)]


def _answer(order: Order) -> list[Line]:
    if order.status is not Status.ANSWERED or order.outcome is None:
        return []
    return [
        Line(f"答复（{OUTCOME_LABELS[order.outcome]}，{stamp(order.answered_at)}）", Face.BOLD, before=0.8),
        *(Line(text) for text in (order.answer or "").splitlines()),
    ]


def draw(paper: Paper) -> bytes:
    """The PDF. What the type has no picture of is drawn as an empty box rather than refused."""
    out = BytesIO()
    first = fonts.load(Face.REGULAR).fontName
    fonts.load(Face.BOLD)
    size = (WIDTH * mm, HEIGHT * mm)
    canvas = Canvas(
        out,
        size,
        pageCompression=1,
        invariant=1,
        initialFontName=first,  # type: ignore[arg-type]  # the stub says float
        lang="zh-CN",
    )
    canvas.setTitle(f"发令单 {paper.number}")
    canvas.setAuthor("")
    canvas.scale(mm, mm)
    _draw(canvas, paper)
    canvas.showPage()
    with fonts.lock:
        canvas.save()
    return out.getvalue()


def _draw(canvas: Canvas, paper: Paper) -> None:
    top = HEIGHT - MARGIN
    canvas.setFillColor(RED)
    canvas.setFont(Face.BOLD.value, 8)
    canvas.drawCentredString(WIDTH / 2, top - 8, paper.head)
    canvas.setFillColor(INK)
    canvas.setFont(Face.REGULAR.value, 4)
    canvas.drawCentredString(WIDTH / 2, top - 15, paper.number)
    canvas.setStrokeColor(RED)
    canvas.setLineWidth(0.6)
    canvas.line(MARGIN, top - 19, WIDTH - MARGIN, top - 19)
    _write(canvas, paper.lines, top - 22)


def _write(canvas: Canvas, lines: Sequence[Line], top: float) -> None:
    """From the top down, in the largest type in which all of it fits; what does not at all is cut off."""
    size = next((one for one in SIZES if _height(lines, one) <= top - MARGIN), SIZES[-1])
    at = top
    for line in lines:
        at -= line.before * size
        canvas.setFillColor(GREY if line.is_grey else INK)
        canvas.setFont(line.face.value, size)
        for words in _wrapped(line, size):
            at -= size * PITCH * 1.2
            if at >= MARGIN:
                canvas.drawString(MARGIN + line.indent * size, at, words)


def _height(lines: Sequence[Line], size: float) -> float:
    return sum((line.before + len(_wrapped(line, size)) * PITCH * 1.2) * size for line in lines)


def _wrapped(line: Line, size: float) -> list[str]:
    """The words in rows that are no wider than the page; a mark that must not begin a row hangs over."""
    room = (WIDTH - 2 * MARGIN) / size - line.indent
    rows, row, used = [], "", 0.0
    for sign in line.words:
        width = fonts.width_of(sign, line.face)
        if row and used + width > room and sign not in fonts.NEVER_FIRST:
            rows.append(row)
            row, used = "", 0.0
        row, used = row + sign, used + width
    return [*rows, row]
