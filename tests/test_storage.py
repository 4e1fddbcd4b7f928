import hashlib
import os
import threading

import pytest

from backend import storage
from backend.config import config


def path_of(sha256):
    return config.stores_in / sha256[:2] / sha256[2:4] / sha256


def test_content_is_read_back_by_its_hash():
    sha256 = storage.save(b"a photo of a street lamp")
    assert sha256 == hashlib.sha256(b"a photo of a street lamp").hexdigest()
    assert storage.read(sha256) == b"a photo of a street lamp"


def test_the_same_content_is_kept_once():
    first = storage.save(b"twice the same")
    before = path_of(first).stat()
    assert storage.save(b"twice the same") == first
    assert path_of(first).stat().st_mtime_ns == before.st_mtime_ns
    assert [file.name for file in path_of(first).parent.iterdir()] == [first]


def test_empty_content_is_content_too():
    assert storage.read(storage.save(b"")) == b""


def test_what_a_power_cut_left_empty_is_written_again():
    sha256 = storage.save(b"written before the lights went out")
    os.truncate(path_of(sha256), 0)
    storage.save(b"written before the lights went out")
    assert storage.read(sha256) == b"written before the lights went out"


def test_many_writers_of_one_content_leave_one_whole_file():
    content = os.urandom(3_000_000)
    found = []
    threads = [threading.Thread(target=lambda: found.append(storage.save(content))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [hashlib.sha256(content).hexdigest()] * 8
    assert [file.name for file in path_of(found[0]).parent.iterdir()] == [found[0]]
    assert storage.read(found[0]) == content


@pytest.mark.parametrize("name", ["", "0" * 64, "../../etc/passwd", "A" * 64, "0" * 63])
def test_what_is_not_there_is_not_found(name):
    with pytest.raises(FileNotFoundError):
        storage.read(name)
