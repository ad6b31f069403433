"""What lasts: kills while writing, writers at once, damaged files, a full disk."""

import os
import random
import signal
import time

import lasting_writer as writing
import pytest

from tunewise.cli import main
from tunewise.collection import Collection, open_store
from tunewise.errors import StoreError
from tunewise.testing import WordHashEncoder


@pytest.mark.slow
def test_a_writer_that_is_killed_loses_nothing_acknowledged_and_leaves_no_half(store, url):
    collection = Collection.create(store, "lasting", WordHashEncoder())
    for kill in range(4):
        process = writing.started(url, f"w{kill}", 100_000)
        told = process.stdout.readline()  # its first write, however slow the machine
        time.sleep(random.Random(kill).uniform(0.2, 0.9))
        os.kill(process.pid, signal.SIGKILL)
        known, there = writing.acknowledged(process, told), writing.versions(collection)
        assert known
        for document, version in known.items():
            [only] = set(there[document])  # of one version, all parts of it
            assert len(there[document]) == writing.PARTS
            assert only - version in (0, writing.DOCUMENTS)  # the write that was under way
        assert {len(parts) for parts in there.values()} == {writing.PARTS}
    collection.replace(writing.chunks("after", 1), documents={"after": ""})  # no lock is left


@pytest.mark.slow
def test_writers_at_once_lose_nothing(store, url):
    collection = Collection.create(store, "lasting", WordHashEncoder())
    processes = [writing.started(url, f"w{writer}", 40) for writer in range(2)]
    there_then = [writing.acknowledged(process) for process in processes]
    there = writing.versions(collection)
    for known in there_then:
        assert len(known) == writing.DOCUMENTS
        for document, version in known.items():
            assert there[document] == [version] * writing.PARTS


def filled(url, documents):
    collection = Collection.create(open_store(url), "lasting", WordHashEncoder())
    for number in range(documents):
        document = f"d{number}"
        collection.replace(writing.chunks(document, number), documents={document: ""})
    return collection


@pytest.mark.parametrize("damage", ["cut short", "other bytes", "gone"])
def test_a_damaged_file_of_the_store_is_said_and_no_traceback_shown(tmp_path, capsys, damage):
    filled(str(tmp_path / "store"), 1)
    [data] = (tmp_path / "store").glob("lasting_*.lance/data/*")
    whole = data.read_bytes()
    if damage == "gone":
        data.unlink()
    else:
        data.write_bytes(whole[: len(whole) // 2] if damage == "cut short" else b"?" * len(whole))
    collection = Collection.open(open_store(str(tmp_path / "store")), "lasting", WordHashEncoder())
    with pytest.raises(StoreError, match="cannot be read or written"):
        collection.search("version")
    arguments = ["search", "word-hash", "version", "--collection", "lasting"]
    assert main([*arguments, "--store", str(tmp_path / "store")]) == 2
    assert "tunewise: The store" in capsys.readouterr().err
    data.write_bytes(whole)
    assert len(collection.search("version")) == 5


def test_a_store_that_cannot_be_made_or_reached_is_said(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="cannot be read or written"):
        Collection.create(open_store(str(tmp_path / "file" / "x")), "no", WordHashEncoder())


def test_a_disk_that_fills_up_is_said_and_what_was_there_stays(tmp_path):
    resource = pytest.importorskip("resource")
    collection = filled(str(tmp_path / "store"), 1)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # the kernel's own refusal to write more, as a full disk's; its signal is not wanted
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, hard))
    try:
        many = [chunk for n in range(50) for chunk in writing.chunks(f"big{n}", n)]
        with pytest.raises(StoreError, match="free some space"):
            collection.upsert(many)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert writing.versions(collection) == {"d0": [0] * writing.PARTS}
    collection.upsert(many)
    assert len(writing.versions(collection)) == 51
