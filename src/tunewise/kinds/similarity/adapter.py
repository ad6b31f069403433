"""`adapter`: a linear map over frozen vectors, learned so that cosines become scores.

The map is the same for both texts and starts as the identity; what is made small is the mean square
of cosine less score, and dev says when to stop. Where dev likes the start best, it is the cosine
of the frozen vectors, and says so.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tunewise.encoders import Encoder
from tunewise.encoders.threads import one_thread
from tunewise.kinds.kind import Arrays, Contender, Saved, Setting, Vectors, named
from tunewise.kinds.layer import PACE, RATE, batch_of, slopes
from tunewise.kinds.similarity.answers import (
    Answers,
    Floats,
    Pairs,
    answering,
    both,
    cosines,
    threshold,
)
from tunewise.training.descent import descend

_ROWS = 65_536  # texts mapped together
_LEAST = 1e-12  # no vector is divided by less


def fit(setting: Setting, earlier: Sequence[Contender]) -> list[Contender]:
    """One contender an encoder; none without a dev part to stop on."""
    del earlier  # stands on nothing
    if not len(setting.dev):
        return []
    return [_fitted(setting, encoder) for encoder in setting.encoders]


def load(saved: Saved) -> Contender:
    """The map, over the same encoder's vectors."""
    assert saved.encoder is not None  # noqa: S101 - it was saved with one
    return _contender(saved.name, saved.encoder, saved.arrays, saved.settings, 0.0)


def _fitted(setting: Setting, encoder: Encoder) -> Contender:
    began = time.perf_counter()
    with one_thread():
        arrays = _learned(setting, encoder)
    found = _likeness(setting.vectors(encoder, setting.dev.texts), arrays)
    settings = {"threshold": threshold(found, setting.dev)}
    same = None if arrays else named("cosine", encoder, setting.encoders)
    name = named("adapter", encoder, setting.encoders)
    return _contender(name, encoder, arrays, settings, time.perf_counter() - began, same_as=same)


def _learned(setting: Setting, encoder: Encoder) -> Arrays:
    """The map that dev liked best on the way; nothing if that was the start."""
    import torch

    train, seen = setting.train, setting.vectors(encoder, setting.dev.texts)
    vectors = torch.from_numpy(np.asarray(setting.vectors(encoder, train.texts)))
    one, other = vectors[: len(train)], vectors[len(train) :]
    scores = torch.from_numpy(train.scores.astype(np.float32))
    rng = np.random.default_rng(setting.seed)
    weights = {"offset": np.zeros((vectors.shape[1], vectors.shape[1]), dtype=np.float32)}

    def loss(learned: Mapping[str, Any]) -> Any:
        rows = batch_of(len(train), rng)
        first, second = (side[rows] + side[rows] @ learned["offset"] for side in (one, other))
        return ((torch.cosine_similarity(first, second) - scores[rows]) ** 2).mean()

    def look(arrays: Arrays) -> tuple[float, Arrays]:
        return setting.level(Answers(_likeness(seen, arrays)), setting.dev), arrays

    best, start = look({})
    gradients, progress = slopes(weights, loss), setting.progress
    found = descend(weights, gradients, look, best=best, pace=PACE, rate=RATE, progress=progress)
    return found or start


def _likeness(vectors: Vectors, arrays: Arrays) -> Floats:
    """The cosines of vectors (2n, d), mapped if there is a map."""
    if "offset" not in arrays:
        return cosines(vectors)
    moved = np.empty_like(vectors)
    for begin in range(0, len(vectors), _ROWS):
        some = vectors[begin : begin + _ROWS]
        mapped = some + some @ arrays["offset"]
        lengths = np.linalg.norm(mapped, axis=1, keepdims=True)
        moved[begin : begin + _ROWS] = mapped / np.maximum(lengths, _LEAST)
    return cosines(moved)


def _contender(
    name: str,
    encoder: Encoder,
    arrays: Arrays,
    settings: Mapping[str, Any],
    seconds: float,
    *,
    same_as: str | None = None,
) -> Contender:
    def likeness(pairs: Pairs) -> Floats:
        return _likeness(encoder.encode_documents(both(pairs)), arrays)

    return Contender(
        name=name,
        family="adapter",
        tuned=True,
        answer=answering(likeness, settings),
        settings=settings,
        arrays=arrays,
        rung="adapter",
        encoder=encoder,
        notes=("no map beat the identity on dev: this is the cosine",) if same_as else (),
        seconds=seconds,
        same_as=same_as,
    )
