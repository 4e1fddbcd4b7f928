"""Posters: the code can be scanned from the paper, the words can be read, and nothing leaves its place."""

import ctypes
import io
import threading
import zipfile
from dataclasses import replace

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c
import pytest
import zxingcpp

from backend.errors import AppError, Invalid
from backend.places import fonts, posters
from backend.places.fonts import Face
from backend.places.layouts import PAGES, Format
from backend.places.posters import Poster

MM = 72 / 25.4  # points
EAST_GATE = Poster(
    text="https://fuwu.example.cn/r/s/abcdefgh2345672x",
    title="玉兰苑东门",
    above="青岚区 · 望溪街道 · 玉兰社区",
    line="微信扫一扫，说说您身边的事",
    telephone="0755-28331234",
    label="7K2M-41",
)
TITLES = {
    "one": "门",
    "short": "玉兰苑东门",
    "brackets": "望溪街道社区党群服务中心（玉兰苑三期老年活动站）",
    "forty": "青岚区望溪街道玉兰社区第一工作站综合服务中心二楼东侧老年人日间照料与便民服务大厅",
    "latin": "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCD",
    "hundred": "青岚区望溪街道玉兰社区" * 9,
}


def drawn(*made: Poster, format: Format = Format.A4) -> pdfium.PdfDocument:
    out = io.BytesIO()
    posters.draw_pdf(made, format, out)
    return pdfium.PdfDocument(out.getvalue())


