"""What many small writes leave in a folder: little, nothing deleted, and all when killed."""

import os
import random
import signal
import time
from datetime import timedelta

import lasting_writer as writing
import pytest

from tunewise.collection import Collection, compacting, open_store, verify
from tunewise.collection.lance import LanceTable
from tunewise.documents import Chunk
from tunewise.errors import StoreError
from tunewise.testing import WordHashEncoder

EAGER = """
from datetime import timedelta
from tunewise.collection import compacting
compacting._WRITES, compacting.GRACE = 2, timedelta(milliseconds=1)
"""


def chunk(name, text):
    return Chunk(f"{name}#0", name, text, 0, len(text), 0, 1, "", {})


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def made(folder):
    return Collection.create(open_store(str(folder)), "lasting", WordHashEncoder())


def texts_on_disk(folder):
    """All of a table's files: their texts are too short and too few to be packed."""
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


@pytest.mark.slow
def test_a_store_stays_small_however_many_writes_there_are(made, folder, monkeypatch):
    monkeypatch.setattr(compacting, "GRACE", timedelta(milliseconds=1))
    made.add([chunk(f"d{n}", f"text {n}") for n in range(5)])
    for n in range(100):
        made.replace([chunk(f"d{n % 5}", f"new {n}")], documents={f"d{n % 5}": f"{n}"})
        made.store.keep("note", f"{n}")
    assert made.digests() == {f"d{n % 5}": f"{n}" for n in range(95, 100)}
    assert made.store.facts()["note"] == "99"
    assert len([path for path in folder.rglob("*") if path.is_file()]) < 8 * 32
    assert made.search("new 99", k=1)[0].chunk.text == "new 99"


@pytest.mark.parametrize(
    "indexed", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["plain", "indexed"]
)
def test_what_was_deleted_or_replaced_is_off_the_disk_once_it_is_compacted(
    made, folder, monkeypatch, indexed
):
    monkeypatch.setattr(LanceTable, "index_from", 300 if indexed else 10_000)
    made.add([chunk(f"d{n}", f"Text {n} of secret{n}.") for n in range(300)])
    assert (made.build() is not None) == indexed
    table = made.store.table(made.about().current.table, dimension=64, precision="float32")
    for part in range(3 if indexed else 0):  # each is indexed by itself
        made.add([chunk(f"{part}e{n}", f"Text {n} of late{part}{n}.") for n in range(40)])
        table._table.optimize()
    made.delete(documents=["d7"])
    if indexed:
        made.replace([chunk("d8", "Nothing.")], documents={"d8": "1"})
    assert b"secret7." in texts_on_disk(folder)
    before = made.count()
    made.compact()
    there = texts_on_disk(folder)
    assert b"secret7." not in there
    assert (b"secret8." not in there) == indexed
    assert b"secret9." in there
    assert made.count() == before
    assert made.search("Text 9 of secret9.", k=1)[0].chunk.document == "d9"
    assert (made.about().current.built is not None) == indexed
    assert verify(made) == []


def set_back(folder, seconds):
    """As if the clock had been set back now: all versions of all tables were made later."""
    for manifest in folder.glob("*.lance/_versions/*.manifest"):
        held, now = manifest.read_bytes(), int(time.time())
        (begun,) = (each for each in range(now - 60, now + 1) if held.count(varint(each)) == 1)
        manifest.write_bytes(held.replace(varint(begun), varint(begun + seconds)))


def varint(number):
    """As a manifest holds its time: seven bits in a byte, the lowest first."""
    more = number >> 7
    return bytes([number & 127 | (128 if more else 0)]) + (varint(more) if more else b"")


@pytest.mark.slow
def test_what_was_deleted_goes_once_a_clock_that_was_set_back_has_caught_up(made, folder):
    made.add([chunk(f"d{n}", f"Text {n} of secret{n}.") for n in range(9)])
    made.delete(documents=["d7"])
    set_back(folder, 1)
    made.compact()
    assert b"secret7." not in texts_on_disk(folder)
    assert b"secret8." in texts_on_disk(folder)


