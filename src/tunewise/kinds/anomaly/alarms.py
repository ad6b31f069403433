"""Alarms: from which score on a text is called odd, and how often that is wrong.

A threshold is chosen on the normal texts of dev, from which nothing was learned. With n of them it
is the ⌈(n + 1)·(1 - rate)⌉-th smallest score: then a normal text that comes later is above it with
a probability of at most `rate`, whatever the scores are, if it is of the same sort as those of dev
(split conformal prediction; Vovk et al. 2005, Bates et al. 2023, "Testing for outliers with
conformal p-values").
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewise.kinds.kind import Contender, Setting

Floats = NDArray[np.float64]

RATES = (0.01, 0.02, 0.05, 0.10, 0.20)
"""False-alarm rates whose thresholds are kept beside the one that was asked for."""

_SURE = 1.959963984540054  # of a normal distribution, for 95 %


def with_alarms(contender: Contender, setting: Setting) -> Contender:
    """The contender with the thresholds that dev gives it, in its settings.

    `threshold` goes with the rate asked for, `alarms`; `thresholds` holds pairs of rate and
    threshold. Without normal texts in dev it stays without.
    """
    usual = setting.dev.normal
    if not len(usual):
        return contender
    seen, asked = np.sort(contender.answer(usual.texts)), usual.alarms
    rates = sorted({*RATES, asked})
    told: Mapping[str, Any] = {
        "alarms": asked,
        "threshold": threshold_of(seen, asked),
        "thresholds": [[rate, threshold_of(seen, rate)] for rate in rates],
    }
    notes = (*contender.notes, *too_few(len(seen), asked))
    return replace(contender, settings={**contender.settings, **told}, notes=notes)


def too_few(seen: int, asked: float) -> tuple[str, ...]:
    """What is to be said where dev has too few normal texts to promise such a share."""
    least = math.ceil(1 / asked) - 1
    told = (
        f"dev has {seen} normal texts, and it takes {least} to promise {asked:.3g} of false "
        "alarms: the threshold is the highest of their scores"
    )
    return (told,) if seen < least else ()


def threshold_of(seen: Floats, rate: float) -> float:
    """The score above which a text is odd, from those of normal texts (n,), ascending.

    >>> threshold_of(np.arange(1.0, 100.0), 0.05)
    95.0
    """
    rank = math.ceil((len(seen) + 1) * (1 - rate) - 1e-9)
    return float(seen[min(rank, len(seen)) - 1])


def wilson(hits: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share, hits of so many (Wilson 1927).

    >>> [round(end, 3) for end in wilson(5, 100)]
    [0.022, 0.112]
    """
    if not of:
        return 0.0, 1.0
    share, spread = hits / of, _SURE**2 / of
    middle = (share + spread / 2) / (1 + spread)
    reach = _SURE / (1 + spread) * math.sqrt(share * (1 - share) / of + spread / (4 * of))
    return max(0.0, middle - reach), min(1.0, middle + reach)


def best_of(choices: Sequence[Any], levels: Sequence[float]) -> Any:
    """The choice of the highest level; of equals the first, which is the usual one."""
    return choices[int(np.argmax(levels))]
