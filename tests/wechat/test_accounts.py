"""The file of official accounts: what is read, and the sentence that each mistake is answered with."""

import pytest

from backend.config import config
from backend.errors import NotFound
from backend.notify.messages import Message
from backend.places.roles import Level
from backend.wechat import accounts
from tests.factories import make_area, make_community

GOOD = """
[accounts.yulan]
app_id = "wx0123456789abcdef"
app_secret = "0123456789abcdef0123456789abcdef"
original_id = "gh_0123456789ab"
token = "tokenOfTheTests0123"
aes_key = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
mode = "secure"
area = "青岚区/望溪街道/玉兰社区"

[accounts.yulan.templates.case_assigned]
id = "T1"
number = "character_string1"
status = "phrase3"

[accounts.yulan.mini_program]
app_id = "wxfedcba9876543210"
app_secret = "fedcba9876543210fedcba9876543210"
original_id = "gh_ba9876543210"
token = "miniTokenOfTheTests0123"
aes_key = "9876543210ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg"
templates.case_resolved = { id = "M1", number = "character_string1" }

[accounts.yulan.wecom]
corp_id = "ww0123456789abcdef"
agent_id = 1000002
secret = "secretOfTheWorkApplication0123456789"
token = "workTokenOfTheTests0123"
aes_key = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg"
"""
SECOND = (
    GOOD.split("[accounts.yulan.templates")[0]
    .replace("accounts.yulan", "accounts.other")
    .replace("wx0123456789abcdef", "wx00000000000000aa")
)


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "accounts.toml"
        path.write_text(text)
        return path

    return write


@pytest.fixture
def configured(write):
    """Point the process at another file of accounts."""
    before = config.wechat_accounts

    def point(text):
        object.__setattr__(config, "wechat_accounts", write(text))
        accounts.reset()

    yield point
    object.__setattr__(config, "wechat_accounts", before)
    accounts.reset()


def test_a_good_file_gives_accounts_by_name(write):
    account = accounts.load(write(GOOD + SECOND))["yulan"]
    assert (account.mode, account.area) == ("secure", "青岚区/望溪街道/玉兰社区")
    assert account.templates[Message.CASE_ASSIGNED].slots == {
        "number": "character_string1",
        "status": "phrase3",
    }
    assert account.mini_program.templates[Message.CASE_RESOLVED].id == "M1"


def test_a_mini_program_takes_in_what_is_pushed_to_it_as_an_account_of_its_own(configured):
    configured(GOOD)
    mini, account = accounts.receiver("yulan:mini"), accounts.receiver("yulan")
    assert (mini.name, mini.app_id, mini.original_id) == (
        "yulan:mini", "wxfedcba9876543210", "gh_ba9876543210",
    )  # fmt: skip
    assert (mini.mode, mini.area, mini.token) == ("secure", account.area, "miniTokenOfTheTests0123")
    assert [template.id for template in mini.notices.values()] == ["M1"]
    assert account == accounts.get("yulan")


def test_a_mini_program_to_which_nothing_is_pushed_needs_no_token(configured):
    lines = [line for line in GOOD.splitlines() if "mini" not in line or "[" in line]
    without = "\n".join(lines).replace('original_id = "gh_ba9876543210"\n', "")
    configured(without.replace('aes_key = "9876543210ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg"\n', ""))
    assert accounts.get("yulan").mini_program.token == ""
    assert (accounts.hears("yulan"), accounts.hears("yulan:mini")) == (True, False)
    for name in ("yulan:mini", "nobody:mini", "yulan:mini:mini"):
        with pytest.raises(NotFound):
            accounts.receiver(name)


