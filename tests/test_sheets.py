"""Sheets: whatever people's spreadsheets save is read as they see it, and comes back as it was written."""

import csv
import io
import zipfile
from datetime import date, datetime, time
from time import perf_counter

import openpyxl
import pytest

from backend import sheets
from backend.errors import Invalid, TooLarge

HEADERS = ("编码", "名称")
ROWS = [("440300001", "玉兰社区"), ("007", "枫溪社区")]


def rows_of(content, name="表.csv"):
    return [row for _, row in sheets.read(content, name).rows]


def book(*rows, before=lambda workbook: None):
    workbook = openpyxl.Workbook()
    before(workbook)
    sheet = workbook.active
    for row in rows:
        sheet.append(row)
    file = io.BytesIO()
    workbook.save(file)
    return file.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_text_file_is_read_in_the_encodings_and_separators_that_spreadsheets_save(encoding, separator):
    text = separator.join(HEADERS) + "\r\n" + separator.join(ROWS[0]) + "\r\n"
    sheet = sheets.read(text.encode(encoding), "表.csv")
    assert sheet.headers == HEADERS
    assert sheet.rows == ((2, dict(zip(HEADERS, ROWS[0], strict=True))),)


def test_rows_are_counted_as_the_spreadsheet_counts_them():
    text = '名称,备注\n玉兰社区,"两行\n的备注"\n\n , \n枫溪社区,\n'
    assert [(number, row["名称"]) for number, row in sheets.read(text.encode(), "表.csv").rows] == [
        (2, "玉兰社区"),
        (5, "枫溪社区"),
    ]
    assert rows_of(text.encode())[0]["备注"] == "两行\n的备注"


def test_titles_above_the_headers_are_passed_over():
    text = "青岚区地点表\n\n编码,名称\n1,玉兰社区\n"
    sheet = sheets.read(text.encode(), "表.csv")
    assert sheet.headers == HEADERS
    assert sheet.rows == ((4, {"编码": "1", "名称": "玉兰社区"}),)


def test_a_table_of_one_column_is_a_table():
    assert rows_of("名称\n玉兰社区\n枫溪社区\n".encode()) == [{"名称": "玉兰社区"}, {"名称": "枫溪社区"}]


def test_headers_are_freed_of_what_only_looks_good():
    text = '\ufeff 编 码* ,＊名称（必填）,"上级\n名称",STREET  NAME,,名称(必填),,\n1,2,3,4,5,6,,\n'
    assert sheets.read(text.encode(), "表.csv").headers == (
        "编码",
        "名称(必填)",
        "上级名称",
        "STREET NAME",
        "第5列",
        "名称(必填)(第6列)",
    )


def test_cells_are_freed_of_blanks_and_of_what_cannot_be_seen():
    assert rows_of("编码,名称\n\u200b 1\u3000,\x07玉兰社区\xa0\n".encode()) == [
        {"编码": "1", "名称": "玉兰社区"}
    ]


def test_short_rows_are_filled_up():
    assert rows_of("编码,名称,电话\n1\n2,玉兰社区\n".encode()) == [
        {"编码": "1", "名称": "", "电话": ""},
        {"编码": "2", "名称": "玉兰社区", "电话": ""},
    ]


@pytest.mark.parametrize("cell", ["", "-", "—", "/", "无", "NULL", " null ", "N/A", "n/a", None])
def test_what_people_write_for_nothing_is_nothing(cell):
    assert sheets.given(cell) == ""


@pytest.mark.parametrize("cell", ["无名路", "0", "A/B"])
def test_what_is_given_stays(cell):
    assert sheets.given(cell) == cell


def test_a_workbook_is_read_as_it_is_shown():
    shown = book(
        ("编码", "名称", "日期", "时间", "数"),
        (
            440300001001,
            "玉兰社区",
            date(2026, 11, 21),
            datetime.combine(date(2026, 11, 21), time(9, 30)),
            2.0,
        ),
        (None, None, None, None, None),
        ("007", True, None, None, 22.705),
    )
    sheet = sheets.read(shown, "表.xlsx")
    assert [(number, *row.values()) for number, row in sheet.rows] == [
        (2, "440300001001", "玉兰社区", "2026-11-21", "2026-11-21 09:30:00", "2"),
        (4, "007", "TRUE", "", "", "22.705"),
    ]


def test_hidden_sheets_are_passed_over():
    def hide(workbook):
        workbook.active.sheet_state = "hidden"
        workbook.active.append(("不要", "看"))
        workbook.active = workbook.create_sheet()

    shown = book(HEADERS, *ROWS, before=hide)
    assert sheets.read(shown, "表.xlsx").headers == HEADERS


def test_of_merged_cells_the_first_holds_the_text():
    def merge(workbook):
        workbook.active.merge_cells("A2:A3")

    shown = book(HEADERS, ("1", "玉兰社区"), (None, "枫溪社区"), before=merge)
    assert [row["编码"] for row in rows_of(shown)] == ["1", ""]


