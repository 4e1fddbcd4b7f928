"""The door behind an address code: each opening is counted, and nobody meets an error page there."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa

from backend.cases.models import Case
from backend.places import codes
from backend.places.models import CodeScans, PlaceCode
from backend.places.positions import from_wgs84
from backend.places.roles import Carrier, Level
from backend.times import now
from tests.factories import make_area, make_community
from tests.resident.conftest import Phone

WECHAT = {"User-Agent": "Mozilla/5.0 (Linux; Android 14) MicroMessenger/8.0.50"}


@pytest.fixture
def code(session, place):
    """An address code at 玉兰社区."""
    code = PlaceCode(area_id=place.id, carrier=Carrier.URL, scene=codes.random_scene(), label="东门公告栏")
    session.add(code)
    session.commit()
    return code


def path_of(code):
    return urlsplit(codes.address(code.scene)).path


def scans(session):
    session.expire_all()
    return [(row.code_id, row.scans, row.far) for row in session.scalars(sa.select(CodeScans))]


def filled(**fields):
    return {"key": "k-1", "report": "3 栋楼下的路灯坏了"} | fields


def test_inside_wechat_it_leads_straight_to_the_form_of_the_place(session, phone, code):
    answer = phone.client.get(path_of(code), headers=WECHAT)
    assert answer.status_code == 302
    asked = parse_qs(urlsplit(answer.location).query)
    assert asked == {"scene": [codes.payload(code.scene)], "account": ["demo"]}
    status, page = phone.open(answer.location)
    assert status == 200
    assert "玉兰社区" in page
    assert "东门公告栏" in page
    assert scans(session) == [(code.id, 1, 0)]


def test_any_other_browser_is_told_the_place_the_telephone_and_to_use_wechat(app, session, code):
    page = app.test_client().get(path_of(code).lower()).text
    for said in ("玉兰社区", "东门公告栏", "0755-28000001", "反映一件事", "微信“扫一扫”"):
        assert said in page
    assert scans(session) == [(code.id, 1, 0)]


def test_a_preview_counts_nothing(app, session, code):
    assert app.test_client().head(path_of(code)).status_code == 200
    assert scans(session) == []


def test_the_case_knows_by_which_code_it_came_and_sending_the_form_is_no_scan(session, phone, code):
    phone.send("/r/report", **filled(scene=codes.payload(code.scene)))
    assert session.query(Case).one().code_id == code.id
    assert scans(session) == []


def test_a_place_that_was_chosen_from_the_list_was_not_scanned(session, phone, code):
    phone.send("/r/report", **filled(scene=code.scene))
    phone.send("/r/report", **filled(scene="yulan", key="k-2"))
    assert [case.code_id for case in session.query(Case)] == [None, None]


@pytest.mark.parametrize("change", [{"revoked_at": now()}, {"expires_at": now() - timedelta(days=1)}])
def test_a_code_no_longer_used_says_how_to_report_and_whom_to_call(app, session, code, change):
    for name, value in change.items():
        setattr(code, name, value)
    session.commit()
    answer = app.test_client().get(path_of(code), headers=WECHAT)
    assert answer.status_code == 410
    assert 'href="tel:0755-28000001">拨打' in answer.text
    elsewhere = app.test_client().get(path_of(code)).text
    assert "扫新的" in elsewhere
    assert "网址" not in elsewhere
    for said in (
        "这个二维码不用了",
        "您没有扫错",
        "玉兰社区",
        "0755-28000001",
        'href="/r/report?account=demo"',
    ):
        assert said in answer.text
    assert scans(session) == [(code.id, 2, 0)]


def test_a_code_revoked_while_the_form_was_open_costs_no_words(session, phone, code):
    code.revoked_at = now()
    session.commit()
    status, page = phone.send("/r/report", **filled(scene=codes.payload(code.scene)))
    assert status == 422
    assert "没有找到这个地点" in page
    assert "3 栋楼下的路灯坏了</textarea>" in page


@pytest.mark.parametrize("payload", ["A" * 22, "nothing", "%00", "%C3%A9" * 22, "x" * 3000])
def test_a_forged_code_is_not_looked_up_and_still_gets_help(app, session, place, queries, payload):
    with queries() as seen:
        answer = app.test_client().get(f"/c/{payload}")
    assert answer.status_code == 404
    assert "没有这个二维码" in answer.text
    assert "反映一件事" in answer.text
    assert not [statement for statement in seen if "place_codes" in statement]
    assert scans(session) == []


def test_an_unknown_code_with_a_good_signature_gets_the_same_help(app, session, place):
    answer = app.test_client().get(f"/c/{codes.payload(codes.random_scene())}")
    assert answer.status_code == 404
    assert "没有这个二维码" in answer.text


def test_the_code_of_a_closed_place_opens_the_form_of_its_successor(session, phone, code, place):
    heir = make_area(session, Level.COMMUNITY, session.get(type(place), place.parent_id), name="海棠社区")
    place.closed_at, place.successor_id = now(), heir.id
    session.commit()
    assert "海棠社区" in phone.client.get(path_of(code)).text


@pytest.mark.parametrize(("north", "far"), [(0.0, 0), (0.01, 1)])
def test_the_mini_program_counts_its_opening_and_what_is_far(session, mini, place, code, north, far):
    place.latitude, place.longitude = 22.7, 114.2
    session.commit()
    scene = codes.payload(code.scene)
    assert mini.get(f"/place?scene={scene}")[1]["name"] == "玉兰社区"
    latitude, longitude = from_wgs84(22.7 + north, 114.2)
    body = {"scene": scene, "key": "k", "report": "路灯坏了", "latitude": latitude, "longitude": longitude}
    assert mini.post("/cases", **body)[0] == 201
    assert session.query(Case).one().code_id == code.id
    assert scans(session) == [(code.id, 1, far)]


def test_the_mini_program_hears_nothing_of_an_expired_code(session, mini, code):
    code.expires_at = now() - timedelta(seconds=1)
    session.commit()
    assert mini.get(f"/place?scene={codes.payload(code.scene)}")[0] == 404
    assert scans(session) == []


def test_looking_up_a_place_from_the_list_is_no_scan(session, mini, code):
    assert mini.get("/place?scene=yulan")[0] == 200
    assert scans(session) == []


def test_the_account_nearest_to_the_place_is_asked_who_is_there(app, session, code):
    make_community(session, "海棠社区")
    stranger = Phone(app, session)
    stranger.client.delete_cookie("session")
    there = stranger.client.get(stranger.client.get(path_of(code), headers=WECHAT).location)
    assert there.location.startswith("/wechat/demo/login")
