"""The page of the record of changes."""

import re

import pytest

from backend.cases import categories
from backend.cases.workflow import OUTCOME_LABELS, Outcome
from backend.places import changes
from backend.places.changes import Did, Entry
from backend.places.scope import COMMAND_LINE
from tests.cases.dictionary import make_dictionary

HOME = "/console/changes/"


@pytest.fixture
def entries(session):
    return make_dictionary(session)


def kinds(page):
    return re.findall(r'data-label="做了什么">([^<]+)<', page)


@pytest.mark.parametrize("subject", ["categories", "editions"])
def test_the_dictionary_shows_its_editions_and_what_changed_in_place(session, admin_client, entries, subject):
    categories.rename(session, COMMAND_LINE, entries["61"].id, "道路")
    row = entries["511"]
    said = {"synonyms": ["摆摊"], "keywords": [], "resolve_hours": None}
    categories.amend(session, COMMAND_LINE, row.id, **said)
    page = admin_client.get(HOME + f"?subject={subject}").text
    assert kinds(page)[:2] == ["修改事件字典", "新增事件字典"]
    assert "改名或移动" in page
    assert "replaced" not in page


def test_the_filters_are_one_for_each_name(admin_client):
    page = admin_client.get(HOME).text
    names = re.findall(r'subject=\w+">([^<]+)<', page)
    assert len(names) == len(set(names))
    assert "边界" not in names


@pytest.mark.parametrize("subject", ["%00", "没有", "outlines"])
def test_what_is_no_subject_narrows_nothing(session, place, admin_client, subject):
    entry = Entry(Did.ADDED, "areas", 1, "玉兰社区", place.community.id, after={"name": "玉兰社区"})
    changes.record(session, COMMAND_LINE, [entry])
    answer = admin_client.get(HOME + f"?subject={subject}")
    assert (answer.status_code, kinds(answer.text)) == (200, ["新增地点"])


def test_switching_a_list_on_is_told_in_words(session, place, admin_client):
    after = {"retires": "旧清单", "added": 1, "changed": 2, "removed": 3, "same": 4}
    entry = Entry(Did.SWITCHED_ON, "duty_lists", 1, "新清单", place.community.id, after=after)
    changes.record(session, COMMAND_LINE, [entry])
    page = admin_client.get(HOME).text
    assert not set(after) & set(re.findall(r"<div>(\w+)：", page))
    assert "换下的清单：旧清单" in page


def test_how_surveys_are_asked_is_told_in_words(session, place, admin_client):
    said = {"outcome": "explained", "on_unsolved": "review", "on_dissatisfied": "reopen"}
    entry = Entry(Did.ADDED, "survey_policies", 1, "回访规则", place.community.id, after=said)
    changes.record(session, COMMAND_LINE, [entry])
    session.commit()
    page = admin_client.get(f"{HOME}?subject=survey_policies").text
    for words in ("先由督查复核", "直接重新办理", OUTCOME_LABELS[Outcome.EXPLAINED]):
        assert words in page
    for raw in ("review", "reopen", "explained"):
        assert not re.search(rf"：\s*{raw}", page)
