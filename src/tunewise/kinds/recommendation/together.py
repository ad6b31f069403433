"""`together`: items that the same users chose, by the cosine of who chose them.

Item-to-item collaborative filtering (Sarwar et al. 2001; Linden et al. 2003), its cosine shrunk
where few users tell of it: c_ij / (√(c_i · c_j) + shrinkage). Popularity decides between items
that go equally well, and comes after all that go at all.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from scipy.sparse import csr_array, vstack

from tunewise.kinds.kind import Arrays, Contender, Saved, Setting
from tunewise.kinds.recommendation.catalogue import (
    Floats,
    catalogue,
    restored,
    weighted,
)
from tunewise.kinds.recommendation.choosing import best
from tunewise.kinds.recommendation.part import Numbers, Part, Question
from tunewise.kinds.recommendation.popular import counted
from tunewise.rankings import Rankings

_SHRINKAGES = (0.0, 5.0, 20.0)
_DECAYS = (1.0, 0.9, 0.7, 0.4)
_NEIGHBOURS = 200  # kept of each item
_ROWS = 1024  # items looked at together
_POPULAR = 1e-3  # how much the most popular item counts beside the best neighbour's 1


def fit(setting: Setting, earlier: Sequence[Contender]) -> list[Contender]:
    """One contender, its shrinkage and its memory as dev likes them."""
    del earlier  # stands on nothing
    began = time.perf_counter()
    known, counts = catalogue(setting).arrays, counted(setting.train)

    def candidates() -> Iterator[Contender]:
        for shrinkage in _SHRINKAGES:
            near = _neighbours(setting.train, counts, shrinkage)
            arrays = {**known, "counts": counts, **near}
            for decay in _DECAYS:
                yield _contender(arrays, shrinkage, decay)

    return [replace(best(candidates(), setting), seconds=time.perf_counter() - began)]


def load(saved: Saved) -> Contender:
    """The same neighbours."""
    return _contender(saved.arrays, saved.settings["shrinkage"], saved.settings["decay"])


def _contender(arrays: Arrays, shrinkage: float, decay: float) -> Contender:
    known = restored(arrays)
    size = len(known.items)
    near = csr_array((arrays["cosines"], arrays["near"], arrays["near_starts"]), (size, size))
    counts = arrays["counts"].astype(np.float32)
    popular = np.where(counts > 0, _POPULAR * counts / max(1.0, counts.max()), -np.inf)

    def scored(had: csr_array, users: slice) -> Floats:
        del users  # what they had says it all
        scores = (had @ near).toarray()
        scores /= np.maximum(scores.max(axis=1, keepdims=True, initial=0), 1e-9)
        return np.asarray(scores + popular.astype(np.float32))

    def answer(question: Question) -> Rankings:
        return known.answer(scored, decay, question)

    settings = {"shrinkage": shrinkage, "decay": decay}
    return Contender("together", "together", False, answer, settings=settings, arrays=arrays)


def _neighbours(train: Part, counts: Numbers, shrinkage: float) -> Arrays:
    """Of each item the 200 nearest, by cosine of the users who chose them."""
    asked = train.question
    users = weighted(asked.starts[:-1], asked.starts[1:], asked.places, len(counts), 1.0)
    users.data[:] = 1.0
    by_item = users.T.tocsr()
    length = np.sqrt(np.maximum(counts, 1)).astype(np.float32)
    kept = []
    for begin in range(0, len(counts), _ROWS):
        both = (by_item[begin : begin + _ROWS] @ users).tocoo()
        row, place = both.row, both.col
        cosine = both.data / (length[row + begin] * length[place] + np.float32(shrinkage))
        other = row + begin != place
        kept.append(_nearest(row[other], place[other], cosine[other], both.shape))
    near = vstack(kept, format="csr") if kept else csr_array((0, 0), dtype=np.float32)
    return {"near_starts": near.indptr, "near": near.indices, "cosines": near.data}


def _nearest(row: Numbers, place: Numbers, cosine: Floats, shape: tuple[int, int]) -> csr_array:
    order = np.lexsort((place, -cosine, row))
    lengths = np.bincount(row, minlength=shape[0])
    first = np.concatenate([[0], np.cumsum(lengths)])[:-1]
    kept = order[np.arange(len(order)) - np.repeat(first, lengths) < _NEIGHBOURS]
    return csr_array((cosine[kept], (row[kept], place[kept])), shape=shape)
