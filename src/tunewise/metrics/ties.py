"""What each rank of a ranking is expected to hold, over all orders of tied documents."""

from dataclasses import dataclass

import numpy as np

from tunewise.metrics.judged import Block, Floats, Places, within


@dataclass(frozen=True)
class Expected:
    """What each rank of each ranking is expected to hold, over all orders of tied documents.

    Flat, one entry a rank (0 first): `gain`, `hit` (relevant), `unjudged`, `precise` (relevant
    times the precision there) and `first` (the chance that the first relevant one is here).
    """

    block: Block
    rank: Places
    gain: Floats
    hit: Floats
    unjudged: Floats
    precise: Floats
    first: Floats

    def upto(self, depth: int | Places, weight: Floats) -> Floats:
        """Per query, the sum of `weight` over the ranks before `depth` (per query, or one)."""
        limit = depth if isinstance(depth, int) else depth[self.block.row]
        counted = self.rank < limit
        row, queries = self.block.row[counted], len(self.block.lengths)
        return np.bincount(row, weight[counted], queries).astype(np.float64, copy=False)


def expect(block: Block) -> Expected:
    """What each rank is expected to hold: within a tie, a run of equal scores, the run's mean.

    Precision at a relevant document is not linear in the order: at the i-th rank of a tie of m
    documents, r of them relevant, after `before` documents with R₀ relevant ones,
    E[rel · precision] = r/m · (R₀ + 1 + (i - 1)(r - 1)/(m - 1)) / (before + i).
    """
    rank = within(block.lengths)
    leaves = rank == 0
    leaves[1:] |= block.score[1:] != block.score[:-1]
    opens = np.flatnonzero(leaves)
    sizes = np.diff(opens, append=len(rank))
    relevant = (np.nan_to_num(block.grade) >= block.relevant_from).astype(float)
    hits = _sums(relevant, opens)
    earlier = np.cumsum(hits) - hits  # relevant in all ties before, of all queries
    starts = np.flatnonzero(rank[opens] == 0)
    earlier -= np.repeat(earlier[starts], np.diff(starts, append=len(opens)))
    inside = rank - np.repeat(rank[opens], sizes)
    others = np.where(sizes > 1, (hits - 1) / np.maximum(sizes - 1, 1), 0.0)
    seen = np.repeat(earlier + 1, sizes) + inside * np.repeat(others, sizes)
    hit = np.repeat(hits / sizes, sizes)
    return Expected(
        block=block,
        rank=rank,
        gain=np.repeat(_sums(gains(block.grade), opens) / sizes, sizes),
        hit=hit,
        unjudged=np.repeat(_sums(np.isnan(block.grade).astype(float), opens) / sizes, sizes),
        precise=hit * seen / (rank + 1),
        first=_first(opens, sizes, hits, earlier, len(rank)),
    )


def _sums(values: Floats, opens: Places) -> Floats:
    return np.add.reduceat(values, opens) if len(opens) else np.empty(0)


def gains(grade: Floats) -> Floats:
    """What a grade is worth to nDCG: itself, but 0 where it is negative or absent (NaN)."""
    return np.maximum(np.nan_to_num(grade), 0.0)


def _first(opens: Places, sizes: Places, hits: Floats, earlier: Floats, count: int) -> Floats:
    """The chance, at each rank, that the first relevant document is there.

    It is in the first tie with any. There, after j documents without one, the next is relevant
    with chance r / (m - j), so none is among the first j + 1 with chance Π (1 - r / (m - j)).
    """
    chance = np.zeros(count)
    decisive = np.flatnonzero((hits > 0) & (earlier == 0))
    for size in np.unique(sizes[decisive]):
        ties = decisive[sizes[decisive] == size]
        inside = np.arange(size)
        next_one = np.minimum(hits[ties, None] / (size - inside), 1.0)
        none_yet = np.ones_like(next_one)
        none_yet[:, 1:] = np.cumprod(1.0 - next_one, axis=1)[:, :-1]
        chance[opens[ties, None] + inside] = none_yet * next_one
    return chance
