"""A bit that changed on disk and a disk that is full are noticed and said, and nothing is lost."""

import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tunewise.cli import main
from tunewise.collection import Collection, open_store, reembed, verify
from tunewise.collection.lance import LanceStore
from tunewise.errors import StoreError
from tunewise.testing import WordHashEncoder

TEXTS = {f"d{n}": f"The violin {n * 7} is mended on day {n}." for n in range(30)}


@pytest.fixture
def violins(store, chunk):
    made = Collection.create(store, "violins", WordHashEncoder())
    made.add([chunk(name, text, year=2000 + n) for n, (name, text) in enumerate(TEXTS.items())])
    return made


def flip(folder, content):
    """Changes a bit of the first byte of `content`, in whichever data file it lies."""
    for path in Path(folder).rglob("data/*.lance"):
        held = bytearray(path.read_bytes())
        if (place := held.find(content)) >= 0:
            held[place] ^= 1
            path.write_bytes(held)
            return
    raise AssertionError("it lies in no file")


def damage(collection, column):
    """Changes what the store holds of chunk d3#0, behind the collection's back."""
    table = collection.about().current.table
    if hasattr(collection.store, "run"):  # PostgreSQL
        other = f"(SELECT {column} FROM \"tunewise_{table}\" WHERE id = 'd4#0')"
        collection.store.run(
            f"UPDATE \"tunewise_{table}\" SET {column} = {other} WHERE id = 'd3#0'"
        )
        return
    row = collection._table(collection.about()).rows("id = 'd3#0'", vectors=True)[0]
    held = row.vector.tobytes() if column == "vector" else row.text.encode()
    flip(collection.store.url, held)


def test_a_text_that_changed_is_no_answer(violins):
    assert verify(violins) == []
    damage(violins, "text")
    for ask in (
        lambda: violins.search(TEXTS["d3"], k=1),
        lambda: violins.get(["d3#0"]),
        lambda: violins.page(),
    ):
        with pytest.raises(StoreError, match="Chunk 'd3#0' of document 'd3' is not what was writ"):
            ask()
    assert violins.get(["d4#0"])[0].text == TEXTS["d4"]
    assert verify(violins) == ["d3"]


def test_a_vector_that_changed_is_found_by_a_check_and_mended_by_writing_anew(violins, chunk):
    damage(violins, "vector")
    assert verify(violins) == ["d3"]
    violins.upsert([chunk("d3", TEXTS["d3"], year=2003)])
    assert verify(violins) == []


def test_checksums_go_with_the_vectors_of_another_model(violins):
    again = reembed(violins, WordHashEncoder(dimension=32))
    assert verify(again) == []
    damage(again, "vector")
    assert verify(again) == ["d3"]


def test_what_is_known_of_a_collection_has_a_checksum_too(tmp_path):
    store = open_store(str(tmp_path / "store"))
    Collection.create(store, "violins", WordHashEncoder())
    told = store.facts()["collection violins"]
    store.keep("collection violins", told.replace('"weight": 0.5', '"weight": 0.4'))
    with pytest.raises(StoreError, match="its checksum is another"):
        Collection.open(store, "violins")


@pytest.fixture
def half_made(tmp_path):
    """A store whose first writer was killed before there was a version of its first table."""
    with closing(open_store(str(tmp_path / "store"))) as store:
        store.keep("one", "told")
        store.keep("one", None)
    folder = tmp_path / "store" / "_facts.lance"
    shutil.rmtree(folder / "data")
    for path in (folder / "_versions").iterdir():
        path.unlink()
    return tmp_path / "store"


def test_a_store_whose_maker_was_killed_at_once_is_empty_and_can_be_written(half_made, chunk):
    with closing(open_store(str(half_made))) as store:
        assert store.facts() == {}
        made = Collection.create(store, "violins", WordHashEncoder())
        made.add([chunk("d", "The violin is mended.")])
        assert Collection.open(store, "violins").count() == 1


def test_who_reads_while_another_makes_the_store_waits_for_it(half_made):
    with (
        closing(open_store(str(half_made))) as writer,
        closing(open_store(str(half_made))) as other,
    ):
        with ThreadPoolExecutor() as pool, writer.hold("_facts"):
            found = pool.submit(other.facts)
            with pytest.raises(TimeoutError):
                found.result(timeout=0.5)
            shutil.rmtree(half_made / "_facts.lance")
            shutil.copytree(made_elsewhere(half_made.parent), half_made / "_facts.lance")
        assert found.result() == {"one": "told"}


def made_elsewhere(home):
    with closing(open_store(str(home / "other"))) as store:
        store.keep("one", "told")
    return home / "other" / "_facts.lance"


