"""The store of files: each lies under the SHA-256 of its content, written whole or not at all, once."""

import hashlib
import os
import re
from contextlib import suppress
from functools import cache
from pathlib import Path

import obstore
from obstore.store import LocalStore

from backend.config import config

SHA256 = re.compile(r"[0-9a-f]{64}")


def save(content: bytes) -> str:
    """Keep the content and return its SHA-256 in hex. The same content again changes nothing."""
    sha256 = hashlib.sha256(content).hexdigest()
    if not _is_whole(sha256, len(content)):
        obstore.put(_store(), _path(sha256), content, use_multipart=False)  # a rename at the end: atomic
        _sync(config.stores_in / _path(sha256))
    return sha256


def read(sha256: str) -> bytes:
    """The content with this SHA-256. Raises FileNotFoundError when it is not in the store."""
    return bytes(obstore.get(_store(), _path(sha256)).bytes())


def remove(sha256: str) -> None:
    """Take the content with this SHA-256 out of the store. Changes nothing when it is not there."""
    with suppress(FileNotFoundError):
        obstore.delete(_store(), _path(sha256))


@cache
def _store() -> LocalStore:
    return LocalStore(config.stores_in, mkdir=True)


def _path(sha256: str) -> str:
    """ab/cd/abcd…: no folder grows beyond what a file system lists quickly."""
    if not SHA256.fullmatch(sha256):
        raise FileNotFoundError(f"not a SHA-256: {sha256!r}")
    return f"{sha256[:2]}/{sha256[2:4]}/{sha256}"


def _is_whole(sha256: str, size: int) -> bool:
    """Whether the content is there. A power cut may leave a name with nothing behind it: write that again."""
    try:
        return obstore.head(_store(), _path(sha256))["size"] == size
    except FileNotFoundError:
        return False


def _sync(path: Path) -> None:
    """A row that names the file is committed after this: it must not outlive the file in a power cut."""
    for place in (path, path.parent):
        handle = os.open(place, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
