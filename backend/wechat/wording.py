"""Every sentence the account says in chat. Short, plain, and with the next thing to do."""

from backend.cases.survey_models import Follow
from backend.cases.workflow import Status
from backend.wechat.talk import Certainty

ONE_MESSAGE = "请用一句话说说遇到了什么事，发一条消息就可以，也可以按住说话、发照片。"

WELCOME = f"您好，这里是{{area}}诉求服务。\n{ONE_MESSAGE}\n扫一扫身边的二维码，我们就知道在哪里。"
AT_PLACE = f"您好，您现在在{{place}}。\n{ONE_MESSAGE}"
NO_SUCH_CODE = f"这个二维码已经停用了，不要紧。\n{ONE_MESSAGE}"
CODE_ENDED = f"这个二维码已经不用了，不要紧。您现在在{{place}}。\n{ONE_MESSAGE}"
HELP = f"{ONE_MESSAGE}\n回复“进度”看办到哪一步，回复“催办”“撤回”或“人工”都可以。\n邻居反映过同样的事，回复“我也是”，就一起办。\n不想收到进展消息，回复“不用通知”。"
GREETED = f"您好。{ONE_MESSAGE}"
THANKED = "不客气。有事随时给我们留言。"
TELL_MORE = "没太看明白。请多写几个字，说说在哪里、遇到了什么事。"
NOT_READ = "这种消息我们看不了，请用文字、语音或照片告诉我们。"
PLACE_ASKED = "请回复社区名称，例如“{example}”，或点“＋”发送位置。"
NOT_ASKED_YET = "现在没有需要您选择的问题。编号 {number} 的事结案了，过些时候我们会问您解决没有，那时再回复数字。没有解决的，现在就可以写“没有解决”。"
NOTHING_ASKED = "现在没有需要您选择的问题。有事请直接写给我们，回复“进度”可以看办到哪一步。"

_OPENED = "收到，已登记。\n编号：{number}\n地点：{place}\n接下来：{until}前有工作人员受理，有进展会在这里告诉您。\n半小时内发来的照片、语音、位置或电话，会加到这件事里。"
_OPENED_NOWHERE = "收到，已登记。\n编号：{number}\n请问在哪里？请点“＋”发送位置，或回复社区名称，例如“{example}”。\n{until}前有工作人员受理，有进展会在这里告诉您。"
_URGENT = "已按紧急情况登记，{until}前有工作人员受理。\n编号：{number}"
_WHERE = "请马上点“＋”发送位置，或回复社区名称"
OPENED = {  # by whether it is urgent, and how sure the place is
    (False, Certainty.KNOWN): f"{_OPENED}\n地点不对？请回复社区名称。",
    (False, Certainty.EARLIER): f"{_OPENED}\n地点不对？请回复社区名称，或点“＋”发送位置。",
    (False, Certainty.UNKNOWN): _OPENED_NOWHERE,
    (True, Certainty.KNOWN): f"{_URGENT}\n地点：{{place}}。如果不是这里，{_WHERE}。",
    (True, Certainty.EARLIER): f"现在在哪里？{_WHERE}。\n{_URGENT}\n地点：先记为{{place}}，是您上次的地点。",
    (True, Certainty.UNKNOWN): f"请问在哪里？{_WHERE}，例如“{{example}}”。\n{_URGENT}",
}
CUT = "\n您写得比较长，我们记下了前{length}个字。后面的请再发一条。"
DANGER = "【紧急】{advice}。\n"
DANGER_NOTED = "这件事我们已按紧急情况处理。\n"

