import doctest
import itertools
import math

import ir_measures
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tunewise.metrics.names
import tunewise.metrics.scores
from tunewise.errors import DataError, OptionError
from tunewise.metrics import DEFAULT_METRICS, Metric, parse_metric, score
from tunewise.rankings import Rankings, collect

ALL = ["nDCG@3", "Recall@2", "Precision@3", "MRR@3", "MAP@4", "Success@2", "Rprec"]


def ranked(**scores: dict[str, float]) -> Rankings:
    """Rankings from query → document → score."""
    ids = sorted({document for row in scores.values() for document in row})
    lists = [
        (np.array([ids.index(d) for d in row], dtype=np.int64), np.array(list(row.values())))
        for row in scores.values()
    ]
    return collect(list(scores), ids, lists)


def one(scores: dict[str, float], grades: dict[str, float], metric: str, **options: float) -> float:
    return score(ranked(q=scores), {"q": grades}, [metric], **options).mean(metric)


# Names


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("nDCG@10", "nDCG@10"),
        ("ndcg@010", "nDCG@10"),
        (" NDCG @ 5 ", "nDCG@5"),
        ("R@100", "Recall@100"),
        ("recall@1", "Recall@1"),
        ("P@3", "Precision@3"),
        ("rr@10", "MRR@10"),
        ("MRR@10", "MRR@10"),
        ("AP@100", "MAP@100"),
        ("map@7", "MAP@7"),
        ("hit@5", "Success@5"),
        ("Success@5", "Success@5"),
        ("rprec", "Rprec"),
        ("R-Precision", "Rprec"),
    ],
)
def test_a_metric_has_one_name_however_it_is_written(written: str, name: str) -> None:
    metric = parse_metric(written)
    assert metric.name == str(metric) == name
    assert parse_metric(metric.name) == metric


def test_every_default_metric_is_written_by_its_own_name() -> None:
    assert [parse_metric(name).name for name in DEFAULT_METRICS] == list(DEFAULT_METRICS)


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("ndgc@10", "Did you mean nDCG@10"),
        ("rpec", "Did you mean Rprec"),
        ("accuracy", "Known: nDCG@k, Recall@k"),
        ("", "Known: nDCG@k"),
        ("nDCG", "Write, for example: nDCG@10"),
        ("nDCG@", "needs a depth"),
        ("P@0", "whole number from 1"),
        ("P@-1", "whole number from 1"),
        ("P@2.5", "whole number from 1"),
        ("P@٣", "whole number from 1"),
        ("P@1000001", "to 1,000,000"),
        ("P@" + "9" * 40, "to 1,000,000"),
        ("Rprec@5", "Write: Rprec"),
    ],
)
def test_a_wrong_name_is_refused_with_what_to_write_instead(written: str, says: str) -> None:
    with pytest.raises(OptionError, match=says):
        parse_metric(written)


def test_no_metric_at_all_is_refused() -> None:
    with pytest.raises(OptionError, match="Name at least one of nDCG@k"):
        score(ranked(q={"a": 1}), {"q": {"a": 1}}, [])


def test_a_metric_named_twice_is_scored_once() -> None:
    scores = score(ranked(q={"a": 1}), {"q": {"a": 1}}, ["P@1", parse_metric("precision@1")])
    assert list(scores.values) == ["Precision@1"]


# Worked by hand, without ties


def test_ndcg_is_the_discounted_grade_over_the_best_possible() -> None:
    found = one({"a": 3, "b": 2, "c": 1}, {"a": 1, "c": 3, "z": 2}, "nDCG@3")
    best = 3 / math.log2(2) + 2 / math.log2(3) + 1 / math.log2(4)
    assert found == pytest.approx((1 / math.log2(2) + 3 / math.log2(4)) / best)


def test_ndcg_cuts_the_best_possible_too() -> None:
    assert one({"a": 2, "b": 1}, {"a": 1, "b": 1, "c": 1}, "nDCG@2") == 1


def test_a_negative_grade_gains_nothing_and_costs_nothing() -> None:
    assert one({"a": 2, "b": 1}, {"a": -1, "b": 1}, "nDCG@2") == pytest.approx(1 / math.log2(3))


