"""The page of templates and quotas: what is wrong in words, looked at anew, shown as it will look."""

import dataclasses
import html
import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend.console import message_templates, unreachable
from backend.notify import refused_accounts, sms_settings
from backend.notify.messages import Message
from backend.notify.models import Notification
from backend.notify.outbox import NEXT_VISIT
from backend.notify.sms_settings import SmsTemplate
from backend.places.models import Area
from backend.places.roles import Role
from backend.times import now
from backend.wechat import accounts, quotas, templates, upkeep
from tests.factories import make_area, make_officer
from tests.weixin import register

HOME = "/console/templates/"


@pytest.fixture(autouse=True)
def fresh(weixin):
    message_templates._warned.clear()
    yield
    message_templates._warned.clear()


def test_the_page_says_what_is_wrong_until_all_is_right(session, admin_client, weixin):
    page = admin_client.get(HOME).text
    assert "还没有核对过" in page
    account = accounts.get("demo")
    left = {m: t for m, t in account.templates.items() if m is not Message.CASE_CLOSED}
    object.__setattr__(account, "templates", left)
    register(weixin, account)
    asked = admin_client.post(HOME + "look")
    assert "asked=" in asked.location
    waiting = re.search(r'hx-get="([^"]+seen=\w+)"', admin_client.get(asked.location).text)[1]
    assert admin_client.get(waiting).status_code == 204
    upkeep.read_templates()
    assert admin_client.get(waiting).headers["HX-Redirect"] == HOME
    page = admin_client.get(HOME).text
    assert "hx-get" not in page.split("<main")[-1]
    assert "1 处要处理" in page
    assert "[accounts.demo.templates.case_closed]" in page
    assert f"{len(Message)} 处能用" in page  # of the other accounts
    accounts.reset()


def test_what_wechat_refuses_is_said_on_the_page(session, admin_client, weixin):
    weixin.faults(api=[{"path": "/cgi-bin/template/get_all_private_template", "errcode": 50007}])
    upkeep.read_templates()
    page = admin_client.get(HOME).text
    assert "公众号已冻结（50007）" in page


@pytest.fixture
def mini_program(weixin):
    """The account of one with templates, at which WeChat was not looked yet; at the others it was."""
    upkeep.read_templates()
    account = next(one for one in accounts.all_accounts().values() if one.mini_program)
    object.__setattr__(account.mini_program, "templates", account.templates)
    yield account
    accounts.reset()


@pytest.mark.parametrize(("errcode", "is_wrong"), [(40013, True), (40125, True), (-1, False), (45009, False)])
def test_a_mini_program_that_wechat_does_not_know_is_one_thing_to_do(
    session, admin_client, weixin, mini_program, errcode, is_wrong
):
    """Not one for every kind of message; and nobody is told to change what is not wrong."""
    weixin.faults(api=[{"path": "/wxaapi/newtmpl/gettemplate", "errcode": errcode}])
    templates.keep(session, templates.look(mini_program))
    session.commit()
    page = admin_client.get(HOME).text
    assert "处要处理" not in page
    assert page.count("小程序订阅消息没有核对成") == 1
    advice = f"没有小程序的，请把账号文件里的 [accounts.{mini_program.name}.mini_program] 整段删掉"
    assert (advice in page) is is_wrong


def test_an_account_without_a_mini_program_has_nothing_to_do_about_one(session, admin_client, weixin):
    upkeep.read_templates()
    page = admin_client.get(HOME).text
    without = [one for one in accounts.all_accounts().values() if one.mini_program is None]
    assert page.count("没有小程序：不发小程序订阅消息，不用处理") == len(without) > 0
    assert "处要处理" not in page


def test_the_preview_fits_what_is_typed(session, admin_client):
    answer = admin_client.get(
        HOME + "preview",
        query_string={"message": "case_resolved", "place": "青岚区玉兰街道玉兰社区玉兰苑<b>3栋</b>2单元"},
    )
    assert "青岚区玉兰街道玉兰社区玉兰苑&lt;b&gt;3栋…" in answer.text
    assert (
        "公众号会话 → 公众号模板消息 → 公众号订阅通知 → 小程序订阅消息 → 短信 → 电话 → 下次来时"
        in answer.text
    )
    assert admin_client.get(HOME + "preview?message=nothing").status_code == 404
    assert admin_client.get(HOME + "preview?account=nobody").status_code == 404


