"""What is said to a survey: every answer is on record, the last one counts, and what comes late is kept."""

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend import db
from backend.cases import attachments, queries, rounds, survey_answers, survey_reviews, surveys
from backend.cases.attachments import prepare
from backend.cases.deadline_models import Deadline
from backend.cases.models import Case, CaseEvent
from backend.cases.survey_answers import MOST_LATE, Said
from backend.cases.survey_models import (
    Follow,
    ReviewState,
    Survey,
    SurveyAnswer,
    SurveyPolicy,
    SurveyState,
    Via,
)
from backend.cases.workflow import Action, Outcome, Status
from backend.errors import Gone, NotFound, TooMany
from backend.notify.messages import Message
from backend.places.roles import Role
from tests.cases.pictures import jpeg
from tests.cases.scene import AT, at_once
from tests.factories import make_officer, make_resident

HOUR, DAY, MINUTE = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1)
FOLLOWS = (Action.REOPEN, Action.DISSENT, Action.COMMENT)
GOOD, BAD = Said(True, 4), Said(False, 1, "灯还是坏的", ("没修好，或又坏了",))


@pytest.fixture
def closed(session, scene):
    """A closed case of the resident, and its survey, which was sent."""
    return close(scene)


def close(scene, round=1):
    case = scene.case(Status.RESOLVED, round=round)
    scene.do(case, Action.CLOSE, Role.SYSTEM)
    survey = scene.session.scalars(sa.select(Survey).where(Survey.case_id == case.id)).one()
    survey.state, survey.sent_at = SurveyState.SENT, AT
    scene.session.commit()
    return case, survey


def give(session, survey, said, at=AT, via=Via.PAGE, **who):
    return survey_answers.give(session, survey.id, said, via, at=at, **who)


def on_record(session, survey):
    rows = session.scalars(survey.answers.select().order_by(SurveyAnswer.id))
    return [(row.solved, row.satisfaction, row.words, row.is_late) for row in rows]


def notes(scene, case, action):
    return [event.note for event in scene.events(case) if event.action is action]


def test_a_bad_answer_brings_the_case_back_with_its_reasons_and_words(session, scene, closed):
    case, survey = closed
    make_officer(session, Role.UNIT_HEAD, unit=scene.unit)
    give(session, survey, BAD)
    assert (case.status, case.round) == (Status.ACCEPTED, 2)
    assert notes(scene, case, Action.REOPEN) == ["没有解决：没修好，或又坏了。灯还是坏的"]
    [told] = [row for row in scene.told(case) if row.message is Message.CASE_RETURNED]
    assert told.fields["note"] == "没有解决：没修好，或又坏了。灯还是坏的"


def test_from_good_to_bad_within_a_day_the_case_comes_back_and_both_answers_stand(session, scene, closed):
    case, survey = closed
    give(session, survey, GOOD)
    give(session, survey, BAD, AT + 23 * HOUR)
    assert (case.round, survey.solved, survey.answered_at) == (2, False, AT)
    assert on_record(session, survey) == [(True, 4, None, False), (False, 1, "灯还是坏的", False)]


def test_from_bad_to_good_what_came_back_is_closed_again_as_if_it_had_not_come(session, scene):
    case = scene.resolve(scene.submit(), AT - DAY)
    scene.do(case, Action.CLOSE, Role.SYSTEM, AT - HOUR)
    survey = session.scalars(sa.select(Survey)).one()
    times = {name: getattr(case, name) for name in rounds.TIMES}
    give(session, survey, BAD)
    give(session, survey, GOOD, AT + HOUR)
    assert (case.status, case.round, case.due_at) == (Status.CLOSED, 1, None)
    assert (survey.solved, survey.reasons) == (True, [])
    assert {name: getattr(case, name) for name in rounds.TIMES} == times | {"confirmed_at": AT + HOUR}
    assert (case.outcome, case.handler_id) == (Outcome.SOLVED, scene.actor(Role.HANDLER).officer_id)
    assert scene.events(case)[-1].round == 1
    assert notes(scene, case, Action.CLOSE_AGAIN) == ["已解决，满意"]
    assert not session.scalar(sa.select(Deadline.id).where(Deadline.stopped_at.is_(None)))
    assert session.scalars(sa.select(Survey)).all() == [survey]
    told = {row.message: row.fields["note"] for row in scene.told(case)}
    assert told[Message.CASE_CLOSED_AGAIN] == "已解决，满意"
    assert survey_reviews.state_of(session, survey.id) is ReviewState.TAKEN_BACK


