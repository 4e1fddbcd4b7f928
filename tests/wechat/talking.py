"""Turns of the talk without a database: who says what, where, and what is known."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from backend.cases.workflow import Status
from backend.wechat.conversation import converse
from backend.wechat.talk import EMPTY, CaseFact, Facts, Kind, Message, Place, SurveyFact

NOON = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
YULAN = Place(7, "玉兰社区")
CASE = CaseFact(1, "261121000001", Status.SUBMITTED, "路灯不亮了", NOON + timedelta(minutes=30))
FIRE = replace(CASE, report="三栋着火了")
SURVEY = SurveyFact(5, CASE.number, is_open=True)
GUIHUA = Place(8, "桂花社区")
POSITION = {"latitude": 22.7, "longitude": 114.2, "label": "三栋"}
FACTS = Facts(
    now=NOON,
    number="261121000001",
    home=Place(1, "青岚区", "0755-00001234"),
    home_is_place=False,
    example="玉兰社区",
    link="http://example.invalid/r/",
    officers_link="http://example.invalid/console/",
)


def say(text, state=EMPTY, **facts):
    return converse(state, Message(Kind.TEXT, text), replace(FACTS, **facts))


def send(kind, state=EMPTY, *, message=None, **facts):
    return converse(state, Message(kind, **(message or {})), replace(FACTS, **facts))
