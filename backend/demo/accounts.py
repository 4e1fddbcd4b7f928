"""The demonstration's official accounts: a TOML file with fresh secrets, written at the first start."""

import base64
import os
import secrets
import string
from dataclasses import dataclass
from pathlib import Path

from backend.notify.messages import Message

LETTERS = string.ascii_letters + string.digits


# Each of our fields: what a card calls it, and the type of WeChat's keyword that it goes into.
FIELDS = {
    "number": ("诉求编号", "character_string"),
    "place": ("地点", "thing"),
    "summary": ("诉求内容", "thing"),
    "status": ("当前状态", "phrase"),
    "time": ("时间", "time"),
    "note": ("说明", "thing"),
    "who": ("办理单位", "thing"),
}


@dataclass(frozen=True)
class Form:
    """A template (an account may have 25). Kinds share one only where its title is true of each of them.

    `note` and `number` are what the card calls these. An urgent card's status is 紧急, so that title and note
    alone must say to an officer what happened and what to do.
    """

    title: str
    fields: tuple[str, ...]
    messages: tuple[Message, ...]
    note: str = FIELDS["note"][0]
    number: str = FIELDS["number"][0]

    def slots(self) -> dict[str, str]:
        """Our field → WeChat's keyword, like {"number": "character_string1", "place": "thing2"}."""
        return {field: f"{FIELDS[field][1]}{n}" for n, field in enumerate(self.fields, start=1)}

    def label(self, field: str) -> str:
        """What the card calls one of our fields."""
        return {"note": self.note, "number": self.number}.get(field, FIELDS[field][0])


