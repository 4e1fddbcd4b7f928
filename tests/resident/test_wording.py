"""Residents read a line for every step and every status: one that is missing would break their page."""

from backend.cases.workflow import UNTOLD, Action, Status
from backend.notify.messages import CATALOGUE, RESIDENT, SURVEY
from backend.resident.wording import DOINGS, NEXT, STEPS


def test_every_step_has_its_line():
    assert set(STEPS) == set(Action) - UNTOLD


def test_every_status_says_what_comes_next():
    assert set(NEXT) == set(Status)


def test_residents_are_spared_the_words_of_the_office():
    doings = [
        words for doing in DOINGS.values() for words in (doing.label, doing.ask, doing.done, doing.missing)
    ]
    messages = [kind.status + kind.text for kind in CATALOGUE.values() if kind.link in (RESIDENT, SURVEY)]
    said = "\n".join([*doings, *messages, *STEPS.values(), *NEXT.values()])
    for words in ("承办", "不予受理", "分拨", "处置", "签收", "退单"):
        assert words not in said
