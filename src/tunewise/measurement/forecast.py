"""forecast: what more labels would bring, from a learning curve of what trains in seconds."""

import math
from collections.abc import Sequence

from tunewise.data.folds import FEW, too_few
from tunewise.data.split import divide
from tunewise.encoders import DEFAULT_ENCODER, Encoder
from tunewise.errors import DataError
from tunewise.learning_curve import LEAST, SIZES, Forecast
from tunewise.measurement.measure import measure
from tunewise.measurement.repeats import FRACTIONS
from tunewise.progress import Progress, silent
from tunewise.task import Task

_CONTENDERS = ("lexical", "pretrained", "hybrid", "adapter")
_FEWEST = math.ceil(LEAST / sorted((*FRACTIONS, 1.0), reverse=True)[SIZES - 1])


def forecast(
    task: Task,
    *,
    encoders: Sequence[str | Encoder] = (DEFAULT_ENCODER,),
    base_url: str | None = None,
    engine: str = "auto",
    metric: str = "nDCG@10",
    worth: float = 0.02,
    seed: int = 0,
    progress: Progress = silent,
) -> Forecast:
    """What 2, 4 and 10 times the labels would bring, and how many would make tuning pay.

    An adapter is trained on parts of the training queries and held against the best untuned
    contender on the test queries, whose use is counted; deeper rungs, which may learn more, are
    not tried. Arguments are those of `measure`, and so is what is forecast. Raises DataError for
    data without a dev part or with fewer than 32 training queries, else as `measure` does.

    >>> import tunewise
    >>> found = tunewise.forecast(tunewise.read_task("data/"))  # doctest: +SKIP
    >>> found.more, found.supported  # doctest: +SKIP
    (1200, True)
    """
    _check(task, seed)
    verdict = measure(
        task,
        encoders=encoders,
        base_url=base_url,
        engine=engine,
        metric=metric,
        worth=worth,
        contenders=_CONTENDERS,
        seed=seed,
        progress=progress,
    )
    if verdict.forecast is None:
        why = "; ".join(f"{one.name}: {one.why}" for one in verdict.skipped)
        raise DataError(f"No adapter could be trained, so there is no learning curve ({why}).")
    return verdict.forecast


def _check(task: Task, seed: int) -> None:
    """Refuses, before anything is encoded or test is used, what gives no curve."""
    if too_few(task):
        raise DataError(
            f"There are {len(task.judgments)} judged queries. Fewer than {FEW} are measured in "
            "folds, which learn from nearly all there is, so there is no learning curve. Judge "
            "more, or put some into a test part of your own."
        )
    training = divide(task, seed=seed).training
    if not len(training.dev):
        raise DataError(
            "There is no dev part to stop training on, so there is no learning curve. Judge more "
            "queries, or put some of them into dev."
        )
    if len(training.train) < _FEWEST:
        raise DataError(
            f"There are {len(training.train)} training queries, and a learning curve takes "
            f"{_FEWEST} or more: it is trained on parts of them. Judge more queries, or put more "
            "of them into train."
        )
