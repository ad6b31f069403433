"""`adapter`: a small layer learned between frozen vectors and the head, both at once.

It starts as the linear head (the layer adds nothing at first) and learns by cross-entropy; dev
says when to stop. Where dev likes the start best, it is the linear contender, and says so.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tunewise.encoders import Encoder
from tunewise.encoders.threads import one_thread
from tunewise.kinds.classification.heads import Chances, Head, best_temperature, restored, softmax
from tunewise.kinds.classification.linear import head_on
from tunewise.kinds.kind import Arrays, Contender, Saved, Setting, Vectors, named
from tunewise.kinds.layer import layered, learn_layer

_ROWS = 65_536  # texts mapped together


def fit(setting: Setting, earlier: Sequence[Contender]) -> list[Contender]:
    """One contender an encoder; none without a dev part to stop on."""
    del earlier  # its start is fitted anew: it may be asked for alone
    if not len(setting.dev):
        return []
    return [_fitted(setting, encoder) for encoder in setting.encoders]


def load(saved: Saved) -> Contender:
    """The layer and the head."""
    assert saved.encoder is not None  # noqa: S101 - it was saved with one
    return _contender(saved.name, saved.encoder, saved.arrays, saved.settings, 0.0)


def _fitted(setting: Setting, encoder: Encoder) -> Contender:
    began = time.perf_counter()
    head = head_on(setting, encoder)
    with one_thread():
        layer = _learned(setting, encoder, head)
    arrays = {**head.arrays} if layer is None else dict(layer)
    seen = setting.vectors(encoder, setting.dev.texts)
    scores = _scores(seen, arrays)
    temperature, _ = best_temperature(scores, setting.dev.labels)
    settings = {**head.settings, "temperature": temperature}
    name = named("adapter", encoder, setting.encoders)
    same = named("linear", encoder, setting.encoders) if layer is None else None
    return _contender(name, encoder, arrays, settings, time.perf_counter() - began, same_as=same)


def _learned(setting: Setting, encoder: Encoder, head: Head) -> Arrays | None:
    """The layer and head that dev liked best on the way; None if that was the start."""
    import torch

    labels = torch.from_numpy(setting.train.labels)
    vectors, seen = (setting.vectors(encoder, p.texts) for p in (setting.train, setting.dev))

    def loss(scores: Any, rows: Any) -> Any:
        return torch.nn.functional.cross_entropy(scores / head.temperature, labels[rows])

    def look(arrays: Arrays) -> tuple[float, Arrays]:
        return _level(setting, seen, arrays, head.temperature), arrays

    best, _ = look(head.arrays)
    return learn_layer(setting, vectors, head.arrays, loss, look, best=best)


def _level(setting: Setting, seen: Vectors, arrays: Arrays, temperature: float) -> float:
    found = softmax(_scores(seen, arrays) / temperature)
    return setting.level(found, setting.dev)


def _scores(vectors: Vectors, arrays: Arrays) -> Chances:
    return np.asarray(layered(vectors, arrays) @ arrays["weights"].T + arrays["bias"])


def _contender(
    name: str,
    encoder: Encoder,
    arrays: Arrays,
    settings: Mapping[str, Any],
    seconds: float,
    *,
    same_as: str | None = None,
) -> Contender:
    temperature = restored(arrays, settings).temperature

    def answer(texts: Sequence[str]) -> Chances:
        vectors = encoder.encode_documents(texts)
        found = np.empty((len(texts), len(arrays["bias"])), dtype=np.float32)
        for begin in range(0, len(texts), _ROWS):
            some = _scores(vectors[begin : begin + _ROWS], arrays)
            found[begin : begin + _ROWS] = softmax(some / temperature)
        return found

    return Contender(
        name=name,
        family="adapter",
        tuned=True,
        answer=answer,
        settings=settings,
        arrays=arrays,
        rung="adapter",
        encoder=encoder,
        notes=("no layer beat the linear head on dev: this is that head",) if same_as else (),
        seconds=seconds,
        same_as=same_as,
    )
