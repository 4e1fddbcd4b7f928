"""Put the web application together. Only servers and tests import this module."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Flask, render_template
from flask.json.provider import DefaultJSONProvider
from flask.typing import ResponseReturnValue
from werkzeug.middleware.proxy_fix import ProxyFix

from backend import db, logs, times
from backend.auth import public
from backend.cases import firsts as case_firsts
from backend.cases import outdated, workflow
from backend.config import WECHAT, config
from backend.console import (
    areas,
    auto_dispatch,
    board,
    bulk,
    callback_shares,
    callbacks,
    changes,
    codes,
    desk,
    dictionary,
    dispatching,
    duties,
    entry,
    figures,
    hard_cases,
    imports,
    intake,
    meetings,
    message_templates,
    notices,
    officers,
    orders,
    outbox_history,
    outbox_message,
    outbox_mine,
    policies,
    roster,
    second_factor,
    sessions,
    supervisions,
    survey_policies,
    survey_results,
    survey_reviews,
    telephoning,
    units,
)
from backend.console.pages import bp as console
from backend.notify import sms_settings
from backend.privacy import mask_phones
from backend.resident.api import bp as api
from backend.resident.door import bp as codes_door
from backend.resident.pages import bp as resident
from backend.web import assets, errors, health, protection, sms_callback
from backend.wechat import accounts, callback, mini_callback, wecom_callback
from backend.wechat.login import bp as login
from backend.wechat.wecom_login import bp as wecom_login

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

DESK = (
    dispatching,
    orders,
    intake,
    callbacks,
    meetings,
    bulk,
    board,
    supervisions,
    notices,
    figures,
    survey_results,
    survey_reviews,
    hard_cases,
    outbox_message,
    outbox_history,
    outbox_mine,
    areas,
    units,
    officers,
    roster,
    dictionary,
    duties,
    policies,
    survey_policies,
    auto_dispatch,
    callback_shares,
    codes,
    message_templates,
    imports,
    changes,
    sessions,
    telephoning,
)
LOGIN = (entry, second_factor)
REGISTER = (outdated,)  # what the list of calls asks, as the worker does
# Of what platforms deliver, each with a path of its own.
DOORS = (callback, mini_callback, wecom_callback, sms_callback)
BLUEPRINTS: tuple[Blueprint, ...] = (
    login,
    wecom_login,
    resident,
    codes_door,
    api,
    console,
    *(part.bp for part in (*DESK, *LOGIN)),
)


class PlainJson(DefaultJSONProvider):
    """JSON in which Chinese can be read."""

    ensure_ascii = False


def create_app() -> Flask:
    """The application, not yet connected to a database. WeChat's deliveries go to their own door."""
    app = Flask(__name__)
    app.secret_key = config.secret_key
    app.json = PlainJson(app)
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = assets.FOR_EVER
    health.register(app)  # first, so that its clock sees the whole request
    errors.register(app)
    protection.register(app, bearer=api)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    app.add_url_rule("/", view_func=home)
    app.add_template_global(assets.asset, "asset")
    app.add_template_global(desk.nav, "nav")
    app.add_template_global(message_templates.warnings, "account_warnings")
    app.add_template_global(case_firsts.firsts, "firsts_of")
    for name, words in WORDS.items():
        app.add_template_filter(words, name)
    app.wsgi_app = split(behind_proxies(app.wsgi_app))  # type: ignore[method-assign, assignment]
    return app


def behind_proxies(pages: "WSGIApplication") -> "WSGIApplication":
    """Rates are counted by address: behind a proxy that address is in a header, which nobody else may set."""
    count = config.trusted_proxies
    return ProxyFix(pages, x_for=count, x_proto=count, x_host=count) if count else pages


def split(pages: "WSGIApplication") -> "WSGIApplication":
    """Deliveries need no cookies, sessions, CSRF or headers for browsers, and there are many of them."""

    def choose(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        chosen = next((one.door for one in DOORS if one.is_callback(path)), pages)
        return chosen(environ, start_response)

    return choose


# How templates say things.
WORDS: dict[str, Callable[..., str]] = {
    "stamp": times.stamp,
    "spoken": times.spoken,
    "masked": mask_phones,
    "status_label": workflow.STATUS_LABELS.__getitem__,
    "outcome_label": workflow.OUTCOME_LABELS.__getitem__,
}


@public
def home() -> ResponseReturnValue:
    """What this is; with links to try it when no real WeChat stands behind it."""
    sandbox = None if config.wechat_api_base == WECHAT else config.wechat_api_base
    return render_template("home.html", sandbox=sandbox)


def __getattr__(name: str) -> Any:
    """`backend.app:app` is made when a server asks for it, so that importing this module connects nothing."""
    if name != "app":
        raise AttributeError(name)
    logs.configure(config.log_level)
    db.connect(config.database_url)
    with db.transaction() as session:
        accounts.check_areas(session)  # a bad account stops the start, not somebody's message
    sms_settings.settings()
    globals()["app"] = create_app()
    return globals()["app"]
