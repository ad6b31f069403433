"""`density`: groups are where texts lie close, as many as there are (HDBSCAN: Campello 2013).

In many dimensions nothing lies close, so the vectors' main components are looked at. Texts between
the groups are in none of them, or go to the nearest, whichever dev prefers. A new text goes where
the nearest text went.
"""

import time
from collections.abc import Sequence

import numpy as np

from tunewise.encoders import Encoder
from tunewise.kinds.clustering.grouping import Numbers, Space, fitted, load, nearest, sample
from tunewise.kinds.kind import Contender, Setting, Vectors, named

__all__ = ["fit", "load"]

_SMALLEST = (5, 10, 20)  # texts that make a group
_NEIGHBOURS = 5  # that must be close
_COMPONENTS = 40


def fit(setting: Setting, earlier: Sequence[Contender]) -> list[Contender]:
    """One contender an encoder; none where no texts lie closer than others."""
    del earlier  # it finds its own number of groups
    found = [_fitted(setting, encoder) for encoder in setting.encoders]
    return [one for one in found if one is not None]


def _fitted(setting: Setting, encoder: Encoder) -> Contender | None:
    began = time.perf_counter()
    vectors = setting.vectors(encoder, setting.train.texts)
    space = Space(encoder, map=_components(sample(vectors, setting.seed)))
    rows = sample(space.rows(setting.train.texts), setting.seed)
    seen, tried = space.rows(setting.dev.texts), []
    for smallest in (size for size in _SMALLEST if 2 * size <= len(rows)):
        groups = _close(rows, smallest)
        inside = groups >= 0
        if len(np.unique(groups[inside])) < 2:
            continue
        for points, own, stay in ((rows[inside], groups[inside], False), (rows, groups, True)):
            level = setting.level(nearest(seen, points, own), setting.dev)
            tried.append((level, {"smallest": smallest, "stay out": stay}, points, own))
    if not tried:
        return None
    _, told, points, own = max(tried, key=lambda one: one[0])
    name = named("density", encoder, setting.encoders)
    return fitted(setting, name, "density", space, points, groups=own, settings=told, began=began)


def _components(rows: Vectors) -> Vectors:
    """The directions (d, k) in which rows are longest together."""
    _, directions = np.linalg.eigh(rows.T.astype(np.float64) @ rows)
    return np.ascontiguousarray(directions[:, ::-1][:, :_COMPONENTS], dtype=np.float32)


def _close(rows: Vectors, smallest: int) -> Numbers:
    from sklearn.cluster import HDBSCAN

    model = HDBSCAN(min_cluster_size=smallest, min_samples=min(_NEIGHBOURS, smallest), copy=True)
    return np.asarray(model.fit(rows).labels_, dtype=np.int64)
