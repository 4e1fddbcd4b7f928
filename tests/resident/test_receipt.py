"""The receipt that a resident reads on the page of a case."""

from backend.cases import sealing
from backend.cases.ledger_models import Seal
from tests.resident.conftest import at, open_case


def test_a_resident_reads_the_number_under_which_the_case_is_sealed(session, place, phone, case):
    assert "留底编号" not in phone.open(at(case))[1]
    open_case(session, place, phone.resident_id)
    sealing.seal(session, 0)
    first = session.get(Seal, 1)
    page = phone.open(at(case))[1]
    assert f"留底编号：<strong>1-{first.hash.hex()[:16]}</strong>" in page
    assert "有没有人改过，查得出来" in page