NEW = ("number", "place", "summary", "status", "time")
CHANGED = ("number", "place", "status", "note", "time")
FOR_OFFICERS = (
    Form("新工单提醒", NEW, (Message.CASE_SUBMITTED,)),
    Form("新派工单，请签收", NEW, (Message.CASE_ASSIGNED,)),
    Form("工单退回，请重新派单", CHANGED, (Message.CASE_SENT_BACK,), note="退回理由"),
    Form("没有解决，请重新办理", CHANGED, (Message.CASE_RETURNED,), note="重办理由"),
    Form("群众或督查催办，请尽快办理", CHANGED, (Message.CASE_URGED,), note="催办说明"),
    Form("超过时限，请马上跟进", CHANGED, (Message.CASE_OVERDUE,), note="超过时限还没有"),
    Form("群众请工作人员联系", CHANGED, (Message.PERSON_WANTED,)),
    Form("诉求时限提醒，请跟进", CHANGED, (Message.CASE_SOON_DUE, Message.CASE_ESCALATED), note="还没有"),
    Form("诉求不用再办", CHANGED, (Message.CASE_WITHDRAWN, Message.CASE_GONE, Message.CASE_CLOSED_AGAIN)),
    Form("诉求交您办理，请尽快办", CHANGED, (Message.CASE_DELEGATED,), note="交办说明"),
    Form("区级裁定，请点开办理", CHANGED, (Message.CASE_DISPUTED, Message.CASE_ARBITRATED), note="理由"),
    Form("居民回复了，请接着办", CHANGED, (Message.CASE_REPLIED, Message.SURVEY_COMMENTED), note="居民说"),
    Form(
        "督办通知，请点开",
        CHANGED,
        (Message.SUPERVISED, Message.SUPERVISION_ANSWERED, Message.SUPERVISION_OVERDUE),
        note="督办内容",
    ),
    Form("时限申请，请点开", CHANGED, (Message.TIME_WANTED, Message.TIME_DECIDED), note="申请或结果"),
    Form(
        "诉求有新安排，请点开",
        CHANGED,
        (
            Message.CASE_UNMERGED,
            Message.PART_DONE,
            Message.CASE_IN_CHARGE,
            Message.GROUP_FORMED,
            Message.ANSWER_DISPUTED,
            Message.REVIEW_WANTED,
            Message.REVIEW_FOR_LEADER,
            Message.REVIEW_WITH_LEADER,
            Message.REVIEW_DECIDED,
            Message.REVIEW_ENDED,
        ),
    ),
)
ORDER, ISSUED = "发令单编号", ("number", "summary", "status", "note", "time")
FOR_ORDERS = (
    Form("社区发令，请签收", ISSUED, (Message.ORDER_ISSUED,), note="您单位的任务", number=ORDER),
    Form("发令单等您批准", NEW, (Message.ORDER_DRAFTED,), number=ORDER),
    Form(
        "发令单被退回，请看理由",
        ISSUED,
        (Message.ORDER_REFUSED, Message.ORDER_RETURNED),
        note="理由",
        number=ORDER,
    ),
    Form(
        "发令单催办督办，请点开",
        ISSUED,
        (
            Message.ORDER_URGED,
            Message.ORDER_JOINED,
            Message.ORDER_SUPERVISED,
            Message.ORDER_SUPERVISION_ANSWERED,
            Message.ORDER_SUPERVISION_OVERDUE,
        ),
        note="催办或督办内容",
        number=ORDER,
    ),
    Form(
        "发令单时限提醒，请跟进",
        ISSUED,
        (Message.ORDER_SOON_DUE, Message.ORDER_OVERDUE, Message.ORDER_ESCALATED),
        note="还没有",
        number=ORDER,
    ),
    Form(
        "发令单有新进展",
        ISSUED,
        (Message.ORDER_WATCHED, Message.ORDER_REPORTED, Message.ORDER_ANSWERED, Message.ORDER_WITHDRAWN),
        number=ORDER,
    ),
)
# A mini program may ask for three subscriptions at a time: these are what a resident wants to hear of.
FOR_RESIDENTS = (
    Form(
        "诉求进度提醒",
        ("number", "summary", "status", "who", "time"),
        (
            Message.CASE_ACCEPTED,
            Message.CASE_REJECTED,
            Message.CASE_ON_ITS_WAY,
            Message.CASE_IN_PROGRESS,
            Message.CASE_REOPENED,
            Message.CASE_MERGED,
            Message.CASE_ASKED,
            Message.CASE_PROGRESS,
        ),
    ),
    Form(
        "诉求办结提醒",
        ("number", "summary", "status", "note", "time"),
        (Message.CASE_RESOLVED, Message.CASE_CLOSED, Message.ANSWER_UPHELD),
    ),
    Form(
        "服务评价提醒",
        ("number", "summary", "status", "time"),
        (Message.SURVEY_INVITED, Message.SURVEY_REMINDED),
    ),
)


@dataclass(frozen=True)
class Text:
    """An approved text message with its one parameter."""

    id: str
    param: str
    words: str


# What a person without WeChat can answer stands in the text (web/sms_replies.py understands it), and one text
# message has 70 characters with the signature.
RESULT = Text(
    "2100001", "number", "您反映的事情（编号{1}）有结果了，解决了吗？请回复1已解决，2没有解决。拒收请回复R"
)
ASKED = Text("2100002", "number", "您反映的事情（编号{1}）要请您补充情况，工作人员会与您联系。拒收请回复R")
INVITED = Text(
    "2100003", "number", "您反映的事情（编号{1}）结案了，解决了吗？请回复1已解决，2没有解决。拒收请回复R"
)
REOPENED = Text("2100005", "number", "您反映的事情（编号{1}）会重新办理，办好再告诉您。拒收请回复R")
TO_OFFICERS = Text("2100004", "number", "有紧急事项等您办理（编号{1}），请马上打开微信查看。")
TEXTS: dict[Message, Text] = {
    Message.CASE_RESOLVED: RESULT,
    Message.CASE_REOPENED: REOPENED,
    Message.CASE_ASKED: ASKED,
    Message.SURVEY_INVITED: INVITED,
    Message.SURVEY_REMINDED: INVITED,
    Message.CASE_SUBMITTED: TO_OFFICERS,
    Message.CASE_ASSIGNED: TO_OFFICERS,
    Message.CASE_URGED: TO_OFFICERS,
    Message.CASE_OVERDUE: TO_OFFICERS,
    Message.ORDER_ISSUED: TO_OFFICERS,
}
GATHERED = Form(
    "您有几件诉求，请点开", ("number", "summary", "status", "time"), (Message.DIGEST,), number="件数"
)
FORMS = (*FOR_OFFICERS, *FOR_ORDERS, GATHERED, *FOR_RESIDENTS)


