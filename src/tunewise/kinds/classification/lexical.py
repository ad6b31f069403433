"""`lexical`: words and pairs of words, weighted by how telling they are (tf-idf), and a head.

scikit-learn finds the words and their weights; with these alone a text is read as it reads it. A
head over all words of thousands of labels would be too large, and few texts a label teach it
little: there all that is known of a label is one text, and a text has the label it is most like
(Rocchio's classifier, a word being the more telling the fewer labels have it).
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tunewise.kinds.classification.heads import (
    MANY,
    Chances,
    best_temperature,
    fit_head,
    restored,
    softmax,
)
from tunewise.kinds.kind import Arrays, Contender, Saved, Setting

_MOST_PAIRS, _MOST_WORDS = 50_000, 200_000  # words and pairs, or words alone, the most usual first
_POWERS = (1.0, 1.5, 2.0)  # to which a word's worth is raised where labels are many
_PARTS = ("data", "indices", "indptr")  # of a sparse matrix

Settings = Mapping[str, Any]


def fit(setting: Setting, earlier: Sequence[Contender]) -> list[Contender]:
    """One contender; none where the train part has no words."""
    del earlier  # stands on nothing
    began = time.perf_counter()
    try:
        fitted = _likest if len(setting.train.names) > MANY else _headed
        settings, arrays = fitted(setting)
    except ValueError:  # "empty vocabulary": nothing but marks and single letters
        return []
    return [_contender(settings, arrays, time.perf_counter() - began)]


def load(saved: Saved) -> Contender:
    """The words, what each is worth, and the head or the labels' words."""
    return _contender(saved.settings, saved.arrays, 0.0)


def _headed(setting: Setting) -> tuple[Settings, Arrays]:
    train, dev, reader = setting.train, setting.dev, _reader(most=_MOST_PAIRS)
    read, count = reader.fit_transform(train.texts), len(train.names)
    seen = reader.transform(dev.texts)
    head = fit_head(read, train.labels, seen, dev.labels, count, seed=setting.seed)
    return {**head.settings, **_words(reader)}, {**head.arrays, **_telling(reader)}


def _likest(setting: Setting) -> tuple[Settings, Arrays]:
    train, dev, reader = setting.train, setting.dev, _reader(most=_MOST_WORDS, longest=1)
    known: list[list[str]] = [[] for _ in train.names]
    for text, label in zip(train.texts, train.labels.tolist(), strict=True):
        known[label].append(text)
    labels = [" ".join(texts) for texts in known]
    usual, fits = reader.fit(labels).idf_, []
    for power in _POWERS:
        reader.idf_ = usual**power
        own = reader.transform(labels)
        likeness = (reader.transform(dev.texts) @ own.T).toarray()
        temperature, loss = best_temperature(likeness, dev.labels)
        right = float((likeness.argmax(axis=1) == dev.labels).mean()) if len(dev) else 0.0
        fits.append((right, -loss, power, temperature, {**_sparse(own), **_telling(reader)}))
    _, _, power, temperature, arrays = max(fits, key=lambda fit: fit[:2])
    how = {"head": "likeness", "power": power, "temperature": temperature}
    return {**how, **_words(reader)}, arrays


def _contender(settings: Settings, arrays: Arrays, seconds: float) -> Contender:
    likest = settings["head"] == "likeness"
    reader = _reader(words=settings["words"], longest=1 if likest else 2)
    reader.idf_ = arrays["telling"]
    probabilities = (_by_likeness if likest else _by_head)(settings, arrays)

    def answer(texts: Sequence[str]) -> Chances:
        return probabilities(reader.transform(texts))

    return Contender(
        name="lexical",
        family="lexical",
        tuned=False,
        answer=answer,
        settings=settings,
        arrays=arrays,
        seconds=seconds,
    )


def _by_head(settings: Settings, arrays: Arrays) -> Callable[[Any], Chances]:
    return restored(arrays, settings).probabilities


def _by_likeness(settings: Settings, arrays: Arrays) -> Callable[[Any], Chances]:
    from scipy.sparse import csr_matrix

    parts = tuple(arrays[name] for name in _PARTS)
    across = csr_matrix(parts, shape=(len(parts[2]) - 1, len(settings["words"]))).T
    return lambda read: softmax((read @ across).toarray() / settings["temperature"])


def _sparse(own: Any) -> Arrays:
    return {name: getattr(own, name) for name in _PARTS}


def _words(reader: Any) -> Settings:
    return {"words": reader.get_feature_names_out().tolist()}


def _telling(reader: Any) -> Arrays:
    return {"telling": reader.idf_.astype(np.float32)}


def _reader(
    *, most: int | None = None, words: Sequence[str] | None = None, longest: int = 2
) -> Any:
    """scikit-learn's reader of words, not yet fitted; of words as it was when these were found."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(
        sublinear_tf=True,
        ngram_range=(1, longest),
        max_features=most,
        vocabulary=words,
        dtype=np.float32,
    )
