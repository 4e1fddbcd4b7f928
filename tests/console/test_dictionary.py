"""The pages of the event dictionary."""

import pytest

from backend.cases import categories, editions
from backend.places.models import Area
from backend.places.roles import Role
from backend.places.scope import COMMAND_LINE
from tests.cases.dictionary import make_dictionary
from tests.console.conftest import queries_of
from tests.factories import make_officer

HOME = "/console/dictionary/"


@pytest.fixture
def entries(session):
    return make_dictionary(session)


@pytest.fixture
def client(place, as_officer):
    return as_officer(place.desk)


def address(row, act=""):
    return f"{HOME}{row.id}/{act}".rstrip("/")


def test_the_topmost_entries_and_the_five_kinds_are_shown(client, entries):
    page = client.get(HOME).text
    assert "市容环卫" in page
    assert "投诉建议 5" in page
    assert "无照经营游商" not in page


def test_a_kind_shows_what_is_of_it(client, entries):
    assert "市容环卫" not in client.get(HOME + "?kind=legal").text
    assert "市容环卫" in client.get(HOME + "?kind=complaint").text
    assert "市容环卫" in client.get(HOME + "?kind=nonsense").text


def test_a_branch_comes_when_it_is_opened(client, entries):
    part = client.get(address(entries["5"], "below"), headers={"HX-Request": "true"}).text
    assert "占道经营" in part
    assert "<html" not in part


def test_what_is_typed_is_found_and_marked(client, entries):
    part = client.get(HOME + "?q=井盖", headers={"HX-Request": "true"}).text
    assert "下水<mark>井盖</mark>" in part
    assert "<html" not in part
    assert "又叫 流动摊贩" in client.get(HOME + "?q=流动摊贩").text.replace("<mark>", "").replace(
        "</mark>", ""
    )


def test_a_synonym_found_by_its_pinyin_is_told(client, entries):
    assert "又叫 流动摊贩" in client.get(HOME + "?q=ldt").text


def test_nothing_found_says_what_to_do(client, entries):
    assert "可以少写几个字" in client.get(HOME, query_string={"q": "<b>没有"}).text
    assert "&lt;b&gt;没有" in client.get(HOME, query_string={"q": "<b>没有"}).text


def test_an_entry_shows_what_is_known_of_it(client, entries):
    page = client.get(address(entries["511"])).text
    assert "市容环卫 / 占道经营 / 无照经营游商" in page
    assert "流动摊贩" in page
    assert "<form" not in page.split("<main")[1]


def test_what_is_not_there_is_not_found(client, entries):
    assert client.get(HOME + "999999999").status_code == 404
    assert client.get(HOME + "editions/999999999").status_code == 404


def test_an_administrator_sets_words_and_limit(session, admin_client, entries):
    form = {"synonyms": "井盖子、马葫芦", "keywords": "翘起", "limit": "3个工作日"}
    assert admin_client.post(address(entries["611"], "words"), data=form).status_code == 303
    session.refresh(entries["611"])
    assert entries["611"].synonyms == ["井盖子", "马葫芦"]
    assert (entries["611"].resolve_hours, entries["611"].in_working_days) == (72, True)
    assert "马葫芦" in admin_client.get(address(entries["611"])).text


def test_a_limit_that_cannot_be_read_is_said_beside_it_and_what_was_typed_stays(admin_client, entries):
    form = {"synonyms": "马葫芦", "keywords": "", "limit": "尽快"}
    answer = admin_client.post(address(entries["611"], "words"), data=form)
    assert answer.status_code == 422
    assert "请写成 3个工作日" in answer.text
    assert "马葫芦" in answer.text
    assert 'value="尽快"' in answer.text


@pytest.mark.parametrize(
    ("act", "form", "there"),
    [
        ("rename", {"name": "公共部件"}, "市政设施 / 公共部件"),
        ("move", {"under": "5"}, "市容环卫 / 公用部件"),
        ("move", {"under": ""}, "公用部件"),
    ],
)
def test_an_administrator_renames_and_moves(session, admin_client, entries, act, form, there):
    answer = admin_client.post(address(entries["61"], act), data=form)
    assert answer.status_code == 303
    assert editions.standing(session)["61"].path == there


