"""What recommendations are scored by.

nDCG@10, hit rate@10 (one of the items chosen next is among the first ten) and recall@50 are means
over users, ties in expectation, as for a search (`metrics/scores.py`). Coverage is the share of all
items that some user finds among the first ten: a statistic of all users. Novelty is the mean
self-information of the first ten, -log2((times chosen + 1) / (users + 1)) in train (Zhou et al.
2010): how seldom chosen what is recommended is, in bits.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tunewise.kinds.recommendation.part import Numbers, Part
from tunewise.metrics import Scores, Statistic
from tunewise.metrics import score as score_rankings
from tunewise.rankings import Rankings

DECIDING = ("nDCG@10", "hit rate@10", "recall@50")
METRICS = (*DECIDING, "coverage", "novelty")
FIRST = 10

Floats = NDArray[np.float64]
_AS_SEARCH = {"nDCG@10": "nDCG@10", "hit rate@10": "Success@10", "recall@50": "Recall@50"}


def score(answers: Rankings, part: Part, metrics: Sequence[str]) -> Scores:
    """Scores of the items recommended to each user of a part."""
    values: dict[str, Floats] = {}
    statistics: dict[str, Statistic] = {}
    as_search = [name for name in metrics if name in _AS_SEARCH]
    if as_search:
        found = score_rankings(answers, _wishes(part), [_AS_SEARCH[name] for name in as_search])
        values = {name: found.of(_AS_SEARCH[name]) for name in as_search}
    row, place = first(answers)
    if "coverage" in metrics:
        statistics["coverage"] = coverage(row, place, len(part.texts))
    if "novelty" in metrics:
        values["novelty"] = novelty(row, place, part)
    return Scores(
        query_ids=part.question.users,
        values=values,
        unanswered=int((np.diff(answers.starts) == 0).sum()),
        statistics=statistics,
        bounds={"novelty": (0.0, float("inf"))},
    )


def coverage(row: Numbers, place: Numbers, items: int) -> Statistic:
    """The share of items recommended to anybody, as a function of the users' weights.

    >>> coverage(np.array([0, 0, 1]), np.array([2, 0, 0]), 4)(np.array([0.0, 1.0]))
    0.25
    """

    def statistic(weights: Floats) -> float:
        return float((np.bincount(place, weights[row], items) > 0).mean())

    return statistic


def novelty(row: Numbers, place: Numbers, part: Part) -> Floats:
    """The mean self-information of what each user is recommended; 0 where that is nothing."""
    bits = -np.log2((part.counts + 1) / (part.learners + 1))
    sums = np.bincount(row, np.maximum(bits, 0.0)[place], len(part))
    return np.asarray(sums / np.maximum(np.bincount(row, minlength=len(part)), 1))


def first(answers: Rankings) -> tuple[Numbers, Numbers]:
    """User and item, as places, of each user's first ten."""
    lengths = np.diff(answers.starts)
    row = np.repeat(np.arange(len(answers)), lengths)
    rank = np.arange(len(row)) - np.repeat(answers.starts[:-1], lengths)
    return row[rank < FIRST], answers.documents[rank < FIRST]


def _wishes(part: Part) -> dict[str, dict[str, float]]:
    items, bounds = part.question.items, part.wanted_starts.tolist()
    wanted = [items[place] for place in part.wanted.tolist()]
    return {
        user: dict.fromkeys(wanted[begin:end], 1.0)
        for user, begin, end in zip(part.question.users, bounds[:-1], bounds[1:], strict=True)
    }
