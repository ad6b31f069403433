"""Comparison where the metric is no mean of units but a statistic of all of them."""

import numpy as np
import pytest

from tunewise.comparison import compare, interval, level_of
from tunewise.metrics import Scores, pseudo_values
from tunewise.power import most_differing

UNITS = 120
GROUPS = [str(number // 2) for number in range(UNITS)]


def mean_of(values):
    return lambda weights: float(np.average(values, weights=weights)) if weights.any() else 0.0


def scores(values, *, as_statistic, order=slice(None)):
    values = np.asarray(values)[order]
    ids = [str(number) for number in range(len(values))]
    if not as_statistic:
        return Scores(ids, {"accuracy": values})
    statistic = mean_of(values)
    pseudo = pseudo_values(statistic, len(values))
    return Scores(ids, {"accuracy": pseudo}, statistics={"accuracy": statistic})


ONE = np.random.default_rng(0).uniform(0.3, 0.9, UNITS)
OTHER = np.clip(ONE - np.random.default_rng(1).normal(0.05, 0.1, UNITS), 0, 1)


def test_a_mean_told_as_a_statistic_has_its_own_values_back():
    np.testing.assert_allclose(pseudo_values(mean_of(ONE), UNITS), ONE)


def test_a_mean_told_as_a_statistic_has_nearly_the_same_interval():
    plain, drawn = (
        compare(scores(ONE, as_statistic=s), scores(OTHER, as_statistic=s), "accuracy",
                groups=GROUPS)
        for s in (False, True)
    )  # fmt: skip
    assert drawn.difference == pytest.approx(plain.difference)
    assert drawn.low == pytest.approx(plain.low, abs=0.002)
    assert drawn.high == pytest.approx(plain.high, abs=0.002)
    assert drawn.effective_deviation == pytest.approx(plain.effective_deviation)
    level = level_of(scores(ONE, as_statistic=True), "accuracy", GROUPS)
    expected = interval(ONE, GROUPS, bounds=(0, 1))
    assert level.low == pytest.approx(expected.low, abs=0.003)


@pytest.mark.parametrize("as_statistic", [False, True])
def test_a_perfect_score_is_no_promise_of_one(as_statistic):
    level = level_of(scores(np.ones(UNITS), as_statistic=as_statistic), "accuracy", GROUPS)
    hidden = most_differing(0) / len(set(GROUPS))  # groups in a row that could all be wrong
    assert (level.mean, level.low, level.high) == (1, pytest.approx(1 - hidden), 1)
    half = level_of(scores(np.full(UNITS, 0.5), as_statistic=as_statistic), "accuracy", GROUPS)
    assert (half.low, half.high) == pytest.approx((0.5 - hidden / 2, 0.5 + hidden / 2))


def test_identical_contenders_differ_by_nothing():
    found = compare(
        scores(ONE, as_statistic=True), scores(ONE, as_statistic=True), "accuracy", groups=GROUPS
    )
    assert (found.low, found.difference, found.high) == (0, 0, 0)


def test_neither_the_order_of_units_nor_the_names_of_groups_change_the_interval():
    order = np.random.default_rng(2).permutation(UNITS)
    first = compare(
        scores(ONE, as_statistic=True), scores(OTHER, as_statistic=True), "accuracy", groups=GROUPS
    )
    second = compare(
        scores(ONE, as_statistic=True, order=order),
        scores(OTHER, as_statistic=True, order=order),
        "accuracy",
        groups=[f"g{GROUPS[place]}" for place in order],
    )
    assert second.low == pytest.approx(first.low, abs=1e-9)
    assert second.high == pytest.approx(first.high, abs=1e-9)


@pytest.mark.slow
def test_the_interval_of_a_correlation_covers_the_truth():
    """200 samples of a correlation of 0.6: an interval of 95 % misses it some ten times."""
    rng, missed = np.random.default_rng(3), 0
    for _ in range(200):
        both = rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], size=60)

        def correlation(weights, both=both):
            return float(np.cov(both.T, aweights=weights)[0, 1] / np.sqrt(
                np.prod(np.diag(np.cov(both.T, aweights=weights)))))  # fmt: skip

        drawn = Scores(
            [str(number) for number in range(60)],
            {"r": pseudo_values(correlation, 60)},
            statistics={"r": correlation},
            bounds={"r": (-1.0, 1.0)},
        )
        found = level_of(drawn, "r", [str(number) for number in range(60)], draws=200)
        missed += not found.low <= 0.6 <= found.high
    assert 2 <= missed <= 20
