"""Gains: worked by hand where that is possible, and with intervals that hold what they should."""

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr

from tunewise.measurement.gains import likeness_scores, naming_scores, paired_gains
from tunewise.metrics import score
from tunewise.rankings import collect

GENERATOR = np.random.default_rng(0)
SCORES = GENERATOR.random(60)
NOISY = likeness_scores(SCORES + GENERATOR.normal(0, 0.5, 60), SCORES)
SAME = likeness_scores(SCORES, SCORES)
GROUPS = [str(number // 2) for number in range(60)]


def accuracy(right, groups=None, base=None):
    """The gain in accuracy of texts that came out right so, over others or over none right."""
    right = np.asarray(right, dtype=float)
    before = np.zeros(len(right)) if base is None else np.asarray(base, dtype=float)
    groups = groups or [str(number) for number in range(len(right))]
    [gain] = paired_gains(naming_scores(before), naming_scores(right), groups, seed=0)
    return gain


def test_correlations_are_those_of_scipy_with_ties_too():
    one = GENERATOR.integers(0, 5, 50).astype(float)
    other = GENERATOR.integers(0, 5, 50).astype(float)
    found = likeness_scores(one, other)
    assert found.mean("Spearman") == pytest.approx(spearmanr(one, other).statistic)
    assert found.mean("Pearson") == pytest.approx(pearsonr(one, other).statistic)


def test_the_correlation_of_what_never_varies_is_nothing():
    assert likeness_scores(np.ones(5), np.arange(5.0)).mean("Spearman") == 0


def test_a_correlation_that_rose_says_how_surely():
    spearmans, pearsons = paired_gains(NOISY, SAME, GROUPS, seed=0)
    assert (spearmans.metric, pearsons.metric) == ("Spearman", "Pearson")
    assert (spearmans.units, spearmans.groups) == (60, 30)
    assert spearmans.tuned.mean == pytest.approx(1)
    assert spearmans.base.low < spearmans.base.mean < spearmans.base.high < 1
    assert spearmans.difference.mean == pytest.approx(1 - spearmans.base.mean)
    assert spearmans.difference.low > 0
    assert spearmans.better is None


def test_base_against_itself_is_no_gain_at_all():
    for gain in paired_gains(NOISY, NOISY, GROUPS, seed=0):
        assert (gain.difference.mean, gain.difference.low, gain.difference.high) == (0, 0, 0)


def test_the_same_seed_gives_the_same_interval():
    one, other = (paired_gains(NOISY, SAME, GROUPS, seed=3) for _ in range(2))
    assert one == other


def test_accuracy_is_paired_text_by_text():
    gain = accuracy([1, 1, 1, 0, 1, 0], base=[1, 0, 0, 1, 0, 0])
    assert (gain.base.mean, gain.tuned.mean) == pytest.approx((2 / 6, 4 / 6))
    assert gain.difference.mean == pytest.approx(2 / 6)
    assert (gain.better, gain.worse) == (3, 1)


def test_texts_that_all_come_out_right_do_not_promise_that_all_ever_will():
    gain = accuracy([1] * 40)
    hidden = 3.6 / 40  # 97.5 % bound of a count of which none was seen, about
    assert (gain.tuned.low, gain.tuned.high) == (pytest.approx(1 - hidden, abs=0.01), 1)
    assert gain.difference.low == pytest.approx(1 - 2 * hidden, abs=0.02)
    assert (gain.base.low, gain.difference.high) == (0, 1)


def test_an_encoder_that_changes_no_answer_here_may_change_some_elsewhere():
    gain = accuracy([1, 0] * 20, base=[1, 0] * 20)
    assert gain.difference.mean == 0
    assert gain.difference.low == pytest.approx(-gain.difference.high)
    assert 0.08 < gain.difference.high < 0.1


def test_rankings_are_paired_query_by_query():
    queries, first = [f"q{n}" for n in range(8)], np.array([2, 1])
    truth = {query: {"a": 1} for query in queries}
    right, wrong = (
        score(collect(queries, ["a", "b"], [(np.array(order), first)] * 8), truth, ["MRR@10"])
        for order in ([0, 1], [1, 0])
    )
    [gain] = paired_gains(wrong, right, queries, seed=0)
    assert (gain.base.mean, gain.tuned.mean, gain.difference.mean) == (0.5, 1, 0.5)
    assert (gain.units, gain.groups, gain.better, gain.worse) == (8, 8, 8, 0)
