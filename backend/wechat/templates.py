"""Whether each kind of message has a usable template on each account: what is set down, held against what is.

The accounts' file says which template carries a kind of message and which of our fields goes into which of
its slots. The platform refuses a whole card (47003, 40037) for one slot that is not there or stays empty, so
every difference is found here before anybody waits for a message.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from backend.notify.fitting import slot_kind
from backend.notify.messages import Message
from backend.times import now
from backend.wechat import client
from backend.wechat.accounts import Account, Template
from backend.wechat.codes import ProviderError
from backend.wechat.models import Sort, TemplateLibrary

SORT_LABELS = {Sort.CARD: "模板消息", Sort.NOTICE: "公众号订阅通知", Sort.MINI: "小程序订阅消息"}
SECTION = {Sort.CARD: "templates", Sort.NOTICE: "notices", Sort.MINI: "mini_program.templates"}
KEYWORD = re.compile(r"([^\n{}]*?)[:：]?\s*\{\{(\w+)\.DATA\}\}")
HIDDEN = ("first", "remark")  # in old templates; not shown any more, and not asked for
NOT_LOOKED = "还没有核对过，请点“重新核对”"
NOT_SET = "没有配置模板：请在公众号后台选一个，把编号写进账号文件的 [accounts.{account}.{section}.{message}]"
NOT_THERE = "账号文件里的模板编号在微信那边找不到：可能已被删除，或是别的公众号的。请换成现有的编号"
NOT_READ = "{label}没有核对成：{problem}"
WRONG_APP = (40013, 40125)  # its app_id or its secret is not one that WeChat knows
OF_MINI = (
    "。没有小程序的，请把账号文件里的 [accounts.{account}.mini_program] 整段删掉；"
    "有的，请核对里面的 app_id 和 app_secret"
)
NO_SLOT = "模板“{title}”没有 {slot} 这一栏，它的栏目是 {known}。请改账号文件"
EMPTY_SLOT = "模板“{title}”的“{label}”（{slot}）没有填。请在账号文件里给它一个内容，空着微信会拒发"
NO_FILLER = "模板“{title}”的“{label}”（{slot}）这种栏目填不了。请换一个模板"


@dataclass(frozen=True)
class Found:
    """What one look at a library found: its templates, or why not."""

    account: str
    sort: Sort
    templates: Sequence[Mapping[str, Any]] | None
    problem: str | None


@dataclass(frozen=True)
class Verdict:
    """One kind of message on one account. `problem` is None when its template can be used."""

    account: str
    sort: Sort
    message: Message
    title: str
    problem: str | None
    is_set_down: bool

    @property
    def label(self) -> str:
        return SORT_LABELS[self.sort]


def not_read(found: Found | TemplateLibrary) -> str:
    """Why a library could not be read: one sentence for all kinds that need it."""
    return NOT_READ.format(label=SORT_LABELS[found.sort], problem=found.problem)


def set_down(account: Account) -> dict[Sort, Mapping[Message, Template]]:
    """What the accounts' file says, of the sorts that the account uses; template cards always."""
    mini = account.mini_program.templates if account.mini_program else {}
    others = {Sort.NOTICE: account.notices, Sort.MINI: mini}
    return {Sort.CARD: account.templates} | {sort: found for sort, found in others.items() if found}


def look(account: Account) -> list[Found]:
    """Ask WeChat for the account's templates. No transaction may be open."""
    return [_look(account, sort) for sort in set_down(account)]


def _look(account: Account, sort: Sort) -> Found:
    try:
        return Found(account.name, sort, _BY_SORT[sort](account), None)
    except ProviderError as error:
        is_wrong = sort is Sort.MINI and error.errcode in WRONG_APP
        return Found(
            account.name, sort, None, f"{error}{OF_MINI.format(account=account.name) if is_wrong else ''}"
        )


def _cards(account: Account) -> list[dict[str, Any]]:
    return [_read(one, "template_id") for one in client.private_templates(account)]