def test_a_table_that_lost_its_versions_is_told_and_not_made_anew(tmp_path):
    with closing(open_store(str(tmp_path / "store"))) as store:
        store.keep("one", "told")
    shutil.rmtree(tmp_path / "store" / "_facts.lance" / "_versions")
    with closing(open_store(str(tmp_path / "store"))) as store:
        for use in (store.facts, lambda: store.keep("two", "told")):
            with pytest.raises(StoreError, match="was not found"):
                use()


def test_a_file_that_was_cut_off_is_told(tmp_path, chunk):
    store = open_store(str(tmp_path / "store"))
    made = Collection.create(store, "violins", WordHashEncoder())
    made.add([chunk(name, text) for name, text in TEXTS.items()])
    (path,) = (tmp_path / "store").glob("violins_*.lance/data/*.lance")
    path.write_bytes(path.read_bytes()[:-200])
    again = Collection.open(open_store(str(tmp_path / "store")), "violins", WordHashEncoder())
    with pytest.raises(StoreError, match="cannot be read or written"):
        again.search("violin", k=1)
    with pytest.raises(StoreError, match="cannot be read or written"):
        verify(again)


@pytest.mark.slow
def test_object_storage_that_refuses_is_told_in_its_own_words(monkeypatch):
    refusal = b"<Error><Code>NoSuchBucket</Code><Message>There is no such bucket.</Message></Error>"

    class Storage(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(404)
            self.end_headers()
            self.wfile.write(refusal)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Storage) as serving:
        threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.01}).start()
        settings = {"ENDPOINT": f"http://127.0.0.1:{serving.server_port}", "ALLOW_HTTP": "true",
                    "ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "y", "REGION": "here"}  # fmt: skip
        for name, value in settings.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        with pytest.raises(StoreError) as told:
            LanceStore("s3://nowhere/collections").facts()
        serving.shutdown()
    assert str(told.value).startswith(
        "The store 's3://nowhere/collections' cannot be reached or refuses: "
        "There is no such bucket. Check the address"
    )
    assert "disk" not in str(told.value)


def test_a_copy_of_the_folder_is_the_collection_as_it_was(tmp_path, chunk):
    made = Collection.create(open_store(str(tmp_path / "store")), "violins", WordHashEncoder())
    made.add([chunk(name, text) for name, text in TEXTS.items()])
    shutil.copytree(tmp_path / "store", tmp_path / "copy")
    made.delete(documents=["d3"])
    shutil.rmtree(tmp_path / "store")
    again = Collection.open(open_store(str(tmp_path / "copy")), "violins", WordHashEncoder())
    assert again.search(TEXTS["d3"], k=1)[0].chunk.document == "d3"
    assert verify(again) == []


def test_the_command_names_damaged_documents_and_writes_them_anew(home, tmp_path, capsys):
    docs, place = tmp_path / "docs", str(tmp_path / "store")
    docs.mkdir()
    for name, text in TEXTS.items():
        (docs / f"{name}.txt").write_text(text)
    index = ["index", "word-hash", "--store", place]
    assert main([*index, "--from", str(docs)]) == 0
    assert main([*index, "--check"]) == 0
    assert "documents: all chunks are what was written" in capsys.readouterr().out
    flip(place, TEXTS["d7"].encode())
    assert main([*index, "--check"]) == 2
    told = capsys.readouterr()
    assert told.err.endswith("damaged: d7.txt\n")
    assert "damaged documents: 1; --check --from DOCUMENTS writes them anew" in told.out
    assert main([*index, "--check", "--from", str(docs)]) == 0
    assert "0 added, 1 changed, 29 unchanged" in capsys.readouterr().out
    assert main([*index, "--check"]) == 0


WRITER = """
import resource, sys
from tunewise.collection import Collection, open_store
from tunewise.documents import Chunk
from tunewise.errors import StoreError
from tunewise.testing import WordHashEncoder

made = Collection.create(open_store(sys.argv[1]), "notes", WordHashEncoder())
add = lambda names, text: made.add([Chunk(n, n, text, 0, len(text), 0, 1) for n in names])
add(["a", "b"], "short")
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
try:
    add(["c", "d"], "".join(f"violin {n} " for n in range(40_000)))
except StoreError as refusal:
    print(refusal)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no limit to set")
def test_a_write_that_does_not_fit_is_refused_and_what_was_there_stays(tmp_path):
    place = str(tmp_path / "store")
    ran = subprocess.run(
        [sys.executable, "-c", WRITER, place],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "cannot be read or written" in ran.stdout
    assert "File too large" in ran.stdout
    assert "If the disk is full, free some space" in ran.stdout
    with closing(open_store(place)) as store:
        notes = Collection.open(store, "notes", WordHashEncoder())
        assert [chunk.id for chunk in notes.page()] == ["a", "b"]
        assert verify(notes) == []
        notes.add([])
