"""The pages of templates and quotas in Chromium, on a phone and on a desk."""

import pytest

from backend.console import message_templates
from backend.notify import refused_accounts
from backend.notify.messages import Message
from backend.notify.models import Notification
from backend.notify.outbox import NEXT_VISIT
from backend.places.models import Area
from backend.places.roles import Role
from backend.times import now
from backend.wechat import accounts, quotas, upkeep
from backend.wechat.accounts import Template
from tests.browser import is_cut, sign_in
from tests.console.board_town import make_town, shoot
from tests.factories import make_contact, make_officer

pytestmark = pytest.mark.browser
PATHS = (
    "",
    "preview?message=case_resolved",
    "preview?message=case_assigned",
    "preview?message=survey_invited",
    "quotas",
)


@pytest.fixture
def administrator(committed, weixin):
    """Two wrong templates, a quota that is nearly used up, a frozen account, an officer unreached."""
    town = make_town(committed)
    officer = make_officer(
        committed, Role.ADMINISTRATOR, area=committed.get_one(Area, town.street.district_id), name="高远"
    )
    committed.add(
        Notification(
            key="k", message=Message.CASE_SUBMITTED, officer_id=officer.id, fields={}, rungs=[],
            due_at=now() + NEXT_VISIT, error="没有开通企业微信；对方没有关注公众号",
        )
    )  # fmt: skip
    committed.commit()
    account = accounts.get("demo")
    other = dict(account.templates) | {Message.CASE_CLOSED: Template("gone" * 10, {"place": "thing2"})}
    del other[Message.CASE_MERGED]
    object.__setattr__(account, "templates", other)
    upkeep.read_templates()
    quotas.note(account.app_id, quotas.CARD, 100_000, 93_210)
    quotas.close(account.app_id, quotas.CHAT)
    for name in ("mixed", "demo:wecom", "sms"):
        refused_accounts.note(name, "公众号已冻结（50007）" if name == "mixed" else "没有权限（48002）")
    message_templates._warned.clear()
    yield officer
    message_templates._warned.clear()
    accounts.reset()


def test_nothing_is_cut_on_a_phone_or_a_desk(phone, desktop, site, committed, administrator):
    for name, context in (("phone", phone), ("desk", desktop)):
        sign_in(committed, context, site, make_contact(committed, officer=administrator))
        page = context.new_page()
        for n, path in enumerate(PATHS):
            page.goto(f"{site}/console/templates/{path}")
            assert not is_cut(page), path
            shoot(page, f"{name}-templates-{n}")
