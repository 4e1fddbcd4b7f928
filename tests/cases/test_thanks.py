"""Thanks: who may write them down, what they need, whose they are, and how they are struck."""

from datetime import date, timedelta

import pytest

from backend.cases import survey_answers, surveys, thanks
from backend.cases.attachments import prepare
from backend.cases.service import Actor
from backend.cases.survey_answers import Said
from backend.cases.survey_models import Survey, SurveyState, Via
from backend.cases.thanks_models import Thanks, ThanksKind
from backend.cases.workflow import Action, Status
from backend.errors import Conflict, Forbidden, Invalid, NotFound
from backend.orders import notice_figures
from backend.places.models import Area
from backend.places.roles import Role
from backend.places.scope import posts_of
from tests.cases.pictures import jpeg
from tests.cases.scene import AT
from tests.factories import make_area, make_category, make_contact, make_officer, make_unit

DAY = timedelta(days=1)
TODAY = date(2026, 11, 23)
K = ThanksKind


@pytest.fixture
def case(scene):
    return scene.case(Status.CLOSED, discovered_at=AT - 3 * DAY)


@pytest.fixture
def banner(servers):
    return prepare(jpeg(comment=b"banner"))


def record(scene, case, kind=K.PHONE, words="王阿姨来电，说灯修得快", role=Role.HANDLER, **given):
    known = {"day": TODAY, "photo": None, "at": AT} | given
    return thanks.record(scene.session, case.number, scene.actor(role), kind, words=words, **known)


def counted(scene, by="unit", posts=None):
    found = thanks.counts(scene.session, posts or scene.actor(Role.SUPERVISOR).posts, TODAY, TODAY + DAY, by)
    return {line.name: dict(line.kinds) for line in found}


def survey_of(scene, case, **fields):
    row = Survey(case_id=case.id, round=1, resident_id=case.resident_id, state=SurveyState.ANSWERED, **fields)
    scene.session.add(row)
    scene.session.flush()
    return row


def test_what_can_be_seen_needs_its_photo_and_what_was_heard_its_words(scene, case, banner):
    for kind in (K.BANNER, K.LETTER):
        with pytest.raises(Invalid, match="照片"):
            record(scene, case, kind)
    for kind in (K.PHONE, K.SPOKEN):
        with pytest.raises(Invalid, match="是谁"):
            record(scene, case, kind, words=" ")
    with pytest.raises(Invalid, match="怎么感谢"):
        record(scene, case, K.SURVEY)
    for day in (TODAY + DAY, TODAY - 9 * DAY):
        with pytest.raises(Invalid, match="日期"):
            record(scene, case, day=day)
    row = record(scene, case, K.BANNER, words="为民解忧", photo=banner)
    assert (row.sha256, row.mime) == (banner.sha256, "image/jpeg")
    [event] = scene.events(case)
    assert (event.action, event.note, event.public) == (Action.THANK, "锦旗（2026-11-23）：为民解忧", False)


def test_the_same_thanks_count_once_and_struck_ones_not_at_all(scene, case):
    row = record(scene, case)
    with pytest.raises(Conflict, match="登记过"):
        record(scene, case)
    record(scene, case, K.SPOKEN)
    assert counted(scene) == {"市政服务中心": {K.PHONE: 1, K.SPOKEN: 1}}
    for role in (Role.HANDLER, Role.DISPATCHER):
        with pytest.raises(Forbidden):
            thanks.strike(scene.session, row.id, scene.actor(role), "记错了", AT)
    supervisor = scene.actor(Role.SUPERVISOR)
    with pytest.raises(Invalid, match="说明"):
        thanks.strike(scene.session, row.id, supervisor, " ", AT)
    struck = thanks.strike(scene.session, row.id, supervisor, "和这件事无关", AT)
    assert (struck.struck_by, struck.struck_why) == (supervisor.officer_id, "和这件事无关")
    with pytest.raises(Conflict, match="已经撤销"):
        thanks.strike(scene.session, row.id, supervisor, "再撤一次", AT)
    assert counted(scene) == {"市政服务中心": {K.SPOKEN: 1}}
    assert scene.events(case)[-1].note == "撤销电话感谢（2026-11-23）：和这件事无关"
    assert record(scene, case).id != row.id  # it may be written down again, rightly


def test_nobody_writes_down_thanks_for_what_they_reported_themselves(scene, case):
    handler = scene.actor(Role.HANDLER)
    contact = make_contact(scene.session, officer=None, resident=None)
    contact.officer_id, case.resident_id = handler.officer_id, contact.resident_id
    scene.session.flush()
    with pytest.raises(Forbidden, match="您自己反映的"):
        record(scene, case)
    assert record(scene, case, role=Role.UNIT_HEAD).id


