"""Adapted: the rung adapter by hand, fitted as it is in the contest and measured as the others."""

import time
from typing import Any

from tunewise.contenders import TABLE, Contender, Setting, dev_mean
from tunewise.data.split import divide
from tunewise.encoders import Encoder
from tunewise.measurement.gains import paired_gains
from tunewise.measurement.kinds import require_parts, retrieval_findings
from tunewise.measurement.options import Options
from tunewise.measurement.tuning import Outcome, Tuning
from tunewise.measurement.uses import count_use
from tunewise.metrics import DEFAULT_METRICS, Scores, score
from tunewise.progress import Progress
from tunewise.task import Task, Test

_KEPT = (
    "what tuning costs elsewhere was not measured: the encoder itself is as it was, and other "
    "tasks go on using it without the map"
)


def tune_adapter(
    task: Task, encoder: Encoder, options: Options, metric: str, progress: Progress, began: float
) -> Tuning:
    """The better on dev of a map of the queries alone and one of both sides, or the base."""
    division = divide(task, seed=options.seed)
    require_parts(division.how, "queries", task.source)
    setting = Setting(division.training, [encoder], metric, seed=options.seed, progress=progress)
    [base] = TABLE["pretrained"].fit(setting, [])
    fitted = TABLE["adapter"].fit(setting, [base])
    outcome = _better(base, fitted, setting)
    chosen = outcome.contender
    what = {
        "tune": [encoder.stamp, chosen.name, dict(chosen.settings)],
        "data": task.fingerprint,
        "seed": options.seed,
    }
    use = count_use(task, what)
    names = list(dict.fromkeys([metric, *DEFAULT_METRICS]))
    first = _scored(base, division.test, names)
    second = first if chosen is base else _scored(chosen, division.test, names)
    group = dict(zip(division.test.part.queries.ids, division.test.part.groups, strict=True))
    groups = [group[query] for query in first.query_ids]
    return Tuning(
        rung="adapter",
        kind="retrieval",
        metric=metric,
        encoder=encoder,
        outcome=outcome,
        gains=paired_gains(first, second, groups, seed=options.seed),
        measured_on="test",
        loss=None,
        run=None,
        other=None,
        prefixes=None,
        findings=retrieval_findings(task, division, encoder),
        notes=(*(chosen.notes if outcome.improved else ()), _KEPT),
        data=_data(task, division.how, fitted, use),
        options=options,
        seconds=time.monotonic() - began,
        training_seconds=sum(one.seconds for one in fitted),
    )


def _better(base: Contender, fitted: list[Contender], setting: Setting) -> Outcome:
    """The best on dev; of equals the first, which leaves the documents' vectors as they are."""
    training = setting.training

    def on_dev(one: Contender) -> float:
        return dev_mean(one.dev, training.dev, setting.metric, training.relevant_from)

    before, means = on_dev(base), [on_dev(one) for one in fitted]
    after = max(means)
    told = f"({setting.metric} {after:.3f}, base {before:.3f})"
    if after <= before:
        why = f"no adapter did better on dev than the base {told}: the base is delivered"
        return Outcome(base, base, False, why, dev=(before, after))
    best = fitted[means.index(after)]
    return Outcome(best, base, True, f"better on dev than the base {told}", 1.0, (before, after))


def _scored(contender: Contender, test: Test, metrics: list[str]) -> Scores:
    part, least = test.part, test.relevant_from
    ranked = contender.rank(part.queries)
    return score(ranked, part.judgments, metrics, relevant_from=least, weights=part.weights)


def _data(task: Task, how: Any, fitted: list[Contender], use: int) -> dict[str, Any]:
    return {
        "source": task.source,
        "read_with": dict(task.read_with),
        "kind": "retrieval",
        "fingerprint": task.fingerprint,
        "units": "queries",
        "counts": {name: how[name] for name in ("train", "dev", "test")},
        "documents": len(task.documents),
        "rows": fitted[0].settings["training_pairs"],
        "shape": "pairs",
        "split": dict(how),
        "test_use": {"ordinal": use, "earlier": use - 1},
    }
