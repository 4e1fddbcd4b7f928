"""Sealed values, the blind index, and telephone numbers that are masked wherever people write them."""

import pytest
import sqlalchemy as sa
from cryptography.exceptions import InvalidTag

from backend import privacy
from backend.config import config
from backend.places.models import Officer, Resident
from backend.privacy import blind_index, mask_phone, mask_phones, seal, unseal
from tests.factories import make_resident

OLD, NEW = b"o" * 32, b"n" * 32


@pytest.fixture
def keys():
    """Set the ring of keys for one test."""
    before = config.data_keys
    yield lambda ring: object.__setattr__(config, "data_keys", ring)
    object.__setattr__(config, "data_keys", before)


def test_a_value_is_sealed_differently_each_time_and_opens_each_time():
    sealed = {seal("何丽", "residents.name") for _ in range(20)}
    assert len(sealed) == 20
    assert {unseal(value, "residents.name") for value in sealed} == {"何丽"}
    assert not any("何丽".encode() in value for value in sealed)


def test_a_value_that_was_moved_to_another_column_does_not_open():
    with pytest.raises(InvalidTag):
        unseal(seal("何丽", "residents.name"), "officers.name")


@pytest.mark.parametrize("at", [1, 12, 13, -1])
def test_a_value_that_was_changed_does_not_open(at):
    sealed = bytearray(seal("何丽", "residents.name"))
    sealed[at] ^= 1
    with pytest.raises(InvalidTag):
        unseal(bytes(sealed), "residents.name")


def test_old_keys_open_after_a_new_one_seals(keys):
    keys({1: OLD})
    before = seal("何丽", "residents.name")
    keys({2: NEW, 1: OLD})
    after = seal("何丽", "residents.name")
    assert (before[0], after[0]) == (1, 2)
    assert unseal(before, "residents.name") == unseal(after, "residents.name") == "何丽"
    keys({2: NEW})
    with pytest.raises(KeyError):
        unseal(before, "residents.name")


def test_the_blind_index_stays_the_same_when_a_key_is_added(keys):
    keys({1: OLD})
    before = blind_index("13900000001")
    assert before == blind_index("13900000001")
    assert before != blind_index("13900000002")
    keys({2: NEW, 1: OLD})
    assert blind_index("13900000001") == before
    keys({1: NEW})
    assert blind_index("13900000001") != before


def test_the_database_holds_nothing_readable(session):
    resident = make_resident(session, name="何丽", phone="13900000001")
    session.add(Officer(name="周明", phone=None))
    session.flush()
    name, phone = session.execute(sa.text("SELECT name, phone FROM residents")).one()
    assert "何丽".encode() not in bytes(name)
    assert b"13900000001" not in bytes(phone)
    session.expire_all()
    assert (session.get_one(Resident, resident.id).name, resident.phone) == ("何丽", "13900000001")
    assert session.scalar(sa.select(Officer.phone)) is None


def test_a_value_of_another_column_does_not_open_in_the_database_either(session):
    resident = make_resident(session, name="何丽", phone="13900000001")
    session.execute(sa.text("UPDATE residents SET name = phone"))
    session.expire_all()
    with pytest.raises(InvalidTag):
        resident.name


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("打13900000001找我", "打139****0001找我"),
        ("电话 139 0000 0001。", "电话 139****0001。"),
        ("139-0000-0001", "139****0001"),
        ("+8613900000001", "139****0001"),
        ("+86 139 0000 0001", "139****0001"),
        ("8613900000001", "139****0001"),
        ("0755-00001234", "075****1234"),
        ("0755 00001234 或 13900000001", "075****1234 或 139****0001"),
        ("编号 261121483920", "编号 261121483920"),
        ("3栋2单元1201", "3栋2单元1201"),
        ("2026-11-21 18:30", "2026-11-21 18:30"),
        ("拨打 12345 或 110", "拨打 12345 或 110"),
        ("证件 110101199003071234", "证件 110101199003071234"),
    ],
)
def test_telephone_numbers_in_a_text_are_masked_and_other_numbers_are_not(said, shown):
    assert mask_phones(said) == shown


def test_what_is_too_short_to_mask_is_hidden_whole():
    assert mask_phone("1234567") == "****"
    assert privacy.PHONE.fullmatch("12345") is None
