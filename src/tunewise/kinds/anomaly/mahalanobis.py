"""`mahalanobis`: how far a vector is from the middle, in units of how normal ones spread there.

With the covariance shrunk as Ledoit and Wolf have it (2004, "A well-conditioned estimator for
large-dimensional covariance matrices"). Where normal texts have labels, dev says whether the middle
of the nearest label, and the spread within labels, tell more (Lee et al. 2018, "A simple unified
framework for detecting out-of-distribution samples").
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewise.encoders import Encoder
from tunewise.kinds.anomaly.alarms import best_of, with_alarms
from tunewise.kinds.anomaly.detector import MOST_KNOWN, drawn, on_vectors
from tunewise.kinds.kind import Arrays, Contender, Saved, Setting, Vectors, named

Floats = NDArray[np.float64]

_LEAST = 1e-12  # variance: where all vectors are one, every other is far


def fit(setting: Setting, earlier: Sequence[Contender]) -> list[Contender]:
    """One contender an encoder; none where there are no two normal texts."""
    del earlier  # stands on nothing
    if len(setting.train) < 2:
        return []
    return [_fitted(setting, encoder) for encoder in setting.encoders]


def load(saved: Saved) -> Contender:
    """The middles and what makes every direction count alike."""
    assert saved.encoder is not None  # noqa: S101 - it was saved with one
    return _contender(saved.name, saved.encoder, saved.settings, saved.arrays)


def _fitted(setting: Setting, encoder: Encoder) -> Contender:
    began = time.perf_counter()
    train = setting.train.sample(MOST_KNOWN, setting.seed)
    known = setting.vectors(encoder, train.texts)
    seen = setting.vectors(encoder, setting.dev.texts)
    labels = np.unique(train.labels, return_inverse=True)[1]
    ways = {"labels": labels, "one": np.zeros_like(labels)}  # the usual one first
    if not labels.any():
        del ways["labels"]
    fits = {way: _spread(known, which) for way, which in ways.items()}
    levels = [setting.level(_distances(seen, found), setting.dev) for found in fits.values()]
    way = best_of(list(fits), levels)
    found = _contender(
        named("mahalanobis", encoder, setting.encoders),
        encoder,
        {"middles": way},
        fits[way],
        notes=drawn(len(train)) if len(train) < len(setting.train) else (),
        seconds=time.perf_counter() - began,
    )
    return with_alarms(found, setting)


def _spread(known: Vectors, which: NDArray[np.int64]) -> dict[str, Vectors]:
    """Middles (c, d) of the vectors by which of c they belong to, and the whitening (d, d)."""
    from sklearn.covariance import ledoit_wolf

    counts = np.bincount(which)
    middles = np.zeros((len(counts), known.shape[1]))
    np.add.at(middles, which, known)
    middles /= counts[:, None]
    covariance, _ = ledoit_wolf(known - middles[which], assume_centered=True)
    variances, directions = np.linalg.eigh(covariance)
    whitening = directions / np.sqrt(np.maximum(variances, _LEAST))
    return {
        "middles": (middles @ whitening).astype(np.float32),
        "whitening": whitening.astype(np.float32),
    }


def _distances(vectors: Vectors, arrays: Arrays) -> Floats:
    """To the nearest middle, (n,)."""
    middles = arrays["middles"].astype(np.float64)
    white = vectors.astype(np.float64) @ arrays["whitening"]
    squares = (white**2).sum(axis=1)[:, None] + (middles**2).sum(axis=1) - 2 * white @ middles.T
    return np.asarray(np.sqrt(np.maximum(squares.min(axis=1), 0.0)))


def _contender(
    name: str, encoder: Encoder, settings: Mapping[str, Any], arrays: Arrays, **more: Any
) -> Contender:
    def oddness(vectors: Vectors) -> Floats:
        return _distances(vectors, arrays)

    return on_vectors(
        name, "mahalanobis", encoder, oddness, settings=settings, arrays=arrays, **more
    )
