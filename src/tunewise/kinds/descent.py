"""Descent: weights learned batch by batch, until dev has not liked any better for a while."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np

from tunewise.kinds.kind import Arrays, Setting, Vectors

Kept = TypeVar("Kept")

_RATE = 1e-3
_BATCH = 128
_HIDDEN, _DECAY, _DROPPED = 256, 0.05, 0.3  # of the layer


def descend(
    weights: Mapping[str, Any],
    loss: Callable[[], Any],
    look: Callable[[Arrays], tuple[float, Kept]],
    *,
    best: float,
    setting: Setting,
    decay: float = 0.0,
    pace: tuple[int, int, int] = (1500, 25, 8),
) -> Kept | None:
    """What `look` made of the weights that dev liked best on the way; None if that was the start.

    `weights` are torch's, `loss` is of the next batch, `look` says how dev likes weights as they
    are then, and `best` how it likes those to begin with. `pace` is steps at most, steps between
    two looks, and how many looks in a row may be in vain.
    """
    import torch

    optimizer = torch.optim.AdamW(list(weights.values()), lr=_RATE, weight_decay=decay)
    (steps, between, patience), waited, kept = pace, 0, None
    for step in range(1, steps + 1):
        setting.progress("training an adapter", step, steps)
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()
        if step % between == 0:
            level, found = look({n: one.detach().numpy().copy() for n, one in weights.items()})
            waited = 0 if level > best else waited + 1
            if level > best:
                best, kept = level, found
            if waited == patience:
                break
    return kept


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
    """A layer between frozen vectors (n, d) and a head, learned with it; as `descend` gives it.

    It begins as one that adds nothing, with the `weights` and the `bias` of `head`. `loss` is of
    the scores of a batch, and the places of its texts.
    """
    import torch

    rng, texts = np.random.default_rng(setting.seed), torch.from_numpy(np.asarray(vectors))
    learned = _started(head, vectors.shape[1], rng)

    def lost() -> Any:
        rows = batch_of(len(vectors), rng)
        chosen = texts[rows]
        mask = torch.from_numpy((rng.random(chosen.shape) >= _DROPPED).astype(np.float32))
        return loss(_passed(chosen * mask / (1 - _DROPPED), learned), rows)

    return descend(learned, lost, look, best=best, setting=setting, decay=_DECAY)


def layered(vectors: Vectors, arrays: Arrays) -> Vectors:
    """Vectors (n, d) behind the layer, if there is one."""
    if "inward" not in arrays:
        return vectors
    return np.asarray(vectors + np.maximum(vectors @ arrays["inward"], 0) @ arrays["outward"])


def _started(head: Arrays, width: int, rng: np.random.Generator) -> dict[str, Any]:
    import torch

    arrays = {
        "inward": rng.normal(0, width**-0.5, (width, _HIDDEN)).astype(np.float32),
        "outward": np.zeros((_HIDDEN, width), dtype=np.float32),
        **head,
    }
    return {name: torch.from_numpy(array.copy()).requires_grad_() for name, array in arrays.items()}


def _passed(vectors: Any, learned: Mapping[str, Any]) -> Any:
    import torch

    moved = vectors + torch.relu(vectors @ learned["inward"]) @ learned["outward"]
    return moved @ learned["weights"].T + learned["bias"]
