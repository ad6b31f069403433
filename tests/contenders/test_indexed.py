"""A contender searched by a graph: when it is, what is said, what is built anew."""

import shutil
import sys

import numpy as np
import pytest

from tunewise.contenders import TABLE, Contender, Setting
from tunewise.contenders.contender import NO_TEXTS
from tunewise.contenders.indexed import asked_before, indexed
from tunewise.data.split import divide
from tunewise.errors import MissingExtra, OptionError, OutputError
from tunewise.retrieval import nearest
from tunewise.retrieval.graph import ASKED, ASKED_KEPT
from tunewise.retrieval.graph import DOCUMENTS as MANY
from tunewise.task import Task, Texts
from tunewise.testing import WordHashEncoder, tiny_task

pytestmark = pytest.mark.usefixtures("module_cache")


def contender_over(vectors):
    """A contender whose texts are the places of their vectors; and its documents."""
    ids = [f"d{place}" for place in range(len(vectors))]

    def encode(texts, side):
        return vectors[[int(text) for text in texts]]

    def rank(queries):
        return nearest(encode(queries.texts, "queries"), vectors, queries.ids, ids)

    documents = Texts(ids, [str(place) for place in range(len(vectors))])
    return Contender(
        "plain", "pretrained", False, rank, rank(NO_TEXTS), {}, 0, encode=encode
    ), documents


def unit(count, dimension=16, seed=0):
    found = np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def fit(*families):
    setting = Setting(divide(tiny_task()).training, [WordHashEncoder()], "nDCG@10")
    found = []
    for family in families:
        found += TABLE[family].fit(setting, found)
    return {contender.name: contender for contender in found}


@pytest.fixture(scope="module")
def fitted():
    return fit("lexical", "pretrained", "hybrid")


@pytest.mark.parametrize("name", ["pretrained", "hybrid"])
def test_contenders_by_vectors_find_by_a_graph_what_they_find_exactly(fitted, name, tmp_path):
    alike(fitted[name], tmp_path)


@pytest.mark.slow
def test_adapters_and_their_hybrids_find_by_a_graph_what_they_find_exactly(tmp_path):
    for name, contender in fit("lexical", "pretrained", "adapter", "hybrid").items():
        if name.startswith("adapter"):
            alike(contender, tmp_path / name)


def alike(contender, tmp_path):
    task = tiny_task()
    texts = task.queries.texts
    searched = indexed(contender, task.documents, tmp_path, index="graph", sample=texts, k=5)
    assert "recall@10 1.000 against exact search, asked 128 queries" in searched.notes[-1]
    assert "built now and kept" in searched.notes[-1]
    some = task.queries.take(range(20))
    found, truth = searched.rank(some), contender.rank(some)
    for row in range(20):
        scores = [score for _, score in truth.best(row, 5)]
        assert [score for _, score in found.best(row, 5)] == pytest.approx(scores, abs=1e-5)


def test_words_have_no_graph(fitted, tmp_path):
    documents = tiny_task().documents
    with pytest.raises(OptionError, match="'lexical' compares no vectors"):
        indexed(fitted["lexical"], documents, tmp_path, index="graph")
    searched = indexed(fitted["lexical"], documents, tmp_path, asked=10**6)
    assert searched.notes[-1].startswith("exact: words are looked up")
    assert list(tmp_path.iterdir()) == []


def test_an_index_there_is_not_is_refused(fitted, tmp_path):
    with pytest.raises(OptionError, match="no index 'flat'"):
        indexed(fitted["pretrained"], tiny_task().documents, tmp_path, index="flat")


def test_a_graph_is_used_again_while_the_vectors_are_the_same(tmp_path):
    contender, documents = contender_over(unit(300))
    notes = [indexed(contender, documents, tmp_path, index="graph").notes[-1] for _ in range(2)]
    assert "built now and kept in" in notes[0]
    assert "asked 200 documents" in notes[0]
    assert notes[1] == notes[0].replace("built now and kept", "kept")
    written = (tmp_path / "graph.usearch").stat().st_mtime_ns
    other, _ = contender_over(unit(300, seed=1))
    told = indexed(other, documents, tmp_path, index="graph").notes[-1]
    assert "built now and kept in" in told
    assert "was built from other vectors and has to be built anew" in told
    assert (tmp_path / "graph.usearch").stat().st_mtime_ns != written


