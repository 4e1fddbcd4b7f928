"""What a message in chat means: tables of words, and one function that reads a text."""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from backend.privacy import PHONE


class Intent(StrEnum):
    """What someone wants with a text."""

    BLANK = "blank"  # nothing, a sticker, a single character
    GREETING = "greeting"
    THANKS = "thanks"
    HELP = "help"
    PROGRESS = "progress"
    MINE = "mine"
    CASE = "case"  # asks about a case by its number
    URGE = "urge"
    WITHDRAW = "withdraw"
    PERSON = "person"
    SOLVED = "solved"
    UNSOLVED = "unsolved"
    ANOTHER = "another"  # the last words were another matter
    JOIN = "join"  # has the same to say as others
    NO_NOTICES = "no_notices"  # wants to hear of progress no more
    NOTICES = "notices"  # wants to again
    OFFICE = "office"  # an officer looks for the way to the list of cases
    DIGIT = "digit"
    DIGITS = "digits"  # several, one apart from the other
    RATING = "rating"  # how satisfied they are, in the words of the scale
    PHONE = "phone"  # a telephone number and little else
    WORDS = "words"  # anything else: a report, or words to add to one


@dataclass(frozen=True)
class Danger:
    """Words that cannot wait for an officer, and the number to call at once."""

    words: re.Pattern[str]
    number: str
    advice: str


# fmt: off
SAID: dict[Intent, str] = {
    Intent.GREETING: r"(你|您|大家)好|在吗|在不在|有人吗|哈(喽|啰|罗)|嗨|早上好|上午好|下午好|晚上好|hello|hi",
    Intent.THANKS: r"(非常|十分)?(谢谢|感谢|多谢)(你|您|你们|您们|大家|了)?|辛苦(你|您)?了|好的?|好的?谢谢|收到|知道了|明白了?|嗯+|ok|没事了?|可以了?",
    Intent.HELP: r"帮助|怎么用|使用说明|功能|菜单|help|怎么(反映|投诉|举报)|我要(反映|投诉|举报|报事)",
    Intent.PROGRESS: r"(查询?|看看?|查一下)?(办理|处理)?进(度|展)(查询)?|查询|(办|处理)(得|的)?怎么样了|到哪(一步)?了|有(结果|进展)(了)?(吗|没)",
    Intent.MINE: r"(我的|查看我的)(诉求|投诉|反映|事情?)?",
    Intent.OFFICE: r"(查看)?(我的)?(工作台|待办(事项|工单|任务)?)|(查看)?我的工单",
    Intent.URGE: r"(我要)?催(办|一下|一催|促|单)?|(麻烦)?(请)?快(点|一点|些)(处理|办)?",
    Intent.WITHDRAW: r"(我要)?(撤回|撤销|取消)(诉求|工单|投诉)?|不(用|需要)(处理|办理?|管)了",
    Intent.PERSON: r"(转|找|我要)?人工(服务|客服|坐席)?|(找)?客服|(请|让)?(人|工作人员)(给我)?(联系我|打电话|回电)|联系人工",
    Intent.SOLVED: r"(现在|后来|其实)?(已经?|都)?(解决|处理好|修好|弄好)了(谢谢(你们?|您|大家|师傅)?)?|(已|确认)解决",
    Intent.UNSOLVED: r"(还|又|根本|一直)?(没有?|未)(被)?(解决|处理|修好|弄好)|没(人)?(处理|管)|不行|解决不了",
    Intent.NO_NOTICES: r"(请|以后|我)*(不用|不要|不必|别)再?(给我)?发?(通知|消息|提醒)(给?我)?|(我要)?退订(通知|消息|提醒)?|拒收",
    Intent.NOTICES: r"(请|我要)?(恢复|重新)(通知|提醒|消息|订阅)(我)?",
    Intent.ANOTHER: r"(这)?(是)?(另|别)(外)?(的)?一件(事)?|新诉求|另外的事",
    Intent.JOIN: r"(我)?(要|来|也)?附议|我(家|们|们家)?也(是|一样|这样|是这样)|(我(家|们)?)?(也)?(有|是)?(一样|同样|相同)的(问题|事情?|情况)",
}

