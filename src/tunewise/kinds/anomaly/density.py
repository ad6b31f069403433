"""`density`: how much thinner normal texts lie around a text than around its neighbours.

The local outlier factor (Breunig et al. 2000, "LOF: identifying density-based local outliers"), on
frozen vectors and their distances, with the numbers of scikit-learn's LocalOutlierFactor for texts
it has not seen; computed here from arrays, so that it can be kept. What says nearly the same counts
once: said ten times it would look like the densest place there is.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewise.encoders import Encoder
from tunewise.kinds.anomaly.alarms import best_of, with_alarms
from tunewise.kinds.anomaly.detector import MOST_KNOWN, drawn, on_vectors
from tunewise.kinds.anomaly.examples import MarkedTexts
from tunewise.kinds.anomaly.nearest import nearest
from tunewise.kinds.kind import Arrays, Contender, Saved, Setting, Vectors, named

Floats = NDArray[np.float64]

_COUNTS = (20, 10, 40)  # the usual one first: it is taken where dev cannot tell
_MOST = 20_000  # normal texts; all of them are compared with each other
_NEAR = 1e-3  # no mean distance counts as less: 32-bit cosines tell no shorter ones apart


def fit(setting: Setting, earlier: Sequence[Contender]) -> list[Contender]:
    """One contender an encoder; none where there are no three different normal texts."""
    del earlier  # stands on nothing
    train = setting.train.sample(MOST_KNOWN, setting.seed).first_of_each_group
    if len(train) < 3:
        return []
    return [_fitted(setting, encoder, train.sample(_MOST, setting.seed)) for encoder in
            setting.encoders]  # fmt: skip


def load(saved: Saved) -> Contender:
    """The normal texts' vectors, how far each reaches and how densely it lies."""
    assert saved.encoder is not None  # noqa: S101 - it was saved with one
    return _contender(saved.name, saved.encoder, saved.settings, saved.arrays)


def _fitted(setting: Setting, encoder: Encoder, train: MarkedTexts) -> Contender:
    began = time.perf_counter()
    known = setting.vectors(encoder, train.texts)
    seen = setting.vectors(encoder, setting.dev.texts)
    counts = [count for count in _COUNTS if count < len(known)] or [len(known) - 1]
    among, products = nearest(known, known, max(counts), themselves=True)
    far = _distances(known, known, among, products)
    fits = [_arrays(known, among[:, :count], far[:, :count]) for count in counts]
    levels = [
        setting.level(_factors(seen, arrays, count), setting.dev)
        for arrays, count in zip(fits, counts, strict=True)
    ]
    count, arrays = best_of(list(zip(counts, fits, strict=True)), levels)
    found = _contender(
        named("density", encoder, setting.encoders),
        encoder,
        {"count": count},
        arrays,
        notes=drawn(len(known)) if len(train) == _MOST else (),
        seconds=time.perf_counter() - began,
    )
    return with_alarms(found, setting)


def _arrays(known: Vectors, among: NDArray[np.int64], far: Floats) -> Arrays:
    """What is kept: vectors (m, d), the distance each reaches (m,) and its density (m,)."""
    reach = far[:, -1]
    return {"known": known, "reach": reach, "dense": _density(far, reach[among])}


def _density(far: Floats, reach: Floats) -> Floats:
    """One over the mean distance to neighbours (n, k), none being less than they reach."""
    return np.asarray(1.0 / np.maximum(np.maximum(far, reach).mean(axis=1), _NEAR))


def _distances(
    asked: Vectors, known: Vectors, places: NDArray[np.int64], products: Vectors
) -> Floats:
    """Euclidean distances (n, k) from dot products; a text without words has no unit length."""
    ours, theirs = ((v.astype(np.float64) ** 2).sum(axis=1) for v in (asked, known))
    return np.asarray(np.sqrt(np.maximum(ours[:, None] + theirs[places] - 2 * products, 0.0)))


def _factors(vectors: Vectors, arrays: Arrays, count: int) -> Floats:
    """The local outlier factor of each vector, (n,); about 1 for what lies among the others."""
    places, products = nearest(vectors, arrays["known"], count)
    far = _distances(vectors, arrays["known"], places, products)
    own = _density(far, arrays["reach"][places])
    return np.asarray(arrays["dense"][places].mean(axis=1) / own)


def _contender(
    name: str, encoder: Encoder, settings: Mapping[str, Any], arrays: Arrays, **more: Any
) -> Contender:
    def oddness(vectors: Vectors) -> Floats:
        return _factors(vectors, arrays, settings["count"])

    return on_vectors(
        name,
        "density",
        encoder,
        oddness,
        settings=settings,
        arrays=arrays,
        bytes_each=4 * encoder.dimension,
        **more,
    )
