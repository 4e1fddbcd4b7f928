"""A community with its people, a unit that serves it, and cases there: what the tests of steps start from."""

import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from backend import db
from backend.cases import intake, rounds, service
from backend.cases.intake import Report
from backend.cases.models import Case, CaseEvent, Channel
from backend.cases.service import SYSTEM, Actor
from backend.cases.survey_models import Survey, SurveyReview, SurveyState
from backend.cases.workflow import UNIT, Action, Given, Outcome, Status
from backend.errors import AppError
from backend.notify.models import Notification
from backend.places.models import Area, Post, Unit
from backend.places.roles import Role
from tests.factories import make_case, make_community, make_officer, make_resident, make_unit

AT = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)  # a Monday, 10:00 in Shanghai
SOLVED = Given(note="路灯换好了", outcome=Outcome.SOLVED, has_proof=True)


@dataclass
class Scene:
    """One community, one unit, one resident; officers are made as roles are asked for."""

    session: Any
    community: Area
    unit: Unit
    resident_id: int

    def __post_init__(self):
        self._actors = {Role.RESIDENT: Actor(resident_id=self.resident_id), Role.SYSTEM: SYSTEM}

    def actor(self, role: Role) -> Actor:
        """Someone who holds this role here, and only this."""
        if role not in self._actors:
            self._actors[role] = self._officer(role)
        return self._actors[role]

    def _officer(self, role: Role) -> Actor:
        area, unit = (None, self.unit) if role in UNIT else (self.community, None)
        if role is Role.ARBITER:
            role, area = Role.SUPERVISOR, self.session.get_one(Area, self.community.district_id)
        if role is Role.GROUP_MEMBER:
            role, area, unit = Role.HANDLER, None, make_unit(self.session, self.community)
        officer = make_officer(self.session, role, area=area, unit=unit)
        post = Post(officer_id=officer.id, role=role, area=area, unit_id=unit and unit.id)
        return Actor(officer_id=officer.id, posts=(post,))

    def case(self, status: Status, **fields) -> Case:
        """A case as if it had come to this status, with the unit; in its group who was asked for as such."""
        member = self._actors.get(Role.GROUP_MEMBER)
        defaults = {"status": status, "resident_id": self.resident_id, "unit_id": self.unit.id}
        defaults["group_ids"] = [member.officer_id] if member else []
        return make_case(self.session, self.community, **defaults | fields)

    def submit(self, at: datetime = AT, **fields) -> Case:
        """A case as the resident submits it, with its event, clock and alerts."""
        defaults = {"resident_id": self.resident_id, "channel": Channel.WEB}
        report = Report("路灯不亮了", self.community.id, self.community.name, **defaults | fields)
        return intake.open_case(self.session, report, at)

    def do(self, case: Case, action: Action, role: Role, at: datetime = AT, **given) -> Case:
        return service.perform(self.session, case.number, action, self.actor(role), Given(**given), at=at)

    def resolve(self, case: Case, at: datetime = AT) -> Case:
        """All the way from submitted to resolved."""
        self.do(case, Action.ACCEPT, Role.INFORMATION_OFFICER, at)
        self.do(case, Action.ASSIGN, Role.DISPATCHER, at, unit_id=self.unit.id)
        self.do(case, Action.ACKNOWLEDGE, Role.HANDLER, at)
        return self.do(case, Action.RESOLVE, Role.HANDLER, at, **vars(SOLVED))

    def ready(self, case: Case, action: Action) -> Case:
        """With what the step needs beside what its row asks for: whoever upholds needs somebody's dissent,
        and what is closed again was brought back."""
        if action is Action.CLOSE_AGAIN:
            rounds.begin(case)
            back = {"action": Action.REOPEN, "role": Role.RESIDENT, "to_status": Status.ACCEPTED}
            self.session.add(CaseEvent(case_id=case.id, round=1, **back))
            self.session.flush()
        if action in (Action.UPHOLD, Action.ASSENT):
            asked = {"case_id": case.id, "round": case.round, "resident_id": self.resident_id}
            survey = Survey(**asked, state=SurveyState.ANSWERED, solved=False)
            self.session.add(survey)
            self.session.flush()
            self.session.add(SurveyReview(survey_id=survey.id, case_id=case.id, complaint="没有解决"))
        return case

    def told(self, case: Case) -> list[Notification]:
        """What is owed about this case, in the order in which it was owed."""
        about = Notification.fields["number"].astext == case.number
        return list(self.session.scalars(sa.select(Notification).where(about).order_by(Notification.id)))

    def events(self, case: Case) -> list[CaseEvent]:
        own = sa.select(CaseEvent).where(CaseEvent.case_id == case.id).order_by(CaseEvent.id)
        return list(self.session.scalars(own))


def make_scene(session) -> Scene:
    community = make_community(session)
    unit = make_unit(session, community, name="市政服务中心")
    return Scene(session, community, unit, make_resident(session).id)


@pytest.fixture
def scene(session):
    return make_scene(session)


@pytest.fixture
def committed_scene(committed):
    return make_scene(committed)


def add_post(session, officer_id: int, role: Role, **where) -> Post:
    post = Post(officer_id=officer_id, role=role, **where)
    session.add(post)
    session.commit()
    return post


def at_once(*calls):
    """What each call returned or raised, each in a transaction of its own, all begun at the same moment."""
    start, results = threading.Barrier(len(calls)), [None] * len(calls)

    def run(n):
        start.wait()
        try:
            with db.transaction() as session:
                results[n] = calls[n](session)
        except AppError as error:
            results[n] = error

    threads = [threading.Thread(target=run, args=[n]) for n in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
