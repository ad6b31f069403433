"""Sweeping: what was broken off or killed leaves no table and no text behind."""

import pytest

from tunewise.collection import Collection, reembed, rollback
from tunewise.collection import about as kept
from tunewise.errors import DataError
from tunewise.testing import WordHashEncoder

OLD, NEW, NEWEST = WordHashEncoder(64), WordHashEncoder(32), WordHashEncoder(16)


@pytest.fixture
def made(store, chunk):
    collection = Collection.create(store, "pets", OLD)
    collection.add([chunk(f"d{n}", f"cats number {n}") for n in range(5)])
    return collection


def break_off(collection, encoder, monkeypatch):
    """A re-embedding that is killed when all is brought over."""

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("tunewise.collection.reembedding.build_table", killed)
        reembed(collection, encoder)


def tables(store):
    return sorted(each for each in store.tables() if each.startswith("pets_"))


def used(collection):
    return sorted(each.table for each in kept.generations(collection.about()))


def test_what_a_broken_off_re_embedding_holds_goes_with_what_was_deleted(made, chunk, monkeypatch):
    break_off(made, NEW, monkeypatch)
    made.delete(documents=["d3"])
    made.upsert([chunk("d4", "dogs")])
    made.compact()
    about = made.about()
    ids, texts = kept.open_table(made.store, about, about.coming).texts()
    assert ids == ["d0#0", "d1#0", "d2#0"]
    assert texts[2] == "cats number 2"
    anew = reembed(made, NEW)
    assert [each.text for each in anew.page()][2:] == ["cats number 2", "dogs"]


def test_a_rollback_takes_what_was_broken_off_away(made, store, monkeypatch):
    anew = reembed(made, NEW)
    break_off(anew, NEWEST, monkeypatch)
    assert len(tables(store)) == 3
    back = rollback(anew, OLD)
    assert tables(store) == used(back)
    assert len(tables(store)) == 2


def test_another_re_embedding_takes_what_was_broken_off_away(made, store, monkeypatch):
    break_off(made, NEW, monkeypatch)
    break_off(made, NEWEST, monkeypatch)
    assert tables(store) == used(made)
    assert len(tables(store)) == 2


@pytest.fixture
def left(made, store, monkeypatch):
    """A collection that was killed while it was removed: it is forgotten, and its table there."""

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(type(store), "drop", killed)
        made.remove()
    assert len(tables(store)) == 1
    return made


def test_what_a_killed_removal_left_goes_when_it_is_removed_again(left, store):
    with pytest.raises(DataError, match="There is no collection 'pets'"):
        left.remove()
    assert tables(store) == []


def test_what_a_killed_removal_left_goes_when_there_is_one_of_its_name_again(left, store):
    again = Collection.create(store, "pets", OLD)
    assert tables(store) == used(again)
    assert again.count() == 0


def test_tables_of_collections_with_a_like_name_stay(left, store, chunk):
    other = Collection.create(store, "pets_0123abcd", OLD)
    other.add([chunk("d0", "cats")])
    with pytest.raises(DataError, match="no collection"):
        left.remove()
    assert other.count() == 1
    assert tables(store) == used(other)
