"""/api/v1 as the mini program uses it."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend.cases.models import Attachment, Case, CaseEvent, Channel
from backend.cases.survey_models import Survey, SurveyState
from backend.cases.thanks_models import Thanks
from backend.cases.workflow import Action, Status
from backend.config import config
from backend.notify import grants
from backend.notify.messages import Message
from backend.notify.models import Grant
from backend.places.models import Resident
from backend.places.positions import from_wgs84
from backend.places.roles import Level
from backend.wechat import accounts
from tests.cases.pictures import HTML, PDF, jpeg
from tests.factories import make_area, make_code, make_community
from tests.resident.conftest import MiniProgram, open_case


def report(**fields):
    return {"report": "3 栋楼下的路灯坏了", "scene": "yulan", "key": "k-1"} | fields


def test_a_report_opens_a_case_of_the_scanned_place(session, mini, place):
    status, case = mini.post("/cases", **report(address="3 栋", phone="13800138000"))
    row = session.query(Case).one()
    assert status == 201
    assert case["number"] == row.number
    assert case["place"] == "玉兰社区（3 栋）"
    assert (row.place_id, row.channel, row.resident_id) == (place.id, Channel.MINI_PROGRAM, mini.resident_id)
    assert session.get(Resident, mini.resident_id).phone == "13800138000"


def test_a_case_has_the_shape_of_the_contract(mini):
    _, case = mini.post("/cases", **report())
    assert set(case) == {
        "number", "status", "status_label", "round", "report", "place", "created_at", "due_at", "next",
        "steps", "photos", "actions", "survey",
    }  # fmt: skip
    assert case["created_at"].endswith("+08:00")
    assert case["due_at"].endswith("+08:00")
    assert case["survey"] is None
    assert case["steps"][0] | {"at": ""} == {
        "at": "", "label": "已收到反映", "note": "", "who": "您", "round": 1,
    }  # fmt: skip
    assert [(offer["action"], offer["needs_note"]) for offer in case["actions"]] == [
        ("add", True), ("urge", False), ("withdraw", False),
    ]  # fmt: skip


def test_the_same_key_answers_the_same_case(app, committed):
    accounts.reset()
    make_code(committed, make_community(committed), "yulan")
    mini = MiniProgram(app, committed)
    first = mini.post("/cases", **report())
    again = mini.post("/cases", **report(report="别的话，同一次提交"))
    assert (first[0], again[0]) == (201, 200)
    assert first[1]["number"] == again[1]["number"]
    assert committed.query(Case).count() == 1


def test_the_same_key_of_someone_else_is_another_case(session, mini, other_mini):
    first, second = mini.post("/cases", **report()), other_mini.post("/cases", **report())
    assert first[1]["number"] != second[1]["number"]


def test_a_position_is_turned_into_a_true_one(session, mini):
    shown = from_wgs84(22.69, 114.346)
    mini.post("/cases", **report(latitude=shown[0], longitude=shown[1]))
    row = session.query(Case).one()
    assert (row.latitude, row.longitude) == pytest.approx((22.69, 114.346), abs=1e-8)


def test_without_a_code_the_nearest_community_gets_the_report(session, mini, place):
    place.latitude, place.longitude = 22.69, 114.346
    session.commit()
    shown = from_wgs84(22.691, 114.347)
    mini.post("/cases", **report(scene="", latitude=shown[0], longitude=shown[1]))
    assert session.query(Case).one().place_id == place.id


def test_without_code_and_position_the_accounts_area_gets_the_report(session, mini, place):
    status, _ = mini.post("/cases", report="路灯坏了", key="k")
    assert status == 201
    assert session.query(Case).one().place_id == place.district_id


def test_my_cases_come_by_key_and_nobody_elses(session, place, mini, other_mini):
    for n in range(21):
        open_case(session, place, mini.resident_id, f"第{n:02}件事情")
    open_case(session, place, other_mini.resident_id, "邻居家的秘密")
    _, first = mini.get("/cases")
    _, second = mini.get(f"/cases?before={first['next']}")
    assert [case["report"] for case in first["cases"]] == [f"第{n:02}件事情" for n in range(20, 0, -1)]
    assert [case["report"] for case in second["cases"]] == ["第00件事情"]
    assert second["next"] is None


def test_anothers_number_is_no_cursor(session, mini, case):
    status, answer = mini.get(f"/cases?before={case.number}")
    assert (status, answer["error"]) == (422, "invalid")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("get", "", None),
        ("post", "/add", {"note": "改一改"}),
        ("post", "/urge", {}),
        ("post", "/withdraw", {}),
        ("post", "/confirm", {}),
        ("post", "/reopen", {"note": "改一改"}),
        ("get", "/survey", None),
        ("post", "/survey", {"solved": True, "satisfaction": 5}),
        ("upload", "/photos", None),
    ],
)
def test_anothers_case_is_not_found_on_any_route(session, other_mini, case, survey, method, path, body):
    events = session.query(CaseEvent).count()
    target = f"/cases/{case.number}{path}"
    if method == "upload":
        status, answer = other_mini.upload(target, jpeg())
    elif method == "post":
        status, answer = other_mini.post(target, **body)
    else:
        status, answer = other_mini.get(target)
    session.expire_all()
    assert (status, answer) == (404, {"error": "not_found", "message": "没有找到这件诉求"})
    assert session.query(CaseEvent).count() == events
    assert session.query(Attachment).count() == 0
    assert session.get(type(survey), survey.id).state is SurveyState.SENT


def test_every_route_but_the_open_ones_wants_a_bearer(app, phone):
    """A cookie is not enough: another site could make the browser send it."""
    open_ones = {"login", "place", "describe"}
    for rule in app.url_map.iter_rules():
        if not rule.endpoint.startswith("api.") or rule.endpoint.split(".")[1] in open_ones:
            continue
        path = rule.rule.replace("<number>", "1").replace(
            "<any(add, urge, withdraw, confirm, reopen):action>", "add"
        )
        method = "POST" if "POST" in rule.methods else "GET"
        response = phone.client.open(path, method=method, json={} if method == "POST" else None)
        assert (response.status_code, response.get_json()["error"]) == (401, "login_needed"), rule.rule


def test_a_made_up_token_opens_nothing(app, place):
    headers = {"Authorization": "Bearer nonsense"}
    assert app.test_client().get("/api/v1/cases", headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("action", "label"), [("add", "补充了情况"), ("urge", "催办了一次"), ("withdraw", "已撤回")]
)
def test_a_step_answers_the_case_after_it(session, place, mini, action, label):
    case = open_case(session, place, mini.resident_id)
    status, answer = mini.post(f"/cases/{case.number}/{action}", note="晚上看不清")
    assert status == 200
    assert (answer["steps"][-1]["label"], answer["steps"][-1]["note"]) == (label, "晚上看不清")


def test_confirmed_and_reopened_the_case_goes_round(session, place, mini, desk):
    case = open_case(session, place, mini.resident_id)
    desk.resolve(case.number)
    assert mini.post(f"/cases/{case.number}/confirm")[1]["status"] == Status.CLOSED
    status, answer = mini.post(f"/cases/{case.number}/reopen", note="又坏了")
    assert (status, answer["status"], answer["round"]) == (200, Status.ACCEPTED, 2)


def test_what_is_not_allowed_now_is_a_conflict_with_a_sentence(session, place, mini):
    case = open_case(session, place, mini.resident_id)
    status, answer = mini.post(f"/cases/{case.number}/confirm")
    assert (status, answer["error"]) == (409, "conflict")
    assert "待受理" in answer["message"]


def test_two_taps_are_one_step(session, place, mini):
    case = open_case(session, place, mini.resident_id)
    for _ in range(2):
        assert mini.post(f"/cases/{case.number}/add", note="晚上看不清")[0] == 200
    assert session.query(CaseEvent).filter_by(action=Action.ADD).count() == 1


def test_to_urge_again_at_once_is_refused_with_the_time(session, place, mini):
    case = open_case(session, place, mini.resident_id)
    mini.post(f"/cases/{case.number}/urge")
    status, answer = mini.post(f"/cases/{case.number}/urge")
    assert status == 429
    assert "半小时后" in answer["message"]


@pytest.mark.parametrize("action", ["add", "reopen"])
def test_steps_that_need_words_ask_for_them(session, place, mini, desk, action):
    case = open_case(session, place, mini.resident_id)
    desk.resolve(case.number)
    assert mini.post(f"/cases/{case.number}/{action}", note=" ")[0] == 422


def test_officers_steps_are_no_route(session, place, mini):
    case = open_case(session, place, mini.resident_id)
    assert mini.post(f"/cases/{case.number}/accept")[0] == 404


def test_a_photo_is_added_and_can_be_seen(session, place, mini):
    case = open_case(session, place, mini.resident_id)
    status, photo = mini.upload(f"/cases/{case.number}/photos", jpeg())
    assert status == 201
    assert mini.client.get(photo["url"]).mimetype == "image/jpeg"
    shown = mini.get(f"/cases/{case.number}")[1]["photos"]
    assert [one["id"] for one in shown] == [photo["id"]]
    assert photo["id"].isdigit()


@pytest.mark.parametrize("content", [PDF, HTML, b""])
def test_what_is_no_photo_is_refused(session, place, mini, content):
    case = open_case(session, place, mini.resident_id)
    status, answer = mini.upload(f"/cases/{case.number}/photos", content)
    assert status == 422
    assert answer["message"]
    assert session.query(Attachment).count() == 0


def test_a_form_without_a_photo_is_refused(session, place, mini):
    case = open_case(session, place, mini.resident_id)
    assert mini.upload(f"/cases/{case.number}/photos", jpeg(), name="file")[0] == 422
    assert mini.post(f"/cases/{case.number}/photos")[0] == 415


def test_the_tenth_photo_is_too_many(session, place, mini):
    case = open_case(session, place, mini.resident_id)
    statuses = [mini.upload(f"/cases/{case.number}/photos", jpeg(80 + n))[0] for n in range(10)]
    assert statuses == [201] * 9 + [409]


def test_a_survey_is_shown_answered_and_for_a_day_answered_anew(session, place, app, desk):
    mini = MiniProgram(app, session)
    case = open_case(session, place, mini.resident_id)
    assert mini.get(f"/cases/{case.number}/survey")[0] == 404
    desk.resolve(case.number)
    confirmed = mini.post(f"/cases/{case.number}/confirm")[1]
    assert confirmed["survey"] == {"state": "due"}
    status, answer = mini.post(f"/cases/{case.number}/survey", solved=True, satisfaction=4, words="好")
    assert status == 200
    assert answer.items() >= {"state": "answered", "solved": True, "satisfaction": 4, "words": "好"}.items()
    assert (answer["reasons"], answer["choices"][0]) == ([], "没有人来")
    assert answer["changeable_until"]
    assert mini.post(f"/cases/{case.number}/survey", solved=True, satisfaction=5)[1]["satisfaction"] == 5
    session.execute(sa.update(Survey).values(answered_at=sa.func.now() - timedelta(hours=25)))
    session.commit()
    status, answer = mini.post(f"/cases/{case.number}/survey", solved=False, satisfaction=1)
    assert (status, answer["error"]) == (410, "gone")
    assert mini.get(f"/cases/{case.number}/survey")[1]["solved"] is True


def test_who_takes_a_complaint_back_reads_that_the_case_is_closed_again(session, place, app, desk):
    mini = MiniProgram(app, session)
    case = open_case(session, place, mini.resident_id)
    desk.resolve(case.number)
    mini.post(f"/cases/{case.number}/confirm")
    path = f"/cases/{case.number}/survey"
    assert mini.post(path, solved=False, words="还是坏的")[1]["holds"] == ""
    assert mini.get(f"/cases/{case.number}")[1]["status"] == "accepted"
    again = mini.post(path, solved=True, satisfaction=5, words="还是坏的", thanks=True)[1]
    assert (again["holds"], again["words"]) == ("这件事不再重新办理", None)
    shown = mini.get(f"/cases/{case.number}")[1]
    assert (shown["status"], shown["round"], shown["survey"]) == ("closed", 1, {"state": "answered"})
    assert shown["next"] == "这件事已经结案，谢谢您的评价。"
    assert session.scalars(sa.select(Thanks.words)).all() == [""]


def test_photos_join_the_answer_of_a_survey(session, place, mini, other_mini, desk):
    case = open_case(session, place, mini.resident_id)
    desk.resolve(case.number)
    mini.post(f"/cases/{case.number}/confirm")
    path = f"/cases/{case.number}/survey/photos"
    assert mini.upload(path, jpeg())[0] == 410
    reasons = ["没修好，或又坏了"]
    assert mini.post(f"/cases/{case.number}/survey", solved=False, reasons=reasons)[1]["reasons"] == reasons
    assert other_mini.upload(path, jpeg())[0] == 404
    assert mini.upload(path, jpeg())[0] == 204
    assert [photo["round"] for photo in mini.get(f"/cases/{case.number}")[1]["photos"]] == [1]


def test_not_solved_in_the_survey_brings_the_case_back(session, place, mini, desk):
    case = open_case(session, place, mini.resident_id)
    desk.resolve(case.number)
    mini.post(f"/cases/{case.number}/confirm")
    mini.post(f"/cases/{case.number}/survey", solved=False, satisfaction=1, words="没修")
    assert mini.get(f"/cases/{case.number}")[1]["round"] == 2
    assert mini.get(f"/cases/{case.number}/survey")[1]["state"] == "answered"


WRONG = [
    ({"report": ""}, 422, "请填写反映的内容"),
    ({"report": "喂"}, 422, "请再说详细一点"),
    ({"report": "长" * 2001}, 422, "反映的内容太长了，最多2000个字"),
    ({"report": 5}, 422, "反映的内容应当是文字"),
    ({"report": None}, 422, "反映的内容应当是文字"),
    ({"key": "k" * 65}, 422, "提交编号太长了，最多64个字"),
    ({"latitude": "22.5", "longitude": 114.0}, 422, "纬度应当是数字"),
    ({"latitude": 91, "longitude": 114.0}, 422, "纬度不能大于90"),
    ({"latitude": 22.5}, 422, "纬度和经度要一起给"),
    ({"latitude": True, "longitude": True}, 422, "纬度应当是数字"),
    ({"phone": "12345"}, 422, "电话号码不对"),
    ({"scene": "nowhere"}, 422, "没有找到这个地点"),
    ({"status": "closed"}, 422, "有不认识的字段"),
]


@pytest.mark.parametrize(("fields", "expected", "sentence"), WRONG)
def test_bad_input_is_refused_with_a_sentence(session, mini, fields, expected, sentence):
    status, answer = mini.post("/cases", **report(**fields))
    assert (status, answer["error"]) == (expected, "invalid")
    assert sentence in answer["message"]
    assert session.query(Case).count() == 0


def test_several_mistakes_are_named_at_once(mini):
    _, answer = mini.post("/cases", report=1, extra=2)
    assert answer["message"].count("；") == 2


def test_what_was_sent_is_never_repeated(mini):
    _, answer = mini.post("/cases", report={"secret-1": "13800138000"}, key="k", **{"secret-2": 1})
    assert "13800138000" not in str(answer)
    assert "secret" not in str(answer)


@pytest.mark.parametrize(
    ("body", "kind", "expected"),
    [
        (b"{", "application/json", 400),
        (b"", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b'{"report": "\\ud800"}', "application/json", 400),
        (b"[]", "application/json", 422),
        (b"null", "application/json", 422),
        (b'{"report": "x"}', "text/plain", 415),
        (b"report=x", "application/x-www-form-urlencoded", 415),
        (b'{"report": "' + b"x" * 70_000 + b'"}', "application/json", 413),
    ],
)
def test_what_is_no_json_object_is_refused(mini, body, kind, expected):
    response = mini.client.post("/api/v1/cases", data=body, content_type=kind, headers=mini.headers)
    assert response.status_code == expected
    assert set(response.get_json()) == {"error", "message"}


@pytest.mark.parametrize(
    "answers",
    [{}, {"solved": True}, {"solved": 1, "satisfaction": 5}, {"solved": True, "satisfaction": 0},
     {"solved": True, "satisfaction": 6}, {"solved": True, "satisfaction": 4.5},
     {"solved": True, "satisfaction": True}],
)  # fmt: skip
def test_half_an_answer_to_a_survey_is_refused(session, place, mini, desk, answers):
    case = open_case(session, place, mini.resident_id)
    desk.resolve(case.number)
    mini.post(f"/cases/{case.number}/confirm")
    assert mini.post(f"/cases/{case.number}/survey", **answers)[0] == 422
    assert mini.get(f"/cases/{case.number}/survey")[1]["state"] == "due"


def test_another_method_is_told_which_are_allowed(mini):
    response = mini.client.delete("/api/v1/cases", headers=mini.headers)
    assert response.status_code == 405
    assert {"GET", "POST"} <= set(response.headers["Allow"].split(", "))
    assert set(response.get_json()) == {"error", "message"}


def test_a_scene_is_a_place_with_its_path(app, place):
    answer = app.test_client().get("/api/v1/place?scene=yulan").get_json()
    assert answer == {"scene": "yulan", "name": "玉兰社区", "path": "青岚区 / 望溪街道 / 玉兰社区"}


@pytest.mark.parametrize("query", ["", "?scene=", "?scene=nowhere", "?scene=%00"])
def test_an_unknown_scene_is_not_found(app, place, query):
    response = app.test_client().get(f"/api/v1/place{query}")
    assert (response.status_code, response.get_json()["error"]) == (404, "not_found")


def test_the_places_to_choose_from_are_the_accounts_own(session, mini):
    district = make_area(session, name="别的区")
    make_code(session, make_area(session, Level.COMMUNITY, district, name="海棠社区"), "haitang")
    _, answer = mini.get("/places")
    assert answer["places"] == [
        {"scene": "yulan", "name": "玉兰社区", "path": "青岚区 / 望溪街道 / 玉兰社区"}
    ]


@pytest.fixture
def templates():
    """The account's mini program with two templates, as an operator would add them to the file."""
    written = config.accounts_file.read_text()
    kinds = (Message.SURVEY_INVITED, Message.CASE_RESOLVED)
    added = [
        f'[accounts.demo.mini_program.templates.{kind}]\nid = "{kind}"\nnumber = "character_string1"'
        for kind in kinds
    ]
    config.accounts_file.write_text("\n".join([written, *added]))
    accounts.reset()
    yield [str(kind) for kind in reversed(kinds)]
    config.accounts_file.write_text(written)
    accounts.reset()


def test_consents_are_counted_by_template(session, mini, templates):
    _, asked = mini.get("/templates")
    assert asked == {"template_ids": templates}
    one, other = templates
    for _ in range(2):
        status, _ = mini.post(
            "/subscriptions", accepted={one: "accept", other: "reject", "unknown": "accept"}
        )
        assert status == 204
    kept = session.query(Grant).all()
    assert [(grant.contact_id, grant.template_id, grant.left) for grant in kept] == [
        (mini.contact_id, one, 2)
    ]


def test_a_chat_contact_is_asked_for_no_subscription(app, session, place):
    mini = MiniProgram(app, session, account="mixed")
    assert mini.get("/templates")[1] == {"template_ids": []}


def test_the_messages_that_residents_want_most_are_asked_for():
    known = {message: f"template of {message}" for message in Message}
    assert grants.wanted(known) == [
        "template of case_resolved", "template of survey_invited", "template of case_accepted",
    ]  # fmt: skip
