"""The door behind an address code, /c/…: the form for a report at that place, or what to do without it.

A phone that scans it inside WeChat goes straight on to the form, because only WeChat can say who is there.
Any other browser gets a page that says so, with the telephone. Whoever wants the mini program to open instead
names the addresses below /c/ at the platform (扫普通链接二维码打开小程序); it then asks /api/v1/place itself.
"""

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from backend import db, devices
from backend.auth import public
from backend.places import codes, queries
from backend.places.codes import Found
from backend.places.models import Area
from backend.wechat import accounts, qrcodes

bp = Blueprint("door", __name__, url_prefix=codes.PATH.rstrip("/"))


@bp.get("/<payload>")
@public
def enter(payload: str) -> ResponseReturnValue:
    """Count the scan and lead on. What was not signed here is not looked up."""
    scene = codes.scene_in(payload)
    with db.transaction() as session:
        found = codes.find(session, scene) if scene else None
        if found is None:
            return _show(place=None, **_without(session, None)), 404
        if request.method == "GET":
            codes.count(session, found.code.id, scans=1)
        if not found.is_used:
            return _show(place=None, **_without(session, found.area)), 410
        return _lead_on(session, found)


def _lead_on(session: Session, found: Found) -> ResponseReturnValue:
    form = _form(session, found.area, codes.payload(found.code.scene))
    if _is_in_wechat():
        return redirect(form)
    facts = {"path": queries.path_names(session, found.area), "label": found.code.label, "form": form}
    telephone = _telephone(session, found.area)
    return _show(place=found.area, telephone=telephone, **facts)


def _show(**facts: Any) -> str:
    return render_template("resident/door.html", in_wechat=_is_in_wechat(), **facts)


def _is_in_wechat() -> bool:
    return devices.is_in_wechat(request.user_agent.string)


def _form(session: Session, area: Area, payload: str | None) -> str:
    """The address of the form, asked of the account that serves the place."""
    account = qrcodes.account_of(session, area)
    return url_for("resident.show_form", scene=payload, account=account.name if account else None)


def _without(session: Session, area: Area | None) -> dict[str, Any]:
    """How to report without this code: where its place is known, with that place's telephone."""
    if area is None:
        first = next(iter(accounts.all_accounts().values()))
        area = session.get_one(Area, accounts.area_id(session, first))
        return {"was": None, "telephone": _telephone(session, area), "form": _form(session, area, None)}
    return {"was": area, "telephone": _telephone(session, area), "form": _form(session, area, None)}


def _telephone(session: Session, area: Area) -> str | None:
    return queries.telephones(session, [area])[area.id]
