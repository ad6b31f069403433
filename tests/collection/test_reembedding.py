"""Re-embedding: other vectors beside the old ones, switched at once, and back again."""

import pytest

from tunewise.collection import Collection, reembed, rollback
from tunewise.errors import DataError, EncoderError, OptionError
from tunewise.testing import WordHashEncoder

OLD, NEW = WordHashEncoder(64), WordHashEncoder(32)


class Watched:
    """The encoder of 32 numbers, which does something before it encodes, and counts."""

    def __init__(self, before=lambda: None):
        self.before, self.texts = before, []
        self.name, self.stamp, self.dimension = NEW.name, NEW.stamp, NEW.dimension
        self.max_tokens, self.count_tokens = None, NEW.count_tokens
        self.encode_queries = NEW.encode_queries

    def encode_documents(self, texts, **options):
        if not self.texts:
            self.before()
        self.texts += texts
        return NEW.encode_documents(texts, **options)


@pytest.fixture
def made(store, chunk):
    collection = Collection.create(store, "pets", OLD)
    collection.add([chunk(f"d{n}", f"cats number {n}", size=n) for n in range(20)])
    return collection


def documents(collection):
    return sorted(each.document for each in collection.page(limit=1000))


def test_the_switch_brings_all_chunks_and_the_old_encoder_is_refused(made):
    kept = made.page()
    anew = reembed(made, NEW)
    assert anew.info().stamp.dimension == 32
    assert anew.info().previous.dimension == 64
    assert anew.page() == kept
    assert anew.search("cats number 7", k=1)[0].chunk.document == "d7"
    assert anew.search("cats", where={"size": {"gte": 18}})[1].chunk.metadata == {"size": 19}
    with pytest.raises(EncoderError, match="cannot be compared"):
        made.search("cats")
    with pytest.raises(OptionError, match="already"):
        reembed(anew, NEW)


def test_what_is_written_meanwhile_is_brought_over(made, chunk):
    def write():
        made.upsert([chunk("late", "late cats", colour="red"), chunk("d0", "changed")])
        made.delete(ids=["d1#0"])

    anew = reembed(made, Watched(write))
    assert documents(anew) == sorted(["late", *(f"d{n}" for n in range(20) if n != 1)])
    assert anew.search("changed", k=1)[0].chunk.id == "d0#0"
    assert anew.search("late", where={"colour": "red"}, k=1)[0].chunk.document == "late"


def test_searching_goes_on_with_the_old_vectors_until_the_switch(made):
    answers = []
    reembed(made, Watched(lambda: answers.append(made.search("cats number 7", k=1))))
    assert [hits[0].chunk.document for hits in answers] == ["d7"]


def test_what_was_broken_off_is_gone_on_with(made):
    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reembed(made, Watched(stop))
    assert made.search("cats number 7", k=1)[0].chunk.document == "d7"
    encoder = Watched()
    anew = reembed(made, encoder)
    assert len(encoder.texts) == 20
    assert documents(anew) == documents(made)


def test_the_slower_of_two_changes_nothing_that_the_quicker_made(made, store, chunk):
    def overtaken():
        anew = reembed(Collection.open(store, "pets"), NEW)
        anew.upsert([chunk("late", "late cats"), chunk("d0", "changed")])
        anew.delete(documents=["d1"])

    with pytest.raises(DataError, match="took the place of this one"):
        reembed(made, Watched(overtaken))
    anew = Collection.open(store, "pets", NEW)
    assert documents(anew) == sorted(["late", *(f"d{n}" for n in range(20) if n != 1)])
    assert anew.get(["d0#0"])[0].text == "changed"


def test_a_re_embedding_whose_collection_is_removed_says_so(made, store):
    with pytest.raises(DataError, match="There is no collection 'pets'"):
        reembed(made, Watched(made.remove))
    assert [each for each in store.tables() if each.startswith("pets")] == []


def test_what_is_deleted_while_it_is_encoded_is_not_brought_over(made, monkeypatch):
    put = []
    monkeypatch.setattr(
        "tunewise.collection.reembedding.build_table",
        lambda table, *_: put.extend(table.texts()[0]),
    )
    reembed(made, Watched(lambda: made.delete(documents=["d7"])))
    assert "d7#0" not in put
    assert len(put) == 19


def test_a_rollback_brings_the_old_vectors_with_what_was_written_since(made, chunk):
    anew = reembed(made, NEW)
    back = rollback(anew)
    assert back.info().stamp == made.info().stamp
    forth = rollback(back, NEW)
    forth.upsert([chunk("since", "since then")])
    forth.delete(documents=["d3"])
    with pytest.raises(OptionError, match="Chunks were written"):
        rollback(forth)
    with pytest.raises(EncoderError):
        rollback(forth, NEW)
    back = rollback(forth, OLD)
    assert back.search("since then", k=1)[0].chunk.document == "since"
    assert "d3" not in documents(back)
    assert len(documents(back)) == 20


def test_there_is_nothing_to_go_back_to_before_the_first_switch(made):
    with pytest.raises(DataError, match="nothing to go back to"):
        rollback(made, OLD)


def test_a_third_model_takes_the_place_of_the_first_in_the_store(made):
    anew = reembed(reembed(made, NEW), WordHashEncoder(16))
    assert anew.info().previous.dimension == 32
    with pytest.raises(OptionError, match="already"):
        reembed(anew, WordHashEncoder(16))
    anew.remove()
    assert dict(made.store.facts()) == {}


def test_a_writer_that_encoded_before_the_switch_writes_nothing_after_it(made, chunk):
    slow = Watched(lambda: reembed(made, NEW))
    slow.stamp, slow.dimension = OLD.stamp, OLD.dimension
    writer = Collection(made.store, "pets", slow)
    with pytest.raises(EncoderError, match="cannot be compared"):
        writer.upsert([chunk("lost", "lost")])
    assert "lost" not in documents(made)
