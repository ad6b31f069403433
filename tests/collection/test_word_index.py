"""Indexes by words kept beside their table: read instead of made, and never out of date."""

import json
import logging
import os
import shutil
from contextlib import suppress
from dataclasses import replace

import pytest
from safetensors import SafetensorError

from tunewise.collection import Collection, open_store, word_index, words
from tunewise.collection.retrieval import Retrieval
from tunewise.collection.word_index import load_index, make_index, save_index
from tunewise.errors import DataError, StoreError
from tunewise.retrieval import Analyzer
from tunewise.task import Texts
from tunewise.testing import WordHashEncoder

TEXTS = {"cats": "Cats purr.", "dogs": "Dogs bark at cats, and cats run.", "eels": "Eels swim."}


@pytest.fixture(autouse=True)
def kept_however_soon_made(monkeypatch):
    monkeypatch.setattr(words, "_PATIENCE", -1.0)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def pets(folder, chunk):
    made = Collection.create(open_store(str(folder)), "pets", WordHashEncoder())
    made.add([chunk(name, text) for name, text in TEXTS.items()])
    return made


def again(folder):
    """The collection as another process sees it."""
    return Collection.open(open_store(str(folder)), "pets")


def found(collection, query="cats bark"):
    return [(hit.chunk.document, hit.score) for hit in collection.search(query, by="words")]


def kept(folder):
    return [path for path in folder.glob("*.derived/*") if path.is_dir()]


@pytest.fixture
def unmade(monkeypatch):
    """Has nobody make an index."""
    monkeypatch.setattr(words, "make_index", lambda *_: 1 / 0)


def test_what_one_process_made_the_next_one_reads(pets, folder, request):
    there = found(pets)
    assert [name for name, _ in there] == ["dogs", "cats"]
    request.getfixturevalue("unmade")
    assert found(again(folder)) == there
    assert found(again(folder), "nothing of it") == []


def test_what_is_behind_is_not_read_and_goes(pets, folder, chunk, request):
    found(pets)
    [before] = kept(folder)
    shutil.copytree(before.parent, folder / "kept")
    pets.upsert([chunk("cows", "Cows bark.")])
    assert kept(folder) == []
    (folder / "kept").rename(before.parent)  # as if the writer had been killed just before
    assert {name for name, _ in found(again(folder))} == {"cats", "dogs", "cows"}
    assert [path.name for path in kept(folder)] != [before.name]
    assert len(kept(folder)) == 1
    pets.delete(documents=["cats"])
    assert kept(folder) == []
    request.getfixturevalue("unmade")
    with pytest.raises(ZeroDivisionError):
        found(again(folder))


def test_a_table_brought_back_from_a_copy_is_another_version(pets, folder, chunk, tmp_path):
    [table] = folder.glob("pets_*.lance")
    shutil.copytree(table, tmp_path / "copy")
    pets.upsert([chunk("cows", "Cows bark.")])
    assert "cows" in dict(found(again(folder)))
    [before] = kept(folder)
    shutil.copytree(before.parent, tmp_path / "kept")
    shutil.rmtree(table)
    shutil.copytree(tmp_path / "copy", table)
    # of as many writes as the one whose index was kept, but of others
    writer = Collection.open(open_store(str(folder)), "pets", WordHashEncoder())
    writer.upsert([chunk("owls", "Owls bark.")])
    shutil.copytree(tmp_path / "kept", before.parent)  # as if that had not taken it away
    assert set(dict(found(again(folder)))) == {"cats", "dogs", "owls"}
    assert kept(folder)[0].name.partition("-")[0] == before.name.partition("-")[0]


@pytest.mark.parametrize("damage", ["other bytes", "cut short", "gone"])
def test_a_damaged_one_is_made_anew(pets, folder, damage, caplog):
    there = found(pets)
    path = next(kept(folder)[0].glob("data*"))
    whole = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        last = bytes([whole[-1] ^ 1]) if damage == "other bytes" else b""
        path.write_bytes(whole[:-1] + last)
    with caplog.at_level(logging.WARNING):
        assert found(again(folder)) == there
    assert "damaged" in caplog.text
    assert path.read_bytes() == whole


