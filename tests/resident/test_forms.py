"""Photos as a form brings them."""

import io

from backend.web.forms import photos_in_form
from tests.cases.pictures import jpeg


def photos_of(app, *contents):
    files = [(io.BytesIO(content), f"{n}.jpg") for n, content in enumerate(contents)]
    with app.test_request_context(method="POST", data={"photos": files}):
        return photos_in_form()


def test_the_same_content_in_one_form_comes_once_and_in_its_order(app):
    first, second = jpeg(80), jpeg(81)
    assert photos_of(app, first, second, first, *[second] * 7) == [first, second]


def test_ten_different_photos_are_ten(app):
    assert len(photos_of(app, *(jpeg(80 + n) for n in range(10)))) == 10


def test_a_field_that_was_left_alone_brings_nothing(app):
    assert photos_of(app, b"") == []
