"""Folds held against a pool: what few queries say in folds, and what became of it.

Each of few queries is answered by contenders fitted without its fold. What a user gets is fitted
on all of them, and the pool says what that is worth: many more queries of the same task. A pool is
finite, so its mean has an error of its own, which is added to the interval in quadrature, side by
side, before it is asked whether it holds the pool's mean.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from cells import METRIC
from kept import Floats, Folds, Kept
from rules import decided, error_of, standing
from run import Key

from tunewise.verdict.standing import difference

GAIN, CHANGE = "best tuned − best untuned", "hybrid − pretrained"
UNTAUGHT = "lexical − pretrained"
"""Nothing is learned in either: what folds and pool differ by is which queries they hold."""
_SAME = 1e-9
_Z = 1.96


@dataclass(frozen=True)
class Held:
    """One difference: in folds with its interval, and on the pool with its standard error.

    `differing` counts the few queries on which the two are not level.
    """

    pair: str
    mean: float
    low: float
    high: float
    pool: float
    error: float
    differing: int

    @property
    def side(self) -> int:
        """Where the interval lies, the pool's error in it: 1 too high, -1 too low, 0 holds it."""
        low = self.mean - math.hypot(self.mean - self.low, _Z * self.error)
        high = self.mean + math.hypot(self.high - self.mean, _Z * self.error)
        return int(low > self.pool + _SAME) - int(high < self.pool - _SAME)

    @property
    def plain(self) -> bool:
        """Whether the interval holds the pool's mean as it is."""
        return self.low - _SAME <= self.pool <= self.high + _SAME


@dataclass(frozen=True)
class Few:
    """One measurement in folds: the answer, what is recommended, and three differences.

    `gain` is what the recommended contender brings over the best untuned one on the pool, and
    `gain_error` its standard error; 0 where it is that one itself.
    """

    key: Key
    queries: int
    answer: str
    gain: float
    gain_error: float
    held: tuple[Held, ...]


def measured(folds: Folds) -> Few:
    """What the product says of the few, held against the pool."""
    own = folds.own
    found = decided(own, np.arange(len(own.groups)), own.key.draw)
    gains = folds.pool[found.contender] - folds.pool[found.best_untuned]
    return Few(
        own.key,
        len(own.groups),
        found.answer,
        float(gains.mean()),
        error_of(gains, folds.groups),
        tuple(_held(folds)),
    )


def _held(folds: Folds) -> Iterator[Held]:
    own = folds.own
    plain = next(one for one in own.contenders if one.plain)
    yield _difference(GAIN, own.best(tuned=True), own.best(tuned=False), folds)
    yield _difference(CHANGE, own.named("hybrid"), plain, folds)
    yield _difference(UNTAUGHT, own.named("lexical"), plain, folds)


def _difference(pair: str, first: Kept, second: Kept, folds: Folds) -> Held:
    own = folds.own
    rows = np.arange(len(own.groups))
    ours, theirs = (standing(own, one, rows) for one in (first, second))
    found = difference(
        ours, theirs, [str(group) for group in own.groups], metric=METRIC, seed=own.key.draw
    )
    many: Floats = folds.pool[first.name] - folds.pool[second.name]
    return Held(
        pair,
        found.difference,
        found.low,
        found.high,
        float(many.mean()),
        error_of(many, folds.groups),
        found.wins + found.losses,
    )
