import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import backend
from backend import clock

ROOT = Path(backend.__file__).parents[1]
PROGRAM = """
import json, sys
from backend import worker
actors = {name: actor.options["max_retries"] for name, actor in worker.broker.actors.items()}
print(json.dumps({"modules": sorted(sys.modules), "actors": actors}))
"""


@cache
def worker_knows():
    """What a worker process has imported, asked of a process of its own."""
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return json.loads(ran.stdout)


def modules_with(text):
    files = [file for file in (ROOT / "backend").rglob("*.py") if text in file.read_text()]
    return {".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files}


def test_the_worker_imports_every_module_that_declares_actors_or_channels():
    declaring = modules_with("\n@actor(") | modules_with("\nregister(")
    assert {"backend.notify.tasks", "backend.wechat.media", "backend.wechat.channel"} <= declaring
    assert declaring <= set(worker_knows()["modules"])


def test_every_entry_of_the_timetable_is_an_actor_of_the_worker():
    assert {actor.actor_name for actor in clock.TIMETABLE} <= set(worker_knows()["actors"])


def test_no_actor_retries_by_itself_because_the_rows_know_what_is_to_be_done():
    assert set(worker_knows()["actors"].values()) == {0}
