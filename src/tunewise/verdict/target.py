"""Target: a level to reach, asked for or usual, and whether it is."""

from collections.abc import Mapping
from dataclasses import dataclass

from tunewise.comparison import Interval

USUAL_MARKS: Mapping[str, float] = {"nDCG": 0.75, "MRR": 0.70, "Recall": 0.90, "MAP": 0.60}
"""What teams often ask of a search, by kind of metric; a mark to hold a result against, no law."""


@dataclass(frozen=True)
class Target:
    """A level asked for, the recommended contender's score, and whether it is met.

    `met` is None when the interval holds the level: it cannot be told.
    """

    metric: str
    value: float
    yours: bool
    score: Interval
    met: bool | None


def target_of(
    score: Interval, value: float | None, *, metric: str, searched: bool
) -> Target | None:
    """Whether a score reaches `value`, or None for it what teams often ask of a search.

    None where nobody asks for a level.
    """
    usual = USUAL_MARKS.get(metric.partition("@")[0]) if searched else None
    level = usual if value is None else value
    if level is None:
        return None
    met = True if score.low >= level else False if score.high < level else None
    return Target(metric, level, value is not None, score, met)
