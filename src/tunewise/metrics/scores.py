"""Scores: how good answers are, unit by unit: rankings by query, labels by text."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from tunewise.errors import OptionError
from tunewise.metrics.formulas import FORMULAS, unjudged_share
from tunewise.metrics.judged import Block, Floats, blocks, condense, judge
from tunewise.metrics.names import KNOWN, Metric, parse_metric
from tunewise.metrics.ties import Expected, expect
from tunewise.rankings import Rankings
from tunewise.task import Judgments

Key = TypeVar("Key")
Statistic = Callable[[Floats], float]
"""What a metric is when the units (n,) count as often as these weights (n,) say."""

_BLOCKS = 2000  # units left out one by one, or in so many blocks


@dataclass(frozen=True)
class Scores:
    """Scores per unit: `values[name][i]` is the score of `query_ids[i]`, from 0 to 1.

    Units are queries, or texts, pairs and users where something else than a search is measured.
    A metric that is no mean of units has a `statistics[name]` instead, or beside its values; where
    it has none, what each unit adds is worked out when `of` asks for it. `bounds` are what a metric
    lies between, (0, 1) where not named.
    Of a metric in `squared` statistic and values are the square, which can be estimated without
    bias (and below 0); what is told of it is the root.

    `unanswered` counts queries with an empty or absent ranking; each scores 0. `left_out`
    counts judged queries without a relevant document, which no metric can score.
    `unjudged[k][i]` is the share of the first k documents returned that nobody has judged
    (0 where none was returned). `judged_only` holds the metrics on the rankings with unjudged
    documents taken out (condensed lists: Sakai, "Alternatives to Bpref", SIGIR 2007). It is
    empty where no query has a judgment "not relevant": every document left would then be
    relevant, and the score would say nothing. `weights` are how many queries each one stands for,
    where they were drawn with unequal chances; None: each stands for itself.
    """

    query_ids: Sequence[str]
    values: Mapping[str, Floats]
    unanswered: int = 0
    left_out: int = 0
    unjudged: Mapping[int, Floats] = field(default_factory=dict)
    judged_only: Mapping[str, Floats] = field(default_factory=dict)
    weights: Floats | None = None
    statistics: Mapping[str, Statistic] = field(default_factory=dict, repr=False)
    bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    squared: frozenset[str] = frozenset()
    _added: dict[str, Floats] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.query_ids)

    @property
    def names(self) -> tuple[str, ...]:
        """Every metric that was scored."""
        return tuple(dict.fromkeys([*self.values, *self.statistics]))

    def of(self, metric: str) -> Floats:
        """The scores per unit under this metric, in any spelling; OptionError if not scored.

        Of a statistic they are what `pseudo_values` makes of it.
        """
        name = self.name_of(metric)
        if name in self.values:
            return self.values[name]
        if name not in self._added:
            self._added[name] = pseudo_values(self.statistics[name], len(self))
        return self._added[name]

    def name_of(self, metric: str) -> str:
        """The name under which a metric was scored; OptionError if it was not."""
        name = metric if metric in self.names else parse_metric(metric).name
        if name not in self.names:
            raise OptionError(
                f"'{name}' was not scored, only {', '.join(self.names)}. Name it when scoring."
            )
        return name

    def mean(self, metric: str) -> float:
        """The metric over all units: their mean, unanswered ones counting 0, or its statistic."""
        name = self.name_of(metric)
        statistic = self.statistics.get(name)
        if statistic is None:
            return self.average(self.of(metric))
        found = statistic(np.ones(len(self)) if self.weights is None else self.weights)
        return self.told(name, found)

    def told(self, name: str, value: float) -> float:
        """The metric as it is told: the root of a square, 0 below 0."""
        return float(np.sqrt(max(value, 0.0))) if name in self.squared else value

    def average(self, values: Floats) -> float:
        """The mean of any values, one a query, weighted where the queries are."""
        return float(np.average(values, weights=self.weights))

    def deviation(self, values: Floats) -> float:
        """The standard deviation of any values, one a query, weighted where the queries are."""
        if self.weights is None:
            return float(values.std(ddof=1))
        spread = np.average((values - self.average(values)) ** 2, weights=self.weights)
        return float(np.sqrt(spread * len(values) / (len(values) - 1)))


def pseudo_values(statistic: Statistic, units: int) -> Floats:
    """What each unit adds to a statistic (n,): n·θ - (n - 1)·θ without it.

    Their mean is the statistic, nearly, and their spread tells its error (Tukey 1958; Miller 1974,
    "The jackknife: a review"). Of very many units some are left out together and share a value.
    A mean gives its own values back.

    >>> pseudo_values(lambda weights: float(np.average([1.0, 2.0, 6.0], weights=weights)), 3)
    array([1., 2., 6.])
    """
    blocks = np.array_split(np.arange(units), min(units, _BLOCKS))
    every, found = np.ones(units), np.zeros(units)
    whole = statistic(every)
    for block in blocks:
        every[block] = 0.0
        rest = units - len(block)
        without = statistic(every) if rest else 0.0
        found[block] = (units * whole - rest * without) / len(block)
        every[block] = 1.0
    return found


def score(
    rankings: Rankings,
    judgments: Judgments,
    metrics: Sequence[str | Metric],
    *,
    relevant_from: float = 1.0,
    weights: Mapping[str, float] | None = None,
) -> Scores:
    """Scores of every query in `judgments` that has a relevant document, in that order.

    A document is relevant from grade `relevant_from` (above 0) up. A query that `rankings` lacks
    scores 0; rankings of queries without judgments are passed over. `weights` are for means; a
    query without one weighs 1. Ties are counted in expectation over their orders.

    With g the grade (below 0 counts as 0), rel = 1 if relevant,
    R the query's number of relevant documents, sums over the first k ranks i:

    - nDCG@k: Σ g / log2(i + 1), over the same sum for all judged documents, best grade first
    - Recall@k: Σ rel / R; Precision@k: Σ rel / k; Rprec: Σ rel / R with k = R
    - MRR@k: 1 / rank of the first relevant document; Success@k: 1 if there is one
    - MAP@k: Σ rel · precision at i, over R

    Raises OptionError for an unknown metric, DataError when no query has a relevant document.

    >>> import numpy as np
    >>> from tunewise.rankings import collect
    >>> ranked = collect(["q1"], ["a", "b", "c"], [(np.array([0, 1, 2]), np.array([3, 2, 2]))])
    >>> scores = score(ranked, {"q1": {"b": 1}}, ["MRR@10", "Success@2"])
    >>> scores.mean("Success@2")  # b is second or third, with equal chances
    0.5
    >>> round(scores.mean("MRR@10"), 3)  # the mean of 1/2 and 1/3
    0.417
    """
    chosen = _chosen(metrics)
    judged = judge(rankings.document_ids, judgments, relevant_from)
    rejected = bool((judged.grades < relevant_from).any())
    parts = [_part(block, chosen, rejected) for block in blocks(rankings, judged)]
    return Scores(
        query_ids=judged.query_ids,
        values=_joined([part.values for part in parts]),
        unanswered=sum(part.unanswered for part in parts),
        left_out=len(judgments) - len(judged.query_ids),
        unjudged=_joined([part.unjudged for part in parts]),
        judged_only=_joined([part.judged_only for part in parts]),
        weights=weights_of(judged.query_ids, weights or {}),
    )


def weights_of(queries: Sequence[str], weights: Mapping[str, float]) -> Floats | None:
    """The weight of each query, 1 where none is given; None if none is given at all."""
    return np.array([weights.get(query, 1.0) for query in queries]) if weights else None


@dataclass(frozen=True)
class _Part:
    """The scores of one block of queries."""

    values: Mapping[str, Floats]
    unanswered: int
    unjudged: Mapping[int, Floats]
    judged_only: Mapping[str, Floats]


def _part(block: Block, metrics: Sequence[Metric], rejected: bool) -> _Part:
    expected = expect(block)
    depths = sorted({metric.k for metric in metrics if metric.k is not None})
    return _Part(
        values=_values(expected, metrics),
        unanswered=int(np.count_nonzero(block.lengths == 0)),
        unjudged={k: unjudged_share(expected, k) for k in depths},
        judged_only=_values(expect(condense(block)), metrics) if rejected else {},
    )


def _values(expected: Expected, metrics: Sequence[Metric]) -> Mapping[str, Floats]:
    return {metric.name: FORMULAS[metric.kind](expected, metric.k or 0) for metric in metrics}


def _joined(parts: Sequence[Mapping[Key, Floats]]) -> Mapping[Key, Floats]:
    return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}


def _chosen(metrics: Sequence[str | Metric]) -> list[Metric]:
    parsed = [m if isinstance(m, Metric) else parse_metric(m) for m in metrics]
    if not parsed:
        raise OptionError(f"No metric was named. Name at least one of {KNOWN}.")
    return list({metric.name: metric for metric in parsed}.values())
