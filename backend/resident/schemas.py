"""The shapes of /api/v1, in and out: what is checked, what is documented and what the pages show."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)
from pydantic_core import PydanticCustomError

from backend.cases.models import REPORT_LENGTH
from backend.times import local
from backend.web.words import ADDRESS_LENGTH, NOTE_LENGTH, clean

ABOUT = """小程序和合作方使用的接口。

时间是 ISO 8601，带 +08:00；手机给出的位置是 GCJ-02；照片的 url 相对于本站，自带签名，一天内有效。
出错时回答 `{"error": 代码, "message": 一句可以直接给人看的话}`。
"""


def _cleaned(value: object) -> object:
    return clean(value) if isinstance(value, str) else value


CLEAN = BeforeValidator(_cleaned)  # stands last: what is cleaned is then measured
Moment = Annotated[
    datetime,
    PlainSerializer(lambda moment: local(moment).isoformat(timespec="seconds"), str, "json"),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-21T18:30:00+08:00"]}),
]


class Taken(BaseModel):
    """What a caller sends: types are taken literally, and fields that we do not know are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Shown(BaseModel):
    """What we answer."""

    model_config = ConfigDict(frozen=True)


class Login(Taken):
    account: Annotated[str, Field(max_length=32, title="公众号")] = ""
    code: Annotated[str, Field(min_length=1, max_length=128, title="登录凭证"), CLEAN]


class NewCase(Taken):
    """`latitude` and `longitude` are GCJ-02, as phones give them. Who gives `same` may leave out `report`."""

    same: Annotated[str, Field(max_length=128, title="附议的事"), CLEAN] = ""  # first: `report` looks at it
    report: Annotated[
        str, Field(max_length=REPORT_LENGTH, title="反映的内容", validate_default=True), CLEAN
    ] = ""
    scene: Annotated[str, Field(max_length=64, title="地点码"), CLEAN] = ""
    latitude: Annotated[float | None, Field(ge=-90, le=90, allow_inf_nan=False, title="纬度")] = None
    longitude: Annotated[float | None, Field(ge=-180, le=180, allow_inf_nan=False, title="经度")] = None
    address: Annotated[str, Field(max_length=ADDRESS_LENGTH, title="地址"), CLEAN] = ""
    phone: Annotated[str, Field(max_length=20, title="手机号码"), CLEAN] = ""
    key: Annotated[str, Field(min_length=1, max_length=64, title="提交编号"), CLEAN]

    @field_validator("report")
    @classmethod
    def _says_something(cls, report: str, given: ValidationInfo) -> str:
        if not report and not given.data.get("same"):
            raise PydanticCustomError("string_too_short", "nothing is said")
        return report


class Note(Taken):
    note: Annotated[str, Field(max_length=NOTE_LENGTH, title="说明"), CLEAN] = ""


class Rating(Taken):
    solved: Annotated[bool, Field(title="是否解决")]
    satisfaction: Annotated[int | None, Field(ge=1, le=5, title="满意程度")] = None
    words: Annotated[str, Field(max_length=NOTE_LENGTH, title="想说的话"), CLEAN] = ""
    reasons: Annotated[
        list[Annotated[str, Field(max_length=40)]], Field(max_length=9, title="不满意的原因")
    ] = []
    thanks: Annotated[bool, Field(title="我想说声谢谢")] = False


class Subscriptions(Taken):
    """What wx.requestSubscribeMessage answered, by template id."""

    accepted: Annotated[
        dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=32)]],
        Field(max_length=20, title="订阅结果"),
    ]


class Session(Shown):
    token: str
    expires_at: Moment


class Place(Shown):
    scene: str
    name: str
    path: str


class Places(Shown):
    places: list[Place]


class Matter(Shown):
    """What others have reported there; `same` stands for it in a report of one's own (附议), for 12 hours."""

    same: str
    words: str


class Matters(Shown):
    matters: list[Matter]


class Templates(Shown):
    template_ids: Annotated[list[str], Field(max_length=3)]


class Step(Shown):
    at: Moment
    label: str
    note: str
    who: str
    round: int


class Photo(Shown):
    """`url` is relative to this origin and carries its own signature; `mine` is false for an officer's."""

    id: str
    url: str
    mine: bool
    round: int


class Offer(Shown):
    """Something that the resident may do now."""

    action: Literal["add", "urge", "withdraw", "confirm", "reopen"]
    label: str
    needs_note: bool


class SurveyState(Shown):
    state: Literal["due", "open", "answered", "expired"]


class Survey(SurveyState):
    """`choices` are the reasons that may be ticked where something was not good. Until `changeable_until` an
    answer may be given anew; the last one counts. `holds` says what becomes of the case now that a bad answer
    was changed into a good one; empty otherwise."""

    solved: bool | None
    satisfaction: int | None
    words: str | None
    reasons: list[str]
    choices: list[str]
    changeable_until: Moment | None
    holds: str


class Case(Shown):
    """`next` says in one sentence what happens next, and until when."""

    number: str
    status: str
    status_label: str
    round: int
    report: str
    place: str
    created_at: Moment
    due_at: Moment | None
    next: str
    steps: list[Step]
    photos: list[Photo]
    actions: list[Offer]
    survey: SurveyState | None


class Cases(Shown):
    """`next` is what `before` takes for the following page; null on the last one."""

    cases: list[Case]
    next: str | None


class Problem(Shown):
    error: str
    message: str
