"""A file of events against the running service: everything arrives, and the counts say so."""

import csv
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from werkzeug.serving import make_server

from backend.app import create_app
from backend.cases.models import Case, Channel
from backend.errors import Invalid
from backend.replay.rows import NEEDED, read
from backend.wechat import homes
from backend.wechat.accounts import reset
from tests.factories import make_community

REAL = Path(__file__).parents[3] / "shared" / "data" / "pingshan2018" / "events.csv"
MESSAGES = REAL.parents[1] / "tipdm2020c" / "messages.csv"


@pytest.fixture
def url(committed):
    make_community(committed)
    reset()
    homes.forget()
    server = make_server("127.0.0.1", 0, create_app(), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


def write(path, rows):
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(NEEDED)
        writer.writerows(rows)
    return path


def row(number, street="东山街道", community="荷塘社区", source="@坪山"):
    return (number, "2018-02-08 15:34:40", street, community, "市容环卫", "暴露垃圾", source)


@pytest.fixture
def run(url, database_url):
    """The command as an operator gives it, in a process of its own."""

    def call(path, *more, to=url):
        command = [sys.executable, "-m", "backend", "replay", str(path), "--url", to, *more]
        env = os.environ | {"DATABASE_URL": database_url}
        result = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300, check=False)
        assert "Traceback" not in result.stderr, result.stderr
        return result

    return call


def test_every_row_becomes_a_case_of_its_place_and_channel(tmp_path, run, committed):
    sources = ["@坪山", "美丽深圳", "12345", "12319", "政府信箱", "固话投诉"]
    path = write(tmp_path / "events.csv", [row(n, source=sources[n % 6]) for n in range(12)])
    result = run(path)
    assert result.returncode == 0, result.stdout
    assert "数目一致" in result.stdout
    by_channel = dict(
        committed.execute(sa.select(Case.channel, sa.func.count()).group_by(Case.channel)).all()
    )
    assert by_channel == {
        Channel.WECHAT: 2,
        Channel.OTHER: 2,
        Channel.HOTLINE: 4,
        Channel.MAILBOX: 2,
        Channel.TELEPHONE: 2,
    }


def test_the_same_file_again_makes_nothing_new(tmp_path, run, committed):
    path = write(tmp_path / "events.csv", [row(1), row(2, source="12345")])
    run(path)
    result = run(path)
    assert " 2  以前就有" in result.stdout
    assert committed.scalar(sa.select(sa.func.count()).select_from(Case)) == 2


def test_rows_without_a_place_arrive_and_are_named_by_line(tmp_path, run, committed):
    path = write(tmp_path / "events.csv", [row(1), row(2, "-", "-"), row(3, "-", "-", "12345")])
    result = run(path)
    assert result.returncode == 0, result.stdout
    assert [line.split("：")[0] for line in result.stdout.splitlines() if "没有地点" in line] == [
        "第 3 行",
        "第 4 行",
    ]
    assert committed.scalar(sa.select(sa.func.count()).select_from(Case)) == 3


def test_a_service_that_is_away_is_an_error_for_each_row(tmp_path, run):
    path = write(tmp_path / "events.csv", [row(1)])
    result = run(path, to="http://127.0.0.1:9")
    assert result.returncode == 1
    assert "第 2 行：没有送到" in result.stdout


def test_a_file_of_another_kind_is_refused_by_naming_what_is_missing(tmp_path, run):
    path = tmp_path / "other.csv"
    path.write_text("a,b\n1,2\n")
    result = run(path)
    assert result.returncode == 1
    assert "REC_ID" in result.stderr


@pytest.mark.parametrize("columns", range(1, len(NEEDED)))
def test_a_line_that_is_cut_short_is_named(tmp_path, columns):
    path = write(tmp_path / "events.csv", [row(1), row(2)[:columns]])
    with pytest.raises(Invalid, match=f"第 3 行：列数不够，没有 .*{NEEDED[columns]}"):
        read(path)


def test_a_line_without_a_text_is_passed_over(tmp_path):
    texts = tmp_path / "messages.csv"
    texts.write_text("id,text\n1\n2,井盖松了\n")
    path = write(tmp_path / "events.csv", [row(1), row(2)])
    assert [event.text for event in read(path, texts)] == ["井盖松了", "井盖松了"]


@pytest.mark.slow
@pytest.mark.skipif(not REAL.exists(), reason="the file of real events is not beside the project")
def test_a_real_years_events_all_arrive(run, committed):
    result = run(REAL, "--texts", str(MESSAGES))
    assert result.returncode == 0, result.stdout[-2000:]
    assert "6952  新诉求" in result.stdout
    assert "数目一致" in result.stdout
    assert result.stdout.count("没有地点") == 7
