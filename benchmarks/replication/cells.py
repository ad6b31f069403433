"""A cell: one draw of one task at one size of training, and what every contender scored in it.

Of each draw two fifths of the queries, whole groups of them and 1,000 at the most, are the test
pool. Its groups fall into two halves: one that a verdict may be reached on, one that it is held
against. Scores of both are kept for each query, so that rules can be changed and tried again
without training anything anew.
"""

import base64
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewise import Task
from tunewise.contenders import Contender, Setting, dev_mean
from tunewise.data.folds import divide_folds
from tunewise.data.groups import grouped, linked, scorable
from tunewise.data.split import share_out
from tunewise.encoders import Encoder
from tunewise.measurement.contest import hold
from tunewise.measurement.fitted import Fitted, fit_in_folds
from tunewise.metrics import score
from tunewise.task import Part, Training

METRIC = "nDCG@10"
SIZES = ("50", "200", "1000", "all")
FEW = ("few 20", "few 40", "few 80")
FRACTIONS = ("1/2", "1/4", "1/8", "1/16")
CHEAP = ("lexical", "pretrained", "hybrid", "adapter")
MOST_POOL, MOST_TRAIN, MOST_DEV = 1000, 3000, 500
POOL, DEV = 0.4, 0.15  # shares of the queries
DEV_OF_TRAIN, LEAST_DEV = 0.25, 20
_STEPS = 65_535  # scores are kept in so many steps


@dataclass(frozen=True)
class Draw:
    """A task divided once: the test pool with its halves, and what may be learned from."""

    task: Task
    pool: Part
    halves: NDArray[np.int64]
    train: Part
    dev: Part


def draw(task: Task, seed: int) -> Draw:
    """The task divided by group at random; `halves` (pool,) is 0 to decide on, 1 to score on."""
    links = linked(task, scorable(task))
    count = len(links.queries)
    labels = grouped(links, np.arange(count), 0.5).labels
    wanted = {"test": min(MOST_POOL, round(POOL * count)), "dev": min(MOST_DEV, round(DEV * count))}
    parts = share_out(labels, wanted, "train", seed)

    def part(rows: NDArray[np.int64]) -> Part:
        names = [links.queries[row] for row in rows]
        return Part(
            task.queries.take(task.queries.position[name] for name in names),
            {name: task.judgments[name] for name in names},
            [str(labels[row]) for row in rows],
        )

    rows = {name: np.flatnonzero(parts == name) for name in ("train", "dev", "test")}
    generator = np.random.default_rng([seed, 1])
    test = np.sort(rows["test"])
    groups = labels[test]
    kinds = generator.permutation(np.unique(groups))
    sizes = np.array([np.count_nonzero(groups == kind) for kind in kinds])
    first = set(kinds[np.cumsum(sizes) - sizes / 2 < sizes.sum() / 2].tolist())
    halves = np.array([0 if group in first else 1 for group in groups])
    train = generator.permutation(rows["train"])[:MOST_TRAIN]
    return Draw(task, part(test), halves, part(np.sort(train)), part(rows["dev"]))


def some(part: Part, count: int, seed: Sequence[int]) -> Part:
    """So many queries of the part, drawn at random."""
    if count >= len(part):
        return part
    return part.take(np.sort(np.random.default_rng(seed).permutation(len(part))[:count]).tolist())


def training(drawn: Draw, size: str, seed: Sequence[int]) -> Training | None:
    """What is learned from at this size; None where the task has fewer queries.

    A number takes a dev part in proportion, as a user with so few labels would have; a fraction
    is of all, beside all of dev, as a learning curve takes it.
    """
    if size == "all" or "/" in size:
        share = 1 / int(size.removeprefix("1/")) if "/" in size else 1.0
        train, dev = some(drawn.train, round(share * len(drawn.train)), seed), drawn.dev
    elif int(size) < len(drawn.train):
        train = some(drawn.train, int(size), seed)
        dev = some(drawn.dev, max(LEAST_DEV, round(DEV_OF_TRAIN * int(size))), seed)
    else:
        return None
    return Training(drawn.task.documents, train, dev, drawn.task.relevant_from)


