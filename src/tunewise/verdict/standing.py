"""Standing: one contender as the rule sees it."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import variance

import numpy as np

from tunewise.comparison import TIE, Comparison, compare
from tunewise.metrics import Scores
from tunewise.power import most_differing
from tunewise.verdict.needed import FEW

_Z = 1.96  # standard errors that 97.5 % lie below


@dataclass(frozen=True)
class Standing:
    """A contender's dev mean and its scores on the test queries."""

    name: str
    tuned: bool
    dev: float
    scores: Scores
    rung: str | None = None
    plain: bool = False
    """Whether this is the first off-the-shelf encoder by itself: nothing added, nothing tuned."""
    repeats: Sequence[Scores] = ()
    """Its scores when it was trained again with other seeds."""
    redrawn: Sequence[float] = ()
    """Its mean under each of the judgments that other samples would have given (`Test.redrawn`)."""
    dev_units: int = 0
    """How many queries `dev` is the mean of; 0 where they are those of test, as in folds."""
    same_as: str | None = None
    """The untuned contender that tuning gave back; it is this one, not only as good."""
    folds: int = 0
    """How many fits its scores come from, each without the queries it is asked; 0: one, or none."""

    def unrepeatable(self, metric: str) -> float:
        """The variance of the mean from one training to the next; 0 where there was only one."""
        means = [scores.mean(metric) for scores in (self.scores, *self.repeats)]
        return variance(means) if len(means) > 1 else 0.0


def difference(
    first: Standing, second: Standing, groups: Sequence[str], *, metric: str, seed: int = 0
) -> Comparison:
    """First minus second on the test queries, with all that it varies by in the interval.

    `groups` are the queries' groups. Two trainings vary by themselves; judgments drawn again move
    both contenders at once; fits of folds share what they learned from.
    """
    apart = [one - other for one, other in zip(first.redrawn, second.redrawn, strict=True)]
    besides = {
        "training": first.unrepeatable(metric) + second.unrepeatable(metric),
        "judgments": variance(apart) if len(apart) > 1 else 0.0,
        "unseen": _unseen(first, second, metric),
    }
    return compare(
        first.scores,
        second.scores,
        metric,
        groups=groups,
        seed=seed,
        besides=besides,
        folds=max(first.folds, second.folds),
    )


def _unseen(first: Standing, second: Standing, metric: str) -> float:
    """What a training may do on all queries that none did in its fold, where few queries differ.

    In folds the fit that is saved is another than those that were measured: it may leave its base
    where they stayed. The share of queries it moves is bounded by those that differ (`FEW`).
    """
    if not max(first.folds, second.folds) or not (first.tuned or second.tuned):
        return 0.0
    apart = np.abs(first.scores.of(metric) - second.scores.of(metric))
    differing = int(np.count_nonzero(apart >= TIE))
    return 0.0 if differing >= FEW else (most_differing(differing) / len(apart) / _Z) ** 2
