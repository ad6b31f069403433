"""Fusion of two rankings, judged against sums worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunewise.errors import OptionError
from tunewise.rankings import collect
from tunewise.retrieval import choose_fusion, fuse

DOCUMENTS = ["a", "b", "c", "d"]


def ranking(*lists, ids=None):
    """One dict of document → score for each query."""
    return collect(
        ids or [f"q{place}" for place in range(len(lists))],
        DOCUMENTS,
        [
            (
                np.array([DOCUMENTS.index(d) for d in scored], dtype=np.int64),
                np.array(list(scored.values()), dtype=np.float32),
            )
            for scored in lists
        ],
    )


def fused(first, second, **options):
    return dict(fuse(ranking(first), ranking(second), **options).best(0, 9))


def test_minmax_puts_lists_between_0_and_1_and_what_is_missing_counts_as_the_last():
    first, second = {"a": 10, "b": 6, "c": 2}, {"b": 0.9, "d": 0.5}
    assert fused(first, second, weight=0.25, method="minmax") == pytest.approx(
        {"a": 0.25, "b": 0.125 + 0.75, "c": 0, "d": 0}, abs=1e-6
    )


def test_zscore_gives_lists_mean_0_and_deviation_1():
    found = fused({"a": 3, "b": 1}, {"a": 0.1, "b": 0.5}, weight=0.75, method="zscore")
    assert found == pytest.approx({"a": 0.75 - 0.25, "b": -0.75 + 0.25}, abs=1e-6)


def test_rrf_sums_reciprocal_ranks_from_60_and_the_missing_add_nothing():
    found = fused({"a": 9, "b": 8}, {"b": 0.5}, weight=0.5, method="rrf")
    assert found == pytest.approx({"a": 0.5 / 61, "b": 0.5 / 62 + 0.5 / 61}, abs=1e-6)


def test_rrf_gives_tied_documents_their_middle_rank():
    found = fused({"a": 9, "b": 9, "c": 1}, {"d": 1}, weight=1.0, method="rrf")
    assert found["a"] == found["b"] == pytest.approx(1 / 61.5, abs=1e-6)


@pytest.mark.parametrize("method", ["zscore", "minmax", "rrf"])
@pytest.mark.parametrize(("weight", "order"), [(1.0, "abc"), (0.0, "cba")])
def test_a_weight_of_one_or_none_keeps_one_order_alone(method, weight, order):
    first, second = {"a": 3, "b": 2, "c": 1}, {"a": 1, "b": 2, "c": 3}
    found = fuse(ranking(first), ranking(second), weight=weight, method=method)
    assert "".join(name for name, _ in found.best(0, 3)) == order


@pytest.mark.parametrize("method", ["zscore", "minmax", "rrf"])
def test_a_query_that_one_ranking_cannot_answer_keeps_the_order_of_the_other(method):
    found = fuse(ranking({}, {"a": 1}), ranking({"c": 2, "a": 1}, {}), weight=0.5, method=method)
    assert [name for name, _ in found.best(0, 9)] == ["c", "a"]
    assert [name for name, _ in found.best(1, 9)] == ["a"]


@pytest.mark.parametrize("method", ["zscore", "minmax"])
def test_a_list_of_equal_scores_still_says_what_was_found(method):
    found = fused({"a": 1, "b": 1}, {"c": 1, "a": 1}, weight=0.5, method=method)
    assert found == {"a": 1.0, "b": 0.5, "c": 0.5}


def test_nothing_at_all_fuses_to_nothing():
    assert len(fuse(ranking({}), ranking({}), weight=0.5).documents) == 0


@given(
    st.lists(
        st.tuples(*[st.dictionaries(st.sampled_from(DOCUMENTS), st.integers(0, 9))] * 2),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from(["zscore", "minmax", "rrf"]),
    st.floats(0, 1),
)
def test_the_sides_can_be_exchanged_and_no_document_is_lost(lists, method, weight):
    first, second = ranking(*(a for a, _ in lists)), ranking(*(b for _, b in lists))
    one = fuse(first, second, weight=weight, method=method)
    other = fuse(second, first, weight=1 - weight, method=method)
    for query, (a, b) in enumerate(lists):
        scores = dict(one.best(query, 9))
        assert scores.keys() == a.keys() | b.keys()
        assert scores == pytest.approx(dict(other.best(query, 9)), abs=3e-6)


def test_rankings_of_different_queries_or_documents_are_refused():
    with pytest.raises(OptionError, match="different queries"):
        fuse(ranking({"a": 1}, ids=["x"]), ranking({"a": 1}), weight=0.5)
    elsewhere = collect(["q0"], ["z"], [(np.array([0]), np.ones(1, np.float32))])
    with pytest.raises(OptionError, match="different documents"):
        fuse(ranking({"a": 1}), elsewhere, weight=0.5)


def test_an_unknown_method_and_a_weight_outside_are_refused():
    one = ranking({"a": 1})
    with pytest.raises(OptionError, match="no fusion method 'sum'"):
        fuse(one, one, weight=0.5, method="sum")
    with pytest.raises(OptionError, match=r"weight is 1\.5"):
        fuse(one, one, weight=1.5)


def test_the_better_ranking_gets_the_greater_weight():
    first, second = ranking({"a": 2, "b": 1.9, "c": 1}), ranking({"c": 9, "b": 8, "a": 1})
    assert choose_fusion(first, second, {"q0": {"a": 1}}).weight > 0.5
    assert choose_fusion(second, first, {"q0": {"a": 1}}).weight < 0.5


def test_of_equal_weights_the_most_even_is_chosen():
    one = ranking({"a": 2, "b": 1})
    chosen = choose_fusion(one, one, {"q0": {"a": 1}})
    assert (chosen.method, chosen.weight) == ("zscore", 0.5)
    assert chosen.to_dict()["reason"] == "chosen on 1 dev queries by nDCG@10"


def test_another_method_is_chosen_when_it_is_clearly_better():
    # second in both lists is best by ranks, and far from the first by scores
    first = ranking(*[{"b": 10, "a": 1, "c": 0.5, "d": 0}] * 9)
    second = ranking(*[{"d": 10, "a": 1, "c": 0.5, "b": 0}] * 9)
    judgments = {f"q{n}": {"a": 1} for n in range(9)}
    assert choose_fusion(first, second, judgments, "MRR@1").method == "rrf"


def test_without_judgments_the_usual_values_are_taken_and_said():
    one = ranking({"a": 1})
    for judgments in ({}, {"q0": {"a": 0}}, {"elsewhere": {"a": 1}}):
        chosen = choose_fusion(one, one, judgments)
        assert (chosen.method, chosen.weight) == ("zscore", 0.5)
        assert "no dev queries" in chosen.reason
