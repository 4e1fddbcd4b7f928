"""What is said to a survey: every answer is on record, the last one counts, and what comes late is kept."""

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend import db
from backend.cases import attachments, queries, survey_answers, surveys
from backend.cases.attachments import prepare
from backend.cases.models import Case, CaseEvent
from backend.cases.survey_answers import MOST_LATE, Said
from backend.cases.survey_models import Survey, SurveyAnswer, SurveyState, Via
from backend.cases.workflow import Action, Status
from backend.errors import Gone, NotFound, TooMany
from backend.notify.messages import Message
from backend.places.roles import Role
from tests.cases.pictures import jpeg
from tests.cases.scene import AT, at_once
from tests.cases.survey_scene import BAD, DAY, GOOD, HOUR, MINUTE, close, give, notes, on_record
from tests.factories import make_officer, make_resident


def test_a_bad_answer_brings_the_case_back_with_its_reasons_and_words(session, scene, closed):
    case, survey = closed
    make_officer(session, Role.UNIT_HEAD, unit=scene.unit)
    give(session, survey, BAD)
    assert (case.status, case.round) == (Status.ACCEPTED, 2)
    assert notes(scene, case, Action.REOPEN) == ["没有解决：没修好，或又坏了。灯还是坏的"]
    [told] = [row for row in scene.told(case) if row.message is Message.CASE_RETURNED]
    assert told.fields["note"] == "没有解决：没修好，或又坏了。灯还是坏的"


def test_the_same_answer_again_is_the_same_tap(session, scene, closed):
    _, survey = closed
    for _ in range(3):
        give(session, survey, GOOD)
    assert len(on_record(session, survey)) == 1


def test_nobody_answers_for_another_and_no_answer_comes_without_end(session, scene, closed):
    _, survey = closed
    with pytest.raises(NotFound):
        give(session, survey, GOOD, resident_id=make_resident(session).id)
    for n in range(survey_answers.MOST_ANSWERS):
        give(session, survey, Said(True, 5, f"谢谢{n}"))
    with pytest.raises(TooMany, match="这次说的没有再记"):
        give(session, survey, Said(True, 5, "又来了"))
    assert len(on_record(session, survey)) == survey_answers.MOST_ANSWERS


def test_an_answer_by_telephone_says_who_took_it(session, scene, closed):
    _, survey = closed
    officer = scene.actor(Role.INFORMATION_OFFICER)
    give(session, survey, GOOD, via=Via.TELEPHONE, officer_id=officer.officer_id)
    [row] = session.scalars(survey.answers.select())
    assert (row.via, row.officer_id, survey.via) == (Via.TELEPHONE, officer.officer_id, Via.TELEPHONE)


def test_reasons_words_and_photos_that_follow_join_the_answer(session, scene, closed):
    case, survey = closed
    give(session, survey, Said(False), via=Via.CHAT)
    mine = {"resident_id": scene.resident_id, "at": AT + MINUTE}
    for reasons in (["没有人来", "时间太长"], ["没有人来", "没有人来"], ["时间太长", "态度不好"]):
        survey_answers.add_reasons(session, survey.id, reasons, **mine)
    survey_answers.add_words(session, survey.id, "等了一周", **mine)
    media = [("photo", {"account": "demo", "media_id": "m1"})]
    assert len(survey_answers.add_words(session, survey.id, "", media=media, **mine)) == 1
    assert (survey.reasons, survey.words) == (["没有人来", "时间太长", "态度不好"], "等了一周")
    assert notes(scene, case, Action.COMMENT) == ["原因：没有人来、时间太长", "原因：态度不好", "等了一周"]


def photos(first, *more):
    return [prepare(jpeg(width)) for width in (first, *more)]


def test_photos_of_an_answer_are_told_once_in_words(session, scene, closed):
    case, survey = closed
    make_officer(session, Role.HANDLER, unit=scene.unit)
    give(session, survey, GOOD)
    survey_answers.add_photos(session, survey.id, photos(81, 82), AT)
    for n in range(3):  # the mini program sends one at a time
        survey_answers.add_photos(session, survey.id, photos(83 + n), AT + n * timedelta(seconds=20))
    assert notes(scene, case, Action.COMMENT) == ["发来 2 张照片"]
    [told] = [row for row in scene.told(case) if row.message is Message.SURVEY_COMMENTED]
    assert told.fields["note"] == "发来 2 张照片"
    [event] = [event for event in scene.events(case) if event.action is Action.COMMENT]
    assert attachments.brought(event, queries.attachments(session, case)) == "5 张照片"
    survey_answers.add_photos(session, survey.id, photos(90), AT + HOUR)
    assert notes(scene, case, Action.COMMENT) == ["发来 2 张照片", "发来照片"]


def test_photos_of_the_report_leave_the_answer_its_own_places(session, scene, closed):
    case, survey = closed
    for photo in photos(*range(81, 81 + attachments.PHOTOS)):
        attachments._add(session, case.id, 1, photo, by_resident=True, at=AT - DAY)
    give(session, survey, GOOD)
    assert survey_answers.add_photos(session, survey.id, photos(*range(101, 110)), AT) == (9, [])
    new, refused = survey_answers.add_photos(session, survey.id, photos(120), AT)
    assert (new, refused) == (0, ["最多传 9 张照片，已经够了"])


