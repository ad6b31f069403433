"""An approximate index, judged against exact search of the same vectors."""

import json
import sys

import numpy as np
import pytest

from tunewise.errors import DataError, EncoderError, MissingExtra, OptionError
from tunewise.retrieval import nearest
from tunewise.retrieval.graph import build, drawn, is_kept, load, pays, save

DIGIT = 1.01e-6  # scores are rounded to six decimals, and noise may decide which way


def vectors(count, dimension=32, *, seed=0):
    found = np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def names(count, letter):
    return [f"{letter}{place}" for place in range(count)]


def ranked(graph, queries, **options):
    documents = names(len(graph.documents), "d")
    return graph.nearest(queries, names(len(queries), "q"), documents, **options)


def exact(queries, documents, **options):
    return nearest(
        queries, documents, names(len(queries), "q"), names(len(documents), "d"), **options
    )


@pytest.fixture(scope="module")
def documents():
    return vectors(2000)


@pytest.fixture(scope="module")
def queries():
    return vectors(150, seed=1)


@pytest.fixture(scope="module")
def graph(documents, queries):
    return build(documents, queries)


@pytest.fixture
def folder(graph, tmp_path):
    save(graph, tmp_path / "graph")
    return tmp_path / "graph"


def test_scores_are_those_of_exact_search_and_none_is_above_them(graph, documents, queries):
    for row, (places, scores) in enumerate(ranked(graph, queries, k=10)):
        assert len(places) >= 10
        np.testing.assert_allclose(scores, documents[places] @ queries[row], atol=DIGIT)
        best = exact(queries[row : row + 1], documents, k=10).scores[:10]
        assert (scores[:10] <= best + DIGIT).all()


def test_the_recall_told_is_the_share_of_the_ten_nearest_that_is_found(graph, documents, queries):
    found, truth = ranked(graph, queries), exact(queries, documents, k=10)
    shares = [
        len({name for name, _ in found.best(row, 10)} & {name for name, _ in truth.best(row, 10)})
        for row in range(len(queries))
    ]
    assert graph.recall == pytest.approx(np.mean(shares) / 10, abs=1e-9)
    assert graph.recall > 0.9
    assert graph.asked == "150 queries"


def test_without_queries_documents_are_asked_two_hundred_at_most(documents):
    assert build(documents[:300], documents[:0]).asked == "200 documents"
    assert build(documents[:30], documents[:0]).asked == "30 documents"
    assert drawn(3) == [0, 1, 2]
    assert len(set(drawn(1000))) == 200


def test_what_is_kept_finds_what_was_found(graph, folder, documents, queries):
    assert is_kept(folder)
    again = load(folder, documents)
    assert (again.recall, again.asked) == (graph.recall, graph.asked)
    for one, other in zip(ranked(graph, queries), ranked(again, queries), strict=True):
        assert one[0].tolist() == other[0].tolist()
        assert one[1].tolist() == other[1].tolist()


def test_vectors_on_disk_are_built_over_and_kept_like_those_in_memory(tmp_path, documents, queries):
    mapped = np.memmap(tmp_path / "vectors", np.float32, mode="w+", shape=documents.shape)
    mapped[:] = documents
    save(build(mapped, queries), tmp_path / "graph")
    assert load(tmp_path / "graph", documents).recall > 0.9


@pytest.mark.parametrize("other", ["fewer", "another order", "another number"])
def test_a_graph_of_other_vectors_is_refused(folder, documents, other):
    changed = {"fewer": documents[:-1], "another order": documents[::-1]}.get(other)
    if changed is None:
        changed = documents.copy()
        changed[7, 3] += np.float32(1e-6)
    with pytest.raises(DataError, match="built from other vectors and has to be built anew"):
        load(folder, changed)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("graph.usearch", lambda raw: raw[: len(raw) // 2]),
        ("graph.usearch", lambda raw: raw[:5000] + b"\xff" * 64 + raw[5064:]),
        ("graph.usearch", lambda raw: b""),
        ("graph.json", lambda raw: raw[:20]),
        ("graph.json", lambda raw: b"[]"),
        ("graph.json", lambda raw: raw.replace(b'"format": 1', b'"format": 9')),
    ],
)
def test_a_damaged_graph_is_refused_before_it_is_searched(folder, documents, name, damage):
    raw = (folder / name).read_bytes()
    (folder / name).write_bytes(damage(raw))
    with pytest.raises(DataError, match=r"is damaged \(.+\) and has to be built anew"):
        load(folder, documents)


