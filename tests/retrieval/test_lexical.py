"""BM25, judged against its formula worked out by hand."""

import math

import numpy as np
import pytest

from tunewise.errors import OptionError
from tunewise.retrieval import Analyzer, build
from tunewise.retrieval.lexical import index_units, read_units
from tunewise.task import Texts

PLAIN = Analyzer()


def texts(*written):
    return Texts([str(place) for place in range(len(written))], written)


def rank(documents, *queries, analyzer=PLAIN, k=100, **options):
    return build(texts(*documents), analyzer, **options).rank(texts(*queries), k=k)


def test_scores_are_those_of_the_formula():
    documents = ["red red blue", "blue", "green green green green green"]
    (place, score), *others = rank(documents, "red", k1=1.5, b=0.5).best(0, 9)
    idf = math.log(1 + (3 - 1 + 0.5) / (1 + 0.5))
    expected = idf * 2 / (2 + 1.5 * (1 - 0.5 + 0.5 * 3 / 3))
    assert (place, others) == ("0", [])
    assert score == pytest.approx(expected, abs=1e-6)


def test_a_word_asked_twice_counts_twice():
    ranked = rank(["red", "blue"], "red", "red red")
    assert ranked.best(1, 1)[0][1] == pytest.approx(2 * ranked.best(0, 1)[0][1], abs=2e-6)


def test_documents_without_a_word_of_the_query_are_left_out():
    assert rank(["red", "blue", "red blue"], "red").documents.tolist() == [0, 2]


def test_a_query_without_a_known_word_has_an_empty_list():
    ranked = rank(["red"], "yellow", "", "red", "?")
    assert np.diff(ranked.starts).tolist() == [0, 0, 1, 0]


def test_a_query_that_looks_like_nothing_known_finds_nothing():
    assert len(rank(["red", ""], "").documents) == 0


def test_identical_documents_tie_and_ties_are_kept():
    ranked = rank(["red sky"] * 30, "red", k=2)
    assert len(ranked.documents) == 22
    assert len(set(ranked.scores.tolist())) == 1


def test_documents_without_any_word_are_searched_without_complaint():
    assert len(rank(["", "!?"], "red").documents) == 0
    assert len(rank([], "red").documents) == 0


def test_the_best_k_are_returned_best_first():
    documents = [" ".join(["red"] * n + ["x"] * (10 - n)) for n in range(10)]
    assert [place for place, _ in rank(documents, "red", k=3).best(0, 9)] == ["9", "8", "7"]


def test_among_some_documents_the_best_of_these_are_returned():
    drawn = np.random.default_rng(0)
    written = [" ".join(drawn.choice(["red", "blue", "x"], 8)) for _ in range(300)]
    index, query = build(texts(*written), PLAIN), texts("red blue")
    some = np.sort(drawn.choice(300, 40, replace=False))
    every = index.rank(query, k=300).best(0, 300)
    few = [hit for hit in every if int(hit[0]) in some]
    assert index.rank(query, k=5, among=some).best(0, 5) == few[:5]
    assert index.rank(query, k=40, among=some).best(0, 40) == few
    assert index.rank(query, among=some[:0]).best(0, 5) == []


def test_stemming_finds_other_forms():
    assert rank(["he was running"], "run", analyzer=Analyzer("en")).best(0, 1)[0][0] == "0"


def test_an_index_for_some_terms_alone_scores_them_just_the_same():
    drawn = np.random.default_rng(0)
    colours = np.array(["red", "blue", "green", "grey", "pink", "the", "snake_case"])
    written = [" ".join(drawn.choice(colours, size)) for size in drawn.integers(0, 30, 200)]
    documents, queries = texts(*written), texts("red snake", "grey", "the case")
    units = read_units(documents.texts, PLAIN)
    asked = {term for terms in PLAIN.tokens(queries.texts) for term in terms}
    part = index_units(documents.ids, units, PLAIN, 0.9, 0.4, only=asked).rank(queries)
    whole = build(documents, PLAIN, 0.9, 0.4).rank(queries)
    assert part.documents.tolist() == whole.documents.tolist()
    assert part.scores.tolist() == whole.scores.tolist()


def test_more_documents_than_one_block_are_indexed_alike():
    ranked = rank([f"word{place} red" for place in range(10_050)], "word10049")
    assert ranked.best(0, 5)[0][0] == "10049"
    assert len(ranked.documents) == 1


@pytest.mark.parametrize(("k1", "b"), [(-0.1, 0.5), (1.2, 1.1), (1.2, -0.1), (math.nan, 0.5)])
def test_parameters_that_make_no_sense_are_refused(k1, b):
    with pytest.raises(OptionError, match="k1 must be 0 or more"):
        rank(["red"], "red", k1=k1, b=b)


def test_k_below_one_is_refused():
    with pytest.raises(OptionError, match="k is 0"):
        rank(["red"], "red", k=0)


def test_progress_says_how_far_it_is():
    told = []
    told_to = lambda *state: told.append(state)  # noqa: E731
    index = build(texts("red", "blue"), PLAIN, progress=told_to)
    index.rank(texts("red"), progress=told_to)
    assert ("cutting texts into words", 2, 2) in told
    assert told[-1] == ("searching by words", 1, 1)
