"""`lexical`: words and pairs of words, weighted by how telling they are (tf-idf), and a head.

scikit-learn finds the words and their weights; with these alone a text is read as it reads it.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewise.kinds.classification.heads import Head, fit_head, restored
from tunewise.kinds.kind import Arrays, Contender, Saved, Setting

_MOST_WORDS = 50_000
_MOST_NUMBERS = 20_000_000  # of words times labels


def fit(setting: Setting, earlier: Sequence[Contender]) -> list[Contender]:
    """One contender; none where the train part has no words."""
    del earlier  # stands on nothing
    began = time.perf_counter()
    train, dev = setting.train, setting.dev
    count = len(train.names)
    reader = _reader(most=min(_MOST_WORDS, max(1000, _MOST_NUMBERS // count)))
    try:
        read = reader.fit_transform(train.texts)
    except ValueError:  # "empty vocabulary": nothing but marks and single letters
        return []
    seen = reader.transform(dev.texts)
    head = fit_head(read, train.labels, seen, dev.labels, count, seed=setting.seed)
    settings = {**head.settings, "words": reader.get_feature_names_out().tolist()}
    arrays = {**head.arrays, "telling": reader.idf_.astype(np.float32)}
    return [_contender(settings, arrays, head, time.perf_counter() - began)]


def load(saved: Saved) -> Contender:
    """The words, what each is worth, and the head."""
    return _contender(saved.settings, saved.arrays, restored(saved.arrays, saved.settings), 0.0)


def _contender(
    settings: Mapping[str, Any], arrays: Arrays, head: Head, seconds: float
) -> Contender:
    reader = _reader(words=settings["words"], telling=arrays["telling"])

    def answer(texts: Sequence[str]) -> NDArray[np.float64]:
        return head.probabilities(reader.transform(texts))

    return Contender(
        name="lexical",
        family="lexical",
        tuned=False,
        answer=answer,
        settings=settings,
        arrays=arrays,
        seconds=seconds,
    )


def _reader(
    *,
    most: int | None = None,
    words: Sequence[str] | None = None,
    telling: NDArray[np.float32] | None = None,
) -> Any:
    """scikit-learn's reader of words, not yet fitted, or as it was when `words` were found."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    reader = TfidfVectorizer(
        sublinear_tf=True,
        ngram_range=(1, 2),
        max_features=most,
        vocabulary=words,
        dtype=np.float32,
    )
    if telling is not None:
        reader.idf_ = telling
    return reader
