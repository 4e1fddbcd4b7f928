"""Pages of codes: found, made, changed and printed by those who may, and by nobody else."""

import io
import re
import zipfile
from datetime import timedelta
from types import SimpleNamespace

import pypdfium2
import pytest
import sqlalchemy as sa
import zxingcpp
from PIL import Image

from backend.cases.category_models import Category, Edition
from backend.console import poster_tasks
from backend.console.code_files import CHOSEN, STOP
from backend.places import code_changes, codes
from backend.places.models import Area, Change, CodeScans, PlaceCode
from backend.places.poster_jobs import JobState, PosterJob
from backend.places.roles import Carrier, Level, Role
from backend.places.scope import COMMAND_LINE
from backend.times import now
from backend.wechat import accounts, ledger
from tests.console.conftest import queries_of
from tests.factories import make_area, make_case, make_community, make_officer
from tests.weixin import platform, weixin

__all__ = ["platform", "weixin"]


@pytest.fixture
def town(session, place):
    """玉兰社区 with a building, and a code with an address at each of the two."""
    accounts.reset()
    building = make_area(session, Level.BUILDING, place.community, name="8栋")
    for area in (place.community, building):
        code_changes.make(session, COMMAND_LINE, area.id, Carrier.URL)
    session.commit()
    gate, eighth = session.scalars(sa.select(PlaceCode).order_by(PlaceCode.id))
    return SimpleNamespace(community=place.community, building=building, gate=gate, eighth=eighth)


@pytest.fixture
def neighbour(session, place, as_administrator):
    """The administrator of another street of the district."""
    district = session.get_one(Area, place.community.district_id)
    return as_administrator(make_area(session, Level.SUBDISTRICT, district), name="邻居")


def shown(page):
    return [int(found) for found in re.findall(r'href="/console/codes/(\d+)"', page)]


def wrong_in(page):
    return re.findall(r'class="wrong" role="alert">([^<]+)<', page)


def test_the_list_shows_places_with_what_their_codes_bring(session, town, admin_client):
    session.add(CodeScans(code_id=town.gate.id, day=codes.today(), scans=7, far=2))
    make_case(session, town.community, code_id=town.gate.id)
    page = admin_client.get("/console/codes/").text
    assert shown(page) == [town.eighth.id, town.gate.id]
    assert "扫码 <b>7</b> → 反映 <b>1</b> → 解决 <b>0</b>" in page
    assert "有 2 次在 500 米以外" in page
    assert "青岚区 / 望溪街道 / 玉兰社区" in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=8栋", ["eighth"]),
        ("q=没有", []),
        ("carrier=url", ["eighth", "gate"]),
        ("carrier=account", []),
        ("state=silent", ["gate"]),
        ("state=far", []),
        ("state=nonsense&carrier=nonsense&area=999999", ["eighth", "gate"]),
    ],
)
def test_the_list_is_narrowed(session, town, admin_client, query, found):
    town.gate.created_at = now() - timedelta(days=100)
    session.commit()
    page = admin_client.get(f"/console/codes/?{query}", headers={"HX-Request": "true"}).text
    assert shown(page) == [getattr(town, name).id for name in found]


def test_the_list_goes_on_by_key_with_the_same_queries_for_one_and_for_many(session, town, admin_client):
    few = queries_of(lambda: admin_client.get("/console/codes/?q=8栋"))
    for number in range(60):
        code_changes.make(
            session, COMMAND_LINE, town.building.id, Carrier.URL, code_changes.Wish(f"{number}楼")
        )
    session.commit()
    many = queries_of(lambda: admin_client.get("/console/codes/?q=8栋"))
    assert len(few) == len(many)
    first = admin_client.get("/console/codes/").text
    more = re.search(r'href="(/console/codes/\?[^"]*before=\d+)"', first).group(1).replace("&amp;", "&")
    rest = admin_client.get(more, headers={"HX-Request": "true"}).text
    assert len(set(shown(first)) | set(shown(rest))) == 62
    assert "<html" not in rest


def test_the_page_of_a_code_shows_its_picture_its_files_and_its_scans(session, town, admin_client):
    session.add(CodeScans(code_id=town.gate.id, day=codes.today(), scans=3))
    session.commit()
    page = admin_client.get(f"/console/codes/{town.gate.id}").text
    for said in (codes.address(town.gate.scene), "A4 海报", "picture.svg", "扫码 3 次", "停用这个码"):
        assert said in page


