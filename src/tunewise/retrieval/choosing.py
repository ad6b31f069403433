"""How to search one collection by words and how to fuse, chosen on its dev queries."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewise.metrics import Metric, score
from tunewise.progress import Progress, silent
from tunewise.rankings import Rankings
from tunewise.retrieval.analysis import (
    Analyzer,
    default_analyzer,
    has_stemmer,
    has_stop_words,
)
from tunewise.retrieval.fusion import METHODS, align, comparable, weigh
from tunewise.retrieval.lexical import K1, B, Bm25Index, Units, index_units, read_units
from tunewise.retrieval.segmentation import has_segmenter
from tunewise.task import Judgments, Part, Texts

_K1 = (0.6, 0.9, 1.6, 2.2)
_B = (0.3, 0.5, 0.9)
_DEV_QUERIES = 500
_DOCUMENTS = 200_000
_WEIGHTS = (0.5, 0.6, 0.4, 0.7, 0.3, 0.8, 0.2, 0.9, 0.1, 1.0, 0.0)  # the most even first
_MARGIN = 1.0  # standard errors of the gain


@dataclass(frozen=True, slots=True)
class LexicalSettings:
    """How to search one collection by words; `reason` says how that was decided."""

    analyzer: Analyzer
    k1: float = K1
    b: float = B
    reason: str = ""

    def to_dict(self) -> Mapping[str, Any]:
        """Plain values, for JSON."""
        return {**self.analyzer.to_dict(), "k1": self.k1, "b": self.b, "reason": self.reason}


def choose(
    documents: Texts,
    dev: Part,
    metric: str | Metric = "nDCG@10",
    *,
    language: str | None,
    relevant_from: float = 1.0,
    progress: Progress = silent,
) -> LexicalSettings:
    """The analyzer, k1 and b with the best mean `metric` on dev, by coordinate search.

    It begins with all the language has (stemming, stop words, word segmentation) and k1 = 1.2,
    b = 0.75, and tries one change after another: no stemming, no stop words, identifiers kept
    whole, bigrams instead of words, then other k1 and b. A change is made when its mean gain
    is above one standard error of the gain, so that a few dev queries cannot argue for much. At
    most 500 dev queries are used, drawn with a fixed seed. Without dev queries, or with more than
    200,000 documents, the beginning is what is returned, and `reason` says so.
    """
    start = LexicalSettings(default_analyzer(language))
    sample = _sample(dev, relevant_from)
    if not sample:
        return replace(start, reason="usual values: there are no dev queries to choose on")
    if len(documents) > _DOCUMENTS:
        return replace(start, reason=f"usual values: more than {_DOCUMENTS:,} documents")
    trial = _Trial(documents, dev.queries.take(sample), dev.judgments, str(metric), relevant_from)
    best, values = start, trial.score(start)
    changes = _changes(language)
    for done, alternatives in enumerate(changes):
        progress("choosing how to search by words", done, len(changes))
        for change in alternatives(best):
            new = trial.score(change)
            if _clearly_better(new, values):
                best, values = change, new
    progress("choosing how to search by words", len(changes), len(changes))
    gain = float((values - trial.score(start)).mean())
    return replace(best, reason=f"chosen on {len(sample)} dev queries: {metric} +{gain:.3f}")


@dataclass(frozen=True, slots=True)
class Fusion:
    """How to fuse two rankings; `reason` says how that was decided."""

    method: str
    weight: float
    reason: str

    def to_dict(self) -> Mapping[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


def choose_fusion(
    first: Rankings,
    second: Rankings,
    judgments: Judgments,
    metric: str | Metric = "nDCG@10",
    *,
    relevant_from: float = 1.0,
) -> Fusion:
    """The method and the weight of `first` with the best mean `metric` on these judgments.

    Weights 0, 0.1 … 1 are tried with every method, so that either ranking alone may be the
    answer; among equals the one nearest to a half is taken. A later method in `METHODS` replaces
    an earlier one when its gain is above one standard error. Judged queries that the
    rankings lack are passed over. Without judgments it is the first method at one half, and
    `reason` says so.

    >>> from tunewise.rankings import collect
    >>> places, scores = np.array([0, 1]), np.array([2, 1], "float32")
    >>> good = collect(["q"], ["x", "y"], [(places, scores)])
    >>> bad = collect(["q"], ["x", "y"], [(places, scores[::-1])])
    >>> choose_fusion(good, bad, {"q": {"x": 1}}).weight
    0.6
    """
    judged = {key: judgments[key] for key in first.query_ids if key in judgments}
    if not any(_answerable(graded, relevant_from) for graded in judged.values()):
        return Fusion(METHODS[0], 0.5, "usual values: there are no dev queries to choose on")

    pair = align(first, second)

    def leader(method: str) -> tuple[str, float, NDArray[np.float64]]:
        values, tried = comparable(pair, method), []
        for weight in _WEIGHTS:
            scores = score(
                weigh(pair, values, weight), judged, [metric], relevant_from=relevant_from
            )
            tried.append((method, weight, scores.of(str(metric))))
        # rounded, for sums in another order are not a gain
        return max(tried, key=lambda one: round(float(one[2].mean()), 9))

    best = leader(METHODS[0])
    for method in METHODS[1:]:
        other = leader(method)
        if _clearly_better(other[2], best[2]):
            best = other
    reason = f"chosen on {len(best[2])} dev queries by {metric}"
    return Fusion(best[0], best[1], reason)


Alternatives = Callable[[LexicalSettings], Iterable[LexicalSettings]]


@dataclass(frozen=True)
class _Trial:
    """Dev queries, and the documents cut into units once for each way of cutting."""

    documents: Texts
    queries: Texts
    judgments: Judgments
    metric: str
    relevant_from: float
    units: dict[str, Units] = field(default_factory=dict)
    known: dict[LexicalSettings, NDArray[np.float64]] = field(default_factory=dict)

    def score(self, settings: LexicalSettings) -> NDArray[np.float64]:
        """The metric per dev query under these settings."""
        if settings not in self.known:
            ranked = self._index(settings).rank(self.queries)
            judged = {key: self.judgments[key] for key in self.queries.ids}
            scores = score(ranked, judged, [self.metric], relevant_from=self.relevant_from)
            self.known[settings] = scores.of(self.metric)
        return self.known[settings]

    def _index(self, settings: LexicalSettings) -> Bm25Index:
        analyzer = settings.analyzer
        if analyzer.segment not in self.units:
            self.units[analyzer.segment] = read_units(self.documents.texts, analyzer)
        asked = {term for terms in analyzer.tokens(self.queries.texts) for term in terms}
        return index_units(
            self.documents.ids,
            self.units[analyzer.segment],
            analyzer,
            settings.k1,
            settings.b,
            only=asked,
        )


def _changes(language: str | None) -> list[Alternatives]:
    """What is tried, in order; each yields settings that differ in one thing."""

    def analysis(**change: Any) -> Alternatives:
        return lambda now: [replace(now, analyzer=replace(now.analyzer, **change))]

    changes: list[Alternatives] = [analysis(identifiers=True)]
    if has_stemmer(language):
        changes.append(analysis(stem=False))
    if has_stop_words(language):
        changes.append(analysis(stop=False))
    if has_segmenter(language):
        changes.append(analysis(segment="bigrams"))
    if language == "ko":
        changes.append(analysis(segment="words"))
    changes.append(lambda now: [replace(now, k1=k1) for k1 in _K1])
    changes.append(lambda now: [replace(now, b=b) for b in _B])
    return changes


def _clearly_better(new: NDArray[np.float64], old: NDArray[np.float64]) -> bool:
    gain = new - old
    error = gain.std(ddof=1) / math.sqrt(len(gain)) if len(gain) > 1 else math.inf
    return bool(gain.mean() > _MARGIN * error)


def _sample(dev: Part, relevant_from: float) -> list[int]:
    """The places of at most 500 dev queries that have a relevant document."""
    answerable = [
        place
        for place, key in enumerate(dev.queries.ids)
        if _answerable(dev.judgments.get(key, {}), relevant_from)
    ]
    if len(answerable) <= _DEV_QUERIES:
        return answerable
    drawn = np.random.default_rng(0).choice(len(answerable), _DEV_QUERIES, replace=False)
    return [answerable[place] for place in sorted(drawn)]


def _answerable(graded: Mapping[str, float], relevant_from: float) -> bool:
    return any(grade >= relevant_from for grade in graded.values())
