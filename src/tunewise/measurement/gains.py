"""Gains: base and tuned encoder on the same units, with the interval their difference lies in.

Rankings are compared query by query and labelled texts text by text, over groups, as
`comparison.py` says. A correlation is no mean of units, so there the statistic itself is
resampled: whole groups are drawn with replacement, both encoders on the same draw, and the interval
is that between the 2.5th and the 97.5th percentile (Efron & Tibshirani 1993, chapter 13). With few
groups it is a little too narrow.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewise.comparison import Interval, compare, interval, level_of
from tunewise.metrics import Scores

Floats = NDArray[np.float64]
Statistic = Callable[[Floats, Floats], float]

_DRAWS = 2000
_LEVEL = 0.95


@dataclass(frozen=True)
class Gain:
    """What tuning brought in one metric: base, tuned, and tuned minus base, each with its interval.

    `units` are queries, pairs or texts, in so many `groups`; `better` and `worse` count the units
    that gained and lost, and are None where a metric is not a mean of units.
    """

    metric: str
    units: int
    groups: int
    base: Interval
    tuned: Interval
    difference: Interval
    better: int | None = None
    worse: int | None = None

    def to_dict(self) -> Mapping[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


def search_gains(
    base: Scores, tuned: Scores, metrics: Sequence[str], groups: Sequence[str], *, seed: int
) -> tuple[Gain, ...]:
    """One gain for each metric, of the same queries in the same order."""

    def gain(metric: str) -> Gain:
        found = compare(tuned, base, metric, groups=groups, seed=seed)
        before, after = (level_of(one, metric, groups, seed=seed) for one in (base, tuned))
        difference = Interval(found.difference, found.low, found.high)
        counts = (found.units, found.groups)
        return Gain(metric, *counts, before, after, difference, found.wins, found.losses)

    return tuple(gain(metric) for metric in metrics)


def naming_gains(
    base: Floats, tuned: Floats, groups: Sequence[str], *, seed: int
) -> tuple[Gain, ...]:
    """The gain in accuracy, of 1 (its own label) or 0 for each text (n,)."""
    before, after = (interval(each, groups, seed=seed, bounds=(0, 1)) for each in (base, tuned))
    difference = interval(tuned - base, groups, seed=seed, bounds=(-1, 1))
    counts = (len(base), len(set(groups)))
    better, worse = int((tuned > base).sum()), int((tuned < base).sum())
    return (Gain("accuracy", *counts, before, after, difference, better, worse),)


def likeness_gains(
    base: Floats, tuned: Floats, scores: Floats, groups: NDArray[np.int64], *, seed: int
) -> tuple[Gain, ...]:
    """The gains in Spearman's and Pearson's correlation of cosines (n,) with scores (n,)."""
    every = np.arange(len(scores))
    kinds, number = np.unique(groups, return_inverse=True)
    members = [every[number == each] for each in range(len(kinds))]
    generator = np.random.default_rng(seed)
    drawn = [
        np.concatenate([members[g] for g in generator.integers(0, len(members), len(members))])
        for _ in range(_DRAWS)
    ]

    def gain(metric: str) -> Gain:
        statistic = CORRELATIONS[metric]
        samples = np.array(
            [[statistic(c[rows], scores[rows]) for c in (base, tuned)] for rows in drawn]
        )
        before, after = statistic(base, scores), statistic(tuned, scores)
        spread = (samples[:, 0], samples[:, 1], samples[:, 1] - samples[:, 0])
        first, second, difference = (
            Interval(mean, *_ends(each))
            for mean, each in zip((before, after, after - before), spread, strict=True)
        )
        return Gain(metric, len(scores), len(members), first, second, difference)

    return tuple(gain(metric) for metric in CORRELATIONS)


def pearson(one: Floats, other: Floats) -> float:
    """Pearson's correlation of two rows of numbers (n,); 0 where either is constant.

    >>> round(pearson(np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 6.0])), 6)
    1.0
    """
    if not (np.ptp(one) > 0 and np.ptp(other) > 0):
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])


def spearman(one: Floats, other: Floats) -> float:
    """Pearson's correlation of the ranks, equal numbers sharing theirs.

    >>> round(spearman(np.array([1.0, 2.0, 9.0]), np.array([2.0, 4.0, 5.0])), 6)
    1.0
    """
    from scipy.stats import rankdata

    return pearson(rankdata(one), rankdata(other))


CORRELATIONS: Mapping[str, Statistic] = {"Spearman": spearman, "Pearson": pearson}


def _ends(samples: Floats) -> tuple[float, float]:
    low, high = np.quantile(samples, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return float(low), float(high)
