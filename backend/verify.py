"""`python -m backend verify-ledger`: go over the chain of sealed steps and name the first broken row."""

import re
from datetime import timedelta

import click
import sqlalchemy as sa
from sqlalchemy.orm import Session
from tqdm import tqdm

from backend import db
from backend.cases import verifying
from backend.cases.ledger_models import Seal
from backend.cases.models import Case, CaseEvent
from backend.cases.verifying import START, Finding, Flaw, Head, Result
from backend.cases.workflow import RULES
from backend.config import config
from backend.times import stamp

SAYS = {
    Flaw.CHANGED: "这一步现在的内容和存证时不一样，有人改过",
    Flaw.EVENT_GONE: "存证还在，但这一步的记录不见了",
    Flaw.SEAL_GONE: "这个位置的存证不见了",
    Flaw.SEAL_CHANGED: "这一步没有变，但它的存证被改过",
    Flaw.FORKED: "从这里起和后面接不上，存证被调换或重写过",
    Flaw.REWRITTEN: "和以前核对过的不是同一条链，存证被重写过",
    Flaw.INSERTED: "这一步没有存证，却排在已经存证的步骤中间，是后来插进去的，或者漏了存证",
    Flaw.UNSEALED: "这一步一直没有存证，请检查后台任务（worker 和 clock）是否在运行",
}
HEAD = re.compile(r"(\d{1,18})-([0-9a-f]{64})")


@click.command("verify-ledger", help="核对办理记录的存证链，指出第一处被改动的地方；有问题时返回 1。")
@click.option("--since", is_flag=True, help="只核对上次核对之后的部分。")
@click.option("--head", "shows_head", is_flag=True, help="只显示上次核对到哪里，可以抄下来另外保存。")
@click.option("--known", multiple=True, metavar="位置-指纹", help="以前用 --head 抄下来的，看现在还对不对。")
@click.option("--minutes", type=click.IntRange(1), default=15, show_default=True, help="多久没有存证算问题。")
def main(since: bool, shows_head: bool, known: tuple[str, ...], minutes: int) -> None:
    """Verify the chain of seals; exit with 1 when it is broken."""
    kept = tuple(_head(text) for text in known)
    db.connect(config.database_url)
    start = _last() if since or shows_head else START
    if shows_head:
        click.echo(str(start))
        return
    result = _verify(start, kept, timedelta(minutes=minutes))
    with db.transaction() as session:
        words = _words(session, result.finding) if result.finding else ""
        verifying.record(session, result, words)
    if result.finding:
        click.echo(words, err=True)
        raise SystemExit(1)
    _say_whole(start, result)


def _head(text: str) -> Head:
    found = HEAD.fullmatch(text.strip())
    if found is None:
        raise click.BadParameter("要写成 位置-指纹，像 --head 显示的那样", param_hint="--known")
    return Head(int(found[1]), bytes.fromhex(found[2]))


def _last() -> Head:
    with db.transaction() as session:
        check = verifying.last_check(session)
        return Head(check.until_id, check.head) if check else START


def _verify(start: Head, kept: tuple[Head, ...], unsealed_after: timedelta) -> Result:
    with db.transaction() as session:
        last = session.scalar(sa.select(sa.func.max(Seal.id))) or 0
        known = (*verifying.known_heads(session), *kept)
    total = max(0, last - start.position)
    with db.transaction() as session, tqdm(total=total, desc="核对", unit="步", disable=None) as bar:
        return verifying.verify(session, start, known, unsealed_after=unsealed_after, on_row=bar.update)


def _say_whole(start: Head, result: Result) -> None:
    since = f"从第 {start.position} 号之后，" if start.position else ""
    click.echo(f"完好：{since}核对了 {result.steps} 步。现在到 {result.head}")
    if result.emptied:
        click.echo(f"其中 {result.emptied} 步的说明已按规定清除，只留下了指纹")
    if result.late:
        click.echo(f"其中 {result.late} 步在发生一小时以后才存证")


def _words(session: Session, finding: Finding) -> str:
    """Where the ledger is broken, for people: position, case, step, when, what differs."""
    place = f"第 {finding.position} 号存证" if finding.flaw is not Flaw.UNSEALED else "没有存证的步骤"
    return f"存证链有问题。第一处：{place}{_step(session, finding)}。{SAYS[finding.flaw]}。"


def _step(session: Session, finding: Finding) -> str:
    row = session.execute(
        sa.select(CaseEvent.action, CaseEvent.created_at, Case.number)
        .join(Case, Case.id == CaseEvent.case_id)
        .where(CaseEvent.id == finding.event_id)
    ).one_or_none()
    if row is not None:
        step = f"诉求 {row.number} 的“{RULES[row.action].label}”"
        return f"，{step}，{stamp(row.created_at)}（记录 {finding.event_id}）"
    seal = session.get(Seal, finding.position)
    return f"，{stamp(seal.sealed_at)}存的记录 {seal.case_event_id}" if seal else ""
