"""Values for template slots: whatever is put in, what comes out is what the platform takes.

The patterns are the platform's table of keyword types, written down again independently of the code.
"""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from backend.notify.fitting import FITTERS, fit, fit_names, names, shorten, slot_kind, utf16
from backend.notify.messages import CATALOGUE

AT = datetime(2026, 11, 21, 10, 30, tzinfo=UTC)  # 18:30 in Shanghai
LINE = r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]"
DAY = r"\d{4}年\d{1,2}月\d{1,2}日"
TAKEN = {
    "thing": rf"{LINE}{{1,20}}",
    "short_thing": rf"{LINE}{{1,10}}",
    "const": rf"{LINE}{{1,20}}",
    "phrase": r"[\u3400-\u9fff]{1,5}",
    "character_string": r"[\x20-\x7e]{1,32}",
    "name": r"[\u3400-\u9fff]{1,10}|[A-Za-z ]{1,20}",
    "number": r"[0-9]{1,32}|[0-9.]{3,32}",
    "letter": r"[A-Za-z]{1,32}",
    "symbol": r"[^\w\s]{1,5}",
    "amount": r"[¥￥$€£]?\d{1,10}(\.\d+)?元?",
    "phone_number": r"[0-9+\- ]{1,17}",
    "car_number": r"-|[\u4e00-\u9fff][A-Z0-9·\-]{6,7}[\u4e00-\u9fff]?",
    "time": rf"{DAY} \d\d:\d\d",
    "date": DAY,
}


def test_every_type_that_we_fill_is_tested():
    assert set(TAKEN) == set(FITTERS)


@pytest.mark.parametrize("kind", TAKEN)
@given(text=st.text(max_size=60))
@example(text="")
@example(text="\r\n\t\u2028")
@example(text="🚧" * 40)
@example(text="0" * 40)
@example(text="\ud83d")
@example(text="2026-11-21 18:30")
@example(text="１２３４")
def test_whatever_is_said_fits(kind, text):
    value = fit(f"{kind}1", text, AT)
    assert re.fullmatch(TAKEN[kind], value)
    assert value == value.strip()
    value.encode()


@given(
    before=st.text(alphabet="玉兰苑东门路灯", max_size=25),
    number=st.integers(10, 10**11),
    after=st.text(alphabet="号楼坏了", max_size=9),
)
def test_a_number_is_shown_whole_or_not_at_all(before, number, after):
    shown = fit("thing2", f"{before}{number}{after}", AT)
    assert re.findall(r"\d+", shown) in ([], [str(number)])


@given(st.text(max_size=80), st.integers(3, 30))
def test_shortening_keeps_the_beginning(text, length):
    short = shorten(text, length, utf16)
    assert utf16(short) <= length
    assert text.startswith(short.removesuffix("…").rstrip())