def codes_on(page: pdfium.PdfPage, dpi: int = 150) -> list[str]:
    """What a reader sees that knows nothing of us, from the upper left to the lower right."""
    found = zxingcpp.read_barcodes(page.render(scale=dpi / 72).to_pil().convert("L"))
    return [
        code.text
        for code in sorted(
            found, key=lambda code: (code.position.top_left.y // 100, code.position.top_left.x)
        )
    ]


def words_on(page: pdfium.PdfPage) -> str:
    return "".join(page.get_textpage().get_text_bounded().split())


def boxes_on(page: pdfium.PdfPage) -> list[tuple[float, float, float, float]]:
    """Left, lower, right and upper edge of what is printed of each character, in mm."""
    text = page.get_textpage()
    boxes = [text.get_charbox(number) for number in range(text.count_chars())]
    return [tuple(edge / MM for edge in box) for box in boxes if box[0] < box[2]]


def fonts_on(page: pdfium.PdfPage) -> dict[str, bool]:
    """The name of each font that words are set in, and whether it is embedded."""
    found = {}
    for words in page.get_objects(filter=[pdfium_c.FPDF_PAGEOBJ_TEXT]):
        font = pdfium_c.FPDFTextObj_GetFont(words.raw)
        name = ctypes.create_string_buffer(100)
        pdfium_c.FPDFFont_GetBaseFontName(font, name, 100)
        found[name.value.decode()] = pdfium_c.FPDFFont_GetIsEmbedded(font) == 1
    return found


@pytest.mark.parametrize("telephone", ["0755-28331234", None])
@pytest.mark.parametrize("format", [Format.A4, Format.A5, Format.STICKER])
def test_a_code_is_scanned_from_the_page(format, telephone):
    [page] = drawn(replace(EAST_GATE, telephone=telephone), format=format)
    assert codes_on(page) == [EAST_GATE.text]


@pytest.mark.parametrize("format", Format)
def test_a_page_has_the_size_of_its_paper(format):
    [page] = drawn(EAST_GATE, format=format)
    size = {"a4": (210, 297), "a5": (148, 210), "sticker": (100, 100), "sheet": (210, 297)}[format]
    assert [edge / MM for edge in page.get_size()] == pytest.approx(size, abs=0.01)


@pytest.mark.parametrize("format", Format)
def test_a_page_says_what_the_poster_says(format):
    [page] = drawn(EAST_GATE, format=format)
    said = words_on(page)
    for words in ("玉兰苑东门", "青岚区·望溪街道·玉兰社区", "微信扫一扫，说说您身边的事"):
        assert words in said
    assert "社区电话0755-28331234" in said
    assert "编号7K2M-41" in said


def test_what_a_poster_does_not_have_is_not_mentioned():
    [page] = drawn(replace(EAST_GATE, telephone=None, label=""))
    assert "电话" not in words_on(page)
    assert "编号" not in words_on(page)


@pytest.mark.parametrize("format", Format)
@pytest.mark.parametrize("title", TITLES.values(), ids=TITLES)
def test_a_title_of_any_length_is_whole_and_stays_in_the_band(format, title):
    [page] = drawn(replace(EAST_GATE, title=title), format=format)
    assert title in words_on(page)
    layout, (left, top) = PAGES[format].layout, PAGES[format].corners[0]
    lowest = PAGES[format].height - top - layout.band.top - layout.band.height
    boxes = boxes_on(page)
    assert min(box[0] for box in boxes) > left + layout.margin
    assert max(box[2] for box in boxes) < left + layout.width - layout.margin
    # Between band and code there is nothing: every character lies in the band or below the code.
    below = PAGES[format].height - top - layout.code.top - layout.code.height
    assert all(box[1] > lowest or box[3] < below for box in boxes)


def test_long_words_of_every_kind_stay_on_the_paper():
    long = replace(
        EAST_GATE, above="望溪街道" * 20, line="请扫码说事" * 12, telephone="0755-28331234 转 " * 4
    )
    [page] = drawn(long, format=Format.STICKER)
    assert all(left > 4 and right < 96 and low > 4 for left, low, right, _ in boxes_on(page))


def test_a_title_of_five_characters_is_two_centimetres_high():
    [page] = drawn(EAST_GATE)
    assert max(upper - lower for _, lower, _, upper in boxes_on(page)) > 20


@pytest.mark.parametrize("format", Format)
def test_the_fonts_are_ours_and_travel_with_the_page(format):
    [page] = drawn(EAST_GATE, format=format)
    found = fonts_on(page)
    assert all(found.values())
    assert {name.rpartition("+")[2] for name in found} == {"NotoSansSC-Regular", "NotoSansSC-Bold"}


def test_a_document_knows_no_other_font():
    out = io.BytesIO()
    posters.draw_pdf([EAST_GATE], Format.A4, out)
    assert b"Helvetica" not in out.getvalue()
    assert b"STSong" not in out.getvalue()


@pytest.mark.parametrize("format", Format)
def test_a_code_is_lines_and_not_a_picture(format):
    [page] = drawn(EAST_GATE, format=format)
    kinds = {found.type for found in page.get_objects()}
    assert kinds == {pdfium_c.FPDF_PAGEOBJ_TEXT, pdfium_c.FPDF_PAGEOBJ_PATH}


def test_each_poster_has_a_page_and_is_counted():
    made = [replace(EAST_GATE, text=f"https://fuwu.example.cn/{number}") for number in range(3)]
    counted, out = [], io.BytesIO()
    posters.draw_pdf(iter(made), Format.A5, out, on_page=counted.append)
    pages = pdfium.PdfDocument(out.getvalue())
    assert [codes_on(page) for page in pages] == [[poster.text] for poster in made]
    assert counted == [1, 2, 3]


def test_four_stickers_share_a_sheet():
    made = [replace(EAST_GATE, text=f"https://fuwu.example.cn/{number}") for number in range(6)]
    counted, out = [], io.BytesIO()
    posters.draw_pdf(made, Format.SHEET, out, on_page=counted.append)
    first, second = pdfium.PdfDocument(out.getvalue())
    assert codes_on(first, dpi=200) == [poster.text for poster in made[:4]]
    assert codes_on(second, dpi=200) == [poster.text for poster in made[4:]]
    assert counted == [4, 6]


def test_the_same_posters_are_the_same_bytes():
    outs = io.BytesIO(), io.BytesIO()
    for out in outs:
        posters.draw_pdf([EAST_GATE], Format.A4, out)
    assert outs[0].getvalue() == outs[1].getvalue()


def test_threads_that_begin_to_draw_at_once_do_not_disturb_each_other():
    wanted = [replace(EAST_GATE, title=chr(0x4E00 + 7 * number) * 5) for number in range(8)]
    alone, together = {}, {}

    def draw(number: int, into: dict[int, bytes]) -> None:
        out = io.BytesIO()
        posters.draw_pdf([wanted[number]] * 3, Format.A5, out)
        into[number] = out.getvalue()

    fonts._load.cache_clear()  # all of them find no font yet
    threads = [threading.Thread(target=draw, args=(number, together)) for number in range(len(wanted))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(len(wanted)):
        draw(number, alone)
    assert together == alone


def test_a_character_that_cannot_be_printed_stops_the_print_and_is_named():
    rare = replace(EAST_GATE, title="𠮷祥里东门")
    assert posters.unprintable(rare) == "𠮷"
    out = io.BytesIO()
    with pytest.raises(Invalid, match="“𠮷祥里东门”的海报里，“𠮷”不在字库里"):
        posters.draw_pdf([EAST_GATE, rare], Format.A4, out)
    assert out.getvalue() == b""


def test_what_is_invisible_is_left_out():
    pasted = replace(EAST_GATE, title="\u200b玉兰苑\ufeff\n  东门\t")
    assert posters.unprintable(pasted) == ""
    [page] = drawn(pasted)
    assert "玉兰苑 东门" in page.get_textpage().get_text_bounded()


@pytest.mark.parametrize("draw", [posters.draw_pdf, posters.draw_zip])
def test_no_posters_are_no_document(draw):
    with pytest.raises(Invalid, match="请先选好地点"):
        draw([], Format.A4, io.BytesIO())


def test_without_the_fonts_one_is_told_what_to_run(monkeypatch, tmp_path):
    monkeypatch.setattr(fonts, "FOLDER", tmp_path)
    fonts._load.cache_clear()
    with pytest.raises(AppError, match=r"NotoSansSC-Regular\.ttf，.*make setup"):
        posters.draw_pdf([EAST_GATE], Format.A4, io.BytesIO())


def test_a_title_breaks_where_its_words_pause():
    def lines(title: str) -> list[str]:
        return [line.strip() for line in fonts.fit(title, Face.BOLD, 172, 44, 24, most=2).lines]

    assert lines("玉兰苑东门") == ["玉兰苑东门"]
    assert lines(TITLES["brackets"]) == ["望溪街道社区党群服务中心", "（玉兰苑三期老年活动站）"]
    assert lines(TITLES["forty"])[0].endswith("综合服务中心")
    assert lines("玉兰苑三期地下停车场 B2 层出入口") == ["玉兰苑三期地下停车场", "B2 层出入口"]


@pytest.mark.parametrize(
    "title",
    ["幸福路一百二十三四五六七八九十（甲）", "福" * 13 + "2024" + "福" * 3, "福" * 9 + "，" + "福" * 9],
)
def test_a_number_stays_whole_and_no_line_begins_with_a_mark(title):
    first, second = fonts.fit(title, Face.BOLD, 172, 44, 24, most=2).lines
    assert first + second == title
    assert second[0] not in fonts.NEVER_FIRST
    assert first[-1] not in fonts.NEVER_LAST
    assert not (first[-1].isdigit() and second[0].isdigit())


def test_a_zip_holds_a_file_for_each_poster_under_a_name_every_system_takes():
    titles = ["玉兰苑东门", "玉兰苑东门", "玉兰苑东门-2", "a/b\\c:d", "A/B\\C:D", "../..", "长" * 200, "门."]
    made = [
        replace(EAST_GATE, title=title, text=f"https://fuwu.example.cn/{n}") for n, title in enumerate(titles)
    ]
    counted, out = [], io.BytesIO()
    posters.draw_zip(made, Format.STICKER, out, on_page=counted.append)
    with zipfile.ZipFile(out) as archive:
        names = archive.namelist()
        read = [codes_on(pdfium.PdfDocument(archive.read(name))[0]) for name in names]
    assert names == [
        "玉兰苑东门.pdf",
        "玉兰苑东门-2.pdf",
        "玉兰苑东门-2-2.pdf",
        "a_b_c_d.pdf",
        "A_B_C_D-2.pdf",
        "_.pdf",
        "长" * 80 + ".pdf",
        "门.pdf",
    ]
    assert read == [[poster.text] for poster in made]
    assert counted == list(range(1, 9))
