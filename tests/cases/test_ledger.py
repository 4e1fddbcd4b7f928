"""The chain of sealed steps in a real database, and what becomes of it when somebody lays hands on it."""

import hashlib
import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from sqlalchemy.exc import IntegrityError

from backend import db, verify
from backend.cases import ledger, sealing, verifying
from backend.cases.ledger_models import LedgerCheck, Seal, Verification
from backend.cases.models import CaseEvent
from backend.cases.verifying import Finding, Flaw, Head
from backend.config import config
from backend.times import now
from tests.cases.scene import at_once


def seal(after=0, **given):
    with db.transaction() as session:
        return sealing.seal(session, after, **given)


def check(since=verifying.START, known=()):
    with db.transaction() as session:
        return verifying.verify(session, since, known)


def found():
    return check().finding


def tamper(*statements):
    """As somebody who owns the database can: triggers and keys are off."""
    with db.transaction() as session:
        session.execute(sa.text("SET LOCAL session_replication_role = replica"))
        for statement in statements:
            session.execute(sa.text(statement))


def positions():
    with db.transaction() as session:
        return list(session.execute(sa.select(Seal.id, Seal.case_event_id).order_by(Seal.id)))


def run_command(database_url, *arguments):
    """What `verify-ledger` says and how it ends, at this run's database."""
    kept = config.database_url
    object.__setattr__(config, "database_url", database_url)
    try:
        return CliRunner().invoke(verify.main, list(arguments))
    finally:
        object.__setattr__(config, "database_url", kept)


@pytest.fixture
def town(committed_scene):
    """Three cases, gone all the way to resolved; fifteen steps, all sealed, with ids from 1 whatever test
    was here before."""
    tamper("ALTER SEQUENCE case_events_id_seq RESTART")
    long_ago = now() - timedelta(hours=2)
    cases = [committed_scene.submit(long_ago) for _ in range(3)]
    for case in cases:
        committed_scene.resolve(case, long_ago)
    committed_scene.session.commit()
    assert seal() is None
    return committed_scene


def by_hand(event, previous, row):
    """A link as ledger.py says it in words, written a second time."""

    def micros(at):
        return str(round(at.timestamp() * 1_000_000))

    digest = hashlib.sha256(row.salt + event.note.encode()).hexdigest() if event.note else ""
    ids = ["" if one is None else str(one) for one in (event.officer_id, event.resident_id, event.unit_id)]
    words = [
        "1",
        str(event.id),
        str(event.case_id),
        str(event.round),
        event.action.value,
        event.role.value,
        *ids,
        event.from_status.value if event.from_status else "",
        event.to_status.value,
        "1" if event.public else "0",
        micros(event.created_at),
        micros(row.sealed_at),
        digest,
    ]
    return hashlib.sha256(previous + "\x1f".join(words).encode()).digest()


def test_every_step_gets_a_position_without_gaps_and_a_hash_that_can_be_computed_by_hand(town):
    rows = town.session.execute(
        sa.select(Seal, CaseEvent).join(CaseEvent, CaseEvent.id == Seal.case_event_id).order_by(Seal.id)
    ).all()
    assert [row.id for row, _ in rows] == list(range(1, 16))
    previous = bytes(32)
    for row, event in rows:
        previous = by_hand(event, previous, row)
        assert row.hash == previous
    assert any(event.note for _, event in rows)
    assert {column for column, _ in ledger.FIELDS} | {"note"} == set(CaseEvent.__table__.columns.keys())
    result = check()
    assert (result.finding, result.steps, result.head) == (None, 15, Head(15, previous))


CHANGED_IN_ITS_NOTE = "UPDATE case_events SET note = '都办好了' WHERE id = 7"
SWAPPED = [
    "UPDATE seals SET case_event_id = -case_event_id WHERE id IN (2, 3)",
    "UPDATE seals SET case_event_id = 5 + case_event_id WHERE case_event_id < 0",
]
CHANGED_PLACES = [
    "UPDATE seals SET id = -id WHERE id IN (4, 5)",
    "UPDATE seals SET id = 9 + id WHERE id < 0",
]


EARLIER = "UPDATE case_events SET created_at = created_at - interval '1 microsecond' WHERE id = 9"


