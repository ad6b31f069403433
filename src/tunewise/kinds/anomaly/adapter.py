"""`adapter`: a map of frozen vectors under which normal texts of one label lie together.

It learns from the labels of normal texts alone, by softmax over the cosines to the labels' middles
(Snell et al. 2017, "Prototypical networks"), and then asks for the nearest normal texts as
`neighbours` does. It starts as no map at all; dev says when to stop. Where dev likes the start best
it is `neighbours`, and says so.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewise.encoders import Encoder
from tunewise.encoders.vectors import unit
from tunewise.kinds.anomaly.alarms import with_alarms
from tunewise.kinds.anomaly.detector import MOST_KNOWN, on_vectors
from tunewise.kinds.anomaly.neighbours import chosen_count, distances
from tunewise.kinds.kind import Arrays, Contender, Saved, Setting, Vectors, named
from tunewise.training.contrast import Contrast, contrastive_loss
from tunewise.training.descent import Pace, descend

Floats = NDArray[np.float64]

_PACE = Pace(steps=400, between=20, patience=5)
_BATCH, _RATE, _TEMPERATURE = 256, 3e-3, 0.1
_MOST_LOOKED = 5_000  # normal texts that a look on the way is taken at
_MOST_ASKED = 750  # odd texts of dev that it asks, and as many normal ones
_NOTE = "no map of the vectors does better on dev than none: these are the neighbours"


def fit(setting: Setting, earlier: Sequence[Contender]) -> list[Contender]:
    """One contender an encoder.

    None where dev has no odd text to stop on, or its normal texts no two labels.
    """
    del earlier  # its start is fitted anew: it may be asked for alone
    labels = set(setting.dev.normal.labels.tolist()) - {-1}
    if not setting.dev.odd.any() or len(labels) < 2:
        return []
    return [_fitted(setting, encoder) for encoder in setting.encoders]


def load(saved: Saved) -> Contender:
    """The map, and the normal texts' vectors under it."""
    assert saved.encoder is not None  # noqa: S101 - it was saved with one
    return _contender(saved.name, saved.encoder, saved.settings, saved.arrays)


def _fitted(setting: Setting, encoder: Encoder) -> Contender:
    began = time.perf_counter()
    train = setting.train.sample(MOST_KNOWN, setting.seed)
    known = setting.vectors(encoder, train.texts)
    seen = setting.vectors(encoder, setting.dev.texts)
    arrays, count, level = _judged(setting, {"known": known}, seen)
    same: str | None = named("neighbours", encoder, setting.encoders)
    offset = _learned(setting, known, train.labels, seen, count)
    if offset is not None:
        moved = {"offset": offset, "known": mapped(known, offset)}
        found, other, reached = _judged(setting, moved, seen)
        if reached > level:
            arrays, count, same = found, other, None
    made = _contender(
        named("adapter", encoder, setting.encoders),
        encoder,
        {"count": count},
        arrays,
        notes=(_NOTE,) if same else (),
        seconds=time.perf_counter() - began,
        same_as=same,
    )
    return with_alarms(made, setting)


def _judged(setting: Setting, arrays: Arrays, seen: Vectors) -> tuple[Arrays, int, float]:
    """The arrays, the number of neighbours that dev likes with them, and its level then."""
    asked = mapped(seen, arrays["offset"]) if "offset" in arrays else seen
    count = chosen_count(setting, arrays["known"], asked)
    level = setting.level(distances(asked, arrays["known"], count), setting.dev)
    return arrays, count, level


def _learned(
    setting: Setting, known: Vectors, labels: NDArray[np.int64], seen: Vectors, count: int
) -> Vectors | None:
    """The offset (d, d) from no map that dev liked best on the way; None if that was none."""
    told = np.flatnonzero(labels >= 0)
    which = np.unique(labels[told], return_inverse=True)[1].astype(np.int64)
    if which.max(initial=0) < 1:
        return None
    rng = np.random.default_rng(setting.seed)
    view = _Look(setting, known, seen, count, rng)
    vectors, middles = known[told], _middles(known[told], which)
    offset = np.zeros((known.shape[1], known.shape[1]), dtype=np.float32)

    def gradients() -> Arrays:
        rows = rng.integers(0, len(told), min(_BATCH, len(told)))
        contrast = Contrast(vectors[rows], middles, which[rows])
        _, (by_ours, by_theirs) = contrastive_loss(contrast, offset, offset, _TEMPERATURE)
        return {"offset": by_ours + by_theirs}

    def look(learned: Arrays) -> tuple[float, Vectors]:
        return view.level(learned["offset"]), learned["offset"]

    return descend(
        {"offset": offset},
        gradients,
        look,
        best=view.level(None),
        pace=_PACE,
        rate=_RATE,
        progress=setting.progress,
    )


class _Look:
    """Dev seen through a map as it is learned: a part of it, where there is much."""

    def __init__(
        self,
        setting: Setting,
        known: Vectors,
        seen: Vectors,
        count: int,
        rng: np.random.Generator,
    ) -> None:
        odd = setting.dev.odd
        sides = [rng.permutation(np.flatnonzero(side))[:_MOST_ASKED] for side in (odd, ~odd)]
        few = np.sort(np.concatenate(sides))
        self._setting, self._dev, self._seen = setting, setting.dev.among(few), seen[few]
        self._known = known[np.sort(rng.permutation(len(known))[:_MOST_LOOKED])]
        self._count = min(count, len(self._known))

    def level(self, offset: Vectors | None) -> float:
        """How well odd texts are told under the map."""
        asked, known = (mapped(v, offset) for v in (self._seen, self._known))
        return self._setting.level(distances(asked, known, self._count), self._dev)


def _middles(vectors: Vectors, which: NDArray[np.int64]) -> Vectors:
    sums = np.zeros((int(which.max()) + 1, vectors.shape[1]))
    np.add.at(sums, which, vectors)
    return np.asarray(sums / np.bincount(which)[:, None], dtype=np.float32)


def mapped(vectors: Vectors, offset: Vectors | None) -> Vectors:
    """Unit vectors (n, d) under the map of this offset; None leaves them as they are."""
    if offset is None:
        return vectors
    return unit(vectors + vectors @ offset)


def _contender(
    name: str, encoder: Encoder, settings: Mapping[str, Any], arrays: Arrays, **more: Any
) -> Contender:
    def oddness(vectors: Vectors) -> Floats:
        asked = mapped(vectors, arrays.get("offset"))
        return distances(asked, arrays["known"], settings["count"])

    return on_vectors(
        name,
        "adapter",
        encoder,
        oddness,
        settings=settings,
        arrays=arrays,
        tuned=True,
        rung="adapter",
        bytes_each=4 * encoder.dimension,
        **more,
    )