DANGERS = (
    Danger(re.compile("起火|着火|失火|火灾|冒.{0,2}烟|爆炸|(煤气|燃气|天然气).{0,4}(泄|漏|味)"), "119", "请马上离开危险的地方，拨打 119"),
    Danger(re.compile("杀人|砍人|持刀|拿刀|打人|打架|斗殴|家暴|抢劫|绑架|被困.{0,4}威胁|要杀"), "110", "请先到安全的地方，拨打 110"),
    Danger(re.compile("昏迷|昏倒|晕倒|没.{0,2}呼吸|大出血|流.{0,3}很多血|心脏病.{0,2}发|抽搐|触电|溺水|煤气中毒"), "120", "请马上拨打 120"),
    Danger(re.compile("自杀|轻生|不想活|跳楼|跳桥|割腕|想死|活不下去|结束生命"), "12356", "您不是一个人。如果是您自己，请现在就拨打心理援助热线 12356；如果是别人，请马上拨打 110 或 120"),
)
# fmt: on

# How satisfied somebody is. What stands before it is of the matter in hand, or it is a report: 满意小区路灯坏了.
_OF_THIS = r"(?:我们?|对|这次|这个|你们|您们|的|办理|处理|结果|服务|评价|总体|整体|都|也|感到|觉得|感觉|表示|还是|现在|是|选|改[成为]?)*"
_VERY = r"(?:很|非常|十分|特别|太|极其?|相当|完全)"
DISSATISFACTION = {
    1: rf"(?:{_VERY}|一点儿?[都也])不满意",
    2: r"不(?:太|怎么|大|够|是?很)?满意",
}
SATISFACTION = DISSATISFACTION | {
    3: r"一般(?:般|满意)?|还行|还可以|还好|马马虎虎|凑合",
    4: r"(?:挺|蛮|比较|还算|基本上?|还)?满意",
    5: rf"(?:{_VERY}|最)满意",
}
_SO = r"[啊呀吧呢哦哈了的嘛啦喽噢]*(?:(?:谢谢|感谢|多谢|辛苦)(?:了|你们?|您们?|大家|师傅)*)?"

OF_ONE = (Intent.URGE, Intent.WITHDRAW, Intent.SOLVED, Intent.UNSOLVED)  # also with the number of a case
_ANY_DANGER = re.compile("|".join(danger.words.pattern for danger in DANGERS))
LONGEST_SAYING = 20  # characters: whoever writes more says something of their own
_COMPILED = {intent: re.compile(rf"(?:{said})[啊呀吧吗呢哦哈了的~]*", re.I) for intent, said in SAID.items()}
DIGITS = 12  # of a case's number: the day, then some at random
_GAP = r"[\s‐–—−-]*"  # what whoever copies a number by hand puts into it
NUMBER = re.compile(rf"(?<!\d)\d(?:{_GAP}\d){{{DIGITS - 1}}}(?!\d)", re.ASCII)
_DAY = re.compile(r"[2-9]\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")
DIGIT = re.compile(r"[1-9][.、 ]*(?:(?:已|没有|未)解决|很?不?满意|一般|分)?")
DIGITS_APART = re.compile(r"[1-9](?:[ 、,;/和跟与及+]+[1-9])+[.。、,; ]*")
_CALLED = re.compile(
    r"((?:我|本人)(?:叫|姓|是)\w{1,6}?)?(?:我?的?(?:联系)?(?:手机号?|电话号?|方式|号)码?是?)?"
)
_FACES = re.compile(r"\[[^\[\]\s]{1,6}\]|/:[^\s]{1,8}")  # WeChat's own faces come as [微笑] or /::)
_NOISE = re.compile(r"[^\w]|_")
_RATINGS = {step: re.compile(rf"{_OF_THIS}(?:{words}){_SO}") for step, words in SATISFACTION.items()}
_DISSENTS = {step: re.compile(rf"{_OF_THIS}(?:{words})") for step, words in DISSATISFACTION.items()}
_SAME = re.compile(r"(.)\1*")
_DENIAL = re.compile(r"(还|又|根本|一直|其实)?(没有?|未)(被)?(解决|处理好|修好|弄好)")
_LIKE_A_NUMBER = re.compile(rf"(?:编号)?[: ]*(\d(?:{_GAP}\d){{8,}})[。.]?", re.ASCII)  # too long for a house


