import doctest
import json
import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap

import tunewise.comparison
from tunewise.comparison import (
    Comparison,
    Interval,
    compare,
    interval,
)
from tunewise.errors import DataError, OptionError
from tunewise.metrics import Scores
from tunewise.power import smallest_gain, units_needed

FAST = 500


def scores(values: Sequence[float], ids: Sequence[str] | None = None) -> Scores:
    array = np.array(values, dtype=np.float64)
    names = ids or [f"q{i}" for i in range(len(array))]
    return Scores(names, {"nDCG@10": array}, 0, 0, {}, {})


def versus(
    first: Sequence[float], second: Sequence[float], groups: Sequence[str] = (), **options
) -> Comparison:
    named = groups or [f"g{i}" for i in range(len(first))]
    return compare(scores(first), scores(second), "nDCG@10", groups=named, **options)


def apart(count: int) -> list[str]:
    return [str(i) for i in range(count)]


# What it says


def test_a_comparison_says_means_difference_and_who_wins_where() -> None:
    found = versus([1, 0.5, 0.5, 0], [0.5, 0.5, 0.25, 0.25], ["a", "a", "b", "c"])
    assert (found.metric, found.units, found.groups) == ("nDCG@10", 4, 3)
    assert (found.first, found.second, found.difference) == (0.5, 0.375, 0.125)
    assert (found.wins, found.ties, found.losses) == (2, 1, 1)
    assert found.deviation == pytest.approx(np.std([0.5, 0, 0.25, -0.25], ddof=1))
    assert found.low < found.difference < found.high
    assert found.level == 0.95


def test_the_metric_is_named_in_any_spelling() -> None:
    found = compare(scores([1, 0]), scores([0, 0]), "ndcg@10", groups="ab")
    assert found.metric == "nDCG@10"


def test_differences_of_rounding_are_ties() -> None:
    found = versus([0.1 + 0.2, 0.5, 0.5], [0.3, 0.5, 0.5 - 1e-8])
    assert (found.wins, found.ties, found.losses) == (1, 2, 0)


def test_a_contender_against_itself_differs_by_nothing() -> None:
    found = versus([0.3, 0.7, 0.1], [0.3, 0.7, 0.1])
    assert (found.difference, found.low, found.high, found.p_value) == (0, 0, 0, 1)
    assert (found.deviation, found.effective_deviation, found.design_effect) == (0, 0, 1)


def test_a_contender_better_by_the_same_everywhere_is_so_for_sure() -> None:
    found = versus([0.4] * 30, [0.3] * 30)
    assert found.low == found.high == found.difference
    assert found.difference == pytest.approx(0.1)
    assert found.p_value == pytest.approx(1 / 10_001)


def test_equal_values_give_an_interval_without_width() -> None:
    assert interval([0.1] * 7, apart(7)) == Interval(0.1, 0.1, 0.1)


def test_an_interval_stays_within_what_a_mean_can_be() -> None:
    values = [1.0, 1.0, 1.0, 0.4]
    assert interval(values, apart(4)).high > 1
    assert interval(values, apart(4), bounds=(0, 1)).high == 1


def test_results_are_plain_values_for_json() -> None:
    found = versus([1, 0.5, 0], [0, 0.5, 0.25]).to_dict()
    assert json.loads(json.dumps(found)) == found
    whole = interval([0.0, 1.0, 1.0], apart(3)).to_dict()
    assert json.loads(json.dumps(whole)) == whole


# How sure


def test_the_same_seed_gives_the_same_answer_and_another_seed_nearly_so() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.random(60), rng.random(60)
    assert versus(a, b, seed=3) == versus(a, b, seed=3)
    other = versus(a, b, seed=4)
    assert other.p_value != versus(a, b, seed=3).p_value
    assert other.p_value == pytest.approx(versus(a, b, seed=3).p_value, abs=0.02)
    assert other.low == pytest.approx(versus(a, b, seed=3).low, abs=0.01)


def test_with_many_units_the_interval_is_the_usual_one() -> None:
    values = np.random.default_rng(0).normal(0.3, 0.2, 4_000)
    found = interval(values, apart(4_000))
    usual = 1.96 * values.std(ddof=1) / math.sqrt(4_000)
    assert found.low == pytest.approx(values.mean() - usual, abs=usual * 0.05)
    assert found.high == pytest.approx(values.mean() + usual, abs=usual * 0.05)


def test_on_skewed_values_the_far_end_is_that_of_scipys_bca() -> None:
    values = np.random.default_rng(5).lognormal(0, 1.2, 120)
    found = interval(values, apart(120), draws=20_000)
    ends = bootstrap((values,), np.mean, n_resamples=20_000, rng=1).confidence_interval
    assert found.high == pytest.approx(ends.high, rel=0.02)
    assert found.low < ends.low  # the near end is the t interval's


def test_few_groups_are_never_surer_than_a_t_interval() -> None:
    values = np.array([0.0, 0.5, 0.1, 0.2, 0.7])
    found = interval(values, apart(5))
    t_at_four = 2.776
    assert found.high - values.mean() >= t_at_four * values.std(ddof=1) / math.sqrt(5) - 1e-3


