"""Addresses that somebody has changed by hand: answered in words, never by an error."""

import pytest

HUGE = "9" * 25
PATHS = (
    "/console/areas/{}",
    "/console/units/{}",
    "/console/officers/{}",
    "/console/codes/{}",
    "/console/dictionary/{}",
    "/console/duties/{}",
    "/console/imports/{}",
    "/console/sessions/{}",
    "/console/units/?after={}",
    "/console/officers/?after={}",
    "/console/codes/?before={}",
    "/console/changes/?before={}",
    "/console/dictionary/?q=%00",
    "/console/areas/?q=%00",
    "/console/officers/?q=%00",
)


@pytest.mark.parametrize("path", PATHS)
def test_a_number_that_no_row_has_is_answered_in_words(place, admin_client, path):
    answer = admin_client.get(path.format(HUGE))
    assert answer.status_code in (200, 404, 422)
    assert answer.status_code == 200 or any(words in answer.text for words in ("没有", "失效"))
