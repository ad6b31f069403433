"""Calibration: how far probabilities are from how often they are right.

A mean distance in bins (ECE) is above 0 for answers that are perfectly calibrated: each bin's share
of right ones is off by chance, and a distance has no sign. Drawing units anew adds that chance a
second time, so that an interval of it holds neither 0 nor the truth. The squared distance can be
had without bias: the mean over pairs of different units in a bin of (sure - right) times (sure -
right), which is the squared distance of the bin's means less what chance adds (Bröcker 2012,
"Estimating reliability and resolution of probability forecasts"; Kumar et al. 2019, "Verified
uncertainty calibration"). A unit that is drawn twice is no pair with itself, so drawing adds
nothing. It may fall below 0; what is told is its root, 0 below 0.
"""

import numpy as np
from numpy.typing import NDArray

from tunewise.metrics.scores import Statistic

Floats = NDArray[np.float64]

_BINS = 15
_LEAST = 20  # answers in a bin


def calibration_square(
    sure: Floats, right: Floats, units: NDArray[np.int64] | None = None
) -> Statistic:
    """The squared calibration error as a function of the units' weights (n,).

    `sure` and `right` (m,) are the probability of each answer and whether it was right (1 or 0),
    in up to fifteen bins of equally many answers; `units` (m,) says whose answer it is, where a
    unit may have several or none.

    >>> sure, right = np.full(4, 0.75), np.array([1.0, 1.0, 1.0, 0.0])
    >>> calibration_square(sure, right)(np.ones(4))  # -1/16, as (0 - 4 * 3/16) / (4 * 3)
    -0.0625
    """
    owners = np.arange(len(sure)) if units is None else units
    count = max(1, min(_BINS, len(sure) // _LEAST))
    # equal ones together: parted by their order, bins would be as far off as labels are in order
    bins = np.searchsorted(np.sort(sure), sure) * count // max(len(sure), 1)
    cells, cell = np.unique(owners * count + bins, return_inverse=True)
    owner, place = np.divmod(cells, count)
    off, size = np.bincount(cell, sure - right), np.bincount(cell).astype(np.float64)

    def statistic(weights: Floats) -> float:
        weight = weights[owner]
        total = np.bincount(place, weight * size, count)
        pairs = total**2 - np.bincount(place, (weight * size) ** 2, count)
        apart = np.bincount(place, weight * off, count) ** 2
        apart -= np.bincount(place, (weight * off) ** 2, count)
        there = pairs > 0
        squares = apart[there] / pairs[there] * total[there]
        return float(squares.sum() / total.sum()) if total.sum() else 0.0

    return statistic
