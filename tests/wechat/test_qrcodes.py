"""Codes at the platform: one per place, made once, by the right account; and personal ones that end."""

import pytest
import sqlalchemy as sa

from backend.config import config
from backend.notify import binding
from backend.places.codes import make_codes
from backend.places.models import Area, PlaceCode
from backend.places.roles import Level
from backend.times import now
from backend.wechat import accounts, client, qrcodes
from backend.wechat.codes import ProviderError
from tests.factories import make_area, make_community


@pytest.fixture
def places(committed, weixin):
    """青岚区 with 望溪街道 and 玉兰社区, and another district; every area has a code without picture."""
    make_community(committed)
    make_area(committed, Level.DISTRICT, name="别的区")
    make_codes(committed)
    committed.commit()
    accounts.reset()
    return committed


def tickets(session):
    session.rollback()
    rows = session.execute(
        sa.select(Area.name, PlaceCode.ticket)
        .join(Area, Area.id == PlaceCode.area_id)
        .where(PlaceCode.ticket.is_not(None))
    )
    return {name: ticket for name, ticket in rows}


def test_every_place_of_the_accounts_area_gets_a_permanent_code(places, weixin):
    assert qrcodes.ensure_tickets(accounts.get("demo")) == 3
    assert set(tickets(places)) == {"青岚区", "望溪街道", "玉兰社区"}
    codes = {code["ticket"]: code for code in weixin.codes()}
    assert set(codes) == set(tickets(places).values())
    assert all(code["permanent"] for code in codes.values())


def test_a_code_is_made_once(places, weixin):
    qrcodes.ensure_tickets(accounts.get("demo"))
    assert qrcodes.ensure_tickets(accounts.get("demo")) == 0
    assert len(weixin.codes()) == 3


def test_a_revoked_code_gets_no_picture(places):
    places.execute(sa.update(PlaceCode).values(revoked_at=now()))
    places.commit()
    assert qrcodes.ensure_tickets(accounts.get("demo")) == 0


def test_what_the_platform_refused_is_asked_for_again(places, weixin):
    weixin.faults(api=[{"path": "/cgi-bin/qrcode/create", "times": 1, "errcode": 45009}])
    with pytest.raises(ProviderError):
        qrcodes.ensure_tickets(accounts.get("demo"))
    assert tickets(places) == {}
    assert qrcodes.ensure_tickets(accounts.get("demo")) == 3


@pytest.fixture
def account_of_a_community(tmp_path):
    """The account `clear` belongs to 玉兰社区 alone."""
    usual = config.accounts_file
    head, clear = usual.read_text().split("[accounts.clear]")
    file = tmp_path / "accounts.toml"
    file.write_text(f"{head}[accounts.clear]{clear.replace('青岚区', '玉兰社区')}")
    object.__setattr__(config, "wechat_accounts", file)
    accounts.reset()
    yield "clear"
    object.__setattr__(config, "wechat_accounts", usual)
    accounts.reset()


def test_the_smallest_area_around_a_place_makes_its_code(places, account_of_a_community):
    assert qrcodes.ensure_all_tickets() == 3
    places.rollback()
    makers = dict(places.execute(sa.select(Area.name, PlaceCode.account).join(PlaceCode.area)).all())
    assert makers["玉兰社区"] == account_of_a_community
    assert makers["望溪街道"] in {"demo", "mixed"}


def test_a_personal_code_says_whom_it_binds_and_ends_in_a_day(weixin):
    ticket, url = qrcodes.personal_code(accounts.get("demo"), "abcdefgh")
    [code] = weixin.codes()
    assert (code["ticket"], code["url"], code["scene"]) == (ticket, url, "bind_abcdefgh")
    assert code["expires_at"] - code["created_at"] == binding.LIFE.total_seconds()
    assert client.qrcode_picture(ticket)[:2] == b"\xff\xd8"  # a JPEG
