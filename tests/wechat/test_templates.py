"""What is set down in the accounts' file, held against the templates that the account really has."""

import re

import pytest

from backend.cases.deadlines import POLICY
from backend.notify.messages import CATALOGUE, Message
from backend.notify.models import Delivery
from backend.notify.sms_channel import fit_param
from backend.wechat import accounts, previews, samples, templates, upkeep
from backend.wechat.accounts import Template
from backend.wechat.models import Sort
from tests.telling import received, tell
from tests.weixin import register

# A field that says nothing: a blank before a mark, two in a row, or a colon with nothing behind it.
HOLE = re.compile(r" [，。：；）]|  |：(?=[，。；\n])|：$(?<!数字：)|[（“][）”]|\{|编号提")
LIST = "/cgi-bin/template/get_all_private_template"
SLOTS = {"number": "character_string1", "place": "thing2", "status": "phrase3", "time": "time4"}
REAL = {"character_string1": "编号", "thing2": "地点", "phrase3": "状态", "time4": "时间"}


@pytest.fixture
def session(committed):
    return committed


def wrong(session, account="demo"):
    found = templates.check(accounts.get(account), templates.libraries(session))
    return {one.message: one.problem for one in found if one.problem}


def test_before_the_first_look_nothing_is_known_to_be_good(session, weixin):
    found = wrong(session)
    assert set(found) == set(Message)
    assert set(found.values()) == {templates.NOT_LOOKED}


def test_every_kind_of_every_account_is_proved_by_what_wechat_tells(session, weixin):
    upkeep.read_templates()
    session.expire_all()
    assert [wrong(session, name) for name in accounts.all_accounts()] == [{}, {}, {}]
    assert len(weixin.calls(LIST)) == len(accounts.all_accounts())


def test_a_template_that_was_deleted_is_named_and_what_was_known_survives_an_outage(session, weixin):
    account = accounts.get("demo")
    upkeep.read_templates()
    del (kept := dict(account.templates))[Message.CASE_CLOSED]
    changed = [dict(template_id=one.id, title="别的", keywords=REAL) for one in kept.values()]
    weixin.app(**app_of(account), templates=changed)
    upkeep.read_templates()
    session.expire_all()
    assert wrong(session) == {Message.CASE_CLOSED: templates.NOT_THERE}
    weixin.faults(api=[{"path": LIST, "errcode": 48001}])
    upkeep.read_templates()
    session.expire_all()
    library = templates.libraries(session)["demo", Sort.CARD]
    assert "公众号没有这项权限（48001）" in library.problem
    assert library.looked_at > library.fetched_at
    assert set(wrong(session)) == {Message.CASE_CLOSED}


def test_a_template_that_cannot_be_used_is_warned_of_once(session, weixin, caplog):
    account = accounts.get("demo")
    upkeep.read_templates()
    assert caplog.text == ""
    weixin.app(**app_of(account), templates=[])
    for _ in range(2):
        upkeep.read_templates()
    warned = [one.getMessage() for one in caplog.records if "case_closed at" in one.getMessage()]
    assert warned == [f"no usable template for card:case_closed at demo: {templates.NOT_THERE}"]
    assert len(caplog.records) == len(Message)


def app_of(account):
    return {
        "app_id": account.app_id, "app_secret": account.app_secret, "kind": "service_account",
        "name": account.name, "original_id": account.original_id,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("keywords", "sentence"),
    [
        (REAL, None),
        (REAL | {"first": "您好"}, None),
        ({**REAL, "thing9": "经办"}, "模板“办结通知”的“经办”（thing9）没有填"),
        ({**REAL, "enum9": "类别"}, "模板“办结通知”的“类别”（enum9）这种栏目填不了"),
        (
            {k: v for k, v in REAL.items() if k != "time4"},
            "没有 time4 这一栏，它的栏目是 character_string1、thing2",
        ),
    ],
)
def test_what_does_not_fit_is_said_in_words_that_can_be_acted_on(keywords, sentence):
    lines = "".join(f"{label}:{{{{{slot}.DATA}}}}\n" for slot, label in keywords.items())
    real = templates._read({"template_id": "T", "title": "办结通知", "content": lines}, "template_id")
    problem = templates._mismatch(Template("T", SLOTS), real)
    assert problem is None if sentence is None else sentence in problem


def test_the_content_of_old_and_new_templates_is_read():
    content = "{{first.DATA}}\n工单编号：{{character_string1.DATA}}\n地点:{{thing2.DATA}}\n{{remark.DATA}}"
    read = templates._read({"priTmplId": "T", "title": "t", "content": content}, "priTmplId")
    assert read == {"id": "T", "title": "t", "keywords": {"character_string1": "工单编号", "thing2": "地点"}}


def test_the_preview_is_what_the_phone_shows(session, weixin, resident):
    phone, contact = resident
    upkeep.read_templates()
    session.expire_all()
    words = {"place": "青岚区玉兰街道玉兰社区玉兰苑小区3栋2单元门口", "note": "修好了"}
    account = accounts.get("demo")
    shown = previews.preview(account, Message.CASE_RESOLVED, words, templates.libraries(session))
    row = tell(session, contact, Message.CASE_RESOLVED, **words)
    assert row.status is Delivery.SENT
    rows = [(one["label"], one["value"]) for one in received(phone)[0]["card"]["rows"]]
    [card, text] = shown.cards
    assert text.label == "短信"
    assert [pair for pair in card.rows if pair[0] != "time"] == [pair for pair in rows if pair[0] != "time"]
    assert "修好了" in shown.chat
    assert shown.ladder[0] == "公众号会话"


def test_every_kind_can_be_previewed_on_every_account(session, weixin):
    register(weixin, accounts.get("demo"))
    for account in accounts.all_accounts().values():
        for message in Message:
            shown = previews.preview(account, message, {}, {})
            assert all(value for card in shown.cards for _, value in card.rows)
            assert not HOLE.search(shown.chat), shown.chat
            assert not HOLE.search(words := previews.words_of(message)), words


def test_no_mark_stands_beside_another_and_a_count_has_its_blank(session, weixin):
    """The list of kinds joins lines, a text message goes on after what somebody wrote with its own mark."""
    texts = [previews.words_of(message) for message in Message]
    texts.append(f"{fit_param('灯泡换好了。', 12)}。请到微信里查看")
    for message in Message:
        shown = previews.preview(accounts.get("demo"), message, {}, {})
        texts.append(shown.chat)
        assert not re.search(r"[\u4e00-\u9fff]\d+ ?件", shown.chat), shown.chat
    doubled = [text for text in texts if re.search("[。，；：！？][。，；：]", text)]
    assert doubled == []
    assert previews.words_of(Message.CASE_URGED).startswith("诉求有群众或督查催办，请尽快办理")


def test_what_is_invented_stands_in_the_sentence_of_its_kind(session, weixin):
    """What is not done yet is a step that has a time limit; the many in one are a number of matters."""
    steps = {policy.label for policy in POLICY.values()} | {"签收"}
    late = [message for message in Message if re.search("没有{note}|前{note}", CATALOGUE[message].text)]
    assert len(late) == 6
    assert {samples.words_for(message)["note"] for message in late} <= steps
    assert "您有 3 件新诉求、2 件催办的诉求，请点开看" in previews.preview(*gathered(), {}, {}).chat
    assert previews.words_of(Message.CASE_SENT_BACK).startswith("诉求被退回，请重新派单")
    assert previews.words_of(Message.CASE_SUBMITTED).startswith("新诉求，青岚区")


def gathered():
    return accounts.get("demo"), Message.DIGEST