def _notices(account: Account) -> list[dict[str, Any]]:
    return [_read(one, "priTmplId") for one in client.subscription_templates(account)]


def _minis(account: Account) -> list[dict[str, Any]]:
    assert account.mini_program is not None  # only then the sort is used
    return [_read(one, "priTmplId") for one in client.subscription_templates(account.mini_program)]


_BY_SORT: dict[Sort, Callable[[Account], list[dict[str, Any]]]] = {
    Sort.CARD: _cards,
    Sort.NOTICE: _notices,
    Sort.MINI: _minis,
}


def _read(told: Mapping[str, Any], id_name: str) -> dict[str, Any]:
    """编号:{{character_string1.DATA}} → {"character_string1": "编号"}."""
    content = str(told.get("content", ""))
    keywords = {slot: label.strip() for label, slot in KEYWORD.findall(content) if slot not in HIDDEN}
    return {"id": str(told.get(id_name, "")), "title": str(told.get("title", "")), "keywords": keywords}


def keep(session: Session, found: Sequence[Found], at: datetime | None = None) -> None:
    """Write down what was found; a look that failed leaves what was known."""
    for one in found:
        row: dict[str, Any] = {"account": one.account, "sort": one.sort, "problem": one.problem}
        row["looked_at"] = at or now()
        if one.templates is not None:
            row |= {"templates": list(one.templates), "fetched_at": row["looked_at"]}
        unique = ["account", "sort"]
        statement = insert(TemplateLibrary).values(row)
        session.execute(statement.on_conflict_do_update(index_elements=unique, set_=row))


def libraries(session: Session) -> dict[tuple[str, Sort], TemplateLibrary]:
    """What is known of the accounts' templates."""
    return {(row.account, row.sort): row for row in session.scalars(sa.select(TemplateLibrary))}


def verdicts(account: Account, known: Mapping[Sort, Sequence[Mapping[str, Any]] | None]) -> list[Verdict]:
    """Every kind of message on this account, in the catalogue's order; None: that library was not read."""
    return [
        _verdict(account, sort, message, templates.get(message), known.get(sort))
        for sort, templates in set_down(account).items()
        for message in Message
        if sort is Sort.CARD or message in templates
    ]


def _verdict(
    account: Account,
    sort: Sort,
    message: Message,
    template: Template | None,
    library: Sequence[Mapping[str, Any]] | None,
) -> Verdict:
    title, problem = "", None
    if template is None:
        problem = NOT_SET.format(account=account.name, section=SECTION[sort], message=message)
    elif library is None:
        problem = NOT_LOOKED
    else:
        real = next((one for one in library if one["id"] == template.id), None)
        title = real["title"] if real else ""
        problem = _mismatch(template, real) if real else NOT_THERE
    return Verdict(account.name, sort, message, title, problem, template is not None)


def _mismatch(template: Template, real: Mapping[str, Any]) -> str | None:
    """The first slot that is not there, cannot be filled or stays empty."""
    title, keywords, filled = real["title"], real["keywords"], set(template.slots.values())
    for slot in template.slots.values():
        if slot not in keywords:
            return NO_SLOT.format(title=title, slot=slot, known="、".join(keywords))
    for slot, label in keywords.items():
        if slot_kind(slot) is None:
            return NO_FILLER.format(title=title, label=label, slot=slot)
        if slot not in filled:
            return EMPTY_SLOT.format(title=title, label=label, slot=slot)
    return None


def check(account: Account, known: Mapping[tuple[str, Sort], TemplateLibrary]) -> list[Verdict]:
    """Every kind of message on this account, by what was last read (`libraries`) of its templates."""
    return verdicts(account, {sort: _of(known.get((account.name, sort))) for sort in Sort})


def _of(library: TemplateLibrary | None) -> Sequence[Mapping[str, Any]] | None:
    return None if library is None or library.fetched_at is None else library.templates
