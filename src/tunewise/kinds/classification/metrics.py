"""What labels are scored by: accuracy, macro-F1, log loss, calibration error.

Accuracy and log loss are means over texts. Macro-F1 is a statistic of all texts: the mean of the
labels' F1 (of the labels that occur, in truth or among the answers), as scikit-learn has it. The
calibration error is the distance between how sure answers are and how often they are right, root
mean square, less what chance adds (`metrics/calibration.py`).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tunewise.data.labelled import LabelledTexts
from tunewise.kinds.classification.heads import LEAST, Chances
from tunewise.metrics import Scores, Statistic, calibration_square, pseudo_values

METRICS = ("accuracy", "macro-F1", "log loss", "calibration error")
DECIDING = ("accuracy", "macro-F1")

Floats = NDArray[np.float64]


def score(answers: Chances, part: LabelledTexts, metrics: Sequence[str]) -> Scores:
    """Scores of probabilities (n, labels), one row a text."""
    truth = np.asarray(part.labels)
    chosen, rows = answers.argmax(axis=1), np.arange(len(truth))
    right = np.asarray(chosen == truth, dtype=np.float64)
    given, sure = (answers[rows, each].astype(np.float64) for each in (truth, chosen))
    values: dict[str, Floats] = {}
    statistics: dict[str, Statistic] = {}
    if "accuracy" in metrics:
        values["accuracy"] = right
    if "log loss" in metrics:
        values["log loss"] = -np.log(np.maximum(given, LEAST))
    if "macro-F1" in metrics:
        statistics["macro-F1"] = macro_f1(truth, chosen, answers.shape[1])
    if "calibration error" in metrics:
        statistics["calibration error"] = calibration_square(sure, right)
    for name, statistic in statistics.items():
        values[name] = pseudo_values(statistic, len(truth))
    return Scores(
        query_ids=[str(row) for row in rows],
        values=values,
        statistics=statistics,
        bounds={"log loss": (0.0, float("inf"))},
        squared=frozenset({"calibration error"}),
    )


def macro_f1(truth: NDArray[np.int64], chosen: NDArray[np.int64], labels: int) -> Statistic:
    """Macro-F1 as a function of the texts' weights.

    >>> macro_f1(np.array([0, 0, 1]), np.array([0, 1, 1]), 2)(np.ones(3))
    0.6666666666666666
    """
    right = truth == chosen

    def statistic(weights: Floats) -> float:
        hits = np.bincount(truth[right], weights[right], labels)
        both = np.bincount(truth, weights, labels) + np.bincount(chosen, weights, labels)
        there = both > 0
        return float((2 * hits[there] / both[there]).mean()) if there.any() else 0.0

    return statistic
