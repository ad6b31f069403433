"""Groups of queries that belong together, and must stay on one side of a division.

Two queries belong together when they share a relevant document or near-duplicates of one, when
their texts are near-duplicates, or when the user gave them the same group key; what such pairs
connect is a group. Groups are what is divided and what the bootstrap draws.

Where queries have many relevant documents each, shared ones chain nearly all of them into one
group. Then queries belong together only when more than half of the documents relevant to either
are relevant to both ("loosely").
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tunewise.data.near import near_duplicates
from tunewise.errors import DataError
from tunewise.task import Task

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Numbers = NDArray[np.int64]
Tie = tuple[Numbers, Numbers]  # rows and keys, aligned: rows with equal keys belong together
_HUB = 100  # queries; a document relevant to more says nothing about which belong together


@dataclass(frozen=True)
class Links:
    """What ties queries to each other, aligned with `queries` (sorted ids of scorable ones).

    `relevant` (queries x documents) is 1 where relevant, near-duplicate documents counting as
    one; `texts` are equal for near-duplicate queries, `keys` for queries of one user's group.
    """

    queries: Sequence[str]
    relevant: "csr_array"
    texts: Numbers
    keys: Numbers


@dataclass(frozen=True)
class Grouping:
    """A group number for each row; `chained` is 0, or how many rows the strict ties joined."""

    labels: Numbers
    chained: int = 0

    @property
    def count(self) -> int:
        """How many groups there are."""
        return int(self.labels.max(initial=-1)) + 1

    @property
    def largest(self) -> int:
        """How many rows the largest group holds."""
        return int(np.bincount(self.labels).max(initial=0))


def fewest_groups(level: float = 0.95) -> int:
    """How many independent groups it takes before any difference can be significant.

    Even when all n groups agree, the sign-flip test gives p = 2 / 2**n; that must not exceed
    1 - level. At `level` 0.95 the answer is 6.

    >>> fewest_groups()
    6
    """
    groups = 1
    while 2 / 2**groups > 1 - level:
        groups += 1
    return groups


def scorable(task: Task) -> list[str]:
    """The ids of the queries with at least one relevant document, sorted.

    Raises DataError when there are none.
    """
    found = sorted(
        query
        for query, graded in task.judgments.items()
        if any(grade >= task.relevant_from for grade in graded.values())
    )
    if not found:
        raise DataError(
            f"No query has a document graded {task.relevant_from:g} or more, so nothing can be "
            "scored. Add judgments of relevant documents."
        )
    return found


def linked(task: Task, queries: Sequence[str]) -> Links:
    """What ties these queries of the task; each must have a relevant document."""
    from scipy.sparse import csr_array

    relevant = [
        [key for key, grade in task.judgments[query].items() if grade >= task.relevant_from]
        for query in queries
    ]
    documents = sorted({key for keys in relevant for key in keys})
    labels = near_duplicates([task.documents.text(key) for key in documents])
    label_of = dict(zip(documents, labels.tolist(), strict=True))
    pairs = sorted({(row, label_of[key]) for row, keys in enumerate(relevant) for key in keys})
    rows, columns = np.array(pairs, dtype=np.int64).T
    ones = np.ones(len(rows), dtype=np.int64)
    shape = (len(queries), len(documents))
    own = [task.groups.get(query, f"\x00{query}") for query in queries]
    return Links(
        queries,
        csr_array((ones, (rows, columns)), shape=shape),
        near_duplicates([task.queries.text(query) for query in queries]),
        np.unique(own, return_inverse=True)[1].astype(np.int64),
    )


def grouped(links: Links, rows: Numbers, most: float) -> Grouping:
    """Groups among these rows, places in `links.queries`.

    Strict ones, or loose ones where a strict one would hold more than the share `most` of the rows,
    or where there would be too few (`fewest_groups`), and being loose helps.
    """
    every = np.arange(len(rows))
    relevant = links.relevant[rows]
    ties = [(every, links.texts[rows]), (every, links.keys[rows])]
    strict = Grouping(connected(len(rows), [*ties, relevant.nonzero()]))
    if strict.largest <= most * len(rows) and strict.count >= fewest_groups():
        return strict
    loose = connected(len(rows), [*ties, _identical(relevant), _overlapping(relevant)])
    loosened = Grouping(loose, chained=strict.largest)
    return loosened if loosened.count > strict.count else strict


def connected(rows: int, ties: Sequence[Tie]) -> Numbers:
    """For each row the number, from 0, of what the ties connect."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    nodes, starts, ends = rows, [], []
    for tied, keys in ties:
        names, numbered = np.unique(keys, return_inverse=True)
        starts.append(tied)
        ends.append(numbered + nodes)
        nodes += len(names)
    edges = (np.concatenate(starts), np.concatenate(ends))
    graph = coo_array((np.ones(len(edges[0]), dtype=np.int8), edges), shape=(nodes, nodes))
    labels = connected_components(graph, directed=False)[1][:rows]
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)


def _identical(relevant: "csr_array") -> Tie:
    """Ties rows with the same relevant documents."""
    number: dict[bytes, int] = {}
    bounds = zip(relevant.indptr[:-1], relevant.indptr[1:], strict=True)
    sets = [np.sort(relevant.indices[begin:end]).tobytes() for begin, end in bounds]
    keys = [number.setdefault(each, len(number)) for each in sets]
    return np.arange(len(keys)), np.array(keys, dtype=np.int64)


def _overlapping(relevant: "csr_array") -> Tie:
    """Ties rows that share more than half of the documents relevant to either."""
    from scipy.sparse import triu

    sizes = relevant.sum(axis=1)
    specific = relevant[:, relevant.sum(axis=0) <= _HUB]
    shared = triu(specific @ specific.T, k=1).tocoo()
    either = sizes[shared.row] + sizes[shared.col] - shared.data
    pairs = np.flatnonzero(2 * shared.data > either)
    return np.concatenate([shared.row[pairs], shared.col[pairs]]), np.concatenate([pairs, pairs])