def test_no_secret_shows_in_a_printed_account(write):
    shown = repr(accounts.load(write(GOOD)))
    for secret in (
        "0123456789abcdef0123456789abcdef",
        "tokenOfTheTests0123",
        "abcdefghijkl",
        "fedcba9876543210fe",
        "miniTokenOfTheTests0123",
        "9876543210ABCDEF",
    ):
        assert secret not in shown


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('token = "tokenOfTheTests0123"', 'token = "short"', ("yulan", "token", "太容易猜到")),
        ('token = "tokenOfTheTests0123"', 'token = "abababababababababab"', ("yulan", "token", "太容易猜到")),
        ('token = "tokenOfTheTests0123"', "", ("yulan", "token", "没有写")),
        ('app_secret = "0123456789abcdef0123456789abcdef"', "", ("yulan", "app_secret", "没有写")),
        ("wx0123456789abcdef", "wxShort", ("yulan", "app_id")),
        ("gh_0123456789ab", "0123456789ab", ("yulan", "original_id")),
        ("789ABCDEFG", "789ABCDEF", ("yulan", "aes_key", "43")),
        ("789ABCDEFG", "789ABCDEF!", ("yulan", "aes_key", "43")),
        ('aes_key = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"', "", ("yulan", "aes_key", "没有写")),
        ('mode = "secure"', 'mode = "open"', ("yulan", "mode", "secure")),
        ('mode = "secure"', 'mode = "secure"\ncolour = "red"', ("yulan", "colour")),
        ("templates.case_assigned", "templates.case_lost", ("yulan", "case_lost")),
        ('number = "character_string1"', 'nummer = "character_string1"', ("yulan", "nummer")),
        ('number = "character_string1"', 'number = "colour1"', ("yulan", "number", "不是能填的栏")),
        ('number = "character_string1"', 'who = "phrase1"', ("yulan", "who", "只能填 status")),
        (
            'number = "character_string1"',
            'number = "thing1"\nplace = "thing1"',
            ("yulan", "case_assigned", "只填一次"),
        ),
        ('id = "T1"', "", ("yulan", "case_assigned.id")),
        ('area = "青岚区/望溪街道/玉兰社区"', 'area = ""', ("yulan", "area")),
        ("accounts.yulan]", "accounts.Yulan]", ("Yulan", "name")),
        ("wxfedcba9876543210", "wx0123456789abcdef", ("yulan", "app_id", "相同")),
        ("ww0123456789abcdef", "corp", ("yulan", "wecom.corp_id", "ww")),
        ("agent_id = 1000002", 'agent_id = "app"', ("yulan", "wecom.agent_id", "数字")),
        ('token = "workTokenOfTheTests0123"', 'token = "short"', ("yulan", "wecom.token", "太容易猜到")),
        ("agent_id = 1000002", "", ("yulan", "wecom.agent_id", "没有写")),
        ('token = "miniTokenOfTheTests0123"', 'token = "short"', ("mini_program.token", "太容易猜到")),
        ('token = "miniTokenOfTheTests0123"', "", ("yulan", "mini_program.token", "没有写")),
        ("gh_ba9876543210", "ba9876543210", ("yulan", "mini_program.original_id", "gh_")),
        ('"9876543210ABC', '"876543210ABC', ("yulan", "mini_program.aes_key", "43")),
        ('aes_key = "9876543210ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg"', "", ("mini_program.aes_key", "没有写")),
        ("agent_id = 1000002", "agent_id = 1000002\ncolour = 1", ("yulan", "colour", "没有这一项")),
    ],
)
def test_a_mistake_stops_the_start_with_a_sentence_that_names_it_and_no_value(write, old, new, words):
    assert old in GOOD
    with pytest.raises(SystemExit) as stopped:
        accounts.load(write(GOOD.replace(old, new, 1)))
    sentence = str(stopped.value)
    assert all(word in sentence for word in words)
    assert "\n" not in sentence
    for secret in ("0123456789abcdef0", "tokenOf", "miniToken", "abab", "short", "abcdefghijkl"):
        assert secret not in sentence


def test_two_accounts_with_one_app_id_are_refused(write):
    with pytest.raises(SystemExit, match=r"app_id.*和公众号 yulan 的相同"):
        accounts.load(write(GOOD + SECOND.replace("wx00000000000000aa", "wx0123456789abcdef")))


def test_plain_mode_needs_no_aes_key(write):
    plain = GOOD.replace('mode = "secure"', 'mode = "plain"').replace(
        "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG", ""
    )
    assert accounts.load(write(plain))["yulan"].aes_key == ""


@pytest.mark.parametrize("text", ["token = 'secret", "", "accounts = 3", "[accounts]\nyulan = 1"])
def test_what_is_no_file_of_accounts_is_refused_without_its_text(write, text):
    with pytest.raises(SystemExit, match="WECHAT_ACCOUNTS") as stopped:
        accounts.load(write(text))
    assert "secret" not in str(stopped.value)


def test_a_file_that_is_not_text_or_not_there_is_refused(write, tmp_path):
    broken = tmp_path / "broken.toml"
    broken.write_bytes(b"\xff\xfe")
    for path in (broken, tmp_path / "nowhere.toml"):
        with pytest.raises(SystemExit, match=path.name):
            accounts.load(path)


def test_an_unknown_account_is_not_found(configured):
    configured(GOOD)
    assert accounts.get("yulan").name == "yulan"
    with pytest.raises(NotFound):
        accounts.get("mulan")


def test_the_area_is_found_by_path_or_by_name(session, configured):
    community = make_community(session)
    configured(GOOD + SECOND.replace("青岚区/望溪街道/玉兰社区", "玉兰社区"))
    for name in ("yulan", "other"):
        assert accounts.area_id(session, accounts.get(name)) == community.id
    accounts.check_areas(session)


def test_a_path_leads_to_the_right_one_of_two_areas_with_a_name(session, configured):
    community = make_community(session)
    another = make_area(session, Level.DISTRICT, name="碧湖区")
    make_area(session, Level.COMMUNITY, another, name="玉兰社区")
    configured(GOOD)
    assert accounts.area_id(session, accounts.get("yulan")) == community.id


def test_an_unknown_or_ambiguous_area_stops_the_start(session, configured):
    make_community(session)
    configured(GOOD.replace("青岚区/望溪", "青岚区/望山"))
    with pytest.raises(SystemExit, match=r"yulan.*area.*没有这个地点"):
        accounts.check_areas(session)
    make_area(session, Level.COMMUNITY, make_area(session, name="碧湖区"), name="玉兰社区")
    configured(GOOD.replace("青岚区/望溪街道/玉兰社区", "玉兰社区"))
    with pytest.raises(SystemExit, match=r"yulan.*area.*有几个地点"):
        accounts.check_areas(session)