@dataclass(frozen=True)
class Understood:
    """What a text means. `core` is the text without faces and punctuation."""

    intent: Intent
    core: str = ""
    number: str | None = None
    phone: str | None = None
    name: str = ""  # what stands beside a telephone number: 我叫…
    dangers: tuple[Danger, ...] = ()
    satisfaction: int = 0  # 1 to 5 of a RATING; 1 or 2 of words that go on after it: 不满意，灯又坏了

    @property
    def calls(self) -> tuple[str, ...]:
        """The numbers to call, which tell the kinds of danger apart."""
        return tuple(danger.number for danger in self.dangers)

    @property
    def is_denial(self) -> bool:
        """Whether the words say, or begin with, that something is not solved: 没解决，还是臭. The number of a
        case may stand with them."""
        is_told = self.intent in (Intent.WORDS, Intent.CASE) and not self.dangers
        return self.intent is Intent.UNSOLVED or bool(is_told and _DENIAL.match(_bare(self.core)))


def understand(text: str) -> Understood:
    """Read one text. Danger always counts; a table of sayings comes before taking it for a report."""
    plain = unicodedata.normalize("NFKC", text).strip()
    core = _NOISE.sub("", _FACES.sub("", plain))
    is_dangerous = _ANY_DANGER.search(plain) is not None
    dangers = tuple(danger for danger in DANGERS if is_dangerous and danger.words.search(plain))
    if dangers:
        return Understood(Intent.WORDS, core, dangers=dangers)
    if (phone := PHONE.search(plain)) and (called := _CALLED.fullmatch(_NOISE.sub("", PHONE.sub("", plain)))):
        return Understood(Intent.PHONE, core, phone=phone.group(1), name=called.group(1) or "")
    number = _number(plain)
    if number is None and (mistyped := _LIKE_A_NUMBER.fullmatch(plain)):
        return Understood(Intent.CASE, core, number=re.sub(r"\D", "", mistyped.group(1)))
    said = _saying(_bare(core))
    if number and (said in OF_ONE or len(core) < 24):
        intent = said if said in OF_ONE else Intent.CASE
        return Understood(intent, core, number=number)
    if number and _DENIAL.match(_bare(core)):
        return Understood(Intent.WORDS, core, number=number)
    if said is None and (satisfaction := _step(_RATINGS, core)):
        return Understood(Intent.RATING, core, satisfaction=satisfaction)
    intent = said or _length(plain, core)
    return Understood(intent, core, satisfaction=_begins_with(core) if intent is Intent.WORDS else 0)


def _step(ratings: dict[int, re.Pattern[str]], core: str) -> int:
    """Of the scale, where the words say nothing else; 0 for none."""
    if len(core) > LONGEST_SAYING:
        return 0
    return next((step for step, words in ratings.items() if words.fullmatch(core)), 0)


def _begins_with(core: str) -> int:
    return next((step for step, words in _DISSENTS.items() if words.match(core)), 0)


def _number(plain: str) -> str | None:
    """The first digits that can be a case's number. With gaps they must begin with a day: 13800000000 3栋."""
    for found in NUMBER.finditer(plain):
        digits = re.sub(r"\D", "", found.group())
        if digits == found.group() or _DAY.match(digits):
            return digits
    return None


def _bare(core: str) -> str:
    """Without the number of a case."""
    return NUMBER.sub("", core).replace("编号", "")


def _saying(core: str) -> Intent | None:
    if len(core) > LONGEST_SAYING:
        return None
    return next((intent for intent, words in _COMPILED.items() if words.fullmatch(core)), None)


def _length(plain: str, core: str) -> Intent:
    """Digits answer a question; one character, one character repeated, or a few letters say nothing yet."""
    if DIGIT.fullmatch(plain):
        return Intent.DIGIT
    if DIGITS_APART.fullmatch(plain):
        return Intent.DIGITS
    if len(core) < 2 or _SAME.fullmatch(core) or (core.isascii() and len(core) < 5):
        return Intent.BLANK
    return Intent.WORDS


def digit_of(text: str) -> int:
    """The digit of a text that `understand` took for one."""
    return int(unicodedata.normalize("NFKC", text).strip()[0])


def digits_of(text: str) -> list[int]:
    """The digits of a text that `understand` took for several."""
    return [int(digit) for digit in re.findall(r"[1-9]", unicodedata.normalize("NFKC", text))]
