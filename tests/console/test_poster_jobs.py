"""Posters drawn by the worker: once, of what their officer may see, again when a worker was killed."""

import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from io import BytesIO

import pypdfium2
import pytest
import sqlalchemy as sa
import zxingcpp

from backend import db, storage
from backend.broker import nudge
from backend.console import poster_tasks, posters
from backend.places import code_changes, codes, poster_jobs
from backend.places.layouts import Format
from backend.places.models import PlaceCode
from backend.places.poster_jobs import JobState, PosterJob, Superseded
from backend.places.roles import Carrier, Level, Role
from backend.places.scope import COMMAND_LINE
from backend.times import now
from backend.wechat import accounts, qrcodes
from tests.factories import make_area, make_community, make_officer
from tests.programs import WORKER, kill, running, wait_until
from tests.weixin import platform, weixin

__all__ = ["platform", "weixin"]


@pytest.fixture
def community(committed):
    """玉兰社区 with three buildings, each with an address code."""
    community = make_community(committed, telephone="0755-28000001")
    for name in ("1栋", "2栋", "3栋"):
        make_area(committed, Level.BUILDING, community, name=name)
    code_changes.make_all(committed, COMMAND_LINE, community.id, Level.BUILDING, Carrier.URL)
    committed.commit()
    accounts.reset()
    return community


@pytest.fixture
def officer(committed, community):
    return make_officer(committed, Role.ADMINISTRATOR, area=community)


def ask(session, officer, **fields):
    job = PosterJob(officer_id=officer.id, **{"format": Format.A5, "wanted": {}} | fields)
    session.add(job)
    session.commit()
    return job


def texts(content):
    pages = pypdfium2.PdfDocument(content)
    pictures = [page.render(scale=2).to_pil().convert("L") for page in pages]
    return {barcode.text for picture in pictures for barcode in zxingcpp.read_barcodes(picture)}


def addresses(session):
    return {codes.address(code.scene) for code in session.scalars(sa.select(PlaceCode))}


def test_a_job_becomes_a_file_with_every_code_of_the_area(committed, community, officer):
    job = ask(committed, officer, area_id=community.id)
    poster_tasks.draw([job.id])
    committed.refresh(job)
    assert (job.state, job.done, job.total, job.left_out, job.error) == (JobState.DONE, 3, 3, 0, None)
    assert texts(storage.read(job.sha256)) == addresses(committed)


def test_a_job_that_is_done_is_not_drawn_again_and_two_at_once_draw_it_once(committed, community, officer):
    job = ask(committed, officer)
    poster_tasks.draw([job.id])
    poster_tasks.draw([job.id])
    poster_tasks.draw_due()
    committed.refresh(job)
    assert (job.attempts, job.state) == (1, JobState.DONE)


def test_chosen_codes_alone_are_drawn(committed, community, officer):
    chosen = committed.scalars(sa.select(PlaceCode).order_by(PlaceCode.id)).first()
    job = ask(committed, officer, wanted={"ids": [chosen.id]})
    poster_tasks.draw([job.id])
    committed.refresh(job)
    assert texts(storage.read(job.sha256)) == {codes.address(chosen.scene)}


def test_codes_that_the_officer_may_not_see_are_not_in_the_file(committed, community, officer):
    other = make_community(committed, "海棠社区")
    code, _ = code_changes.make(committed, COMMAND_LINE, other.id, Carrier.URL)
    committed.commit()
    job = ask(committed, officer, wanted={"ids": [code.id]})
    poster_tasks.draw([job.id])
    committed.refresh(job)
    assert (job.state, job.sha256) == (JobState.FAILED, None)
    assert job.error == posters.NO_CODES
    whole = ask(committed, officer)
    poster_tasks.draw([whole.id])
    committed.refresh(whole)
    assert codes.address(code.scene) not in texts(storage.read(whole.sha256))