ADDED = {
    "words": "已加到编号 {number}。如果这是另一件事，请回复“另一件”。",
    "photo": "照片已加到编号 {number}。",
    "voice": "语音已加到编号 {number}，工作人员会收听。",
    "video": "视频已加到编号 {number}。",
    "location": "位置已加到编号 {number}：{place}。",
    "phone": "电话已记下，工作人员需要时会联系您。",
}
KEPT = {
    "photo": "照片收到了。请再用一句话说说是什么事。",
    "video": "视频收到了。请再用一句话说说是什么事。",
    "words": "链接收到了。请再用一句话说说是什么事。",
    "location": "位置收到了，您在{place}附近。请再用一句话说说是什么事。",
    "phone": "电话记下了。请再用一句话说说是什么事。",
}
PLACE_STILL = "\n还不知道在哪里：请回复社区名称，例如“{example}”，或点“＋”发送位置。"
PLACED = "好的，地点记为{place}，已转给那里的工作人员。\n编号：{number}"
PLACE_WHICH = "“{words}”记下了。如果是下面的地方，请照样回复它的名称：\n{names}\n如果不是，请点“＋”发送位置。"
PLACE_UNKNOWN = "这个地方不在我们服务的范围里。请回复社区名称，例如“{example}”。"
VOICE_REPORT = "（语音，请收听录音）"

NO_CASES = f"您还没有登记过事情。{ONE_MESSAGE}"
CASE_LINE = "编号 {number}，{status}\n{summary}"
CASE_DUE = "预计{until}前有进展。"
CASES_REST = "另外还有{count}件。"
CASES_REST_OR_MORE = "另外至少还有{count}件。"
CASES_MORE = '想看每一步的进展，请<a href="{link}">点这里</a>。'
NO_SUCH_CASE = "没有找到编号 {number}。请核对一下，或回复“进度”看您登记过的事情。"
NO_SUCH_LENGTH = (
    "没有找到编号 {number}。我们的编号是{length}位数字，请核对一下，或回复“进度”看您登记过的事情。"
)
OFFICE = '工作人员请<a href="{link}">点这里</a>，看等您办理的工单。\n如果您想看自己反映的事情，请回复“进度”。'
URGED = "已替您催办（编号 {number}），负责的工作人员会马上看到。"
WITHDRAW_WHICH = "您有{count}件事可以撤回。要撤回哪一件？请回复“撤回”和它的编号：\n{lines}"
WITHDRAWN = "已撤回（编号 {number}）。以后需要，请随时再告诉我们。"
NOTHING_TO = "您没有正在办理的事情，不用{what}。有事请直接写给我们。"
PERSON = "好的，已请工作人员尽快联系您（编号 {number}）。"
PERSON_PHONE = "也可以直接打电话：{telephone}。"
PERSON_NO_CASE = "请说说是什么事，并留下电话，工作人员会联系您。"
CONFIRMED = "谢谢您的确认（编号 {number}），这件事结案了。"
CONFIRM_WHICH = "编号 {number} 已经办理了。解决了请回复“已解决”，没有解决请回复“没有解决”。"
REOPENED = "知道了，编号 {number} 会重新办理。请说说哪里没有解决，我们会告诉负责的单位。"
NO_ANOTHER = "请直接写下这件新的事情。"

MATTERS = (
    "这里正在办下面的事。有您要说的吗？回复前面的数字，就一起办：\n{lines}\n没有的话，请直接写下您的事。"
)
MATTERS_WHICH = "请回复 1 到 {count} 中的一个数字。不是这些事的话，请直接写下您的事。"
MATTERS_WHERE = "好的。请先扫一扫身边的二维码，或点“＋”发送位置，再回复“我也是”；也可以直接写下您的事。"
NO_MATTERS = f"{{place}}现在没有邻居反映过、正在办的事。\n{ONE_MESSAGE}"
MATTER_JOINED = "好的，和邻居反映的“{matter}”一起办。\n您的编号：{number}\n办好了会在这里告诉您，也请您评价。半小时内发来的照片、语音、位置或电话，会加到里面。"
MATTER_LATE = (
    "现在不能和邻居反映的“{matter}”一起办，您的这件单独登记了。\n编号：{number}\n请再说说您那里现在怎么样。"
)
MATTER_APART = "这两件事现在不能一起办，编号 {number} 会单独办理，有进展会在这里告诉您。"