def read(picture):
    return [found.text for found in zxingcpp.read_barcodes(picture.convert("L"))]


def test_every_file_of_a_code_is_read_back(town, admin_client):
    at = f"/console/codes/{town.gate.id}"
    png = admin_client.get(f"{at}/picture.png")
    assert png.mimetype == "image/png"
    assert read(Image.open(io.BytesIO(png.data))) == [codes.address(town.gate.scene)]
    assert admin_client.get(f"{at}/picture.svg").text.startswith("<svg")
    for format in ("a4", "a5", "sticker"):
        pdf = admin_client.get(f"{at}/poster-{format}.pdf")
        [page] = pypdfium2.PdfDocument(pdf.data)
        assert read(page.render(scale=2).to_pil()) == [codes.address(town.gate.scene)]
    assert admin_client.get(f"{at}/poster-a0.pdf").status_code == 404


def test_a_code_says_more_and_it_is_on_the_record(session, town, place, admin_client):
    edition = Edition(name="第一版")
    session.add(edition)
    session.flush()
    names = {"kind": "complaint", "initials": "ld", "since_id": edition.id}
    session.add(Category(code="01", level=1, name="路灯", path="路灯", **names))
    session.commit()
    sent = {"label": "东门", "unit": place.unit.id, "category": "路灯", "expires": "2099-12-31"}
    done = admin_client.post(f"/console/codes/{town.gate.id}/change", data=sent, follow_redirects=True)
    assert "已经保存" in done.text
    session.refresh(town.gate)
    assert (town.gate.label, town.gate.unit_id) == ("东门", place.unit.id)
    assert town.gate.category_id == session.scalar(sa.select(Category.id))
    assert 'value="2099-12-31"' in done.text
    assert 'value="路灯"' in done.text
    changed = session.scalars(sa.select(Change).where(Change.action == "changed")).one()
    assert changed.officer_id == admin_client.officer.id


@pytest.mark.parametrize(
    ("field", "text", "sentence"),
    [
        ("label", "长" * 41, "“贴在哪里”最多 40 个字，请写短一点"),
        ("category", "没有这类", "事件字典里没有这一项，请从提示里选，或留空"),
        ("expires", "明年", "请填日期，例如 2027-12-31"),
        ("expires", "2020-01-01", "到期日已经过去了，请填一个以后的日子，或留空"),
        ("unit", "999999", "没有这个单位，或者它已经停用、不管这个地方，请重新选一个"),
    ],
)
def test_what_cannot_be_taken_is_said_and_nothing_typed_is_lost(town, admin_client, field, text, sentence):
    refused = admin_client.post(f"/console/codes/{town.gate.id}/change", data={"label": "东门", field: text})
    assert refused.status_code == 422
    assert sentence in wrong_in(refused.text)
    assert f'value="{"东门" if field != "label" else text}"' in refused.text


def test_a_code_is_revoked_and_used_again(session, town, admin_client):
    at = f"/console/codes/{town.gate.id}"
    assert "已停用" in admin_client.post(f"{at}/revoke", follow_redirects=True).text
    assert admin_client.post(f"{at}/revoke").status_code == 409
    assert "已恢复使用" in admin_client.post(f"{at}/unrevoke", follow_redirects=True).text
    session.refresh(town.gate)
    assert town.gate.revoked_at is None


def test_one_code_is_made(session, town, admin_client):
    form = {"place": "青岚区/望溪街道/玉兰社区/8栋", "carrier": "url", "label": "一楼大堂"}
    page = admin_client.post("/console/codes/new", data=form, follow_redirects=True).text
    assert "做好了" in page
    assert "一楼大堂" in page
    again = admin_client.post("/console/codes/new", data=form, follow_redirects=True).text
    assert "已经有一个一模一样的码" in again
    assert session.scalar(sa.select(sa.func.count(PlaceCode.id))) == 3


