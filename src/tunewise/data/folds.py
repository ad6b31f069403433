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
from tunewise.data.split import DIVISIBLE, EVEN, Division, divide, part_of, redrawn_for
from tunewise.task import Task, Test, Training

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
    """Whether the task is better measured in folds: few queries, and no test part of its own.

    Queries drawn to be measured on (`Task.weights`) are neither counted nor a test part.
    """
    undrawn = _undrawn(task)
    own = any(undrawn.parts.get(query) == "test" for query in undrawn.judgments)
    return not own and len(scorable(undrawn)) < FEW


def divide_folds(task: Task, *, seed: int = 0) -> Folds:
    """The task in folds, queries that belong together in one.

    Queries drawn to be measured on are in no fold: they are in the test part of the whole alone.
    Raises DataError where `divide` does.
    """
    division, undrawn = divide(task, seed=seed), _undrawn(task)
    links = linked(undrawn, scorable(undrawn))
    fold = _dealt(grouped(links, np.arange(len(links.queries)), DIVISIBLE).labels, seed)
    folds = []
    for number in range(FOLDS):
        parts = {
            query: "test" if mine == number else "train"
            for query, mine in zip(links.queries, fold.tolist(), strict=True)
        }
        folds.append(divide(replace(undrawn, parts=parts), seed=seed, fewest=1))
    every = linked(task, scorable(task))
    rows = np.arange(len(every.queries))
    test = part_of(task, every, rows, grouped(every, rows, EVEN))
    learned, other = _with_dev(division.training), division.test.part
    # What belongs with a drawn query is asked in its fold, and nothing is learned from it.
    named = list(zip(other.queries.ids, other.groups, strict=True))
    beside = {group for query, group in named if query in task.weights}
    plain = [row for row, (_, group) in enumerate(named) if group not in beside]
    training = Training(
        task.documents,
        learned.train.joined(other.take(plain)),
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
            f"With {len(links.queries)} queries none is set aside: they are dealt into {FOLDS} "
            "folds by group, and each fold is answered by contenders fitted without it. What is "
            f"saved is fitted on all (seed {seed})."
        ),
    }
    measured = Test(test, task.relevant_from, redrawn_for(task, test))
    return Folds(Division(training, measured, how, division.findings), folds)


def _with_dev(training: Training) -> Training:
    """The training with a fifth of its train part as dev, by group, where it has none.

    Queries that belong with one drawn for test are in no part, and may leave too few to divide.
    """
    train = training.train
    kinds = sorted(set(train.groups))
    if len(training.dev) or len(kinds) < 2:
        return training
    chosen = set(kinds[::FOLDS])
    dev = [row for row, group in enumerate(train.groups) if group in chosen]
    rest = [row for row, group in enumerate(train.groups) if group not in chosen]
    return replace(training, train=train.take(rest), dev=train.take(dev))


def _undrawn(task: Task) -> Task:
    judgments = {q: grades for q, grades in task.judgments.items() if q not in task.weights}
    return replace(task, judgments=judgments, weights={}, redrawn=())


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