@pytest.mark.parametrize("write", [sheets.write_csv, sheets.write_xlsx])
def test_what_is_written_is_read_back_exactly(write):
    cells = [
        "=1+1",
        "'=1",
        "''@x",
        "+86",
        "-3",
        "@名",
        "'",
        "'字",
        "0012",
        "两\n行",
        '引"号',
        "a,b;c",
        "http://a.cn",
    ]
    written = write(("序号", "内容"), [(number, cell) for number, cell in enumerate(cells)])
    assert [row["内容"] for row in rows_of(written)] == cells


def test_no_cell_of_a_csv_file_becomes_a_formula():
    written = sheets.write_csv(HEADERS, [("=HYPERLINK()", "\t=1"), ("@x", "-1"), (None, 22.705)])
    assert written.startswith(b"\xef\xbb\xbf")
    found = list(csv.reader(io.StringIO(written.decode("utf-8-sig"))))[1:]
    assert found == [["'=HYPERLINK()", "'\t=1"], ["'@x", "'-1"], ["", "22.705"]]


def test_every_cell_of_a_workbook_is_text():
    workbook = openpyxl.load_workbook(io.BytesIO(sheets.write_xlsx(HEADERS, [("007", "=1+1"), (8, None)])))
    assert [[cell.value for cell in row] for row in workbook.active.iter_rows()] == [
        ["编码", "名称"],
        ["007", "=1+1"],
        ["8", ""],
    ]
    assert {cell.data_type for cell in workbook.active["A"]} == {"s"}


@pytest.mark.parametrize("content", [b"", b"\n\n , \n", book()])
def test_an_empty_file_is_refused(content):
    with pytest.raises(Invalid, match="没有内容"):
        sheets.read(content, "表.csv")


@pytest.mark.parametrize(
    "content",
    [b"\xff\xd8\xff\xe0\x00\x10JFIF\xff\x81\x00", b"PK\x03\x04nothing", b"\x89PNG\r\n\x1a\n\x00\x00"],
)
def test_what_is_no_table_is_refused(content):
    with pytest.raises(Invalid, match="另存为"):
        sheets.read(content, "图.csv")


def test_a_workbook_of_the_old_kind_is_told_from_others():
    with pytest.raises(Invalid, match="旧版 Excel"):
        sheets.read(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "表.xls")


def test_a_quote_that_is_never_closed_is_refused_with_its_row():
    with pytest.raises(Invalid, match="第 3 行附近的引号"):
        sheets.read('编码,名称\n1,玉兰社区\n2,"枫溪社区\n'.encode(), "表.csv")


def test_too_many_rows_are_refused(monkeypatch):
    monkeypatch.setattr(sheets, "ROWS", 2)
    assert len(rows_of(sheets.write_csv(HEADERS, ROWS))) == 2
    with pytest.raises(TooLarge, match="最多导入 2 行"):
        sheets.read(sheets.write_csv(HEADERS, ROWS * 2), "表.csv")


def test_too_long_a_cell_and_too_many_columns_are_refused():
    with pytest.raises(TooLarge, match="有一格超过"):
        sheets.read(f"编码,名称\n1,{'长' * (sheets.CELL + 1)}\n".encode(), "表.csv")
    with pytest.raises(TooLarge, match="最多 200 列"):
        sheets.read(",".join(map(str, range(201))).encode(), "表.csv")


def test_a_table_that_is_too_wide_is_refused_before_it_is_read_to_its_end():
    wide = [""] * 200 + ["x"]
    records = ((number, wide if number == 2 else ["x"]) for number in range(1, 4))
    with pytest.raises(TooLarge, match="最多 200 列"):
        list(sheets._filled(records))
    assert next(records)[0] == 3


def test_a_stray_cell_in_the_last_column_costs_nothing():
    def stray(workbook):
        for number in range(1, 2_000):
            workbook.active.cell(number, 16_384).number_format = "@"
            workbook.active.cell(number, 1, f"第{number}行")

    start = perf_counter()
    assert len(rows_of(book(before=stray), "表.xlsx")) == 1_998
    assert perf_counter() - start < 5


def test_a_workbook_that_is_small_only_while_packed_is_refused(monkeypatch):
    monkeypatch.setattr(sheets, "UNPACKED", 100_000)
    file = io.BytesIO(book(HEADERS))
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/media/image1.png", bytes(200_000))
    with pytest.raises(TooLarge, match="展开后太大"):
        sheets.read(file.getvalue(), "表.xlsx")


def test_a_workbook_with_entities_is_refused():
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book(HEADERS, *ROWS))) as good, zipfile.ZipFile(file, "w") as bad:
        for part in good.namelist():
            content = good.read(part)
            if part.endswith("sheet1.xml"):
                content = b'<!DOCTYPE x [<!ENTITY a "aaaa">]>' + content.replace(b"<v>0</v>", b"<v>&a;</v>")
            bad.writestr(part, content)
    with pytest.raises(Invalid, match="读不出来"):
        sheets.read(file.getvalue(), "表.xlsx")


def test_the_words_of_a_list_come_once_each_whatever_stands_between_them():
    assert sheets.words("综治办、平安办，维稳办; 综治办|信访办\n") == ("综治办", "平安办", "维稳办", "信访办")
    assert sheets.words(" 、 ") == ()