def write(path: Path) -> bool:
    """Write the file, readable by its owner alone. Returns False, and changes nothing, when there is one."""
    if path.exists():
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(
        os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
    ) as file:
        file.write(document())
    try:
        os.link(half, path)  # whole or not at all, and never over a file that somebody else made meanwhile
    except FileExistsError:
        return False
    finally:
        half.unlink()
    return True


def document() -> str:
    """Two accounts with new secrets: the district's with a mini program, and one of a single community."""
    parts = [
        "# The accounts of the demonstration, known only to the sandbox. Made once; remove to make new ones.",
        *_account("qinglan", "青岚区", "secure"),
        *_templates("qinglan", FOR_RESIDENTS, "notices"),
        "[accounts.qinglan.mini_program]",
        f'app_id = "wx{secrets.token_hex(8)}"',
        f'app_secret = "{secrets.token_hex(16)}"',
        f'original_id = "gh_{secrets.token_hex(6)}"',
        f'token = "{_random_letters(32)}"',
        f'aes_key = "{_aes_key()}"',
        *_templates("qinglan.mini_program", FOR_RESIDENTS),
        *_wecom("qinglan"),
        *_account("hefeng", "荷风社区", "compatible"),
        *_sms(),
    ]
    return "\n".join(parts) + "\n"


def _account(name: str, area: str, mode: str) -> list[str]:
    return [
        f"\n[accounts.{name}]",
        f'area = "{area}"',
        f'mode = "{mode}"',
        f'app_id = "wx{secrets.token_hex(8)}"',
        f'app_secret = "{secrets.token_hex(16)}"',
        f'original_id = "gh_{secrets.token_hex(6)}"',
        f'token = "{_random_letters(32)}"',
        f'aes_key = "{_aes_key()}"',
        *_templates(name, FORMS),
    ]


def _wecom(name: str) -> list[str]:
    return [
        f"\n[accounts.{name}.wecom]",
        f'corp_id = "ww{secrets.token_hex(8)}"',
        "agent_id = 1000002",
        f'secret = "{_random_letters(43)}"',
        f'token = "{_random_letters(32)}"',
        f'aes_key = "{_aes_key()}"',
    ]


def _sms() -> list[str]:
    """Text messages for what a resident has to answer, and for officers whom nothing else reaches."""
    return [
        "\n[sms]",
        f'sdk_app_id = "1400{secrets.randbelow(10**6):06d}"',
        'sign = "青岚区诉求服务"',
        f'secret_id = "AKID{_random_letters(32)}"',
        f'secret_key = "{_random_letters(32)}"',
        f'callback_token = "{_random_letters(32)}"',
        *(
            f'templates.{message} = {{ id = "{form.id}", params = ["{form.param}"], text = "{form.words}" }}'
            for message, form in TEXTS.items()
        ),
        "",
    ]


def _templates(owner: str, forms: tuple[Form, ...], table: str = "templates") -> list[str]:
    lines = []
    for form in forms:
        template_id = secrets.token_urlsafe(32)  # 43 characters, like WeChat's
        for message in form.messages:
            lines += [f"\n[accounts.{owner}.{table}.{message}]", f'id = "{template_id}"']
            lines += [f'{field} = "{slot}"' for field, slot in form.slots().items()]
    return [*lines, ""]


def _random_letters(length: int) -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(length))


def _aes_key() -> str:
    """43 letters and digits, as WeChat makes them, that every decoder reads as the same 32 bytes."""
    while True:
        key = base64.b64encode(secrets.token_bytes(32)).decode().rstrip("=")
        if key.isalnum():
            return key