def cell(
    drawn: Draw,
    learned: Training,
    encoder: Encoder,
    words: Sequence[str],
    vectors: dict[str, NDArray[np.float32]],
    seed: int,
) -> dict[str, Any]:
    """Every contender fitted and scored on the whole pool."""
    began = time.monotonic()
    setting = Setting(learned, [encoder], METRIC, seed=seed, vectors=vectors)
    contest = hold(setting, None, words=list(words), worth=0.02)
    return {
        "train": len(learned.train),
        "dev": len(learned.dev),
        "groups": _codes(drawn.pool.groups),
        "halves": packed(drawn.halves),
        "contenders": [_told(one, drawn, learned) for one in contest.contenders],
        "seconds": round(time.monotonic() - began, 1),
    }


def folded(
    drawn: Draw,
    queries: int,
    encoder: Encoder,
    vectors: dict[str, NDArray[np.float32]],
    seed: Sequence[int],
) -> dict[str, Any] | None:
    """A task of so few queries measured in folds, beside what its contenders score on the pool."""
    every = drawn.train.joined(drawn.dev)
    if len(every) < queries:
        return None
    began = time.monotonic()
    few = some(every, queries, seed)
    task = replace(
        drawn.task,
        judgments=few.judgments,
        queries=few.queries,
        parts={},
        groups={
            query: drawn.task.groups[query]
            for query in few.queries.ids
            if query in drawn.task.groups
        },
    )
    setting = Setting(
        Training(task.documents, few, few), [encoder], METRIC, seed=seed[0], vectors=vectors
    )
    fitted = fit_in_folds(
        setting, divide_folds(task, seed=seed[0]), partial(hold, words=CHEAP, worth=0.02)
    )
    order = {query: row for row, query in enumerate(fitted.division.test.part.queries.ids)}
    groups = [
        fitted.division.test.part.groups[order[query]]
        for query in fitted.division.test.part.judgments
    ]
    return {
        "groups": _codes(groups),
        "pool": {"groups": _codes(drawn.pool.groups)},
        "contenders": [_few_told(one, fitted, drawn) for one in fitted.contest.contenders],
        "seconds": round(time.monotonic() - began, 1),
    }


def _few_told(contender: Contender, fitted: Fitted, drawn: Draw) -> dict[str, Any]:
    own = score(
        fitted.rankings[contender.name],
        fitted.division.test.part.judgments,
        [METRIC],
        relevant_from=fitted.division.test.relevant_from,
    ).of(METRIC)
    return {
        "name": contender.name,
        "tuned": contender.tuned,
        "rung": contender.rung,
        "plain": contender.family == "pretrained",
        "dev": fitted.dev[contender.name],
        "scores": packed(np.round(own * _STEPS)),
        "pool": packed(np.round(_pool_scores(contender, drawn) * _STEPS)),
    }


def _pool_scores(contender: Contender, drawn: Draw) -> NDArray[np.float64]:
    rankings = contender.rank(drawn.pool.queries)
    return score(
        rankings, drawn.pool.judgments, [METRIC], relevant_from=drawn.task.relevant_from
    ).of(METRIC)


def _told(contender: Contender, drawn: Draw, learned: Training) -> dict[str, Any]:
    scores = _pool_scores(contender, drawn)
    return {
        "name": contender.name,
        "tuned": contender.tuned,
        "rung": contender.rung,
        "plain": contender.family == "pretrained",
        "dev": dev_mean(contender.dev, learned.dev, METRIC, learned.relevant_from),
        "scores": packed(np.round(scores * _STEPS)),
    }


def _codes(groups: Sequence[str]) -> str:
    return packed(np.unique(np.array(groups), return_inverse=True)[1])


def packed(values: NDArray[Any]) -> str:
    """Whole numbers below 65,536 as a short text."""
    return base64.b64encode(zlib.compress(values.astype("<u2").tobytes(), 9)).decode()


def unpacked(text: str) -> NDArray[np.uint16]:
    """`packed` undone."""
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), dtype="<u2")


def scores_of(told: Mapping[str, Any]) -> NDArray[np.float64]:
    """A contender's scores, one a query of the pool."""
    return unpacked(told["scores"]).astype(np.float64) / _STEPS
