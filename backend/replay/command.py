"""`python -m backend replay FILE`: play a file of events against the running service and say what arrived."""

import statistics
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click
import sqlalchemy as sa
from tqdm import tqdm

from backend import db
from backend.config import config
from backend.errors import Invalid
from backend.places.models import Area
from backend.replay import rows as file
from backend.replay import stage
from backend.replay.play import Result, Target, known, play
from backend.replay.rows import MISSING, Row
from backend.wechat import accounts

Counts = Counter[tuple[str, str, str]]


@click.command(help="把 FILE 的每一行当作一位模拟居民的消息发出去；其他渠道的按人工登记。")
@click.argument("path", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--rate", type=click.FloatRange(min=0.1), help="每秒几行；不写就尽快发。")
@click.option("--texts", type=click.Path(exists=True, path_type=Path), help="有 text 这一列的 CSV 文件。")
@click.option("--account", "name", help="发给哪个公众号；不写就用第一个。")
@click.option("--url", default=config.public_url, help="服务的地址；不写就用 PUBLIC_URL。")
def replay(path: Path, rate: float | None, texts: Path | None, name: str | None, url: str) -> None:
    """Send every row of FILE as a message of a simulated resident; other channels enter as staff intake."""
    try:
        events = file.read(path, texts)
    except Invalid as error:
        raise click.ClickException(error.message) from None
    db.connect(config.database_url)
    account = accounts.get(name) if name else next(iter(accounts.all_accounts().values()))
    with db.transaction() as session:
        ready = stage.build(session, events)
    with tqdm(total=len(events), desc="重放", unit="行", disable=None) as bar:
        result = play(events, Target(account, url, ready), rate, bar.update)
    _say(events, result, with_texts=texts is not None)
    if result.errors or not _counts_agree(events):
        raise SystemExit(1)


def _say(events: Sequence[Row], result: Result, *, with_texts: bool) -> None:
    click.echo(_table(result))
    source = "文字来自另一个文件" if with_texts else "文字由类别名称拼成"
    click.echo(f"这是拼起来的：事件是真的，{source}，不是居民写的。")
    for row in events:
        if row.street is None or row.community is None:
            click.echo(f"第 {row.line} 行：没有地点（-），诉求先归到区，等人定位")
    for line, reason in sorted(result.errors):
        click.echo(f"第 {line} 行：没有送到：{reason}")


def _table(result: Result) -> str:
    latencies = sorted(result.latencies) or [0.0]
    p99 = latencies[min(len(latencies) - 1, int(len(latencies) * 0.99))]
    figures = {
        "发出": result.sent,
        "送到": result.answered,
        "新诉求": result.cases,
        "以前就有": result.repeats,
        "没有送到": len(result.errors),
        "每秒行数": round(result.sent / result.seconds, 1),
        "p50 毫秒": round(statistics.median(latencies) * 1000, 1),
        "p99 毫秒": round(p99 * 1000, 1),
    }
    return "\n".join(f"{figure:>10}  {name}" for name, figure in figures.items())


def _counts_agree(events: Sequence[Row]) -> bool:
    """Compare the file with the database, by street, community and channel; say what differs."""
    expected, found = count_file(events), count_database(events)
    click.echo(f"按街道、社区、渠道核对了 {len(expected)} 组")
    for where in sorted(expected.keys() | found.keys()):
        if expected[where] != found[where]:
            click.echo(f"{' / '.join(where)}：文件里 {expected[where]} 件，数据库里 {found[where]} 件")
    agree = expected == found
    click.echo("数目一致" if agree else "数目不一致")
    return agree


def count_file(events: Sequence[Row]) -> Counts:
    """How many events the file has for each (street, community, channel)."""
    return Counter((row.street or MISSING, row.community or MISSING, row.source) for row in events)


def count_database(events: Sequence[Row]) -> Counts:
    """The same, counted from the cases that the events became."""
    found = known(events)
    with db.transaction() as session:
        names = {area_id: name for area_id, name in session.execute(sa.select(Area.id, Area.name))}
    counts: Counts = Counter()
    for row in events:
        if row.id in found:
            street, community = found[row.id]
            counts[
                names[street] if street else MISSING, names[community] if community else MISSING, row.source
            ] += 1
    return counts
