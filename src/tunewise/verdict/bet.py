"""The better bet: what to use while it cannot be told whether tuning pays.

Somebody has to use something meanwhile, and a wrong choice costs the same whether it was sure or
not. So the bet goes by the best guess of what each contender is worth, its mean over dev and test
together. The gain of tuning is drawn towards none, the more the less is known of it, because most
gains are small: a normal gain of deviation USUAL seen with an error of `e` is best guessed as
USUAL² / (USUAL² + e²) of what was seen (Efron & Morris 1975, "Data analysis using Stein's
estimator").
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tunewise.comparison import Comparison
from tunewise.verdict.standing import Standing

USUAL = 0.03
"""What gains of tuning deviate by from task to task (`benchmarks/replication`: 0.03 to 0.04)."""


@dataclass(frozen=True)
class Bet:
    """The contender to use meanwhile, the best of the other sort, and the gain of tuning."""

    chosen: Standing
    other: Standing
    gain: float


def better_bet(
    standings: Sequence[Standing],
    metric: str,
    worth: float,
    compared: Callable[[Standing, Standing], Comparison],
) -> Bet:
    """The best tuned contender if its gain, as well as can be guessed, is worth having.

    Else the best untuned one. Of equals the cheapest, which comes first. `compared` gives a
    comparison on test; tuned and untuned standings there must be.
    """
    best = {
        kind: max((s for s in standings if s.tuned == kind), key=lambda s: _mean(s, metric))
        for kind in (True, False)
    }
    tuned, untuned = best[True], best[False]
    seen = _mean(tuned, metric) - _mean(untuned, metric)
    units = len(tuned.scores) + tuned.dev_units
    error = compared(tuned, untuned).effective_deviation / math.sqrt(units)
    gain = seen * USUAL**2 / (USUAL**2 + error**2 + tuned.unrepeatable(metric))
    return Bet(tuned, untuned, gain) if gain >= worth else Bet(untuned, tuned, gain)


def _mean(standing: Standing, metric: str) -> float:
    """Over dev and test together, each query counting alike."""
    test, dev = len(standing.scores), standing.dev_units
    return (standing.scores.mean(metric) * test + standing.dev * dev) / (test + dev)
