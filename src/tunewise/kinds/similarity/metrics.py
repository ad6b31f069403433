"""What likeness is scored by: Spearman, Pearson, average precision, F1.

All of them are statistics of all pairs. A pair that weighs 2 counts as two pairs do, in ranks too.
Where a statistic has no value (all pairs equally alike, no pair a duplicate) it is 0. Average
precision is Σ (Rᵢ - Rᵢ₋₁) · Pᵢ over the different thresholds, as scikit-learn has it.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from tunewise.data.scored import ScoredPairs
from tunewise.kinds.similarity.answers import Answers, Floats, alike
from tunewise.metrics import Scores, Statistic

METRICS = ("Spearman", "Pearson", "average precision", "F1")
DECIDING = ("Spearman", "average precision")

_SAME = 1e-12  # what varies less does not vary


def deciding(examples: ScoredPairs) -> tuple[str, ...]:
    """The metrics that can decide, the one that does if none is named first.

    Average precision where all scores are 0 or 1, for there is no order among duplicates; else
    Spearman.
    """
    marked = bool(np.isin(examples.scores, (0.0, 1.0)).all())
    return DECIDING[::-1] if marked else DECIDING


def score(answers: Answers, part: ScoredPairs, metrics: Sequence[str]) -> Scores:
    """Scores of answers, one a pair."""
    return Scores(
        query_ids=[str(row) for row in range(len(part))],
        values={},
        statistics={name: _STATISTICS[name](answers, part) for name in metrics},
        bounds={"Spearman": (-1.0, 1.0), "Pearson": (-1.0, 1.0)},
    )


def pearson(one: Floats, other: Floats) -> Statistic:
    """Pearson's correlation of two rows of numbers (n,), as a function of the pairs' weights.

    >>> round(pearson(np.array([0.0, 1.0, 2.0]), np.array([1.0, 3.0, 5.0]))(np.ones(3)), 6)
    1.0
    """
    return lambda weights: _correlation(one, other, weights)


def spearman(one: Floats, other: Floats) -> Statistic:
    """Pearson's correlation of the ranks, equal numbers sharing theirs.

    >>> round(spearman(np.array([0.1, 0.2, 0.9]), np.array([1.0, 2.0, 3.0]))(np.ones(3)), 6)
    1.0
    """
    places = [np.unique(numbers, return_inverse=True)[1] for numbers in (one, other)]

    def statistic(weights: Floats) -> float:
        ranks = []
        for place in places:
            sums = np.bincount(place, weights)
            ranks.append((sums.cumsum() - sums / 2)[place])
        return _correlation(ranks[0], ranks[1], weights)

    return statistic


def average_precision(likeness: Floats, truth: Floats) -> Statistic:
    """The average precision of pairs in order of likeness; `truth` (n,) is 1 for duplicates.

    >>> average_precision(np.array([0.9, 0.8, 0.1]), np.array([1.0, 0.0, 1.0]))(np.ones(3))
    0.8333333333333333
    """
    place = np.unique(-likeness, return_inverse=True)[1]

    def statistic(weights: Floats) -> float:
        gained = np.bincount(place, weights * truth)
        right, called = gained.cumsum(), np.bincount(place, weights).cumsum()
        if not right.size or right[-1] <= 0:
            return 0.0
        return float((gained * right / np.maximum(called, _SAME)).sum() / right[-1])

    return statistic


def f1(called: Floats, truth: Floats) -> Statistic:
    """F1 of what is called a duplicate (n,), 1 or 0, against what is one."""

    def statistic(weights: Floats) -> float:
        total = float(weights @ (called + truth))
        return float(2 * weights @ (called * truth)) / total if total else 0.0

    return statistic


def _correlation(one: Floats, other: Floats, weights: Floats) -> float:
    total = float(weights.sum())
    if not total:
        return 0.0
    first, second = (numbers - weights @ numbers / total for numbers in (one, other))
    spread = np.sqrt(weights @ first**2) * np.sqrt(weights @ second**2)
    scale = total * max(np.abs(one).max() * np.abs(other).max(), _SAME)
    return float(weights @ (first * second) / spread) if spread > _SAME * scale else 0.0


_STATISTICS: Mapping[str, Callable[[Answers, ScoredPairs], Statistic]] = {
    "Spearman": lambda answers, part: spearman(answers.likeness, part.scores),
    "Pearson": lambda answers, part: pearson(answers.likeness, part.scores),
    "average precision": lambda answers, part: average_precision(
        answers.likeness, alike(part).astype(np.float64)
    ),
    "F1": lambda answers, part: f1(
        answers.duplicates.astype(np.float64), alike(part).astype(np.float64)
    ),
}
