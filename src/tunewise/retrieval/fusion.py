"""Two rankings made into one: weighted scores, or reciprocal ranks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tunewise.errors import OptionError
from tunewise.rankings import Rankings

METHODS = ("zscore", "minmax", "rrf")  # first what did best in benchmarks/lexical.md
_RRF_K = 60  # as in the paper


def fuse(first: Rankings, second: Rankings, *, weight: float, method: str = "zscore") -> Rankings:
    """One ranking: `weight` times the first's scores plus `1 - weight` times the second's.

    `method` says how scores are made comparable, query by query: `zscore` gives each list mean 0
    and deviation 1, `minmax` puts it between 0 and 1, `rrf` replaces scores by 1/(60 + rank)
    (Cormack, Clarke and Büttcher 2009; tied documents share their middle rank). A document that
    one list lacks counts there as that list's last one (with `rrf` as nothing).

    Raises OptionError for a weight outside 0 … 1, an unknown method, or rankings of
    different queries or documents.

    >>> from tunewise.rankings import collect
    >>> a = collect(["q"], ["x", "y"], [(np.array([0]), np.array([3.0], dtype=np.float32))])
    >>> b = collect(["q"], ["x", "y"], [(np.array([0, 1]), np.array([0.2, 0.9], "float32"))])
    >>> fuse(a, b, weight=0.4, method="minmax").best(0, 2)
    [('y', 0.6000000238418579), ('x', 0.4000000059604645)]
    """
    _check(weight, method)
    pair = align(first, second)
    return weigh(pair, comparable(pair, method), weight)


@dataclass(frozen=True)
class Pair:
    """Two rankings side by side: entry i is document `places[i]` for query `queries[i]`.

    Entries go by query, then place. `slots` says, for each ranking, where its entries are.
    """

    rankings: tuple[Rankings, Rankings]
    queries: NDArray[np.int64]
    places: NDArray[np.int64]
    slots: tuple[NDArray[np.int64], NDArray[np.int64]]


def align(first: Rankings, second: Rankings) -> Pair:
    """The rankings side by side; OptionError if they are of different queries or documents."""
    _check_same(first, second)
    size = max(len(first.document_ids), 1)
    keys = [_queries(ranked) * size + ranked.documents for ranked in (first, second)]
    together = np.sort(np.concatenate(keys))  # np.unique hashes, which is six times as slow here
    union = together[np.diff(together, prepend=-1) > 0]
    slots = (np.searchsorted(union, keys[0]), np.searchsorted(union, keys[1]))
    return Pair((first, second), union // size, union % size, slots)


def comparable(pair: Pair, method: str) -> NDArray[np.float64]:
    """The comparable score of each entry in each ranking, (2, entries)."""
    values = np.empty((2, len(pair.queries)))
    for side, (ranked, slots) in enumerate(zip(pair.rankings, pair.slots, strict=True)):
        found, floors = _comparable(ranked, method)
        values[side] = floors[pair.queries]
        values[side, slots] = found
    return values


def weigh(pair: Pair, values: NDArray[np.float64], weight: float) -> Rankings:
    """One ranking by the weighted sum of the comparable scores, rounded to six decimals."""
    fused = np.round(weight * values[0] + (1 - weight) * values[1], 6)
    order = np.lexsort((-fused, pair.queries))  # stable: equal scores stay in order of place
    first = pair.rankings[0]
    return Rankings(
        first.query_ids,
        first.document_ids,
        np.searchsorted(pair.queries, np.arange(len(first) + 1)).astype(np.int64),
        pair.places[order],
        fused[order].astype(np.float32),
    )


def _queries(ranked: Rankings) -> NDArray[np.int64]:
    """The place of the query each entry belongs to."""
    return np.repeat(np.arange(len(ranked), dtype=np.int64), np.diff(ranked.starts))


def _comparable(ranked: Rankings, method: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Per entry a comparable score; per query the score of a document the list lacks."""
    values = np.empty(len(ranked.scores))
    floors = np.zeros(len(ranked))
    for query, (begin, end) in enumerate(zip(ranked.starts[:-1], ranked.starts[1:], strict=True)):
        if begin == end:
            continue
        scores = ranked.scores[begin:end].astype(np.float64)
        if method == "rrf":
            values[begin:end] = 1 / (_RRF_K + _ranks(scores))
            continue
        if method == "minmax":
            low, span = scores[-1], scores[0] - scores[-1]
        else:
            low, span = scores.mean(), scores.std()
        # a list of equals says only that these were found and the others were not
        values[begin:end] = (scores - low) / span if span > 0 else 1.0
        floors[query] = (scores[-1] - low) / span if span > 0 else 0.0
    return values, floors


def _ranks(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks from 1 of scores that never increase; equal scores share their mean rank."""
    _, first, group, count = np.unique(
        -scores, return_index=True, return_inverse=True, return_counts=True
    )
    middle: NDArray[np.float64] = first + (count + 1) / 2
    return middle[group]


def _check(weight: float, method: str) -> None:
    if method not in METHODS:
        raise OptionError(f"There is no fusion method '{method}'. Choose one of {METHODS}.")
    if not 0 <= weight <= 1:
        raise OptionError(f"The fusion weight is {weight}, but must lie between 0 and 1.")


def _check_same(first: Rankings, second: Rankings) -> None:
    for what, a, b in (
        ("queries", first.query_ids, second.query_ids),
        ("documents", first.document_ids, second.document_ids),
    ):
        if not _same(a, b):
            raise OptionError(
                f"The two rankings are of different {what}, so they cannot be fused. "
                f"Rank the same {what}, in the same order, with both."
            )


def _same(a: Sequence[str], b: Sequence[str]) -> bool:
    return a is b or (len(a) == len(b) and all(x == y for x, y in zip(a, b, strict=True)))