def test_units_that_move_together_say_less() -> None:
    rng = np.random.default_rng(0)
    shared = rng.normal(0, 0.2, 40).repeat(5)
    together = versus(shared, shared * 0, [f"g{i // 5}" for i in range(200)])
    alone = versus(shared, shared * 0)
    assert together.high - together.low > 2 * (alone.high - alone.low)
    assert together.design_effect == pytest.approx(5, rel=0.1)
    assert alone.design_effect == pytest.approx(1)


def test_the_standard_error_is_the_effective_deviation_over_the_root_of_the_units() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(0, 0.2, 3_000)
    found = versus(values, values * 0, [f"g{i % 600}" for i in range(3_000)])
    error = found.effective_deviation / math.sqrt(found.units)
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * error, rel=0.05)


@pytest.mark.parametrize("zeros", [0.6, 0.8])
def test_from_forty_groups_up_95_percent_intervals_hold_the_truth_95_times_in_100(
    zeros: float,
) -> None:
    rng = np.random.default_rng(2)

    def sample(count: int) -> np.ndarray:
        moves = rng.choice([0.07, 0.13, 0.37, 0.5, 1.0], count) * rng.choice([1, 1, 1, -1], count)
        return np.where(rng.random(count) < zeros, 0, moves)

    mean = (1 - zeros) * 0.5 * np.mean([0.07, 0.13, 0.37, 0.5, 1.0])
    found = [interval(sample(40), apart(40), draws=FAST) for _ in range(400)]
    held = np.mean([f.low <= mean <= f.high for f in found])
    assert 0.93 <= held <= 0.98  # 0.95 ± two standard errors of 400 samples, and a little


def test_the_p_value_is_that_of_swapping_contenders_in_every_possible_way() -> None:
    differences = np.array([0.5, 0.25, 0.125, 0.25, -0.125, 0.5])
    signs = np.array(np.meshgrid(*[[1, -1]] * 6)).reshape(6, -1)
    exact = np.mean(np.abs(differences @ signs) >= differences.sum() - 1e-12)
    assert versus(differences, differences * 0).p_value == pytest.approx(exact, abs=0.01)


def test_the_p_value_swaps_whole_groups() -> None:
    together = versus([0.5] * 20, [0.0] * 20, ["a"] * 10 + ["b"] * 10)
    assert together.p_value == pytest.approx(0.5, abs=0.02)  # both up or both down: 2 of 4 ways


def test_the_p_value_is_even_where_there_is_no_difference() -> None:
    rng = np.random.default_rng(0)
    values = [versus(rng.normal(size=30), np.zeros(30), draws=200).p_value for _ in range(300)]
    assert np.mean(np.array(values) <= 0.1) == pytest.approx(0.1, abs=0.04)
    assert min(values) > 0


# Laws

SCORE = st.sampled_from([0.0, 0.13, 0.37, 0.5, 0.63, 1.0])
PAIRS = st.lists(st.tuples(SCORE, SCORE, st.sampled_from("abcdefg")), min_size=2, max_size=30)
TWO_GROUPS = PAIRS.filter(lambda rows: len({group for *_, group in rows}) > 1)


def same(one: Comparison, other: Comparison) -> None:
    for name in ("difference", "low", "high", "deviation", "effective_deviation", "p_value"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), abs=1e-8), name
    assert (one.wins, one.ties, one.losses) == (other.wins, other.ties, other.losses)


@settings(max_examples=40)
@given(TWO_GROUPS)
def test_turning_a_comparison_round_only_changes_its_sign(
    rows: list[tuple[float, float, str]],
) -> None:
    a, b, groups = zip(*rows, strict=True)
    one, other = versus(a, b, groups, draws=FAST), versus(b, a, groups, draws=FAST)
    assert one.difference == -other.difference
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low), abs=1e-8)
    assert (one.wins, one.ties, one.losses) == (other.losses, other.ties, other.wins)
    assert one.p_value == other.p_value
    assert one.effective_deviation == pytest.approx(other.effective_deviation)


@settings(max_examples=40)
@given(TWO_GROUPS, st.randoms(use_true_random=False))
def test_neither_the_order_of_units_nor_the_names_of_groups_matter(
    rows: list[tuple[float, float, str]], random
) -> None:
    shuffled = random.sample(rows, len(rows))
    names = dict(zip("abcdefg", random.sample("tuvwxyz", 7), strict=True))
    a, b, groups = zip(*rows, strict=True)
    c, d, others = zip(*shuffled, strict=True)
    renamed = [names[group] for group in others]
    same(versus(a, b, groups, draws=FAST), versus(c, d, renamed, draws=FAST))


@settings(max_examples=40)
@given(TWO_GROUPS, st.sampled_from([-3.0, -0.2, 0.1, 7.0]))
def test_adding_the_same_to_every_value_moves_the_interval_by_it(
    rows: list[tuple[float, float, str]], shift: float
) -> None:
    values, _, groups = zip(*rows, strict=True)
    plain = interval(values, groups, draws=FAST)
    moved = interval(np.array(values) + shift, groups, draws=FAST)
    for name in ("mean", "low", "high"):
        assert getattr(moved, name) == pytest.approx(getattr(plain, name) + shift, abs=1e-7)


