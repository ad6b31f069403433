"""`adapter`: a small layer learned between frozen vectors and the head, both at once.

It starts as the linear head (the layer adds nothing at first) and learns by cross-entropy; dev
says when to stop. Where dev likes the start best, it is the linear contender, and says so.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewise.encoders import Encoder
from tunewise.encoders.threads import one_thread
from tunewise.kinds.classification.heads import Head, best_temperature, restored, softmax
from tunewise.kinds.classification.linear import head_on
from tunewise.kinds.kind import Arrays, Contender, Saved, Setting, Vectors, named

_HIDDEN = 256
_BATCH = 128
_STEPS, _LOOK, _PATIENCE = 1500, 25, 8
_RATE, _DECAY, _DROPPED = 1e-3, 0.05, 0.3
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
    scores = _scores(seen, arrays).astype(np.float64)
    temperature, _ = best_temperature(scores, setting.dev.labels)
    settings = {**head.settings, "temperature": temperature}
    name = named("adapter", encoder, setting.encoders)
    same = named("linear", encoder, setting.encoders) if layer is None else None
    return _contender(name, encoder, arrays, settings, time.perf_counter() - began, same_as=same)


def _learned(setting: Setting, encoder: Encoder, head: Head) -> Arrays | None:
    """The layer and head that dev liked best on the way; None if that was the start."""
    import torch

    train, dev, progress = setting.train, setting.dev, setting.progress
    vectors = torch.from_numpy(np.asarray(setting.vectors(encoder, train.texts)))
    labels, seen = torch.from_numpy(train.labels), setting.vectors(encoder, dev.texts)
    rng = np.random.default_rng(setting.seed)
    learned = _start(head, vectors.shape[1], rng)
    optimizer = torch.optim.AdamW(learned.values(), lr=_RATE, weight_decay=_DECAY)
    best, waited, kept = _level(setting, seen, head.arrays, head.temperature), 0, None
    for step in range(1, _STEPS + 1):
        progress("training an adapter", step, _STEPS)
        rows = torch.from_numpy(rng.integers(0, len(train), min(_BATCH, len(train))))
        chosen = vectors[rows]
        mask = torch.from_numpy((rng.random(chosen.shape) >= _DROPPED).astype(np.float32))
        scores = _passed(chosen * mask / (1 - _DROPPED), learned) / head.temperature
        loss = torch.nn.functional.cross_entropy(scores, labels[rows])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch annotates it not
        optimizer.step()
        if step % _LOOK == 0:
            arrays = {name: one.detach().numpy().copy() for name, one in learned.items()}
            level = _level(setting, seen, arrays, head.temperature)
            waited = 0 if level > best else waited + 1
            if level > best:
                best, kept = level, arrays
            if waited == _PATIENCE:
                break
    return kept


def _start(head: Head, width: int, rng: np.random.Generator) -> dict[str, Any]:
    """The weights to learn: the head as it is, and a layer that adds nothing yet."""
    import torch

    inward = rng.normal(0, width**-0.5, (width, _HIDDEN)).astype(np.float32)
    arrays = {
        "inward": inward,
        "outward": np.zeros((_HIDDEN, width), dtype=np.float32),
        **head.arrays,
    }
    return {name: torch.from_numpy(array.copy()).requires_grad_() for name, array in arrays.items()}


def _passed(vectors: Any, learned: Mapping[str, Any]) -> Any:
    import torch

    moved = vectors + torch.relu(vectors @ learned["inward"]) @ learned["outward"]
    return moved @ learned["weights"].T + learned["bias"]


def _level(setting: Setting, seen: Vectors, arrays: Arrays, temperature: float) -> float:
    found = softmax(_scores(seen, arrays).astype(np.float64) / temperature)
    return setting.level(found, setting.dev)


def _scores(vectors: Vectors, arrays: Arrays) -> NDArray[np.float32]:
    if "inward" in arrays:
        moved = np.maximum(vectors @ arrays["inward"], 0) @ arrays["outward"]
        vectors = np.asarray(vectors + moved)
    return np.asarray(vectors @ arrays["weights"].T + arrays["bias"])


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

    def answer(texts: Sequence[str]) -> NDArray[np.float64]:
        vectors = encoder.encode_documents(texts)
        found = np.empty((len(texts), len(arrays["bias"])))
        for begin in range(0, len(texts), _ROWS):
            some = _scores(vectors[begin : begin + _ROWS], arrays).astype(np.float64)
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
