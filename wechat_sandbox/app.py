"""The Flask program: API, control, pictures and phones behind one port."""

from typing import cast

from flask import Flask, Response, request
from flask.json.provider import DefaultJSONProvider

from wechat_sandbox import (
    control,
    customer_service,
    followers,
    gateway,
    jssdk,
    media,
    menus,
    mini_programs,
    oauth,
    qrcodes,
    quotas,
    sms,
    subscriptions,
    template_lists,
    templates,
    tokens,
    wecom,
)
from wechat_sandbox.api import Endpoint
from wechat_sandbox.phones import pages, webview
from wechat_sandbox.platform import Platform

ENDPOINTS: dict[str, Endpoint] = {
    **tokens.ENDPOINTS,
    **templates.ENDPOINTS,
    **customer_service.ENDPOINTS,
    **mini_programs.ENDPOINTS,
    **qrcodes.ENDPOINTS,
    **media.ENDPOINTS,
    **followers.ENDPOINTS,
    **menus.ENDPOINTS,
    **oauth.ENDPOINTS,
    **subscriptions.ENDPOINTS,
    **template_lists.ENDPOINTS,
    **quotas.ENDPOINTS,
    **wecom.ENDPOINTS,
    **jssdk.ENDPOINTS,
}
OUTSIDE_WECHAT = "请在微信客户端打开链接"
LARGEST_REQUEST = 32 * 1024 * 1024


def create_app(platform: Platform) -> Flask:
    """The sandbox of one platform. A request to phone<N>.localhost is that phone's web view."""
    app = Flask(__name__, static_folder=None)
    cast(DefaultJSONProvider, app.json).ensure_ascii = False
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_REQUEST
    app.before_request(lambda: webview.answer(platform, request))
    app.register_blueprint(control.make_blueprint(platform))
    app.register_blueprint(pages.make_blueprint())
    _add_api_routes(app, platform)
    _add_picture_routes(app, platform)
    return app


def _add_api_routes(app: Flask, platform: Platform) -> None:
    def api(rest: str) -> Response:
        with platform.finishing():
            return gateway.handle(platform, ENDPOINTS, request)

    for prefix in ("cgi-bin", "sns", "wxa", "wxaapi"):
        methods = ["GET", "POST", "PUT", "DELETE", "PATCH"]
        app.add_url_rule(f"/{prefix}/<path:rest>", f"api-{prefix}", api, methods=methods)

    @app.post("/")  # Tencent Cloud names what is asked in a header
    def send_sms() -> Response:
        with platform.finishing():
            return sms.handle(platform, request)

    @app.get(oauth.PATH)
    def authorize_outside() -> tuple[str, int]:
        return OUTSIDE_WECHAT, 403


def _add_picture_routes(app: Flask, platform: Platform) -> None:
    @app.get("/cgi-bin/showqrcode")
    def show_code() -> Response:
        return qrcodes.show(platform, request)

    @app.get("/mmbiz_pic/<media_id>/0")
    def show_picture(media_id: str) -> Response:
        stored = media.find_any_age(platform, media_id)
        return media.as_file(stored) if stored else Response("", status=404)