@pytest.mark.parametrize(
    ("slot", "text", "value"),
    [
        ("thing2", "玉兰苑东门", "玉兰苑东门"),
        ("thing2", "玉兰苑东门口灯不亮，晚上走路看不清，请派人来", "玉兰苑东门口灯不亮，晚上走路看不清…"),
        ("thing2", "请拨打我们单位的值班电话联系13812345678张三", "请拨打我们单位的值班电话联系…"),
        ("thing2", "费用是元角分一二三四五六七八 1,234.50 元", "费用是元角分一二三四五六七八…"),
        ("thing2", "承办：市政服务中心、城管执法中队、住房和建设局", "承办：市政服务中心、城管执法中队…"),
        ("thing2", "请联系玉兰社区的网格员或者物业经理Alexander", "请联系玉兰社区的网格员或者物业经理…"),
        ("thing2", "第一行\n第二行", "第一行 第二行"),
        ("thing2", "看\u202e这\u200b里", "看这里"),
        ("thing2", "👨‍👩‍👧‍👦" * 3, "👨‍👩‍👧‍👦…"),
        ("thing2", "", "请点开查看"),
        ("thing2", "1" * 30, "请点开查看"),
        ("phrase3", "待您确认", "待您确认"),
        ("phrase3", "已办结！OK", "已办结"),
        ("phrase3", "OK", "有新进展"),
        ("character_string1", "261121483920", "261121483920"),
        ("character_string1", "编号２６１１", "2611"),
        ("character_string1", "A" * 20 + " 1234567890123", "A" * 20),
        ("name5", "市政服务中心1号", "市政服务中心号"),
        ("name5", "青岚区玉兰街道市政服务中心", "工作人员"),
        ("name5", "Li Ming（经办）", "经办"),
        ("name5", "Alexander Wolfeschlegelstein", "工作人员"),
        ("number1", "共 12.50 元", "12.50"),
        ("symbol1", "注意！！", "！！"),
        ("amount1", "退费 ￥12.50 元", "¥12.50"),
        ("amount1", "共 12.50元", "12.50元"),
        ("amount1", "编号 12345678901", "0"),
        ("phone_number1", "请打 0755-84622222 找周明", "0755-84622222"),
        ("phone_number1", "订单 123456789012345678", "12345"),
        ("car_number1", "粤b·12345 违停", "粤B·12345"),
        ("car_number1", "没有车牌", "-"),
        ("time4", "2026-11-01 08:05", "2026年11月1日 08:05"),
        ("time4", "刚才", "2026年11月21日 18:30"),
        ("date4", "2026-11-01 08:05", "2026年11月1日"),
    ],
)  # fmt: skip
def test_examples(slot, text, value):
    assert fit(slot, text, AT) == value


UNIT = st.text(alphabet="望溪街道市政服务中心城管执法队", min_size=1, max_size=24)


@given(st.lists(UNIT, min_size=1, max_size=6), st.integers(3, 30))
def test_a_name_is_shown_whole_or_not_at_all(units, length):
    shown = names("、".join(units), length, utf16)
    assert utf16(shown) <= length
    left = shown.removesuffix("等").split("、") if shown != "、".join(units) else units
    assert left in (units[: len(left)], [""])
    assert shown or all(len(one) > length for one in units[:1]) or len(units) > 1


@pytest.mark.parametrize("kind", ["thing", "short_thing", "name", "phrase", "character_string", "const"])
@given(text=st.text(max_size=60))
def test_whatever_a_name_is_it_fits(kind, text):
    assert re.fullmatch(TAKEN[kind], fit_names(f"{kind}1", text))


@pytest.mark.parametrize(
    ("slot", "text", "value"),
    [
        ("thing2", "望溪街道市政服务中心", "望溪街道市政服务中心"),
        ("thing2", "望溪街道市政服务中心、青岚区城市管理和综合执法局", "望溪街道市政服务中心等"),
        ("thing2", "甲局，乙局；丙局", "甲局、乙局、丙局"),
        ("thing2", "青岚区城市管理和综合执法局玉兰街道执法队第三中队", "请点开查看"),
        ("short_thing1", "望溪街道市政服务中心", "望溪街道市政服务中心"),
        ("name1", "综治办、市政中心", "综治办等"),
        ("name1", "Li Ming、Wang Wei", "Li Ming"),
        ("thing2", "", "请点开查看"),
    ],
)
def test_names_in_slots(slot, text, value):
    assert fit_names(slot, text) == value


@pytest.mark.parametrize("slot", ["thing", "2", "enum1", "thing2x", "Thing2", "first"])
def test_a_slot_that_cannot_be_filled_is_known_as_such(slot):
    assert slot_kind(slot) is None
    with pytest.raises(KeyError):
        fit(slot, "x")


def test_every_status_of_the_catalogue_fits_a_phrase_as_it_is():
    for kind in CATALOGUE.values():
        assert fit("phrase3", kind.status) == kind.status
