"""Copy what npm brings from node_modules to where pages and posters find it.

Files of pages are named by their content: a name with a hash may be cached for ever, and manifest.json says
which name a page's plain name stands for now. Fonts are read by the server alone and keep a plain name.
"""

import hashlib
import json
import shutil
from pathlib import Path

ROOT = Path(__file__).parent.parent
TARGET = ROOT / "backend/static/vendor"

FILES = {
    "tabler.css": "@tabler/core/dist/css/tabler.min.css",
    "weui.css": "weui/dist/style/weui.min.css",
    "htmx.js": "htmx.org/dist/htmx.min.js",
}
FONTS = {
    "NotoSansSC-Regular.ttf": "400Regular/NotoSansSC_400Regular.ttf",
    "NotoSansSC-Bold.ttf": "700Bold/NotoSansSC_700Bold.ttf",
    "LICENSE": "LICENSE_FONT",
}


def main() -> None:
    """Make the folder anew; it holds the files of FILES and FONTS and the manifest, and nothing else."""
    shutil.rmtree(TARGET, ignore_errors=True)
    TARGET.mkdir(parents=True)
    names = {name: copy(name, ROOT / "node_modules" / source) for name, source in FILES.items()}
    (TARGET / "fonts").mkdir()
    for name, source in FONTS.items():
        shutil.copy(ROOT / "node_modules/@expo-google-fonts/noto-sans-sc" / source, TARGET / "fonts" / name)
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
