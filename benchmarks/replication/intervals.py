"""Coverage: how often the 95 % interval of a real difference holds the true one.

A pool is finite, and a part of it would tell too much of the whole. So the pool stands for a world
in which each of its groups is equally frequent: groups are drawn from it with replacement, each
time as a group of its own, and the pool's mean is the truth exactly. The number of groups is
fixed beforehand, the one that has so many queries on average.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from kept import Cell, Floats

from tunewise.comparison import interval

QUERIES = (20, 40, 80, 150, 300)
DRAWINGS = 20
FEW = 10  # differing queries below which the verdict does not go by the interval alone
_DRAWS = 1_000  # of the bootstrap; the product takes ten times as many
_SAME = 1e-9


@dataclass(frozen=True)
class Sample:
    """One interval: where it lies (1 too high, -1 too low, 0 holds the truth), and its width."""

    side: int
    width: float
    differing: int


@dataclass(frozen=True)
class Covered:
    """The intervals of one pair of contenders at one number of queries, in one cell.

    `samples` is empty where the two answer every query of the pool as well: nothing to estimate.
    """

    task: str
    pair: str
    queries: int
    samples: tuple[Sample, ...]


def coverage(cell: Cell) -> Iterator[Covered]:
    """Every pair at every number of queries."""
    for pair, gains in _pairs(cell).items():
        for queries in QUERIES:
            yield Covered(cell.key.task, pair, queries, tuple(_samples(cell, gains, queries)))


def _pairs(cell: Cell) -> dict[str, Floats]:
    tuned, untuned = cell.best(tuned=True), cell.best(tuned=False)
    plain = next(c for c in cell.contenders if c.plain)
    return {
        "best tuned − best untuned": tuned.scores - untuned.scores,
        "hybrid − pretrained": cell.named("hybrid").scores - plain.scores,
        "adapter-query − pretrained": cell.named("adapter-query").scores - plain.scores,
    }


def _samples(cell: Cell, gains: Floats, queries: int) -> Iterator[Sample]:
    if np.abs(gains).max() < _SAME:
        return
    order = np.argsort(cell.groups, kind="stable")
    members = np.split(gains[order], np.flatnonzero(np.diff(cell.groups[order])) + 1)
    count = max(2, round(queries * len(members) / len(gains)))
    generator = np.random.default_rng([cell.key.draw, cell.train, queries])
    for number in range(DRAWINGS):
        drawn = [members[group] for group in generator.integers(0, len(members), count)]
        values = np.concatenate(drawn)
        names = np.repeat(np.arange(count), [len(one) for one in drawn])
        yield _sample(values, [str(name) for name in names], float(gains.mean()), number)


def _sample(values: Floats, groups: list[str], truth: float, seed: int) -> Sample:
    found = interval(values, groups, seed=seed, draws=_DRAWS, bounds=(-1, 1))
    side = int(found.low > truth + _SAME) - int(found.high < truth - _SAME)
    return Sample(side, found.high - found.low, int(np.count_nonzero(np.abs(values) >= _SAME)))
