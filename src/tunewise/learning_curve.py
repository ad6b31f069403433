"""Learning curve: what a rung gains by number of training queries, and what more would bring.

A rung is trained on parts of the training queries, each part drawn several times, and every
training is scored on the same test units. What is drawn over are the three things a forecast is
unsure of, 2,000 times: the *units* (whole groups, as in `comparison.py`), the *draws* of training
queries (trainings of one size, with replacement), and the *form* of the curve. Forms are
gain = a - b·n^-c with b ≥ 0 for a few c: the inverse power law of learning curves (Hestness et
al. 2017, "Deep learning scaling is predictable, empirically"; Viering & Loog 2022, "The shape of
learning curves"), its limit a + b·ln n, and a + b·√n for curves that have not begun to bend. Each
is taken as often as its fit to that draw deserves (its likelihood). What one training differs from
the next is added to what is forecast, for it is one training that the user will make. So is what
no form foresees, more the farther ahead: a rung that gave back its base on every part of the
training queries may begin to gain on more of them (Kennedy & O'Hagan 2001, on what a model leaves
out). How much that is has been learned from other tasks (`benchmarks/replication`).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewise.comparison import Interval
from tunewise.errors import DataError, OptionError

Floats = NDArray[np.float64]

TIMES = (2, 4, 10)
"""How many times the labels there are: what is forecast."""
LEAST, SIZES = 8, 3
"""Training queries that a point needs to count, and how many sizes a curve takes."""

_POWERS = (1.0, 0.5, 0.25, 0.0, -0.5)  # c of a - b·n^-c; 0 stands for a + b·ln n
_DRAWS = 2000
_STEADY = 0.002  # of a metric: no training is taken to be repeatable to less
_UNFORESEEN = 0.006  # of a metric, at twice the queries: how far truth strays from every form
_GRID = 40  # sizes looked at between what there is and ten times that


@dataclass(frozen=True)
class Point:
    """One training: on so many `queries`, and its `gains` (units,) over the best untuned."""

    queries: int
    gains: Floats


@dataclass(frozen=True)
class Ahead:
    """What `times` the labels would bring: the gain, and the interval it lies in.

    `supported` is False where the interval is too wide to act on.
    """

    times: int
    queries: int
    gain: Interval
    supported: bool


@dataclass(frozen=True)
class Forecast:
    """A learning curve and what it says of more labels.

    `curve` holds (training queries, mean gain) of each training, fewest first. `worth_at` is how
    many training queries it takes for the gain to be worth having, more likely than not, and
    `sure_at` for that to be so with 90 % probability; None: not within ten times what there are.
    `why` says what cannot be forecast and for what reason; it is empty if everything can.
    """

    rung: str
    metric: str
    worth: float
    queries: int
    curve: tuple[tuple[int, float], ...]
    ahead: tuple[Ahead, ...]
    worth_at: int | None
    sure_at: int | None
    why: str

    @property
    def supported(self) -> bool:
        """Whether anything can be forecast."""
        return any(each.supported for each in self.ahead)

    @property
    def more(self) -> int | None:
        """How many more training queries would probably make the gain worth having."""
        return None if self.worth_at is None else max(0, self.worth_at - self.queries)

    def to_dict(self) -> Mapping[str, Any]:
        """Plain values, for JSON."""
        plain = asdict(self)
        lists = {"curve": [list(point) for point in self.curve], "ahead": list(plain["ahead"])}
        return {**plain, **lists, "supported": self.supported, "more": self.more}


def extrapolate(
    points: Sequence[Point],
    groups: Sequence[str],
    *,
    rung: str,
    metric: str,
    worth: float,
    seed: int = 0,
    most: float = 1.0,
) -> Forecast:
    """What 2, 4 and 10 times the labels would bring, from trainings on parts of those there are.

    The largest size among `points` is taken as what there is. `groups` names the group of each
    unit, `most` the largest gain there can be: what the untuned contender leaves to a perfect one.
    Raises DataError without a point, OptionError for gains that are not those of the units.

    >>> rng = np.random.default_rng(0)
    >>> units = rng.normal(0, 0.05, 200)
    >>> points = [Point(n, units + 0.10 - 0.5 * n**-0.5) for n in (50, 100, 200, 400)]
    >>> found = extrapolate(points, [str(u) for u in range(200)], rung="adapter", metric="nDCG@10",
    ...                     worth=0.02)
    >>> [ahead.queries for ahead in found.ahead], found.ahead[0].gain.low < 0.082
    ([800, 1600, 4000], True)
    """
    _check(points, groups)
    ordered = sorted(points, key=lambda point: (point.queries, point.gains.tolist()))
    there = ordered[-1].queries
    told = tuple((point.queries, float(point.gains.mean())) for point in ordered)
    used = [point for point in ordered if point.queries >= LEAST]
    sizes = len({point.queries for point in used})
    if sizes < SIZES:
        why = (
            f"A curve takes trainings on {SIZES} different sizes of {LEAST} queries or more, and "
            f"there are {sizes}: too few training queries to forecast from."
        )
        return Forecast(rung, metric, worth, there, told, (), None, None, why)
    asked = np.unique(np.round(np.geomspace(there, max(TIMES) * there, _GRID)).astype(int))
    asked = np.union1d(asked, np.array(TIMES) * there)
    drawn = np.minimum(_drawn(used, groups, asked, np.random.default_rng([seed, 2])), most)
    ahead = tuple(_ahead(times, there, asked, drawn, worth) for times in TIMES)
    likely = (drawn >= worth).mean(axis=0)
    return Forecast(
        rung=rung,
        metric=metric,
        worth=worth,
        queries=there,
        curve=told,
        ahead=ahead,
        worth_at=_first(asked, likely, 0.5),
        sure_at=_first(asked, likely, 0.9),
        why=_why(ahead),
    )


def _check(points: Sequence[Point], groups: Sequence[str]) -> None:
    if not points:
        raise DataError("A forecast needs trainings on parts of the data, and there are none.")
    wrong = [point for point in points if point.gains.shape != (len(groups),)]
    if wrong:
        raise OptionError(
            f"A training has gains of the shape {wrong[0].gains.shape}, and there are "
            f"{len(groups)} units. Score every training on the same units."
        )


def _ahead(times: int, there: int, asked: NDArray[Any], drawn: Floats, worth: float) -> Ahead:
    column = drawn[:, int(np.searchsorted(asked, times * there))]
    low, middle, high = (float(end) for end in np.quantile(column, [0.025, 0.5, 0.975]))
    return Ahead(times, times * there, Interval(middle, low, high), high - low <= _widest(worth))


def _widest(worth: float) -> float:
    """An interval wider than this leaves open whether there is nothing or five times enough."""
    return 5 * worth


def _why(ahead: Sequence[Ahead]) -> str:
    vague = [f"{each.times}×" for each in ahead if not each.supported]
    if not vague:
        return ""
    return (
        f"The points do not support a forecast for {', '.join(vague)} the labels: its interval is "
        "too wide to act on. More test queries or more training queries narrow it."
    )


def _first(asked: NDArray[Any], likely: Floats, share: float) -> int | None:
    """The fewest queries from which on it is so likely."""
    below = np.flatnonzero(likely < share)
    place = 0 if not len(below) else int(below[-1]) + 1
    return int(asked[place]) if place < len(asked) else None


def _drawn(
    points: Sequence[Point],
    groups: Sequence[str],
    asked: NDArray[Any],
    generator: np.random.Generator,
) -> Floats:
    """Gains (draws, sizes asked for) that the points allow."""
    sizes = np.array([point.queries for point in points], dtype=np.float64)
    means = _means(points, groups, generator)
    noise = _noise(sizes, np.stack([point.gains for point in points]))
    rows = _resampled(sizes, generator)
    gains = np.take_along_axis(means, rows, axis=1)
    fits = [_fit(power, sizes[rows], gains, asked) for power in _POWERS]
    errors = np.stack([error for _, error in fits], axis=1)  # (draws, forms)
    weights = np.exp(-(errors - errors.min(axis=1, keepdims=True)) / (2 * noise**2))
    weights /= weights.sum(axis=1, keepdims=True)
    chosen = (weights.cumsum(axis=1) < generator.random((_DRAWS, 1))).sum(axis=1)
    curves = np.stack([found for found, _ in fits])
    ahead = curves[np.minimum(chosen, len(fits) - 1), np.arange(_DRAWS)]
    unlike = noise * generator.standard_normal((_DRAWS, 1))
    # Each doubling strays by itself, so it is the variance that grows with their number.
    strayed = _UNFORESEEN * np.sqrt(np.log2(asked / sizes.max()))
    unseen = strayed * generator.standard_normal((_DRAWS, 1))
    return np.asarray(np.clip(ahead + unlike + unseen, -1.0, 1.0), dtype=np.float64)


def _means(
    points: Sequence[Point], groups: Sequence[str], generator: np.random.Generator
) -> Floats:
    """Mean gain of each training (draws, points) over groups drawn with replacement."""
    number = np.unique(np.asarray(groups), return_inverse=True)[1]
    sums = np.stack([np.bincount(number, point.gains) for point in points], axis=1)
    counts = np.bincount(number).astype(np.float64)
    times = generator.multinomial(len(counts), np.full(len(counts), 1 / len(counts)), _DRAWS)
    return np.asarray((times @ sums) / (times @ counts)[:, None], dtype=np.float64)


def _noise(sizes: Floats, gains: Floats) -> float:
    """What one training differs from the next of the same size, in the mean gain."""
    means = gains.mean(axis=1)
    kinds = np.unique(sizes)
    spare = len(sizes) - len(kinds)
    squares = sum(float(((means[sizes == k] - means[sizes == k].mean()) ** 2).sum()) for k in kinds)
    return max(_STEADY, math.sqrt(squares / spare) if spare else _STEADY)


def _resampled(sizes: Floats, generator: np.random.Generator) -> NDArray[np.int64]:
    """Places (draws, points): of each size as many trainings as there are, with replacement."""
    columns = []
    for size in np.unique(sizes):
        places = np.flatnonzero(sizes == size)
        columns.append(places[generator.integers(0, len(places), (_DRAWS, len(places)))])
    return np.concatenate(columns, axis=1)


def _fit(power: float, sizes: Floats, gains: Floats, asked: NDArray[Any]) -> tuple[Floats, Floats]:
    """Least squares of gains on sizes, both (draws, points), never falling.

    Returns the gains at the sizes asked for (draws, asked), and the squared error (draws,).
    """

    def bent(n: Floats) -> Floats:
        curve = np.log(n) if power == 0 else -math.copysign(1.0, power) * n**-power
        return np.asarray(curve, dtype=np.float64)

    x = bent(sizes)
    centred = x - x.mean(axis=1, keepdims=True)
    middle = gains.mean(axis=1, keepdims=True)
    spread = (centred**2).sum(axis=1, keepdims=True)
    slope = np.maximum(0.0, (centred * gains).sum(axis=1, keepdims=True) / spread)
    error = ((gains - middle - slope * centred) ** 2).sum(axis=1)
    new = bent(asked.astype(np.float64))[None, :]
    return middle + slope * (new - x.mean(axis=1, keepdims=True)), error
