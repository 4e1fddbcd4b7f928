"""check-config: what is right and what is wrong, in sentences, and never a secret."""

import pytest

from backend import checks, embedded
from backend.checks import Finding
from backend.config import WECHAT, config
from backend.wechat import accounts
from tests.factories import make_community


@pytest.fixture
def settings(monkeypatch):
    """Change settings for one test."""
    real = dict(config)
    accounts.reset()
    yield lambda **changes: [object.__setattr__(config, *change) for change in changes.items()]
    for name, value in real.items():
        object.__setattr__(config, name, value)
    accounts.reset()


@pytest.fixture
def district(committed, settings, database_url):
    """The district that the tests' accounts stand for, in the database that is checked."""
    make_community(committed)
    committed.commit()
    settings(database_url=database_url)


def bad():
    return [finding.sentence for finding in checks.findings() if finding.bad]


def said():
    return [finding.sentence for finding in checks.findings()]


def test_a_good_configuration_has_nothing_bad(district, settings):
    settings(wechat_api_base="http://127.0.0.1:8100")
    assert bad() == []
    assert (
        "公众号 demo：青岚区，mode 是 secure，有小程序"
        "（没有开通消息推送，订阅消息送到没有，微信不告诉我们），有企业微信。"
    ) in said()
    assert "短信：签名“青岚区诉求服务”，有 5 种消息的模板。" in said()
    [missing] = [sentence for sentence in said() if sentence.startswith("短信没有这些消息的模板")]
    assert "case_asked" in missing or "case_submitted" in missing
    assert "case_resolved" not in missing


def test_no_secret_is_shown(district):
    shown = "\n".join(said())
    for account in accounts.all_accounts().values():
        for secret in (account.app_secret, account.token, account.aes_key):
            assert secret not in shown


def test_the_real_wechat_needs_public_https_pages(district, settings):
    settings(wechat_api_base=WECHAT, public_url="http://127.0.0.1:8000")
    assert any(sentence.startswith("PUBLIC_URL") for sentence in bad())
    settings(public_url="https://sq.example.gov.cn")
    assert bad() == []


def test_an_account_of_an_unknown_area_is_named(committed, settings, database_url):
    settings(database_url=database_url)
    assert bad()[-1].startswith("WECHAT_ACCOUNTS：公众号 demo 的 area：没有这个地点")


def test_a_bad_file_of_accounts_is_said_once(district, settings, tmp_path):
    file = tmp_path / "accounts.toml"
    file.write_text("[accounts.demo]\napp_id = 'wx'")
    settings(wechat_accounts=file, wechat_api_base="http://127.0.0.1:8100")
    assert len(bad()) == 1
    assert "公众号 demo" in bad()[0]


def test_a_missing_file_of_accounts_is_said_with_where_its_form_stands(district, settings, tmp_path):
    settings(wechat_accounts=tmp_path / "accounts.toml", wechat_api_base="http://127.0.0.1:8100")
    [missing] = bad()
    assert missing.startswith(f"WECHAT_ACCOUNTS：还没有公众号文件 {tmp_path / 'accounts.toml'}，请写一个。")
    assert accounts.FORM in missing


def test_embedded_servers_that_do_not_run_are_to_be_started(settings, tmp_path):
    own = {"database_url": embedded.database_url(tmp_path), "redis_url": embedded.redis_url(tmp_path)}
    settings(var_dir=tmp_path, wechat_api_base="http://127.0.0.1:8100", **own)
    assert [sentence.partition("：")[0] for sentence in bad()] == ["DATABASE_URL", "REDIS_URL"]
    assert all("python -m backend servers start" in sentence for sentence in bad())


def test_a_missing_template_is_mentioned(district, settings, tmp_path):
    lines = config.accounts_file.read_text().split("[accounts.demo.templates.case_urged]")
    file = tmp_path / "accounts.toml"
    file.write_text(lines[0] + lines[1][lines[1].index("[") :])
    settings(wechat_accounts=file)
    assert Finding("公众号 demo 没有这些消息的模板：case_urged。") in checks.findings()


def test_a_database_that_does_not_answer_is_named_without_its_password(settings):
    settings(database_url="postgresql+psycopg://someone:pass-word@127.0.0.1:9/cases")
    assert "DATABASE_URL：数据库没有回应，请检查地址，看它有没有运行。" in bad()
    assert "pass-word" not in "\n".join(said())


def test_a_queue_that_does_not_answer_is_named(district, settings):
    settings(redis_url="redis://:pass-word@127.0.0.1:9/0")
    assert "REDIS_URL：队列没有回应，请检查地址，看它有没有运行。" in bad()
    assert "pass-word" not in "\n".join(said())


def test_a_store_that_cannot_be_written_is_named(district, settings, tmp_path):
    (tmp_path / "file").write_text("")
    settings(storage_dir=tmp_path / "file" / "storage")
    assert any(sentence.startswith("STORAGE_DIR") for sentence in bad())
