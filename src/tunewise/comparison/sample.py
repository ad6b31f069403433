"""Sample: units by group, and where a mean or a statistic of them lies, by drawing groups anew."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tunewise.errors import DataError, OptionError
from tunewise.metrics import Statistic

Floats = NDArray[np.float64]

TIE = 1e-9  # a smaller difference is rounding, not a win
_SAME = 1e-12  # values that spread less are equal
_BLOCK = 2**20  # draws times groups looked at together
_STATISTIC_DRAWS = 2_000  # at most, where each of them is worked out anew


@dataclass(frozen=True)
class Drawing:
    """A statistic to be drawn anew: of the units' weights, and what it is of all of them."""

    statistic: Statistic
    whole: float
    weights: Floats | None

    def of(self, times: Floats) -> float:
        """The statistic where units (n,) came up so often."""
        return self.statistic(times if self.weights is None else times * self.weights)


@dataclass(frozen=True)
class Sample:
    """Units by group, in an order that depends on nothing but the values.

    `sums` holds each group's Σ weight · (value - mean), in units of `scale` and times `side` (1 or
    -1); `sizes` its Σ weight; `plain` its Σ weight · value, without regard to sign, ascending;
    `places` says for each unit where in this order its group stands.
    """

    mean: float
    sums: Floats
    sizes: Floats
    scale: float
    side: int
    plain: Floats
    places: NDArray[np.int64]
    varies: bool


def sample_of(values: Floats, groups: Sequence[str], weights: ArrayLike | None) -> Sample:
    """Units (n,) by group. Raises DataError for fewer than two groups or what is not finite."""
    _check_units(values, groups)
    weighed = np.ones(len(values)) if weights is None else np.asarray(weights, dtype=np.float64)
    mean = math.fsum(weighed * values) / math.fsum(weighed)
    codes: dict[str, int] = {}
    group = np.array([codes.setdefault(name, len(codes)) for name in groups])
    sizes = np.bincount(group, weighed).astype(np.float64)
    centred = np.bincount(group, weighed * (values - mean))
    varies = bool(np.ptp(values) > _SAME * max(1.0, abs(mean)))
    largest = float(np.abs(centred).max()) if varies else 0.0
    scale = largest if largest > _SAME else 0.0  # groups that differ by rounding are equal
    # Rounded, so that the order cannot hang on the last bits of a sum.
    rounded = np.round(centred / scale, 10) if scale else np.zeros(len(sizes))
    orders = {side: np.lexsort((side * rounded, sizes)) for side in (1, -1)}
    pairs = {s: np.column_stack([sizes, s * rounded])[order] for s, order in orders.items()}
    side = 1 if pairs[1].tolist() >= pairs[-1].tolist() else -1
    return Sample(
        mean=mean,
        sums=pairs[side][:, 1],
        sizes=pairs[side][:, 0],
        scale=scale,
        side=side,
        plain=np.sort(np.abs(np.bincount(group, weighed * values))),
        places=np.argsort(orders[side], kind="stable")[group],
        varies=varies,
    )


def ends_of(
    sample: Sample, seed: int, level: float, draws: int, drawing: Drawing | None = None
) -> tuple[float, float]:
    """The interval's ends: of the BCa bootstrap and the t interval, the farther one each."""
    mean = sample.mean if drawing is None else drawing.whole
    if not sample.varies or not sample.scale:
        return mean, mean
    tail, rng = (1 - level) / 2, np.random.default_rng([seed, 0])
    if drawing is None:
        drawn = np.concatenate(list(_draws(sample, rng, draws)))
    else:
        draws = min(draws, _STATISTIC_DRAWS)
        drawn = _redrawn(drawing, sample, rng, draws)
    influence = _influence(sample)
    skew = (influence**3).sum() / (6 * (influence**2).sum() ** 1.5)
    below = (drawn < -TIE).sum() + (np.abs(drawn) <= TIE).sum() / 2
    bias = normal(min(max(below, 0.5), draws - 0.5) / draws)
    low, high = np.quantile(
        drawn, [_accelerated(normal(tail), bias, skew), _accelerated(normal(1 - tail), bias, skew)]
    )
    reach = _t(tail, influence) * error_of(sample) / sample.scale
    ends = sample.side * np.array([min(low, -reach), max(high, reach)]) * sample.scale
    return mean + float(ends.min()), mean + float(ends.max())


