"""`adapter`: a linear map learned from the labels of train, so that groups lie apart; then k-means.

Distances are measured by (1 - a)·I + a·M: M weighs each direction by how much labels differ along
it, next to how much texts of one label do (probabilistic linear discriminant analysis: Ioffe 2006,
with the spread within labels shrunk to a sphere). At a = 0 that is the base, so it starts there,
and dev says how far it goes. A map that tells known labels apart also serves groups without any.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tunewise.encoders import Encoder
from tunewise.kinds.clustering import grouping
from tunewise.kinds.clustering.grouping import Space, middles, moved, nearest, sample
from tunewise.kinds.clustering.kmeans import base_of, grouped
from tunewise.kinds.clustering.texts import has_gold
from tunewise.kinds.clustering.words import unit
from tunewise.kinds.kind import Contender, Saved, Setting, Vectors, named

Floats = NDArray[np.float64]

_SHRINKAGES = (0.01, 0.1, 1.0)  # of the spread within labels, in shares of its mean
_WAYS = (0.3, 0.6, 1.0)  # how far from the base


def fit(setting: Setting, earlier: Sequence[Contender]) -> list[Contender]:
    """One contender an encoder; none without a dev part, or two labels of which one has two texts.

    A label that is not told (-1) teaches nothing; its text is grouped all the same.
    """
    labels = setting.train.labels[setting.train.labels >= 0]
    sizes = np.unique(labels, return_counts=True)[1]
    if not has_gold(setting.train) or not len(setting.dev) or len(sizes) < 2 or sizes.max() < 2:
        return []
    return [_fitted(setting, encoder, earlier) for encoder in setting.encoders]


def load(saved: Saved) -> Contender:
    """The map, and the groups it led to."""
    return replace(grouping.load(saved), tuned=True, rung="adapter")


def _fitted(setting: Setting, encoder: Encoder, earlier: Sequence[Contender]) -> Contender:
    began = time.perf_counter()
    base = base_of(setting, encoder, earlier)
    space = Space(encoder, map=_best(setting, encoder, base))
    name = named("adapter", encoder, setting.encoders)
    found = grouped(setting, name, "adapter", space, [base])
    better = _level(found, setting) > _level(base, setting)
    seconds = time.perf_counter() - began
    if better:
        return replace(found, tuned=True, rung="adapter", seconds=seconds)
    return replace(
        base,
        name=name,
        family="adapter",
        tuned=True,
        rung="adapter",
        plain=False,
        notes=("no map beat the frozen vectors on dev: this is k-means on them",),
        same_as=base.name,
        seconds=seconds,
    )


def _level(contender: Contender, setting: Setting) -> float:
    return setting.level(contender.answer(setting.dev.texts), setting.dev)


def _best(setting: Setting, encoder: Encoder, base: Contender) -> NDArray[np.float32]:
    """The map dev likes best, each tried from the base's groups on a sample of the texts."""
    train, dev, found = setting.train, setting.dev, []
    vectors, seen = (setting.vectors(encoder, part.texts) for part in (train, dev))
    told = train.labels >= 0
    some = sample(vectors, setting.seed)
    start = nearest(some, base.arrays["points"], base.arrays["groups"])
    for tried in _maps(vectors[told].astype(np.float64), train.labels[told]):
        rows = unit(some @ tried)
        points = moved(rows, middles(rows, start), seed=setting.seed)
        found.append((setting.level(nearest(unit(seen @ tried), points), dev), tried))
    return max(found, key=lambda one: one[0])[1]


def _maps(rows: Floats, labels: NDArray[np.int64]) -> Iterator[Vectors]:
    """Maps (d, d) to try, the nearest to the identity first."""
    from scipy.linalg import eigh

    _, own, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    means = np.zeros((len(sizes), rows.shape[1]))
    np.add.at(means, own, rows)
    means /= sizes[:, None]
    rest, off = rows - means[own], (means - rows.mean(axis=0)) * np.sqrt(sizes / len(rows))[:, None]
    within, between = rest.T @ rest / len(rows), off.T @ off
    sphere = np.eye(len(within))
    spread = max(float(np.trace(within)) / len(within), 1e-6)
    metrics = []
    for shrinkage in _SHRINKAGES:
        apart, directions = eigh(between, within + shrinkage * spread * sphere)
        apart = np.maximum(apart, 0)
        metric = (directions * (apart / (1 + apart))) @ directions.T
        metrics.append(metric * len(metric) / max(float(np.trace(metric)), 1e-12))
    for way in _WAYS:
        yield from (_root((1 - way) * sphere + way * metric) for metric in metrics)


def _root(metric: Floats) -> Vectors:
    """The symmetric map after which plain distances are those of the metric."""
    values, directions = np.linalg.eigh(metric)
    root = (directions * np.sqrt(np.maximum(values, 0))) @ directions.T
    return np.asarray(root, dtype=np.float32)
