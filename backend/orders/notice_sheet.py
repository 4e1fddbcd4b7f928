"""A monthly notice on paper (A4): the words, the figures of the area and of each unit, and how they count."""

from functools import partial
from io import BytesIO
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from backend.cases.supervision_models import MonthlyNotice
from backend.orders.notice_figures import said
from backend.places import fonts
from backend.places.fonts import Face
from backend.times import stamp

MARGIN = 16 * mm
WIDTH = A4[0] - 2 * MARGIN
NAME = 34 * mm  # of the column with the units' names
RED, INK, GREY, LINE = HexColor("#c4161c"), HexColor("#1a1a1a"), HexColor("#5c6066"), HexColor("#c9ced4")
REGULAR, BOLD = Face.REGULAR.value, Face.BOLD.value


def _style(face: str, size: float, **more: Any) -> ParagraphStyle:
    return ParagraphStyle(
        face, fontName=face, fontSize=size, leading=size * 1.5, wordWrap="CJK", textColor=INK, **more
    )


HEAD = ParagraphStyle("head", _style(BOLD, 20), textColor=RED, alignment=1, leading=30)
UNDER = ParagraphStyle("under", _style(REGULAR, 9), textColor=GREY, alignment=1)
TITLE, BODY = _style(BOLD, 11, spaceBefore=10, spaceAfter=4), _style(REGULAR, 10.5)
SMALL, CELL = _style(REGULAR, 8), _style(REGULAR, 7)
MIDDLE = ParagraphStyle("middle", CELL, alignment=1)


def title(notice: MonthlyNotice) -> str:
    """What a notice is called; its area is loaded."""
    return f"{notice.area.name} {notice.month.year}年{notice.month.month}月 月通报"


def draw(notice: MonthlyNotice) -> bytes:
    """The PDF. A draft says that it is one."""
    out = BytesIO()
    first = fonts.load(Face.REGULAR).fontName
    fonts.load(Face.BOLD)
    sheet = SimpleDocTemplate(
        out, pagesize=A4, leftMargin=MARGIN, rightMargin=MARGIN, topMargin=MARGIN, bottomMargin=MARGIN,
        title=title(notice), author="", lang="zh-CN",
    )  # fmt: skip
    begun: Any = {
        "invariant": 1,
        "initialFontName": first,
    }  # reportlab's own first face would not be embedded
    with fonts.lock:
        sheet.build(_story(notice), canvasmaker=partial(Canvas, **begun))
    return out.getvalue()


def _story(notice: MonthlyNotice) -> list[Any]:
    columns, units = notice.figures["columns"], notice.figures["units"]
    published = notice.published_at
    state = f"{stamp(published)}发布" if published else "草稿，未发布"
    return [
        Paragraph(escape(title(notice)), HEAD),
        Paragraph(state, UNDER),
        Spacer(0, 6 * mm),
        *(Paragraph(escape(line) or "&nbsp;", BODY) for line in notice.words.splitlines()),
        Paragraph("总体情况", TITLE),
        _whole(columns, notice.figures["whole"]),
        Paragraph("各单位情况", TITLE),
        _units(columns, units),
        Paragraph("指标怎么算", TITLE),
        *(Paragraph(escape(f"{each['label']}：{each['sentence']}"), SMALL) for each in columns),
    ]


def _whole(columns: list[dict[str, str]], figures: dict[str, list[int]]) -> Table:
    """Four figures to a row."""
    cells: list[Any] = [_figure(each["label"], *said(figures[each["key"]])) for each in columns]
    rows = [cells[start : start + 4] for start in range(0, len(cells), 4)]
    rows[-1] += [""] * (4 - len(rows[-1]))
    return Table(rows, colWidths=[WIDTH / 4] * 4, style=_grid())


def _figure(label: str, value: str, of: str) -> list[Paragraph]:
    beside = f"（{of}）" if of else ""
    return [Paragraph(escape(label), SMALL), Paragraph(escape(value + beside), BODY)]


def _units(columns: list[dict[str, str]], units: list[dict[str, Any]]) -> Any:
    if not units:
        return Paragraph("本月没有单位有发令单或诉求。", BODY)
    head = ["单位", *(each["label"] for each in columns)]
    rows = [[unit["name"], *(_short(unit["figures"], each["key"]) for each in columns)] for unit in units]
    cells = [
        [Paragraph(escape(words), MIDDLE if n else CELL) for n, words in enumerate(row)]
        for row in [head, *rows]
    ]
    widths = [NAME, *[(WIDTH - NAME) / len(columns)] * len(columns)]
    return Table(cells, colWidths=widths, repeatRows=1, style=_grid(padding=1))


def _short(figures: dict[str, list[int]], key: str) -> str:
    return said(figures[key])[0]


def _grid(padding: float = 4) -> TableStyle:
    everywhere = ((0, 0), (-1, -1))
    return TableStyle(
        [
            ("GRID", *everywhere, 0.4, LINE),
            ("VALIGN", *everywhere, "MIDDLE"),
            ("LEFTPADDING", *everywhere, padding),
            ("RIGHTPADDING", *everywhere, padding),
        ]
    )
