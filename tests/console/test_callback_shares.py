"""The page on which administrators say how many of the silent are called."""

import pytest
import sqlalchemy as sa

from backend.cases.callback_models import CallbackShare
from backend.places.models import Change

HOME = "/console/sample/"


def said(session):
    rows = session.scalars(sa.select(CallbackShare).order_by(CallbackShare.id))
    return [(row.area_id, row.percent) for row in rows]


def test_a_place_gets_a_percentage_of_its_own_and_loses_it_again(session, place, admin_client):
    own = place.community.id
    assert "现在各处都抽 5%" in admin_client.get(HOME).text
    for percent in (20, 0):
        form = {"place": "玉兰社区", "percent": str(percent)}
        assert admin_client.post(HOME, data=form).status_code == 303
        assert f'<td data-label="抽">{percent}%</td>' in admin_client.get(HOME).text
    assert admin_client.post(f"{HOME}{own}/end").status_code == 303
    assert "没有另外规定的地方" in admin_client.get(HOME).text
    assert said(session) == [(own, 20), (own, 0), (own, None)]
    changes = session.scalars(
        sa.select(Change).where(Change.subject == "callback_shares").order_by(Change.id)
    )
    assert [(row.before, row.after) for row in changes] == [
        ({}, {"percent": 20}),
        ({"percent": 20}, {"percent": 0}),
        ({"percent": 0}, {"percent": None}),
    ]
    assert "回访抽样：玉兰社区" in admin_client.get("/console/changes/").text


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"place": "玉兰社区", "percent": ""}, "请填写 0 到 100 的整数"),
        ({"place": "玉兰社区", "percent": "12.5"}, "请填写 0 到 100 的整数"),
        ({"place": "玉兰社区", "percent": "101"}, "请填写 0 到 100 的整数"),
        ({"place": "玉兰社区", "percent": "-1"}, "请填写 0 到 100 的整数"),
        ({"place": "", "percent": "5"}, "请填地点"),
        ({"place": "没有的地方", "percent": "5"}, "没有找到"),
    ],
)
def test_what_cannot_be_taken_is_said_with_what_was_typed(session, place, admin_client, form, sentence):
    answer = admin_client.post(HOME, data=form)
    assert answer.status_code in {404, 422}
    assert sentence in answer.text
    assert f'value="{form["percent"]}"' in answer.text
    assert said(session) == []


def test_who_administers_nothing_is_refused(place, as_officer):
    client = as_officer(place.supervisor)
    assert client.get(HOME).status_code == 403
    assert client.post(HOME, data={"place": "玉兰社区", "percent": "5"}).status_code == 403