def test_pictures_that_wechat_draws_go_into_the_zip_and_are_counted_out_of_the_pdf(
    committed, community, officer, weixin
):
    code, _ = code_changes.make(committed, COMMAND_LINE, community.id, Carrier.MINI_PROGRAM)
    committed.commit()
    qrcodes.ensure_ticket(code.id)
    packed, printed = ask(committed, officer, is_zip=True), ask(committed, officer)
    poster_tasks.draw([packed.id, printed.id])
    committed.refresh(packed)
    committed.refresh(printed)
    assert (packed.done, packed.left_out) == (4, 0)
    assert (printed.done, printed.left_out) == (3, 1)
    with zipfile.ZipFile(BytesIO(storage.read(packed.sha256))) as archive:
        [picture] = [name for name in archive.namelist() if not name.endswith(".pdf")]
        assert picture.startswith(f"玉兰社区-{code.id}.")


def test_what_a_killed_worker_left_is_drawn_when_its_claim_runs_out(committed, community, officer):
    job = ask(committed, officer)
    with db.transaction() as session:
        killed = poster_jobs.claim(session, now(), job.id)
    poster_tasks.draw_due()
    committed.refresh(job)
    assert job.state is JobState.DRAWING
    committed.execute(sa.update(PosterJob).values(due_at=now() - timedelta(seconds=1)))
    committed.commit()
    poster_tasks.draw_due()
    committed.refresh(job)
    assert (job.state, job.attempts) == (JobState.DONE, 2)
    with pytest.raises(Superseded), db.transaction() as session:
        poster_jobs.report(session, killed, done=1)


def test_a_job_that_kills_its_workers_is_given_up(committed, community, officer):
    job = ask(committed, officer, attempts=poster_jobs.ATTEMPTS)
    poster_tasks.draw_due()
    committed.refresh(job)
    assert (job.state, job.error) == (JobState.FAILED, poster_jobs.GIVEN_UP)


def is_there(sha256):
    with suppress(FileNotFoundError):
        return bool(storage.read(sha256))


def test_a_file_is_written_before_its_turn_and_again_if_it_went_before_its_turn(
    committed, community, officer
):
    job, same = ask(committed, officer), ask(committed, officer)
    poster_tasks.draw([job.id])
    committed.refresh(job)
    storage.remove(job.sha256)
    with ThreadPoolExecutor(1) as pool:
        with db.transaction() as session:
            poster_jobs.take_turns(session)
            drawing = pool.submit(poster_tasks.draw, [same.id])
            wait_until(lambda: is_there(job.sha256), 8)
            storage.remove(job.sha256)
        drawing.result(20)
    committed.refresh(same)
    assert (same.state, same.sha256) == (JobState.DONE, job.sha256)
    assert is_there(same.sha256)


@pytest.mark.slow
def test_posters_come_from_the_worker_and_a_kill_only_delays_them(
    committed, community, officer, database_url, broker, tmp_path
):
    for number in range(4, 301):
        make_area(committed, Level.BUILDING, community, name=f"{number}栋")
    code_changes.make_all(committed, COMMAND_LINE, community.id, Level.BUILDING, Carrier.URL)
    committed.commit()
    log, settings = tmp_path / "worker.log", {"DATABASE_URL": database_url}

    def state_of(job):
        committed.rollback()
        committed.refresh(job)
        return job

    with running(WORKER, log, **settings) as worker:
        warm = ask(committed, officer, wanted={"ids": [1]})
        nudge(poster_tasks.draw, [warm.id])
        wait_until(lambda: state_of(warm).state is JobState.DONE, 60)
        job = ask(committed, officer)
        nudge(poster_tasks.draw, [job.id])
        seen = set()
        wait_until(lambda: seen.add(state_of(job).done) or job.state is JobState.DONE, 60)
        assert (job.done, job.total) == (300, 300)
        assert len(seen) > 3
        again = ask(committed, officer)
        nudge(poster_tasks.draw, [again.id])
        wait_until(lambda: state_of(again).done > 0, 30)
        kill(worker)
    committed.execute(sa.update(PosterJob).where(PosterJob.id == again.id).values(due_at=now()))
    committed.commit()
    poster_tasks.draw_due()
    assert state_of(again).state is JobState.DONE
    assert again.sha256 == job.sha256
