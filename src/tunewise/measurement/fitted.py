"""Fitted: the contenders, and what each of them answers to the test queries.

Once on the training part where there are queries enough; where there are few, in folds: each
query is answered by contenders fitted without its fold (`data/folds.py`).
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tunewise.contenders import Contender, Setting, dev_mean
from tunewise.data.folds import Folds, divide_folds, too_few
from tunewise.data.split import Division
from tunewise.measurement.budget import NOT_IN_TIME
from tunewise.measurement.contest import Contest
from tunewise.measurement.repeats import Again
from tunewise.progress import Progress
from tunewise.rankings import Rankings, collect
from tunewise.task import Task, Texts
from tunewise.verdict import Skipped

Hold = Callable[[Setting, float | None], Contest]
"""Fits contenders until a time (`time.monotonic`)."""


@dataclass(frozen=True)
class Fitted:
    """Contenders, their rankings of the test queries, and their means on dev, by name.

    `again` trains them again; None where queries are too few for that.
    """

    contest: Contest
    division: Division
    rankings: Mapping[str, Rankings]
    dev: Mapping[str, float]
    again: Again | None = None


def fit(
    task: Task, division: Division, setting: Setting, holding: Hold, end: float | None
) -> Fitted:
    """The contenders fitted in the way that the number of queries allows, until `end`."""
    if too_few(task):
        return fit_in_folds(setting, divide_folds(task, seed=setting.seed), holding, end)
    fitted = fit_once(setting, division, holding, end)
    untuned = [one for one in fitted.contest.contenders if not one.tuned]
    return replace(fitted, again=Again(setting, untuned, division.test, end))


def fit_once(
    setting: Setting, division: Division, holding: Hold, end: float | None = None
) -> Fitted:
    """Every contender fitted on the training part, and asked the test queries."""
    contest = holding(setting, end)
    asked = division.test.part.queries
    rankings = {one.name: _asked(one, asked, setting) for one in contest.contenders}
    return Fitted(contest, division, rankings, _dev(contest.contenders, setting))


def fit_in_folds(setting: Setting, folds: Folds, holding: Hold, end: float | None = None) -> Fitted:
    """Every contender fitted without each fold, which it is asked, and then on all.

    Queries in no fold, drawn to be measured on, are asked of what was fitted on all. The dev mean
    is that over folds. A contender that some fold could not fit is left out.
    """
    apart = []
    for number, fold in enumerate(folds.folds):
        named = _counted(setting.progress, number + 1, len(folds.folds))
        own = replace(setting, training=fold.training, progress=named)
        share = _share_of(end, len(folds.folds) - number + 1)
        apart.append(fit_once(own, fold, holding, share))
    contest = holding(replace(setting, training=folds.whole.training), end)
    everywhere, skipped = [], list(contest.skipped)
    for one in contest.contenders:
        if all(one.name in fold.rankings for fold in apart):
            everywhere.append(one)
        else:
            skipped.append(Skipped(one.name, NOT_IN_TIME, tuned=one.tuned, cause="time"))
    queries = folds.whole.test.part.queries
    dealt = {query for fold in folds.folds for query in fold.test.part.judgments}
    drawn = queries.take(row for row, query in enumerate(queries.ids) if query not in dealt)
    rankings = {
        one.name: _pooled(
            [*(fold.rankings[one.name] for fold in apart), _asked(one, drawn, setting)], queries
        )
        for one in everywhere
    }
    return Fitted(
        Contest(everywhere, skipped),
        folds.whole,
        rankings,
        {one.name: float(np.mean([fold.dev[one.name] for fold in apart])) for one in everywhere},
    )


def _counted(progress: Progress, fold: int, folds: int) -> Progress:
    """The progress, with the fold it is of: the same steps come once for each."""

    def told(what: str, done: int, total: int) -> None:
        progress(what and f"fold {fold} of {folds}: {what}", done, total)

    return told


def _share_of(end: float | None, fits: int) -> float | None:
    """When the next of so many fits is to end, if all take the same time."""
    if end is None:
        return None
    now = time.monotonic()
    return now + (end - now) / fits


def _asked(contender: Contender, queries: Texts, setting: Setting) -> Rankings:
    setting.progress(f"scoring {contender.name}", 0, 0)
    return contender.rank(queries)


def _dev(contenders: Sequence[Contender], setting: Setting) -> Mapping[str, float]:
    training = setting.training
    return {
        one.name: dev_mean(one.dev, training.dev, setting.metric, training.relevant_from)
        for one in contenders
    }


def _pooled(rankings: Sequence[Rankings], queries: Texts) -> Rankings:
    """Rankings of different queries as one, in the order of `queries`."""
    lists = {
        query: ranked
        for some in rankings
        for query, ranked in zip(some.query_ids, some, strict=True)
    }
    return collect(queries.ids, rankings[0].document_ids, [lists[query] for query in queries.ids])
