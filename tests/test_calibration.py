"""Calibration error: without bias, and an interval that holds what is there, 0 too."""

import numpy as np
import pytest

from tunewise.comparison import compare, level_of
from tunewise.errors import OptionError
from tunewise.metrics import Scores, calibration_square, pseudo_values


def drawn(rng, count, slope):
    """How sure answers are, `slope` times too sure in log odds, and whether they were right."""
    odds = np.abs(rng.normal(1.5, 1.5, count))
    right = rng.random(count) < 1 / (1 + np.exp(-odds))
    return 1 / (1 + np.exp(-slope * odds)), right.astype(np.float64)


def scored(sure, right):
    statistic = calibration_square(sure, right)
    return Scores(
        query_ids=[str(n) for n in range(len(sure))],
        values={"calibration error": pseudo_values(statistic, len(sure))},
        statistics={"calibration error": statistic},
        squared=frozenset({"calibration error"}),
    )


def test_the_square_is_the_mean_over_pairs_of_different_answers():
    off = np.array([0.3, -0.2, 0.5, -0.1])  # one bin, as there are few
    sure = np.array([0.9, 0.8, 0.5, 0.6])
    pairs = [off[a] * off[b] for a in range(4) for b in range(4) if a != b]
    found = calibration_square(sure, sure - off)(np.ones(4))
    assert found == pytest.approx(np.mean(pairs))
    twice = [off[a] * off[b] for a in (0, 0, 1) for b in (1,) if a != b]  # 0 came up twice
    assert calibration_square(sure, sure - off)(np.array([2.0, 1, 0, 0])) == pytest.approx(
        np.mean(twice)
    )


def test_answers_of_one_unit_are_no_pairs():
    sure, right = np.array([0.6, 0.9, 0.7]), np.array([1.0, 0.0, 1.0])
    found = calibration_square(sure, right, np.array([0, 0, 1]))(np.ones(2))
    first, second = 0.5, -0.3  # what each unit's answers are off by together
    assert found == pytest.approx(2 * first * second / (9 - 4 - 1))


def test_what_chance_adds_is_taken_off():
    rng = np.random.default_rng(0)
    found = [calibration_square(*drawn(rng, 400, 1.0))(np.ones(400)) for _ in range(400)]
    assert abs(np.mean(found)) < 2.5 * np.std(found) / 20
    assert np.std(found) > 0.0005  # a plain distance in bins would be 0.05 here


@pytest.mark.slow
@pytest.mark.parametrize(("slope", "truth"), [(1.0, 0.0), (2.0, 0.1015)])
def test_intervals_hold_the_truth_of_the_calibrated_and_of_the_too_sure(slope, truth):
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(100):
        scores = scored(*drawn(rng, 600, slope))
        found = level_of(scores, "calibration error", scores.query_ids, draws=300)
        assert found.low <= found.mean <= found.high
        held += found.low <= truth <= found.high
    assert held >= 92


def test_answers_that_are_as_sure_as_each_other_are_in_one_bin():
    right = np.repeat([1.0, 0.0], [300, 100])  # in order, as files often are
    found = calibration_square(np.full(400, 0.75), right)(np.ones(400))
    assert found == pytest.approx(-0.75 * 0.25 / 399)


def test_no_answer_at_all_is_off_by_nothing():
    empty = np.zeros(0)
    assert calibration_square(empty, empty, np.zeros(0, dtype=np.int64))(np.ones(3)) == 0


def test_differences_of_roots_are_refused():
    scores = scored(*drawn(np.random.default_rng(0), 50, 1.0))
    with pytest.raises(OptionError, match="told as a root"):
        compare(scores, scores, "calibration error", groups=scores.query_ids)
