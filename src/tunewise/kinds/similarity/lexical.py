"""`lexical`: how far the words of two texts overlap, telling words counting for more.

Words are weighted by (1 + ln tf) · idf, idf as in scikit-learn (ln((1 + n) / (1 + df)) + 1, of the
texts of train). Their overlap is the cosine, or Σ min / Σ max ("weighted Jaccard", Ružička 1958);
dev says which, and whether words are taken as they stand or as stems without stop words. A word
that train does not have weighs most: two texts that differ in it are not the same.
"""

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tunewise.data.language import detect
from tunewise.kinds.kind import Arrays, Contender, Saved, Setting
from tunewise.kinds.similarity.answers import (
    Answers,
    Floats,
    Pairs,
    answering,
    asked,
    both,
    threshold,
)
from tunewise.retrieval.analysis import Analyzer


def fit(setting: Setting, earlier: Sequence[Contender]) -> list[Contender]:
    """One contender; none where the train part has no words."""
    del earlier  # stands on nothing
    began = time.perf_counter()
    texts, pairs = sorted(set(setting.train.texts)), asked(setting.dev)
    language = detect(texts).main or None
    tried = []
    for stems in (True, False):
        way: dict[str, Any] = {"stems": stems, "language": language, "texts": len(texts)}
        words, telling = _read(texts, _analyzer(way))
        if not words:
            return []
        way["words"] = words
        weighed = _weighed(pairs, way, telling)
        for name, overlap in _OVERLAPS.items():
            found = overlap(*weighed)
            reached = setting.level(Answers(found), setting.dev)
            tried.append((reached, found, {**way, "overlap": name}, telling))
    _, found, way, telling = max(tried, key=lambda one: one[0])
    settings = {**way, "threshold": threshold(found, setting.dev)}
    return [_contender(settings, {"telling": telling}, time.perf_counter() - began)]


def load(saved: Saved) -> Contender:
    """The words, and what each is worth."""
    return _contender(saved.settings, saved.arrays, 0.0)


def _contender(settings: Mapping[str, Any], arrays: Arrays, seconds: float) -> Contender:
    def likeness(pairs: Pairs) -> Floats:
        weighed = _weighed(pairs, settings, arrays["telling"])
        return _OVERLAPS[settings["overlap"]](*weighed)

    return Contender(
        name="lexical",
        family="lexical",
        tuned=False,
        answer=answering(likeness, settings),
        settings=settings,
        arrays=arrays,
        seconds=seconds,
    )


def _analyzer(way: Mapping[str, Any]) -> Analyzer:
    # bigrams need no segmenter, which may be missing where the contender is loaded
    return Analyzer(way["language"], stem=way["stems"], stop=way["stems"], segment="bigrams")


def _read(texts: Sequence[str], analyzer: Analyzer) -> tuple[list[str], Floats]:
    """The words of these texts, sorted, and their idf."""
    counts = Counter(word for terms in analyzer.tokens(texts) for word in set(terms))
    words = sorted(counts)
    there = np.array([counts[word] for word in words], dtype=np.float64)
    return words, np.log((1 + len(texts)) / (1 + there)) + 1


def _weighed(pairs: Pairs, way: Mapping[str, Any], telling: Floats) -> tuple[Any, Any]:
    """Sparse weights (n, words) of the first texts and the second, unknown words included."""
    from scipy.sparse import csr_array

    number = {word: place for place, word in enumerate(way["words"])}
    starts, columns, weights = [0], [], []
    unknown = math.log(1 + way["texts"]) + 1
    for terms in _analyzer(way).tokens(both(pairs)):
        for word, times in Counter(terms).items():
            place = number.setdefault(word, len(number))
            worth = telling[place] if place < len(telling) else unknown
            columns.append(place)
            weights.append((1 + math.log(times)) * worth)
        starts.append(len(columns))
    places = np.array(columns, dtype=np.int64)
    shape = 2 * len(pairs), len(number)
    rows = csr_array((np.array(weights, dtype=np.float64), places, starts), shape=shape)
    rows.sort_indices()
    return rows[: len(pairs)], rows[len(pairs) :]


def _cosine(one: Any, other: Any) -> Floats:
    lengths = [np.sqrt(side.multiply(side).sum(axis=1)) for side in (one, other)]
    return _divided(one.multiply(other).sum(axis=1), lengths[0] * lengths[1])


def _jaccard(one: Any, other: Any) -> Floats:
    return _divided(one.minimum(other).sum(axis=1), one.maximum(other).sum(axis=1))


def _divided(shared: Any, whole: Any) -> Floats:
    """0 where a text has no words."""
    found: Floats = np.zeros(len(whole))
    np.divide(shared, whole, out=found, where=whole > 0)
    return found


_OVERLAPS: Mapping[str, Callable[[Any, Any], Floats]] = {"cosine": _cosine, "jaccard": _jaccard}
