"""What a person allows, told by WeChat's event, by the mini program's page, or by both: it counts once.

WeChat tells of a consent where it asked for it. Whoever ticked 总是保持以上选择 is not asked again, and what
they allow from then on the page alone tells (小程序订阅消息 · 注意事项); the page's word may get lost on its
way. So both are heard, and of what they say of a template within TOGETHER as many count as the one tells that
tells of more. Who allows the same again when the first is just TOGETHER old may have one counted too few: one
message then waits for the next visit.
"""

from datetime import timedelta
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.notify import grants, outbox
from backend.notify.models import Contact
from backend.wechat.accounts import Template
from backend.wechat.models import Conversation, InboundMessage
from backend.wechat.subscribed import ALLOWED
from backend.wechat.talk import Kind

TOGETHER = timedelta(minutes=10)  # the two are seconds apart, unless the network or we were away
PAGE = "page|"  # begins the dedupe keys of what a page told

Heard = InboundMessage


def allow(session: Session, contact_id: int, template: Template) -> None:
    """WeChat says that the person allowed this. The caller holds the contact's conversation, and stores the
    event afterwards (inbound.py)."""
    by_page, by_event = _told(session, contact_id, template.id)
    if by_event >= by_page:
        _keep(session, contact_id, template)


def allow_by_page(session: Session, contact_id: int, template: Template) -> None:
    """The mini program's page says so."""
    held = sa.select(Conversation.id).where(Conversation.contact_id == contact_id).with_for_update()
    session.execute(held)
    by_page, by_event = _told(session, contact_id, template.id)
    said = {"text": f"{ALLOWED} {template.id}"}
    key = f"{PAGE}{uuid4()}"
    session.add(Heard(dedupe_key=key, contact_id=contact_id, kind=Kind.CONSENT.value, content=said, reply=""))
    if by_page >= by_event:
        _keep(session, contact_id, template)


def _keep(session: Session, contact_id: int, template: Template) -> None:
    """It counts, and what waited for the person's next visit may go by it."""
    grants.keep(session, contact_id, [template.id], [template.id] if template.lasting else ())
    outbox.wake(session, resident_id=session.get_one(Contact, contact_id).resident_id)


def _told(session: Session, contact_id: int, template_id: str) -> tuple[int, int]:
    """How often the page and how often WeChat told of this lately. Cost: what this contact sent us."""
    is_pages = Heard.dedupe_key.startswith(PAGE)
    lines = sa.func.string_to_array(Heard.content["text"].astext, "\n")
    row = session.execute(
        sa.select(sa.func.count().filter(is_pages), sa.func.count().filter(~is_pages)).where(
            Heard.contact_id == contact_id,
            Heard.kind == Kind.CONSENT.value,
            Heard.received_at > sa.func.now() - TOGETHER,
            sa.literal(f"{ALLOWED} {template_id}") == sa.func.any(lines),
        )
    ).one()
    return row[0], row[1]
