"""What a bench leaves behind: a progress bar while it runs, a table at the end, a JSON file to compare."""

import json
import platform
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from tqdm import tqdm

RESULTS = Path(__file__).parent / "results"
PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
T = TypeVar("T")


def progress(items: Iterable[T], what: str) -> Iterable[T]:
    shown: Iterable[T] = tqdm(items, desc=what, leave=False, disable=None)
    return shown


def bar(total: int, what: str) -> Any:
    """A bar that its user moves: `update(by)`, as a context."""
    return tqdm(total=total, desc=what, leave=False, disable=None)


def write(name: str, found: dict[str, Any]) -> Path:
    """bench/results/<name>.json, with what it was measured on."""
    machine = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "cpu": _cpu(),
        "commit": subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
        ).stdout.strip(),
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps({"measured": machine} | found, ensure_ascii=False, indent=1) + "\n")
    return path


def publish(name: str, found: dict[str, Any]) -> None:
    """Put the table into docs/performance.md, where the page says `table: <name>`."""
    start, end = f"<!-- table: {name} -->", "<!-- end -->"
    text = PAGE.read_text()
    head, rest = text.split(start)
    _, tail = rest.split(end, 1)
    PAGE.write_text(f"{head}{start}\n\n{table(found['rows'])}\n\n{found['says']}\n\n{end}{tail}")


def _cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown")


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as a Markdown table."""
    names = list(rows[0])
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    for row in rows:
        lines.append("| " + " | ".join("" if row[name] is None else str(row[name]) for name in names) + " |")
    return "\n".join(lines)