def test_of_many_it_is_said_how_many_before_they_are_made(session, town, broker, admin_client):
    for number in range(5):
        make_area(session, Level.BUILDING, town.community, name=f"{number}号楼")
    form = {"place": "青岚区", "carrier": "url", "level": "building"}
    asked = admin_client.post("/console/codes/new", data=form).text
    assert "会新做 <strong>5</strong> 个码" in asked
    assert session.scalar(sa.select(sa.func.count(PlaceCode.id))) == 2
    done = admin_client.post("/console/codes/new", data=form | {"sure": "5"}, follow_redirects=True).text
    assert "做好了 5 个码" in done
    assert len(shown(done)) == 7
    nothing = admin_client.post("/console/codes/new", data=form).text
    assert "这里没有要做的" in nothing


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({}, "请选择做哪一种码"),
        ({"carrier": "url"}, "请填地点"),
        ({"carrier": "url", "place": "没有这里"}, "没有找到地点“没有这里”"),
    ],
)
def test_an_order_that_is_not_clear_is_asked_for_again(town, admin_client, form, sentence):
    refused = admin_client.post("/console/codes/new", data=form)
    assert refused.status_code == 422
    assert any(sentence in said for said in wrong_in(refused.text))


def test_beyond_the_accounts_limit_it_is_said_who_holds_how_many(session, town, admin_client):
    session.execute(
        sa.text(
            "INSERT INTO place_codes (area_id, scene, account, ticket)"
            " SELECT :area, 'full' || n, 'demo', 't' FROM generate_series(1, :count) n"
        ),
        {"area": town.community.id, "count": ledger.PERMANENT},
    )
    session.commit()
    form = {"place": "青岚区/望溪街道/玉兰社区", "carrier": "account"}
    refused = admin_client.post("/console/codes/new", data=form)
    assert refused.status_code == 409
    [sentence] = wrong_in(refused.text)
    assert "望溪街道 100000 个" in sentence
    assert "请改用网址码" in sentence
    assert "还能做 <strong>0</strong> 个" in refused.text


def test_a_code_that_wechat_refuses_is_taken_back_and_the_sentence_says_why(committed, weixin, committing):
    weixin.settings(permanent_codes=0)
    form = {"place": "青岚区/望溪街道/玉兰社区", "carrier": "account"}
    refused = committing.post("/console/codes/new", data=form)
    assert refused.status_code == 409
    assert "微信不再给它新的永久二维码了" in refused.text
    committed.rollback()
    assert committed.scalars(sa.select(PlaceCode)).one().revoked_at is not None
    weixin.settings(permanent_codes=100)
    made = committing.post("/console/codes/new", data=form, follow_redirects=True)
    [address] = re.findall(r"<code>(http://weixin.qq.com/q/[^<]+)</code>", made.text)
    at = re.search(r"/console/codes/(\d+)/picture.svg", made.text).group(1)
    picture = committing.get(f"/console/codes/{at}/picture.png").data
    assert read(Image.open(io.BytesIO(picture))) == [address]


def test_a_mini_program_code_is_shown_as_wechat_drew_it(committed, weixin, committing):
    form = {"place": "青岚区/望溪街道/玉兰社区", "carrier": "mini_program"}
    made = committing.post("/console/codes/new", data=form, follow_redirects=True)
    assert "小程序码只有微信画好的图片" in made.text
    at = re.search(r"/console/codes/(\d+)/picture.jpg", made.text).group(1)
    picture = committing.get(f"/console/codes/{at}/picture.jpg")
    assert picture.mimetype in {"image/png", "image/jpeg"}
    assert Image.open(io.BytesIO(picture.data)).size[0] >= 280
    assert committing.get(f"/console/codes/{at}/poster-a4.pdf").status_code == 422


@pytest.fixture
def committing(committed, engine):
    """The client of an administrator of 玉兰社区's district, whose requests commit."""
    from backend import auth
    from backend.app import create_app
    from tests.browser import add_form_token
    from tests.factories import make_contact

    community = make_community(committed)
    district = committed.get_one(Area, community.district_id)
    officer = make_officer(committed, Role.ADMINISTRATOR, area=district)
    client = create_app().test_client()
    add_form_token(client)
    token, _ = auth.start_session(committed, make_contact(committed, officer=officer).id)
    committed.execute(sa.update(auth.LoginSession).values(second_factor_at=now()))
    committed.commit()
    client.set_cookie(auth.COOKIE, token)
    accounts.reset()
    return client


def test_posters_are_asked_for_drawn_and_downloaded(session, town, broker, admin_client):
    form = {"format": "a5", "kind": "zip", "q": "8栋"}
    asked = admin_client.post("/console/codes/posters", data=form)
    at = asked.location
    assert "排队中" in admin_client.get(at).text
    assert admin_client.get(f"{at}/file").status_code == 404
    job = session.scalars(sa.select(PosterJob)).one()
    poster_tasks.draw([job.id])
    session.expire_all()
    piece = admin_client.get(at, headers={"HX-Request": "true"})
    assert piece.status_code == STOP
    assert "画好了 <strong>1</strong> 张" in piece.text
    assert "hx-get" not in admin_client.get(at).text
    file = admin_client.get(f"{at}/file")
    with zipfile.ZipFile(io.BytesIO(file.data)) as archive:
        assert archive.namelist() == ["8栋.pdf"]


