"""Indexes by words kept beside their table: read instead of made, and never out of date."""

import logging
import shutil
from dataclasses import replace

import pytest

from tunewise.collection import Collection, open_store, words
from tunewise.collection.retrieval import Retrieval
from tunewise.collection.word_index import load_index, make_index, save_index
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
    (before.parent / ".half").mkdir()
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
    shutil.rmtree(table)
    shutil.copytree(tmp_path / "copy", table)
    again(folder)  # of as many writes as the one whose index was kept, but of others
    Collection.open(open_store(str(folder)), "pets", WordHashEncoder()).upsert(
        [chunk("owls", "Owls bark.")]
    )
    assert set(dict(found(again(folder)))) == {"cats", "dogs", "owls"}


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


def test_deleted_words_go_at_once_and_all_with_the_collection(pets, folder):
    found(pets)
    assert b"swim" in b"".join(path.read_bytes() for path in kept(folder)[0].iterdir())
    pets.delete(documents=["eels"])
    found(pets)
    assert b"swim" not in b"".join(path.read_bytes() for path in kept(folder)[0].iterdir())
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
