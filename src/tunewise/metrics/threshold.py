"""Threshold: the score from which on something counts as a hit, chosen by its F1."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Threshold:
    """A score, and what came of taking all that reaches it, where it was chosen.

    `recall` is the share of what is relevant that it keeps, `precision` the share of what it keeps
    that is relevant.
    """

    score: float
    f1: float
    precision: float
    recall: float


def best_threshold(scores: ArrayLike, relevant: ArrayLike) -> Threshold | None:
    """The threshold with the best F1 over n scores, of which those at `relevant` (bool) count.

    It lies half-way between the last score that it keeps and the next. Of equally good ones the
    highest is taken. None without a score that counts.

    >>> best_threshold([0.9, 0.75, 0.25, 0.1], [True, True, False, False])
    Threshold(score=0.5, f1=1.0, precision=1.0, recall=1.0)
    """
    truth = np.asarray(relevant, dtype=bool)
    if not truth.any():
        return None
    levels, place = np.unique(-np.asarray(scores, dtype=np.float64), return_inverse=True)
    right = np.bincount(place, truth).cumsum()
    called = np.bincount(place).cumsum()
    f1 = 2 * right / (called + truth.sum())
    best = int(np.argmax(f1))
    last = -levels[best]
    following = -levels[best + 1] if best + 1 < len(levels) else last
    middle = (last + following) / 2
    return Threshold(
        score=float(middle if middle > following else last),
        f1=float(f1[best]),
        precision=float(right[best] / called[best]),
        recall=float(right[best] / truth.sum()),
    )
