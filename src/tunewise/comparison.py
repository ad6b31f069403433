"""Comparison: how two contenders differ on the same units, and how sure that is.

Units (queries) of one group share documents or near-equal texts, so it is whole groups that are
drawn, never single units: what is said holds for new groups of the same kind.

The interval. A paired bootstrap over groups, bias-corrected and accelerated (BCa: Efron,
"Better bootstrap confidence intervals", JASA 1987), covers too little where groups are few: on
differences of which most are 0, as those of two searches are, its 95 % hold 90 % of the time at
40 groups. So neither end is allowed to lie nearer than that of a t interval whose standard error
is the jackknife's over groups and whose degrees of freedom are those of the estimated variance,
ν = 2n / (κ - 1) with κ the kurtosis of the groups' influence (Satterthwaite 1946): groups that
are few, uneven, or nearly all 0 count as the little evidence they are. `benchmarks/coverage.md`
has the coverage that results.

Weights. Units that were drawn with unequal chances weigh what one of them stands for: a mean is
Σ weight · value / Σ weight, a group's size the sum of its weights, and all of the above holds of
these (Hájek 1971). Counts of units, wins and losses stay counts.

The seed. Groups are put in an order of their own (by size and sum) before anything is drawn, and
turned to one side, so that the seed alone decides: neither the order of units, nor that of
groups, nor which contender is named first changes the interval or the p-value.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tunewise.errors import DataError, OptionError
from tunewise.metrics import Scores, parse_metric
from tunewise.power import require_not_negative, require_share

Floats = NDArray[np.float64]

_TIE = 1e-9  # a smaller difference is rounding, not a win
_SAME = 1e-12  # values that spread less are equal
_BLOCK = 2**20  # draws times groups looked at together


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean, and the interval it lies in."""

    mean: float
    low: float
    high: float

    def to_dict(self) -> Mapping[str, float]:
        """Plain values, for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two contenders under one metric, on the same units.

    `units` and `groups` are counts; `first` and `second` the means; `difference` first - second,
    in the metric's own unit, with the interval from `low` to `high` at `level`. `wins` counts
    the units on which the first is better, `losses` those on which it is worse. `deviation` is
    the standard deviation of the units' differences; `effective_deviation` the one that
    independent units would need for the same standard error: error = effective_deviation /
    √units, which is what `units_needed` should be given. `p_value` is never 0, and is that of the
    units alone. `sources` names what the interval allows for, each with its share of the variance:
    "queries", and whatever `compare` was told of besides. Means and
    deviations are weighted where the scores are.
    """

    metric: str
    units: int
    groups: int
    first: float
    second: float
    difference: float
    low: float
    high: float
    wins: int
    ties: int
    losses: int
    deviation: float
    effective_deviation: float
    p_value: float
    level: float
    sources: Mapping[str, float] = field(default_factory=lambda: {"queries": 1.0})

    @property
    def design_effect(self) -> float:
        """How many times more units are needed than if each were a group of its own."""
        return (self.effective_deviation / self.deviation) ** 2 if self.deviation else 1.0

    def to_dict(self) -> Mapping[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


def interval(
    values: ArrayLike,
    groups: Sequence[str],
    *,
    seed: int = 0,
    level: float = 0.95,
    draws: int = 10_000,
    bounds: tuple[float, float] = (-math.inf, math.inf),
    weights: ArrayLike | None = None,
) -> Interval:
    """The mean of `values`, one a unit, with the interval it lies in, over groups of units.

    `groups` names each unit's group. `bounds` are what a mean cannot exceed, (0, 1) for most
    metrics. `weights`, one a unit and above 0, are all 1 where there are none. Equal values give
    an interval of no width. Raises DataError for fewer than two
    groups or values that are not finite, OptionError for senseless options.

    >>> few = interval([0.0, 0.5, 1.0, 0.5], ["a", "b", "c", "d"], bounds=(0, 1))
    >>> few.mean, few.low, few.high  # four units say next to nothing
    (0.5, 0.0, 1.0)
    """
    _check(seed, level, draws)
    sample = _sample(np.asarray(values, dtype=np.float64), groups, weights)
    low, high = _ends(sample, seed, level, draws)
    return Interval(sample.mean, max(low, float(bounds[0])), min(high, float(bounds[1])))


def compare(
    first: Scores,
    second: Scores,
    metric: str,
    *,
    groups: Sequence[str],
    seed: int = 0,
    level: float = 0.95,
    draws: int = 10_000,
    besides: Mapping[str, float] | None = None,
) -> Comparison:
    """How much better `first` is than `second` under `metric`, unit by unit.

    Both must hold scores of the same queries, weighted alike, in the same order; `groups`
    names each query's group, aligned with them. `besides` holds further variances of the
    difference, by what they come from (another training, other judgments): they widen either side
    of the interval from w to √(w² + z²·variance). The p-value is that of a two-sided test which
    swaps the two contenders within random groups, (1 + as extreme) / (1 + draws). Raises
    OptionError for a metric that was not scored, other queries, or senseless options, DataError
    for fewer than two groups.

    >>> from tunewise.metrics import score
    >>> from tunewise.rankings import collect
    >>> queries, best_first = ["q1", "q2", "q3"], np.array([2, 1])
    >>> good = collect(queries, ["a", "b"], [(np.array([0, 1]), best_first)] * 3)
    >>> poor = collect(queries, ["a", "b"], [(np.array([1, 0]), best_first)] * 3)
    >>> truth = {query: {"a": 1} for query in queries}
    >>> a, b = score(good, truth, ["MRR@10"]), score(poor, truth, ["MRR@10"])
    >>> found = compare(a, b, "MRR@10", groups=queries)
    >>> found.difference, found.wins, found.losses
    (0.5, 3, 0)
    """
    _check(seed, level, draws)
    _check_paired(first, second)
    ours, theirs = first.of(metric), second.of(metric)
    differences = ours - theirs
    sample = _sample(differences, groups, first.weights)
    further = {source: value for source, value in (besides or {}).items() if value > 0}
    low, high = _widened(sample.mean, _ends(sample, seed, level, draws), further, level)
    return Comparison(
        metric=parse_metric(metric).name,
        units=len(differences),
        groups=len(sample.sums),
        first=first.average(ours),
        second=second.average(theirs),
        difference=sample.mean,
        low=max(low, -1.0),  # two scores between 0 and 1 differ by no more
        high=min(high, 1.0),
        wins=int((differences >= _TIE).sum()),
        ties=int((np.abs(differences) < _TIE).sum()),
        losses=int((differences <= -_TIE).sum()),
        deviation=first.deviation(differences) if sample.varies else 0.0,
        effective_deviation=_error(sample) * math.sqrt(len(differences)),
        p_value=_p_value(sample, seed, draws),
        level=level,
        sources=_sources(_error(sample) ** 2, further),
    )


def _widened(
    mean: float, ends: tuple[float, float], further: Mapping[str, float], level: float
) -> tuple[float, float]:
    reach = _z((1 + level) / 2) * math.sqrt(sum(further.values()))
    return mean - math.hypot(mean - ends[0], reach), mean + math.hypot(ends[1] - mean, reach)


def _sources(units: float, further: Mapping[str, float]) -> Mapping[str, float]:
    """Each source's share of the variance; all of it is the queries' where there is none."""
    total = units + sum(further.values())
    variances = {"queries": units, **further}
    return {name: value / total if total else 1.0 for name, value in variances.items()}


@dataclass(frozen=True)
class _Sample:
    """Units by group, in an order that depends on nothing but the values.

    `sums` holds each group's Σ weight · (value - mean), in units of `scale` and times `side` (1 or
    -1); `sizes` its Σ weight; `plain` its Σ weight · value, without regard to sign, ascending.
    """

    mean: float
    sums: Floats
    sizes: Floats
    scale: float
    side: int
    plain: Floats
    varies: bool


def _sample(values: Floats, groups: Sequence[str], weights: ArrayLike | None) -> _Sample:
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
    sides = {side: _ordered(sizes, side * rounded) for side in (1, -1)}
    side = 1 if sides[1].tolist() >= sides[-1].tolist() else -1
    return _Sample(
        mean=mean,
        sums=sides[side][:, 1],
        sizes=sides[side][:, 0],
        scale=scale,
        side=side,
        plain=np.sort(np.abs(np.bincount(group, weighed * values))),
        varies=varies,
    )


def _ordered(sizes: Floats, sums: Floats) -> Floats:
    return np.column_stack([sizes, sums])[np.lexsort((sums, sizes))]


def _ends(sample: _Sample, seed: int, level: float, draws: int) -> tuple[float, float]:
    """The interval's ends: of the BCa bootstrap and the t interval, the farther one each."""
    if not sample.varies or not sample.scale:
        return sample.mean, sample.mean
    tail = (1 - level) / 2
    drawn = np.concatenate(list(_draws(sample, np.random.default_rng([seed, 0]), draws)))
    influence = _influence(sample)
    skew = (influence**3).sum() / (6 * (influence**2).sum() ** 1.5)
    below = (drawn < -_TIE).sum() + (np.abs(drawn) <= _TIE).sum() / 2
    bias = _z(min(max(below, 0.5), draws - 0.5) / draws)
    low, high = np.quantile(
        drawn, [_accelerated(_z(tail), bias, skew), _accelerated(_z(1 - tail), bias, skew)]
    )
    reach = _t(tail, influence) * _error(sample) / sample.scale
    ends = sample.side * np.array([min(low, -reach), max(high, reach)]) * sample.scale
    return sample.mean + float(ends.min()), sample.mean + float(ends.max())


def _accelerated(z: float, bias: float, skew: float) -> float:
    # The fraction grows without bound as its divisor nears 0: the farthest draw is then the end.
    divisor = max(1 - skew * (bias + z), 1e-6)
    return NormalDist().cdf(bias + (bias + z) / divisor)


def _draws(sample: _Sample, rng: np.random.Generator, draws: int) -> Iterator[Floats]:
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


def _units(sizes: Floats, chosen: NDArray[np.int32]) -> Floats:
    if sizes[0] == sizes[-1]:  # they are sorted: all are equal
        return np.full(len(chosen), sizes.sum())
    return np.asarray(sizes[chosen].sum(axis=1), dtype=np.float64)


def _influence(sample: _Sample) -> Floats:
    """How much each group moves the mean, by the jackknife: without it the mean falls so much."""
    moved = sample.sums / (sample.sizes.sum() - sample.sizes)
    return np.asarray(moved - moved.mean(), dtype=np.float64)


def _error(sample: _Sample) -> float:
    """The jackknife's standard error of the mean, over groups."""
    n = len(sample.sums)
    return math.sqrt((n - 1) / n * float((_influence(sample) ** 2).sum())) * sample.scale


def _t(tail: float, influence: Floats) -> float:
    from scipy.special import stdtrit

    n = len(influence)
    kurtosis = float((influence**4).mean() / (influence**2).mean() ** 2)
    freedom = min(max(2 * n / max(kurtosis - 1, _SAME), 1.0), n - 1.0)
    return float(stdtrit(freedom, 1 - tail))


def _p_value(sample: _Sample, seed: int, draws: int) -> float:
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


def _z(share: float) -> float:
    return NormalDist().inv_cdf(share)


def _check(seed: int, level: float, draws: int) -> None:
    require_share("level", level)
    require_not_negative("seed", seed)
    if draws < 100:
        raise OptionError(f"draws={draws} is too few for an interval. Give 100 or more.")


def _check_paired(first: Scores, second: Scores) -> None:
    alike = np.array_equal(np.asarray(first.weights), np.asarray(second.weights))
    if list(first.query_ids) != list(second.query_ids) or not alike:
        raise OptionError(
            "The two contenders were scored on different queries, in another order or with other "
            "weights, so they cannot be paired. Score both against the same judgments."
        )


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
