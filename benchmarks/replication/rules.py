"""Decisions: what the product and the rules in use decide on half of a pool, held against the rest.

Nothing was learned from the pool or chosen on it. A decision sees the dev means and queries drawn
from half 0, whole groups of them; half 1 says what it was worth.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from cells import METRIC
from kept import Cell, Floats, Kept, decides
from numpy.typing import NDArray
from run import Key

from tunewise.comparison import interval
from tunewise.data.folds import FOLDS
from tunewise.metrics import Scores
from tunewise.verdict import CANNOT_TELL, TUNE, Decision, Standing, decide

WORTH = 0.02
JUDGED = (40, 150)  # queries to decide on, beside all there are
DRAWINGS = 3  # of each of these numbers
PRODUCT = "tunewise"
_DRAWS = 2_000  # of the bootstrap on the other half

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Proof:
    """What a claimed gain is on the other half; `error` is its standard error, over groups.

    `pool` is the same gain on the whole pool, which the decision has seen a part of.
    """

    mean: float
    error: float
    low: float
    high: float
    pool: float


@dataclass(frozen=True)
class Outcome:
    """One decision of the product, and what it and every rule turned out to be worth.

    `judged` is the number of queries asked for ("40", "150", "all"), `queries` how many there
    were. `regret` says for each rule how much better the best contender in hindsight is, on the
    other half; `regret_of_pool` the same on the whole pool; `regret_at_price` on the other half
    again, where each tuned contender is first charged what a gain must be to be worth having.
    `promised` is the gain that the
    decision saw and `proof` what became of it: of the recommended contender over the best
    untuned one where the answer is `tune`, else of the best tuned one. `needed` is how many
    queries were said to settle it.
    """

    key: Key
    judged: str
    drawing: int
    queries: int
    answer: str
    contender: str
    needed: int | None
    promised: float
    proof: Proof
    regret: Mapping[str, float]
    regret_of_pool: Mapping[str, float]
    regret_at_price: Mapping[str, float]


def outcomes(cell: Cell) -> Iterator[Outcome]:
    """Every decision of a cell: on few queries drawn several times, then on all of half 0."""
    half = np.flatnonzero(cell.halves == 0)
    for judged in (str(count) for count in JUDGED if count < len(half)):
        for number in range(DRAWINGS):
            seed = [cell.key.draw, int(judged), number]
            yield _outcome(cell, some(cell, half, int(judged), seed), judged, number)
    yield _outcome(cell, half, "all", 0)


def some(cell: Cell, half: Rows, count: int, seed: list[int]) -> Rows:
    """Whole groups of a half at random, until there are `count` queries."""
    groups = cell.groups[half]
    order = np.random.default_rng(seed).permutation(np.unique(groups))
    sizes = np.array([np.count_nonzero(groups == group) for group in order])
    enough = int(np.searchsorted(sizes.cumsum(), count)) + 1
    return half[np.isin(groups, order[:enough])]


def _outcome(cell: Cell, rows: Rows, judged: str, number: int) -> Outcome:
    found = decided(cell, rows, number)
    means = Means({c.name: float(c.scores[rows].mean()) for c in cell.contenders}, len(rows))
    chosen = {
        PRODUCT: found.contender,
        **{name: rule(cell, means) for name, rule in RULES.items()},
    }
    for name, rule in IN_DOUBT.items():
        chosen[name] = rule(cell, means) if found.answer == CANNOT_TELL else found.contender
    base, other = cell.named(found.best_untuned), cell.halves == 1
    tuned = cell.named(found.contender if found.answer == TUNE else str(found.best_tuned))
    return Outcome(
        key=cell.key,
        judged=judged,
        drawing=number,
        queries=len(rows),
        answer=found.answer,
        contender=found.contender,
        needed=found.needed.queries if found.needed else None,
        promised=means.of[tuned.name] - means.of[base.name],
        proof=_proof(cell, tuned, base),
        regret=_regrets(cell, chosen, other),
        regret_of_pool=_regrets(cell, chosen, np.full(len(other), fill_value=True)),
        regret_at_price=_regrets(cell, chosen, other, price=WORTH),
    )


def decided(cell: Cell, rows: Rows, seed: int) -> Decision:
    """What the product says, given these queries of the pool."""
    standings = [standing(cell, one, rows) for one in cell.contenders]
    groups = [str(group) for group in cell.groups[rows]]
    return decide(standings, groups, metric=METRIC, worth=WORTH, seed=seed)


def standing(cell: Cell, contender: Kept, rows: Rows) -> Standing:
    """A contender as the rule sees it, given these queries of the pool."""
    in_folds = not decides(cell.key)
    return Standing(
        contender.name,
        contender.tuned,
        contender.dev,
        _scores(contender, rows),
        contender.rung,
        contender.plain,
        dev_units=0 if in_folds else cell.dev,
        same_as=contender.same_as,
        folds=FOLDS if in_folds and not contender.plain else 0,
    )


def _scores(contender: Kept, rows: Rows) -> Scores:
    return Scores(
        query_ids=[str(row) for row in rows],
        values={METRIC: contender.scores[rows]},
        unanswered=0,
        left_out=0,
        unjudged={},
        judged_only={},
    )


def _regrets(
    cell: Cell, chosen: Mapping[str, str], held: NDArray[np.bool_], price: float = 0.0
) -> dict[str, float]:
    worth = {c.name: float(c.scores[held].mean()) - price * c.tuned for c in cell.contenders}
    return {rule: max(worth.values()) - worth[name] for rule, name in chosen.items()}


def _proof(cell: Cell, first: Kept, second: Kept) -> Proof:
    gains, other = first.scores - second.scores, cell.halves == 1
    groups = cell.groups[other]
    found = interval(gains[other], [str(group) for group in groups], draws=_DRAWS, bounds=(-1, 1))
    error = error_of(gains[other], groups)
    return Proof(found.mean, error, found.low, found.high, float(gains.mean()))


def error_of(values: Floats, groups: Rows) -> float:
    """The standard error of a mean whose groups were drawn, linearised."""
    sums = np.bincount(np.unique(groups, return_inverse=True)[1], values - values.mean())
    return float(np.sqrt((sums**2).sum() * len(sums) / (len(sums) - 1)) / len(values))


@dataclass(frozen=True)
class Means:
    """Every contender's mean on the queries to decide on, and how many these are."""

    of: Mapping[str, float]
    queries: int


