"""Repeats: a finalist trained anew, with other seeds and on parts of the training queries.

A training is repeatable only up to its seed, and what it brings hangs on how much it was given.
Both are measured by doing it again: with other seeds, for the interval; on parts of the
training queries, for the learning curve.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tunewise.comparison import Floats
from tunewise.contenders import Contender, Setting, fit_again
from tunewise.learning_curve import Forecast, Point, extrapolate
from tunewise.metrics import Scores, score
from tunewise.task import Part, Test
from tunewise.verdict import Standing

FRACTIONS = (1 / 8, 1 / 4, 1 / 2)
TIMES = 2  # trainings on each part
SEEDS = 3  # trainings of a finalist
_LEAST = 8  # training queries below which none is worth a training


@dataclass(frozen=True)
class Again:
    """Trains contenders again and scores them on the test queries, while there is time.

    `untuned` are the untuned contenders, `end` is when the budget is spent (`time.monotonic`).
    Without a budget only adapters, which take seconds, are trained again: what is measured must
    not hang on how busy the machine was.
    """

    setting: Setting
    untuned: Sequence[Contender]
    test: Test
    end: float | None = None

    def affordable(self, contender: Contender, times: int) -> bool:
        """Whether it can be trained so many times more."""
        if self.end is None:
            return contender.rung == "adapter"
        return times * contender.seconds <= self.end - time.monotonic()

    def seeds(self, contender: Contender) -> tuple[Scores, ...]:
        """Its scores when trained with other seeds; none where that would take too long."""
        more = SEEDS - 1
        if not self.affordable(contender, more):
            return ()
        first = self.setting.seed
        return tuple(
            self._scored(contender, replace(self.setting, seed=seed))
            for seed in range(first + 1, first + 1 + more)
        )

    def repeated(
        self,
        standings: Sequence[Standing],
        contenders: Sequence[Contender],
        finalists: Sequence[str | None],
    ) -> list[Standing]:
        """The standings, with the finalists' when they were trained with other seeds."""
        return [
            replace(standing, repeats=self.seeds(contender))
            if standing.tuned and standing.name in finalists
            else standing
            for standing, contender in zip(standings, contenders, strict=True)
        ]

    def foreseen(
        self,
        standings: Sequence[Standing],
        contenders: Sequence[Contender],
        base: str,
        groups: Sequence[str],
        worth: float,
    ) -> Forecast | None:
        """What more labels would bring the best tuned contender that there is time to train again.

        None if there is none. `base` names the untuned contender that gains are over.
        """
        pairs = list(zip(standings, contenders, strict=True))
        quick = [pair for pair in pairs if self.affordable(pair[1], len(FRACTIONS) * TIMES)]
        tuned = [pair for pair in quick if pair[1].tuned]
        if not tuned:
            return None
        best, contender = max(tuned, key=lambda pair: pair[0].dev)
        untuned = next(standing.scores for standing in standings if standing.name == base)
        return self._forecast(contender, best.scores, untuned, worth, groups)

    def _forecast(
        self,
        contender: Contender,
        scores: Scores,
        base: Scores,
        worth: float,
        groups: Sequence[str],
    ) -> Forecast:
        train, metric, seed = self.setting.training.train, self.setting.metric, self.setting.seed
        points = [Point(len(train), _gains(scores, base, metric))]
        for part in _parts(train, seed):
            learned = replace(self.setting.training, train=part)
            found = self._scored(contender, replace(self.setting, training=learned))
            points.append(Point(len(part), _gains(found, base, metric)))
        return extrapolate(
            points,
            groups,
            rung=contender.name,
            metric=metric,
            worth=worth,
            seed=seed,
            most=1.0 - base.mean(metric),
        )

    def _scored(self, contender: Contender, setting: Setting) -> Scores:
        new = fit_again(contender, setting, self.untuned)
        part = self.test.part
        return score(
            new.rank(part.queries),
            part.judgments,
            [self.setting.metric],
            relevant_from=self.test.relevant_from,
            weights=part.weights,
        )


def _gains(scores: Scores, base: Scores, metric: str) -> Floats:
    """What each unit gains, so that the plain mean is the weighted one."""
    gains = scores.of(metric) - base.of(metric)
    weights = scores.weights
    return gains if weights is None else np.asarray(gains * weights / weights.mean())


def _parts(train: Part, seed: int) -> Iterator[Part]:
    """Parts of the training queries, each size drawn several times."""
    for rows in rows_of_parts(len(train), seed):
        yield train.take(rows.tolist())


def rows_of_parts(units: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """Places of the units in parts of so many, in order; each size drawn several times."""
    for fraction in FRACTIONS:
        count = round(fraction * units)
        for again in range(TIMES if count >= _LEAST else 0):
            drawn = np.random.default_rng([seed, round(1 / fraction), again])
            yield np.sort(drawn.permutation(units)[:count])
