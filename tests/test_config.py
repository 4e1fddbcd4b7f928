"""Settings: what is missing or malformed stops the start with a sentence that names it, never its value."""

import os
import subprocess
import sys

import pytest

KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
GOOD = {"SECRET_KEY": "a-secret-of-some-length", "DATA_KEYS": f"1:{KEY}", "PATH": os.environ["PATH"]}


def start(*code, **settings):
    """A process that reads these settings and nothing else of the environment."""
    run = [sys.executable, "-c", "; ".join(("from backend.config import config", *code))]
    env = {name: value for name, value in (GOOD | settings).items() if value is not None}
    return subprocess.run(run, env=env, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SECRET_KEY", None, "没有设置"),
        ("SECRET_KEY", "too-short-xq", "至少要 16 个字符"),
        ("DATA_KEYS", None, "没有设置"),
        ("DATA_KEYS", "xq-no-number", "要写成 1:BASE64"),
        ("DATA_KEYS", "1:xq-not-base64", "要写成 1:BASE64"),
        ("DATA_KEYS", "1:eHE=", "32 字节"),
        ("DATA_KEYS", f"1:{KEY},xqforgotten", "要写成 1:BASE64"),
        ("DATA_KEYS", f"1:{KEY},1:{KEY}", "不能重复"),
        ("DATA_KEYS", f"1:{KEY},2:{KEY}", "最大的写在最前"),
        ("DATA_KEYS", f"256:{KEY}", "1 到 255"),
        ("DATA_KEYS", f"0:{KEY}", "1 到 255"),
        ("DATABASE_URL", "xq-no-address", "要以 postgresql:// 开头"),
        ("DATABASE_URL", "mysql://someone:xq@127.0.0.1/cases", "要以 postgresql:// 开头"),
        ("REDIS_URL", "127.0.0.1:6379xq", "要以 redis:// 开头"),
        ("PUBLIC_URL", "sq.xq.example", "要以 https:// 开头"),
        ("WECHAT_API_BASE", "ftp://xq.example", "要以 https:// 开头"),
        ("PORT", "xq", "要写整数"),
        ("PORT", "70000", "不能大于 65535"),
        ("SURVEY_DELAY_MINUTES", "-9871", "不能小于 0"),
        ("SURVEY_HOURS", "9 to xq", "要写成 09:00-20:00"),
        ("SURVEY_HOURS", "9:07-20:00", "要写成 09:00-20:00"),
        ("SURVEY_HOURS", "20:07-09:07", "开始要早于结束"),
        ("SURVEY_DAYS_OPEN", "0", "要大于 0"),
        ("SURVEY_DAYS_OPEN", "xq", "要写数字"),
        ("LOG_LEVEL", "LOUDxq", "只能写 'DEBUG'、'INFO'"),
    ],
)
def test_a_bad_setting_stops_the_start_by_its_name(name, value, said):
    stopped = start(**{name: value})
    assert stopped.returncode == 1
    [sentence] = stopped.stderr.splitlines()
    assert sentence.startswith("设置不对，请改好再启动。")
    assert f"{name}：" in sentence
    assert said in sentence
    assert value is None or len(value) < 3 or value not in sentence
    assert "xq" not in sentence
    assert KEY not in sentence


def test_every_bad_setting_is_named_at_once():
    stopped = start(SECRET_KEY=None, PORT="x", SURVEY_HOURS="x")
    assert all(f"{name}：" in stopped.stderr for name in ("SECRET_KEY", "PORT", "SURVEY_HOURS"))


def test_good_settings_are_read_and_an_empty_one_is_as_none():
    shown = start(
        "print(config.port, config.survey_hours[0], list(config.data_keys), config.database_url)",
        PORT="8123",
        SURVEY_HOURS="",
        DATA_KEYS=f"2:{KEY},1:{KEY}",
        DATABASE_URL="postgres://cases@127.0.0.1/cases",
    )
    assert shown.stdout.split() == [
        "8123",
        "09:00:00",
        "[2,",
        "1]",
        "postgresql+psycopg://cases@127.0.0.1/cases",
    ]


def test_what_is_not_set_lies_below_var_dir():
    shown = start("print(config.stores_in, config.accounts_file, config.redis_url)", VAR_DIR="/tmp/x")
    assert shown.stdout.startswith("/tmp/x/storage /tmp/x/accounts.toml ")


def test_printing_the_settings_shows_no_secret():
    shown = start("print(config)", DATABASE_URL="postgresql://cases:pass-word@127.0.0.1/cases")
    assert "port=8000" in shown.stdout
    assert not any(secret in shown.stdout for secret in ("pass-word", GOOD["SECRET_KEY"], "01234567890"))
