"""Units that stand for several: weighted means, intervals and tests."""

import math

import numpy as np
import pytest

from tunewise.comparison import compare, interval
from tunewise.errors import OptionError
from tunewise.metrics import Scores, score
from tunewise.rankings import collect

FAST = 500


def scores(values, weights=None) -> Scores:
    array = np.asarray(values, dtype=np.float64)
    heavy = None if weights is None else np.asarray(weights, dtype=np.float64)
    return Scores([f"q{i}" for i in range(len(array))], {"nDCG@10": array}, 0, 0, {}, {}, heavy)


def versus(first, second, weights=None, groups=(), **options):
    named = groups or [f"g{i}" for i in range(len(first))]
    pair = scores(first, weights), scores(second, weights)
    return compare(*pair, "nDCG@10", groups=named, **options)


def sample():
    rng = np.random.default_rng(11)
    first, second = rng.choice([0.0, 0.37, 0.5, 1.0], (2, 60))
    return first, second, [f"g{i % 25}" for i in range(60)]


def test_without_weights_a_comparison_says_what_it_said_before_there_were_any() -> None:
    first, second, groups = sample()
    found = versus(first, second, groups=groups, draws=FAST)
    known = (
        *(0.5428333333333334, 0.4091666666666667, 0.13366666666666666),
        *(-0.003126058742173754, 0.27045939207550707, 0.5730115704652093, 0.5133933975639331),
    )
    means = (found.first, found.second, found.difference)
    told = (*means, found.low, found.high, found.deviation, found.effective_deviation)
    assert told == pytest.approx(known, rel=1e-12)  # the last bits are the processor's
    assert found.p_value == 0.043912175648702596


def test_weights_that_are_all_one_change_no_bit() -> None:
    first, second, groups = sample()
    ones = np.ones(60)
    plain, heavy = (versus(first, second, w, groups, draws=FAST) for w in (None, ones))
    for name, value in plain.to_dict().items():
        if name != "deviation":
            assert getattr(heavy, name) == value, name
    assert heavy.deviation == pytest.approx(plain.deviation)
    assert interval(first, groups, weights=ones) == interval(first, groups)


def test_the_scale_of_weights_does_not_matter() -> None:
    first, second, groups = sample()
    weights = np.random.default_rng(0).uniform(0.5, 3, 60)
    small, large = (versus(first, second, w, groups, draws=FAST) for w in (weights, 4 * weights))
    assert small == large


def test_a_mean_weighs_and_counts_do_not() -> None:
    found = versus([1, 0.5, 0], [0, 0.5, 0.5], [1, 1, 2])
    assert (found.first, found.second) == (0.375, 0.375)
    assert (found.units, found.groups) == (3, 3)
    assert (found.wins, found.ties, found.losses) == (1, 1, 1)
    assert found.difference == 0
    # the mean is 0: (1·1 + 1·0 + 2·0.25) / 4, and 3 units lose one degree of freedom
    assert found.deviation == pytest.approx(math.sqrt(1.5 / 4 * 3 / 2))
    assert scores([1, 0.5, 0], [1, 1, 2]).mean("nDCG@10") == 0.375


def test_the_error_is_that_of_the_groups_weighted_sums() -> None:
    rng = np.random.default_rng(3)
    values, weights = rng.normal(0, 0.3, 900), rng.uniform(0.3, 3, 900)
    found = versus(values, values * 0, weights, [f"g{i % 300}" for i in range(900)])
    mean = np.average(values, weights=weights)
    sums = np.bincount(np.arange(900) % 300, weights * (values - mean))
    error = math.sqrt((sums**2).sum()) / weights.sum()
    assert found.effective_deviation / math.sqrt(found.units) == pytest.approx(error, rel=0.01)
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * error, rel=0.05)


def test_a_unit_of_weight_two_is_two_units_of_its_group() -> None:
    first, second, groups = sample()
    twice = versus(first, second, [2.0] * 10 + [1.0] * 50, groups, draws=FAST)
    rows = [*range(10), *range(60)]
    again = versus(first[rows], second[rows], None, [groups[r] for r in rows], draws=FAST)
    for name in ("first", "second", "difference", "low", "high", "p_value"):
        assert getattr(twice, name) == pytest.approx(getattr(again, name)), name


def test_contenders_with_other_weights_are_refused() -> None:
    for weights in (None, [1.0, 1.0, 2.0]):
        with pytest.raises(OptionError, match="other weights"):
            compare(
                scores([1, 0, 1], weights), scores([0, 0, 1], [2.0, 1.0, 1.0]), "nDCG@10",
                groups="abc",
            )  # fmt: skip


def test_queries_without_a_weight_weigh_one() -> None:
    ranked = collect(["q1", "q2"], ["a"], [(np.array([0]), np.array([1.0]))] * 2)
    truth = {"q1": {"a": 1.0}, "q2": {"b": 1.0}}
    assert score(ranked, truth, ["MRR@10"], weights={"q1": 3.0}).mean("MRR@10") == 0.75
    assert score(ranked, truth, ["MRR@10"], weights={}).weights is None