def test_the_preview_shows_the_card_in_wecom_and_the_text_message(session, admin_client, monkeypatch):
    page = admin_client.get(HOME + "preview?message=case_assigned&who=市政服务中心").text
    assert page.index("企业微信") < page.index("公众号模板消息")
    assert ">签收<" in page
    assert "模板 1003" in page  # its words are not written down: what goes into them is
    known = sms_settings.settings()
    texts = dict(known.templates) | {
        Message.CASE_RESOLVED: SmsTemplate("1001", ("number", "note"), text="编号{1}办好了：{2}。拒收请回复R")
    }
    monkeypatch.setattr(sms_settings, "settings", lambda: dataclasses.replace(known, templates=texts))
    page = admin_client.get(HOME + "preview?message=case_resolved&note=两盏灯都换好了，今晚再看一遍").text
    assert "【青岚区诉求服务】编号261121483920办好了：两盏灯都换好了…。拒收请回复R" in page


def test_an_administrator_sees_the_accounts_of_their_own_area(session, place, as_administrator):
    refused_accounts.note("demo", "公众号已冻结（50007）")
    street = as_administrator(session.get_one(Area, place.community.subdistrict_id))
    for path in ("", "quotas"):
        page = street.get(HOME + path).text
        assert "您管的范围里没有公众号" in page
        assert "公众号已冻结" not in page
        assert "demo" not in page
    assert street.get(HOME + "preview?account=demo").status_code == 404
    assert street.post(HOME + "look").status_code == 403
    assert "公众号已冻结" not in street.get("/console/policies/").text


def test_quotas_and_troubles_are_shown_and_warned_of_on_every_page(session, admin_client, place, as_officer):
    quotas.note(accounts.get("demo").app_id, quotas.CARD, 1000, 950)
    refused_accounts.note("demo", "公众号已冻结（50007）")
    page = admin_client.get(HOME + "quotas").text
    assert "快用完了" in page
    assert "950" in page
    assert "青岚区的公众号被平台拒绝：公众号已冻结（50007）" in page
    everywhere = admin_client.get("/console/policies/").text
    assert "今天的“模板消息”用了 95%" in everywhere
    assert "今天的“模板消息”" not in as_officer(place.desk).get("/console/").text


def test_officers_whom_nothing_reaches_are_listed_to_who_administers_them(
    session, admin_client, place, as_administrator
):
    other = make_officer(
        session, Role.INFORMATION_OFFICER, area=make_area(session, name="别的区"), name="赵强"
    )
    for number, officer in enumerate((place.desk, place.desk, other)):
        session.add(waiting(officer, number))
    session.commit()
    page = admin_client.get(HOME + "quotas").text
    assert "李梅" in page
    assert "2 条" in page
    assert "没有关注公众号1" in page
    assert "赵强" not in page
    session.execute(sa.update(Notification).values(due_at=now()))
    session.commit()
    assert "没有送不到的人员" in admin_client.get(HOME + "quotas").text


def test_officers_whom_nothing_reaches_are_paged_by_key(session, admin_client, place, monkeypatch):
    monkeypatch.setattr(unreachable, "PAGE", 2)
    people = [make_officer(session, Role.INFORMATION_OFFICER, area=place.community) for _ in range(5)]
    session.add_all([waiting(officer, number) for number, officer in enumerate(people)])
    session.commit()
    address, seen = HOME + "quotas", []
    while address:
        page = admin_client.get(address, headers={"HX-Request": "true"}).text
        seen += re.findall(r"officers/(\d+)", page)
        more = re.search(r'hx-get="([^"]+)"', page)
        address = more and html.unescape(more[1])
    assert sorted(map(int, seen)) == sorted(one.id for one in people)
    assert admin_client.get(HOME + "quotas?after=x~y").status_code == 422


def waiting(officer, number):
    error = f"没有关注公众号{number}"
    later = {"due_at": now() + NEXT_VISIT - timedelta(days=number), "error": error}
    return Notification(
        key=str(number), message=Message.CASE_SUBMITTED, officer_id=officer.id, fields={}, rungs=[], **later
    )


def test_only_administrators_may_look(session, place, as_officer):
    client = as_officer(place.supervisor)
    for path in ("", "preview", "quotas"):
        assert client.get(HOME + path).status_code == 403
    assert client.post(HOME + "look").status_code == 403