@pytest.mark.parametrize("content", ["[" * 100_000, "[]", "{}", "\0", '{"made": 1}'], ids=len)
def test_what_tells_of_one_may_be_anything(pets, folder, content):
    there = found(pets)
    (kept(folder)[0] / "about.json").write_text(content)
    assert found(again(folder)) == there


def test_parts_that_do_not_belong_together_are_made_anew(pets, folder, monkeypatch):
    there = found(pets)
    path = kept(folder)[0] / "ids.json"
    path.write_text('["cats#0"]')
    monkeypatch.setattr(word_index, "_checksums", lambda _: told)
    told = json.loads((path.parent / "about.json").read_text())["checksums"]
    assert found(again(folder)) == there


@pytest.mark.parametrize("gone", ["words", "collection"])
def test_what_is_deleted_while_it_is_kept_does_not_stay(pets, folder, monkeypatch, gone):
    save = words.save_index

    def meanwhile(*told):
        if gone == "words":
            again(folder).delete(documents=["eels"])
        else:
            again(folder).remove()
        save(*told)

    monkeypatch.setattr(words, "save_index", meanwhile)
    with suppress(StoreError, DataError):
        found(pets)
    assert list(folder.glob("*.derived")) == []
    monkeypatch.setattr(words, "save_index", save)


def test_of_texts_that_are_newer_than_its_version_none_is_kept(pets, folder, monkeypatch):
    make = words.make_index

    def meanwhile(*told):
        again(folder).delete(documents=["eels"])
        return make(*told)

    monkeypatch.setattr(words, "make_index", meanwhile)
    monkeypatch.setattr(words, "save_index", lambda *_: 1 / 0)
    assert found(pets)


def test_another_process_may_be_writing_one_as_well(pets, folder, chunk):
    found(pets)
    [there] = kept(folder)
    begun, left = there.with_name(".begun"), there.with_name(".left")
    for each in (begun, left):
        each.mkdir()
    os.utime(left, (0, 0))
    shutil.rmtree(there)
    found(again(folder))
    assert begun.is_dir()
    assert not left.exists()


def test_deleted_words_go_at_once_and_all_with_the_collection(pets, folder):
    found(pets)
    assert b"swim" in b"".join(path.read_bytes() for path in kept(folder)[0].iterdir())
    pets.delete(documents=["eels"])
    found(pets)
    assert b"swim" not in b"".join(path.read_bytes() for path in kept(folder)[0].iterdir())
    pets.compact()
    assert kept(folder) == []
    found(again(folder))
    assert kept(folder)
    pets.remove()
    assert list(folder.glob("*.derived")) == []


def test_other_settings_do_not_read_it(tmp_path):
    plain, texts = Retrieval(), Texts(list(TEXTS), list(TEXTS.values()))
    save_index(make_index(7, texts, plain), plain, tmp_path / "of" / "7")
    assert load_index(tmp_path / "of" / "7", 7, plain).version == 7
    assert load_index(tmp_path / "of" / "7", 7, replace(plain, weight=0.1)) is not None
    assert load_index(tmp_path / "of" / "7", 7, replace(plain, k1=2.0)) is None
    english = replace(plain, analyzer=Analyzer("en"))
    assert load_index(tmp_path / "of" / "7", 7, english) is None
    assert load_index(tmp_path / "of" / "8", 8, plain) is None


def full(*_):
    raise SafetensorError("No space left on device")


def test_where_the_disk_is_full_the_search_is_answered(pets, folder, monkeypatch, caplog):
    monkeypatch.setattr(word_index, "save_file", full)
    with caplog.at_level(logging.WARNING):
        assert [name for name, _ in found(pets)] == ["dogs", "cats"]
    assert "was not kept" in caplog.text
    assert kept(folder) == []


def test_where_it_cannot_be_kept_the_search_is_answered(pets, folder, caplog):
    [table] = folder.glob("pets_*.lance")
    table.with_name(table.name.replace(".lance", ".derived")).write_text("in the way")
    with caplog.at_level(logging.WARNING):
        assert [name for name, _ in found(pets)] == ["dogs", "cats"]
    assert "was not kept" in caplog.text


def test_small_ones_are_not_kept(pets, folder, monkeypatch):
    monkeypatch.setattr(words, "_PATIENCE", 60.0)
    found(pets)
    assert kept(folder) == []
