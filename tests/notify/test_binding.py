"""Binding an officer's WeChat: one code, one scan, one person."""

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend import db
from backend.errors import AppError, Conflict, Gone, NotFound
from backend.notify import binding
from backend.notify.models import Contact
from backend.places.models import BindingCode
from backend.places.roles import Role
from backend.times import now
from tests.factories import make_community, make_contact, make_officer


@pytest.fixture
def officer(session):
    return make_officer(session, Role.INFORMATION_OFFICER, area=make_community(session))


def test_scanning_the_personal_code_binds_the_officer(session, officer):
    contact = make_contact(session)
    code = binding.issue(session, officer.id)
    assert binding.redeem(session, code, contact.id) == officer.id
    assert contact.officer_id == officer.id


def test_the_code_itself_is_stored_nowhere(session, officer):
    code = binding.issue(session, officer.id)
    stored = session.execute(sa.select(BindingCode)).scalar_one()
    assert code.encode() not in stored.code_hash
    assert len(stored.code_hash) == 32


def test_a_code_works_once(session, officer):
    code = binding.issue(session, officer.id)
    binding.redeem(session, code, make_contact(session).id)
    second = make_contact(session)
    with pytest.raises(Gone, match="已经用过"):
        binding.redeem(session, code, second.id)
    assert second.officer_id is None


def test_scanning_ones_own_used_code_again_is_harmless(session, officer):
    contact, code = make_contact(session), binding.issue(session, officer.id)
    binding.redeem(session, code, contact.id)
    assert binding.redeem(session, code, contact.id) == officer.id


def test_a_code_ends_after_a_day(session, officer):
    contact, issued = make_contact(session), now()
    code = binding.issue(session, officer.id, issued)
    with pytest.raises(Gone, match="过期"):
        binding.redeem(session, code, contact.id, issued + timedelta(hours=24))
    assert binding.redeem(session, code, contact.id, issued + timedelta(hours=23)) == officer.id


def test_a_new_code_replaces_the_old_one(session, officer):
    contact = make_contact(session)
    old, new = binding.issue(session, officer.id), binding.issue(session, officer.id)
    with pytest.raises(Gone, match="过期"):
        binding.redeem(session, old, contact.id)
    assert binding.redeem(session, new, contact.id) == officer.id


def test_an_invented_code_is_refused(session, officer):
    with pytest.raises(NotFound, match="绑定码不对"):
        binding.redeem(session, "abcdefgh", make_contact(session).id)


def test_a_wechat_of_one_officer_cannot_become_anothers_and_the_code_stays_good(session, officer):
    taken = make_contact(session, officer=make_officer(session, Role.SECRETARY, area=make_community(session)))
    code = binding.issue(session, officer.id)
    with pytest.raises(Conflict, match="另一位工作人员"):
        binding.redeem(session, code, taken.id)
    assert binding.redeem(session, code, make_contact(session).id) == officer.id


def test_binding_a_new_phone_releases_the_old_one(session, officer):
    old, new = make_contact(session), make_contact(session)
    binding.redeem(session, binding.issue(session, officer.id), old.id)
    binding.redeem(session, binding.issue(session, officer.id), new.id)
    session.refresh(old)
    assert (old.officer_id, new.officer_id) == (None, officer.id)


def test_the_same_person_stays_bound_in_both_accounts(session, officer):
    here = make_contact(session, unionid="u1")
    there = make_contact(session, unionid="u1", account="other")
    binding.redeem(session, binding.issue(session, officer.id), here.id)
    binding.redeem(session, binding.issue(session, officer.id), there.id)
    session.refresh(here)
    assert (here.officer_id, there.officer_id) == (officer.id, officer.id)


def test_nobody_binds_as_an_officer_who_has_left(session, officer):
    code = binding.issue(session, officer.id)
    officer.left_at = now()
    session.commit()
    with pytest.raises(Gone, match="离岗"):
        binding.redeem(session, code, make_contact(session).id)
    with pytest.raises(Gone, match="离岗"):
        binding.issue(session, officer.id)


def test_of_many_phones_that_scan_one_code_at_once_one_is_bound(committed):
    officer = make_officer(committed, Role.SECRETARY, area=make_community(committed))
    contacts = [make_contact(committed).id for _ in range(6)]
    code = binding.issue(committed, officer.id)
    committed.commit()
    outcomes, start = [], threading.Barrier(len(contacts))

    def scan(contact_id):
        start.wait()
        try:
            with db.transaction() as session:
                binding.redeem(session, code, contact_id)
            outcomes.append("bound")
        except AppError as error:
            outcomes.append(error.code)

    threads = [threading.Thread(target=scan, args=[contact_id]) for contact_id in contacts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["bound", "gone", "gone", "gone", "gone", "gone"]
    bound = committed.scalars(sa.select(Contact.id).where(Contact.officer_id == officer.id)).all()
    assert len(bound) == 1


def test_releasing_unbinds_the_wechat_and_ends_a_code_that_waits(session, officer):
    contact, earlier = make_contact(session), now()
    binding.redeem(session, binding.issue(session, officer.id), contact.id)
    assert binding.is_bound(session, officer.id)
    assert binding.bound_since(session, officer.id) >= earlier
    code = binding.issue(session, officer.id)
    assert binding.release(session, officer.id) == [contact.id]
    assert (binding.is_bound(session, officer.id), binding.bound_since(session, officer.id)) == (False, None)
    with pytest.raises(Gone, match="过期"):
        binding.redeem(session, code, make_contact(session).id)
    assert binding.release(session, officer.id) == []
