"""Objects: any name, whole or not at all, bounded, and nothing left over."""

import hashlib
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunewise.errors import AbsentError, OptionError, OutputError, StoreError
from tunewise.objects import FILES, Objects

WRITER = """
import sys, os, signal
from pathlib import Path
from tunewise.objects import Objects
objects = Objects(Path(sys.argv[1]))
def blocks():
    yield b"half"
    os.kill(os.getpid(), signal.SIGKILL)
objects.put("b", "kept", [b"all"], most=10)
objects.put("b", "torn", blocks(), most=10)
"""


@pytest.fixture
def objects(tmp_path):
    opened = Objects(tmp_path / "objects")
    yield opened
    opened.close()


def test_what_was_put_comes_back_with_its_hash_and_what_was_said_of_it(objects):
    put = objects.put("faq", "a.txt", [b"some ", b"words"], most=10, about={"purpose": "x"})
    assert put == objects.get("faq", "a.txt")
    assert (put.size, put.about) == (10, {"purpose": "x"})
    assert put.sha256 == hashlib.sha256(b"some words").hexdigest()
    assert put.path.read_bytes() == b"some words"
    assert objects.held() == (1, 10)


def test_a_file_put_again_takes_the_place_of_the_old_one(objects):
    old = objects.put("faq", "a", [b"old"], most=10)
    new = objects.put("faq", "a", [b"new"], most=10)
    assert [each.path.read_bytes() for each in objects.list("faq")] == [b"new"]
    assert not old.path.exists()
    assert new.path.exists()


def test_reserved_buckets_are_not_listed_and_what_is_deleted_is_gone(objects):
    path = objects.put("faq", "a", [b"x"], most=1).path
    objects.put(FILES, "a", [b"x"], most=1)
    assert objects.buckets() == ["faq"]
    objects.delete("faq", "a")
    assert not path.exists()
    for asked in (objects.get, objects.delete):
        with pytest.raises(AbsentError, match="no 'a' in 'faq'"):
            asked("faq", "a")


def test_too_large_a_file_and_a_broken_upload_leave_what_was_there(objects, tmp_path):
    objects.put("faq", "a", [b"old"], most=3)
    with pytest.raises(OptionError, match="3 bytes"):
        objects.put("faq", "a", [b"ol", b"der"], most=3)

    def broken():
        yield b"n"
        raise ConnectionError

    with pytest.raises(ConnectionError):
        objects.put("faq", "a", broken(), most=3)
    assert objects.get("faq", "a").path.read_bytes() == b"old"
    assert len(list((tmp_path / "objects" / "blobs").iterdir())) == 1


@settings(max_examples=10)
@given(
    bucket=st.text(min_size=1, max_size=8).filter(lambda word: "\0" not in word),
    name=st.text(
        st.characters(exclude_categories=["Cs"]) | st.sampled_from("/.\\"), min_size=1, max_size=20
    ).filter(lambda word: "\0" not in word),
)
def test_no_name_leads_out_of_the_folder(tmp_path_factory, bucket, name):
    folder = tmp_path_factory.mktemp("objects")
    objects = Objects(folder)
    try:
        stored = objects.put(bucket, name, [b"x"], most=1)
        assert stored.path.parent == folder / "blobs"
        assert [each.name for each in objects.list(bucket)] == [name]
    finally:
        objects.close()


def test_names_that_cannot_be_kept_are_refused(objects):
    for bucket, name in (("", "a"), ("a", ""), ("a", "x\0y"), ("a", "x" * 1025)):
        with pytest.raises(OptionError, match="1 to 1,024 letters"):
            objects.put(bucket, name, [b"x"], most=1)


def test_a_kill_while_writing_leaves_what_was_acknowledged_and_a_sweep_takes_the_rest(tmp_path):
    ended = subprocess.run([sys.executable, "-c", WRITER, str(tmp_path)], check=False)
    assert ended.returncode == -9
    objects = Objects(tmp_path)
    assert [(each.name, each.path.read_bytes()) for each in objects.list("b")] == [("kept", b"all")]
    assert objects.sweep() == 1
    assert objects.sweep() == 0
    assert objects.get("b", "kept").path.read_bytes() == b"all"
    objects.close()


def test_several_writers_of_one_name_leave_one_whole_file(objects, tmp_path):
    def write(word):
        for _ in range(5):
            objects.put("b", "same", [word] * 10, most=100)

    threads = [threading.Thread(target=write, args=(word,)) for word in (b"aa", b"bb", b"cc")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [only] = objects.list("b")
    assert only.path.read_bytes() in (b"aa" * 10, b"bb" * 10, b"cc" * 10)
    assert [only.path] == list((tmp_path / "objects" / "blobs").iterdir())


def test_a_damaged_database_is_said(tmp_path):
    (tmp_path / "objects.db").write_bytes(b"no database at all, but long enough to look at" * 50)
    with pytest.raises(StoreError, match=r"objects\.db' cannot be read"):
        Objects(tmp_path)


def test_a_damaged_row_is_said(tmp_path):
    objects = Objects(tmp_path)
    objects.put("b", "a.txt", [b"x"], most=1)
    with closing(sqlite3.connect(tmp_path / "objects.db")) as file, file:
        file.execute("UPDATE objects SET about = replace(about, '{', '[')")
    for ask in (lambda: objects.get("b", "a.txt"), lambda: objects.list("b")):
        with pytest.raises(StoreError, match=r"objects\.db' cannot be read"):
            ask()


def test_a_database_that_another_process_holds_is_said_so(tmp_path, monkeypatch):
    monkeypatch.setattr("tunewise.database._WAIT", 0.05)
    objects = Objects(tmp_path)
    with closing(sqlite3.connect(tmp_path / "objects.db", isolation_level=None)) as file:
        file.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="held by another process") as refused:
            objects.put("b", "a.txt", [b"x"], most=1)
    assert "damaged" not in str(refused.value)


def test_a_full_disk_is_said_leaves_nothing_and_lets_what_is_there_be_deleted(small_disk):
    folder, fill = small_disk
    objects = Objects(folder / "objects")
    for n in range(150):
        objects.put("b", f"{n}", [b"x"], most=1)
    fill()
    before = {path.name for path in (folder / "objects" / "blobs").iterdir()}
    for size in (100, 100_000):  # what is not written before it is flushed, and what is
        with pytest.raises(OutputError, match="No space left"):
            objects.put("b", "more", [b"x" * size], most=size)
    assert {path.name for path in (folder / "objects" / "blobs").iterdir()} == before
    for n in range(150):
        objects.delete("b", f"{n}")
    assert objects.list("b") == []
    objects.close()
