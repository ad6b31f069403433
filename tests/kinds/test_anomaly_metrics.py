"""Oddness scored: AUROC, average precision, false alarms; thresholds and what they promise."""

import doctest

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

import tunewise.kinds.anomaly.alarms
import tunewise.kinds.anomaly.metrics
from tunewise.kinds.anomaly.alarms import threshold_of, wilson
from tunewise.kinds.anomaly.metrics import (
    auroc,
    average_precision,
    false_alarms_at_recall,
    placements,
)
from tunewise.metrics import pseudo_values

Drawn = tuple[NDArray[np.bool_], NDArray[np.float64]]

EVEN = np.ones(5)
ODD = np.array([True, False, True, False, False])
ANSWERS = np.array([0.9, 0.8, 0.5, 0.5, 0.1])  # one odd text ties with a normal one


def drawn(seed: int, texts: int = 60) -> Drawn:
    """Texts of which a third are odd, with scores that often tie."""
    rng = np.random.default_rng(seed)
    odd = rng.random(texts) < 0.3
    odd[:2] = True, False
    return odd, np.round(rng.normal(odd * 1.0), 1)


def test_the_statistics_of_a_case_worked_by_hand() -> None:
    # 0.9 is above all three normal texts, 0.5 above one and level with another: 4.5 of 6 pairs.
    assert auroc(ODD, ANSWERS)(EVEN) == pytest.approx(4.5 / 6)
    # Half of the odd are found at precision 1, the other half at 2 of 4.
    assert average_precision(ODD, ANSWERS)(EVEN) == pytest.approx(0.5 * 1 + 0.5 * 0.5)
    # To find both, 0.5 must raise an alarm, and with it two of three normal texts.
    assert false_alarms_at_recall(ODD, ANSWERS)(EVEN) == pytest.approx(2 / 3)


def test_a_text_that_weighs_two_is_a_text_that_is_there_twice() -> None:
    odd, answers = drawn(0)
    times = np.random.default_rng(1).integers(0, 3, len(odd))
    for made in (auroc, average_precision, false_alarms_at_recall):
        twice = made(np.repeat(odd, times), np.repeat(answers, times))
        weighed = made(odd, answers)(times.astype(float))
        assert weighed == pytest.approx(twice(np.ones(int(times.sum()))))


@pytest.mark.parametrize("seed", range(5))
def test_the_statistics_are_those_of_scikit_learn(seed: int) -> None:
    odd, answers = drawn(seed)
    weights = np.random.default_rng(seed).integers(0, 4, len(odd)).astype(float)
    kept = {"sample_weight": weights}
    assert auroc(odd, answers)(weights) == pytest.approx(roc_auc_score(odd, answers, **kept))
    assert average_precision(odd, answers)(weights) == pytest.approx(
        average_precision_score(odd, answers, **kept)
    )
    false, true, _ = roc_curve(odd, answers, drop_intermediate=False, **kept)
    assert false_alarms_at_recall(odd, answers)(weights) == pytest.approx(
        false[np.argmax(true >= 0.95 - 1e-12)]
    )


def test_a_draw_without_odd_or_without_normal_texts_has_a_number() -> None:
    no_odd, no_normal = np.where(ODD, 0.0, 1.0), np.where(ODD, 1.0, 0.0)
    for weights, told in ((no_odd, (0.5, 0.0, 1.0)), (no_normal, (0.5, 1.0, 1.0))):
        made = auroc(ODD, ANSWERS), average_precision(ODD, ANSWERS)
        found = (*(one(weights) for one in made), false_alarms_at_recall(ODD, ANSWERS)(weights))
        assert found == pytest.approx(told)


@pytest.mark.parametrize("seed", range(3))
def test_pseudo_values_in_closed_form_are_those_of_leaving_out(seed: int) -> None:
    odd, answers = drawn(seed)
    slowly = pseudo_values(auroc(odd, answers), len(odd))
    assert placements(odd, answers) == pytest.approx(slowly)


def test_pseudo_values_where_one_text_is_odd_are_finite() -> None:
    found = placements(np.array([True, False, False]), np.array([0.3, 0.2, 0.4]))
    assert np.isfinite(found).all()


def test_a_threshold_is_the_rank_that_conformal_prediction_asks_for() -> None:
    seen = np.arange(1.0, 20.0)
    assert threshold_of(seen, 0.05) == 19  # of nineteen the highest: one in twenty is above
    assert threshold_of(seen, 0.25) == 15
    assert threshold_of(seen[:4], 0.05) == 4  # too few to promise it: the highest there is


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.2])
def test_false_alarms_are_no_more_than_promised(rate: float) -> None:
    rng = np.random.default_rng(0)
    scores = np.sort(rng.exponential(size=(2000, 120)), axis=1)
    above = [1 - np.exp(-threshold_of(row, rate)) for row in scores]
    alarms = 1 - np.mean(above)
    assert rate - 1 / 121 - 0.002 < alarms < rate + 0.002


@pytest.mark.parametrize(("hits", "of"), [(0, 20), (3, 50), (20, 20)])
def test_the_interval_of_a_share_is_that_of_scipy(hits: int, of: int) -> None:
    theirs = binomtest(hits, of).proportion_ci(method="wilson")
    assert wilson(hits, of) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_examples_of_metrics_and_alarms_give_what_they_say() -> None:
    for module in (tunewise.kinds.anomaly.metrics, tunewise.kinds.anomaly.alarms):
        assert doctest.testmod(module).failed == 0
