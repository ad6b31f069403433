"""Needed: how many judged test queries would settle what cannot be told yet."""

import math
from dataclasses import dataclass

from tunewise.comparison import Comparison
from tunewise.power import units_to_settle

FEW = 10  # differing queries below which a bootstrap interval is too narrow


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
    queries = units_to_settle(
        gain.difference,
        gain.effective_deviation * math.sqrt(_with_folds(gain) / gain.sources.get("queries", 1.0)),
        have,
        worth=worth,
        further=_further(gain),
        level=gain.level,
    )
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
    enough = math.ceil(most_differing(differing) / worth)
    if not differing:
        why = (
            f"The tuned contender answers all test {units} as well as the untuned one: nothing of "
            f"use was learned. More training {units} may change that; without them, "
            f"about {enough:,} test {units} would show that it is so."
        )
        return Needed(enough, gain.units, why)
    enough = min(enough, math.ceil(FEW * gain.units / differing))
    why = (
        f"Only {differing} of {gain.units:,} test {units} come out differently, too few to judge "
        f"by; about {enough:,} {units} would show how it is."
    )
    return Needed(enough, gain.units, why)


def most_differing(differing: int) -> float:
    """How many queries may differ in truth where `differing` were seen to: 97.5 % sure.

    The upper bound of a Poisson count by Byar's approximation.
    """
    following = differing + 1
    return following * (1 - 1 / (9 * following) + 1.96 / (3 * math.sqrt(following))) ** 3


def _further(gain: Comparison) -> float:
    """The variance in the interval that more queries will not take away."""
    share = gain.sources.get("queries", 1.0)
    units = gain.effective_deviation**2 / gain.units
    return units * (1 - _with_folds(gain)) / share


def _with_folds(gain: Comparison) -> float:
    """The share of the variance that shrinks as queries are added: theirs, and that of folds."""
    return gain.sources.get("queries", 1.0) + gain.sources.get("folds", 0.0)
