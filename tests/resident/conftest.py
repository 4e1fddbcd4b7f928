"""Residents with their telephones: a browser for the pages, a mini program for the API."""

import io
from contextlib import contextmanager
from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend import auth, db
from backend.app import create_app
from backend.cases import intake, service, surveys
from backend.cases.models import Case, Channel
from backend.cases.service import Actor
from backend.cases.survey_models import Survey
from backend.cases.workflow import Action, Given, Outcome
from backend.places.roles import Role
from backend.places.scope import posts_of
from backend.times import now
from backend.wechat import accounts
from tests.browser import add_form_token
from tests.factories import make_code, make_community, make_contact, make_officer, make_unit


class Phone:
    """One resident's telephone."""

    def __init__(self, app, session, account="demo"):
        contact = make_contact(session, account=account)
        self.contact_id, self.resident_id = contact.id, contact.resident_id
        self.token, _ = auth.start_session(session, contact.id)
        session.commit()
        self.client = app.test_client()
        self.client.set_cookie(auth.COOKIE, self.token)
        add_form_token(self.client)
        self.actor = Actor(resident_id=self.resident_id)

    def open(self, path):
        """A page, as text."""
        response = self.client.get(path)
        return response.status_code, response.get_data(as_text=True)

    def send(self, path, **fields):
        """A form of a page; the page after it, as text."""
        response = self.client.post(path, data=fields, follow_redirects=True)
        return response.status_code, response.get_data(as_text=True)


class MiniProgram(Phone):
    """The same with the mini program: JSON and a bearer token, no cookie."""

    def __init__(self, app, session, account="demo:mini"):
        super().__init__(app, session, account)
        self.client = app.test_client(use_cookies=False)
        self.headers = {"Authorization": f"Bearer {self.token}"}

    def get(self, path):
        response = self.client.get(f"/api/v1{path}", headers=self.headers)
        return response.status_code, response.get_json()

    def post(self, path, **body):
        response = self.client.post(f"/api/v1{path}", json=body, headers=self.headers)
        return response.status_code, response.get_json(silent=True)

    def upload(self, path, content, name="photo"):
        response = self.client.post(
            f"/api/v1{path}", data={name: (io.BytesIO(content), "a.jpg")}, headers=self.headers
        )
        return response.status_code, response.get_json()


@pytest.fixture
def app():
    return create_app()


@pytest.fixture
def place(session):
    """玉兰社区 of 青岚区, with the scene `yulan`."""
    accounts.reset()
    place = make_community(session, telephone="0755-28000001")
    make_code(session, place, "yulan")
    return place


@pytest.fixture
def phone(app, session, place):
    return Phone(app, session)


@pytest.fixture
def stranger(app, session, place):
    return Phone(app, session)


@pytest.fixture
def mini(app, session, place):
    return MiniProgram(app, session)


@pytest.fixture
def other_mini(app, session, place):
    return MiniProgram(app, session)


@pytest.fixture
def desk(session, place):
    """Everything an officer can do with a case, by name."""
    return Desk(session, place)


class Desk:
    """The officers of the place: they take a case as far as a test wants it."""

    def __init__(self, session, place):
        self.session = session
        self.unit = make_unit(session, place, name="市政服务中心")
        self.information_officer = self._actor(make_officer(session, Role.INFORMATION_OFFICER, area=place))
        self.handler = self._actor(make_officer(session, Role.HANDLER, unit=self.unit))

    def _actor(self, officer):
        return Actor(officer_id=officer.id, posts=tuple(posts_of(self.session, officer.id)))

    def accept(self, number):
        self._do(number, Action.ACCEPT, self.information_officer)

    def assign(self, number):
        self.accept(number)
        given = Given(note="内部：先看看再说", unit_id=self.unit.id)
        self._do(number, Action.ASSIGN, self.information_officer, given)

    def handle(self, number):
        self.assign(number)
        self._do(number, Action.ACKNOWLEDGE, self.handler)

    def resolve(self, number):
        self.handle(number)
        given = Given(note="灯泡已经换好", outcome=Outcome.SOLVED, has_proof=True)
        self._do(number, Action.RESOLVE, self.handler, given)

    def _do(self, number, action, actor, given=Given()):  # noqa: B008 - frozen
        with db.transaction() as session:
            service.perform(session, number, action, actor, given)


def open_case(session, place, resident_id, text="玉兰苑门口的路灯不亮了", **fields):
    """A case of this resident at this place, with its event, as the services open it."""
    report = intake.Report(
        text, place.id, place.name, Channel.WECHAT, resident_id=resident_id, role=Role.RESIDENT, **fields
    )
    case = intake.open_case(session, report)
    session.commit()
    return case


@pytest.fixture
def case(session, place, phone):
    """A case of the resident with the browser."""
    return open_case(session, place, phone.resident_id)


@pytest.fixture
def survey(session, case, phone, desk):
    """The survey of the case after it was confirmed, sent to its resident."""
    desk.resolve(case.number)
    with db.transaction() as inner:
        service.perform(inner, case.number, Action.CONFIRM, phone.actor)
    with db.transaction() as inner:
        [step] = surveys.take_due(inner, now() + timedelta(days=3))
    session.expire_all()
    return session.get(Survey, step.survey.id)


@pytest.fixture
def queries(engine):
    """A context in which every statement is kept."""

    @contextmanager
    def watch():
        seen = []

        def keep(connection, cursor, statement, *rest):
            seen.append(statement)

        sa.event.listen(engine, "before_cursor_execute", keep)
        yield seen
        sa.event.remove(engine, "before_cursor_execute", keep)

    return watch


def at(case):
    """The address of the case's page."""
    return f"/r/cases/{case.number}"


def status_of(session, case):
    session.expire_all()
    return session.get(Case, case.id).status
