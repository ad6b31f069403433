"""`adapter`: a small layer learned between frozen vectors and the heads, both at once.

It starts as the linear heads (the layer adds nothing at first) and learns by the log loss of all
labels; dev says when to stop. Where dev likes the start best, it is the linear contender.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tunewise.encoders import Encoder
from tunewise.encoders.threads import one_thread
from tunewise.kinds.kind import Arrays, Contender, Saved, Setting, Vectors, named
from tunewise.kinds.layer import layered, learn_layer
from tunewise.kinds.multilabel.answers import Floats
from tunewise.kinds.multilabel.heads import Settled, answering, fit_head, scores_of, settle

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

    truth = torch.from_numpy(setting.train.labels.astype(np.float32))
    scaled = {  # the heads as dev scaled them
        "weights": (start.scale * head["weights"]).astype(np.float32),
        "bias": (start.scale * head["bias"] + start.shift).astype(np.float32),
    }

    def loss(scores: Any, rows: Any) -> Any:
        given = torch.nn.functional.binary_cross_entropy_with_logits
        return given(scores, truth[rows], reduction="sum") / len(rows)

    def look(arrays: Arrays) -> tuple[float, tuple[Arrays, Settled]]:
        settled = settle(setting, _scores(seen, arrays))
        return settled.level, (arrays, settled)

    return learn_layer(setting, vectors, scaled, loss, look, best=start.level)


def _scores(vectors: Vectors, arrays: Arrays) -> Floats:
    found = np.empty((len(vectors), len(arrays["bias"])))
    for begin in range(0, len(vectors), _ROWS):
        some = layered(vectors[begin : begin + _ROWS], arrays)
        found[begin : begin + _ROWS] = scores_of(some, arrays)
    return found
