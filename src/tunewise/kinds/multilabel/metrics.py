"""What sets of labels are scored by: micro-F1, macro-F1, subset accuracy, log loss, calibration.

Micro-F1 decides: every label that is told or should have been counts alike, so that no rare label
with a handful of test texts sways it. Macro-F1 is the mean of the labels' F1 (of those that occur,
in truth or among the answers). Both are statistics of all texts, as scikit-learn has them. Subset
accuracy is the share of texts that get exactly their labels. Log loss is that of a text's whole
set, each label taken by itself. The calibration error is that of the labels told (`calibration`).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewise.data.multilabelled import MultiLabelledTexts
from tunewise.kinds.multilabel.answers import Answers, Flags, Floats
from tunewise.metrics import Scores, Statistic, calibration_square, pseudo_values

METRICS = ("micro-F1", "macro-F1", "subset accuracy", "log loss", "calibration error")
DECIDING = ("micro-F1", "macro-F1")

_LEAST = 1e-12  # no answer is taken to be surer than this


def score(answers: Answers, part: MultiLabelledTexts, metrics: Sequence[str]) -> Scores:
    """Scores of answers, one unit a text."""
    truth, told = part.labels, answers.told
    values: dict[str, Floats] = {}
    statistics: dict[str, Statistic] = {}
    if "micro-F1" in metrics:
        statistics["micro-F1"] = micro_f1(truth, told)
    if "macro-F1" in metrics:
        statistics["macro-F1"] = macro_f1(truth, told)
    if "subset accuracy" in metrics:
        values["subset accuracy"] = (truth == told).all(axis=1).astype(np.float64)
    if "log loss" in metrics:
        given = np.where(truth, answers.chances, 1 - answers.chances)
        values["log loss"] = -np.log(np.maximum(given, _LEAST)).sum(axis=1)
    if "calibration error" in metrics:
        rows, labels = np.nonzero(told)
        sure, right = answers.chances[rows, labels], truth[rows, labels].astype(np.float64)
        statistics["calibration error"] = calibration_square(sure, right, rows)
    for name, statistic in statistics.items():
        values[name] = pseudo_values(statistic, len(truth))
    return Scores(
        query_ids=[str(row) for row in range(len(truth))],
        values={name: values[name] for name in metrics},
        statistics=statistics,
        bounds={"log loss": (0.0, float("inf"))},
        squared=frozenset({"calibration error"}),
    )


def micro_f1(truth: Flags, told: Flags) -> Statistic:
    """Micro-F1 as a function of the texts' weights; 0 where there is no label to tell.

    >>> micro_f1(np.array([[True, False], [True, True]]), np.eye(2, dtype=bool))(np.ones(2))
    0.8
    """
    hits = (truth & told).sum(axis=1).astype(np.float64)
    both = (truth.sum(axis=1) + told.sum(axis=1)).astype(np.float64)

    def statistic(weights: Floats) -> float:
        every = float(weights @ both)
        return float(2 * (weights @ hits)) / every if every else 0.0

    return statistic


def macro_f1(truth: Flags, told: Flags) -> Statistic:
    """Macro-F1 as a function of the texts' weights.

    >>> macro_f1(np.array([[True, False], [True, True]]), np.eye(2, dtype=bool))(np.ones(2))
    0.8333333333333333
    """
    hits, either = _counted(truth & told), _counted(truth) + _counted(told)

    def statistic(weights: Floats) -> float:
        right, both = weights @ hits, weights @ either
        there = both > 0
        return float((2 * right[there] / both[there]).mean()) if there.any() else 0.0

    return statistic


def _counted(flags: NDArray[np.bool_]) -> Any:
    from scipy.sparse import csr_array

    return csr_array(flags, dtype=np.float64)
