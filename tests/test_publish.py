"""What an operator publishes at the platform: menus and the codes of places."""

import pytest
import sqlalchemy as sa
import zxingcpp
from click.testing import CliRunner
from PIL import Image

from backend import publish
from backend.config import config
from backend.places import code_changes
from backend.places.models import Area
from backend.places.roles import Carrier
from backend.places.scope import COMMAND_LINE
from backend.wechat import accounts
from tests.factories import make_community
from tests.weixin import platform, weixin

__all__ = ["platform", "weixin"]


@pytest.fixture
def district(committed, weixin):
    make_community(committed)
    committed.commit()
    accounts.reset()


@pytest.fixture
def command(database_url):
    real = config.database_url
    object.__setattr__(config, "database_url", database_url)
    yield lambda *words: CliRunner().invoke(publish.main, words, catch_exceptions=False)
    object.__setattr__(config, "database_url", real)


def test_every_account_gets_its_menu_and_every_place_one_code(district, command, weixin):
    first, second = command(), command()
    assert "demo：菜单已发布" in first.output
    assert "新做了 3 个地点的二维码" in first.output
    assert "新做了 0 个地点的二维码" in second.output
    assert len(weixin.codes()) == 3
    menus = [call["errcode"] for call in weixin.calls("/cgi-bin/menu/create")]
    assert menus == [0] * 2 * len(accounts.all_accounts())


def test_the_codes_are_saved_as_pictures_named_after_their_places(district, command, tmp_path):
    shown = command("--pictures", str(tmp_path / "codes"))
    names = sorted(path.name.rsplit("-", 1)[0] for path in (tmp_path / "codes").iterdir())
    assert names == ["望溪街道-玉兰社区", "青岚区", "青岚区-望溪街道"]
    assert all(path.read_bytes()[:2] == b"\xff\xd8" for path in (tmp_path / "codes").iterdir())
    assert "存了 3 张图片" in shown.output


def test_what_the_platform_refuses_is_said_with_its_code(district, command, weixin):
    weixin.faults(api=[{"path": "/cgi-bin/menu/create", "errcode": 48001}])
    ended = command()
    assert ended.exit_code == 1
    assert "公众号没有这项权限（48001）" in ended.output


def test_codes_that_hold_an_address_or_open_the_mini_program_are_saved_too(
    committed, district, command, tmp_path
):
    community = committed.scalars(sa.select(Area).where(Area.level == "community")).one()
    for carrier in Carrier:
        code_changes.make(committed, COMMAND_LINE, community.id, carrier)
    committed.commit()
    command("--pictures", str(tmp_path / "codes"))
    [own, *others] = sorted((path.name for path in (tmp_path / "codes").glob("*玉兰社区*")), key=len)
    assert own.endswith(f"玉兰社区-{community.id}.jpg")
    assert len(others) == 2
    read = [zxingcpp.read_barcodes(Image.open(path).convert("L")) for path in (tmp_path / "codes").iterdir()]
    assert sum(bool(found) and found[0].text.startswith(f"{config.public_url}/c/") for found in read) == 1