def test_a_resident_says_thanks_in_the_survey_once_and_not_to_their_own_unit(scene, case):
    survey = survey_of(scene, case, words="小周师傅很耐心")
    row = thanks.give(scene.session, survey, AT)
    assert thanks.give(scene.session, survey, AT) is row
    assert (row.kind, row.words, row.officer_id) == (K.SURVEY, "小周师傅很耐心", None)
    assert counted(scene) == {"市政服务中心": {K.SURVEY: 1}}
    own = scene.case(Status.CLOSED, discovered_at=AT)
    officer = make_officer(scene.session, Role.HANDLER, unit=scene.unit)
    contact = make_contact(scene.session, officer=officer)
    own.resident_id = contact.resident_id
    scene.session.flush()
    assert thanks.give(scene.session, survey_of(scene, own), AT) is None


def test_what_is_written_of_a_bad_answer_is_no_thanks(scene, case):
    """Beside 没有解决 a tick is a slip; whoever thanks otherwise has said so, without those words."""
    survey = survey_of(scene, case, solved=False, words="灯还是坏的")
    surveys.record(survey, Via.PAGE, AT)
    scene.session.flush()
    assert thanks.give(scene.session, survey, AT) is None
    assert thanks.give(scene.session, survey, AT, late=Said(False)) is None
    for words, kept in (
        ("灯还是坏的", ""),
        ("灯还是坏的。后来好了", ""),
        ("后来好了，谢谢", "后来好了，谢谢"),
    ):
        said = Said(True, 5, words)
        assert survey_answers.words_of_thanks(scene.session, survey, said) == kept


def test_who_holds_a_post_of_an_area_is_in_no_unit_that_has_the_case(scene):
    """Where no unit has it, nobody is of that unit."""
    on_spot = scene.case(Status.CLOSED, unit_id=None, discovered_at=AT)
    contact = make_contact(
        scene.session, officer=make_officer(scene.session, Role.SECRETARY, area=scene.community)
    )
    on_spot.resident_id = contact.resident_id
    scene.session.flush()
    assert thanks.give(scene.session, survey_of(scene, on_spot), AT) is not None


def test_thanks_are_counted_by_what_they_are_asked_by_for_those_whose_cases_they_are(scene, case):
    top = make_category(scene.session, name="市政设施")
    case.category_id = make_category(scene.session, name="路灯不亮", parent=top).id
    record(scene, case)
    on_spot = scene.case(Status.CLOSED, unit_id=None, discovered_at=AT)
    record(scene, on_spot, K.SPOKEN, role=Role.SECRETARY)
    record(scene, case, day=TODAY - DAY)
    assert counted(scene) == {"市政服务中心": {K.PHONE: 1}, "（没有派给单位）": {K.SPOKEN: 1}}
    assert counted(scene, "category") == {"市政设施": {K.PHONE: 1}, "（还没有归类）": {K.SPOKEN: 1}}
    assert counted(scene, "community") == {scene.community.name: {K.PHONE: 1, K.SPOKEN: 1}}
    assert counted(scene, "subdistrict") == {"望溪街道": {K.PHONE: 1, K.SPOKEN: 1}}
    assert counted(scene, "month") == {"2026年11月": {K.PHONE: 1, K.SPOKEN: 1}}
    head = make_officer(scene.session, Role.UNIT_HEAD, unit=make_unit(scene.session, scene.community))
    assert counted(scene, posts=posts_of(scene.session, head.id)) == {}


def test_units_that_are_called_alike_have_a_line_each(scene, case):
    district = scene.session.get_one(Area, scene.community.district_id)
    unit = make_unit(scene.session, district, name="市政服务中心")
    namesake = scene.case(Status.CLOSED, unit_id=unit.id, discovered_at=AT)
    for one in (case, namesake):
        row = Thanks(case_id=one.id, kind=K.PHONE, day=TODAY, officer_id=scene.actor(Role.HANDLER).officer_id)
        scene.session.add(row)
    scene.session.flush()
    posts = scene.actor(Role.SUPERVISOR).posts
    lines = thanks.counts(scene.session, posts, TODAY, TODAY + DAY, "unit")
    assert {line.id for line in lines} == {case.unit_id, namesake.unit_id}
    assert [(line.name, line.kinds.total()) for line in lines] == [("市政服务中心", 1)] * 2


def test_thanks_cost_an_answer_nothing_where_the_case_takes_no_more(scene, case):
    case.status = Status.WITHDRAWN
    row = thanks.give(scene.session, survey_of(scene, case, words="谢谢师傅"), AT)
    assert (row.words, scene.events(case)) == ("谢谢师傅", [])


def test_thanks_stand_in_the_monthly_notice_and_strangers_find_none(scene, case):
    row = record(scene, case)
    district = scene.session.get(Area, scene.community.district_id)
    taken = notice_figures.taken(scene.session, district, TODAY.replace(day=1), AT + 30 * DAY)
    assert taken["whole"]["thanked"] == [1]
    elsewhere = make_officer(scene.session, Role.SUPERVISOR, area=make_area(scene.session))
    stranger = Actor(officer_id=elsewhere.id, posts=tuple(posts_of(scene.session, elsewhere.id)))
    with pytest.raises(NotFound):
        thanks.strike(scene.session, row.id, stranger, "x", AT)
    with pytest.raises(Forbidden):
        thanks.record(scene.session, case.number, stranger, K.PHONE, TODAY, "好", at=AT)
