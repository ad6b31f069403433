"""Fitted: the contenders, and what each of them answers to the test queries.

Once on the training part where there are queries enough; where there are few, in folds: each
query is answered by contenders fitted without its fold (`data/folds.py`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tunewise.contenders import Contender, Setting, dev_mean
from tunewise.data.folds import Folds, divide_folds, too_few
from tunewise.data.split import Division
from tunewise.measurement.contest import Contest
from tunewise.measurement.repeats import Again
from tunewise.rankings import Rankings, collect
from tunewise.task import Task, Texts

Hold = Callable[[Setting], Contest]


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
        return fit_in_folds(setting, divide_folds(task, seed=setting.seed), holding)
    fitted = fit_once(setting, division, holding)
    untuned = [one for one in fitted.contest.contenders if not one.tuned]
    return replace(fitted, again=Again(setting, untuned, division.test, end))


def fit_once(setting: Setting, division: Division, holding: Hold) -> Fitted:
    """Every contender fitted on the training part, and asked the test queries."""
    contest = holding(setting)
    asked = division.test.part.queries
    rankings = {one.name: _asked(one, asked, setting) for one in contest.contenders}
    return Fitted(contest, division, rankings, _dev(contest.contenders, setting))


def fit_in_folds(setting: Setting, folds: Folds, holding: Hold) -> Fitted:
    """Every contender fitted without each fold, which it is asked, and then on all.

    Queries in no fold, drawn to be measured on, are asked of what was fitted on all. The dev mean
    is that over folds. A contender that some fold could not fit is left out.
    """
    apart = [
        fit_once(replace(setting, training=fold.training), fold, holding) for fold in folds.folds
    ]
    contest = holding(replace(setting, training=folds.whole.training))
    everywhere = [
        one for one in contest.contenders if all(one.name in fold.rankings for fold in apart)
    ]
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
        replace(contest, contenders=everywhere),
        folds.whole,
        rankings,
        {one.name: float(np.mean([fold.dev[one.name] for fold in apart])) for one in everywhere},
    )


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