def test_who_changes_to_and_fro_within_the_day_is_heard_each_time(session, scene, closed):
    case, survey = closed
    for n, said in enumerate((BAD, GOOD, Said(False), Said(True, 2), Said(True, 5))):
        give(session, survey, said, AT + n * HOUR)
        assert (case.status, case.round) == (
            (Status.ACCEPTED, 2) if surveys.is_bad(survey) else (Status.CLOSED, 1)
        )
    assert len(notes(scene, case, Action.REOPEN)) == len(notes(scene, case, Action.CLOSE_AGAIN)) == 2


def claim(scene, case):
    scene.do(case, Action.CLAIM, Role.INFORMATION_OFFICER, AT)


def supervise(scene, case):
    scene.do(case, Action.SUPERVISE, Role.SUPERVISOR, AT, note="请尽快", unit_id=scene.unit.id)


def assign(scene, case):
    scene.do(case, Action.ASSIGN, Role.SECRETARY, AT, unit_id=scene.unit.id)


def merge(scene, case):
    other = scene.case(Status.ACCEPTED)
    scene.do(other, Action.MERGE, Role.SECRETARY, AT, case_id=case.id)


@pytest.mark.parametrize("act", [claim, supervise, assign, merge])
def test_once_somebody_has_acted_the_case_goes_on_and_both_sides_read_it(session, scene, closed, act):
    case, survey = closed
    make_officer(session, Role.HANDLER, unit=scene.unit)
    give(session, survey, BAD)
    act(scene, case)
    status = case.status
    give(session, survey, GOOD, AT + HOUR)
    assert (case.status, case.round, survey.solved) == (status, 2, True)
    holds = "这件事已经有人在重新办理，会接着办完"
    assert notes(scene, case, Action.COMMENT) == [f"改了评价：已解决，满意。{holds}"]
    assert Message.SURVEY_COMMENTED in [row.message for row in scene.told(case)]
    assert survey_reviews.after_all(session, survey) == holds


def test_a_look_at_the_number_and_the_residents_own_words_are_no_work(session, scene, closed):
    case, survey = closed
    give(session, survey, BAD)
    scene.do(case, Action.SEE_PHONE, Role.INFORMATION_OFFICER, AT)
    scene.do(case, Action.ADD, Role.RESIDENT, AT, note="等了一周")
    give(session, survey, GOOD, AT + HOUR)
    assert case.status is Status.CLOSED


def test_what_a_supervisor_or_the_resident_brought_back_no_other_answer_closes(session, scene, closed):
    case, survey = closed
    give(session, survey, Said(True, 3))
    scene.do(case, Action.REOPEN, Role.RESIDENT, AT, note="又坏了")
    give(session, survey, GOOD, AT + HOUR)  # it never was a bad one
    assert (case.status, case.round) == (Status.ACCEPTED, 2)
    session.add(SurveyPolicy(area_id=scene.community.id, on_unsolved=Follow.REVIEW))
    other, asked = close(scene)
    give(session, asked, BAD)
    scene.do(other, Action.REOPEN, Role.SUPERVISOR, AT, note="现场看过，没有修好")
    give(session, asked, GOOD, AT + HOUR)
    assert (other.status, other.round) == (Status.ACCEPTED, 2)


def test_what_was_written_of_a_bad_answer_is_not_said_again_with_a_good_one(session, scene, closed):
    case, survey = closed
    give(session, survey, BAD)
    for _ in range(2):  # the form still holds the words; a double tap
        give(session, survey, Said(True, 4, BAD.words), AT + HOUR)
    assert on_record(session, survey) == [(False, 1, BAD.words, False), (True, 4, None, False)]
    assert notes(scene, case, Action.CLOSE_AGAIN) == ["已解决，满意"]


