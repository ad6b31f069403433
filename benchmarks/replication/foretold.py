"""Forecasts held against what came: what more labels bring, foretold from parts of them.

Points are trainings on parts of a draw's training queries, scored on half 0 of its pool, as the
product takes them; the truth is what trainings on twice and four times as many gain there.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from cells import METRIC
from kept import Curve
from rules import WORTH

from tunewise.learning_curve import Point, extrapolate

# From which parts on, how many times as many, and where the truth is.
AHEAD = (("1/2", 2, "all"), ("1/4", 2, "1/2"), ("1/4", 4, "all"))


@dataclass(frozen=True)
class Foretold:
    """A forecast, and the gain of one training that it was a forecast of.

    `last` is the mean gain at the most queries it was made from: what "no change" would say.
    """

    task: str
    draw: int
    seen: str
    times: int
    low: float
    middle: float
    high: float
    supported: bool
    last: float
    truth: float

    @property
    def holds(self) -> bool:
        """Whether the interval holds the truth."""
        return self.low <= self.truth <= self.high


def foretold(curves: Iterable[Curve]) -> Iterator[Foretold]:
    """Every forecast of every curve, once for each training that says what came."""
    for curve in curves:
        for seen, times, later in AHEAD:
            yield from _of(curve, seen, times, later)


def _of(curve: Curve, seen: str, times: int, later: str) -> Iterator[Foretold]:
    half = curve.halves == 0
    every = (*curve.points, curve.truth)
    there = [point.train for point in curve.points if point.size == seen]
    truths = [float(point.gains[half].mean()) for point in every if point.size == later]
    if not there or not truths:
        return
    points = [Point(p.train, p.gains[half]) for p in curve.points if p.train <= there[0]]
    groups = [str(group) for group in curve.groups[half]]
    found = extrapolate(points, groups, rung="adapter", metric=METRIC, worth=WORTH)
    last = [float(point.gains.mean()) for point in points if point.queries == there[0]]
    for ahead in found.ahead:
        if ahead.times == times:
            gain, base = ahead.gain, float(np.mean(last))
            for truth in truths:
                yield Foretold(curve.task, curve.draw, seen, times, gain.low, gain.mean,
                               gain.high, ahead.supported, base, truth)  # fmt: skip
