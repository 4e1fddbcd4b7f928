"""Time on the page of a case: what the forms offer and take, and what the ledger says."""

import io
import re
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import render_template_string
from werkzeug.datastructures import MultiDict

from backend.cases import attachments, pauses
from backend.cases.deadline_models import DeadlineChange, Decision
from backend.cases.models import Attachment
from backend.cases.service import Actor, perform
from backend.cases.workflow import Action, Given
from backend.console.deadline_forms import FORMS, SECTIONS
from backend.places.roles import Role
from backend.times import local, now, spoken
from backend.web.forms import WrongFields
from tests.cases.clock_scene import clock_of, fresh
from tests.cases.pictures import jpeg
from tests.cases.request_scene import in_progress
from tests.cases.scene import scene
from tests.console.conftest import open_case, posts, walk

__all__ = ["fresh", "scene"]
pytestmark = pytest.mark.usefixtures("fresh")
A = Action
FORM = (
    '{% import "macros.html" as ui with context %}{% with offer = offer %}{% include template %}{% endwith %}'
)


@pytest.fixture
def case(scene):
    return in_progress(scene, now())


def offer(scene, case, action, role=Role.HANDLER):
    return FORMS[action].offer(scene.session, case, scene.actor(role))


def take(scene, case, action, role=Role.HANDLER, photos=None, **form):
    photos = [attachments.prepare(jpeg())] if photos is None else photos
    return FORMS[action].take(scene.session, case.number, scene.actor(role), MultiDict(form), photos)


def page(app, action, facts, kept=None, said=None):
    context = {"template": FORMS[action].template, "offer": facts, "kept": kept or {}, "said": said or {}}
    with app.test_request_context():
        return render_template_string(FORM, **context)


