"""Answers: how probable each label is of each text, and which are told."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

THRESHOLDS = np.linspace(0.01, 0.99, 99)
"""Those that dev chooses from."""


@dataclass(frozen=True)
class Answers:
    """`chances` (n, labels), each by itself from 0 to 1, and from which one on a label is told."""

    chances: Floats
    threshold: float

    @property
    def told(self) -> Flags:
        """Which labels each text is given (n, labels); it may be none."""
        return self.chances >= self.threshold

    def __getitem__(self, rows: NDArray[np.generic]) -> "Answers":
        """Those to some of the texts."""
        return Answers(self.chances[rows], self.threshold)


def best_threshold(chances: Floats, truth: Flags, metric: str) -> tuple[float, float]:
    """The threshold with the best F1 (`metric` is micro-F1 or macro-F1), and how good it is.

    Of equals the middle one; 0.5 where there is nothing to see. For micro-F1 one threshold for all
    labels is the best there is, where probabilities are right (Lipton et al. 2014, "Optimal
    thresholding of classifiers to maximize F1 measure").

    >>> best_threshold(np.array([[0.9, 0.2]]), np.array([[True, False]]), "micro-F1")
    (0.56, 1.0)
    """
    if not truth.any():
        return 0.5, 0.0
    levels = _levels(chances, truth, metric)
    best = np.flatnonzero(levels >= levels.max() - 1e-12)
    chosen = int(best[len(best) // 2])
    return float(THRESHOLDS[chosen]), float(levels[chosen])


def _levels(chances: Floats, truth: Flags, metric: str) -> Floats:
    """The F1 at each threshold: labels are counted once, by the last threshold they reach."""
    count, steps = truth.shape[1], len(THRESHOLDS) + 1
    reached = np.searchsorted(THRESHOLDS, chances, side="right")
    cells = (reached + steps * np.arange(count)).ravel()
    every = np.bincount(cells, minlength=count * steps).reshape(count, steps)
    right = np.bincount(cells, truth.ravel(), minlength=count * steps).reshape(count, steps)
    told, hits = (np.cumsum(c[:, ::-1], axis=1)[:, ::-1][:, 1:] for c in (every, right))
    both = told + truth.sum(axis=0)[:, None]
    if metric == "micro-F1":
        return np.asarray(2 * hits.sum(axis=0) / both.sum(axis=0))
    there = both > 0
    each = np.divide(2 * hits, both, out=np.zeros(both.shape), where=there)
    return np.asarray(each.sum(axis=0) / there.sum(axis=0))
