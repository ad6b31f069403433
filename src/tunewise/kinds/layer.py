"""Layers: one between frozen vectors and a head, learned with it; and losses by torch."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np

from tunewise.kinds.kind import Arrays, Setting, Vectors
from tunewise.training.descent import Pace, descend

Kept = TypeVar("Kept")

RATE, PACE = 1e-3, Pace(steps=1500, between=25, patience=8)
_BATCH = 128
_HIDDEN, _DECAY, _DROPPED = 256, 0.05, 0.3  # of the layer


def slopes(weights: Arrays, loss: Callable[[Mapping[str, Any]], Any]) -> Callable[[], Arrays]:
    """Gradients of a loss of torch's by arrays, which it sees as tensors, whenever asked for."""
    import torch

    tensors = {name: torch.from_numpy(array).requires_grad_() for name, array in weights.items()}

    def gradients() -> Arrays:
        found = torch.autograd.grad(loss(tensors), list(tensors.values()))
        return {name: each.numpy() for name, each in zip(tensors, found, strict=True)}

    return gradients


def batch_of(units: int, rng: np.random.Generator) -> Any:
    """Places of the units in the next batch, for torch."""
    import torch

    return torch.from_numpy(rng.integers(0, units, min(_BATCH, units)))


def learn_layer(
    setting: Setting,
    vectors: Vectors,
    head: Arrays,
    loss: Callable[[Any, Any], Any],
    look: Callable[[Arrays], tuple[float, Kept]],
    *,
    best: float,
) -> Kept | None:
    """A layer between frozen vectors (n, d) and a head, learned with it.

    None if dev liked its start best: that adds nothing, with the `weights` and `bias` of `head`.
    `loss` is of the scores of a batch, and the places of its texts.
    """
    import torch

    rng, texts = np.random.default_rng(setting.seed), torch.from_numpy(np.asarray(vectors))
    weights = _started(head, vectors.shape[1], rng)

    def lost(learned: Mapping[str, Any]) -> Any:
        rows = batch_of(len(vectors), rng)
        chosen = texts[rows]
        mask = torch.from_numpy((rng.random(chosen.shape) >= _DROPPED).astype(np.float32))
        return loss(_passed(chosen * mask / (1 - _DROPPED), learned), rows)

    gradients, progress = slopes(weights, lost), setting.progress
    return descend(
        weights, gradients, look, best=best, pace=PACE, rate=RATE, progress=progress, decay=_DECAY
    )


def layered(vectors: Vectors, arrays: Arrays) -> Vectors:
    """Vectors (n, d) behind the layer, if there is one."""
    if "inward" not in arrays:
        return vectors
    return np.asarray(vectors + np.maximum(vectors @ arrays["inward"], 0) @ arrays["outward"])


def _started(head: Arrays, width: int, rng: np.random.Generator) -> Arrays:
    return {
        "inward": rng.normal(0, width**-0.5, (width, _HIDDEN)).astype(np.float32),
        "outward": np.zeros((_HIDDEN, width), dtype=np.float32),
        **{name: np.array(array, dtype=np.float32) for name, array in head.items()},
    }


def _passed(vectors: Any, learned: Mapping[str, Any]) -> Any:
    import torch

    moved = vectors + torch.relu(vectors @ learned["inward"]) @ learned["outward"]
    return moved @ learned["weights"].T + learned["bias"]