@pytest.mark.parametrize(
    ("statements", "flaw", "position"),
    [
        ([CHANGED_IN_ITS_NOTE], Flaw.CHANGED, 7),
        (["UPDATE case_events SET note = '' WHERE id = 7"], Flaw.CHANGED, 7),
        (["UPDATE case_events SET note = '悄悄加的' WHERE id = 4"], Flaw.CHANGED, 4),
        ([EARLIER], Flaw.CHANGED, 9),
        (["UPDATE case_events SET officer_id = NULL WHERE id = 15"], Flaw.CHANGED, 15),
        (["UPDATE case_events SET public = NOT public WHERE id IN (12, 14)"], Flaw.CHANGED, 12),
        (["UPDATE seals SET sealed_at = sealed_at + interval '1 s' WHERE id = 11"], Flaw.CHANGED, 11),
        (["DELETE FROM case_events WHERE id = 8"], Flaw.EVENT_GONE, 8),
        (["DELETE FROM seals WHERE id = 6"], Flaw.SEAL_GONE, 6),
        (["DELETE FROM seals WHERE id = 1"], Flaw.SEAL_GONE, 1),
        (["DELETE FROM case_events WHERE id = 8", "DELETE FROM seals WHERE id = 8"], Flaw.SEAL_GONE, 8),
        (["UPDATE seals SET hash = decode(repeat('ab', 32), 'hex') WHERE id = 3"], Flaw.SEAL_CHANGED, 3),
        (SWAPPED, Flaw.FORKED, 2),
        (CHANGED_PLACES, Flaw.FORKED, 4),
    ],
)
def test_the_first_broken_row_is_named(town, statements, flaw, position):
    assert found() is None
    tamper(*statements)
    finding = found()
    assert (finding.flaw, finding.position) == (flaw, position)
    if flaw in (Flaw.CHANGED, Flaw.EVENT_GONE, Flaw.SEAL_CHANGED):
        assert finding.event_id == position


def test_a_missing_seal_is_named_with_its_step_where_that_is_still_there(town):
    tamper("DELETE FROM seals WHERE id = 6")
    assert found() == Finding(Flaw.SEAL_GONE, 6, 6)


INSERTED = """
INSERT INTO case_events (id, case_id, round, action, role, from_status, to_status, note, created_at)
SELECT {id}, case_id, 1, 'progress', 'handler', to_status, to_status, '早就去看过了', {at}
FROM case_events ORDER BY id LIMIT 1"""


def test_a_step_that_is_put_in_afterwards_is_found_before_and_after_it_is_sealed(town):
    tamper(
        "UPDATE case_events SET id = 100 WHERE id = 15",
        "UPDATE seals SET case_event_id = 100 WHERE id = 15",
    )
    assert found() == Finding(Flaw.CHANGED, 15, 100)  # an id is a part of what is sealed
    tamper(
        "UPDATE case_events SET id = 15 WHERE id = 100",
        "UPDATE seals SET case_event_id = 15 WHERE id = 15",
        INSERTED.format(id=-1, at="now() - interval '1 day'"),
    )
    assert found() == Finding(Flaw.INSERTED, 15, -1)
    assert check().late == 12  # what was done in the town two hours before it was sealed
    seal(after=-10)
    assert (found(), check().late) == (None, 13)


def test_a_step_that_nobody_seals_is_named_once_it_has_waited_too_long(town):
    tamper(INSERTED.format(id=200, at="now() - interval '14 minutes'"))
    assert found() is None
    tamper(INSERTED.format(id=201, at="now() - interval '16 minutes'"))
    assert found() == Finding(Flaw.UNSEALED, 15, 201)


def test_a_chain_made_anew_holds_in_itself_but_not_against_a_head_that_was_kept(town):
    kept = check().head
    tamper(CHANGED_IN_ITS_NOTE, "DELETE FROM seals")
    seal()
    assert found() is None
    assert check(known=(kept,)).finding == Finding(Flaw.REWRITTEN, 15, 15)
    assert check(since=kept).finding == Finding(Flaw.REWRITTEN, 15, 0)
    tamper("DELETE FROM seals WHERE id > 12", "DELETE FROM case_events WHERE id > 12")
    assert found() is None
    assert check(known=(kept,)).finding == Finding(Flaw.SEAL_GONE, 13, 0)


def test_going_on_from_a_head_looks_at_what_is_new_alone(town):
    head = check().head
    town.submit(now())
    town.session.commit()
    seal(after=15)
    tamper(CHANGED_IN_ITS_NOTE)
    result = check(since=head)
    assert (result.finding, result.steps, result.head.position) == (None, 1, 16)
    assert found().position == 7


def test_the_database_itself_refuses_to_change_or_delete_steps_and_seals(town):
    for statement in (
        CHANGED_IN_ITS_NOTE,
        "UPDATE case_events SET note = '', officer_id = NULL WHERE id = 7",
        "DELETE FROM case_events WHERE id = 7",
        "UPDATE seals SET hash = '' WHERE id = 7",
        "UPDATE seals SET salt = NULL WHERE id = 7",
        "DELETE FROM seals WHERE id = 7",
    ):
        with pytest.raises(IntegrityError, match="only ever added"), db.transaction() as session:
            session.execute(sa.text(statement))


