"""`forest`: how few random cuts set a vector apart (isolation forest), on frozen vectors.

scikit-learn grows the trees (Liu et al. 2008, "Isolation forest"); their nodes are kept as arrays,
and a text goes down them as it does there.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewise.encoders import Encoder
from tunewise.kinds.anomaly.alarms import with_alarms
from tunewise.kinds.anomaly.detector import MOST_KNOWN, on_vectors
from tunewise.kinds.kind import Arrays, Contender, Saved, Setting, Vectors, named

Floats = NDArray[np.float64]

_TREES, _EACH = 200, 256  # trees, and texts that one is grown from
_EULER = 0.5772156649015329
_ROWS = 1024  # texts that go down together


def fit(setting: Setting, earlier: Sequence[Contender]) -> list[Contender]:
    """One contender an encoder; none where there are no two normal texts."""
    del earlier  # stands on nothing
    if len(setting.train) < 2:
        return []
    return [_fitted(setting, encoder) for encoder in setting.encoders]


def load(saved: Saved) -> Contender:
    """The trees."""
    assert saved.encoder is not None  # noqa: S101 - it was saved with one
    return _contender(saved.name, saved.encoder, saved.settings, saved.arrays)


def _fitted(setting: Setting, encoder: Encoder) -> Contender:
    from sklearn.ensemble import IsolationForest

    began = time.perf_counter()
    known = setting.vectors(encoder, setting.train.sample(MOST_KNOWN, setting.seed).texts)
    each = min(_EACH, len(known))
    grown = IsolationForest(n_estimators=_TREES, max_samples=each, random_state=setting.seed)
    grown.fit(known)
    arrays = _nodes([tree.tree_ for tree in grown.estimators_])
    found = _contender(
        named("forest", encoder, setting.encoders),
        encoder,
        {"each": each},
        arrays,
        seconds=time.perf_counter() - began,
    )
    return with_alarms(found, setting)


def _nodes(trees: Sequence[Any]) -> Arrays:
    """All nodes of all trees, one after another.

    `feature` and `cut` say what goes left, `left` and `right` where to; a leaf leads to itself.
    `length` is how far a leaf is from its root, with what the texts left in it would add; `roots`
    are where the trees begin.
    """
    columns: dict[str, list[NDArray[Any]]] = {}
    begin, roots = 0, []
    for tree in trees:
        own, leaf = np.arange(tree.node_count), tree.children_left < 0
        depth = np.zeros(tree.node_count)
        for node in np.flatnonzero(~leaf):  # parents stand before their children
            depth[[tree.children_left[node], tree.children_right[node]]] = depth[node] + 1
        for name, values in (
            ("feature", np.maximum(tree.feature, 0).astype(np.int32)),
            ("cut", tree.threshold),
            ("left", (np.where(leaf, own, tree.children_left) + begin).astype(np.int32)),
            ("right", (np.where(leaf, own, tree.children_right) + begin).astype(np.int32)),
            ("length", depth + _expected(tree.n_node_samples)),
        ):
            columns.setdefault(name, []).append(values)
        roots.append(begin)
        begin += tree.node_count
    found = {name: np.concatenate(values) for name, values in columns.items()}
    return {**found, "roots": np.array(roots, dtype=np.int32)}


def _expected(texts: NDArray[np.int64]) -> Floats:
    """How many cuts it takes on average to set one of so many texts apart."""
    many = np.maximum(texts, 3)
    found = 2 * (np.log(many - 1) + _EULER) - 2 * (many - 1) / many
    return np.asarray(np.where(texts > 2, found, texts == 2), dtype=np.float64)


def _oddness(vectors: Vectors, arrays: Arrays, each: int) -> Floats:
    """2 to the power of minus the mean length over what is to be expected, (n,)."""
    found = np.empty(len(vectors))
    usual = max(float(_expected(np.array([each]))[0]), 1e-9)
    for begin in range(0, len(vectors), _ROWS):
        some = vectors[begin : begin + _ROWS]
        rows, nodes = np.arange(len(some))[:, None], np.tile(arrays["roots"], (len(some), 1))
        moved = True
        while moved:
            left = some[rows, arrays["feature"][nodes]] <= arrays["cut"][nodes]
            below = np.where(left, arrays["left"][nodes], arrays["right"][nodes])
            moved, nodes = bool((below != nodes).any()), below
        found[begin : begin + _ROWS] = 2.0 ** -(arrays["length"][nodes].mean(axis=1) / usual)
    return found


def _contender(
    name: str, encoder: Encoder, settings: Mapping[str, Any], arrays: Arrays, **more: Any
) -> Contender:
    def oddness(vectors: Vectors) -> Floats:
        return _oddness(vectors, arrays, settings["each"])

    return on_vectors(name, "forest", encoder, oddness, settings=settings, arrays=arrays, **more)
