"""Copy the built front-end files from node_modules to where the pages find them, named by their content.

A name with a hash may be cached for ever; manifest.json says which name a page's plain name stands for now.
"""

import hashlib
import json
import shutil
from pathlib import Path

ROOT = Path(__file__).parent.parent
TARGET = ROOT / "backend/static/vendor"

FILES = {
    "weui.css": "weui/dist/style/weui.min.css",
    "htmx.js": "htmx.org/dist/htmx.min.js",
}


def main() -> None:
    """Make the folder anew; it holds the files of FILES and the manifest, and nothing else."""
    shutil.rmtree(TARGET, ignore_errors=True)
    TARGET.mkdir(parents=True)
    names = {name: copy(name, ROOT / "node_modules" / source) for name, source in FILES.items()}
    (TARGET / "manifest.json").write_text(json.dumps(names, indent=2) + "\n")


def copy(name: str, source: Path) -> str:
    """Copy one file and return its new name, such as weui.0123456789.css."""
    content = source.read_bytes()
    stem, suffix = name.rsplit(".", 1)
    hashed = f"{stem}.{hashlib.sha256(content).hexdigest()[:10]}.{suffix}"
    (TARGET / hashed).write_bytes(content)
    return hashed


if __name__ == "__main__":
    main()
