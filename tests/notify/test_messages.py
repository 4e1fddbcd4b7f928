"""What the catalogue says: an officer reads what happened and what to do, a resident what can be answered."""

import re

import pytest

from backend.cases.deadlines import POLICY
from backend.notify.messages import CATALOGUE, Message
from backend.wechat.understanding import Intent, understand


def test_what_a_resident_is_asked_to_reply_is_understood():
    replies = re.findall("“(.+?)”", CATALOGUE[Message.CASE_RESOLVED].text)
    assert [understand(reply).intent for reply in replies] == [Intent.SOLVED, Intent.UNSOLVED]


def test_what_is_overdue_is_said_as_a_sentence():
    said = CATALOGUE[Message.CASE_OVERDUE].text
    sentences = [said.format(number="1", place="", summary="", note=one.label) for one in POLICY.values()]
    assert "超过时限还没有受理" in sentences[0]
    assert all("超过时限还没有" in sentence for sentence in sentences)


@pytest.mark.parametrize(
    ("message", "what", "to_do"),
    [
        (Message.CASE_SUBMITTED, "新诉求", "受理"),
        (Message.CASE_ASSIGNED, "派给您单位", "签收"),
        (Message.CASE_SENT_BACK, "被退回", "请重新派单"),
        (Message.CASE_RETURNED, "没有解决", "重办"),
        (Message.CASE_URGED, "群众或督查催办", "请尽快办理"),
        (Message.CASE_WITHDRAWN, "群众已撤回", "不用再办"),
        (Message.CASE_OVERDUE, "超过时限", "请马上跟进"),
        (Message.PERSON_WANTED, "群众请", "联系"),
    ],
)
def test_an_officer_reads_what_happened_and_what_to_do(message, what, to_do):
    assert re.search(f"{what}.*{to_do}", CATALOGUE[message].text, re.S)
