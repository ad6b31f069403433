"""Nearest vectors, exactly, in bounded memory: places and dot products, without rounding."""

import numpy as np
from numpy.typing import NDArray

from tunewise.kinds.kind import Vectors
from tunewise.retrieval.dense import blocks

Floats = NDArray[np.float64]
Places = NDArray[np.int64]

_ROWS = 512  # with a block of 16,384 known vectors: 32 MB of dot products


def nearest(
    asked: Vectors, known: Vectors, count: int, *, themselves: bool = False
) -> tuple[Places, Vectors]:
    """The `count` known vectors with the largest dot product, best first: places and products.

    Both are (n, count), or as many columns as there are known vectors. `themselves`: what is asked
    is what is known, and no vector counts as near itself.
    """
    count = min(count, len(known) - themselves)
    places = np.empty((len(asked), count), dtype=np.int64)
    products = np.empty((len(asked), count), dtype=np.float32)
    for first, some in blocks(asked, _ROWS):
        rows = slice(first, first + len(some))
        best = np.full((len(some), 0), 0, dtype=np.int64), np.empty((len(some), 0), np.float32)
        for begin, block in blocks(known):
            found = some @ block.T
            if themselves:
                own = np.arange(max(first, begin), min(first + len(some), begin + len(block)))
                found[own - first, own - begin] = -np.inf
            best = _merged(best, found, begin, count)
        places[rows], products[rows] = _sorted(*best)
    return places, products


def _merged(
    best: tuple[Places, Vectors], found: Vectors, begin: int, count: int
) -> tuple[Places, Vectors]:
    """The best of those so far and of a block of further ones that starts at `begin`."""
    near = _top(found, count)
    places = np.hstack([best[0], near + begin])
    products = np.hstack([best[1], np.take_along_axis(found, near, axis=1)])
    kept = _top(products, count)
    return np.take_along_axis(places, kept, axis=1), np.take_along_axis(products, kept, axis=1)


def _top(products: Vectors, count: int) -> Places:
    if products.shape[1] <= count:
        return np.broadcast_to(np.arange(products.shape[1]), products.shape)
    return np.argpartition(products, -count, axis=1)[:, -count:]


def _sorted(places: Places, products: Vectors) -> tuple[Places, Vectors]:
    order = np.argsort(-products, axis=1, kind="stable")
    return np.take_along_axis(places, order, axis=1), np.take_along_axis(products, order, axis=1)