@settings(max_examples=40)
@given(TWO_GROUPS, st.sampled_from([0.01, 3.0]))
def test_adding_the_same_to_both_contenders_changes_nothing(
    rows: list[tuple[float, float, str]], shift: float
) -> None:
    a, b, groups = zip(*rows, strict=True)
    moved = versus(np.array(a) + shift, np.array(b) + shift, groups, draws=FAST)
    same(versus(a, b, groups, draws=FAST), moved)


@settings(max_examples=40)
@given(TWO_GROUPS)
def test_an_interval_holds_its_mean_and_grows_with_its_level(
    rows: list[tuple[float, float, str]],
) -> None:
    values, _, groups = zip(*rows, strict=True)
    narrow = interval(values, groups, level=0.8, draws=FAST)
    wide = interval(values, groups, level=0.99, draws=FAST)
    assert wide.low <= narrow.low <= narrow.mean <= narrow.high <= wide.high


def test_hundreds_of_groups_alike_are_drawn_as_their_kinds_to_the_same_effect() -> None:
    values = np.tile([0.0, 0.0, 0.0, 0.5, 1.0], 100)
    jittered = values + np.random.default_rng(0).normal(0, 1e-4, 500)
    alike, single = interval(values, apart(500)), interval(jittered, apart(500))
    assert (alike.low, alike.high) == pytest.approx((single.low, single.high), abs=0.002)


# Power


def test_the_units_needed_are_those_of_the_usual_formula() -> None:
    z = NormalDist().inv_cdf
    expected = ((z(0.975) + z(0.8)) * 0.25 / 0.02) ** 2
    assert units_needed(distance=0.02, deviation=0.25) == math.ceil(expected) == 1227


def test_that_many_units_find_the_difference_four_times_in_five() -> None:
    units = units_needed(distance=0.1, deviation=0.3)
    rng = np.random.default_rng(0)
    found = [
        interval(rng.normal(0.1, 0.3, units), apart(units), draws=FAST).low > 0 for _ in range(400)
    ]
    assert np.mean(found) == pytest.approx(0.8, abs=0.05)


@given(st.floats(0.001, 0.5), st.floats(0.05, 1), st.floats(0.5, 0.99), st.floats(0.5, 0.99))
def test_the_smallest_gain_is_the_inverse_of_the_units_needed(
    distance: float, deviation: float, level: float, power: float
) -> None:
    units = units_needed(distance=distance, deviation=deviation, level=level, power=power)
    assert smallest_gain(units, deviation, level=level, power=power) <= distance * (1 + 1e-9)
    if units > 2:
        fewer = smallest_gain(units - 1, deviation, level=level, power=power)
        assert fewer > distance * (1 - 1e-9)


def test_without_any_deviation_two_units_are_enough() -> None:
    assert units_needed(distance=0.1, deviation=0) == 2
    assert smallest_gain(10, 0) == 0


# What is refused


@pytest.mark.parametrize(
    "options",
    [{"level": 1}, {"level": 0.05}, {"level": math.nan}, {"draws": 10}, {"seed": -1}],
)
def test_senseless_options_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(OptionError, match=f"{next(iter(options))}="):
        versus([1, 0], [0, 0], **options)
    with pytest.raises(OptionError, match=f"{next(iter(options))}="):
        interval([1, 0], "ab", **options)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("distance", 0),
        ("distance", -0.1),
        ("distance", math.inf),
        ("deviation", -1),
        ("deviation", math.nan),
        ("level", 1),
        ("power", 0),
        ("power", 1),
    ],
)
def test_senseless_wishes_for_power_are_refused(name: str, value: float) -> None:
    with pytest.raises(OptionError, match=f"{name}=.* makes no sense"):
        units_needed(**{"distance": 0.1, "deviation": 0.2, name: value})


@pytest.mark.parametrize("units", [0, -3])
def test_a_gain_cannot_be_shown_by_no_units(units: int) -> None:
    with pytest.raises(OptionError, match="Give a number above 0"):
        smallest_gain(units, 0.2)


def test_contenders_scored_on_other_queries_are_refused() -> None:
    with pytest.raises(OptionError, match="same judgments"):
        compare(scores([1, 0], "ab"), scores([1, 0], "ba"), "nDCG@10", groups="ab")


def test_a_metric_that_was_not_scored_is_refused() -> None:
    with pytest.raises(OptionError, match="only nDCG@10"):
        compare(scores([1, 0]), scores([1, 0]), "MRR@10", groups="ab")


def test_groups_that_do_not_match_the_units_are_refused() -> None:
    with pytest.raises(OptionError, match="2 values and 3 groups"):
        versus([1, 0], [0, 0], "abc")


def test_a_single_group_is_refused() -> None:
    with pytest.raises(DataError, match="All 3 units are of one group"):
        versus([1, 0, 1], [0, 0, 0], "aaa")


def test_scores_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(DataError, match="1 of 3 scores are not finite"):
        interval([1, math.nan, 0], "abc")


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(tunewise.comparison).failed == 0
