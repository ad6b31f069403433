"""Exact nearest documents, judged against the plain computation."""

import numpy as np
import pytest

from tunewise.errors import EncoderError, OptionError
from tunewise.retrieval import nearest


def vectors(count, dimension=8, *, seed=0, length=1.0):
    drawn = np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True) * np.float32(length)


def names(count, letter):
    return [f"{letter}{place}" for place in range(count)]


def ranked(queries, documents, **options):
    return nearest(
        queries, documents, names(len(queries), "q"), names(len(documents), "d"), **options
    )


def test_the_ranking_is_the_sorted_dot_product():
    queries, documents = vectors(5, seed=1), vectors(300, seed=2)
    expected = queries @ documents.T
    for row, (places, scores) in enumerate(ranked(queries, documents, k=20)):
        assert places.tolist() == np.argsort(-expected[row])[:20].tolist()
        np.testing.assert_allclose(scores, np.sort(expected[row])[::-1][:20], atol=1e-6)


def test_many_blocks_give_what_one_would():
    queries, documents = vectors(1030, 4, seed=1), vectors(40_000, 4, seed=2)
    found = ranked(queries, documents, k=3)
    for row in (0, 1023, 1024, 1029):
        expected = np.round(documents @ queries[row], 6)
        assert [score for _, score in found.best(row, 3)] == pytest.approx(
            np.sort(expected)[::-1][:3].tolist(), abs=2e-6
        )


def test_vectors_on_disk_are_ranked_like_those_in_memory(tmp_path):
    queries, documents = vectors(3), vectors(50, seed=3)
    on_disk = np.memmap(tmp_path / "vectors", dtype=np.float32, mode="w+", shape=documents.shape)
    on_disk[:] = documents
    in_memory = ranked(queries, documents, k=7)
    assert ranked(queries, on_disk, k=7).documents.tolist() == in_memory.documents.tolist()


def test_the_same_text_twice_ties_whatever_block_it_is_in():
    documents = vectors(20_000, 4, seed=4)
    documents[19_999] = documents[3]
    best = ranked(documents[3:4], documents, k=2).best(0, 2)
    assert best[0][0] == "d3"
    assert best[1] == ("d19999", best[0][1])


def test_float_noise_does_not_order_documents():
    documents = np.array([[1.0, 0.0], [1.0 - 1e-7, 0.0]], dtype=np.float32)
    (_, first), (_, second) = ranked(documents[:1], documents).best(0, 2)
    assert first == second


def test_float_noise_does_not_order_documents_with_long_vectors_either():
    documents = np.array([[300.0, 1.0], [300.0, 1.00001]], dtype=np.float32)
    (_, first), (_, second) = ranked(documents[:1], documents).best(0, 2)
    assert first == second


def test_short_vectors_keep_their_order():
    documents = vectors(50, seed=5, length=1e-4)
    expected = np.argsort(-(documents @ documents[0]))[:10]
    places, _ = next(iter(ranked(documents[:1], documents, k=10)))
    assert places.tolist() == expected.tolist()


def test_documents_tied_with_the_last_one_are_kept_too():
    documents = np.ones((30, 2), dtype=np.float32)
    assert len(ranked(documents[:1], documents, k=5).documents) == 30


def test_ties_are_kept_up_to_ten_times_k_more():
    documents = np.ones((20_000, 2), dtype=np.float32)
    places, _ = next(iter(ranked(documents[:1], documents, k=2)))
    assert places.tolist() == list(range(22))


def test_fewer_documents_than_k_are_all_ranked():
    assert len(ranked(vectors(1), vectors(3), k=100).documents) == 3


def test_no_queries_and_no_documents_give_empty_rankings():
    assert len(ranked(vectors(3)[:0], vectors(3))) == 0
    assert ranked(vectors(2), vectors(3)[:0]).starts.tolist() == [0, 0, 0]


def test_vectors_of_zeros_all_tie_at_zero():
    assert ranked(np.zeros((1, 2), np.float32), vectors(3, 2)).scores.tolist() == [0, 0, 0]


def test_the_same_input_gives_the_same_ranking():
    first, second = (ranked(vectors(9), vectors(500, seed=6)) for _ in range(2))
    assert first.documents.tolist() == second.documents.tolist()
    assert first.scores.tobytes() == second.scores.tobytes()


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 1e30])
def test_vectors_that_cannot_be_compared_are_refused_with_their_place(wrong):
    documents = vectors(4)
    documents[2, 1] = wrong
    with pytest.raises(EncoderError, match="document vector at place 2"):
        ranked(vectors(1), documents)
    with pytest.raises(EncoderError, match="query vector at place 2"):
        ranked(documents, vectors(1))


def test_vectors_of_different_models_are_refused():
    with pytest.raises(EncoderError, match="8 dimensions and document vectors 4"):
        ranked(vectors(1), vectors(3, 4))


def test_ids_that_do_not_match_the_vectors_are_refused():
    with pytest.raises(OptionError, match="2 document ids"):
        nearest(vectors(1), vectors(3), ["q"], ["a", "b"])


def test_k_below_one_is_refused():
    with pytest.raises(OptionError, match="k is 0"):
        ranked(vectors(1), vectors(3), k=0)


def test_progress_says_how_far_it_is():
    told = []
    documents = vectors(20_000, 2)
    nearest(
        documents[:1],
        documents,
        ["q"],
        names(20_000, "d"),
        progress=lambda what, done, total: told.append((what, done, total)),
    )
    assert told[0] == ("comparing vectors", 0, 20_000)
    assert told[-1] == ("comparing vectors", 20_000, 20_000)
