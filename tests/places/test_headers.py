"""Which header of a table is which of ours."""

import pytest

from backend.places import headers
from backend.sheets import Sheet

OURS = {"电话": ("联系电话", "phone_number"), "编码": ()}


def found(*there):
    return headers.find(Sheet("表.csv", there, ()), OURS)


@pytest.mark.parametrize(
    "header", ["电话", "联系 电话", "Phone Number", "PHONENUMBER", "电话（手机）", "电话(必填)"]
)
def test_a_header_is_known_however_it_is_written(header):
    assert found("名称", header) == {"电话": header}


def test_the_name_itself_goes_before_others_and_before_one_with_brackets():
    assert found("联系电话", "电话（备用）", "电话") == {"电话": "电话"}
    assert found("电话（手机）", "电话（备用）") == {"电话": "电话（手机）"}


def test_what_is_not_there_is_left_out():
    assert found("名称") == {}
