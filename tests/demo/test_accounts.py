"""The accounts of the demonstration: fresh, private, complete, and accepted by what reads them."""

import stat

from backend.cases.deadline_models import Clock
from backend.cases.deadlines import POLICY
from backend.demo import accounts, district
from backend.notify.messages import CATALOGUE, OFFICER, REVIEWS, SUPERVISIONS, Message
from backend.wechat import accounts as official
from backend.wechat.accounts import load


def test_the_file_is_accepted_and_both_accounts_are_there(tmp_path):
    path = tmp_path / "var" / "accounts.toml"
    assert accounts.write(path) is True
    found = load(path)
    assert [(account.name, account.mode) for account in found.values()] == [
        ("qinglan", "secure"),
        ("hefeng", "compatible"),
    ]
    assert found["qinglan"].mini_program.token  # so WeChat pushes what becomes of its messages


def test_only_the_owner_can_read_it(tmp_path):
    path = tmp_path / "accounts.toml"
    accounts.write(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_there_stays(tmp_path):
    path = tmp_path / "accounts.toml"
    path.write_text("# mine")
    assert accounts.write(path) is False
    assert path.read_text() == "# mine"


def test_no_secret_is_ever_made_twice(tmp_path):
    first, second = (set(accounts.document().splitlines()) for _ in range(2))
    secret = ("app_id", "app_secret", "original_id", "token", "aes_key", "id")
    assert not [line for line in first & second if line.split(" = ")[0] in secret]


def test_every_kind_of_message_has_a_template_in_every_account(tmp_path):
    path = tmp_path / "accounts.toml"
    accounts.write(path)
    for account in load(path).values():
        assert set(account.templates) == set(CATALOGUE)
        assert len({template.id for template in account.templates.values()}) <= 25


def test_a_resident_is_asked_for_three_subscriptions_at_most(tmp_path):
    path = tmp_path / "accounts.toml"
    accounts.write(path)
    mini_program = load(path)["qinglan"].mini_program
    assert len({template.id for template in mini_program.templates.values()}) == 3
    residents = {message for message, kind in CATALOGUE.items() if kind.link.startswith("/r/")}
    assert set(mini_program.templates) == residents


def test_the_accounts_stand_for_areas_of_the_district(tmp_path, session):
    district.load(session)
    path = tmp_path / "accounts.toml"
    accounts.write(path)
    for account in load(path).values():
        assert official._find_area(session, account) is not None


def test_an_officers_card_says_by_title_and_note_what_happened_and_what_to_do():
    """Both stay when the case is urgent, which takes the place of the status."""
    led = {message for message, kind in CATALOGUE.items() if kind.link in (OFFICER, REVIEWS, SUPERVISIONS)}
    for_officers = {message for message in led if not message.startswith("order_")}
    forms = {message: form for form in accounts.FOR_OFFICERS for message in form.messages}
    assert set(forms) == for_officers
    assert sum(len(form.messages) for form in accounts.FOR_OFFICERS) == len(for_officers)
    assert len({form.title for form in accounts.FORMS}) == len(accounts.FORMS)
    assert "催办" in forms[Message.CASE_URGED].title
    overdue = forms[Message.CASE_OVERDUE]
    assert f"{overdue.label('note')}{POLICY[Clock.ACCEPT].label}" == "超过时限还没有受理"
