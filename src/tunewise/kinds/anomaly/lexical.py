"""`lexical`: how surprising a text's words are, after those of the normal texts.

The mean over its words of -log2 of how often a word comes up there, one being added to each count
(Laplace); a word never seen is the most surprising. It takes no encoder.
"""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewise.data.near import words
from tunewise.kinds.anomaly.alarms import with_alarms
from tunewise.kinds.kind import Arrays, Contender, Saved, Setting

_MOST_WORDS = 100_000


def fit(setting: Setting, earlier: Sequence[Contender]) -> list[Contender]:
    """One contender: the words of train and how often they come up."""
    del earlier  # stands on nothing
    began = time.perf_counter()
    counts = Counter(word for text in setting.train.texts for word in words(text))
    common = counts.most_common(_MOST_WORDS)
    times = np.array([count for _, count in common], dtype=np.int64)
    settings = {"words": [word for word, _ in common]}
    return [with_alarms(_contender(settings, {"times": times}, began), setting)]


def load(saved: Saved) -> Contender:
    """The words and their counts."""
    return _contender(saved.settings, saved.arrays, None)


def _contender(settings: Mapping[str, Any], arrays: Arrays, began: float | None) -> Contender:
    known, times = settings["words"], arrays["times"]
    total = int(times.sum()) + len(times) + 1  # one for what was never seen
    surprise: dict[str, float] = dict(
        zip(known, (-np.log2((times + 1) / total)).tolist(), strict=True)
    )
    unseen = float(-np.log2(1 / total))

    def answer(texts: Sequence[str]) -> NDArray[np.float64]:
        return np.array([_mean([surprise.get(w, unseen) for w in words(t)], unseen) for t in texts])

    return Contender(
        name="lexical",
        family="lexical",
        tuned=False,
        answer=answer,
        settings=settings,
        arrays=arrays,
        seconds=0.0 if began is None else time.perf_counter() - began,
    )


def _mean(surprises: Sequence[float], of_nothing: float) -> float:
    return sum(surprises) / len(surprises) if surprises else of_nothing
