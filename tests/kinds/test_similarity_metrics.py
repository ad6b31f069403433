"""What likeness is scored by: as scipy and scikit-learn have it, and as worked out by hand."""

import numpy as np
import pytest
from likeness_data import made
from scipy import stats
from sklearn.metrics import average_precision_score, f1_score

from tunewise.kinds.similarity.answers import Answers, threshold
from tunewise.kinds.similarity.metrics import METRICS, deciding, score

PAIRS = made(160).take("test")


def truth_of(part):
    return part.scores >= 0.8


def reference(metric, likeness, scores, called):
    """What other libraries say."""
    truth = scores >= 0.8
    return {
        "Spearman": lambda: stats.spearmanr(likeness, scores).statistic,
        "Pearson": lambda: stats.pearsonr(likeness, scores).statistic,
        "average precision": lambda: average_precision_score(truth, likeness),
        "F1": lambda: f1_score(truth, called),
    }[metric]()


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("seed", range(3))
def test_a_metric_agrees_with_another_library_however_often_a_pair_counts(metric, seed):
    rng = np.random.default_rng(seed)
    likeness = np.round(PAIRS.scores + rng.normal(0, 0.5, len(PAIRS)), 1)  # with ties
    answers = Answers(likeness, threshold=0.7)
    times = rng.integers(0, 4, len(PAIRS))
    found = score(answers, PAIRS, [metric])
    drawn = np.repeat(np.arange(len(PAIRS)), times)
    wanted = reference(metric, likeness[drawn], PAIRS.scores[drawn], answers.duplicates[drawn])
    assert found.statistics[metric](times.astype(float)) == pytest.approx(wanted)
    whole = reference(metric, likeness, PAIRS.scores, answers.duplicates)
    assert found.mean(metric) == pytest.approx(whole)


def test_five_pairs_worked_out_by_hand():
    five = PAIRS.among(np.arange(5))
    object.__setattr__(five, "scores", np.array([1.0, 0.0, 0.8, 0.4, 0.2]))
    answers = Answers(np.array([0.9, 0.8, 0.7, 0.6, 0.1]), threshold=0.75)
    found = score(answers, five, METRICS)
    # ranks 5 4 3 2 1 against 5 1 4 3 2: 1 - 6 · (0 + 9 + 1 + 1 + 1) / (5 · 24)
    assert found.mean("Spearman") == pytest.approx(0.4)
    assert found.mean("average precision") == pytest.approx((1 / 1 + 2 / 3) / 2)
    assert found.mean("F1") == pytest.approx(0.5)  # one of two called, one of two found


@pytest.mark.parametrize("metric", METRICS)
def test_a_draw_that_has_nothing_to_tell_apart_scores_0(metric):
    answers = Answers(np.linspace(0, 1, len(PAIRS)), threshold=0.5)
    statistic = score(answers, PAIRS, [metric]).statistics[metric]
    odd = np.where(truth_of(PAIRS), 0.0, 1.0)  # no duplicate was drawn
    alone = np.eye(len(PAIRS))[0]
    assert np.isfinite(statistic(odd)) and statistic(np.zeros(len(PAIRS))) == 0
    if metric in ("average precision", "F1"):
        assert statistic(odd) == 0
    else:
        assert statistic(alone) == 0
        same = score(Answers(np.full(len(PAIRS), 0.3)), PAIRS, [metric])
        assert same.mean(metric) == 0


def test_average_precision_decides_over_pairs_marked_0_and_1_and_spearman_over_others():
    assert deciding(made(40, marked=True))[0] == "average precision"
    assert deciding(made(40))[0] == "Spearman"


def test_the_threshold_is_the_cut_with_the_best_f1():
    five = made(40, marked=True).among(np.arange(5))
    object.__setattr__(five, "scores", np.array([1.0, 1.0, 0.0, 1.0, 0.0]))
    found = threshold(np.array([0.9, 0.8, 0.6, 0.2, 0.1]), five)
    assert found == {
        "likeness": pytest.approx(0.15),  # half-way between the last called and the next
        "F1": pytest.approx(6 / 7),
        "precision": pytest.approx(3 / 4),
        "recall": 1.0,
    }


@pytest.mark.parametrize("seed", range(5))
def test_no_other_cut_has_a_better_f1(seed):
    rng = np.random.default_rng(seed)
    likeness = np.round(rng.random(len(PAIRS)), 1)
    found = threshold(likeness, PAIRS)
    others = [f1_score(truth_of(PAIRS), likeness >= cut) for cut in np.unique(likeness)]
    assert found["F1"] == pytest.approx(max(others))
    called = Answers(likeness, found["likeness"]).duplicates
    assert f1_score(truth_of(PAIRS), called) == pytest.approx(found["F1"])


def test_without_a_duplicate_on_dev_no_pair_is_called_one():
    few = PAIRS.among(np.flatnonzero(~truth_of(PAIRS)))
    likeness = np.linspace(0, 1, len(few))
    assert threshold(likeness, few) is None
    assert not Answers(likeness, None).duplicates.any()