def test_of_what_is_said_late_nothing_is_left_out(session, scene, closed):
    case, survey = closed
    survey.state, survey.next_at = SurveyState.EXPIRED, None
    survey_answers.say_late(session, survey.id, BAD, Via.PAGE, at=AT + DAY)
    [row] = session.scalars(survey.answers.select())
    assert (row.solved, row.satisfaction, row.reasons) == (False, 1, ["没修好，或又坏了"])
    assert notes(scene, case, Action.COMMENT) == [
        "回访结束后又说：没有解决，很不满意。没修好，或又坏了。灯还是坏的"
    ]


def test_what_is_said_late_is_kept_with_the_case_and_counts_in_no_rate(session, scene, closed):
    case, survey = closed
    survey.state, survey.next_at = SurveyState.EXPIRED, None
    for n in range(MOST_LATE):
        survey_answers.say_late(session, survey.id, Said(False, words=f"还是坏的{n}"), Via.CHAT, at=AT + DAY)
        survey_answers.say_late(session, survey.id, Said(False, words=f"还是坏的{n}"), Via.CHAT, at=AT + DAY)
    with pytest.raises(TooMany, match="这次说的没有再记"):
        survey_answers.say_late(session, survey.id, Said(words="又来"), Via.CHAT, at=AT + DAY)
    assert (survey.state, survey.solved, case.status) == (SurveyState.EXPIRED, None, Status.CLOSED)
    assert on_record(session, survey) == [(False, None, f"还是坏的{n}", True) for n in range(MOST_LATE)]
    assert notes(scene, case, Action.COMMENT)[0] == "回访结束后又说：没有解决。还是坏的0"


def test_of_a_case_that_ended_without_work_late_words_are_kept_all_the_same(session, scene, closed):
    case, survey = closed
    case.status, survey.state = Status.WITHDRAWN, SurveyState.EXPIRED
    survey_answers.say_late(session, survey.id, Said(words="谢谢"), Via.PAGE, at=AT)
    assert on_record(session, survey) == [(None, None, "谢谢", True)]


def test_chat_and_page_at_the_same_moment_are_both_on_record_and_bring_the_case_back_once(
    committed, committed_scene
):
    _, survey = close(committed_scene)
    survey_id = survey.id
    committed.expunge_all()

    def said(how, via):
        return lambda session: survey_answers.give(session, survey_id, how, via, at=AT)

    results = at_once(
        said(BAD, Via.PAGE), said(Said(False), Via.CHAT), said(Said(False, 2), Via.MINI_PROGRAM)
    )
    assert not [result for result in results if isinstance(result, Exception)]
    rows = committed.scalars(sa.select(SurveyAnswer).order_by(SurveyAnswer.id)).all()
    assert {row.via for row in rows} == {Via.PAGE, Via.CHAT, Via.MINI_PROGRAM}
    last = committed.scalars(sa.select(Survey)).one()
    assert (last.via, last.satisfaction) == (rows[-1].via, rows[-1].satisfaction)
    assert committed.scalar(sa.select(Case.round)) == 2
    reopened = sa.select(sa.func.count()).where(CaseEvent.action == Action.REOPEN)
    assert committed.scalar(reopened) == 1


def test_an_answer_while_the_clock_ends_the_survey_counts_or_is_told_that_it_is_over(
    committed, committed_scene
):
    """The clock holds the survey: the answer waits, and is then too late; it never counts half."""
    _, survey = close(committed_scene)
    survey_id, heard = survey.id, []
    survey.reminded_at = survey.next_at = AT
    committed.commit()

    def answer():
        try:
            with db.transaction() as session:
                survey_answers.give(session, survey_id, BAD, Via.PAGE, at=AT + HOUR)
        except Gone as error:
            heard.append(error.message)

    with db.transaction() as session:
        assert [step.message for step in surveys.take_due(session, AT + HOUR)] == [None]
        other = threading.Thread(target=answer)
        other.start()
        other.join(0.5)
    other.join()
    committed.expire_all()
    found = committed.scalars(sa.select(Survey)).one()
    assert (found.state, found.solved, len(heard)) == (SurveyState.EXPIRED, None, 1)
    assert committed.scalar(sa.select(sa.func.count()).select_from(SurveyAnswer)) == 0


def test_who_is_killed_between_answer_and_step_has_left_nothing(committed, committed_scene):
    """Both are one transaction: the answer is there with its new round, or neither is."""
    case, survey = close(committed_scene)
    ids, session = (survey.id, case.id), db.Session()
    session.begin()
    survey_answers.give(session, ids[0], BAD, Via.PAGE, at=AT)
    session.connection().connection.driver_connection.close()  # as when the process dies
    session.invalidate()
    committed.expire_all()
    assert committed.get_one(Survey, ids[0]).state is SurveyState.SENT
    assert committed.get_one(Case, ids[1]).round == 1
    with db.transaction() as again:
        survey_answers.give(again, ids[0], BAD, Via.PAGE, at=AT)
    committed.expire_all()
    assert committed.get_one(Case, ids[1]).round == 2