def _accelerated(z: float, bias: float, skew: float) -> float:
    # The fraction grows without bound as its divisor nears 0: the farthest draw is then the end.
    divisor = max(1 - skew * (bias + z), 1e-6)
    return NormalDist().cdf(bias + (bias + z) / divisor)


def _draws(sample: Sample, rng: np.random.Generator, draws: int) -> Iterator[Floats]:
    """Means of the centred values over groups drawn with replacement, Σ sums / Σ sizes."""
    pairs = np.column_stack([sample.sizes, sample.sums])
    kinds, counts = np.unique(pairs, axis=0, return_counts=True)
    n = len(pairs)
    alike = len(kinds) * 8 <= n  # drawing how often each kind occurs is then the quicker way
    step = max(1, _BLOCK // (len(kinds) if alike else n))
    for begin in range(0, draws, step):
        rows = min(step, draws - begin)
        if alike:
            times = rng.multinomial(n, counts / n, size=rows).astype(np.float64)
            totals, units = times @ kinds[:, 1], times @ kinds[:, 0]
        else:
            chosen = rng.integers(0, n, size=(rows, n), dtype=np.int32)
            totals, units = pairs[:, 1][chosen].sum(axis=1), _units(sample.sizes, chosen)
        yield totals / units


def _redrawn(drawing: Drawing, sample: Sample, rng: np.random.Generator, draws: int) -> Floats:
    """A statistic less what it is of all units, over groups drawn with replacement (draws,)."""
    count = len(sample.sums)
    share = np.full(count, 1 / count)
    found = [
        drawing.of(rng.multinomial(count, share)[sample.places].astype(np.float64))
        for _ in range(draws)
    ]
    return np.asarray(sample.side * (np.array(found) - drawing.whole) / sample.scale)


def _units(sizes: Floats, chosen: NDArray[np.int32]) -> Floats:
    if sizes[0] == sizes[-1]:  # they are sorted: all are equal
        return np.full(len(chosen), sizes.sum())
    return np.asarray(sizes[chosen].sum(axis=1), dtype=np.float64)


def _influence(sample: Sample) -> Floats:
    """How much each group moves the mean, by the jackknife: without it the mean falls so much."""
    moved = sample.sums / (sample.sizes.sum() - sample.sizes)
    return np.asarray(moved - moved.mean(), dtype=np.float64)


def error_of(sample: Sample) -> float:
    """The jackknife's standard error of the mean, over groups."""
    n = len(sample.sums)
    return math.sqrt((n - 1) / n * float((_influence(sample) ** 2).sum())) * sample.scale


def _t(tail: float, influence: Floats) -> float:
    from scipy.special import stdtrit

    n = len(influence)
    kurtosis = float((influence**4).mean() / (influence**2).mean() ** 2)
    freedom = min(max(2 * n / max(kurtosis - 1, _SAME), 1.0), n - 1.0)
    return float(stdtrit(freedom, 1 - tail))


def p_value_of(sample: Sample, seed: int, draws: int) -> float:
    """Two-sided, by swapping the contenders in random groups (sign flips): never 0."""
    sums = sample.plain[sample.plain > _SAME]
    if not len(sums):
        return 1.0
    rng = np.random.default_rng([seed, 1])
    observed = abs(sample.mean) * sample.sizes.sum() - _SAME
    extreme = 0
    step = max(1, _BLOCK // len(sums))
    for begin in range(0, draws, step):
        rows = min(step, draws - begin)
        bits = rng.integers(0, 256, size=(rows, -(-len(sums) // 8)), dtype=np.uint8)
        kept = np.unpackbits(bits, axis=1, count=len(sums)).astype(np.float64)
        extreme += int((np.abs(2 * (kept @ sums) - sums.sum()) >= observed).sum())
    return (1 + extreme) / (1 + draws)


def normal(share: float) -> float:
    """The standard normal's quantile."""
    return NormalDist().inv_cdf(share)


def _check_units(values: Floats, groups: Sequence[str]) -> None:
    if values.ndim != 1 or len(values) != len(groups):
        raise OptionError(
            f"There are {values.size} values and {len(groups)} groups. Name one group for each "
            "unit that was scored, in the same order."
        )
    if not np.isfinite(values).all():
        raise DataError(
            f"{int((~np.isfinite(values)).sum())} of {len(values)} scores are not finite numbers, "
            "so they have no mean. Look at how they were made."
        )
    if len(set(groups)) < 2:
        raise DataError(
            f"All {len(values)} units are of one group, so nothing shows how much groups differ. "
            "Judge queries about other documents too; an interval needs two groups at the least."
        )
