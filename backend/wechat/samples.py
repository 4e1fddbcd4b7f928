"""Invented words for the previews of messages: what all kinds share, and what each says in its own sentence.

A note stands in a sentence of its kind (“还没有受理”, “退回理由：…”): each kind has one that fits there.
"""

from collections.abc import Iterable

from backend.notify.messages import Message

M = Message

# What an administrator may replace by words of their own comes first.
SHARED: dict[str, str] = {
    "place": "青岚区玉兰街道玉兰社区玉兰苑3栋2单元",
    "summary": "玉兰苑门口的路灯不亮了，晚上走路看不清，老人家摔了一跤，请尽快派人来修",
    "note": "已派维修人员到现场，换了两盏灯，今晚再看一遍",
    "who": "望溪街道市政服务中心",
    "number": "261121483920",
    "until": "今天 20:00",
    "answer": "已经修好",
    "survey": "1",
}
TITLE = "集中检修玉兰苑周边路灯"
GATHERED = "3 件新诉求、2 件催办的诉求"


def _notes(note: str, *messages: M) -> Iterable[tuple[M, dict[str, str]]]:
    return ((message, {"note": note}) for message in messages)


_OWN: dict[M, dict[str, str]] = dict(
    [
        *_notes("受理", M.CASE_OVERDUE, M.CASE_SOON_DUE, M.CASE_ESCALATED),
        *_notes("签收", M.ORDER_OVERDUE, M.ORDER_SOON_DUE, M.ORDER_ESCALATED),
        *_notes("这段路的路灯由区里管，请派给区城市管理和综合执法局", M.CASE_SENT_BACK, M.CASE_DISPUTED),
        *_notes("昨天晚上又不亮了", M.CASE_RETURNED, M.ANSWER_DISPUTED, M.SURVEY_COMMENTED),
        *_notes("昨天晚上又不亮了", M.REVIEW_WANTED, M.REVIEW_FOR_LEADER, M.REVIEW_WITH_LEADER),
        *_notes("请今天之内到现场看一看", M.CASE_ASSIGNED, M.CASE_DELEGATED, M.CASE_URGED, M.ORDER_URGED),
        *_notes("灯自己又亮了，不用来了", M.CASE_WITHDRAWN),
        *_notes("已经解决，谢谢", M.CASE_CLOSED_AGAIN),
        *_notes("改派给区城市管理和综合执法局", M.CASE_GONE),
        *_notes("路灯在市政道路上，由市政服务中心养护", M.CASE_ARBITRATED),
        *_notes("说的不是同一盏灯", M.CASE_UNMERGED),
        *_notes("是三栋门口靠马路的那一盏", M.CASE_REPLIED),
        *_notes("请您牵头协调市政和物业", M.CASE_IN_CHARGE, M.GROUP_FORMED),
        *_notes("等配件到货，申请延长两天", M.TIME_WANTED),
        *_notes("同意延长两天", M.TIME_DECIDED),
        *_notes("请说明为什么三次都没有修好", M.SUPERVISED, M.SUPERVISION_OVERDUE),
        *_notes("请说明为什么三次都没有修好", M.ORDER_SUPERVISED, M.ORDER_SUPERVISION_OVERDUE),
        *_notes("请写明由谁负责", M.ORDER_REFUSED),
        *_notes("请补上现场照片", M.ORDER_RETURNED),
        *_notes("检修小区四周的路灯，坏的换掉", M.ORDER_ISSUED),
        *_notes("已经由区里统一安排", M.ORDER_WITHDRAWN),
        *_notes("机构调整", M.ORDER_JOINED),
        *_notes("请下午三点以后打电话", M.PERSON_WANTED),
        *_notes("一般两个工作日办好。", M.CASE_ACCEPTED),
        *_notes("这件事正在法院审理，请以判决为准", M.CASE_REJECTED),
        *_notes("是哪一盏灯不亮？", M.CASE_ASKED),
        *_notes("配件明天到货，明天下午来换", M.CASE_PROGRESS),
        *_notes("现场看过，灯已经换好", M.REVIEW_DECIDED, M.ANSWER_UPHELD),
        *_notes("改了评价：已解决，很满意", M.REVIEW_ENDED),
        (M.DIGEST, {"number": "5", "summary": GATHERED, "note": GATHERED}),
    ]
)


def words_for(message: M) -> dict[str, str]:
    """Every field of a message of this kind."""
    title = {"summary": TITLE} if message.startswith("order_") else {}
    return SHARED | title | _OWN.get(message, {})
