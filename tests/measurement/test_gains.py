"""Gains: worked by hand where that is possible, and with intervals that hold what they should."""

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr

from tunewise.measurement.gains import (
    likeness_gains,
    naming_gains,
    pearson,
    search_gains,
    spearman,
)
from tunewise.metrics import score
from tunewise.rankings import collect

GENERATOR = np.random.default_rng(0)
SCORES = GENERATOR.random(60)
NOISY = SCORES + GENERATOR.normal(0, 0.5, 60)
GROUPS = np.arange(60) // 2


def test_correlations_are_those_of_scipy_with_ties_too():
    one = GENERATOR.integers(0, 5, 50).astype(float)
    other = GENERATOR.integers(0, 5, 50).astype(float)
    assert spearman(one, other) == pytest.approx(spearmanr(one, other).statistic)
    assert pearson(one, other) == pytest.approx(pearsonr(one, other).statistic)


def test_the_correlation_of_what_never_varies_is_nothing():
    assert spearman(np.ones(5), np.arange(5.0)) == 0


def test_a_correlation_that_rose_says_how_surely():
    spearmans, pearsons = likeness_gains(NOISY, SCORES, SCORES, GROUPS, seed=0)
    assert (spearmans.metric, pearsons.metric) == ("Spearman", "Pearson")
    assert (spearmans.units, spearmans.groups) == (60, 30)
    assert spearmans.tuned.mean == pytest.approx(1)
    assert spearmans.base.low < spearmans.base.mean < spearmans.base.high < 1
    assert spearmans.difference.mean == pytest.approx(1 - spearmans.base.mean)
    assert spearmans.difference.low > 0
    assert spearmans.better is None


def test_base_against_itself_is_no_gain_at_all():
    for gain in likeness_gains(NOISY, NOISY, SCORES, GROUPS, seed=0):
        assert (gain.difference.mean, gain.difference.low, gain.difference.high) == (0, 0, 0)


def test_the_same_seed_gives_the_same_interval():
    one, other = (likeness_gains(NOISY, SCORES, SCORES, GROUPS, seed=3) for _ in range(2))
    assert one == other


def test_accuracy_is_paired_text_by_text():
    base, tuned = np.array([1.0, 0, 0, 1, 0, 0]), np.array([1.0, 1, 1, 0, 1, 0])
    [gain] = naming_gains(base, tuned, list("abcdef"), seed=0)
    assert (gain.base.mean, gain.tuned.mean) == pytest.approx((2 / 6, 4 / 6))
    assert gain.difference.mean == pytest.approx(2 / 6)
    assert (gain.better, gain.worse) == (3, 1)


def test_rankings_are_paired_query_by_query():
    queries, first = [f"q{n}" for n in range(8)], np.array([2, 1])
    truth = {query: {"a": 1} for query in queries}
    right, wrong = (
        score(collect(queries, ["a", "b"], [(np.array(order), first)] * 8), truth, ["MRR@10"])
        for order in ([0, 1], [1, 0])
    )
    [gain] = search_gains(wrong, right, ["MRR@10"], queries, seed=0)
    assert (gain.base.mean, gain.tuned.mean, gain.difference.mean) == (0.5, 1, 0.5)
    assert (gain.units, gain.groups, gain.better, gain.worse) == (8, 8, 8, 0)
