"""Folds: few queries, each of them measured on by contenders that learned from the others.

Where a quarter of the queries is too few to measure on, none is set aside. All are dealt into five
folds by group, and each fold is answered by contenders that were fitted without it, so that
every query counts in the interval. What is told of is then how such contenders do, fitted on four
fifths; the one that is saved is fitted on all.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tunewise.data.groups import Numbers, grouped, linked, scorable
from tunewise.data.split import EVEN, Division, divide, part_of, redrawn_for
from tunewise.task import Part, Task, Test, Training

FOLDS = 5
FEW = 120  # queries: a quarter of fewer, less than 30, decides next to nothing


@dataclass(frozen=True)
class Folds:
    """`whole` has all queries to learn from and all to be measured on; `folds` divide them.

    Whatever is measured on a query must have been fitted on the fold that holds it as test.
    """

    whole: Division
    folds: Sequence[Division]


def too_few(task: Task) -> bool:
    """Whether the task is better measured in folds: few queries, and no test part of its own."""
    own = task.weights or any(part == "test" for part in task.parts.values())
    return not own and len(scorable(task)) < FEW


def divide_folds(task: Task, *, seed: int = 0) -> Folds:
    """The task in folds, queries that belong together in one.

    Raises DataError where `divide` does.
    """
    division = divide(task, seed=seed)
    links = linked(task, scorable(task))
    every = np.arange(len(links.queries))
    fold = _dealt(grouped(links, every, 0.5).labels, seed)
    folds = []
    for number in range(FOLDS):
        parts = {
            query: "test" if mine == number else "train"
            for query, mine in zip(links.queries, fold.tolist(), strict=True)
        }
        folds.append(divide(replace(task, parts=parts), seed=seed, fewest=1))
    test = part_of(task, links, every, grouped(links, every, EVEN))
    learned = division.training
    training = Training(
        task.documents,
        _joined(learned.train, division.test.part),
        learned.dev,
        task.relevant_from,
    )
    how = {
        "by": "fold",
        "train": len(training.train),
        "dev": len(training.dev),
        "test": len(test),
        "groups": {
            name: len(set(part.groups))
            for name, part in (("train", training.train), ("dev", training.dev), ("test", test))
        },
        "note": (
            f"With {len(test)} queries none is set aside: they are dealt into {FOLDS} folds by "
            "group, and each fold is answered by contenders fitted without it. What is saved is "
            f"fitted on all (seed {seed})."
        ),
    }
    measured = Test(test, task.relevant_from, redrawn_for(task, test))
    return Folds(Division(training, measured, how, division.findings), folds)


def _dealt(labels: Numbers, seed: int) -> Numbers:
    """The fold of each query: whole groups in random order, large ones first, to the smallest."""
    sizes = np.bincount(labels)
    order = np.random.default_rng(seed).permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]
    held = np.zeros(FOLDS, dtype=np.int64)
    home = np.zeros(len(sizes), dtype=np.int64)
    for each in order.tolist():
        home[each] = int(held.argmin())
        held[home[each]] += sizes[each]
    return home[labels]


def _joined(first: Part, second: Part) -> Part:
    texts = replace(
        first.queries,
        ids=[*first.queries.ids, *second.queries.ids],
        texts=[*first.queries.texts, *second.queries.texts],
    )
    judgments = {**first.judgments, **second.judgments}
    return Part(texts, judgments, [*first.groups, *second.groups])
