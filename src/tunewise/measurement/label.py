"""label: which queries to label first, so that two contenders are told apart soonest.

Labelling just the queries on which they disagree would make their difference look larger than it
is. So queries are drawn: one in four by the same chance for all, the others by how much the first
ten of the two contenders disagree. Each query drawn weighs one over its chance; weighted means are
those of all the queries it was drawn from (Horvitz & Thompson 1952). The draw is systematic,
which gives exactly these chances and exactly so many queries (Madow 1949).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tunewise.contenders import Contender
from tunewise.data.labels import Drawn
from tunewise.errors import OptionError
from tunewise.task import Task, Texts

Floats = NDArray[np.float64]

EVEN = 0.25  # share of the draw in which every query has the same chance: bounds the weights
_SHOWN = 10  # documents of each contender that are to be looked at


def label(
    task: Task, pair: tuple[Contender, Contender], queries: Texts, *, n: int, seed: int = 0
) -> Drawn:
    """`n` of these unlabelled queries (or all), with what the two contenders find for them.

    Weights have a mean of 1. Documents are the first ten of both, shuffled, so that nobody sees
    who ranked what where; the queries are in random order, so that stopping early does no harm.
    What was drawn and labelled earlier (`task.weights`) comes first, with its grades: its weights
    and the new ones are set so that together they stand for all queries of both draws.
    Raises OptionError for an `n` or a seed that makes no sense.
    """
    if n < 1 or seed < 0:
        raise OptionError(f"n={n} and seed={seed}: give n of 1 or more, and a seed from 0 up.")
    rng = np.random.default_rng(seed)
    found = [_tens(contender, queries) for contender in pair]
    apart = [1 - overlap(*tens) for tens in zip(*found, strict=True)]
    chances = chances_of(np.array(apart), n)
    places = rng.permutation(draw(chances, rng)).tolist()
    chosen = queries.take(places)
    inverse = 1 / chances[places]
    shown = {
        query: rng.permutation(sorted({*found[0][p], *found[1][p]})).tolist()
        for query, p in zip(chosen.ids, places, strict=True)
    }
    total = len(queries) + len(task.weights)
    weights = inverse / inverse.mean() * len(queries) / total
    how = f"{pair[0].name}, {pair[1].name}: {len(places)} of {len(queries)}, seed {seed}"
    earlier = {query: task.judgments[query] for query in task.weights}
    known = task.queries.take(task.queries.position[query] for query in earlier)
    return Drawn(
        Texts([*known.ids, *chosen.ids], [*known.texts, *chosen.texts]),
        {query: weight + len(places) / total for query, weight in task.weights.items()}
        | dict(zip(chosen.ids, weights.tolist(), strict=True)),
        {query: list(grades) for query, grades in earlier.items()} | shown,
        dict.fromkeys(earlier, "earlier") | dict.fromkeys(chosen.ids, how),
        earlier,
    )


def overlap(first: Sequence[str], second: Sequence[str]) -> float:
    """How alike two rankings are: the share they have in common, averaged over their depths.

    Of the first 1, 2, … of both, the share that is in both; what is higher up counts in more
    depths (average overlap: Fagin, Kumar & Sivakumar 2003). Two empty rankings are alike.

    >>> overlap(["a", "b"], ["b", "a"])  # nothing of one, then two of two
    0.5
    """
    depths = range(1, max(len(first), len(second)) + 1)
    shares = [
        len({*first[:d]} & {*second[:d]}) / max(len(first[:d]), len(second[:d])) for d in depths
    ]
    return sum(shares) / len(shares) if shares else 1.0


def chances_of(apart: Floats, n: int) -> Floats:
    """Each query's chance to be among the `n` drawn, from how far its rankings are apart (0 to 1).

    They add up to `n`, and none is above 1: what would be is drawn for sure.

    >>> chances_of(np.array([0.0, 0.0, 0.5, 0.5]), 2).tolist()
    [0.125, 0.125, 0.875, 0.875]
    """
    if n >= len(apart):
        return np.ones(len(apart))
    share = apart / apart.sum() if apart.any() else np.full(len(apart), 1 / len(apart))
    mixed = EVEN / len(apart) + (1 - EVEN) * share
    sure = np.zeros(len(apart), dtype=bool)
    while True:
        left = (n - sure.sum()) * mixed / mixed[~sure].sum()
        chances = np.where(sure, 1.0, left)
        if not (chances > 1).any():
            return chances
        sure |= chances > 1


def draw(chances: Floats, rng: np.random.Generator) -> NDArray[np.int64]:
    """Places drawn without replacement, each with exactly its chance; as many as these add up to.

    Laid end to end, smallest first and equal ones in random order, the chances make a line; from
    a random point on it, whatever lies under each whole step is drawn. The order is what keeps the
    sum of the weights from varying, and so a weighted mean, a ratio to that sum, from being biased
    in small draws.
    """
    n = round(float(chances.sum()))
    order = rng.permutation(len(chances))
    order = order[np.argsort(chances[order], kind="stable")]
    line = np.cumsum(chances[order])
    steps = (rng.random() + np.arange(n)) * (line[-1] / n)
    return np.asarray(order[np.searchsorted(line, steps, side="right")], dtype=np.int64)


def _tens(contender: Contender, queries: Texts) -> list[list[str]]:
    ranked = contender.rank(queries)
    return [[key for key, _ in ranked.best(place, _SHOWN)] for place in range(len(queries))]
