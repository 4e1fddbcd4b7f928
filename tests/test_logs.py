import json
import subprocess
import sys

import pytest
import sqlalchemy as sa

from backend import logs

OPENID = "oLVPpjqs9BhvzwPj5A-vTYAX3GLc"


@pytest.mark.parametrize(
    ("said", "hidden", "kept"),
    [
        ("GET /cgi-bin/token?appid=wx1&secret=s3cr3t-value failed", "s3cr3t", "appid=wx1"),
        ("/cgi-bin/media/get?access_token=87_abcDEF-x&media_id=m1", "87_abcDEF", "media_id=m1"),
        ("{'app_secret': 'deadbeef', 'mode': 'secure'}", "deadbeef", "secure"),
        ("aes_key=abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG", "abcdefghijkl", "aes_key"),
        ("callback /r/login?code=061abcDEF&state=xyz", "061abcDEF", "/r/login"),
        ("Authorization: Bearer eyJhbGciOi.J9-_x", "eyJhbGciOi", "Bearer"),
        ("postgresql://civic:pa55word@db.example:5432/civic", "pa55word", "db.example"),
        ("GET /r/surveys/WzEsMl0.aBcD.sig-nature 200", "sig-nature", "/r/surveys/"),
        (f"居民{OPENID}发来语音", OPENID, "oLVPp…"),
        ("电话13812345678，晚上打", "13812345678", "138****5678"),
        ("证件440301199001011234", "440301199001011234", "440301…"),
    ],
)
def test_a_log_line_loses_what_it_may_not_hold_and_keeps_the_rest(said, hidden, kept):
    assert hidden in said
    assert hidden not in logs.clean(said)
    assert kept in logs.clean(said)


@pytest.mark.parametrize(
    "said",
    [
        "case 261121483920 opened",
        "errcode 45015, errmsg: response out of time limit, rid: 5f1e2d3c-1a2b3c4d-5e6f7a8b",
        "msgid 1234567890123456789 was sent",
        "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    ],
)
def test_what_operators_look_for_stays_readable(said):
    assert logs.clean(said) == said


def test_values_are_hidden_by_their_name_however_deep_they_lie():
    record = {"event": "x", "app_secret": "a", "headers": {"Cookie": "b", "asked": [{"token": "c"}, OPENID]}}
    assert logs.hide(None, "info", record) == {
        "event": "x",
        "app_secret": "***",
        "headers": {"Cookie": "***", "asked": [{"token": "***"}, "oLVPp…"]},
    }


PROGRAM = """
import logging
from backend import logs
logs.configure("info")
logs.begin(job="job-1", actor="fetch")
logging.getLogger("a.library").warning("call of %s failed", "https://api.example/x?secret=hush-hush")
logging.getLogger("a.library").debug("not shown")
try:
    raise ValueError("password=hush-hush 电话13812345678")
except ValueError:
    logging.getLogger("backend.some").exception("it broke")
"""


def test_every_record_is_one_line_of_json_that_names_its_job():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    first, second = (json.loads(line) for line in done.stderr.splitlines())
    assert (first["logger"], first["level"], first["job"], first["actor"]) == (
        "a.library",
        "warning",
        "job-1",
        "fetch",
    )
    assert first["event"] == "call of https://api.example/x?secret=*** failed"
    assert "ValueError: password=*** 电话138****5678" in second["exception"]
    assert "hush-hush" not in done.stderr
    assert done.stdout == ""


def test_a_failed_statement_does_not_show_what_it_was_given(session):
    with pytest.raises(sa.exc.DataError) as error:
        session.execute(sa.text("SELECT 1 / 0 WHERE :said <> ''"), {"said": "邻居家的事"})
    assert "SELECT 1 / 0" in str(error.value)
    assert "邻居家的事" not in str(error.value)
