"""`neighbours`: the labels of the nearest training texts vote, by cosine, on frozen vectors.

What share of the votes a label has is made a probability by a temperature, as scores of heads are.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tunewise.encoders import Encoder
from tunewise.kinds.classification.heads import Chances, best_temperature, logs, softmax
from tunewise.kinds.kind import Arrays, Contender, Saved, Setting, Vectors, named

_COUNTS = (1, 3, 5, 10, 20)
_SHARPNESS = (5.0, 10.0, 20.0, 40.0)  # a vote is exp(sharpness · cosine)
_ROWS = 1024  # texts looked at together
_SMOOTH = 0.02  # of the probability, spread over all labels: no label is impossible


def fit(setting: Setting, earlier: Sequence[Contender]) -> list[Contender]:
    """One contender an encoder, its number of neighbours and their votes as dev likes them."""
    del earlier  # stands on nothing
    return [_fitted(setting, encoder) for encoder in setting.encoders]


def load(saved: Saved) -> Contender:
    """The training texts' vectors and labels."""
    assert saved.encoder is not None  # noqa: S101 - it was saved with one
    return _contender(saved.name, saved.encoder, saved.arrays, saved.settings, 0.0)


def _fitted(setting: Setting, encoder: Encoder) -> Contender:
    began = time.perf_counter()
    train, dev = setting.train, setting.dev
    arrays = {"known": setting.vectors(encoder, train.texts), "labels": np.asarray(train.labels)}
    asked, labels = setting.vectors(encoder, dev.texts), len(train.names)
    best, chosen = (-1.0, 0.0), (_COUNTS[0], _SHARPNESS[0])
    for nearest in (n for n in _COUNTS if n <= len(train)):
        for sharpness in _SHARPNESS:
            found = _voted(asked, arrays, labels, nearest, sharpness)
            told = found[np.arange(len(dev)), dev.labels]
            level = (setting.level(found, dev), float(np.log(told).mean()) if len(dev) else 0.0)
            if level > best:
                best, chosen = level, (nearest, sharpness)
    votes = _voted(asked, arrays, labels, *chosen)
    temperature, _ = best_temperature(logs(votes), dev.labels)
    settings = {"labels": labels, "count": chosen[0], "sharpness": chosen[1]}
    settings["temperature"] = temperature
    name = named("neighbours", encoder, setting.encoders)
    return _contender(name, encoder, arrays, settings, time.perf_counter() - began)


def _contender(
    name: str, encoder: Encoder, arrays: Arrays, settings: Mapping[str, Any], seconds: float
) -> Contender:
    votes = tuple(settings[word] for word in ("labels", "count", "sharpness"))

    def answer(texts: Sequence[str]) -> Chances:
        found = _voted(encoder.encode_documents(texts), arrays, *votes)
        return softmax(logs(found) / settings["temperature"])

    return Contender(
        name=name,
        family="neighbours",
        tuned=False,
        answer=answer,
        settings=settings,
        arrays=arrays,
        encoder=encoder,
        bytes_each=4 * encoder.dimension,
        seconds=seconds,
    )


def _voted(asked: Vectors, arrays: Arrays, labels: int, count: int, sharpness: float) -> Chances:
    known, named = arrays["known"], arrays["labels"]
    found = np.full((len(asked), labels), _SMOOTH / labels, dtype=np.float32)
    for begin in range(0, len(asked), _ROWS):
        cosines = asked[begin : begin + _ROWS] @ known.T
        best = np.argpartition(-cosines, min(count, len(known)) - 1, axis=1)[:, :count]
        votes = np.exp(sharpness * (np.take_along_axis(cosines, best, axis=1) - 1.0))
        votes *= (1 - _SMOOTH) / votes.sum(axis=1, keepdims=True)
        rows = np.repeat(np.arange(len(best)), best.shape[1]) + begin
        np.add.at(found, (rows, named[best].ravel()), votes.ravel())
    return found
