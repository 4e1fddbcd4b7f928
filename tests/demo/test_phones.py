"""Bringing the demonstration to the sandbox, over real HTTP and through the real callback."""

import pytest
import sqlalchemy as sa

from backend.broker import waiting
from backend.cases import intake
from backend.cases.intake import Report
from backend.cases.models import Channel
from backend.console import outbox_lists
from backend.demo import district, phones
from backend.notify import tasks
from backend.notify.messages import Message
from backend.notify.models import Contact, Delivery, Notification
from backend.notify.troubles import Trouble
from backend.places.models import Area, PlaceCode, Post
from backend.places.roles import Role
from backend.places.scope import posts_of
from backend.times import now
from backend.wechat import accounts, templates, tokens, upkeep
from backend.wechat.accounts import Template
from backend.wechat.models import Conversation
from tests.factories import make_contact
from tests.programs import wait_until
from tests.sandbox_client import Phone
from tests.telling import read, tell

pytestmark = pytest.mark.usefixtures("demonstration")


def phone_of(sandbox, name, app_id):
    people = sandbox.control("GET", "/users")["users"]
    return Phone(sandbox, next(person for person in people if person["name"] == name), app_id)


def state_of(sandbox, session):
    """What `complete` may change."""
    session.rollback()
    bound = session.execute(sa.select(Contact.openid, Contact.officer_id).order_by(Contact.id)).all()
    tickets = session.scalars(sa.select(PlaceCode.ticket).order_by(PlaceCode.id)).all()
    return sandbox.codes(), sandbox.control("GET", "/users"), bound, tickets


def test_the_phones_are_ready_to_play(demonstration, committed):
    phones.complete()
    qinglan = accounts.get("qinglan")
    rows = district.read("phones")
    people = {person["name"]: person for person in demonstration.control("GET", "/users")["users"]}
    assert set(people) == {row["name"] for row in rows}
    assert all(person["follows"] for person in people.values())
    officers = committed.scalar(sa.select(sa.func.count(Contact.officer_id.distinct())))
    assert officers == sum(row["role"] != Role.RESIDENT for row in rows)

    labels = {code["label"]: code for code in demonstration.codes()}
    assert labels["玉兰社区（望溪街道）"]["permanent"]
    assert labels["荷风社区（望溪街道）"]["app_id"] == accounts.get("hefeng").app_id
    resident = phone_of(demonstration, "李秀兰", qinglan.app_id)
    answer = resident.scan(ticket=labels["玉兰苑东门（玉兰社区）"]["ticket"])
    assert "玉兰苑东门" in answer["reply"]["content"]
    clerk = phone_of(demonstration, "周晓岚", qinglan.app_id)
    assert clerk.wait_for("绑定成功，周晓岚")


def test_templates_and_quotas_are_read_once_the_sandbox_knows_the_accounts(demonstration, committed, broker):
    upkeep.read_templates()  # the worker's first look is too early
    refused = dict(tokens._refused)
    tokens._refused.clear()  # who brings the demonstration to the sandbox is another process
    phones.complete()
    tokens._seen.clear()
    tokens._refused.update(refused)
    assert len(refused) == 3
    assert waiting("accounts") == 2
    upkeep.read_templates()
    known = templates.libraries(committed)
    found = [one for account in accounts.all_accounts().values() for one in templates.check(account, known)]
    assert {one.problem for one in found} == {None}


def test_the_mini_program_hears_what_was_allowed_and_that_a_message_arrived(demonstration, committed):
    phones.complete()
    mini = accounts.get("qinglan").mini_program
    resident = phone_of(demonstration, "李秀兰", mini.app_id)
    contact = make_contact(committed, account="qinglan:mini", openid=resident.openid())
    committed.add(Conversation(contact_id=contact.id))
    committed.commit()
    demonstration.settings(receipts=True, receipt_delay_ms=20)
    resident.subscribe_message([mini.templates[Message.CASE_RESOLVED].id])
    row = tell(committed, contact, Message.CASE_RESOLVED)
    assert row.channel == "wechat_subscription"
    wait_until(lambda: read(committed, row.id).status is Delivery.RECEIVED)


def test_officers_without_a_phone_do_not_fill_the_outbox_desk(demonstration, committed):
    """Only half of the invented officers have one: the others' messages wait and are no trouble each."""
    phones.complete()
    place = committed.scalars(sa.select(Area).where(Area.name == "玉兰社区")).one()
    intake.open_case(
        committed, Report("路灯不亮，有人摔了", place.id, place.name, Channel.WECHAT, urgent=True)
    )
    committed.commit()
    tasks.deliver(list(committed.scalars(sa.select(Notification.id))))
    committed.expire_all()
    waits = committed.scalars(sa.select(Notification).where(Notification.status == Delivery.WAITING)).all()
    assert waits
    administrator = committed.scalars(
        sa.select(Post.officer_id).where(Post.role == Role.ADMINISTRATOR)
    ).first()
    found = outbox_lists.counts(committed, posts_of(committed, administrator), now())
    assert (found[Trouble.VISIT], found[Trouble.FAILED]) == (0, 0)


def test_a_second_time_changes_nothing(demonstration, committed):
    phones.complete()
    before = state_of(demonstration, committed)
    phones.complete()
    assert state_of(demonstration, committed) == before


def test_an_emptied_sandbox_is_filled_again(demonstration, committed):
    phones.complete()
    codes = len([code for code in demonstration.codes() if code["permanent"]])
    bound = state_of(demonstration, committed)[2]
    demonstration.reset()
    phones.complete()
    permanent = {code["ticket"] for code in demonstration.codes() if code["permanent"]}
    after = state_of(demonstration, committed)
    assert len(permanent) == codes
    assert set(after[3]) == permanent
    assert after[2] == bound


def test_kinds_that_share_a_template_in_an_older_file_share_a_plain_title():
    shared, own = Template("old", {"note": "thing1"}), Template("own", {"note": "thing1"})
    told = {
        Message.CASE_URGED: shared,
        Message.PERSON_WANTED: shared,
        Message.CASE_OVERDUE: own,
        Message.CASE_RESOLVED: Template("residents", {"note": "thing1"}),
    }
    shown = [(one["title"], one["keywords"]["thing1"]) for one in phones._templates(told)]
    assert shown == [
        ("工单变动提醒", "说明"),
        ("超过时限，请马上跟进", "超过时限还没有"),
        ("诉求办结提醒", "说明"),
    ]


def test_nothing_is_done_to_the_real_wechat(monkeypatch, demonstration):
    monkeypatch.setattr(phones, "config", phones.config.model_copy(update={"wechat_api_base": phones.WECHAT}))
    phones.introduce()
    assert demonstration.control("GET", "/apps")["apps"] == []
