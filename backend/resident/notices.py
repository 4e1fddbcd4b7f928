"""Monthly notices (月通报) for everybody: the list, and one with its words and figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from backend import db
from backend.auth import public
from backend.cases.supervision_models import MonthlyNotice
from backend.errors import NotFound
from backend.orders import notices
from backend.orders.notice_figures import NOBODY, said
from backend.places.models import Area
from backend.web.forms import last_seen, number
from backend.wechat import accounts

FEWEST = 5  # a rate of fewer tells what one resident said
FEW = "少于 5 件，不公布"
TELLING = "能推算出别的单位，不公布"  # the rest of the whole would be a rate of very few
NONE, NOTHING = "—", ("0", "—")


@dataclass(frozen=True)
class Figure:
    """A figure as everybody reads it: its name, the number, and what it was taken of."""

    label: str
    value: str
    of: str


@public
def months() -> ResponseReturnValue:
    """The notices of the place or account that the address names, else of all, the newest first."""
    with db.transaction() as session:
        area = _area(session)
        rows = notices.published(session, area, before=last_seen("before"))
        more = rows[-1].id if len(rows) == notices.PAGE else None
        kept = {name: request.args[name] for name in ("area", "account") if name in request.args}
        page = {"rows": rows, "more": more, "kept": kept, "area": area}
        return render_template("resident/months.html", **page)


@public
def month(notice_id: int) -> ResponseReturnValue:
    """One notice; no person is named in its figures, and no rate of very few cases is shown."""
    with db.transaction() as session:
        row = notices.find_published(session, notice_id)
    figures = row.figures
    hidden = {column["key"]: _hidden(figures["units"], column["key"]) for column in figures["columns"]}
    units = [
        (unit["name"], _shown(row, unit["figures"], {key for key in hidden if n in hidden[key]}, but=NOTHING))
        for n, unit in enumerate(figures["units"])
        if unit["name"] != NOBODY
    ]
    page = {"notice": row, "whole": _shown(row, figures["whole"], set(), but=(NONE,)), "units": units}
    return render_template("resident/month.html", **page)


def _hidden(units: Sequence[dict[str, Any]], key: str) -> set[int]:
    """Where in these units this rate is not shown: where it is of very few, and where the next fewest are
    if all that is hidden is of very few: whoever took the rest from the whole would have it."""
    of = [_size(unit["figures"][key]) for unit in units]
    hidden = {n for n, unit in enumerate(units) if of[n] < FEWEST or unit["name"] == NOBODY}
    if 0 < sum(of[n] for n in hidden) < FEWEST:
        hidden |= set(sorted(set(range(len(units))) - hidden, key=of.__getitem__)[:1])
    return hidden


def _size(numbers: list[int]) -> int:
    """Of how many a rate is; a count is of none."""
    return numbers[1] if len(numbers) > 1 else 0


def _shown(
    row: MonthlyNotice, figures: dict[str, list[int]], hidden: set[str], but: tuple[str, ...]
) -> list[Figure]:
    """The figures in the notice's order, `but` those that say nothing; `hidden` are the keys of rates."""
    found = [
        _figure(column["label"], figures[column["key"]], column["key"] in hidden)
        for column in row.figures["columns"]
    ]
    return [figure for figure in found if figure.value not in but or figure.of]


def _figure(label: str, numbers: list[int], is_hidden: bool) -> Figure:
    """A rate of fewer than FEWEST cases or clocks is not shown, nor one from which such a rate follows."""
    size = _size(numbers)
    if size and (is_hidden or size < FEWEST):
        return Figure(label, NONE, FEW if size < FEWEST else TELLING)
    value, of = said(numbers)
    return Figure(label, value, of if value != NONE else "")


def _area(session: Session) -> Area | None:
    """The place whose notices are asked for, or the district of the account. Raises NotFound."""
    asked: dict[str, Any] = request.args
    if "area" in asked:
        area = session.get(Area, number(asked["area"]) or 0)
        if area is None:
            raise NotFound("没有这个地方")
        return area
    if "account" in asked:
        return session.get_one(Area, accounts.area_id(session, accounts.get(asked["account"])))
    return None
