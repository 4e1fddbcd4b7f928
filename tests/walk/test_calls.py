"""Functions of places and cases that are told who asks show and change nothing of a street not theirs."""

import pytest

from backend import db
from backend.errors import AppError
from backend.sheets import Sheet
from tests.walk import people
from tests.walk.calls import IDLE, UNGUARDED, arguments, asked, spelt

FUNCTIONS = dict(asked())
ASKERS = (people.STRANGERS[0], people.STRANGERS[4], people.STRANGERS[7], people.STRANGERS[8])


def call(town, person, name):
    """What the function returned or refused, and what was changed; all is taken back."""
    attempt = town.connection.begin_nested()
    try:
        with db.Session() as session:
            given = arguments(name, FUNCTIONS[name], session, person.officer_and_posts, town.street)
            try:
                sent = spelt(
                    [each for each in given.values() if isinstance(each, str | bytes | Sheet | list)]
                )
                said = spelt(FUNCTIONS[name](**given))
                session.commit()
            except AppError as refusal:
                session.rollback()
                said = refusal.message
        shown = {mark for mark in town.street.marks.in_text(said) if mark not in sent}
        return shown, town.watch.differences()
    finally:
        attempt.rollback()


def test_functions_are_found():
    assert {"places.units.page", "cases.queries.officer_cases", "cases.service.find"} <= FUNCTIONS.keys()
    assert UNGUARDED.keys() <= FUNCTIONS.keys()


@pytest.mark.parametrize("name", sorted(FUNCTIONS.keys() - UNGUARDED.keys()))
def test_a_function_shows_and_changes_nothing_of_a_street_that_is_not_the_askers(town, name):
    for asker in ASKERS:
        shown, changed = call(town, town.strangers[asker], name)
        assert not shown, asker
        assert not changed, asker


def test_the_same_functions_show_the_street_to_its_own_people(town):
    """Otherwise they might show nothing because they were asked for nothing."""
    useful = set()
    for name in FUNCTIONS.keys() - UNGUARDED.keys():
        for person in [town.owners[people.OWNERS[number]] for number in (0, 1, 4)]:
            seen, changed = call(town, person, name)
            useful |= {name} if seen or changed else set()
    assert sorted(FUNCTIONS.keys() - UNGUARDED.keys() - useful - IDLE.keys()) == []