def test_ticked_codes_alone_are_printed_and_what_cannot_be_is_said(session, town, broker, admin_client):
    admin_client.post("/console/codes/posters", data={"format": "a4", "ids": [town.gate.id], "q": "8栋"})
    admin_client.post("/console/codes/posters", data={"format": "a4", "carrier": "account"})
    chosen, none = session.scalars(sa.select(PosterJob).order_by(PosterJob.id))
    poster_tasks.draw([chosen.id, none.id])
    session.expire_all()
    assert (chosen.state, chosen.done) == (JobState.DONE, 1)
    assert none.state is JobState.FAILED
    page = admin_client.get(f"/console/codes/posters/{none.id}").text
    assert "还没有在用的二维码" in page
    assert len(chosen.wanted["ids"]) <= CHOSEN


def test_posters_of_what_nobody_could_have_chosen_are_those_of_the_list(session, town, broker, admin_client):
    form = {"format": "a4", "carrier": "nonsense", "state": "nonsense", "area": "0", "q": "8栋"}
    assert admin_client.post("/console/codes/posters", data=form).status_code == 303
    job = session.scalars(sa.select(PosterJob)).one()
    assert job.wanted == {"words": "8栋", "carrier": "", "state": ""}
    assert job.area_id is None


@pytest.mark.parametrize("form", [{}, {"format": "a0"}])
def test_posters_need_a_paper(session, town, admin_client, form):
    assert admin_client.post("/console/codes/posters", data=form).status_code == 422
    assert session.scalar(sa.select(sa.func.count(PosterJob.id))) == 0


def test_a_neighbour_sees_nothing_and_changes_nothing(session, town, broker, neighbour, admin_client):
    admin_client.post("/console/codes/posters", data={"format": "a4"})
    job = session.scalars(sa.select(PosterJob)).one()
    at = f"/console/codes/{town.gate.id}"
    for path in (at, f"{at}/picture.svg", f"{at}/picture.png", f"{at}/poster-a4.pdf",
                 f"/console/codes/posters/{job.id}", f"/console/codes/posters/{job.id}/file"):  # fmt: skip
        assert neighbour.get(path).status_code == 404, path
    for path in ("change", "revoke", "unrevoke"):
        assert neighbour.post(f"{at}/{path}", data={"label": "x"}).status_code == 403, path
    assert shown(neighbour.get("/console/codes/").text) == []
    assert shown(neighbour.get(f"/console/codes/?area={town.community.id}").text) == []
    form = {"place": "青岚区/望溪街道/玉兰社区", "carrier": "url"}
    assert neighbour.post("/console/codes/new", data=form).status_code == 403
    assert "玉兰" not in neighbour.get("/console/codes/places?place=玉兰").text
    assert "玉兰社区" in admin_client.get("/console/codes/places?place=玉兰").text
    neighbour.post("/console/codes/posters", data={"format": "a4", "ids": [town.gate.id]})
    stolen = session.scalars(sa.select(PosterJob).order_by(PosterJob.id.desc())).first()
    poster_tasks.draw([stolen.id])
    session.expire_all()
    assert stolen.state is JobState.FAILED
    assert town.gate.revoked_at is None
    assert session.scalar(sa.select(sa.func.count(PlaceCode.id))) == 2


def test_an_officer_without_the_role_reads_and_prints_and_changes_nothing(session, town, place, as_officer):
    client = as_officer(place.desk)
    at = f"/console/codes/{town.gate.id}"
    page = client.get(at).text
    assert "停用这个码" not in page
    assert client.get(f"{at}/poster-a5.pdf").status_code == 200
    for path in (f"{at}/change", f"{at}/revoke", "/console/codes/new"):
        assert client.post(path).status_code == 403, path
    assert client.get("/console/codes/new").status_code == 403


def test_a_resident_reads_nothing(town, as_officer):
    client = as_officer(None)
    for path in ("/console/codes/", f"/console/codes/{town.gate.id}", "/console/codes/posters/1"):
        assert client.get(path).status_code == 401, path
    assert client.post("/console/codes/posters", data={"format": "a4"}).status_code == 401