def test_half_a_graph_is_none_or_is_refused(folder, documents):
    (folder / "graph.usearch").unlink()
    with pytest.raises(DataError, match="is damaged"):
        load(folder, documents)
    (folder / "graph.json").unlink()
    assert not is_kept(folder)


def test_what_lies_beside_it_says_what_it_is(folder, graph):
    told = json.loads((folder / "graph.json").read_text(encoding="utf-8"))
    assert (told["documents"], told["dimension"]) == (2000, 32)
    assert (told["recall@10"], told["asked"]) == (graph.recall, "150 queries")
    assert sorted(path.name for path in folder.iterdir()) == ["graph.json", "graph.usearch"]


def test_a_k_beyond_the_collection_gives_all_of_it_as_exact_search_does(graph, documents, queries):
    found = ranked(graph, queries[:2], k=5000)
    assert sorted(found.documents[:2000].tolist()) == list(range(2000))
    truth = exact(queries[:2], documents, k=5000)
    np.testing.assert_allclose(found.scores, truth.scores, atol=DIGIT)


def test_one_document_and_none(tmp_path):
    one, none = vectors(1), vectors(1)[:0]
    assert ranked(build(one, one), one).best(0, 5) == [("d0", 1.0)]
    empty = build(none, one)
    assert ranked(empty, one).starts.tolist() == [0, 0]
    save(empty, tmp_path)
    assert len(load(tmp_path, none).documents) == 0


def test_no_queries_give_empty_rankings(graph, queries):
    assert len(ranked(graph, queries[:0])) == 0


def test_documents_with_the_same_vector_tie_and_count_as_found():
    documents = np.repeat(vectors(300), 2, axis=0)
    graph = build(documents, documents[::2])
    (first, score), (second, other) = ranked(graph, documents[:1], k=2).best(0, 2)
    assert ({first, second}, score) == ({"d0", "d1"}, other)
    assert len(ranked(graph, documents[:1], k=1).documents) == 2
    same = build(np.ones((500, 4), np.float32) / 2, np.ones((1, 4), np.float32) / 2)
    assert same.recall == 1.0  # any ten of them are the nearest


def test_long_vectors_are_rounded_as_exact_search_rounds_them():
    documents = vectors(200) * np.float32(300)
    found, truth = ranked(build(documents, documents), documents), exact(documents, documents, k=10)
    assert found.best(0, 1)[0][1] == pytest.approx(truth.best(0, 1)[0][1], abs=0.11)
    assert all(round(float(score), 1) == pytest.approx(score, abs=1e-2) for score in found.scores)


def test_what_cannot_be_compared_is_refused_as_exact_search_refuses_it(graph, documents, queries):
    wrong = documents[:5].copy()
    wrong[2, 1] = np.nan
    with pytest.raises(EncoderError, match="document vector at place 2"):
        build(wrong, queries)
    with pytest.raises(EncoderError, match="query vector at place 2"):
        ranked(graph, wrong)
    with pytest.raises(EncoderError, match="8 dimensions and document vectors 32"):
        ranked(graph, vectors(1, 8))
    with pytest.raises(OptionError, match="k is 0"):
        ranked(graph, queries, k=0)


def test_progress_says_how_far_building_is():
    told = []
    small = vectors(5000, 4)
    build(small, small[:3], progress=lambda *step: told.append(step))
    assert told[:2] == [("building the graph", 0, 5000), ("building the graph", 4096, 5000)]
    assert ("building the graph", 5000, 5000) in told


@pytest.mark.parametrize(
    ("documents", "queries", "kept", "expected"),
    [
        (100_000, 20_000, False, True),
        (100_000, 19_999, False, False),
        (49_999, 1_000_000, True, False),
        (1_000_000, 500, True, True),
        (1_000_000, 1, True, False),
    ],
)
def test_a_graph_pays_from_the_measured_crossing_on(documents, queries, kept, expected):
    assert pays(documents, queries, kept=kept) is expected


def test_without_usearch_the_command_that_installs_it_is_told(documents, queries, monkeypatch):
    monkeypatch.setitem(sys.modules, "usearch", None)
    with pytest.raises(MissingExtra, match=r"pip install 'tunewise\[graph\]'"):
        build(documents, queries)