def test_a_fraction_of_a_grade_counts_as_a_fraction() -> None:
    found = one({"a": 2, "b": 1}, {"a": 0.5, "b": 0.75}, "nDCG@2", relevant_from=0.5)
    best = 0.75 + 0.5 / math.log2(3)
    assert found == pytest.approx((0.5 + 0.75 / math.log2(3)) / best)


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        ("Precision@3", 2 / 3),
        ("Precision@10", 2 / 10),
        ("Recall@3", 2 / 4),
        ("MRR@3", 1 / 2),
        ("MRR@1", 0),
        ("Success@2", 1),
        ("Success@1", 0),
        ("MAP@3", (1 / 2 + 2 / 3) / 4),
        ("Rprec", 2 / 4),
    ],
)
def test_binary_metrics_are_as_trec_eval_defines_them(metric: str, value: float) -> None:
    found = one({"x": 3, "a": 2, "b": 1}, {"a": 1, "b": 2, "c": 1, "d": 5, "x": 0}, metric)
    assert found == pytest.approx(value)


def test_a_document_is_relevant_from_the_grade_asked_for() -> None:
    graded = {"a": 1.0, "b": 2.0}
    assert one({"a": 2, "b": 1}, graded, "MRR@2") == 1
    assert one({"a": 2, "b": 1}, graded, "MRR@2", relevant_from=2) == 0.5
    assert one({"a": 2, "b": 1}, graded, "nDCG@2", relevant_from=2) < 1  # but gains are grades


@pytest.mark.parametrize("wrong", [0, -1, math.nan, math.inf])
def test_a_senseless_grade_to_be_relevant_from_is_refused(wrong: float) -> None:
    with pytest.raises(OptionError, match="above 0"):
        one({"a": 1}, {"a": 1}, "P@1", relevant_from=wrong)


# Which queries


def test_queries_are_scored_in_the_order_of_the_judgments() -> None:
    scores = score(
        ranked(a={"x": 1}, b={"y": 1}), {"b": {"x": 1}, "c": {"x": 1}, "a": {"x": 1}}, ["P@1"]
    )
    assert scores.query_ids == ["b", "c", "a"]
    assert scores.values["Precision@1"].tolist() == [0, 0, 1]
    assert len(scores) == 3


def test_absent_and_empty_rankings_score_zero_and_are_counted() -> None:
    scores = score(ranked(a={}, b={"x": 1}), {q: {"x": 1} for q in "abc"}, ALL)
    assert scores.unanswered == 2
    for name in ALL:
        assert (scores.of(name)[[0, 2]] == 0).all()
    assert scores.unjudged[3].tolist() == [0, 0, 0]


def test_no_answers_at_all_score_zero() -> None:
    scores = score(ranked(), {"a": {"x": 1, "y": 0}}, ALL)
    assert [scores.mean(name) for name in ALL] == [0.0] * len(ALL)
    assert [values.tolist() for values in scores.judged_only.values()] == [[0.0]] * len(ALL)


def test_queries_without_a_relevant_document_are_left_out_and_counted() -> None:
    scores = score(ranked(a={"x": 1}), {"a": {"x": 1}, "b": {"x": 0}, "c": {}}, ["P@1"])
    assert (scores.query_ids, scores.left_out, scores.unanswered) == (["a"], 2, 0)


def test_judgments_without_any_relevant_document_are_refused() -> None:
    with pytest.raises(DataError, match=r"None of the 2 judged queries .*grade 1 or more"):
        score(ranked(a={"x": 1}), {"a": {"x": 0}, "b": {}}, ["P@1"])


def test_rankings_of_queries_without_judgments_are_passed_over() -> None:
    scores = score(ranked(a={"x": 1}, b={"y": 1}), {"a": {"x": 1}}, ["P@1"])
    assert scores.values["Precision@1"].tolist() == [1]


def test_judged_documents_that_no_ranking_knows_still_count_as_relevant() -> None:
    assert one({"a": 1}, {"a": 1, "elsewhere": 1}, "Recall@5") == 0.5


def test_asking_for_a_metric_that_was_not_scored_says_which_were() -> None:
    scores = score(ranked(a={"x": 1}), {"a": {"x": 1}}, ["P@1", "nDCG@3"])
    assert scores.mean("p@1") == 1
    with pytest.raises(OptionError, match="only Precision@1, nDCG@3"):
        scores.mean("nDCG@10")


# Unjudged documents


