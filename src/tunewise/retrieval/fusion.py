"""Two rankings made into one: weighted scores, or reciprocal ranks."""

from collections.abc import Sequence

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
    _check(first, second, weight, method)
    size = len(first.document_ids)
    keys = [_queries(ranked) * size + ranked.documents for ranked in (first, second)]
    union = np.unique(np.concatenate(keys))
    queries = union // size if size else union
    fused = np.zeros(len(union))
    for share, ranked, key in zip((weight, 1 - weight), (first, second), keys, strict=True):
        values, floors = _comparable(ranked, method)
        filled = floors[queries]
        filled[np.searchsorted(union, key)] = values
        fused += share * filled
    fused = np.round(fused, 6)
    places = union - queries * size
    order = np.lexsort((places, -fused, queries))
    starts = np.searchsorted(queries, np.arange(len(first) + 1)).astype(np.int64)
    return Rankings(
        first.query_ids,
        first.document_ids,
        starts,
        places[order],
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


def _check(first: Rankings, second: Rankings, weight: float, method: str) -> None:
    if method not in METHODS:
        raise OptionError(f"There is no fusion method '{method}'. Choose one of {METHODS}.")
    if not 0 <= weight <= 1:
        raise OptionError(f"The fusion weight is {weight}, but must lie between 0 and 1.")
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
