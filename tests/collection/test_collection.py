"""Collections in both stores: what goes in, what comes out, what is refused."""

import threading
import time
from dataclasses import replace

import pytest

from tunewise.collection import Collection, Retrieval, open_store
from tunewise.contenders import load_contender
from tunewise.documents import Chunk
from tunewise.errors import DataError, EncoderError, OptionError
from tunewise.testing import WordHashEncoder

TEXTS = {
    "cats": ("Cats sleep all day.", {"year": 2019, "lang": "en", "old": True}),
    "dogs": ("Dogs bark at cats.", {"year": 2021.5, "lang": "en"}),
    "hunde": ("Hunde bellen, it's 100% true.", {"year": 2023, "lang": "de", "old": False}),
    "fish": ("Fish swim.", {}),
}


@pytest.fixture
def pets(store, chunk):
    made = Collection.create(store, "pets", WordHashEncoder(), chunker="by hand")
    made.add([chunk(name, text, **fields) for name, (text, fields) in TEXTS.items()])
    return made


@pytest.fixture(scope="module")
def still(lasting, chunk):
    """The same for tests that only read, which leave it as it was."""
    made = Collection.create(lasting, "still", WordHashEncoder(), chunker="by hand")
    made.add([chunk(name, text, **fields) for name, (text, fields) in TEXTS.items()])
    before = made.page()
    yield made
    assert made.page() == before


@pytest.fixture(scope="module")
def deep(lasting):
    """700 chunks with a word in common: the longer one is, the lower is its score."""
    made = Collection.create(lasting, "deep", WordHashEncoder())
    texts = ["cats" + " and" * n for n in range(700)]
    made.add([Chunk(f"{n}", f"{n}", texts[n], 0, 1, 0, 1, "", {"n": n}) for n in range(700)])
    return made


def names(hits):
    return [hit.chunk.document for hit in hits]


def test_what_was_added_is_found_with_its_cosine_and_its_metadata(still):
    best = still.search("dogs bark", k=1)[0]
    assert best.chunk.text == "Dogs bark at cats."
    assert best.chunk.metadata == {"year": 2021.5, "lang": "en"}
    # two of four words: 2 / (√2 · √4), kept in halves or not
    assert best.score == pytest.approx(0.7071, abs=0.001)
    assert (best.chunk.start, best.chunk.end, best.chunk.total) == (0, 18, 1)


@pytest.mark.parametrize(
    ("asked", "there"),
    [
        ({"year": 2019}, {"cats"}),
        ({"year": {"gte": 2021.5}}, {"dogs", "hunde"}),
        ({"year": {"gt": 2019, "lt": 2023}}, {"dogs"}),
        ({"year": {"lte": 2021}}, {"cats"}),
        ({"lang": {"in": ["de", "fr"]}}, {"hunde"}),
        ({"lang": {"contains": "n"}, "year": {"lt": 2020}}, {"cats"}),
        ({"lang": {"gte": "de", "lt": "en"}}, {"hunde"}),
        ({"old": True}, {"cats"}),
        ({"old": {"in": [True, False]}}, {"cats", "hunde"}),
        ({"_document": {"in": ["fish", "cats"]}}, {"fish", "cats"}),
        ({"_document": "it's"}, set()),
    ],
)
@pytest.mark.parametrize("by", ["vectors", "words", "hybrid"])
def test_filters_hold_in_every_way_to_search(still, asked, there, by):
    found = set(names(still.search("cats bark bellen fish", where=asked, by=by)))
    assert found == there
    assert {each.document for each in still.page(where=asked)} == there


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"jahr": 2019}, "no field 'jahr' to filter by. The fields here are: _document, year"),
        ({"year": "2019"}, "holds numbers, and '2019' is none"),
        ({"year": True}, "holds numbers, and True is none"),
        ({"year": {"contains": 2}}, "cannot be asked 'contains'"),
        ({"old": {"gt": False}}, "holds true or false, which cannot be asked 'gt'"),
        ({"lang": {"like": "e"}}, "cannot be asked 'like'"),
        ({"lang": {"in": "en"}}, "'in' takes a list"),
        ({"lang": {"in": []}}, "'in' takes a list"),
        ({"year": float("nan")}, "nan is none"),
        ({"lang": "a\0b"}, "no store can hold"),
        ({"lang": "\ud800"}, r"'\\ud800' has a character that no store can hold"),
        ({"\ud800": 1}, r"no field '\\ud800'"),
        ({"lang": {"\ud800": 1}}, r"cannot be asked '\\ud800'"),
        ({"year": 10**400}, "a number past 1.8e308 is none"),
        ({"year": {"in": [1, 10**5000]}}, "a number past 1.8e308 is none"),
        ({"l" * 10_000: 1}, "no field '.{80,120}' to filter"),
        ({"year": {"in": list(range(1_000))}, "lang": "en"}, "1,000 values in all"),
        ({"lang": {"contains": "'" * 1_000_000}}, "2,000,000 letters in all"),
        ({"lang": dict.fromkeys(map(str, range(101)), "en")}, "100 conditions in all"),
    ],
)
def test_a_filter_that_cannot_be_is_refused_with_what_can(still, asked, told):
    with pytest.raises(OptionError, match=told):
        still.search("cats", where=asked)


