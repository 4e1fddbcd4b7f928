"""The control API for tests and for the phones: apps, faults, clock, settings, journals."""

from typing import Any

from flask import Blueprint, Response, jsonify, request

from wechat_sandbox import apps, codec, control_users, push, qrcodes, sms_control, wecom_control
from wechat_sandbox.apps import App
from wechat_sandbox.errors import Refusal
from wechat_sandbox.platform import Platform


def make_blueprint(platform: Platform) -> Blueprint:
    """Everything below /control."""
    control = Blueprint("control", __name__, url_prefix="/control")
    control.register_error_handler(Refusal, _refuse)
    control.register_error_handler(codec.CodecError, lambda error: _refuse(Refusal(str(error))))
    _add_app_routes(control, platform)
    _add_fault_routes(control, platform)
    _add_weather_routes(control, platform)
    _add_journal_routes(control, platform)
    control_users.add_routes(control, platform)
    wecom_control.add_routes(control, platform)
    sms_control.add_routes(control, platform)
    return control


def _refuse(error: Refusal) -> tuple[Response, int]:
    return jsonify(error=str(error)), error.status


def _add_app_routes(control: Blueprint, platform: Platform) -> None:
    @control.post("/apps")
    def register_app() -> dict[str, Any]:
        return _describe(apps.register(platform, control_users.body()))

    @control.get("/apps")
    def list_apps() -> dict[str, Any]:
        return {"apps": [_describe(app) for app in apps.every(platform)]}

    @control.post("/apps/<app_id>/verify")
    def verify_callback(app_id: str) -> dict[str, Any]:
        delivery = push.verify(platform, apps.require(platform, app_id))
        return {"verified": delivery.error is None, **delivery.document()}

    @control.get("/codes")
    def list_codes() -> dict[str, Any]:
        words = request.args.get("words")
        codes = qrcodes.every(platform) if words is None else qrcodes.offered(platform, words)
        return {"codes": [code.document() for code in codes]}

    @control.put("/codes")
    def label_code() -> dict[str, Any]:
        wanted = control_users.body()
        code = qrcodes.label(platform, str(wanted.get("ticket")), str(wanted.get("label") or ""))
        return code.document()


def _add_fault_routes(control: Blueprint, platform: Platform) -> None:
    """What goes wrong on purpose."""

    @control.route("/faults", methods=["GET", "PUT", "DELETE"])
    def faults() -> dict[str, Any]:
        if request.method != "GET":
            platform.faults.replace(control_users.body() if request.method == "PUT" else {})
        return platform.faults.document()

    @control.route("/outage", methods=["GET", "PUT"])
    def outage() -> dict[str, Any]:
        if request.method == "PUT":
            platform.faults.stand_still(control_users.body().get("is_on") is True)
        return {"is_on": platform.faults.stands_still}


def _add_weather_routes(control: Blueprint, platform: Platform) -> None:
    """What a test changes around the platform: its clock, its settings."""

    @control.route("/clock", methods=["GET", "PUT"])
    def clock() -> dict[str, Any]:
        if request.method == "PUT":
            platform.shift_clock(_number(control_users.body().get("offset_seconds")))
        return {"offset_seconds": platform.offset, "now": platform.now()}

    @control.route("/settings", methods=["GET", "PUT"])
    def settings() -> dict[str, Any]:
        if request.method == "PUT":
            platform.set_options(control_users.body())
        return platform.options()

    @control.post("/reset")
    def reset() -> dict[str, Any]:
        platform.reset()
        return {}


def _add_journal_routes(control: Blueprint, platform: Platform) -> None:
    @control.get("/calls")
    def calls() -> dict[str, Any]:
        after = request.args.get("after", 0, type=int)
        wanted = {name: request.args.get(name, "") for name in ("path", "app_id")}
        return {"calls": platform.calls.after(after, **wanted)}

    @control.get("/pushes")
    def pushes() -> dict[str, Any]:
        after = request.args.get("after", 0, type=int)
        return {"pushes": platform.pushes.after(after, app_id=request.args.get("app_id", ""))}


def _number(value: object) -> float:
    if not isinstance(value, (int, float)):
        raise Refusal("offset_seconds must be a number")
    return float(value)


def _describe(app: App) -> dict[str, Any]:
    """An app without its secrets."""
    return {
        "app_id": app.app_id, "kind": app.kind, "name": app.name, "original_id": app.original_id,
        "mode": app.mode, "callback_url": app.callback_url, "open_platform": app.open_platform,
        "templates": list(app.templates.values()),
    }  # fmt: skip
