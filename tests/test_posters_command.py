"""The command that draws posters: whose codes, in which file, and what it says about the rest."""

import zipfile

import pypdfium2
import pytest
import zxingcpp
from click.testing import CliRunner

from backend import posters
from backend.config import config
from backend.places import code_changes, codes
from backend.places.code_changes import Wish
from backend.places.roles import Carrier, Level
from backend.places.scope import COMMAND_LINE
from tests.factories import make_area, make_community


@pytest.fixture
def buildings(committed):
    """玉兰社区 with three buildings that have codes with addresses, and 海棠社区 with one."""
    yulan, haitang = make_community(committed), make_community(committed, "海棠社区")
    made = []
    for parent, name in ((yulan, "1栋"), (yulan, "2栋"), (yulan, "3栋"), (haitang, "1栋")):
        area = make_area(committed, Level.BUILDING, parent, name=name)
        code, _ = code_changes.make(committed, COMMAND_LINE, area.id, Carrier.URL, Wish("一楼大堂"))
        made.append(code)
    code_changes.make(committed, COMMAND_LINE, yulan.id, Carrier.URL)
    committed.commit()
    return made


@pytest.fixture
def command(database_url, tmp_path):
    real = config.database_url
    object.__setattr__(config, "database_url", database_url)
    yield lambda *words: CliRunner().invoke(
        posters.main, [*words, "--out", str(tmp_path / "out")], catch_exceptions=False
    )
    object.__setattr__(config, "database_url", real)


def read_pages(content):
    """The text of the code on every page of a PDF, as a telephone would read it."""
    found = []
    for page in pypdfium2.PdfDocument(content):
        picture = page.render(scale=2).to_pil().convert("L")
        found += [barcode.text for barcode in zxingcpp.read_barcodes(picture)]
    return found


@pytest.mark.parametrize("format", ["a4", "a5", "sticker", "sheet"])
def test_every_page_is_read_back_as_the_code_of_its_place(buildings, command, tmp_path, format):
    ended = command("--under", "玉兰社区", "--level", "building", "--format", format)
    assert "画了 3 张海报" in ended.output
    wanted = [codes.address(code.scene) for code in buildings[:3]]
    assert sorted(read_pages((tmp_path / "out").read_bytes())) == sorted(wanted)


def test_a_zip_holds_a_file_for_each_place(buildings, command, tmp_path):
    command("--under", "青岚区/望溪街道/玉兰社区", "--zip", "--format", "a5")
    with zipfile.ZipFile(tmp_path / "out") as archive:
        assert sorted(archive.namelist()) == ["1栋.pdf", "2栋.pdf", "3栋.pdf", "玉兰社区.pdf"]
        [read] = read_pages(archive.read("2栋.pdf"))
    assert read == codes.address(buildings[1].scene)


def test_what_cannot_be_drawn_is_counted_and_what_is_revoked_is_not(committed, buildings, command):
    code_changes.revoke(committed, COMMAND_LINE, buildings[2].id)
    code_changes.make(committed, COMMAND_LINE, buildings[0].area_id, Carrier.ACCOUNT)
    committed.commit()
    ended = command("--under", "玉兰社区", "--level", "building")
    assert "画了 2 张海报" in ended.output
    assert "漏了 1 个码" in ended.output


@pytest.mark.parametrize(
    ("under", "said"),
    [
        ("1栋", "有 2 个地点叫“1栋”"),
        ("没有这里", "没有找到地点“没有这里”"),
        ("青岚区/望溪街道/1栋", "没有找到地点“青岚区/望溪街道/1栋”"),
    ],
)
def test_a_place_that_is_not_clear_is_asked_for_again(buildings, command, under, said):
    ended = command("--under", under)
    assert ended.exit_code == 1
    assert said in ended.output


def test_a_place_without_codes_says_how_to_make_some(committed, buildings, command):
    make_area(committed, name="空空区")
    ended = command("--under", "空空区")
    assert ended.exit_code == 1
    assert "还没有在用的二维码" in ended.output
    assert "python -m backend publish" in ended.output
    assert "新做二维码" in ended.output


def test_a_place_whose_codes_are_not_made_yet_says_to_come_back(committed, buildings, command):
    area = make_area(committed, name="空空区")
    code_changes.make(committed, COMMAND_LINE, area.id, Carrier.ACCOUNT)
    committed.commit()
    assert "没有能印的码" in command("--under", "空空区").output


def test_no_progress_is_drawn_where_nobody_looks_on(buildings, command):
    assert command("--under", "玉兰社区").output.startswith("画了 4 张海报")


def test_a_name_that_the_fonts_lack_stops_before_the_first_page(committed, buildings, command):
    area = make_area(committed, name="🦄面馆")
    code_changes.make(committed, COMMAND_LINE, area.id, Carrier.URL)
    committed.commit()
    assert "字库没有的字“🦄”" in command("--under", "🦄面馆").output
