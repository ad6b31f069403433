"""`neighbours`: the labels of the nearest training texts vote, by cosine, on frozen vectors."""

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tunewise.encoders import Encoder
from tunewise.kinds.kind import Arrays, Contender, Saved, Setting, Vectors, named
from tunewise.kinds.multilabel.answers import Floats
from tunewise.kinds.multilabel.heads import Settled, answering, logit, settle

_COUNTS = (1, 3, 5, 10, 20)
_SHARPNESS = (5.0, 10.0, 20.0, 40.0)  # a vote is exp(sharpness · cosine)
_ROWS = 1024  # texts looked at together
_SMOOTH = 0.01  # of a vote: no label is impossible, and none is sure


def fit(setting: Setting, earlier: Sequence[Contender]) -> list[Contender]:
    """One contender an encoder, its number of neighbours and their votes as dev likes them."""
    del earlier  # stands on nothing
    return [_fitted(setting, encoder) for encoder in setting.encoders]


def load(saved: Saved) -> Contender:
    """The training texts' vectors and labels."""
    encoder, how = saved.encoder, saved.settings
    assert encoder is not None  # noqa: S101 - it was saved with one

    def scores(texts: Sequence[str]) -> Floats:
        asked = encoder.encode_documents(texts)
        return _voted(asked, saved.arrays, how["count"], how["sharpness"])

    return Contender(
        name=saved.name,
        family="neighbours",
        tuned=False,
        answer=answering(scores, how),
        settings=how,
        arrays=saved.arrays,
        encoder=encoder,
        bytes_each=4 * encoder.dimension,
    )


def _fitted(setting: Setting, encoder: Encoder) -> Contender:
    began = time.perf_counter()
    train, asked = setting.train, setting.vectors(encoder, setting.dev.texts)
    arrays = {
        "known": setting.vectors(encoder, train.texts),
        "labels": train.labels.astype(np.uint8),
    }
    best, chosen = Settled(), {"count": _COUNTS[0], "sharpness": _SHARPNESS[0]}
    for count in (n for n in _COUNTS if n <= len(train)):
        for sharpness in _SHARPNESS:
            settled = settle(setting, _voted(asked, arrays, count, sharpness))
            if (settled.level, -settled.loss) > (best.level, -best.loss):
                best, chosen = settled, {"count": count, "sharpness": sharpness}
    name = named("neighbours", encoder, setting.encoders)
    settings = {**chosen, **best.settings}
    found = load(Saved(name, "neighbours", settings, arrays, encoder))
    return replace(found, seconds=time.perf_counter() - began)


def _voted(asked: Vectors, arrays: Arrays, count: int, sharpness: float) -> Floats:
    """The share of votes for each label, as a score (n, labels)."""
    known, labels = arrays["known"], arrays["labels"]
    found = np.empty((len(asked), labels.shape[1]))
    for begin in range(0, len(asked), _ROWS):
        cosines = asked[begin : begin + _ROWS] @ known.T
        best = np.argpartition(-cosines, min(count, len(known)) - 1, axis=1)[:, :count]
        votes = np.exp(sharpness * (np.take_along_axis(cosines, best, axis=1) - 1.0))
        votes /= votes.sum(axis=1, keepdims=True)
        for place in range(best.shape[1]):
            one = votes[:, place, None] * labels[best[:, place]]
            found[begin : begin + _ROWS] = one + (found[begin : begin + _ROWS] if place else 0.0)
    return np.asarray(logit((found + _SMOOTH) / (1 + 2 * _SMOOTH)))
