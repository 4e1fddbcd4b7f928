import pytest

from backend.wechat.understanding import Intent, digit_of, understand


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("你好", Intent.GREETING),
        ("您好啊！", Intent.GREETING),
        ("在吗", Intent.GREETING),
        ("谢谢你们", Intent.THANKS),
        ("好的，谢谢", Intent.THANKS),
        ("进度", Intent.PROGRESS),
        ("查一下进度", Intent.PROGRESS),
        ("我的诉求", Intent.MINE),
        ("催办", Intent.URGE),
        ("撤回", Intent.WITHDRAW),
        ("转人工", Intent.PERSON),
        ("已经解决了", Intent.SOLVED),
        ("还没解决", Intent.UNSOLVED),
        ("另一件", Intent.ANOTHER),
        ("怎么用", Intent.HELP),
        ("不用通知", Intent.NO_NOTICES),
        ("不要通知我了。", Intent.NO_NOTICES),
        ("别再给我发消息了", Intent.NO_NOTICES),
        ("退订", Intent.NO_NOTICES),
        ("恢复通知", Intent.NOTICES),
        ("停水不通知，没人管", Intent.WORDS),
        ("1", Intent.DIGIT),
        ("２", Intent.DIGIT),
        ("1 已解决", Intent.DIGIT),
        ("我的电话是13800000000", Intent.PHONE),
        ("漏水", Intent.WORDS),
        ("3号楼电梯坏了", Intent.WORDS),
        ("1单元漏水", Intent.WORDS),
    ],
)
def test_a_text_is_taken_the_way_it_is_meant(text, intent):
    assert understand(text).intent is intent


@pytest.mark.parametrize(
    "text", ["", "   ", "[微笑]", "/::)", "😂😂", "啊", "哈哈哈哈", "？？？", "。", "ab", "12"]
)
def test_what_says_nothing_is_no_report(text):
    assert understand(text).intent is Intent.BLANK


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("3栋着火了快来", "119"),
        ("楼下有人持刀砍人", "110"),
        ("老人晕倒了", "120"),
        ("我不想活了", "12356"),
    ],
)
def test_danger_names_the_number_to_call(text, number):
    understood = understand(text)
    assert [danger.number for danger in understood.dangers] == [number]
    assert understood.intent is Intent.WORDS


def test_two_dangers_name_both_numbers():
    assert {d.number for d in understand("楼上打架，有人昏迷了").dangers} == {"110", "120"}


def test_a_case_number_is_read_with_what_is_wanted_of_it():
    assert understand("261121483920").intent is Intent.CASE
    urged = understand("催办 261121483920")
    assert (urged.intent, urged.number) == (Intent.URGE, "261121483920")
    assert understand("撤回261121483920").intent is Intent.WITHDRAW


@pytest.mark.parametrize(
    "number",
    ["2611 2148 3920", "2611-2148-3920", "261121 483920", "２６１１２１４８３９２０", "2611　2148—3920"],
)
def test_a_case_number_is_read_however_it_is_copied(number):
    shown = understand(f"编号：{number}")
    assert (shown.intent, shown.number) == (Intent.CASE, "261121483920")
    withdrawn = understand(f"撤回编号 {number}")
    assert (withdrawn.intent, withdrawn.number) == (Intent.WITHDRAW, "261121483920")


def test_a_case_number_is_read_behind_digits_that_are_none():
    urged = understand("13800000000 3，催办：261121483920")
    assert (urged.intent, urged.number) == (Intent.URGE, "261121483920")


def test_a_report_that_mentions_a_long_number_stays_a_report():
    text = "小区门口那辆车停了三个月没人管，挡住了消防通道，车架号是 261121483920"
    assert understand(text).intent is Intent.WORDS


@pytest.mark.parametrize(
    "text", ["13800000000 3栋漏水", "0755-0000 0000 1栋停电", "电话15100000000 1号楼漏水"]
)
def test_a_telephone_number_beside_the_number_of_a_house_is_no_case_number(text):
    assert understand(text).intent is Intent.WORDS


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("13800000000", ""),
        ("电话：138 0000 0000", ""),
        ("我叫陈浩，电话13800000000", "我叫陈浩"),
        ("我姓郑，手机号码是13800000000", "我姓郑"),
    ],
)
def test_a_telephone_number_may_come_with_a_name(text, name):
    understood = understand(text)
    assert (understood.intent, understood.name) == (Intent.PHONE, name)


def test_a_report_with_a_telephone_number_stays_a_report():
    assert understand("漏水，电话13800000000").intent is Intent.WORDS


def test_full_width_digits_count():
    assert digit_of("５分") == 5
