"""A verdict on few queries: measured in folds, and what is saved fitted on all."""

from dataclasses import replace

import pytest

import tunewise
from tunewise.encoders import WordHashEncoder
from tunewise.testing import tiny_task

WORDS = ["lexical", "pretrained", "hybrid", "adapter"]


pytestmark = pytest.mark.slow  # five folds and all: seven times the fitting


def few(count):
    task = tiny_task()
    kept = task.queries.ids[:: len(task.queries) // count][:count]
    return replace(
        task,
        queries=task.queries.take(task.queries.position[query] for query in kept),
        judgments={query: task.judgments[query] for query in kept},
    )


@pytest.fixture(scope="module")
def verdict():
    return tunewise.measure(few(64), encoders=[WordHashEncoder()], contenders=WORDS)


def test_all_queries_count_in_the_interval(verdict):
    assert verdict.decision.gain.units == 64
    assert verdict.data["split"]["by"] == "fold"
    assert {len(standing.scores) for standing in verdict.standings} == {64}


def test_what_is_saved_learned_from_four_fifths_or_more(verdict):
    adapter = next(one for one in verdict.contenders if one.name == "adapter-query")
    assert adapter.settings["training_pairs"] > 40
    assert len(adapter.rank(verdict.task.queries)) == 64


def test_scores_are_not_those_of_a_contender_that_saw_the_queries(verdict):
    adapter = next(one for one in verdict.contenders if one.name == "adapter-both")
    standing = next(one for one in verdict.standings if one.name == "adapter-both")
    from tunewise.metrics import score

    seen = score(adapter.rank(verdict.task.queries), verdict.task.judgments, ["nDCG@10"])
    assert standing.scores.mean("nDCG@10") < seen.mean("nDCG@10")


def test_there_is_no_learning_curve_of_so_few(verdict):
    assert verdict.forecast is None


def test_a_budget_leaves_out_what_it_did_not_reach_and_says_so():
    found = tunewise.measure(
        few(48), encoders=[WordHashEncoder()], contenders=WORDS, budget=1e-6, seed=5
    )
    assert [one.family for one in found.contenders] == ["lexical"]
    assert {skip.name for skip in found.skipped} == {*WORDS} - {"lexical"}
    assert all("budget" in skip.why or "time" in skip.why for skip in found.skipped)


def test_seven_queries_are_enough_to_be_measured():
    found = tunewise.measure(few(7), encoders=[WordHashEncoder()], contenders=WORDS)
    assert found.answer == "cannot tell yet"
    assert found.decision.gain.units == 7
