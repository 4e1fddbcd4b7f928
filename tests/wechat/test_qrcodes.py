"""Codes at the platform: one per place, made once, by the right account; and personal ones that end."""

import pytest
import sqlalchemy as sa

from backend import db, storage
from backend.broker import redis_client
from backend.config import config
from backend.errors import Conflict
from backend.notify import binding
from backend.places import code_changes, codes
from backend.places.codes import make_codes
from backend.places.models import Area, PlaceCode
from backend.places.roles import Carrier, Level, Role
from backend.places.scope import COMMAND_LINE
from backend.times import now
from backend.wechat import accounts, client, ledger, pictures, qrcodes
from backend.wechat.codes import ProviderError
from tests.factories import make_area, make_community, make_officer


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
    weixin.faults(api=[{"path": "/cgi-bin/qrcode/create", "times": 1, "errcode": -1}])
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


def test_officers_bind_at_the_account_that_serves_where_they_work(places, account_of_a_community):
    here = make_officer(places, Role.INFORMATION_OFFICER, area=community_of(places))
    elsewhere = make_officer(places, Role.LEADER, area=make_area(places, Level.DISTRICT))
    assert qrcodes.account_of_officer(places, here.id).name == account_of_a_community
    assert qrcodes.account_of_officer(places, elsewhere.id).name == "demo"


def community_of(session):
    return session.scalars(sa.select(Area).where(Area.level == Level.COMMUNITY)).one()


def test_a_code_that_holds_an_address_waits_for_nobody(places, weixin):
    code, _ = code_changes.make(places, COMMAND_LINE, community_of(places).id, Carrier.URL)
    places.commit()
    qrcodes.ensure_all_tickets()
    assert len(weixin.codes()) == 3
    assert places.get(PlaceCode, code.id).ticket is None


def test_the_mini_programs_picture_is_kept_and_opens_it_with_the_signed_scene(places, weixin):
    code, _ = code_changes.make(places, COMMAND_LINE, community_of(places).id, Carrier.MINI_PROGRAM)
    places.commit()
    qrcodes.ensure_ticket(code.id)
    places.refresh(code)
    assert (code.account, code.url) == ("demo", None)
    content, ending = qrcodes.picture(code)
    assert content == storage.read(code.ticket)
    assert content.startswith({"jpg": b"\xff\xd8", "png": b"\x89PNG"}[ending])
    [made] = [known for known in weixin.codes() if known["kind"] == "mini_program"]
    assert made["scene"] == codes.payload(code.scene)
    assert len(made["scene"]) <= 32


def held(session):
    session.rollback()
    return {holding.account: holding for holding in ledger.holdings(session)}["demo"]


def test_the_ledger_says_who_holds_how_many_and_revoked_ones_count_on(places):
    assert (held(places).made, held(places).waiting) == (0, 3)
    qrcodes.ensure_tickets(accounts.get("demo"))
    make_area(places, Level.COMMUNITY, places.get(Area, community_of(places).parent_id))
    make_codes(places)
    places.execute(sa.update(PlaceCode).where(PlaceCode.ticket.is_not(None)).values(revoked_at=now()))
    places.commit()
    holding = held(places)
    assert (holding.made, holding.waiting, holding.left) == (3, 1, ledger.PERMANENT - 4)
    assert [(share.name, share.made, share.waiting) for share in holding.shares] == [
        ("望溪街道", 2, 1), ("全区", 1, 0),
    ]  # fmt: skip


def test_a_waiting_code_that_is_revoked_takes_no_room(places):
    places.execute(sa.update(PlaceCode).values(revoked_at=now()))
    places.commit()
    assert held(places).left == ledger.PERMANENT


def fill(session, count):
    """So many codes of `demo` at 望溪街道."""
    street = community_of(session).subdistrict_id
    session.execute(
        sa.text(
            "INSERT INTO place_codes (area_id, scene, account, ticket)"
            " SELECT :street, 'full' || n, 'demo', 't' FROM generate_series(1, :count) n"
        ),
        {"street": street, "count": count},
    )
    session.commit()


def test_beyond_the_limit_the_sentence_names_who_holds_how_many_and_offers_addresses(places):
    fill(places, ledger.PERMANENT - 5)
    account = accounts.get("demo")
    ledger.check_room(places, account, 2)
    with pytest.raises(Conflict) as refused:
        ledger.check_room(places, account, 3)
    for said in ("青岚区的公众号", "100000 个", "望溪街道 99997 个", "还能做 2 个", "请改用网址码"):
        assert said in refused.value.message


def test_a_place_that_no_account_serves_is_offered_addresses(places):
    other = places.scalars(sa.select(Area).where(Area.name == "别的区")).one()
    assert qrcodes.account_of(places, other) is None
    with pytest.raises(Conflict, match="请改用网址码"):
        ledger.check_room(places, None, 1)


def test_the_platforms_own_limit_is_said_with_who_holds_how_many(places, weixin):
    weixin.settings(permanent_codes=1)
    with pytest.raises(Conflict, match=r"微信不再给它新的永久二维码了。请改用网址码"):
        qrcodes.ensure_tickets(accounts.get("demo"))
    assert len(tickets(places)) == 1


def test_the_worker_makes_what_waits_and_an_account_without_room_holds_up_no_other(places, weixin):
    weixin.settings(permanent_codes=1)
    code, _ = code_changes.make(places, COMMAND_LINE, community_of(places).id, Carrier.MINI_PROGRAM)
    places.commit()
    pictures.make_pictures()
    assert len(tickets(places)) >= 1
    weixin.settings(permanent_codes=100)
    pictures.make_pictures()
    places.refresh(code)
    assert code.ticket
    assert len(tickets(places)) == 3


def test_while_one_worker_makes_them_another_does_nothing(places, weixin):
    with redis_client().lock("codes:pictures", timeout=60):
        pictures.make_pictures()
    assert tickets(places) == {}
    pictures.make_pictures()
    assert len(tickets(places)) == 3


def test_two_who_ask_for_the_last_codes_at_once_do_not_both_get_them(places):
    """The second waits for the first, and then counts what it made."""
    fill(places, ledger.PERMANENT - 5)
    building = make_area(places, Level.BUILDING, community_of(places))
    account = accounts.get("demo")
    with db.transaction() as first:
        ledger.check_room(first, account, 1)
        code_changes.make(first, COMMAND_LINE, building.id, Carrier.ACCOUNT)
        with db.transaction() as second:
            second.execute(sa.text("SET LOCAL lock_timeout = '200ms'"))
            with pytest.raises(sa.exc.OperationalError):
                ledger.check_room(second, account, 2)
            second.rollback()
    with db.transaction() as second, pytest.raises(Conflict):
        ledger.check_room(second, account, 2)
