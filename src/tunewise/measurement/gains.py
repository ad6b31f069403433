"""Gains: base and tuned encoder on the same units, with the interval their difference lies in.

Rankings are compared query by query, labelled texts text by text, and correlations, which are no
mean of units, as they are, all over groups, as `comparison.py` says. Where every unit comes out
the same distance apart there is nothing to draw, and the interval reaches as far as what so many
units may hide.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewise.comparison import Comparison, Interval, compare, level_of
from tunewise.kinds.similarity.metrics import pearson, spearman
from tunewise.metrics import Scores
from tunewise.power import most_differing

Floats = NDArray[np.float64]


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


def paired_gains(
    base: Scores, tuned: Scores, groups: Sequence[str], *, seed: int
) -> tuple[Gain, ...]:
    """One gain for each metric that both were scored by, of the same units in the same order.

    `tuned` is `base` itself where nothing tuned is delivered: there is surely no gain then.
    """

    def gain(metric: str) -> Gain:
        found = compare(tuned, base, metric, groups=groups, seed=seed)
        before, after = (level_of(one, metric, groups, seed=seed) for one in (base, tuned))
        difference = Interval(found.difference, found.low, found.high)
        if tuned is not base and not found.low < found.high:
            difference = _unseen(found, base.bounds.get(metric, (0.0, 1.0)))
        mean = metric in base.values
        better, worse = (found.wins, found.losses) if mean else (None, None)
        counts = found.units, found.groups
        return Gain(metric, *counts, before, after, difference, better, worse)

    return tuple(gain(metric) for metric in base.names)


def naming_scores(right: Floats) -> Scores:
    """The accuracy of texts (n,), each 1 (it got its own label) or 0."""
    return Scores([str(row) for row in range(len(right))], {"accuracy": right})


def likeness_scores(cosines: Floats, scores: Floats) -> Scores:
    """Spearman's and Pearson's correlation of the cosines of pairs (n,) with their scores (n,)."""
    return Scores(
        [str(row) for row in range(len(scores))],
        {},
        statistics={"Spearman": spearman(cosines, scores), "Pearson": pearson(cosines, scores)},
        bounds={"Spearman": (-1.0, 1.0), "Pearson": (-1.0, 1.0)},
    )


def _unseen(found: Comparison, bounds: tuple[float, float]) -> Interval:
    """Where every group differs alike: as far as the most groups that hide may pull the mean."""
    share = min(1.0, most_differing(0) / found.groups)
    most, mean = bounds[1] - bounds[0], found.difference
    low, high = (mean + share * (end - mean) for end in (-most, most))
    return Interval(mean, low, high)
