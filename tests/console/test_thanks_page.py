"""Thanks on the pages: written down with a photo, shown with it, counted, and struck by who supervises."""

import io
import re

import pytest
import sqlalchemy as sa

from backend.cases.thanks_models import Thanks
from backend.cases.workflow import Status
from backend.places.roles import Role
from backend.times import local, now
from tests.cases.pictures import jpeg
from tests.console.conftest import tap
from tests.factories import make_area, make_case, make_officer

RESULTS = "/console/survey-results/"


@pytest.fixture
def case(session, place):
    return make_case(
        session, place.community, status=Status.CLOSED, unit_id=place.unit.id, discovered_at=now()
    )


def only(session):
    return session.scalars(sa.select(Thanks).execution_options(populate_existing=True)).one()


def thank(client, session, case, **form):
    form = {"kind": "banner", "day": local(now()).date().isoformat(), "note": "为民解忧"} | form
    return tap(client, session, case, "thank", seen="0", **form)


def test_a_banner_goes_from_the_form_with_its_photo_into_the_count(session, place, as_officer, case):
    handler, supervisor = as_officer(place.handler), as_officer(place.supervisor)
    refused = thank(handler, session, case)
    assert (refused.status_code, "请拍一张" in refused.text, "为民解忧" in refused.text) == (422, True, True)
    two = [(io.BytesIO(jpeg(width)), f"{width}.jpg") for width in (81, 82)]
    assert "只能传一张照片" in thank(handler, session, case, photos=two).text
    photo = (io.BytesIO(jpeg()), "banner.jpg")
    assert thank(handler, session, case, photos=photo).status_code == 303
    row = only(session)
    page = handler.get(f"/console/cases/{case.number}").text
    assert "收到的感谢" in page
    assert f"{RESULTS}thanks/{row.id}" in page
    shown = handler.get(f"{RESULTS}thanks/{row.id}")
    assert (shown.status_code, shown.mimetype, shown.data[:2]) == (200, "image/jpeg", b"\xff\xd8")
    results = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", supervisor.get(RESULTS).text))
    assert "望溪街道市政服务中心 1 1 0 0 0 0" in results
    stranger = as_officer(make_officer(session, Role.SUPERVISOR, area=make_area(session), name="罗岚"))
    assert stranger.get(f"{RESULTS}thanks/{row.id}").status_code == 404


def test_a_supervisor_strikes_with_a_reason_and_it_stays_on_the_page(session, place, as_officer, case):
    handler, supervisor = as_officer(place.handler), as_officer(place.supervisor)
    thank(handler, session, case, kind="spoken", note="老人当面说谢谢，电话13812345678")
    assert "撤销感谢" not in handler.get(f"/console/cases/{case.number}").text
    row = only(session)
    refused = tap(supervisor, session, case, "strike_thanks", thanks=str(row.id), note="")
    assert (refused.status_code, "请写明撤销的理由" in refused.text) == (422, True)
    assert (
        tap(supervisor, session, case, "strike_thanks", thanks=str(row.id), note="不是这件事").status_code
        == 303
    )
    page = supervisor.get(f"/console/cases/{case.number}").text
    assert "撤销：不是这件事" in page
    assert "老人当面说谢谢" in page
    assert "13812345678" not in page.split("收到的感谢")[1].split("</section>")[0]
    assert "这段时间没有登记感谢" in supervisor.get(RESULTS).text
