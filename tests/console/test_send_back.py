"""Sending a case back: the form names the duty that it rests on, and who should have it instead."""

import sqlalchemy as sa

from backend.cases.models import CaseEvent, Duty, DutyList, ListState
from backend.cases.workflow import Action
from backend.times import now
from tests.console.conftest import open_case, tap, walk
from tests.factories import make_category, make_unit


def test_who_sends_it_back_chooses_the_duty_that_it_rests_on(session, place, as_officer):
    case = open_case(session, place.community)
    walk(session, case, place, Action.ACCEPT, Action.ASSIGN)
    other = make_unit(session, place.community, name="梧桐物业服务中心")
    lamp = make_category(session, "路灯")
    duty_list = DutyList(
        area_id=place.community.district_id, name="职责清单", state=ListState.CURRENT, switched_on_at=now()
    )
    session.add(duty_list)
    session.flush()
    where = {"category_id": lamp.id, "area_id": place.community.id}
    duty = Duty(list_id=duty_list.id, unit_id=other.id, source="三定方案第五条", **where)
    session.add(duty)
    case.category_id = lamp.id
    session.commit()
    client = as_officer(place.handler)
    words = f"路灯 × {place.community.name} → 梧桐物业服务中心（三定方案第五条）"
    assert words in client.get(f"/console/cases/{case.number}").text
    given = {"note": "归物业管", "unit": str(other.id)}
    refused = tap(client, session, case, "send_back", **given, rule="", basis=" ")
    assert refused.status_code == 422
    tap(client, session, case, "send_back", **given, rule=str(duty.id))
    desk = as_officer(place.desk).get(f"/console/cases/{case.number}").text
    assert f'<option value="{other.id}" selected>梧桐物业服务中心' in desk
    assert "上一个单位退回：归物业管。建议由梧桐物业服务中心办理" in desk
    [event] = session.scalars(sa.select(CaseEvent).filter_by(case_id=case.id, action=Action.SEND_BACK))
    assert f"依据：{words}" in event.note
