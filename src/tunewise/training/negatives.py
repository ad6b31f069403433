"""Negatives: documents a contender ranks high for a query that do not answer it, as far as known.

Mined by rank and by a relative margin (NV-Retriever, Moreira et al. 2024, "TopK-PercPos"): what
scores nearly as high as a known answer is often an answer nobody judged.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewise.data.pairs import Lists, Pairs, Places, listed, training_pairs
from tunewise.data.textfile import lines
from tunewise.errors import DataError, OptionError
from tunewise.files import whole
from tunewise.rankings import Rankings
from tunewise.task import Training

FIRST_RANK, LAST_RANK = 1, 100
MARGIN = 0.05  # NV-Retriever's best
PER_QUERY = 4

_BARRED = "barred: known answers, their near-duplicates, answers of the same group"
_NEAR = "scored too near the answer"
_UNRANKED = "the answer itself is not among those ranked"
_RANKS = "outside the ranks asked for"
_JUDGED = "judged not relevant already"
_MANY = "more than asked for"


@dataclass(frozen=True)
class Negatives:
    """Per train query, documents that do not answer it.

    `documents` lists their places, best rank first; `scores` (float32) and `ranks` (from 1) are
    aligned with `documents.places`. `filtered` counts the ranked documents that were passed over,
    by reason; `short` the queries that got fewer than `per_query`.
    """

    documents: Lists
    scores: NDArray[np.float32]
    ranks: Places
    per_query: int
    filtered: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ranks)

    @property
    def short(self) -> int:
        """How many queries got fewer than `per_query`."""
        return int(np.count_nonzero(np.diff(self.documents.starts) < self.per_query))


def mine(
    training: Training,
    pairs: Pairs,
    rankings: Rankings,
    *,
    per_query: int = PER_QUERY,
    first_rank: int = FIRST_RANK,
    last_rank: int | None = LAST_RANK,
    relative_margin: float | None = MARGIN,
    bar: bool = True,
    seed: int = 0,
) -> Negatives:
    """Up to `per_query` negatives for each train query, drawn at random from those that may be.

    `rankings` are the train queries' over all documents. A document may be a negative when its
    rank lies between `first_rank` and `last_rank` (None: no end), nothing in `pairs` bars it, and
    its score is below s - relative_margin * |s| for the score s of every answer of the query that
    is ranked: (1 - margin) * s where scores are positive. Where no answer is ranked, all that is
    ranked outscores it, and nothing is mined.

    `relative_margin=None` and `bar=False` turn these filters off; the query's own answers are no
    negatives even then. Raises OptionError for senseless numbers or other queries' rankings.
    """
    _check(training, rankings, per_query, first_rank, last_rank, relative_margin)
    lengths = np.diff(rankings.starts)
    queries = np.repeat(np.arange(len(lengths)), lengths)
    ranks = np.arange(len(queries)) - np.repeat(rankings.starts[:-1], lengths) + 1
    places, scores = rankings.documents, rankings.scores
    own = _own(pairs, len(lengths))
    known = listed(own, queries, places)
    limit = _limits(queries[known], scores[known], len(lengths), relative_margin)
    reasons = {
        _RANKS: (ranks < first_rank) | (ranks > (last_rank or np.inf)),
        _BARRED: known | listed(pairs.barred, queries, places) if bar else known,
        _JUDGED: listed(pairs.negatives, queries, places),
        _UNRANKED: np.isneginf(limit)[queries],
        _NEAR: scores >= limit[queries],
    }
    free = np.ones(len(queries), dtype=bool)
    filtered = {}
    for reason, wrong in reasons.items():
        filtered[reason] = int(np.count_nonzero(free & wrong))
        free &= ~wrong
    chosen = _drawn(queries, free, per_query, seed)
    filtered[_MANY] = int(np.count_nonzero(free)) - len(chosen)
    starts = np.searchsorted(queries[chosen], np.arange(len(lengths) + 1))
    return Negatives(
        Lists(starts, places[chosen]), scores[chosen], ranks[chosen], per_query, filtered
    )


def write_negatives(path: Path, training: Training, pairs: Pairs, negatives: Negatives) -> None:
    """Writes one line a train query, whole: its id and text, its answers' ids, its negatives.

    Raises OutputError where the file cannot be written.
    """
    queries, documents = training.train.queries, training.documents
    starts = negatives.documents.starts
    answers = _own(pairs, len(queries))
    with whole(path) as beside, beside.open("w", encoding="utf-8", errors="backslashreplace") as to:
        for row, (key, text) in enumerate(zip(queries.ids, queries.texts, strict=True)):
            right = answers.places[answers.starts[row] : answers.starts[row + 1]]
            found = [
                {
                    "id": documents.ids[place],
                    "text": documents.texts[place],
                    "rank": int(negatives.ranks[entry]),
                    "score": float(negatives.scores[entry]),
                }
                for entry in range(int(starts[row]), int(starts[row + 1]))
                for place in [int(negatives.documents.places[entry])]
            ]
            positives = [documents.ids[place] for place in right.tolist()]
            line = {"id": key, "text": text, "positives": positives, "negatives": found}
            to.write(json.dumps(line, ensure_ascii=False) + "\n")


def read_negatives(path: Path, training: Training, *, pairs: Pairs | None = None) -> Negatives:
    """The negatives of a file that `write_negatives` wrote, perhaps edited since.

    Those that are barred by now are left out and counted. `pairs` are the task's, made here if
    they are not given. Raises DataError for a line that is not such a line, for ids that are
    unknown and for texts that are others than the task's.
    """
    pairs = training_pairs(training) if pairs is None else pairs
    found: dict[int, list[tuple[int, int, float]]] = {}
    for number, line in enumerate(lines(path), start=1):
        if not line.strip():
            continue
        row, entries = _read_line(line, training, f"Line {number} of '{path}'")
        if row in found:
            raise DataError(
                f"Line {number} of '{path}' is about the query '{training.train.queries.ids[row]}' "
                "again. Keep one line for each query."
            )
        found[row] = entries
    if not found:
        raise DataError(f"'{path}' holds no negatives. Mine some: `tunewise negatives`.")
    flat = [(row, *entry) for row in sorted(found) for entry in found[row]]
    queries = np.array([each[0] for each in flat], dtype=np.int64)
    places = np.array([each[1] for each in flat], dtype=np.int64)
    wrong = listed(pairs.barred, queries, places)
    wrong |= listed(_own(pairs, len(training.train)), queries, places)
    starts = np.searchsorted(queries[~wrong], np.arange(len(training.train) + 1))
    return Negatives(
        Lists(starts, places[~wrong]),
        np.array([each[3] for each in flat], dtype=np.float32)[~wrong],
        np.array([each[2] for each in flat], dtype=np.int64)[~wrong],
        max(len(entries) for entries in found.values()),
        {_BARRED: int(np.count_nonzero(wrong))},
    )


def _own(pairs: Pairs, queries: int) -> Lists:
    """The documents known to answer each query."""
    order = np.argsort(pairs.queries, kind="stable")
    starts = np.searchsorted(pairs.queries[order], np.arange(queries + 1))
    return Lists(starts, pairs.documents[order])


def _limits(
    queries: Places, scores: NDArray[np.float32], count: int, margin: float | None
) -> NDArray[np.float64]:
    """For each query the score its negatives must be below, from those of its ranked answers.

    Minus infinity where no answer is ranked. Relative to |s|, so that a margin below a negative
    score is a margin below it, too.
    """
    if margin is None:
        return np.full(count, np.inf)
    single = scores.astype(np.float64)
    limit = np.full(count, np.inf)
    np.minimum.at(limit, queries, single - margin * np.abs(single))
    return np.where(np.isposinf(limit), -np.inf, limit)


def _drawn(queries: Places, free: NDArray[np.bool_], per_query: int, seed: int) -> Places:
    """Which entries are taken: `per_query` of the free ones of each query at random, in order."""
    entries = np.flatnonzero(free)
    chance = np.random.default_rng(seed).random(len(queries))[entries]
    order = np.lexsort((chance, queries[entries]))
    rows = queries[entries][order]
    counts = np.bincount(rows, minlength=1)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.sort(entries[order[within < per_query]])


def _check(
    training: Training,
    rankings: Rankings,
    per_query: int,
    first_rank: int,
    last_rank: int | None,
    margin: float | None,
) -> None:
    if per_query < 1:
        raise OptionError(f"{per_query} negatives a query were asked for. Ask for 1 or more.")
    if first_rank < 1 or (last_rank is not None and last_rank < first_rank):
        raise OptionError(
            f"Negatives cannot be taken from rank {first_rank} to {last_rank}. Ranks begin at 1, "
            "and the last must not be before the first."
        )
    if margin is not None and not 0 <= margin < 1:
        raise OptionError(f"The relative margin is {margin}, but must be 0 or more and below 1.")
    if list(rankings.query_ids) != list(training.train.queries.ids) or list(
        rankings.document_ids
    ) != list(training.documents.ids):
        raise OptionError(
            "The rankings are of other queries or documents than the train part's. Rank "
            "training.train.queries over training.documents."
        )


def _read_line(
    line: str, training: Training, where: str
) -> tuple[int, list[tuple[int, int, float]]]:
    """The place of the line's query, and (document place, rank, score) of its negatives."""
    try:
        said: Any = json.loads(line)
        negatives = said["negatives"]
        entries = [(each["id"], int(each["rank"]), float(each["score"])) for each in negatives]
        texts = [each["text"] for each in negatives]
        key, text = said["id"], said["text"]
    except (ValueError, LookupError, TypeError) as wrong:
        raise DataError(
            f"{where} is not what `tunewise negatives` writes: {type(wrong).__name__} {wrong}. "
            "Mend the line, or mine the negatives again."
        ) from wrong
    queries, documents = training.train.queries, training.documents
    row = _place(key, text, queries.position, queries.texts, f"{where}: the query")
    places = [
        _place(document, said_text, documents.position, documents.texts, f"{where}: the document")
        for (document, _, _), said_text in zip(entries, texts, strict=True)
    ]
    if not all(math.isfinite(score) for _, _, score in entries):
        raise DataError(f"{where} has a score that is no number. Mend it, or mine again.")
    return row, [(p, rank, score) for p, (_, rank, score) in zip(places, entries, strict=True)]


def _place(
    key: Any, text: Any, position: Mapping[str, int], texts: Sequence[str], what: str
) -> int:
    if not isinstance(key, str) or key not in position:
        raise DataError(
            f"{what} '{key}' is not in the train part of this task. Give the data and the seed "
            "that the negatives were mined with, or mine them again."
        )
    place = position[key]
    if text != texts[place]:
        raise DataError(
            f"{what} '{key}' has another text than in this task. Mine the negatives again."
        )
    return place