def test_a_note_that_has_to_go_leaves_its_digest_and_the_chain_holds(town):
    [(note, salt)] = town.session.execute(
        sa.text("SELECT note, salt FROM case_events e JOIN seals s ON s.case_event_id = e.id WHERE e.id = 7")
    ).all()
    digest = ledger.digest_of(salt, note)
    with db.transaction() as session:
        session.execute(sa.text("UPDATE case_events SET note = '' WHERE id = 7"))
        gone = sa.text("UPDATE seals SET salt = NULL, note_digest = :digest WHERE case_event_id = 7")
        session.execute(gone, {"digest": digest})
    result = check()
    assert (result.finding, result.emptied) == (None, 1)
    tamper(CHANGED_IN_ITS_NOTE)
    assert found() == Finding(Flaw.CHANGED, 7, 7)


def test_a_step_that_is_committed_late_is_sealed_by_the_next_run(town, engine):
    """Its id is smaller than what was sealed meanwhile; nothing that was sealed moves for it."""
    with engine.connect() as slow, slow.begin():
        late = slow.scalar(
            sa.text(INSERTED.format(id="nextval('case_events_id_seq')", at="now()") + " RETURNING id")
        )
        town.submit(now())
        town.session.commit()
        sealing.seal_events.fn()
        assert [event for _, event in positions()][-1] == late + 1
    sealing.seal_events.fn()
    assert [event for _, event in positions()][-2:] == [late + 1, late]
    assert found() is None


def test_what_was_committed_later_than_anybody_thought_is_found_at_night(town):
    with db.transaction() as session:
        session.execute(sa.text("SET LOCAL session_replication_role = replica"))
        session.execute(sa.text("UPDATE seals SET sealed_at = sealed_at - interval '1 hour'"))
        assert sealing.horizon(session) == 15
    tamper(INSERTED.format(id=-5, at="now()"))
    sealing.seal_events.fn()
    assert len(positions()) == 15
    with db.transaction() as session:
        assert sealing.seal(session, -10) is None
    assert [tuple(row) for row in positions()][-1] == (16, -5)


def test_a_run_that_dies_leaves_no_gap_and_the_next_one_goes_on(town):
    for _ in range(3):
        town.submit(now())
    town.session.commit()
    with db.Session() as session:
        sealing.seal(session, 15)
        session.rollback()  # what becomes of a transaction whose connection is lost
    assert len(positions()) == 15
    assert seal(after=15, limit=2) == 17
    assert seal(after=17, limit=2) is None
    assert [position for position, _ in positions()] == list(range(1, 19))
    assert found() is None


def test_two_who_seal_at_once_make_one_chain(town):
    for _ in range(40):
        town.submit(now())
    town.session.commit()
    at_once(*[lambda session: sealing.seal(session, 15, limit=7)] * 8)
    sealing.seal_events.fn()
    assert [position for position, _ in positions()] == list(range(1, 56))
    assert found() is None


def test_sealing_and_submitting_at_the_same_time_leaves_nothing_out(town):
    stop = threading.Event()

    def keep_sealing():
        while not stop.is_set():
            sealing.seal_events.fn()

    sealer = threading.Thread(target=keep_sealing)
    sealer.start()
    for _ in range(4):
        at_once(*[lambda session: town.__class__.submit(_own(town, session), now())] * 4)
    stop.set()
    sealer.join()
    sealing.seal_events.fn()
    assert sorted(event for _, event in positions()) == list(range(1, 32))
    assert found() is None


def _own(town, session):
    copy = object.__new__(type(town))
    copy.__dict__ = town.__dict__ | {"session": session}
    return copy


def test_the_command_says_whole_or_what_is_broken_and_remembers_how_far_it_came(town, database_url):
    whole = run_command(database_url)
    head = check().head
    assert (whole.exit_code, whole.output.splitlines()[0]) == (0, f"完好：核对了 15 步。现在到 {head}")
    assert run_command(database_url, "--head").output == f"{head}\n"
    assert "从第 15 号之后，核对了 0 步" in run_command(database_url, "--since").output
    tamper(CHANGED_IN_ITS_NOTE)
    broken = run_command(database_url, "--known", str(head))
    number = town.session.scalar(sa.text("SELECT number FROM cases WHERE id = 1"))
    assert broken.exit_code == 1
    assert f"第一处：第 7 号存证，诉求 {number} 的“办结”" in broken.output
    assert "这一步现在的内容和存证时不一样" in broken.output
    results = town.session.scalars(sa.select(LedgerCheck.result).order_by(LedgerCheck.id)).all()
    assert results == [Verification.WHOLE, Verification.WHOLE, Verification.BROKEN]
    assert run_command(database_url, "--known", "7-xyz").exit_code == 2


def test_a_case_has_the_receipt_of_its_latest_sealed_step(town):
    last = town.session.get(Seal, 7)
    receipt = sealing.receipt_of(town.session, 1)
    assert (receipt.number, receipt.steps) == (f"7-{last.hash.hex()[:16]}", 5)
    new = town.submit(now())
    town.session.commit()
    assert sealing.receipt_of(town.session, new.id) is None
