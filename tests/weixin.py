"""WeChat for tests: the sandbox on a port of its own, which knows the accounts of tests/accounts.py.

Import `platform` and `weixin` into a conftest to use them.
"""

import pytest

from backend import broker as queue
from backend.config import config
from backend.notify.messages import CATALOGUE
from backend.wechat import accounts, tokens
from tests.factories import make_contact
from tests.sandbox_client import Sandbox


@pytest.fixture(scope="session")
def platform(servers, tmp_path_factory):
    """A running sandbox, one for the whole run."""
    sandbox = Sandbox.start(tmp_path_factory.mktemp("sandbox"))
    yield sandbox
    sandbox.stop()


@pytest.fixture
def weixin(platform):
    """The sandbox as good as new, reached through WECHAT_API_BASE; no token is known to anybody."""
    real = config.wechat_api_base
    platform.reset()
    platform.settings(receipts=False)
    queue.redis_client().flushall()
    tokens._own_tokens.clear()
    tokens._own_renewed.clear()
    accounts.reset()
    for account in accounts.all_accounts().values():
        register(platform, account)
    object.__setattr__(config, "wechat_api_base", platform.url)
    yield platform
    object.__setattr__(config, "wechat_api_base", real)


def register(sandbox, account, **changes):
    """Make the account (and its mini program) known to the platform, with the templates that it names."""
    sandbox.app(
        app_id=account.app_id,
        app_secret=account.app_secret,
        kind="service_account",
        name=account.name,
        original_id=account.original_id,
        open_platform="open",
        templates=_templates(account),
        **changes,
    )
    mini = account.mini_program
    if mini is not None:
        sandbox.app(
            app_id=mini.app_id,
            app_secret=mini.app_secret,
            kind="mini_program",
            name=account.name,
            original_id="gh_mini",
            open_platform="open",
            templates=_templates(mini),
        )


def _templates(app):
    return [
        {
            "template_id": template.id,
            "title": CATALOGUE[message].status,
            "keywords": {slot: field for field, slot in template.slots.items()},
        }
        for message, template in app.templates.items()
    ]


def follower(session, sandbox, key, account="demo", **fields):
    """Someone who follows the account: their phone, and our contact of them."""
    app_id = accounts.get(account).app_id
    phone = sandbox.user(key, app_id=app_id)
    phone.follow()
    return phone, make_contact(session, account=account, openid=phone.openid(), **fields)