def test_a_damaged_graph_is_built_anew_which_is_said(tmp_path):
    contender, documents = contender_over(unit(300))
    indexed(contender, documents, tmp_path, index="graph")
    (tmp_path / "graph.usearch").write_bytes(b"half")
    told = indexed(contender, documents, tmp_path, index="graph").notes[-1]
    assert "is damaged (its bytes are not those that were written)" in told
    again = indexed(contender, documents, tmp_path, index="graph").notes[-1]
    assert "is damaged" not in again


def test_few_documents_or_queries_are_searched_exactly_and_nothing_is_built(tmp_path):
    contender, documents = contender_over(unit(300))
    searched = indexed(contender, documents, tmp_path, asked=10**6)
    assert searched.notes[-1].startswith("exact: 1,000,000 queries of 300 documents do not pay")
    assert searched.rank is contender.rank
    assert indexed(contender, documents, tmp_path, index="exact").notes[-1] == "exact, as was asked"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_auto_builds_where_it_pays_and_keeps_to_what_is_kept(tmp_path, monkeypatch):
    contender, documents = contender_over(unit(MANY, 8))

    def told(asked, over=contender):
        return indexed(over, documents, tmp_path, asked=asked).notes[-1]

    assert told(ASKED - 1).startswith("exact")
    assert told(ASKED).startswith(f"graph, for {ASKED:,} queries of {MANY:,} documents, built now")
    assert told(ASKED_KEPT).startswith(
        f"graph, for {ASKED_KEPT} queries of {MANY:,} documents, kept"
    )
    assert told(ASKED_KEPT - 1).startswith("exact")
    other, _ = contender_over(unit(MANY, 8, seed=1))
    assert told(ASKED_KEPT, other).startswith("exact")
    assert "was built from other vectors" in told(ASKED_KEPT, other)
    shutil.rmtree(tmp_path)
    monkeypatch.setitem(sys.modules, "usearch", None)
    assert told(ASKED).startswith("exact, though a graph would pay")
    assert "pip install 'tunewise[graph]'" in told(ASKED)


@pytest.mark.slow
def test_auto_leaves_a_graph_that_finds_too_little(tmp_path):
    contender, documents = contender_over(unit(MANY, 96))  # noise of 96 numbers has no near
    told = indexed(contender, documents, tmp_path, asked=ASKED).notes[-1]
    assert told.startswith("exact: the graph in")
    assert "finds too little (recall@10 0." in told
    told = indexed(contender, documents, tmp_path, index="graph").notes[-1]
    assert told.startswith("graph, as was asked, kept in")


def test_a_graph_that_was_asked_for_needs_its_package(tmp_path, monkeypatch):
    contender, documents = contender_over(unit(300))
    monkeypatch.setitem(sys.modules, "usearch", None)
    with pytest.raises(MissingExtra, match=r"pip install 'tunewise\[graph\]'"):
        indexed(contender, documents, tmp_path, index="graph")


def test_a_place_that_cannot_be_written_is_refused_before_anything_is_built(tmp_path):
    contender, documents = contender_over(unit(300))
    (tmp_path / "graph").write_text("a file of the user's")
    with pytest.raises(OutputError, match="graph"):
        indexed(contender, documents, tmp_path / "graph", index="graph")


def test_no_documents_and_one_are_searched(tmp_path):
    for count in (0, 1):
        contender, documents = contender_over(unit(count))
        searched = indexed(contender, documents, tmp_path / str(count), index="graph", k=5)
        assert searched.notes[-1].startswith("graph, as was asked")
        assert len(searched.rank(Texts([], []))) == 0


def test_recall_is_measured_with_queries_held_out_where_they_are_known():
    plain = tiny_task()
    assert asked_before(plain) == plain.queries.texts
    parts = {"q3": "train", "q5": "dev", "q7": "test"}
    divided = Task(plain.documents, plain.queries, plain.judgments, parts)
    assert asked_before(divided) == [plain.queries.text("q5"), plain.queries.text("q7")]
    many = Texts([f"q{n}" for n in range(1000)], [f"text {n}" for n in range(1000)])
    assert len(asked_before(Task(plain.documents, many, {}))) == 200
