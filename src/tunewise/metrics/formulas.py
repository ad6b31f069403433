"""The metrics' formulas, on what each rank is expected to hold."""

from collections.abc import Callable, Mapping

import numpy as np

from tunewise.metrics.judged import Floats
from tunewise.metrics.names import Kind
from tunewise.metrics.ties import Expected, gains


def unjudged_share(expected: Expected, k: int) -> Floats:
    """Per query, the share of the first k documents returned that has no judgment."""
    returned = np.minimum(expected.block.lengths, k)
    return expected.upto(k, expected.unjudged) / np.maximum(returned, 1)


def _ndcg(expected: Expected, k: int) -> Floats:
    block = expected.block
    reached = expected.upto(k, expected.gain / np.log2(expected.rank + 2))
    shown = block.ideal_rank < k
    best = gains(block.ideal_grade[shown]) / np.log2(block.ideal_rank[shown] + 2)
    return reached / np.bincount(block.ideal_row[shown], best, minlength=len(reached))


def _recall(expected: Expected, k: int) -> Floats:
    return expected.upto(k, expected.hit) / expected.block.relevant


def _precision(expected: Expected, k: int) -> Floats:
    return expected.upto(k, expected.hit) / k


def _rprec(expected: Expected, _: int) -> Floats:
    relevant = expected.block.relevant
    return expected.upto(relevant.astype(np.int64), expected.hit) / relevant


def _map(expected: Expected, k: int) -> Floats:
    return expected.upto(k, expected.precise) / expected.block.relevant


def _mrr(expected: Expected, k: int) -> Floats:
    return expected.upto(k, expected.first / (expected.rank + 1))


def _success(expected: Expected, k: int) -> Floats:
    return expected.upto(k, expected.first)


FORMULAS: Mapping[Kind, Callable[[Expected, int], Floats]] = {
    "nDCG": _ndcg,
    "Recall": _recall,
    "Precision": _precision,
    "MRR": _mrr,
    "MAP": _map,
    "Success": _success,
    "Rprec": _rprec,
}
