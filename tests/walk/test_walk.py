"""Nobody sees or touches what belongs to a street that is not theirs, by any route of the application."""

import pytest

from tests.walk import people
from tests.walk.asking import Asker, Source
from tests.walk.public import ASKS_WECHAT, UNCHANGED, UNSHOWN, is_allowed_change, is_public
from tests.walk.walking import Walk

GOOD = {200, 201, 204, 206, 302, 303, 400, 401, 403, 404, 409, 410, 413, 415, 422}
DAILY = (
    "api.",
    "board.",
    "bulk.",
    "callbacks.",
    "console.",
    "dispatching.",
    "entry.",
    "figures.",
    "hard_cases.",
    "intake.",
    "meetings.",
    "my_messages.",
    "notices.",
    "officers.change_own",
    "orders.",
    "outbox.",
    "resident.",
    "sessions.",
    "supervisions.",
    "survey_results.",
    "survey_reviews.",
    "telephoning.",
    "told.",
)  # whoever one is


@pytest.fixture(scope="module")
def asker(app):
    return Asker(app)


@pytest.fixture(scope="module")
def walk(app, town):
    return Walk(app, town.connection, town.street, town.watch)


@pytest.fixture(scope="module")
def owned(asker, walk, town):
    """What the street's own people saw and changed, by every route; the asker then knows every field."""
    administrator, *others = town.owners.values()
    few, all_of_it = Source(town.street, is_own=True, most=1), Source(town.street, is_own=True, most=99)
    four = Source(town.street, is_own=True, most=4)
    walk.go(administrator, asker.asks(few, few))  # in which the pages tell what they read
    found = walk.go(administrator, asker.asks(all_of_it, few))
    return found + [a for person in others for a in walk.go(person, asker.asks(four, few, DAILY))]


def test_the_walk_knows_what_to_send_to_every_route(owned, asker):
    """A new argument or field is to be added to the tables of tests/walk/asking.py."""
    assert not sorted(asker.unknown)


def test_no_route_fails_for_the_streets_own_people(owned):
    assert not {f"{answer.status} {answer.where}" for answer in owned if failed(answer)}


def test_every_mark_of_the_street_is_shown_to_somebody_whose_it_is(owned, town):
    """Otherwise the walk might find nothing because there is nothing to find."""
    shown = {kind for answer in owned for kind in answer.shown.values()}
    assert " ".join(sorted(set(town.street.marks.kinds.values()) - shown)) == " ".join(sorted(UNSHOWN))


def test_every_changing_route_changes_something_for_those_who_may(owned):
    """Otherwise the walk might change nothing because its forms are refused for another reason."""
    changing = {answer.ask.endpoint for answer in owned if answer.ask.method != "GET"}
    changed = {answer.ask.endpoint for answer in owned if answer.changed}
    assert " ".join(sorted(changing - changed)) == " ".join(sorted(UNCHANGED))


@pytest.mark.parametrize("name", people.STRANGERS)
def test_a_stranger_is_shown_and_changes_nothing_of_the_street(name, owned, asker, walk, town):
    person = town.strangers[name]
    street = Source(town.street, most=3 if name == people.STRANGERS[0] else 1)
    answers = walk.go(person, asker.asks(street, street))
    if person.administers:  # from their own pages, with the street's rows in the forms
        answers += walk.go(person, asker.asks(Source(person.home, most=street.most), street))
    assert not {f"{answer.status} {answer.where}" for answer in answers if failed(answer)}
    assert not sorted(f"{a.where} {a.ask.form} shows {kind}" for a in answers for kind in leaks(a))
    assert not sorted(f"{a.where} {a.ask.form} changes {what}" for a in answers for what in harms(a))


def failed(answer):
    return answer.status not in GOOD and answer.ask.endpoint not in ASKS_WECHAT


def leaks(answer):
    """The kinds of marks that this answer should not have shown."""
    return {kind for kind in answer.shown.values() if not is_public(answer, kind)}


def harms(answer):
    """What this request should not have changed."""
    return {what for what in answer.changed if not is_allowed_change(answer, what)}