def test_from_bad_to_worse_begins_no_second_round(session, scene, closed):
    case, survey = closed
    give(session, survey, BAD)
    give(session, survey, Said(False, 1, "人也没来"), AT + HOUR)
    assert case.round == 2
    assert notes(scene, case, Action.COMMENT) == ["改了评价：没有解决：人也没来"]


UNSOLVED, DISSATISFIED = Said(False, None, "灯还是坏的"), Said(True, 2, "等得太久")
BOTH = (Follow.REOPEN, Follow.REVIEW)


@pytest.mark.parametrize("second", BOTH)
@pytest.mark.parametrize("first", BOTH)
@pytest.mark.parametrize("answers", [(UNSOLVED, DISSATISFIED), (DISSATISFIED, UNSOLVED)])
def test_each_bad_answer_brings_what_its_own_policy_says(session, scene, answers, first, second):
    """What was brought back is at work: there the second one is told to the unit."""
    names = ("on_unsolved", "on_dissatisfied")
    ordered = names if answers[0] is UNSOLVED else names[::-1]
    session.add(SurveyPolicy(area_id=scene.community.id, **dict(zip(ordered, (first, second), strict=True))))
    case, survey = close(scene)
    for n, said in enumerate(answers):
        give(session, survey, said, AT + n * HOUR)
    took = [event.action for event in scene.events(case) if event.action in FOLLOWS]
    assert (
        took
        == {
            (Follow.REOPEN, Follow.REOPEN): [Action.REOPEN, Action.COMMENT],
            (Follow.REOPEN, Follow.REVIEW): [Action.REOPEN, Action.COMMENT],
            (Follow.REVIEW, Follow.REOPEN): [Action.DISSENT, Action.REOPEN],
            (Follow.REVIEW, Follow.REVIEW): [Action.DISSENT, Action.COMMENT],
        }[first, second]
    )
    state = survey_reviews.state_of(session, survey.id)
    assert state is (ReviewState.REOPENED if Follow.REOPEN in (first, second) else ReviewState.OPEN)


@pytest.mark.parametrize("second", BOTH)
def test_what_a_review_has_upheld_is_reviewed_no_second_time_but_another_policy_holds(session, scene, second):
    policy = {"on_dissatisfied": Follow.REVIEW, "on_unsolved": second}
    session.add(SurveyPolicy(area_id=scene.community.id, **policy))
    case, survey = close(scene)
    give(session, survey, DISSATISFIED)
    scene.do(case, Action.UPHOLD, Role.SUPERVISOR, AT + HOUR, note="已到现场看过，灯是亮的")
    give(session, survey, UNSOLVED, AT + 2 * HOUR)
    last = scene.events(case)[-1].action
    assert last is (Action.REOPEN if second is Follow.REOPEN else Action.COMMENT)


def test_who_is_satisfied_after_all_has_confirmed_it(session, scene):
    session.add(SurveyPolicy(area_id=scene.community.id, on_unsolved=Follow.REVIEW))
    case, survey = close(scene)
    give(session, survey, BAD)
    give(session, survey, GOOD, AT + HOUR)
    assert (case.status, case.confirmed_at) == (Status.CLOSED, AT + HOUR)


def test_the_same_answer_again_is_the_same_tap(session, scene, closed):
    _, survey = closed
    for _ in range(3):
        give(session, survey, GOOD)
    assert len(on_record(session, survey)) == 1


def test_after_a_day_the_answer_stands(session, scene, closed):
    case, survey = closed
    give(session, survey, GOOD)
    with pytest.raises(Gone, match="已经答过了"):
        give(session, survey, BAD, AT + DAY + MINUTE)
    assert (case.status, survey.solved) == (Status.CLOSED, True)


def test_once_the_next_round_has_its_survey_the_answer_stands(session, scene, closed):
    case, survey = closed
    give(session, survey, BAD)
    session.add(Survey(case_id=case.id, round=2, resident_id=scene.resident_id))
    session.flush()
    with pytest.raises(Gone, match="已经答过了"):
        give(session, survey, GOOD, AT + HOUR)


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
