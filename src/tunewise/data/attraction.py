"""Attraction: how likely a document is clicked by somebody who looks at it, from a click log.

The position-based model (Chuklin, Markov & de Rijke, Click Models for Web Search, 2015, §3.3):

    P(click on document d for query q at rank k) = examination(k) · attraction(q, d)

Examination is told by the same document of one query being shown at different ranks (Agarwal et
al., Estimating Position Bias without Intrusive Interventions, WSDM 2019), and by nothing else:
where documents keep their ranks, few clicks may mean that nobody looks or that nobody likes it.

The clicks of a pair at a rank are taken as counts with the mean shown · examination · attraction.
With one factor for each pair, expectation maximisation for such counts (Lee & Seung, Algorithms
for Non-negative Matrix Factorization, 2001) is a division for all pairs, then one for all ranks,
and the estimate is right in the long run however seldom each single pair was shown. Of the model
for single clicks that is not so, with a prior on attraction or without; see docs/log.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tunewise.data.clicklog import ClickLog

Floats = NDArray[np.float64]
Places = NDArray[np.int64]

DRAWS = 20  # bootstrap samples: the spread is then known to a sixth of itself
_PRIOR_CLICKS = 0.5  # clicks a pair has before it is shown; see docs/log.md
_PRIOR_RANK = 1.0  # clicks for 1/rank that each rank has before anything is shown
_TOLD = 5.0  # information on a rank's log-examination, in clicks; its error is then under 0.45
_ROUNDS, _NEAR = 1000, 1e-6
_NONE = 1e-300  # what to divide by where a sample shows a pair not at all


@dataclass(frozen=True)
class Attraction:
    """What a log tells: `grades` (0 to 1) and `looks` of each pair, `examination` of each rank.

    `looks` is how many people are estimated to have looked. `ranks` are those that occur;
    `examination` is 1 at the first of them. Where `told` is False the log does not say and
    examination is first rank / rank, the usual assumption (Joachims, Swaminathan & Schnabel,
    Unbiased Learning-to-Rank with Biased Feedback, WSDM 2017). `redrawn` (samples × pairs)
    are the grades had other sessions been logged.
    """

    grades: Floats
    looks: Floats
    ranks: Places
    examination: Floats
    told: NDArray[np.bool_]
    redrawn: Floats


@dataclass(frozen=True)
class _Counts:
    """Times shown and clicked of each pair at each rank that it was shown at (a cell)."""

    pair: Places
    rank: Places  # the place of the rank among those that occur
    shown: Floats
    clicks: Floats

    def by_pair(self, values: Floats) -> Floats:
        return np.bincount(self.pair, values).astype(np.float64)

    def by_rank(self, values: Floats, ranks: int) -> Floats:
        return np.bincount(self.rank, values, ranks).astype(np.float64)


def estimate(log: ClickLog, *, seed: int = 0) -> Attraction:
    """Attraction of every pair of a log with at least one click, and its spread by bootstrap.

    A million rows take seconds, samples and all; the same log and seed give the same estimate.

    >>> from tunewise.data.clicklog import ClickLog
    >>> shown = np.tile([1, 2], 200)
    >>> clicked = np.arange(400) % 8 < np.where(shown == 1, 8, 4)
    >>> pair = np.zeros(400, np.int64)
    >>> found = estimate(ClickLog((("q", "d"),), pair, shown, clicked, np.arange(400)))
    >>> found.examination.round(2).tolist()
    [1.0, 0.5]
    """
    ranks, rank = np.unique(log.rank, return_inverse=True)
    cells, cell = np.unique(log.pair * len(ranks) + rank, return_inverse=True)
    pair, place = cells // len(ranks), cells % len(ranks)

    def counted(weight: Floats) -> _Counts:
        shown = np.bincount(cell, weight, len(cells))
        clicks = np.bincount(cell, weight * log.clicked, len(cells))
        return _Counts(pair, place, shown.astype(np.float64), clicks.astype(np.float64))

    usual = ranks[0] / ranks
    counts = counted(np.ones(len(cell)))
    told = _information(counts, usual) >= _TOLD
    examination = _examination(counts, told, usual, start=usual)
    redrawn = np.stack(
        [
            _grades(again, _examination(again, told, usual, start=examination))
            for again in map(counted, _samples(log.session, seed))
        ]
    )
    looks = counts.by_pair(counts.shown * examination[place])
    return Attraction(_grades(counts, examination), looks, ranks, examination, told, redrawn)


def _samples(session: Places, seed: int) -> Iterator[Floats]:
    """For each bootstrap sample, how often each row is in it: sessions are drawn whole."""
    rng, sessions = np.random.default_rng(seed), int(session.max()) + 1
    for _ in range(DRAWS):
        drawn = np.bincount(rng.integers(0, sessions, sessions), minlength=sessions)
        yield drawn[session].astype(np.float64)


def _information(counts: _Counts, usual: Floats) -> Floats:
    """How many clicks tell each rank's examination: those that could be at another rank too.

    It is Fisher's information on its logarithm, given each pair's clicks: Σ clicks · π (1 − π)
    over pairs, π the share of the pair's clicks that is expected at this rank.
    """
    expected = counts.shown * usual[counts.rank]
    share = expected / counts.by_pair(expected)[counts.pair]
    clicks = counts.by_pair(counts.clicks)[counts.pair]
    return counts.by_rank(clicks * share * (1 - share), len(usual))


def _examination(
    counts: _Counts, told: NDArray[np.bool_], usual: Floats, *, start: Floats
) -> Floats:
    """Each rank's examination relative to the first; the usual one at ranks that are not told."""
    by_pair = counts.by_pair(counts.clicks)
    by_rank = counts.by_rank(counts.clicks, len(usual)) + _PRIOR_RANK * usual
    found = start
    for _ in range(_ROUNDS if told.any() else 0):
        looks = counts.by_pair(counts.shown * found[counts.rank])
        attraction = by_pair / np.maximum(looks, _NONE)
        could = counts.by_rank(counts.shown * attraction[counts.pair], len(usual)) + _PRIOR_RANK
        before, found = found, np.where(told, by_rank / could, usual)
        found = found / found[0]
        if np.abs(found - before).max() < _NEAR:
            break
    return found


def _grades(counts: _Counts, examination: Floats) -> Floats:
    """Each pair's attraction: clicks over looks, drawn towards the mean of all pairs.

    The prior is half a click in as many looks as half a click takes on average, so that one
    click at one look makes about three times the mean, not 1. The mean is that of the estimates
    themselves: it solves Σ (clicks − looks · mean) / (looks · mean + prior) = 0.
    """
    clicks = counts.by_pair(counts.clicks)
    looks = counts.by_pair(counts.shown * examination[counts.rank])
    mean = max(float(clicks.sum() / max(looks.sum(), _NONE)), _NONE)
    grades = clicks
    for _ in range(_ROUNDS):
        grades = (clicks + _PRIOR_CLICKS) / (looks + _PRIOR_CLICKS / mean)
        before, mean = mean, max(float(grades.mean()), _NONE)
        if abs(mean - before) < _NEAR * before:
            break
    return _significant(np.minimum(grades, 1.0))


def _significant(grades: Floats) -> Floats:
    """To four significant digits: where clicks are rare, fixed decimals would leave nothing."""
    scale = 10.0 ** (3 - np.floor(np.log10(np.maximum(grades, _NONE))))
    return np.asarray(np.round(grades * scale) / scale, dtype=np.float64)
