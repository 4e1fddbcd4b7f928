"""What the documents say is true: links, files, targets, commands, settings exist; the diagram is fresh."""

import re
import subprocess
from pathlib import Path

import pytest

from backend.cases import diagram as cases
from backend.cli import COMMANDS, marks
from backend.config import Config, from_env
from backend.notify.messages import Message
from backend.orders import diagram as orders
from backend.wechat import accounts

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = sorted([*ROOT.glob("README*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")
FOLDERS = ("backend/", "tests/", "scripts/", "docs/", "bench/", "wechat_sandbox/", "miniprogram_stub/")

every_document = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


def anchors(path: Path) -> set[str]:
    """The headings of a document as links name them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def missing_links(path: Path) -> list[str]:
    missing = []
    for link in LINK.findall(path.read_text(encoding="utf-8")):
        name, _, anchor = link.partition("#")
        target = path.parent / name if name else path
        if "://" in link or (target.exists() and (not anchor or anchor in anchors(target))):
            continue
        missing.append(link)
    return missing


@every_document
def test_every_link_leads_somewhere(path):
    assert missing_links(path) == []


@every_document
def test_every_file_that_is_named_exists(path):
    named = [word for word in CODE.findall(path.read_text(encoding="utf-8")) if word.startswith(FOLDERS)]
    assert [name for name in named if not (ROOT / name).exists()] == []


@every_document
def test_every_make_target_that_is_named_exists(path):
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    named = re.findall(r"(?:`|^)make ([a-z]+)", path.read_text(encoding="utf-8"), re.M)
    assert set(named) <= set(targets)


@every_document
def test_every_command_that_is_named_exists(path):
    named = re.findall(r"python -m backend ([a-z-]+)", path.read_text(encoding="utf-8"))
    assert set(named) <= set(COMMANDS)


def test_the_documents_name_targets_commands_and_files_at_all():
    assert {"run", "test"} <= set(re.findall(r"^make ([a-z]+)", README, re.M))
    assert "publish" in re.findall(r"python -m backend ([a-z-]+)", README)
    assert sum(word.startswith(FOLDERS) for word in CODE.findall(README)) > 20


def test_a_link_to_nowhere_is_found(tmp_path):
    document = tmp_path / "README.md"
    document.write_text("# Here\n[a](nowhere.md) [b](#here) [c](#there) [d](https://example.org)")
    assert missing_links(document) == ["nowhere.md", "#there"]


@pytest.mark.parametrize(("name", "life"), [("case", cases), ("order", orders)])
def test_the_diagram_is_fresh(name, life):
    start, end = marks(name)
    drawn = README.partition(start)[2].partition(end)[0]
    assert drawn == f"```mermaid\n{life.diagram()}\n```\n", "python -m backend diagram --write README.md"


def test_the_table_of_settings_has_every_setting():
    table = README.partition("\n## Settings\n")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `([A-Z_]+)` \|", table, re.M)) == {
        name.upper() for name in Config.model_fields
    }


def test_the_chapter_that_a_bad_file_of_accounts_refers_to_exists():
    assert "\n## A real official account, step by step\n" in README
    assert "\n2. **The accounts' file**" in README
    assert "A real official account, step by step”第 2 步" in accounts.FORM


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_the_settings_that_the_chapter_makes_are_good_and_made_once(tmp_path, name):
    text = (ROOT / name).read_text(encoding="utf-8")
    lines = [line.strip() for line in text.splitlines()]
    start, end = lines.index("mkdir -p var"), lines.index("set -a; . var/district.env; set +a")
    script = "\n".join([*lines[start : end + 1], 'echo "$VAR_DIR $SECRET_KEY $DATA_KEYS"'])
    first, again = (subprocess.check_output(["sh", "-c", script], cwd=tmp_path, text=True) for _ in range(2))
    var_dir, secret_key, data_keys = first.split()
    assert from_env({"VAR_DIR": var_dir, "SECRET_KEY": secret_key, "DATA_KEYS": data_keys})
    assert again == first
    assert (tmp_path / "var/district.env").stat().st_mode & 0o077 == 0


def test_the_example_of_an_account_names_kinds_of_messages_that_exist():
    assert set(re.findall(r"^\s*\[accounts\.\w+\.templates\.(\w+)\]", README, re.M)) <= set(Message)
