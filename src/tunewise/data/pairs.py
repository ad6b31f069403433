"""Training pairs: a query, a document that answers it, and what must not count as wrong."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tunewise.data.near import near_duplicates
from tunewise.task import Training

Places = NDArray[np.int64]


@dataclass(frozen=True)
class Lists:
    """One list of document places a query, stored end to end: list i is `places[starts[i]:…]`."""

    starts: Places
    places: Places

    def of(self, queries: Places) -> tuple[Places, Places]:
        """For each entry of the lists of these queries: which of `queries`, which document."""
        lengths = self.starts[queries + 1] - self.starts[queries]
        rows = np.repeat(np.arange(len(queries)), lengths)
        within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        return rows, self.places[np.repeat(self.starts[queries], lengths) + within]


@dataclass(frozen=True)
class Pairs:
    """What the train part says, as places in `train.queries` and `documents`.

    `queries` and `documents` (n,) are the pairs. `barred` lists, for each query, the documents
    that are never its negatives: every known positive and every near-duplicate of one.
    `negatives` lists those judged not relevant, which are the most telling negatives there are.
    """

    queries: Places
    documents: Places
    barred: Lists
    negatives: Lists

    def __len__(self) -> int:
        return len(self.queries)


def training_pairs(training: Training) -> Pairs:
    """The pairs of the train part. Near-duplicates of a document are found in its text."""
    train, position = training.train, training.documents.position
    positives: list[list[int]] = []
    judged_not: list[list[int]] = []
    for query in train.queries.ids:
        grades = train.judgments[query]
        relevant = {d for d, grade in grades.items() if grade >= training.relevant_from}
        positives.append(sorted(position[d] for d in relevant))
        judged_not.append(sorted(position[d] for d in grades if d not in relevant))
    twins = _twins(near_duplicates(training.documents.texts))
    barred = [sorted({twin for place in of for twin in twins(place)}) for of in positives]
    negatives = [
        [place for place in judged if place not in kept]
        for judged, kept in zip(judged_not, map(set, barred), strict=True)
    ]
    return Pairs(
        queries=np.repeat(np.arange(len(positives)), [len(of) for of in positives]),
        documents=_flat(positives),
        barred=_lists(barred),
        negatives=_lists(negatives),
    )


def _twins(labels: Places) -> Callable[[int], Iterable[int]]:
    """A function that gives a document's near-duplicates, itself included."""
    order = np.argsort(labels, kind="stable")
    ordered = labels[order]

    def twins(place: int) -> Iterable[int]:
        begin, end = np.searchsorted(ordered, [labels[place], labels[place] + 1])
        return (int(twin) for twin in order[begin:end])

    return twins


def _lists(lists: list[list[int]]) -> Lists:
    starts = np.zeros(len(lists) + 1, dtype=np.int64)
    np.cumsum([len(of) for of in lists], out=starts[1:])
    return Lists(starts, _flat(lists))


def _flat(lists: list[list[int]]) -> Places:
    return np.array([place for of in lists for place in of], dtype=np.int64)
