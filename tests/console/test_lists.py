"""The officers' lists: what waits first, page by page, at the same cost for one case and for twenty."""

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend.cases import queries
from backend.cases.deadline_models import Clock, Deadline
from backend.cases.workflow import Action
from backend.console import wording
from backend.times import now, spoken
from tests.console.conftest import open_case, queries_of, walk
from tests.factories import make_case


def test_the_list_starts_with_what_waits_for_the_officer_by_deadline(session, place, as_officer):
    calm = open_case(session, place.community, "楼道灯坏了")
    urgent = open_case(session, place.community, "井盖没有了", urgent=True)
    done = open_case(session, place.community, "已经派出去的事")
    walk(session, done, place, Action.ACCEPT, Action.ASSIGN)
    page = as_officer(place.desk).get("/console/").text
    assert re.findall(r"/console/cases/(\d+)", page) == [urgent.number, calm.number]
    assert done.number in as_officer(place.handler).get("/console/").text
    assert "没有等您办理的诉求" in as_officer(place.supervisor).get("/console/").text


@pytest.mark.parametrize("tab", ["waiting", "all", "submitted"])
def test_pages_of_a_list_follow_without_gap_or_repeat(session, place, as_officer, tab):
    due = now() + timedelta(hours=1)
    cases = [make_case(session, place.community, due_at=due if n % 2 else None) for n in range(45)]
    client, address, seen = as_officer(place.desk), f"/console/?tab={tab}", []
    while address:
        page = client.get(address, headers={"HX-Request": "true"} if seen else {}).text
        seen += re.findall(r"/console/cases/(\d+)", page)
        more = re.search(r'href="(/console/\?[^"]*after=[^"]+)"', page)
        address = more.group(1).replace("&amp;", "&") if more else None
    assert len(seen) == 45
    assert set(seen) == {case.number for case in cases}


@pytest.mark.parametrize("after", ["x", "1~x", "9" * 40, "%00", "-1"])
def test_a_made_up_page_is_refused_or_empty_but_never_breaks(session, place, as_officer, after):
    assert as_officer(place.desk).get(f"/console/?tab=waiting&after={after}").status_code in {200, 422}


@pytest.mark.parametrize("tab", ["waiting", "all"])
def test_the_list_takes_the_same_queries_for_one_case_and_for_twenty(session, place, as_officer, tab):
    client = as_officer(place.desk)
    open_case(session, place.community)
    few = queries_of(lambda: client.get(f"/console/?tab={tab}"))
    for _ in range(19):
        open_case(session, place.community)
    many = queries_of(lambda: client.get(f"/console/?tab={tab}"))
    assert len(many) == len(few) > 0


def test_a_deadline_turns_amber_and_then_red(session, place):
    case = open_case(session, place.community)
    assert wording.due(case, case.due_at - timedelta(minutes=25)).tone == "calm"
    assert wording.due(case, case.due_at - timedelta(minutes=10)).tone == "amber"
    late = wording.due(case, case.due_at + timedelta(hours=2))
    assert (late.tone, late.words[-6:]) == ("red", "已超时2小时")


def test_the_list_and_the_page_name_the_clock_that_runs_out_first_and_its_own_amber(
    session, place, as_officer
):
    """A case that waits to be dispatched, whose resident should have heard from people first."""
    case = open_case(session, place.community)
    walk(session, case, place, Action.ACCEPT)
    at = now()
    first = {"due_at": at + timedelta(minutes=20), "amber_at": at + timedelta(minutes=10)}
    answer = sa.update(Deadline).where(Deadline.case_id == case.id, Deadline.clock == Clock.ANSWER)
    session.execute(answer.values(**first))
    case.due_at = first["due_at"]
    session.commit()
    client = as_officer(place.desk)
    for address in ("/console/?tab=all", f"/console/cases/{case.number}"):
        page = client.get(address).text
        assert f"答复居民时限 {spoken(first['due_at'])}" in page
        assert "due_calm" in page
        assert "分拨时限" not in re.sub(r"(?s)<section class=.card. id=.deadlines.*?</section>", "", page)
    session.execute(answer.values(amber_at=at))
    session.commit()
    assert "due_amber" in client.get("/console/?tab=all").text


def test_every_status_that_somebody_works_on_has_a_next_step_that_leaves_it(session):
    assert set(queries.NEXT_STEP) == set(wording.CLOCKS)
    for status, action in queries.NEXT_STEP.items():
        assert status in queries.RULES[action].sources
        assert queries.RULES[action].target not in (None, status)
