"""Building an index over a table's vectors, and measuring what it finds."""

import time

import numpy as np
from numpy.typing import NDArray

from tunewise.collection.about import Built
from tunewise.collection.filters import one_of
from tunewise.collection.store import Table
from tunewise.progress import Progress, silent

ASKED = 100
"""Vectors that recall is measured with."""

_ENOUGH = 0.99  # recall that an index is asked thoroughly enough for
_K = 10
_NOISE = 1e-5  # of scores that two ways of adding up give


def build_table(
    table: Table, asked: NDArray[np.float32] | None, progress: Progress = silent
) -> Built | None:
    """An index over the table's vectors, and what it finds; None where none is needed.

    It is asked with query vectors (q, d); with None, with some of its own, drawn at random.
    """
    count = table.count()
    if count < table.index_from or not table.efforts:
        return None
    progress("indexing the vectors", 0, 0)
    began = time.perf_counter()
    table.build()
    seconds = time.perf_counter() - began
    kind, vectors = ("documents", _drawn(table)) if asked is None else ("queries", asked)
    progress("measuring what the index finds", 0, 0)
    recall, effort = 0.0, 0
    for effort in table.efforts:
        recall = _recall(table, effort, vectors)
        if recall >= _ENOUGH:
            break
    return Built(count, effort, recall, f"{len(vectors)} {kind}", seconds)


def _drawn(table: Table) -> NDArray[np.float32]:
    ids = table.ids()
    drawn = np.random.default_rng(0).choice(len(ids), min(ASKED, len(ids)), replace=False)
    rows = table.rows(one_of("id", [ids[place] for place in drawn]), vectors=True)
    return np.stack([row.vector for row in rows if row.vector is not None])


def _recall(table: Table, effort: int, asked: NDArray[np.float32]) -> float:
    """The share of the ten exactly nearest that are found so, by score: ties are as good."""
    shares = []
    for vector in asked:
        truth = [score for _, score in table.nearest(vector, _K)]
        found = [score for _, score in table.nearest(vector, _K, effort=effort)]
        shares.append(sum(score >= truth[-1] - _NOISE for score in found) / len(truth))
    return float(np.mean(shares))