def test_a_number_is_compared_to_its_last_digit(pets, chunk):
    pets.upsert([chunk("near", "x", year=2019.0001)])
    assert names(pets.search("x", where={"year": 2019.0001})) == ["near"]
    assert names(pets.search("x", where={"year": {"gt": 2019, "lt": 2019.0002}})) == ["near"]
    assert names(pets.search("x", where={"year": {"in": [1000.00004, 2019.0001]}})) == ["near"]


def test_texts_that_look_like_sql_are_texts(pets, chunk):
    nasty = "x'); DROP TABLE pets_1; -- %s \\ \" ✓"
    pets.upsert([chunk(nasty, nasty, lang=nasty)])
    assert names(pets.search("x", where={"lang": nasty})) == [nasty]
    assert names(pets.search("x", where={"_document": nasty})) == [nasty]
    assert pets.delete(documents=[nasty]) == 1
    assert pets.info().chunks == 4


def test_adding_what_is_there_is_refused_and_upserting_replaces_it(pets, chunk):
    with pytest.raises(DataError, match="'fish#0' is in collection 'pets' already"):
        pets.add([chunk("birds", "Birds sing."), chunk("fish", "Fish fly.")])
    assert pets.get(["birds#0"]) == []
    pets.upsert([chunk("birds", "Birds sing."), chunk("fish", "Fish fly.")])
    assert [each.text for each in pets.get(["fish#0", "none", "birds#0"])] == [
        "Fish fly.",
        "Birds sing.",
    ]
    assert pets.info().chunks == 5


def test_replacing_a_document_takes_its_other_chunks_away(pets, chunk):
    pets.replace(
        [chunk("novel", f"Part {part}", part) for part in range(3)], documents={"novel": "first"}
    )
    assert pets.digests()["novel"] == "first"
    pets.replace([chunk("novel", "All")], documents={"novel": "second"})
    assert [each.id for each in pets.page(where={"_document": "novel"})] == ["novel#0"]
    assert pets.digests() == {"cats": "", "dogs": "", "hunde": "", "fish": "", "novel": "second"}
    pets.replace([], documents={"novel": "third"})
    assert "novel" not in pets.digests()


def test_deleting_takes_what_all_conditions_name(pets):
    assert pets.delete(documents=["cats", "dogs"], where={"year": {"lt": 2020}}) == 1
    assert pets.delete(ids=[]) == 0
    assert pets.delete(ids=["dogs#0", "nobody"]) == 1
    assert sorted(pets.digests()) == ["fish", "hunde"]
    with pytest.raises(OptionError, match="Say which chunks"):
        pets.delete()


def test_pages_go_through_all_chunks_once_by_id(pets):
    first = pets.page(limit=3)
    pets.delete(ids=[first[1].id])
    rest = pets.page(after=first[-1].id, limit=3)
    assert [each.id for each in [*first, *rest]] == ["cats#0", "dogs#0", "fish#0", "hunde#0"]
    assert pets.page(after="hunde#0") == []


def test_search_goes_on_after_an_offset_and_ends_at_the_threshold(still):
    every = still.search("cats bark")
    assert still.search("cats bark", k=2, offset=1) == every[1:3]
    assert still.search("cats bark", threshold=every[1].score) == every[:2]
    assert still.search("cats", where={"year": {"gt": 3000}}) == []


def test_grouped_hits_are_the_best_chunk_of_each_document(pets, chunk):
    pets.upsert([chunk("many", "cats sleep day", part) for part in range(30)])
    assert names(pets.search("cats sleep day", k=3)) == ["many"] * 3
    grouped = pets.search("cats sleep day", k=3, grouped=True)
    assert names(grouped)[0] == "many"
    assert len({*names(grouped)}) == 3


def test_words_are_scored_as_bm25_scores_them_and_follow_what_is_written(pets, chunk):
    hits = pets.search("bark", by="words")
    assert names(hits) == ["dogs"]
    pets.upsert([chunk("seal", "Seals bark.")])
    assert names(pets.search("bark", by="words")) == ["seal", "dogs"]
    pets.delete(documents=["seal", "dogs"])
    assert pets.search("bark", by="words") == []