@pytest.mark.parametrize("what", ["one", "all", "replaced"])
def test_it_is_said_that_what_was_deleted_is_kept_by_a_clock_that_was_set_back(made, folder, what):
    made.add([chunk(f"d{n}", f"Text {n} of secret{n}.") for n in range(9)])
    if what == "replaced":
        made.replace([chunk("d0", "Nothing.")], documents={f"d{n}": "1" for n in range(9)})
    else:
        made.delete(documents=["d7"] if what == "one" else [f"d{n}" for n in range(9)])
    set_back(folder, 3_600)
    with pytest.raises(StoreError, match=r"still on the disk.* 0:59:5.* Set the clock"):
        made.compact()
    assert b"secret7." in texts_on_disk(folder)
    assert verify(made) == []
    assert made.count() == {"one": 8, "all": 0, "replaced": 1}[what]


def test_what_a_killed_writer_left_goes(made, folder):
    made.add([chunk(f"d{n}", f"Text {n} of secret{n}.") for n in range(9)])
    [data] = folder.glob("lasting_*.lance/data")
    [file] = data.iterdir()
    for begun in (
        ".tmp1a2b3c",
        "0" * len(file.stem) + ".lance",
    ):  # begun, and whole but in no version
        (data / begun).write_bytes(file.read_bytes().replace(b"secret7.", b"unsaid7."))
    made.compact()
    assert b"unsaid7." not in texts_on_disk(folder)
    assert b"secret7." in texts_on_disk(folder)
    assert verify(made) == []
    assert made.count() == 9


def test_who_reads_a_version_that_goes_reads_the_newest(made):
    made.add([chunk("d0", "old")])
    table = made.store.table(made.about().current.table, dimension=64, precision="float32")._table
    version = table.version
    held = made.store.table(made.about().current.table, dimension=64, precision="float32")._table
    held.checkout(version)
    made.replace([chunk("d0", "new")], documents={"d0": "1"})
    made.compact()
    tried = []

    def texts():
        tried.append(held.version)
        try:
            return held.search().to_arrow().column("text").to_pylist()
        finally:
            held.checkout_latest()

    assert compacting.read(texts) == ["new"]
    assert tried[0] == version
    assert len(tried) == 2


def test_a_write_stands_though_its_compaction_fails(made, monkeypatch, caplog):
    def full(*_):
        raise OSError("No space left on device (os error 28)")

    monkeypatch.setattr(compacting, "_WRITES", 1)
    monkeypatch.setattr(compacting, "compact", full)
    made.add([chunk("d0", "there")])
    assert made.count() == 1
    assert "was not compacted: No space left" in caplog.text


@pytest.mark.slow
def test_a_kill_while_it_is_compacted_leaves_what_was_acknowledged(made, folder):
    for kill in range(6):
        process = writing.started(str(folder), f"w{kill}", 100_000, eager=EAGER)
        first = process.stdout.readline()
        time.sleep(random.Random(kill).uniform(0.1, 0.6))
        os.kill(process.pid, signal.SIGKILL)
        there = made.digests()
        for document, version in writing.acknowledged(process, first).items():
            assert int(there[document]) - version in (0, writing.DOCUMENTS)
        assert verify(made) == []
    made.compact()
    assert made.count() == writing.PARTS * len(made.digests())


@pytest.mark.slow
def test_two_who_write_and_compact_and_one_who_reads_go_on(made, folder):
    processes = [writing.started(str(folder), f"w{writer}", 25, eager=EAGER) for writer in range(2)]
    read = 0
    while any(process.poll() is None for process in processes):
        assert len(made.page(limit=1_000)) % writing.PARTS == 0
        made.search("version part", k=3)
        made.search("version part", k=3, by="words")
        read += 1
    assert read
    there = {document: int(version) for document, version in made.digests().items()}
    for process in processes:
        assert writing.acknowledged(process).items() <= there.items()
