"""Needed: how many judged test queries would settle what cannot be told yet."""

import math
from dataclasses import dataclass
from statistics import NormalDist

from tunewise.comparison import Comparison
from tunewise.power import most_differing, units_to_settle

FEW = 10  # differing queries below which a bootstrap interval is too narrow
_TO_HAVE_FEW = 13  # differing queries to expect for ten to come, with 80 % (Poisson)
_PROBABLY = 0.84  # standard errors up that 80 % lie below


@dataclass(frozen=True)
class Needed:
    """How many judged test queries would settle the answer at 80 % power; None: out of reach."""

    queries: int | None
    have: int
    why: str

    @property
    def more(self) -> int | None:
        """How many are still to be labelled."""
        return None if self.queries is None else max(self.queries - self.have, 0)


def needed_for(gain: Comparison, worth: float, *, thin: bool, units: str = "queries") -> Needed:
    """How many test queries would settle a gain that cannot be told from `worth`, or from none.

    Where the gain is `thin`, so many that few differing queries can be judged by.
    """
    have = gain.units
    if thin:
        return _until_thick(gain, worth, units)
    if gain.sources.get("queries", 1.0) <= 0:
        why = (
            f"What is unsure is not the {units}: one training, or one sample of judgments, differs "
            f"from the next by more than that, and no number of {units} changes it."
        )
        return Needed(None, have, why)
    if gain.low > 0 and gain.high < 2 * worth:
        why = (
            f"The gain is one, and lies near the {worth:g} worth having: choosing either way costs "
            "less than that."
        )
        return Needed(None, have, why)
    queries = _settling(gain, _deviation(gain), worth)
    if queries is None and abs(gain.difference - worth) > worth:
        why = (
            f"No number of {units} in reach is likely to tell: what one training differs from the "
            "next, or how uneven the groups are, leaves too much open."
        )
        return Needed(None, have, why)
    if queries is None:
        why = (
            f"The gain lies so near to the {worth:g} worth having that no number of {units} in "
            "reach is likely to tell; choosing either way costs about as little."
        )
        return Needed(None, have, why)
    why = (
        f"At the spread seen here, about {queries:,} judged test {units} settle it with 80 % "
        f"probability; there are {have:,}."
    )
    return Needed(queries, have, why)


def _until_thick(gain: Comparison, worth: float, units: str) -> Needed:
    differing = gain.wins + gain.losses
    if not differing:
        enough = math.ceil(most_differing(0) / worth)
        why = (
            f"The tuned contender answers all test {units} as well as the untuned one: nothing of "
            f"use was learned. More training {units} may change that; without them, "
            f"about {enough:,} test {units} would show that it is so."
        )
        return Needed(enough, gain.units, why)
    spread = math.sqrt(most_differing(differing, _PROBABLY) / differing)
    settling = _settling(gain, gain.effective_deviation * spread, worth)
    enough = max(settling or 0, math.ceil(_TO_HAVE_FEW * gain.units / differing))
    why = (
        f"Only {differing} of {gain.units:,} test {units} come out differently, too few to judge "
        f"by; about {enough:,} {units} would show how it is."
    )
    return Needed(enough, gain.units, why)


def _settling(gain: Comparison, deviation: float, worth: float) -> int | None:
    """The units that settle a gain whose units deviate so much, by `units_to_settle`."""
    return units_to_settle(
        gain.difference,
        deviation,
        gain.units,
        worth=worth,
        further=_further(gain),
        level=gain.level,
    )


def _deviation(gain: Comparison) -> float:
    """The units' deviation as the interval has it: by its t, its farther end and its folds.

    The effective deviation alone would promise intervals of so many normal errors, which those of
    few units are wider than: what it asked for settled 69 % at 40 queries where 80 are meant.
    """
    half = max(gain.high - gain.difference, gain.difference - gain.low)
    reach = NormalDist().inv_cdf((1 + gain.level) / 2)
    units = half**2 / reach**2 - _further(gain)
    return max(math.sqrt(max(units, 0.0) * gain.units), gain.effective_deviation)


def _further(gain: Comparison) -> float:
    """The variance in the interval that more queries will not take away."""
    share = gain.sources.get("queries", 1.0)
    if share <= 0:  # queries that come out differently and cancel: nothing to hold the rest against
        return 0.0
    units = gain.effective_deviation**2 / gain.units
    return units * (1 - share - gain.sources.get("folds", 0.0)) / share