@pytest.mark.parametrize("took", [0.0, 60.0])
def test_who_searches_by_words_is_not_held_up_by_a_change(pets, chunk, monkeypatch, took):
    from tunewise.collection import words

    go, make = threading.Event(), words.make_index
    monkeypatch.setattr(words, "_PATIENCE", 0.1)
    with monkeypatch.context() as patch:
        patch.setattr(words, "make_index", lambda *told: replace(make(*told), took=took))
        assert names(pets.search("bark", by="words")) == ["dogs"]
    monkeypatch.setattr(words, "make_index", lambda *told: go.wait(20) and make(*told))
    pets.upsert([chunk("seal", "Seals bark.")])
    assert names(pets.search("bark", by="words")) == ["dogs"]  # the index before
    pets.delete(documents=["dogs"])
    assert pets.search("bark", by="words") == []  # what is gone is not given
    assert pets.search("bark", by="words", where={"year": {"gt": 0}}) == []
    go.set()
    until = time.monotonic() + 20
    while names(pets.search("bark", by="words")) != ["seal"]:
        assert time.monotonic() < until


@pytest.mark.slow
def test_an_index_that_is_behind_gives_the_best_of_what_is_there_as_it_was(
    store, chunk, monkeypatch
):
    from tunewise.collection import words

    made = Collection.create(store, "behind", WordHashEncoder())
    made.add([chunk(f"{n}", "cats" + " and" * n, n=n) for n in range(40)])
    assert names(made.search("cats", k=2, by="words")) == ["0", "1"]
    go, make = threading.Event(), words.make_index
    monkeypatch.setattr(words, "_PATIENCE", 0.1)
    monkeypatch.setattr(words, "_FEW", 10)
    monkeypatch.setattr(words, "make_index", lambda *told: go.wait(60) and make(*told))
    made.delete(documents=["0"])
    assert names(made.search("cats", k=2, by="words")) == ["1", "2"]  # none is short of one
    made.replace([chunk("1", "dogs", n=1)], documents={"1": "new"})
    assert names(made.search("cats", k=2, by="words")) == ["2", "3"]
    where = {"n": {"lt": 30}}
    assert names(made.search("cats", k=2, by="words", where=where)) == ["2", "3"]
    made.upsert([chunk(f"{n}", "dogs and", n=n) for n in range(2, 25)])
    assert names(made.search("cats", k=2, by="words", where=where)) == ["25", "26"]
    assert names(made.search("cats", k=9, by="words", where=where)) == [
        f"{n}" for n in range(25, 30)
    ]
    made.upsert([chunk("30", "cats" + " and" * 30, n=1)])  # of other metadata, and the same text
    assert "30" in names(made.search("cats", k=9, by="words", where=where))
    go.set()


