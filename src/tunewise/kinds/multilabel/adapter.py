"""`adapter`: a small layer learned between frozen vectors and the heads, both at once.

It starts as the linear heads (the layer adds nothing at first) and learns by the log loss of all
labels; dev says when to stop. Where dev likes the start best, it is the linear contender.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tunewise.encoders import Encoder
from tunewise.encoders.threads import one_thread
from tunewise.kinds.kind import Arrays, Contender, Saved, Setting, Vectors, named
from tunewise.kinds.multilabel.answers import Floats
from tunewise.kinds.multilabel.heads import Settled, answering, fit_head, scores_of, settle

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
    """The layer and the heads."""
    encoder, arrays = saved.encoder, saved.arrays
    assert encoder is not None  # noqa: S101 - it was saved with one

    def scores(texts: Sequence[str]) -> Floats:
        return _scores(encoder.encode_documents(texts), arrays)

    return Contender(
        name=saved.name,
        family="adapter",
        tuned=True,
        answer=answering(scores, saved.settings),
        settings=saved.settings,
        arrays=arrays,
        rung="adapter",
        encoder=encoder,
    )


def _fitted(setting: Setting, encoder: Encoder) -> Contender:
    began = time.perf_counter()
    vectors, seen = (setting.vectors(encoder, p.texts) for p in (setting.train, setting.dev))
    head, settled, settings = fit_head(setting, vectors, seen)
    with one_thread():
        learned = _learned(setting, vectors, seen, head, settled)
    arrays, settled = learned or (head, settled)
    name = named("adapter", encoder, setting.encoders)
    saved = Saved(name, "adapter", {**settings, **settled.settings}, arrays, encoder)
    same = learned is None
    return replace(
        load(saved),
        notes=("no layer beat the linear heads on dev: these are those heads",) if same else (),
        same_as=named("linear", encoder, setting.encoders) if same else None,
        seconds=time.perf_counter() - began,
    )


def _learned(
    setting: Setting, vectors: Vectors, seen: Vectors, head: Arrays, start: Settled
) -> tuple[Arrays, Settled] | None:
    """The layer and heads that dev liked best on the way; None if that was the start."""
    import torch

    rows_of, labels = torch.from_numpy(np.asarray(vectors)), setting.train.labels
    truth = torch.from_numpy(labels.astype(np.float32))
    rng = np.random.default_rng(setting.seed)
    learned = _start(head, start, vectors.shape[1], rng)
    optimizer = torch.optim.AdamW(learned.values(), lr=_RATE, weight_decay=_DECAY)
    best, waited, kept = start.level, 0, None
    for step in range(1, _STEPS + 1):
        setting.progress("training an adapter", step, _STEPS)
        rows = torch.from_numpy(rng.integers(0, len(labels), min(_BATCH, len(labels))))
        chosen = rows_of[rows]
        mask = torch.from_numpy((rng.random(chosen.shape) >= _DROPPED).astype(np.float32))
        scores = _passed(chosen * mask / (1 - _DROPPED), learned)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(
            scores, truth[rows], reduction="sum"
        )
        optimizer.zero_grad()
        (loss / len(rows)).backward()  # type: ignore[no-untyped-call]  # torch annotates it not
        optimizer.step()
        if step % _LOOK == 0:
            arrays = {name: one.detach().numpy().copy() for name, one in learned.items()}
            settled = settle(setting, _scores(seen, arrays))
            waited = 0 if settled.level > best else waited + 1
            if settled.level > best:
                best, kept = settled.level, (arrays, settled)
            if waited == _PATIENCE:
                break
    return kept


def _start(head: Arrays, start: Settled, width: int, rng: np.random.Generator) -> dict[str, Any]:
    """The weights to learn: the heads as dev scaled them, and a layer that adds nothing yet."""
    import torch

    arrays = {
        "inward": rng.normal(0, width**-0.5, (width, _HIDDEN)).astype(np.float32),
        "outward": np.zeros((_HIDDEN, width), dtype=np.float32),
        "weights": (start.scale * head["weights"]).astype(np.float32),
        "bias": (start.scale * head["bias"] + start.shift).astype(np.float32),
    }
    return {name: torch.from_numpy(array).requires_grad_() for name, array in arrays.items()}


def _passed(vectors: Any, learned: Mapping[str, Any]) -> Any:
    import torch

    moved = vectors + torch.relu(vectors @ learned["inward"]) @ learned["outward"]
    return moved @ learned["weights"].T + learned["bias"]


def _scores(vectors: Vectors, arrays: Arrays) -> Floats:
    found = np.empty((len(vectors), len(arrays["bias"])))
    for begin in range(0, len(vectors), _ROWS):
        some = vectors[begin : begin + _ROWS]
        if "inward" in arrays:
            some = some + np.maximum(some @ arrays["inward"], 0) @ arrays["outward"]
        found[begin : begin + _ROWS] = scores_of(some, arrays)
    return found
