"""Coverage: how often the 95 % interval of a paired difference holds the true one.

    python benchmarks/coverage.py            # about a minute and a half; prints the table

Worlds are made up to be like paired differences of nDCG@10: most are exactly 0, the rest of the
sizes that a relevant document makes by moving a few ranks. Plain BCa, as SciPy computes it,
stands beside Tunewise's interval.
"""

import argparse
import time
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap

from tunewise.comparison import interval

Floats = NDArray[np.float64]
World = Callable[[np.random.Generator, int], tuple[Floats, list[str]]]

MOVES = (0.07, 0.13, 0.37, 0.5, 0.63, 1.0)
MOVE_SHARES = (0.2, 0.25, 0.25, 0.15, 0.1, 0.05)
GROUPS = (10, 20, 40, 80, 150)


def moves(zeros: float, up: float) -> World:
    """A share of exact zeros; of the rest, a share is for the first contender."""

    def world(rng: np.random.Generator, groups: int) -> tuple[Floats, list[str]]:
        size = rng.choice(MOVES, p=MOVE_SHARES, size=groups)
        sign = np.where(rng.random(groups) < up, 1.0, -1.0)
        return np.where(rng.random(groups) < zeros, 0.0, size * sign), list(map(str, range(groups)))

    return world


def heavy(rng: np.random.Generator, groups: int) -> tuple[Floats, list[str]]:
    """No zeros, heavy tails, skewed: as of metrics with many judged documents."""
    sign = np.where(rng.random(groups) < 0.6, 1.0, -0.7)
    return 0.03 + 0.1 * np.abs(rng.standard_t(4, groups)) * sign, list(map(str, range(groups)))


def uneven(rng: np.random.Generator, groups: int) -> tuple[Floats, list[str]]:
    """Groups of 1 to some 10 queries, whose queries tend to move alike."""
    sizes = rng.geometric(0.4, groups)
    shared = rng.normal(0.02, 0.08, groups).repeat(sizes)
    own = moves(0.6, 0.55)(rng, int(sizes.sum()))[0]
    return shared + own, [str(group) for group in np.arange(groups).repeat(sizes)]


WORLDS: dict[str, World] = {
    "60 % zeros, symmetric": moves(0.6, 0.5),
    "60 % zeros, 80 % of moves up": moves(0.6, 0.8),
    "80 % zeros, 70 % of moves up": moves(0.8, 0.7),
    "90 % zeros, 80 % of moves up": moves(0.9, 0.8),
    "no zeros, heavy tails, skewed": heavy,
    "uneven groups that move alike": uneven,
}


def truth(world: World) -> float:
    return float(world(np.random.default_rng(1), 4_000_000)[0].mean())


def ours(values: Floats, groups: Sequence[str]) -> tuple[float, float]:
    found = interval(values, groups, draws=1_000)
    return found.low, found.high


def plain(values: Floats, _: Sequence[str]) -> tuple[float, float]:
    if np.ptp(values) == 0:
        return values[0], values[0]
    found = bootstrap((values,), np.mean, n_resamples=1_000, method="BCa", rng=0)
    return found.confidence_interval.low, found.confidence_interval.high


def row(world: World, groups: int, target: float, method: Callable, repeats: int) -> list[str]:
    rng = np.random.default_rng([groups, 7])
    found = np.array([method(*world(rng, groups)) for _ in range(repeats)])
    above, below = found[:, 0] > target, found[:, 1] < target
    cells = (1 - (above | below).mean(), above.mean(), below.mean())
    return [f"{100 * cell:.1f}" for cell in cells] + [f"{(found[:, 1] - found[:, 0]).mean():.3f}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=1_000)
    repeats = parser.parse_args().repeats
    began = time.monotonic()
    print("| differences | groups | coverage % | too high % | too low % | width | plain BCa % |")
    print("|---|---|---|---|---|---|---|")
    for name, world in WORLDS.items():
        target = truth(world)
        for groups in GROUPS:
            cells = row(world, groups, target, ours, repeats)
            # Plain BCa knows no groups, so it has nothing to say about uneven ones.
            beside = "–" if world is uneven else row(world, groups, target, plain, repeats // 4)[0]
            print(f"| {name} | {groups} | {' | '.join(cells)} | {beside} |", flush=True)
    print(f"\n{repeats:,} samples a row, {time.monotonic() - began:.0f} s.")


if __name__ == "__main__":
    main()
