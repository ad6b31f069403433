"""Standing: one contender as the rule sees it."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import variance

from tunewise.metrics import Scores


@dataclass(frozen=True)
class Standing:
    """A contender's dev mean and its scores on the test queries."""

    name: str
    tuned: bool
    dev: float
    scores: Scores
    rung: str | None = None
    plain: bool = False
    """Whether this is the first off-the-shelf encoder by itself: nothing added, nothing tuned."""
    repeats: Sequence[Scores] = ()
    """Its scores when it was trained again with other seeds."""

    def unrepeatable(self, metric: str) -> float:
        """The variance of the mean from one training to the next; 0 where there was only one."""
        means = [scores.mean(metric) for scores in (self.scores, *self.repeats)]
        return variance(means) if len(means) > 1 else 0.0
