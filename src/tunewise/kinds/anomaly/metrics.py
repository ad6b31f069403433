"""What scores of oddness are measured by: AUROC, average precision, false alarms at 95 % recall.

All three are statistics of all texts together, of which the odd ones are to have the higher scores.
Equal scores are one step: none of the texts that have them comes before another.

- AUROC: the chance that an odd text has a higher score than a normal one, half for equal scores
  (Hanley & McNeil 1982). 0.5 is chance. It does not depend on how many of the texts are odd.
- average precision: Σ (Rₙ - Rₙ₋₁)·Pₙ over the scores as thresholds, as scikit-learn has it. Chance
  is the share of odd texts, so it can be compared only within one test part.
- FPR at 95 % recall: the share of normal texts above the highest threshold that at least 95 % of
  the odd texts reach. Lower is better.

Where there is no odd or no normal text, as may be in a draw, they are 0.5, 0 (1 without normal
texts) and 1.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tunewise.kinds.anomaly.examples import MarkedTexts
from tunewise.metrics import Scores, Statistic, pseudo_values

METRICS = ("AUROC", "average precision", "FPR at 95 % recall")
DECIDING = ("AUROC", "average precision")

Floats = NDArray[np.float64]
_RECALL = 0.95
_SLACK = 1e-9  # for the last digit of a sum


def score(answers: Floats, part: MarkedTexts, metrics: Sequence[str]) -> Scores:
    """Scores of how odd texts are (n,), the odder the higher."""
    made = {
        "AUROC": auroc,
        "average precision": average_precision,
        "FPR at 95 % recall": false_alarms_at_recall,
    }
    statistics = {name: made[name](part.odd, answers) for name in metrics}
    values = {"AUROC": placements(part.odd, answers)} if "AUROC" in metrics else {}
    ids = [str(row) for row in range(len(part))]
    return Scores(query_ids=ids, values=values, statistics=statistics)


def auroc(odd: NDArray[np.bool_], answers: Floats) -> Statistic:
    """AUROC as a function of the texts' weights.

    >>> auroc(np.array([True, False, False]), np.array([0.7, 0.9, 0.2]))(np.ones(3))
    0.5
    """
    rare, normal = np.flatnonzero(odd), np.flatnonzero(~odd)
    normal = normal[np.argsort(answers[normal], kind="stable")]
    below, upto = (
        np.searchsorted(answers[normal], answers[rare], side=side) for side in ("left", "right")
    )

    def statistic(weights: Floats) -> float:
        ours, passed = weights[rare], np.zeros(len(normal) + 1)
        np.cumsum(weights[normal], out=passed[1:])
        pairs = float(ours.sum() * passed[-1])
        if pairs <= 0:
            return 0.5
        return float(ours @ (passed[below] + passed[upto])) / (2 * pairs)

    return statistic


def average_precision(odd: NDArray[np.bool_], answers: Floats) -> Statistic:
    """Average precision as a function of the texts' weights."""
    step, count = _steps(-answers)

    def statistic(weights: Floats) -> float:
        ours, theirs = _weighed(step, count, odd, weights)
        found, total = np.cumsum(ours), float(ours.sum())
        if total <= 0:
            return 0.0
        there = ours > 0  # elsewhere recall does not grow
        precision = found[there] / (found[there] + np.cumsum(theirs)[there])
        return float(ours[there] @ precision) / total

    return statistic


def false_alarms_at_recall(odd: NDArray[np.bool_], answers: Floats) -> Statistic:
    """FPR at 95 % recall as a function of the texts' weights."""
    step, count = _steps(-answers)

    def statistic(weights: Floats) -> float:
        ours, theirs = _weighed(step, count, odd, weights)
        found, total, normal = np.cumsum(ours), float(ours.sum()), float(theirs.sum())
        if total <= 0 or normal <= 0:
            return 1.0
        reached = int(np.argmax(found >= _RECALL * total - _SLACK))
        return min(float(theirs[: reached + 1].sum()) / normal, 1.0)

    return statistic


def placements(odd: NDArray[np.bool_], answers: Floats) -> Floats:
    """The pseudo-values of AUROC (n,), in closed form: the same as `pseudo_values` gives of it.

    What a text without which AUROC is worked out anew takes away is the share of the others that
    it stands on the right side of (DeLong et al. 1988), so one sort is enough for all of them.
    """
    texts, ours = len(odd), int(odd.sum())
    theirs = texts - ours
    if min(ours, theirs) < 2:
        return pseudo_values(auroc(odd, answers), texts)
    step, count = _steps(answers)
    odd_at, normal_at = _weighed(step, count, odd, np.ones(texts))
    below = (np.cumsum(normal_at) - normal_at / 2)[step]
    above = (ours - np.cumsum(odd_at) + odd_at / 2)[step]
    right = np.where(odd, below, above)  # pairs this text is on the right side of
    pairs, won = ours * theirs, float(below[odd].sum())
    without = (won - right) / np.where(odd, pairs - theirs, pairs - ours)
    return np.asarray(texts * won / pairs - (texts - 1) * without, dtype=np.float64)


def _steps(answers: Floats) -> tuple[NDArray[np.int64], int]:
    """The place of each text's score among all different ones, lowest first, and their number."""
    different, step = np.unique(answers, return_inverse=True)
    return step.astype(np.int64), len(different)


def _weighed(
    step: NDArray[np.int64], count: int, odd: NDArray[np.bool_], weights: Floats
) -> tuple[Floats, Floats]:
    """The weight of odd and of normal texts at each step (count,)."""
    ours, theirs = (np.bincount(step, np.where(own, weights, 0.0), count) for own in (odd, ~odd))
    return ours.astype(np.float64), theirs.astype(np.float64)
