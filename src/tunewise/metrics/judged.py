"""Rankings and judgments joined, in blocks of queries, as flat arrays."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tunewise.errors import DataError, OptionError
from tunewise.rankings import Rankings
from tunewise.task import Judgments

Floats = NDArray[np.float64]
Places = NDArray[np.int64]

_BLOCK = 2**18  # ranked documents looked at together: some 50 MB of working memory


@dataclass(frozen=True)
class Judged:
    """Judgments as arrays: of queries in order, one entry a judgment, best grade first.

    `keys` is `query · documents + place` for the judgments whose document is known to the
    rankings, sorted, and `key_grades` their grades: what a ranked document is looked up in.
    """

    query_ids: Sequence[str]
    starts: Places
    grades: Floats
    relevant: Floats
    relevant_from: float
    keys: Places
    key_grades: Floats


def judge(document_ids: Sequence[str], judgments: Judgments, relevant_from: float) -> Judged:
    """The judgments of every query with a relevant document, as arrays.

    Raises OptionError for a `relevant_from` that is not above 0, DataError when no query has one.
    """
    if not (math.isfinite(relevant_from) and relevant_from > 0):
        raise OptionError(
            f"relevant_from={relevant_from} makes no sense: a grade of 0 means not relevant. "
            "Give the lowest grade that counts as relevant, above 0."
        )
    kept = _with_relevant(judgments, relevant_from)
    lengths = np.fromiter(map(len, kept.values()), np.int64, len(kept))
    starts = np.concatenate([[0], np.cumsum(lengths)])
    count = int(starts[-1])
    grades = np.fromiter((g for graded in kept.values() for g in graded.values()), float, count)
    places = _places(document_ids, kept)
    row = np.repeat(np.arange(len(kept)), lengths)
    keys = (row * len(document_ids) + places)[places >= 0]
    order = np.argsort(keys)
    return Judged(
        query_ids=list(kept),
        starts=starts,
        grades=grades[np.lexsort((-grades, row))],
        relevant=np.add.reduceat((grades >= relevant_from).astype(float), starts[:-1]),
        relevant_from=relevant_from,
        keys=keys[order],
        key_grades=grades[places >= 0][order],
    )


def _with_relevant(judgments: Judgments, relevant_from: float) -> Judgments:
    kept = {
        query: graded
        for query, graded in judgments.items()
        if graded and max(graded.values()) >= relevant_from
    }
    if not kept:
        raise DataError(
            f"None of the {len(judgments)} judged queries has a relevant document (grade "
            f"{relevant_from:g} or more), so nothing can be scored. Check the grades, or lower "
            "relevant_from."
        )
    return kept


def _places(document_ids: Sequence[str], judgments: Judgments) -> Places:
    judged = [document for graded in judgments.values() for document in graded]
    named = set(judged)
    known = {name: place for place, name in enumerate(document_ids) if name in named}
    return np.fromiter((known.get(name, -1) for name in judged), np.int64, len(judged))


def within(lengths: Places) -> Places:
    """0, 1, 2 … within each of consecutive lists of these lengths."""
    return np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)


@dataclass(frozen=True)
class Block:
    """The rankings of some queries, flat: `row`, `score` and `grade` have one entry a document.

    `grade` is NaN where there is no judgment. Per query: `lengths`, `relevant` (R), and, flat
    again, the judged grades best first with their row and rank (`ideal_…`).
    """

    row: Places
    score: NDArray[np.float32]
    grade: Floats
    lengths: Places
    relevant: Floats
    relevant_from: float
    ideal_row: Places
    ideal_rank: Places
    ideal_grade: Floats


def blocks(rankings: Rankings, judged: Judged) -> Iterator[Block]:
    """The rankings of the judged queries, in their order, a bounded number of documents a time."""
    where = {query: place for place, query in enumerate(rankings.query_ids)}
    sources = np.array([where.get(query, -1) for query in judged.query_ids], dtype=np.int64)
    lengths = np.zeros(len(sources), dtype=np.int64)
    found = sources >= 0
    lengths[found] = np.diff(rankings.starts)[sources[found]]
    begins = np.zeros(len(sources), dtype=np.int64)
    begins[found] = rankings.starts[sources[found]]
    # A query without a ranking costs a little too, and so do its judgments.
    cost = np.cumsum(lengths + np.diff(judged.starts))
    first = 0
    while first < len(sources):
        spent = cost[first - 1] if first else 0
        last = max(first + 1, int(np.searchsorted(cost, spent + _BLOCK, side="right")))
        yield _block(rankings, judged, slice(first, last), begins[first:last], lengths[first:last])
        first = last


def _block(
    rankings: Rankings, judged: Judged, queries: slice, begins: Places, lengths: Places
) -> Block:
    row = np.repeat(np.arange(len(lengths)), lengths)
    entry = begins[row] + within(lengths)
    keys = (row + queries.start) * len(rankings.document_ids) + rankings.documents[entry]
    place = np.searchsorted(judged.keys, keys)
    grade = np.full(len(keys), np.nan)
    hit = place < len(judged.keys)
    hit[hit] = judged.keys[place[hit]] == keys[hit]
    grade[hit] = judged.key_grades[place[hit]]
    counts = np.diff(judged.starts)[queries]
    begin, end = judged.starts[queries.start], judged.starts[queries.stop]
    return Block(
        row=row,
        score=rankings.scores[entry],
        grade=grade,
        lengths=lengths,
        relevant=judged.relevant[queries],
        relevant_from=judged.relevant_from,
        ideal_row=np.repeat(np.arange(len(lengths)), counts),
        ideal_rank=within(counts),
        ideal_grade=judged.grades[begin:end],
    )


def condense(block: Block) -> Block:
    """The same rankings without the documents nobody has judged."""
    judged = ~np.isnan(block.grade)
    row = block.row[judged]
    return replace(
        block,
        row=row,
        score=block.score[judged],
        grade=block.grade[judged],
        lengths=np.bincount(row, minlength=len(block.lengths)),
    )
