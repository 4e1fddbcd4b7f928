"""Monthly notices (月通报) for everybody: the list, and one with its words and figures."""

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
    named = [unit for unit in row.figures["units"] if unit["name"] != NOBODY]
    units = [(unit["name"], _shown(row, unit["figures"], but=NOTHING)) for unit in named]
    page = {"notice": row, "whole": _shown(row, row.figures["whole"], but=(NONE,)), "units": units}
    return render_template("resident/month.html", **page)


def _shown(row: MonthlyNotice, figures: dict[str, list[int]], but: tuple[str, ...]) -> list[Figure]:
    """The figures in the notice's order, `but` those that say nothing."""
    found = [_figure(column["label"], figures[column["key"]]) for column in row.figures["columns"]]
    return [figure for figure in found if figure.value not in but or figure.of]


def _figure(label: str, numbers: list[int]) -> Figure:
    """A rate of fewer than FEWEST cases or clocks is not shown."""
    if len(numbers) > 1 and 0 < numbers[1] < FEWEST:
        return Figure(label, NONE, FEW)
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