def later(days=2):
    return local(now() + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M")


EXTENSION = {"clock": "resolve", "length": "2", "unit": "days", "note": "需要开挖路面"}


def test_more_time_is_asked_for_and_granted_through_the_forms(app, session, scene, case):
    due_at = case.due_at
    facts = offer(scene, case, A.EXTEND)
    assert [value for value, _ in facts["clocks"]] == ["resolve"]
    assert "延长多久" in page(app, A.EXTEND, facts)
    take(scene, case, A.EXTEND, **EXTENSION)
    assert offer(scene, case, A.EXTEND) is None  # one is open already
    facts = offer(scene, case, A.GRANT, Role.SUPERVISOR)
    [(change, words)] = facts["requests"]
    assert words == "周明申请把办结时限延长 2 天：需要开挖路面"
    assert words in page(app, A.GRANT, facts)
    assert "不同意的理由" in page(app, A.DENY, facts)
    take(scene, case, A.GRANT, Role.SUPERVISOR, request=str(change.id))
    assert case.due_at == due_at + timedelta(days=2)
    assert offer(scene, case, A.GRANT, Role.SUPERVISOR) is None


def test_a_day_more_of_a_clock_in_working_time_is_a_working_day_of_its_area(app, session, scene, case):
    row = clock_of(session, case, "resolve")
    row.in_working_time = True
    session.flush()
    facts = offer(scene, case, A.EXTEND)
    assert "个工作日" in page(app, A.EXTEND, facts)
    take(scene, case, A.EXTEND, **EXTENSION)
    change = session.scalars(sa.select(DeadlineChange)).one()
    assert change.minutes == 2 * 7 * 60
    [(_, words)] = offer(scene, case, A.GRANT, Role.SUPERVISOR)["requests"]
    assert words == "周明申请把办结时限延长 2 个工作日：需要开挖路面"


def test_a_pause_is_asked_for_with_proof_granted_and_ended(app, session, scene, case):
    photo = attachments.prepare(jpeg())
    assert "什么时候恢复计时" in page(app, A.PAUSE, offer(scene, case, A.PAUSE))
    take(scene, case, A.PAUSE, photos=[photo], clock="resolve", until=later(), note="等配件到货")
    change = session.scalars(sa.select(DeadlineChange)).one()
    assert change.proof == photo.sha256
    assert session.scalars(sa.select(Attachment.sha256)).all() == [photo.sha256]
    facts = offer(scene, case, A.GRANT, Role.SUPERVISOR)
    assert "附有证明材料" in page(app, A.GRANT, facts)
    assert offer(scene, case, A.RESUME) is None
    take(scene, case, A.GRANT, Role.SUPERVISOR, request=str(change.id))
    facts = offer(scene, case, A.RESUME)
    assert "办结时限已挂起" in page(app, A.RESUME, facts)
    take(scene, case, A.RESUME)
    assert offer(scene, case, A.RESUME) is None
    assert case.due_at is not None


def test_a_refusal_needs_a_reason(session, scene, case):
    take(scene, case, A.EXTEND, **EXTENSION)
    change = session.scalars(sa.select(DeadlineChange)).one()
    with pytest.raises(WrongFields) as refused:
        take(scene, case, A.DENY, Role.SUPERVISOR, request=str(change.id))
    assert set(refused.value.sentences) == {"note"}
    take(scene, case, A.DENY, Role.SUPERVISOR, request=str(change.id), note="先抓紧办")
    assert change.state is Decision.REFUSED


def test_several_requests_are_told_apart(app, session, scene, case):
    scene.do(case, A.RESOLVE, Role.HANDLER, now(), note="换好了灯泡，已经亮了", outcome="explained")
    scene.do(case, A.REOPEN, Role.RESIDENT, now())
    scene.do(case, A.ASSIGN, Role.DISPATCHER, now(), unit_id=scene.unit.id)
    take(scene, case, A.EXTEND, **EXTENSION)
    take(scene, case, A.EXTEND, **EXTENSION | {"clock": "answer"})
    facts = offer(scene, case, A.GRANT, Role.SUPERVISOR)
    assert page(app, A.GRANT, facts).count('type="radio"') == 2
    with pytest.raises(WrongFields) as refused:
        take(scene, case, A.GRANT, Role.SUPERVISOR)
    assert set(refused.value.sentences) == {"request"}


@pytest.mark.parametrize(
    ("action", "form", "wrong"),
    [
        (A.EXTEND, {}, {"clock", "length", "note"}),
        (A.EXTEND, EXTENSION | {"length": "许多"}, {"length"}),
        (A.EXTEND, EXTENSION | {"unit": "years"}, {"length"}),
        (A.EXTEND, EXTENSION | {"clock": "lunch"}, {"clock"}),
        (A.EXTEND, EXTENSION | {"note": "久" * 600}, {"note"}),
        (A.PAUSE, {"clock": "resolve", "note": "等配件", "until": "明天"}, {"until"}),
    ],
)
def test_what_is_missing_is_said_beside_its_field(session, scene, case, action, form, wrong):
    with pytest.raises(WrongFields) as refused:
        take(scene, case, action, **form)
    assert set(refused.value.sentences) == wrong
    assert session.scalars(sa.select(DeadlineChange)).all() == []


@pytest.mark.parametrize("action", [A.EXTEND, A.PAUSE])
def test_nothing_is_asked_for_without_a_photo_as_proof(app, session, scene, case, action):
    assert "证明材料的照片（必须有）" in page(app, action, offer(scene, case, action))
    with pytest.raises(WrongFields) as refused:
        take(scene, case, action, photos=[], **EXTENSION, until=later())
    assert refused.value.sentences == {"photos": "请附上证明材料的照片，例如现场情况、订货单"}
    assert session.scalars(sa.select(DeadlineChange)).all() == []


def test_the_ledger_stands_on_the_page(app, session, scene, case):
    [section] = SECTIONS
    facts = section.facts(session, case, scene.actor(Role.HANDLER))
    assert facts["is_late"] is False
    with app.test_request_context():
        found = render_template_string("{% include template %}", template=section.template, facts=facts)
    assert "时限经过" in found
    assert "办结时限 2 天" in found


def test_on_the_page_of_a_case_time_is_asked_for_refused_input_kept_and_granted(session, place, as_officer):
    """All through the pages: what stands in the form, what is said of a slip, and what comes of it."""
    case = open_case(session, place.community)
    walk(session, case, place, A.ACCEPT, A.ASSIGN, A.ACKNOWLEDGE)
    home = f"/console/cases/{case.number}"
    handler, supervisor = as_officer(place.handler), as_officer(place.supervisor)
    found = handler.get(home).text
    assert f'action="{home}/extend"' in found
    assert "时限经过" in found
    seen = {"seen": re.search(r'name="seen" value="(\d+)"', found)[1]}
    refused = handler.post(f"{home}/extend", data=seen | EXTENSION | {"length": "许多"})
    assert (refused.status_code, "请填写延长多久" in refused.text) == (422, True)
    assert "需要开挖路面" in refused.text
    assert "请附上证明材料的照片" in refused.text
    proof = {"photos": (io.BytesIO(jpeg()), "路面.jpg")}
    assert handler.post(f"{home}/extend", data=seen | EXTENSION | proof).status_code == 303
    assert f'action="{home}/extend"' in handler.get(home).text  # of the time to answer, still
    assert "<p>已申请把办结时限延长 2 天，等批准</p>" in handler.get(home).text
    assert "陈志申请把办结时限延长 2 天：需要开挖路面" in supervisor.get(home).text
    change = session.scalars(sa.select(DeadlineChange)).one()
    assert supervisor.post(f"{home}/grant", data=seen | {"request": str(change.id)}).status_code == 303
    session.refresh(change)
    assert change.state is Decision.APPROVED
    assert "延期 2 天（需要开挖路面，批准人 吴桐）" in handler.get(home).text
    assert f'action="{home}/grant"' not in supervisor.get(home).text
    assert "等批准" not in handler.get(home).text


def test_while_the_resident_has_the_word_the_page_says_until_when(session, place, as_officer):
    case = open_case(session, place.community)
    walk(session, case, place, A.ACCEPT, A.ASSIGN, A.ACKNOWLEDGE)
    asker = Actor(officer_id=place.handler.id, posts=posts(place.handler, session))
    perform(session, case.number, A.ASK, asker, Given(note="是哪一盏路灯？"))
    session.commit()
    client, address = as_officer(place.handler), f"/console/cases/{case.number}"
    until = spoken(case.asked_at + timedelta(days=3))
    assert f"<p>等居民回复，到{until}后接着计时</p>" in client.get(address).text
    perform(session, case.number, A.ADD, Actor(resident_id=case.resident_id), Given(note="门口那盏"))
    pauses.take_reply(session, case.number, now())
    session.commit()
    page = client.get(address).text
    assert "等居民回复" not in page
    assert "等您办结" in page