def test_an_administrator_adds_and_ends(session, admin_client, entries):
    form = {"name": "护栏", "kind": "complaint", "code": "613"}
    assert admin_client.post(address(entries["61"], "add"), data=form).status_code == 303
    assert admin_client.post(HOME, data={"name": "噪声", "kind": "dispute"}).status_code == 303
    assert {row.name for row in categories.below(session)} == {"市容环卫", "市政设施", "噪声"}
    assert "将停用 4 项" in admin_client.get(address(entries["61"])).text
    assert admin_client.post(address(entries["61"], "end"), data={"sure": "1"}).status_code == 303
    assert "已经停用" in admin_client.get(address(entries["61"])).text
    assert "613" not in editions.standing(session)


@pytest.mark.parametrize(
    ("act", "form", "said"),
    [
        ("rename", {"name": ""}, "名称请写"),
        ("move", {"under": "没有"}, "没有编码"),
        ("add", {"name": "路灯", "kind": "complaint"}, "已经有了"),
        ("add", {"name": "护栏", "kind": ""}, "请选择"),
        ("add", {"name": "护栏", "kind": "complaint", "code": "5"}, "已经给了"),
        ("add", {"name": "护栏", "kind": "complaint", "code": "5" * 41}, "最多 40 个字"),
    ],
)
def test_what_cannot_be_done_is_said_on_the_page(admin_client, entries, act, form, said):
    answer = admin_client.post(address(entries["61"], act), data=form)
    assert answer.status_code == 422
    assert said in answer.text


def test_a_top_entry_without_a_kind_is_refused_on_the_page(admin_client, entries):
    answer = admin_client.post(HOME, data={"name": "噪声"})
    assert answer.status_code == 422
    assert "五大类里的哪一类" in answer.text
    assert 'value="噪声"' in answer.text


def test_a_street_s_administrator_reads_only(session, place, as_administrator, entries):
    street = session.get_one(Area, place.community.subdistrict_id)
    client = as_administrator(street)
    assert "改名" not in client.get(address(entries["61"])).text
    assert client.post(address(entries["61"], "rename"), data={"name": "甲"}).status_code == 403


def test_others_may_not_change_it(place, session, as_officer, entries):
    client = as_officer(make_officer(session, Role.LEADER, area=place.community))
    assert client.post(address(entries["61"], "rename"), data={"name": "甲"}).status_code >= 400
    assert editions.standing(session)["61"].name == "公用部件"


def test_editions_say_what_they_changed(client, session, entries):
    categories.rename(session, COMMAND_LINE, entries["51"].id, "占用道路")
    session.commit()
    page = client.get(HOME + "editions").text
    assert "第一版" in page
    newest = categories.editions_page(session)[0]
    page = client.get(f"{HOME}editions/{newest.id}").text
    assert "改了 3 项" in page
    assert "占用道路" in page
    assert "现在是“市容环卫 / 占用道路”" in client.get(address(entries["51"])).text


def test_editions_are_paged_by_key(client, session, entries):
    for n in range(categories.PAGE):
        categories.rename(session, COMMAND_LINE, editions.standing(session)["611"].id, f"井盖{n}")
    session.commit()
    page = client.get(HOME + "editions").text
    assert "第一版" not in page
    more = page.split('hx-get="')[1].split('"')[0]
    assert "第一版" in client.get(more, headers={"HX-Request": "true"}).text


def test_the_lists_cost_the_same_queries_whatever_their_length(client, session):
    make_dictionary(session, [("1", None, "甲", (), ())])
    few = [
        len(queries_of(lambda url=url: client.get(url))) for url in (HOME, HOME + "?q=甲", HOME + "editions")
    ]
    make_dictionary(session, [(str(n), None, f"甲{n}", (), ()) for n in range(1, 9)])
    many = [
        len(queries_of(lambda url=url: client.get(url))) for url in (HOME, HOME + "?q=甲", HOME + "editions")
    ]
    assert few == many