def test_who_waits_for_an_index_that_cannot_be_made_is_told_and_may_ask_again(pets, monkeypatch):
    from tunewise.collection import words

    with monkeypatch.context() as patch:
        patch.setattr(words, "make_index", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            pets.search("bark", by="words")
    assert names(pets.search("bark", by="words")) == ["dogs"]


@pytest.mark.parametrize("first", [5, 497, 498, 699, 800], ids=str)
def test_words_under_a_filter_are_the_best_of_what_passes_however_deep_that_lies(deep, first):
    hits = deep.search("cats", k=3, by="words", where={"n": {"gte": first}})
    assert names(hits) == [f"{n}" for n in range(first, 700)[:3]]
    every = {hit.chunk.id: hit.score for hit in deep.search("cats", k=700, by="words")}
    assert [hit.score for hit in hits] == [every[hit.chunk.id] for hit in hits]


@pytest.mark.parametrize(("dearer", "all_asked_for"), [(0.01, False), (1e9, True)])
def test_where_a_few_of_the_best_pass_more_are_looked_at_before_all(
    deep, monkeypatch, dearer, all_asked_for
):
    from tunewise.collection import words

    asked = []
    passing = words.Words._passing
    monkeypatch.setattr(words, "_FEW", 10)
    monkeypatch.setattr(words, "_DEARER", dearer)
    monkeypatch.setattr(
        words.Words, "_passing", lambda *told: asked.append(len(told[1])) or passing(*told)
    )
    hits = deep.search("cats", k=3, by="words", where={"n": {"gte": 8}})
    assert names(hits) == ["8", "9", "10"]
    assert asked == ([10] if all_asked_for else [10, 30])


def test_a_hybrid_ranks_as_the_contender_that_was_measured(url, tmp_path, chunk):
    import tunewise
    from tunewise.collection.winner import load_winner
    from tunewise.task import Texts
    from tunewise.testing import tiny_task

    task = tiny_task()
    verdict = tunewise.measure(
        task, encoders=[WordHashEncoder()], contenders=["lexical", "pretrained", "hybrid"]
    )
    tunewise.save_verdict(verdict, tmp_path / "won")
    winner = load_winner(str(tmp_path / "won"))
    made = Collection.create(
        open_store(url), "tiny", winner.encoder, precision="float32", retrieval=winner.retrieval
    )
    made.add([chunk(*each) for each in zip(task.documents.ids, task.documents.texts, strict=True)])
    measured = load_contender(tmp_path / "won" / "model", task.documents)
    assert measured.family == "hybrid"
    for words in ("fix my violin", "paint the old saddle", "store"):
        truth = dict(measured.rank(Texts(["q"], [words])).best(0, 5))
        found = {hit.chunk.document: hit.score for hit in made.search(words, k=5)}
        assert sorted(found.values()) == pytest.approx(sorted(truth.values()), abs=1e-4)
        assert all(score == round(score, 6) for score in found.values())  # no noise of float32
    made.store.close()


def test_a_query_by_another_stamp_is_refused_with_the_remedy(pets):
    other = WordHashEncoder(32)
    with pytest.raises(EncoderError, match=r"numbers a vector 64 there, 32 here.*--reembed"):
        Collection.open(pets.store, "pets", other)
    unnoticed = Collection(pets.store, "pets", other)
    for call in (
        lambda: unnoticed.search("cats"),
        lambda: unnoticed.upsert(pets.get(["cats#0"])),
        lambda: unnoticed.replace([], documents={"cats": ""}),
    ):
        with pytest.raises(EncoderError, match="cannot be compared"):
            call()
    assert names(unnoticed.search("cats", by="words")) == ["cats", "dogs"]
    with pytest.raises(OptionError, match="opened without an encoder"):
        Collection.open(pets.store, "pets").search("cats")


def test_prefix_precision_and_chunker_are_in_the_stamp(store, chunk):
    encoder = WordHashEncoder(64)
    made = Collection.create(store, "short", encoder, prefix=16, precision="float16")
    made.add([chunk("a", "cats sleep all day on warm red sofas")])
    stamp = made.info().stamp
    assert (stamp.dimension, stamp.precision, stamp.normalised) == (16, "float16", True)
    score = made.search("cats sleep all day on warm red sofas")[0].score
    assert score == pytest.approx(1.0, abs=0.002)  # of unit length again after the cut
    whole = Collection.create(store, "whole", encoder, precision="float16")
    assert whole.info().stamp.digits != stamp.digits
    with pytest.raises(OptionError, match="prefix of 65 numbers"):
        Collection.create(store, "long", encoder, prefix=65)


def test_metadata_of_two_kinds_under_one_name_is_refused_and_nothing_written(pets, chunk):
    with pytest.raises(DataError, match=r"'year' holds a number elsewhere and a text \('old'\)"):
        pets.upsert([chunk("new", "New."), chunk("bad", "Bad.", year="old")])
    with pytest.raises(DataError, match=r"holds \[1\]"):
        pets.upsert([chunk("bad", "Bad.", list=[1])])
    assert pets.get(["new#0"]) == []


@pytest.mark.parametrize("text", ["a\0b", "half \ud800"])
def test_characters_that_no_store_can_hold_are_refused_by_the_chunk_s_name(pets, chunk, text):
    with pytest.raises(DataError, match="Chunk 'odd#0' has a character"):
        pets.upsert([chunk("odd", text)])
    with pytest.raises(DataError, match="'odd#0' comes twice"):
        pets.upsert([chunk("odd", "a"), chunk("odd", "b")])


def test_what_is_not_there_or_there_already_is_said(pets):
    with pytest.raises(DataError, match=r"no collection 'pest' in .* \(there: pets\)"):
        Collection.open(pets.store, "pest")
    with pytest.raises(DataError, match=r"a collection 'pets' in .* already"):
        Collection.create(pets.store, "pets", WordHashEncoder())
    with pytest.raises(OptionError, match="A collection cannot be called"):
        Collection.create(pets.store, "../x", WordHashEncoder())
    with pytest.raises(OptionError, match="no search by 'smell'"):
        pets.search("cats", by="smell")
    pets.remove()
    with pytest.raises(DataError, match=r"there: none"):
        pets.search("cats")


def test_an_empty_collection_answers_with_nothing(store):
    made = Collection.create(store, "empty", WordHashEncoder(), retrieval=Retrieval(by="hybrid"))
    assert made.search("anything") == []
    assert made.page() == []
    assert made.build() is None
    assert (made.info().chunks, made.info().documents) == (0, 0)


def test_the_password_of_a_database_is_not_shown():
    from tunewise.errors import StoreError

    with pytest.raises(StoreError) as refused:
        open_store("postgresql://ada:secret@127.0.0.1:9/none?connect_timeout=2")
    assert "secret" not in str(refused.value)
    assert "127.0.0.1" in str(refused.value)
