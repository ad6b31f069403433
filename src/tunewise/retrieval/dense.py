"""Nearest documents by dot product, exactly, in bounded memory."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from tunewise.errors import EncoderError, OptionError
from tunewise.progress import Progress, silent
from tunewise.rankings import Rankings, collect

_DOCUMENTS = 16_384  # a block of documents: 25 MB at 384 dimensions, 200 MB at 3,072
_QUERIES = 1_024  # with a block of documents: 64 MB of scores
_DIGITS = 6

Scored = tuple[NDArray[np.int64], NDArray[np.float32]]
"""Document places, increasing, and their scores."""


def nearest(
    queries: NDArray[np.float32],
    documents: NDArray[np.float32],
    query_ids: Sequence[str],
    document_ids: Sequence[str],
    *,
    k: int = 100,
    progress: Progress = silent,
) -> Rankings:
    """The k documents with the largest dot product for each query, exactly.

    `queries` is (q, d), `documents` (n, d), both float32; `documents` may be a `np.memmap`, for
    it is read block by block and memory stays around 256 MB beside the result. With vectors of
    length one the score is the cosine.

    Scores are rounded to six decimals (six digits below the largest score the vectors' lengths
    allow), so that documents with the same text tie instead of being put in an order by
    the noise of floating point. Documents tied with the k-th are kept too, the first up to 10·k
    of them: a cut through a tie would be an arbitrary one.

    Raises EncoderError for NaN, infinite or differently long vectors, OptionError for a k below
    one or ids that do not match the vectors.

    >>> from tunewise.retrieval import nearest
    >>> documents = np.array([[1, 0], [0, 1], [1, 0]], dtype=np.float32)
    >>> ranked = nearest(documents[:1], documents, ["q"], ["a", "b", "c"], k=1)
    >>> ranked.best(0, 3)
    [('a', 1.0), ('c', 1.0)]
    """
    check(queries, documents, query_ids, document_ids, k)
    decimals = decimals_of(longest(queries, "query") * longest(documents, "document"))
    kept: list[Scored] = [nothing() for _ in query_ids]
    for begin, block in blocks(documents):
        progress("comparing vectors", begin, len(documents))
        for first, some in blocks(queries, _QUERIES):
            scores = np.round(some @ block.T, decimals)
            for row, line in enumerate(scores, start=first):
                kept[row] = merge(kept[row], line, begin, k)
    progress("comparing vectors", len(documents), len(documents))
    return collect(query_ids, document_ids, kept)


def decimals_of(largest: float) -> int:
    """The decimals that scores are rounded to, where none can be larger than `largest`."""
    # 1.01, for a vector "of length one" is often a little longer
    return _DIGITS - (math.ceil(math.log10(largest / 1.01)) if largest > 0 else 0)


def nothing() -> Scored:
    """No documents."""
    return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)


def blocks(
    vectors: NDArray[np.float32], size: int = _DOCUMENTS
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """The place of each block's first vector, and the block, read when its turn comes."""
    for begin in range(0, len(vectors), size):
        yield begin, np.asarray(vectors[begin : begin + size], dtype=np.float32)


def merge(kept: Scored, line: NDArray[np.float32], begin: int, k: int) -> Scored:
    """The best of what was kept and of a further block, whose first place is `begin`."""
    places, scores = kept
    if len(places) >= k:
        new = np.flatnonzero(line >= scores.min())
        if len(new) == 0:
            return kept
    else:
        new = np.arange(len(line), dtype=np.int64)
    return top(np.concatenate([places, new + begin]), np.concatenate([scores, line[new]]), k)


def top(places: NDArray[np.int64], scores: NDArray[np.float32], k: int) -> Scored:
    """The k best and those tied with the k-th, the first up to 10·k of them, by place.

    `places` must be increasing; what is kept is increasing too.
    """
    if len(places) <= k:
        return places, scores
    last = np.partition(scores, len(scores) - k)[len(scores) - k]
    better = scores > last
    tied = scores == last
    room = 11 * k - int(better.sum())
    chosen = better | (tied & (np.cumsum(tied) <= room))
    return places[chosen], scores[chosen]


def check(
    queries: NDArray[np.float32],
    documents: NDArray[np.float32],
    query_ids: Sequence[str],
    document_ids: Sequence[str],
    k: int,
) -> None:
    """Raises OptionError or EncoderError, as `nearest` says, for what does not fit together."""
    if k < 1:
        raise OptionError(f"k is {k}, but a ranking needs at least one place. Pass k=1 or more.")
    for what, vectors, ids in (
        ("query", queries, query_ids),
        ("document", documents, document_ids),
    ):
        if vectors.ndim != 2 or len(vectors) != len(ids):
            raise OptionError(
                f"There are {len(ids)} {what} ids, but the {what} vectors have the shape "
                f"{vectors.shape}. Pass one vector for each id."
            )
    if queries.shape[1] != documents.shape[1]:
        raise EncoderError(
            f"Query vectors have {queries.shape[1]} dimensions and document vectors "
            f"{documents.shape[1]}, so they cannot be compared. Encode both with the same model."
        )


def longest(vectors: NDArray[np.float32], what: str) -> float:
    """The Euclidean length of the longest vector; EncoderError if one has NaN or infinity."""
    most = 0.0
    for begin, block in blocks(vectors):
        lengths = np.sqrt(np.einsum("nd,nd->n", block, block))
        wrong = np.flatnonzero(~np.isfinite(lengths))
        if len(wrong):
            raise EncoderError(
                f"The {what} vector at place {begin + int(wrong[0])} holds NaN, infinity or "
                "numbers too large to square, so it cannot be compared. Check the model: weights "
                "in half precision and empty texts are the usual causes."
            )
        most = max(most, float(lengths.max()))
    return most