SURVEY_SOLVED = "谢谢您。您对这次办理满意吗？请回复数字：\n5 很满意\n4 满意\n3 一般\n2 不满意\n1 很不满意"
SURVEY_THANKS = "谢谢您的评价。一天内想改，直接回复新的数字就行。"
SURVEY_RERATED = "好的，改成“{said}”了{holds}。谢谢您。"
SURVEY_SORRY = "对不起，没让您满意。编号 {number} 会重新办理。请说说哪里不满意。"
SURVEY_WHICH = "请回复 1（已解决）或 2（没有解决）。"
REPEATED = "“{digit}”收到过了，不用重复。如果是回答下一个问题，请再回复一次。"
SURVEY_FIVE = "请回复 1 到 5 中的一个数字，5 是很满意，1 是很不满意。"
SURVEY_REVIEWED = (
    "知道了。编号 {number} 的办理结果，督查人员会重新核查，结果会在这里告诉您。请说说哪里没有解决。"
)
SURVEY_SORRY_REVIEWED = (
    "对不起，没让您满意。编号 {number} 会请督查人员核查，结果会在这里告诉您。请说说哪里不满意。"
)
SURVEY_TOLD = "编号 {number}：记下了，已转告负责的单位。还有什么没有办好，请说说。"
# What is said to a bad answer, by what it brings.
UNSOLVED = {Follow.REOPEN: REOPENED, Follow.REVIEW: SURVEY_REVIEWED, None: SURVEY_TOLD}
DISSATISFIED = {Follow.REOPEN: SURVEY_SORRY, Follow.REVIEW: SURVEY_SORRY_REVIEWED, None: SURVEY_TOLD}
SURVEY_REASONS = "\n回复数字就可以（有几条的，数字中间空一格），也可以直接写、发照片：\n{lines}"
SURVEY_TICKED = "记下了：{reasons}。还想说的，请直接写或发照片，半小时内都会加到里面。"
SURVEY_WHY = "请回复 1 到 {count} 中的数字，有几条的，数字中间空一格；或者直接写哪里没有办好。"
SURVEY_ADDED = "记下了，负责的工作人员看得到。"
SURVEY_CHANGED = "好的，改成“已解决”了。\n"
SURVEY_TAKEN_BACK = "好的，改成“已解决”了，{holds}。\n"
UNSOLVED_AGAIN = "“没有解决”已经记下了，不用再说。您可以说说哪里没有解决，也可以发照片。"
SURVEY_LATE = {  # by what was said then
    True: "这次回访已经结束了。您说的“已解决”我们记下了，也告诉了负责的单位。谢谢您。",
    False: '这次回访已经结束了。您说的“没有解决”我们记下了，也告诉了负责的单位。\n要重新办理，请<a href="{link}">点这里</a>，打开编号 {number}，再点“没有解决”。',
}
CLOSED_LINE = "{number} {summary}"
WHICH_CLOSED = '您有几件事刚结案：\n{lines}\n没有解决的是哪一件？请回复它的编号和“没有解决”，或者<a href="{link}">点这里</a>打开那一件，再点“没有解决”。'
SURVEY_OVER = "您的回答收到过了，或者这次回访已经结束。有新的情况，请直接写给我们。"

NO_NOTICES = "好的，受理、派单这样的进展不再发给您了。要您补充情况或者确认结果的时候，还会告诉您。\n想再收到进展，请回复“恢复通知”。"
NOTICES = "好的，办到哪一步会像以前一样告诉您。不想收了，请回复“不用通知”。"

BOUND = "绑定成功，{name}。以后新的任务会在这里提醒您。"

STATUS_WORDS = {
    Status.SUBMITTED: "等待受理",
    Status.ACCEPTED: "已受理，正在安排单位",
    Status.ASSIGNED: "已派给负责的单位",
    Status.DISPUTED: "正请区里定由谁来办",
    Status.IN_PROGRESS: "正在处理",
    Status.RESOLVED: "已办理，等您确认",
    Status.CLOSED: "已结案",
    Status.REJECTED: "不能受理",
    Status.WITHDRAWN: "已撤回",
    Status.MERGED: "和别人反映的同一件事一起办",
}

LIMIT = 2_000  # bytes; the platform cuts off at 2,048


def clip(text: str) -> str:
    """The text within WeChat's limit for a reply, without half a character."""
    encoded = text.encode()
    return text if len(encoded) <= LIMIT else encoded[: LIMIT - 3].decode(errors="ignore") + "…"
