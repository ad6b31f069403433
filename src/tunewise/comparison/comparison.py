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

Folds. Where each fold was answered by a fit of its own, units are no independent draws: any two
fits learned from mostly the same units. The variance of a mean over K folds is then nearer to
(1/K + 1/(K - 1)) times that within a fold than to 1/K times it (Nadeau & Bengio, "Inference for
the generalization error", Machine Learning 2003), so K/(K - 1) of the units' is added.

Statistics. A metric that is no mean of units (a correlation, an area under a curve, an F1 over
classes) is drawn as it is: each draw weighs the units by how often their group came up, and the
statistic is worked out anew. Its jackknife pseudo-values stand for the units wherever single units
are needed: for the bias, the acceleration, the t interval, the p-value and the power.

The seed. Groups are put in an order of their own (by size and sum) before anything is drawn, and
turned to one side, so that the seed alone decides: neither the order of units, nor that of
groups, nor which contender is named first changes the interval or the p-value.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tunewise.comparison.sample import (
    TIE,
    Drawing,
    ends_of,
    error_of,
    normal,
    p_value_of,
    sample_of,
)
from tunewise.errors import OptionError
from tunewise.metrics import Scores
from tunewise.power import most_differing, require_not_negative, require_share


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
    √units, which is what `units_needed` should be given. `p_value` is never 0.
    `sources` names what the interval allows for, each with its share of the variance: "queries",
    and whatever `compare` was told of besides. Means and deviations are weighted where the scores
    are.
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
    sample = sample_of(np.asarray(values, dtype=np.float64), groups, weights)
    low, high = ends_of(sample, seed, level, draws)
    return Interval(sample.mean, max(low, float(bounds[0])), min(high, float(bounds[1])))


def level_of(
    scores: Scores, metric: str, groups: Sequence[str], *, seed: int = 0, draws: int = 10_000
) -> Interval:
    """How good a contender is under a metric, whether that is a mean of units or a statistic.

    `groups` names each unit's group. The interval is that of 95 %. Where all units score alike
    (each of them perfectly), it reaches as far as it would if the most groups that can be hidden
    from a sample of so many scored as badly, or as well, as the metric goes. Raises as `interval`
    does.
    """
    name = scores.name_of(metric)
    found = _drawn(scores, name, groups, seed, draws)
    if found.low < found.high:
        return found
    # what so few have not shown cannot be drawn
    unseen = min(1.0, most_differing(0) / len(set(groups)))
    low, high = (
        found.mean + unseen * (end - found.mean) if math.isfinite(end) else found.mean
        for end in scores.bounds.get(name, (0.0, 1.0))
    )
    return Interval(found.mean, low, high)


def _drawn(scores: Scores, name: str, groups: Sequence[str], seed: int, draws: int) -> Interval:
    bounds, statistic = scores.bounds.get(name, (0.0, 1.0)), scores.statistics.get(name)
    values = scores.of(name)
    if statistic is None:
        weights = scores.weights
        return interval(values, groups, seed=seed, draws=draws, bounds=bounds, weights=weights)
    sample = sample_of(values, groups, scores.weights)
    whole = statistic(np.ones(len(values)) if scores.weights is None else scores.weights)
    drawn = ends_of(sample, seed, 0.95, draws, Drawing(statistic, whole, scores.weights))
    low, high = (scores.told(name, end) for end in drawn)
    return Interval(scores.told(name, whole), max(low, bounds[0]), min(high, bounds[1]))


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
    folds: int = 0,
) -> Comparison:
    """How much better `first` is than `second` under `metric`, unit by unit.

    Both must hold scores of the same queries, weighted alike, in the same order; `groups`
    names each query's group, aligned with them. `besides` holds further variances of the
    difference, by what they come from (another training, other judgments): they widen either side
    of the interval from w to √(w² + z²·variance). `folds` says how many fits share the units
    between them, each of which learned from the others' units; 0: one fit answered all. The
    p-value is that of a two-sided test which
    swaps the two contenders within random groups, (1 + as extreme) / (1 + draws), or
    where there are further variances a normal one's with these, if that is larger. Raises
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
    _check_linear(first, metric)
    ours, theirs = first.of(metric), second.of(metric)
    differences = ours - theirs
    sample = sample_of(differences, groups, first.weights)
    drawing = _drawing(first, second, metric)
    difference = sample.mean if drawing is None else drawing.whole
    error = error_of(sample)
    apart = {"folds": error**2 * folds / (folds - 1) if folds > 1 else 0.0}
    further = {name: value for name, value in {**apart, **(besides or {})}.items() if value > 0}
    low, high = _widened(difference, ends_of(sample, seed, level, draws, drawing), further, level)
    name = first.name_of(metric)
    least, most = first.bounds.get(name, (0.0, 1.0))
    return Comparison(
        metric=name,
        units=len(differences),
        groups=len(sample.sums),
        first=first.mean(metric),
        second=second.mean(metric),
        difference=difference,
        low=max(low, least - most),  # two scores between 0 and 1 differ by no more than 1
        high=min(high, most - least),
        wins=int((differences >= TIE).sum()),
        ties=int((np.abs(differences) < TIE).sum()),
        losses=int((differences <= -TIE).sum()),
        deviation=first.deviation(differences) if sample.varies else 0.0,
        effective_deviation=error * math.sqrt(len(differences)),
        p_value=max(p_value_of(sample, seed, draws), _p_of(difference, error, further)),
        level=level,
        sources=_sources(error**2, further),
    )


def _widened(
    mean: float, ends: tuple[float, float], further: Mapping[str, float], level: float
) -> tuple[float, float]:
    reach = normal((1 + level) / 2) * math.sqrt(sum(further.values()))
    return mean - math.hypot(mean - ends[0], reach), mean + math.hypot(ends[1] - mean, reach)


def _p_of(mean: float, error: float, further: Mapping[str, float]) -> float:
    """Two-sided, normal, with all that the interval allows for; 0 where that is units alone."""
    spread = math.sqrt(error**2 + sum(further.values()))
    return math.erfc(abs(mean) / spread / math.sqrt(2)) if further else 0.0


def _sources(units: float, further: Mapping[str, float]) -> Mapping[str, float]:
    """Each source's share of the variance; all of it is the queries' where there is none."""
    total = units + sum(further.values())
    variances = {"queries": units, **further}
    return {name: value / total if total else 1.0 for name, value in variances.items()}


def _drawing(first: Scores, second: Scores, metric: str) -> Drawing | None:
    """The difference of two statistics; None where the metric is a mean."""
    name = first.name_of(metric)
    if name not in first.statistics:
        return None
    ours, theirs = first.statistics[name], second.statistics[name]
    return Drawing(
        lambda weights: ours(weights) - theirs(weights),
        first.mean(name) - second.mean(name),
        first.weights,
    )


def _check(seed: int, level: float, draws: int) -> None:
    require_share("level", level)
    require_not_negative("seed", seed)
    if draws < 100:
        raise OptionError(f"draws={draws} is too few for an interval. Give 100 or more.")


def _check_linear(scores: Scores, metric: str) -> None:
    if scores.name_of(metric) in scores.squared:
        raise OptionError(
            f"The {metric} is told as a root, so its differences cannot be drawn. Compare by "
            "another metric, or hold the two intervals of `level_of` against each other."
        )


def _check_paired(first: Scores, second: Scores) -> None:
    alike = np.array_equal(np.asarray(first.weights), np.asarray(second.weights))
    if list(first.query_ids) != list(second.query_ids) or not alike:
        raise OptionError(
            "The two contenders were scored on different queries, in another order or with other "
            "weights, so they cannot be paired. Score both against the same judgments."
        )