def test_the_share_of_unjudged_documents_is_of_those_returned() -> None:
    rankings = ranked(q={"a": 4, "u": 3, "v": 2, "b": 1})
    scores = score(rankings, {"q": {"a": 1, "b": 0}}, ["P@1", "nDCG@3", "P@10", "Rprec"])
    assert {k: share.tolist() for k, share in scores.unjudged.items()} == {
        1: [0],
        3: [pytest.approx(2 / 3)],
        10: [0.5],
    }


def test_the_share_of_unjudged_documents_is_expected_over_ties() -> None:
    scores = score(ranked(q={"a": 1, "u": 1, "v": 1, "w": 1}), {"q": {"a": 1}}, ["P@2"])
    assert scores.unjudged[2].tolist() == [0.75]


def test_judged_only_scores_take_unjudged_documents_out_of_the_ranking() -> None:
    rankings = ranked(q={"u": 4, "n": 3, "v": 2, "a": 1}, r={"u": 2, "a": 1})
    scores = score(rankings, {"q": {"a": 1, "n": 0}, "r": {"a": 1}}, ["MRR@10", "Success@1"])
    assert scores.values["MRR@10"].tolist() == [0.25, 0.5]
    assert scores.judged_only["MRR@10"].tolist() == [0.5, 1]
    assert scores.judged_only["Success@1"].tolist() == [0, 1]


def test_judged_only_scores_are_not_given_where_nothing_is_judged_irrelevant() -> None:
    scores = score(ranked(q={"u": 2, "a": 1}), {"q": {"a": 1}}, ["MRR@10"])
    assert scores.judged_only == {}


# Ties


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        # x first, then a, y, b tied: a and b are relevant.
        ("Precision@1", 0),
        ("Precision@2", 2 / 3 / 2),
        ("Recall@3", 2 / 3),
        ("Rprec", 1 / 3),
        ("Success@2", 2 / 3),
        ("Success@3", 1),
        ("MRR@4", 2 / 3 * 1 / 2 + 1 / 3 * 1 / 3),
        ("MRR@2", 2 / 3 * 1 / 2),
        # orders aby, bay: 1/2 + 2/3; ayb, bya: 1/2 + 2/4; yab, yba: 1/3 + 2/4
        ("MAP@4", ((1 / 2 + 2 / 3) + (1 / 2 + 2 / 4) + (1 / 3 + 2 / 4)) / 3 / 2),
        (
            "nDCG@4",
            2
            / 3
            * (1 / math.log2(3) + 1 / math.log2(4) + 1 / math.log2(5))
            / (1 + 1 / math.log2(3)),
        ),
    ],
)
def test_ties_count_in_expectation_worked_by_hand(metric: str, value: float) -> None:
    found = one({"x": 2, "a": 1, "y": 1, "b": 1}, {"a": 1, "b": 1}, metric)
    assert found == pytest.approx(value, abs=1e-12)


def test_a_tie_across_the_cut_shares_the_places_left() -> None:
    documents = {f"d{i}": 1.0 for i in range(100)}
    assert one(documents, {"d7": 1}, "Recall@10") == pytest.approx(0.1)
    assert one(documents, {"d93": 1}, "Recall@10") == pytest.approx(0.1)


def test_what_a_document_is_called_changes_nothing() -> None:
    graded = {"a": 1, "z": 0}
    first = [one({"a": 1, "m": 1, "z": 0}, graded, name) for name in ALL]
    other = [one({"y": 1, "b": 1, "z": 0}, {"y": 1, "z": 0}, name) for name in ALL]
    assert first == other


GRADES = st.sampled_from([-1.0, 0.0, 0.5, 1.0, 2.0, 3.0])


@st.composite
def tied_queries(draw: st.DrawFn) -> tuple[list[float], dict[str, float]]:
    depth = draw(st.integers(1, 6))
    scores = sorted(draw(st.lists(st.integers(0, 2), min_size=depth, max_size=depth)), reverse=True)
    grades = draw(st.dictionaries(st.sampled_from("abcdefxy"), GRADES, min_size=1, max_size=7))
    grades[draw(st.sampled_from("abcdefxy"))] = 2.0
    return [float(s) for s in scores], grades


def every_order(scores: list[float]) -> list[list[int]]:
    orders = itertools.permutations(range(len(scores)))
    return [list(o) for o in orders if [scores[i] for i in o] == scores]


