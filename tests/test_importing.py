"""Tables in and out on the command line: what is said of every row, and that all comes in or nothing."""

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from backend import importing, sheets
from backend.config import config
from backend.places.models import Area
from tests.factories import make_community

HEADERS = "层级,名称,上级名称\n"
GOOD = "社区,海棠社区,青岚区/望溪街道\n"
BAD = "网格,一网格,没有这个地方\n"


@pytest.fixture
def run(database_url, committed, tmp_path):
    """A function that runs one of the commands over a file with this text."""
    make_community(committed)
    committed.commit()
    real = config.database_url
    object.__setattr__(config, "database_url", database_url)

    def run(text, *words):
        (tmp_path / "地点.csv").write_text(HEADERS + text, encoding="utf-8")
        return CliRunner().invoke(importing.take_in, ["areas", str(tmp_path / "地点.csv"), *words])

    yield run
    object.__setattr__(config, "database_url", real)


def names(committed):
    committed.rollback()
    return set(committed.scalars(sa.select(Area.name)))


def test_a_dry_run_says_what_would_be_and_changes_nothing(run, committed):
    said = run(GOOD + BAD, "--dry-run")
    assert said.exit_code == 0
    assert "新增 1，更新 0，没有变化 0，文件里重复 0，不能导入 1" in said.output
    assert "没有这个地方" in said.output
    assert "海棠社区" not in names(committed)


def test_a_bad_row_stops_the_file_unless_it_is_to_be_skipped(run, committed):
    refused = run(GOOD + BAD)
    assert refused.exit_code == 1
    assert "有 1 行不能导入，什么都没有改" in refused.output
    assert "海棠社区" not in names(committed)
    assert run(GOOD + BAD, "--skip").exit_code == 0
    assert "海棠社区" in names(committed)
    assert "没有变化 1" in run(GOOD).output


def test_every_rows_fate_is_written_to_a_file(run, tmp_path):
    run(GOOD + BAD, "--dry-run", "--report", str(tmp_path / "fates.csv"))
    report = sheets.read((tmp_path / "fates.csv").read_bytes(), "fates.csv")
    assert [(cells["行"], cells["结果"]) for _, cells in report.rows] == [("2", "新增"), ("3", "不能导入")]
    assert report.rows[1][1]["怎么办"]


def test_an_unknown_place_to_hang_rows_under_is_said(run):
    said = run(GOOD, "--under", "不存在区")
    assert said.exit_code == 1
    assert "没有找到地点“不存在区”" in said.output


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_what_is_given_out_is_taken_back_without_a_change(run, tmp_path, suffix):
    file = tmp_path / f"out.{suffix}"
    given = CliRunner().invoke(importing.give_out, ["areas", str(file)])
    assert "导出了 3 行" in given.output
    back = CliRunner().invoke(importing.take_in, ["areas", str(file)])
    assert "新增 0，更新 0，没有变化 3，文件里重复 0，不能导入 0" in back.output
