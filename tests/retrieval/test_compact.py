"""Vectors in fewer bytes: what is kept, what is found, what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from tunewise.errors import OptionError
from tunewise.retrieval import nearest
from tunewise.retrieval.compact import Form, fit


def unit(count, dimension, seed=0):
    vectors = np.random.default_rng(seed).normal(size=(count, dimension))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


QUERIES, DOCUMENTS = unit(7, 48, seed=1), unit(500, 48)
ASKED, FOUND = [f"q{n}" for n in range(7)], [f"d{n}" for n in range(500)]


def searched(form, documents=DOCUMENTS, queries=QUERIES, k=10):
    compact = fit(form, documents)
    ids = FOUND[: len(documents)]
    return compact.search(queries, compact.keep(documents), ASKED[: len(queries)], ids, k=k)


def agree(one, other, k=10):
    """Share of the best k that both rankings have."""
    both = [
        len({d for d, _ in one.best(q, k)} & {d for d, _ in other.best(q, k)}) / k
        for q in range(len(one))
    ]
    return float(np.mean(both))


EXACT = nearest(QUERIES, DOCUMENTS, ASKED, FOUND, k=10)


def test_whole_vectors_are_searched_exactly():
    found = searched(Form(48))
    assert found.documents.tolist() == EXACT.documents.tolist()
    assert found.scores == pytest.approx(EXACT.scores, abs=1e-6)


@pytest.mark.parametrize(
    ("form", "least"),
    [
        (Form(48, numbers="float16"), 0.99),
        (Form(48, numbers="int8"), 0.95),
        (Form(48, "pca"), 1.0),
        (Form(48, numbers="binary", again="float16", candidates=400), 0.99),
        (Form(48, numbers="binary", again="int8", candidates=400), 0.95),
        (Form(24, "pca", "int8", again="int8", candidates=160), 0.9),
    ],
)
def test_fewer_bytes_find_nearly_the_same(form, least):
    assert agree(searched(form), EXACT) >= least


def test_scoring_again_with_the_whole_query_helps_binary_vectors():
    bare = agree(searched(Form(48, numbers="binary")), EXACT)
    again = agree(searched(Form(48, numbers="binary", again="query", candidates=160)), EXACT)
    assert 0.2 < bare < again


def test_only_candidates_are_scored_again_and_the_others_follow_in_their_order():
    binary = Form(48, numbers="binary")
    bare = searched(binary, k=500)
    few = searched(replace(binary, again="int8", candidates=20), k=500)
    for row in range(len(QUERIES)):
        first, again = bare.best(row, 500), few.best(row, 500)
        least = first[19][1]
        best = {document for document, score in first if score >= least}
        assert {document for document, _ in again[: len(best)]} == best
        assert again[len(best) - 1][1] > again[len(best)][1]
        places = dict(first)
        rest = [places[document] for document, _ in again[len(best) :]]
        assert rest == sorted(rest, reverse=True)


def test_how_many_are_asked_for_changes_nothing_above():
    form = Form(48, numbers="binary", again="int8", candidates=40)
    few, many = searched(form, k=10), searched(form, k=200)
    for row in range(len(QUERIES)):
        assert few.best(row, 10) == many.best(row, 10)


def test_binary_scores_are_the_share_of_agreeing_sides_by_hand():
    # Means are 0, 0, 0, 0; the query lies above, above, below, below.
    documents = np.array(
        [[1, 1, -1, -1], [1, 1, 1, -1], [-1, -1, 1, 1], [-1, -1, -1, 1]], dtype=np.float32
    )
    query = np.array([[3, 1, -2, -1]], dtype=np.float32)
    found = searched(Form(4, numbers="binary"), documents, query)
    assert found.best(0, 4) == [("d0", 1.0), ("d1", 0.5), ("d3", -0.5), ("d2", -1.0)]


@pytest.mark.parametrize("size", [7, 48, 64, 128])
def test_binary_scores_agree_number_by_number(size):
    documents, queries = unit(90, 128), unit(5, 128, seed=1)
    compact = fit(Form(size, numbers="binary"), documents)
    kept = compact.keep(documents)
    found = compact.search(queries, kept, ASKED[:5], FOUND[:90], k=90)
    above = compact.cut(documents) > compact.middle
    for row, query in enumerate(compact.cut(queries) > compact.middle):
        expected = (above == query).mean(axis=1) * 2 - 1
        scores = dict(found.best(row, 90))
        assert [scores[name] for name in FOUND[:90]] == pytest.approx(expected, abs=1e-6)


def test_documents_with_equal_codes_are_tied():
    documents = np.concatenate([DOCUMENTS[:20], DOCUMENTS[:20] * 1.0001, -DOCUMENTS[:20]])
    found = searched(Form(48, numbers="binary"), documents, DOCUMENTS[:1], k=1)
    assert [d for d, _ in found.best(0, 5)] == ["d0", "d20"]
    assert len(set(found.scores.tolist())) == 1


def test_components_keep_what_lies_in_fewer_dimensions():
    plane = unit(5, 48, seed=2)
    documents = unit(200, 5, seed=3) @ plane
    documents = (documents / np.linalg.norm(documents, axis=1, keepdims=True)).astype(np.float32)
    compact = fit(Form(5, "pca"), documents)
    left = compact.cut(documents)
    assert np.abs(left @ left.T - documents @ documents.T).max() < 1e-5


def test_bytes_are_those_of_all_copies():
    binary = Form(384, numbers="binary")
    assert (binary.searched, binary.bytes_of(384)) == (48, 48)
    assert Form(384).searched == 32 * binary.searched
    again = Form(128, numbers="binary", again="int8", candidates=40)
    assert (again.searched, again.bytes_of(384)) == (16, 16 + 384)
    assert Form(128, numbers="binary", again="query", candidates=40).bytes_of(384) == 16
    assert Form(7, numbers="binary").searched == 1


def test_every_form_has_its_own_name():
    forms = [Form(48), Form(48, "pca"), Form(24), Form(48, numbers="int8"),
             Form(48, numbers="binary", again="int8", candidates=40),
             Form(48, numbers="binary", again="query", candidates=40)]  # fmt: skip
    assert len({form.name for form in forms}) == len(forms)
    assert forms[4].name == "48 first numbers, binary, best 40 again in int8"


def test_vectors_of_nothing_are_kept_and_found_last():
    documents = np.concatenate([DOCUMENTS[:30], np.zeros((1, 48), dtype=np.float32)])
    for form in (Form(48), Form(48, numbers="int8"), Form(48, "pca", "float16")):
        found = searched(form, documents, DOCUMENTS[:1], k=31)
        assert np.isfinite(found.scores).all()
        assert dict(found.best(0, 31))["d30"] == 0.0


def test_blocks_and_mapped_files_change_nothing(tmp_path, monkeypatch):
    path = tmp_path / "vectors"
    path.write_bytes(DOCUMENTS.tobytes())
    mapped = np.memmap(path, dtype=np.float32, mode="r").reshape(DOCUMENTS.shape)
    form = Form(32, "pca", "int8", again="int8", candidates=40)
    expected = searched(form)
    monkeypatch.setattr("tunewise.retrieval.compact._BLOCK", 37)
    found = searched(form, mapped)
    assert found.documents.tolist() == expected.documents.tolist()
    assert found.scores == pytest.approx(expected.scores, abs=1e-6)


@pytest.mark.parametrize(
    ("form", "documents", "told"),
    [
        (Form(49), DOCUMENTS, "49 numbers cannot be kept of vectors that have 48"),
        (Form(0), DOCUMENTS, "0 numbers cannot be kept"),
        (Form(4), DOCUMENTS[:0], "no document vectors to learn from"),
        (Form(4, again="query"), DOCUMENTS, "takes 1 document or more, not 0"),
    ],
)
def test_what_cannot_be_kept_is_refused(form, documents, told):
    with pytest.raises(OptionError, match=told):
        fit(form, documents)