@settings(max_examples=60)
@given(tied_queries())
def test_expectation_over_ties_is_the_mean_over_every_order(
    query: tuple[list[float], dict[str, float]],
) -> None:
    scores, grades = query
    names = "abcdef"
    tied = score(ranked(q=dict(zip(names, scores, strict=False))), {"q": grades}, ALL)
    orders = every_order(scores)
    separate = ranked(
        **{
            f"q{n}": {names[i]: -float(rank) for rank, i in enumerate(order)}
            for n, order in enumerate(orders)
        }
    )
    apart = score(separate, {f"q{n}": grades for n in range(len(orders))}, ALL)
    for name in ALL:
        assert tied.mean(name) == pytest.approx(apart.mean(name), abs=1e-12)
        for at, values in tied.judged_only.items():
            assert values.mean() == pytest.approx(apart.judged_only[at].mean(), abs=1e-12)
    for k, share in tied.unjudged.items():
        assert share[0] == pytest.approx(apart.unjudged[k].mean(), abs=1e-12)


# Against the reference library


def reference(rankings: Rankings, judgments: dict[str, dict[str, float]], metric: Metric, rel: int):
    kinds = {"Recall": "R", "Precision": "P", "MRR": "RR", "MAP": "AP"}
    base = getattr(ir_measures, kinds.get(metric.kind, metric.kind))
    asked = base if metric.kind == "nDCG" else base(rel=rel)
    asked = asked @ metric.k if metric.k and metric.kind != "MRR" else asked
    run = {
        query: {d: float(s) for d, s in rankings.best(i, metric.k if metric.kind == "MRR" else 999)}
        for i, query in enumerate(rankings.query_ids)
    }
    graded = {q: {d: int(g) for d, g in row.items()} for q, row in judgments.items()}
    return {m.query_id: m.value for m in ir_measures.iter_calc([asked], graded, run)}


@settings(max_examples=25)
@given(
    seed=st.integers(0, 2**32 - 1),
    documents=st.integers(2, 60),
    rel=st.sampled_from([1, 2]),
    k=st.integers(1, 30),
)
def test_without_ties_every_metric_equals_ir_measures(
    seed: int, documents: int, rel: int, k: int
) -> None:
    rng = np.random.default_rng(seed)
    lists = [(rng.permutation(documents)[: rng.integers(1, documents + 1)], None) for _ in range(8)]
    lists = [(p, rng.permutation(len(p)).astype(np.float32)) for p, _ in lists]
    rankings = collect([f"q{i}" for i in range(8)], [f"d{i}" for i in range(documents)], lists)
    judgments = {
        f"q{i}": {
            f"d{d}": float(rng.integers(-1, 4))
            for d in rng.choice(documents + 5, size=rng.integers(1, documents), replace=False)
        }
        | {"d0": 3.0}
        for i in range(8)
    }
    names = [f"{kind}@{k}" for kind in ("nDCG", "R", "P", "RR", "AP", "Success")] + ["Rprec"]
    scores = score(rankings, judgments, names, relevant_from=rel)
    for name, values in scores.values.items():
        expected = reference(rankings, judgments, parse_metric(name), rel)
        assert values == pytest.approx([expected[q] for q in scores.query_ids], abs=1e-9), name


# Size


def test_blocks_of_queries_score_as_one_query_at_a_time() -> None:
    rng = np.random.default_rng(0)
    lists = [
        (np.arange(900), np.round(rng.random(900), 1).astype(np.float32)) for _ in range(700)
    ]  # more than two blocks' worth
    ids = [f"d{i}" for i in range(900)]
    queries = [f"q{i}" for i in range(700)]
    judgments = {
        q: {f"d{d}": float(d % 3) for d in rng.choice(900, 5)} | {"d1": 1} for q in queries
    }
    whole = score(collect(queries, ids, lists), judgments, ALL)
    for i in (0, 290, 291, 292, 583, 699):
        alone = score(
            collect(queries[i : i + 1], ids, lists[i : i + 1]),
            {queries[i]: judgments[queries[i]]},
            ALL,
        )
        for name in ALL:
            assert whole.of(name)[i] == pytest.approx(alone.mean(name), abs=1e-12)


@pytest.mark.parametrize("module", [tunewise.metrics.names, tunewise.metrics.scores])
def test_the_examples_in_the_docstrings_hold(module) -> None:
    assert doctest.testmod(module).failed == 0
