"""Rankings: per query, documents with scores, best first."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tunewise.errors import DataError
from tunewise.files import whole

_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Rankings:
    """Per query, documents with scores, best first; queries may have different lengths.

    `documents[starts[i]:starts[i + 1]]` are the places in `document_ids` of query i's documents
    (int64) and `scores[...]` their scores (float32, never increasing). Documents with equal
    scores are tied: metrics count them in expectation over their orders.
    """

    query_ids: Sequence[str]
    document_ids: Sequence[str]
    starts: NDArray[np.int64]
    documents: NDArray[np.int64]
    scores: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.query_ids)

    def __iter__(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """Each query's document places and scores, in the order of `query_ids`."""
        for begin, end in zip(self.starts[:-1], self.starts[1:], strict=True):
            yield self.documents[begin:end], self.scores[begin:end]

    def best(self, query: int, k: int) -> list[tuple[str, float]]:
        """The first k (document id, score) of the query at this place."""
        begin = int(self.starts[query])
        end = min(int(self.starts[query + 1]), begin + k)
        places = self.documents[begin:end]
        return [
            (self.document_ids[int(place)], float(score))
            for place, score in zip(places, self.scores[begin:end], strict=True)
        ]


def collect(
    query_ids: Sequence[str],
    document_ids: Sequence[str],
    lists: Sequence[tuple[NDArray[np.int64], NDArray[np.float32]]],
) -> Rankings:
    """Rankings from one (document places, scores) a query, sorted here: best first, then place.

    Scores become float32 before they are sorted: what is equal then is a tie.

    >>> collect(["q"], ["a", "b"], [(np.array([0, 1]), np.array([0.5, 2.0]))]).best(0, 2)
    [('b', 2.0), ('a', 0.5)]
    """
    starts = np.zeros(len(lists) + 1, dtype=np.int64)
    np.cumsum([len(places) for places, _ in lists], out=starts[1:])
    documents = [np.empty(0, dtype=np.int64)]
    kept = [np.empty(0, dtype=np.float32)]
    for places, scores in lists:
        single = scores.astype(np.float32)
        order = np.lexsort((places, -single))
        documents.append(places[order].astype(np.int64))
        kept.append(single[order])
    return Rankings(
        query_ids, document_ids, starts, np.concatenate(documents), np.concatenate(kept)
    )


def read_run(path: Path) -> Rankings:
    """Rankings from a TREC run file: `query Q0 document rank score tag`, by white space.

    The score decides the order, not the rank column, and is kept as float32, as trec_eval does;
    equal scores are ties. Documents are numbered by their ids in order, queries stay as they
    come. Raises DataError for a file that is not such a file.
    """
    found: dict[str, dict[str, float]] = {}
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        fields = line.split()
        if len(fields) != 6:
            raise DataError(
                f"Line {number} of '{path}' has {len(fields)} fields, but a TREC run line has six: "
                "query Q0 document rank score tag. Check that this is a run file."
            )
        query, _, document, _, score, _ = fields
        known = found.setdefault(query, {})
        if document in known:
            raise DataError(
                f"Line {number} of '{path}' ranks document '{document}' for query '{query}' "
                "a second time. Keep one line for each query and document."
            )
        known[document] = _number(score, path, number)
    if not found:
        raise DataError(f"'{path}' holds no rankings. Check that this is the run file you meant.")
    document_ids = sorted({document for ranked in found.values() for document in ranked})
    place = {document: p for p, document in enumerate(document_ids)}
    lists = [
        (np.array([place[d] for d in ranked]), np.array(list(ranked.values()), dtype=np.float32))
        for ranked in found.values()
    ]
    return collect(list(found), document_ids, lists)


def write_run(rankings: Rankings, path: Path, *, tag: str = "tunewise") -> None:
    """Writes a TREC run file, whole. A query without documents leaves no line.

    Raises DataError for an id the format cannot hold: an empty one, or one with white space.
    """
    shown = np.unique(rankings.documents).tolist()
    for name in (*rankings.query_ids, *(rankings.document_ids[place] for place in shown), tag):
        if name.split() != [name]:
            raise DataError(
                f"The id '{name}' cannot stand in a TREC run file, whose fields are divided by "
                "white space. Give the record an id without white space."
            )
    with whole(path) as beside, beside.open("w", encoding="utf-8") as file:
        for query, (places, scores) in zip(rankings.query_ids, rankings, strict=True):
            for rank, (place, score) in enumerate(zip(places, scores, strict=True), start=1):
                document = rankings.document_ids[int(place)]
                file.write(f"{query} Q0 {document} {rank} {float(score)!r} {tag}\n")


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as wrong:
        raise DataError(f"'{path}' is not UTF-8 text. Save the run file as UTF-8.") from wrong
    except OSError as wrong:
        raise DataError(f"Cannot read '{path}': {wrong.strerror}.") from wrong


def _number(score: str, path: Path, line: int) -> float:
    try:
        value = float(score)
    except ValueError:
        value = math.nan
    if not abs(value) <= _LARGEST:
        raise DataError(
            f"Line {line} of '{path}' has the score '{score}', but a score must be a finite number "
            "that single precision can hold. Correct the run file."
        )
    return value
