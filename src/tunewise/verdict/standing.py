"""Standing: one contender as the rule sees it."""

from collections.abc import Mapping, Sequence
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
    redrawn: Sequence[float] = ()
    """Its mean under each of the judgments that other samples would have given (`Test.redrawn`)."""
    dev_units: int = 0
    """How many queries `dev` is the mean of; 0 where they are those of test, as in folds."""
    same_as: str | None = None
    """The untuned contender that tuning gave back; it is this one, not only as good."""

    def unrepeatable(self, metric: str) -> float:
        """The variance of the mean from one training to the next; 0 where there was only one."""
        means = [scores.mean(metric) for scores in (self.scores, *self.repeats)]
        return variance(means) if len(means) > 1 else 0.0


def further_variances(first: Standing, second: Standing, metric: str) -> Mapping[str, float]:
    """What the difference of two standings varies by besides the queries, by where it comes from.

    Two trainings vary by themselves; judgments drawn again move both contenders at once.
    """
    apart = [one - other for one, other in zip(first.redrawn, second.redrawn, strict=True)]
    return {
        "training": first.unrepeatable(metric) + second.unrepeatable(metric),
        "judgments": variance(apart) if len(apart) > 1 else 0.0,
    }
