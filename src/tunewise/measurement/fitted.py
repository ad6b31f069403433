"""Fitted: the contenders, and what each of them answers to the test queries.

Once on the training part where there are queries enough; where there are few, in folds: each
query is answered by contenders fitted without its fold (`data/folds.py`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tunewise.contenders import Contender, Setting, dev_mean
from tunewise.data.folds import Folds
from tunewise.measurement.contest import Contest
from tunewise.rankings import Rankings, collect
from tunewise.task import Test

Hold = Callable[[Setting], Contest]


@dataclass(frozen=True)
class Fitted:
    """Contenders, their rankings of the `test` queries, and their means on dev, by name."""

    contest: Contest
    test: Test
    rankings: Mapping[str, Rankings]
    dev: Mapping[str, float]


def fit_once(setting: Setting, test: Test, holding: Hold) -> Fitted:
    """Every contender fitted on the training part, and asked the test queries."""
    contest = holding(setting)
    rankings = {one.name: _asked(one, test, setting) for one in contest.contenders}
    return Fitted(contest, test, rankings, _dev(contest.contenders, setting))


def fit_in_folds(setting: Setting, folds: Folds, holding: Hold) -> Fitted:
    """Every contender fitted without each fold, which it is asked, and then on all.

    The dev mean is that over folds. A contender that some fold could not fit is left out.
    """
    apart = [
        fit_once(replace(setting, training=one.training), one.test, holding) for one in folds.folds
    ]
    contest = holding(replace(setting, training=folds.whole.training))
    everywhere = [
        one for one in contest.contenders if all(one.name in fold.rankings for fold in apart)
    ]
    test, names = folds.whole.test, [one.name for one in everywhere]
    return Fitted(
        replace(contest, contenders=everywhere),
        test,
        {name: _pooled([fold.rankings[name] for fold in apart], test) for name in names},
        {name: float(np.mean([fold.dev[name] for fold in apart])) for name in names},
    )


def _asked(contender: Contender, test: Test, setting: Setting) -> Rankings:
    setting.progress(f"scoring {contender.name}", 0, 0)
    return contender.rank(test.part.queries)


def _dev(contenders: Sequence[Contender], setting: Setting) -> Mapping[str, float]:
    training = setting.training
    return {
        one.name: dev_mean(one.dev, training.dev, setting.metric, training.relevant_from)
        for one in contenders
    }


def _pooled(rankings: Sequence[Rankings], test: Test) -> Rankings:
    """The folds' rankings as one, in the order of the test queries."""
    lists = {
        query: ranked
        for fold in rankings
        for query, ranked in zip(fold.query_ids, fold, strict=True)
    }
    ids = test.part.queries.ids
    return collect(ids, rankings[0].document_ids, [lists[query] for query in ids])