# A rule names a contender, from dev means, training queries and means on the decision's queries.
Rule = Callable[[Cell, Means], str]


def always_tune(cell: Cell, means: Means) -> str:  # noqa: ARG001
    return cell.best(tuned=True).name


def never_tune(cell: Cell, means: Means) -> str:  # noqa: ARG001
    return next(c.name for c in cell.contenders if c.plain)


def best_untuned(cell: Cell, means: Means) -> str:  # noqa: ARG001
    return cell.best(tuned=False).name


def hybrid(cell: Cell, means: Means) -> str:  # noqa: ARG001
    return cell.named("hybrid").name


def best_seen(cell: Cell, means: Means) -> str:
    return max((c.name for c in cell.contenders), key=lambda name: means.of[name])


def by_difference(least: float) -> Rule:
    def rule(cell: Cell, means: Means) -> str:
        tuned, untuned = cell.best(tuned=True).name, cell.best(tuned=False).name
        return tuned if means.of[tuned] - means.of[untuned] >= least else untuned

    return rule


def by_ratio(cell: Cell, means: Means) -> str:
    tuned, untuned = cell.best(tuned=True).name, cell.best(tuned=False).name
    return tuned if means.of[tuned] >= 1.15 * means.of[untuned] else untuned


def all_seen(cell: Cell, means: Means) -> str:
    """The best on dev and test together, tuned ones charged with what is worth having."""

    def worth(contender: Kept) -> float:
        total = contender.dev * cell.dev + means.of[contender.name] * means.queries
        return total / (cell.dev + means.queries) - WORTH * contender.tuned

    return max(cell.contenders, key=worth).name


def by_pairs(cell: Cell, means: Means) -> str:  # noqa: ARG001
    return cell.best(tuned=cell.train >= 1_000).name


RULES: Mapping[str, Rule] = {
    "always tune": always_tune,
    "never tune": never_tune,
    "best untuned on dev": best_untuned,
    "always hybrid": hybrid,
    "tune if it gains 0.005": by_difference(0.005),
    "tune if it gains 0.02": by_difference(WORTH),
    "tune if it gains 15 %": by_ratio,
    "tune from 1,000 pairs": by_pairs,
    "highest mean of all": best_seen,
    "highest mean at its price, dev and test": all_seen,
}
# The product's decision, but where it cannot tell, another rule's.
IN_DOUBT: Mapping[str, Rule] = {
    "tunewise, in doubt: untuned": best_untuned,
    "tunewise, in doubt: highest mean at its price, dev and test": all_seen,
}
