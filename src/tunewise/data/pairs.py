"""Training pairs: a query, a document that answers it, and what must not count as wrong."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from tunewise.data.near import near_duplicates
from tunewise.task import Part, Training

Places = NDArray[np.int64]
_Tie = tuple[str, int]  # what ties queries: "alike" or "group", and which
_CHAINED: _Tie = ("group", -1)


_CHAIN = 0.05  # share of the train queries: a group that holds more is a chain, not a kind
_CHAIN_QUERIES = 50  # nor is a group a chain that holds fewer


@dataclass(frozen=True)
class Lists:
    """One list of document places a query; queries that have the same one may share it.

    The lists are stored end to end: list i is `places[starts[i]:starts[i + 1]]`. Query q has list
    `which[q]`, or list q where `which` is None. Ask `of` and `take`, which know.
    """

    starts: Places
    places: Places
    which: Places | None = None

    def __len__(self) -> int:
        return len(self.starts) - 1 if self.which is None else len(self.which)

    def of(self, queries: Places) -> tuple[Places, Places]:
        """For each entry of the lists of these queries: which of `queries`, which document."""
        lists = queries if self.which is None else self.which[queries]
        lengths = self.starts[lists + 1] - self.starts[lists]
        rows = np.repeat(np.arange(len(lists)), lengths)
        within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        return rows, self.places[np.repeat(self.starts[lists], lengths) + within]

    def take(self, queries: Places) -> "Lists":
        """The lists of these queries, in this order; nothing is copied, whatever their length."""
        return Lists(
            self.starts, self.places, queries if self.which is None else self.which[queries]
        )


@dataclass(frozen=True)
class Pairs:
    """What the train part says, as places in `train.queries` and `documents`.

    `queries` and `documents` (n,) are the pairs. `barred` lists, for each query, the documents
    that are never its negatives:
    - every known positive,
    - every positive of a query in (nearly) the same words,
    - every positive of a query of the same group, unless the group is a chain: one that holds
      more than 5 % of the train queries, and more than 50, joins what has little in common,
    - every exact or near-duplicate of any of these, whether judged or not.

    `negatives` lists those judged not relevant and not barred, which are the most telling
    negatives there are.
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
    barred, which = _barred(training, positives)
    kept = cache(lambda number: frozenset(barred[number]))
    negatives = [
        [place for place in judged if place not in kept(number)] if judged else []
        for judged, number in zip(judged_not, which, strict=True)
    ]
    return Pairs(
        queries=np.repeat(np.arange(len(positives)), [len(of) for of in positives]),
        documents=_flat(positives),
        barred=replace(_lists(barred), which=np.array(which, dtype=np.int64)),
        negatives=_lists(negatives),
    )


def _barred(
    training: Training, positives: Sequence[Sequence[int]]
) -> tuple[list[list[int]], list[int]]:
    """The different lists of barred documents, and which of them each query has.

    A group's list is kept once: a list for each query would grow with the square of the group.
    """
    ties = _ties(training.train)
    rows_of: dict[_Tie, list[int]] = {}
    for row, tied in enumerate(ties):
        for tie in tied:
            rows_of.setdefault(tie, []).append(row)
    reaches: dict[int, set[_Tie]] = {}  # more than one group, where groups were made by hand
    for alike, kind in ties:
        reaches.setdefault(alike[1], set()).add(kind)
    number: dict[tuple[_Tie, ...], int] = {}
    which = []
    for alike, kind in ties:
        key: tuple[_Tie, ...] = (alike,) if kind == _CHAINED else (kind,)
        if kind != _CHAINED and len(reaches[alike[1]]) > 1:
            key = (alike, kind)
        which.append(number.setdefault(key, len(number)))
    twins = _twins(near_duplicates(training.documents.texts))
    lists = []
    for key in number:
        right = {place for tie in key for row in rows_of[tie] for place in positives[row]}
        lists.append(sorted({twin for place in right for twin in twins(place)}))
    return lists, which


def _ties(train: Part) -> list[tuple[_Tie, _Tie]]:
    """For each query, the queries in nearly its words, by number, and its group, if no chain."""
    alike = near_duplicates(train.queries.texts).tolist()
    groups = {group: number for number, group in enumerate(dict.fromkeys(train.groups))}
    sizes = Counter(train.groups)
    longest = max(_CHAIN_QUERIES, _CHAIN * len(train))
    return [
        (("alike", text), _CHAINED if sizes[group] > longest else ("group", groups[group]))
        for text, group in zip(alike, train.groups, strict=True)
    ]


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


def listed(lists: Lists, queries: Places, places: Places) -> NDArray[np.bool_]:
    """For each entry of `queries` and `places` (m,), whether that query's list has that place."""
    numbers = queries if lists.which is None else lists.which[queries]
    width = int(max(lists.places.max(initial=-1), places.max(initial=-1))) + 1
    owners = np.repeat(np.arange(len(lists.starts) - 1), np.diff(lists.starts))
    codes = np.sort(owners * width + lists.places)
    wanted = numbers * width + places
    if not len(codes):
        return np.zeros(len(wanted), dtype=bool)
    nearest = codes[np.searchsorted(codes, wanted).clip(max=len(codes) - 1)]
    return np.asarray(nearest == wanted)
