"""measure: a task becomes a verdict."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from tunewise.advice import require_worth
from tunewise.contenders import Contender, Setting, calibrated, check_depth, line_up
from tunewise.data.check import check
from tunewise.data.folds import FOLDS
from tunewise.data.language import detect
from tunewise.data.split import Division, divide
from tunewise.encoders import (
    DEFAULT_ENCODER,
    Encoder,
    engine_of,
    is_hosted,
    is_local,
    load_encoder,
)
from tunewise.errors import OptionError
from tunewise.finding import Finding, in_order
from tunewise.measurement.budget import told_of
from tunewise.measurement.contest import hold
from tunewise.measurement.fitted import Fitted, fit
from tunewise.measurement.lighter import lighter
from tunewise.measurement.noticed import as_measured
from tunewise.measurement.uses import count_use
from tunewise.metrics import DEFAULT_METRICS, Scores, parse_metric, score
from tunewise.progress import Progress, silent
from tunewise.rankings import Rankings
from tunewise.task import Task, Test, Texts
from tunewise.verdict import (
    FEW,
    SUFFICES,
    Change,
    Decision,
    Price,
    Standing,
    Stories,
    Verdict,
    decide,
    doubted,
    otherwise,
    provisional,
)

_TIMED = 50  # queries asked together to see how long one takes
_TOLD = 10  # queries told of on either side


def measure(
    task: Task,
    *,
    encoders: Sequence[str | Encoder] = (DEFAULT_ENCODER,),
    base_url: str | None = None,
    engine: str = "auto",
    metric: str = "nDCG@10",
    worth: float = 0.02,
    target: float | None = None,
    budget: float | None = None,
    contenders: Sequence[str] | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Verdict:
    """Whether off-the-shelf embeddings suffice for this task, or tuning pays.

    `encoders` are names for `load_encoder`, or encoders; the first is the plain one the others
    are held against; `engine` is how local ones compute, as in `load_encoder`. `worth` is the
    smallest gain in `metric` worth having, `target` a level to reach, `budget` seconds of fitting,
    `contenders` the families to try (None: all). The same task, settings and machine give the
    same verdict but for times.

    Everything is chosen on dev; the test part is scored once, and its uses are counted.
    Raises OptionError for senseless arguments, DataError for data that can decide nothing,
    EncoderError for a model that cannot be used.

    >>> import tunewise
    >>> verdict = tunewise.measure(tunewise.read_task("data/"))  # doctest: +SKIP
    >>> verdict.answer  # doctest: +SKIP
    'suffices with hybrid'
    """
    began = time.monotonic()
    metric = parse_metric(metric).name
    check_depth(metric)
    validate(worth, target, budget)
    words = None if contenders is None else list(dict.fromkeys(line_up(contenders)))
    loaded = loaded_encoders(encoders, base_url, engine, task.documents.texts, progress)
    division = divide(task, seed=seed)
    if engine == "auto":
        loaded = [
            lighter(each, division.training, metric, seed=seed, progress=progress)
            if isinstance(asked, str)
            else each
            for asked, each in zip(encoders, loaded, strict=True)
        ]
    findings = _findings(task, division, loaded[0], worth)
    languages = detect(task.documents.texts, seed=seed)
    setting = Setting(division.training, loaded, metric, languages.main, seed, progress)
    end = None if budget is None else time.monotonic() + budget
    fitted = fit(task, division, setting, partial(hold, words=words, worth=worth), end)
    settings = {
        "metric": metric,
        "worth": worth,
        "target": target,
        "budget_seconds": budget,
        "try": words,
        "encoders": [encoder.name for encoder in loaded],
        "engines": [engine_of(encoder) or None for encoder in loaded],
        "base_url": base_url,
        "seed": seed,
    }
    use = {**settings, "stamps": [encoder.stamp for encoder in loaded]}
    data = _data(task, fitted.division, languages.shares, use)
    return _judged(task, fitted, findings, data, settings, began)


def _judged(
    task: Task,
    fitted: Fitted,
    findings: Sequence[Finding],
    data: Mapping[str, Any],
    settings: Mapping[str, Any],
    began: float,
) -> Verdict:
    """The contenders on the test queries, and what that says."""
    metric, contenders, again = settings["metric"], fitted.contest.contenders, fitted.again
    trials = [_try(contender, fitted, metric) for contender in contenders]
    standings = [_standing(trial, fitted) for trial in trials]
    groups = _groups(fitted.division.test)
    rule = {key: settings[key] for key in ("metric", "worth", "target", "seed")}
    if again is not None:
        first = decide(standings, groups, **rule)
        standings = again.repeated(standings, contenders, (first.best_tuned, first.contender))
    skipped = fitted.contest.skipped
    decided = decide(standings, groups, **rule, **told_of(skipped))
    decision = provisional(doubted(decided, findings), task.made)
    return Verdict(
        decision=decision,
        task=task,
        contenders=[calibrated(one, fitted.division.training) for one in contenders],
        standings=standings,
        groups=groups,
        prices={trial.contender.name: trial.price for trial in trials},
        skipped=skipped,
        stories=_stories(trials, decision, metric),
        forecast=None
        if again is None
        else again.foreseen(standings, contenders, decision.best_untuned, groups, rule["worth"]),
        changes=otherwise(decision, standings, groups, findings, **rule),
        findings=as_measured(findings, decision, rule["worth"]),
        data=data,
        settings=settings,
        seconds=time.monotonic() - began,
    )


@dataclass(frozen=True)
class _Trial:
    """One contender on the test queries."""

    contender: Contender
    rankings: Rankings
    scores: Scores
    redrawn: Sequence[float]
    price: Price


def _try(contender: Contender, fitted: Fitted, metric: str) -> _Trial:
    test, rankings = fitted.division.test, fitted.rankings[contender.name]
    how: dict[str, Any] = {"relevant_from": test.relevant_from, "weights": test.part.weights}
    scores = score(rankings, test.part.judgments, _metrics(metric), **how)
    redrawn = [score(rankings, again, [metric], **how).mean(metric) for again in test.redrawn]
    return _Trial(contender, rankings, scores, redrawn, _timed(contender, test.part.queries))


def _metrics(metric: str) -> list[str]:
    return list(dict.fromkeys([metric, *DEFAULT_METRICS]))


def _timed(contender: Contender, queries: Texts) -> Price:
    """What the contender takes: a few queries together, encoded at the speed that was measured."""
    asked = queries.take(range(min(_TIMED, len(queries))))
    began = time.perf_counter()
    contender.rank(asked)
    each = (time.perf_counter() - began) / max(len(asked), 1)
    documents = _speed(contender.encoder, "documents")
    return Price(
        fit_seconds=contender.seconds,
        encode_seconds_per_1000_documents=None if documents is None else 1000 * documents,
        query_ms=1000 * (each + (_speed(contender.encoder, "queries") or 0.0)),
        rank_ms=1000 * each,
    )


def _speed(encoder: Encoder | None, side: str) -> float | None:
    """Seconds a text, as measured when the vectors were made; None where nobody measured."""
    speed = getattr(encoder, "speed", None)
    return None if speed is None else speed(side)


def _standing(trial: _Trial, fitted: Fitted) -> Standing:
    contender = trial.contender
    return Standing(
        name=contender.name,
        tuned=contender.tuned,
        dev=fitted.dev[contender.name],
        scores=trial.scores,
        rung=contender.rung,
        plain=contender.family == "pretrained",
        redrawn=trial.redrawn,
        dev_units=0 if fitted.again is None else len(fitted.division.training.dev),
        same_as=contender.same_as if _taught(fitted) else None,
        folds=FOLDS if fitted.again is None and contender.family != "pretrained" else 0,
    )


def _taught(fitted: Fitted) -> bool:
    """Whether there was enough to say that tuning found nothing, and not only that it could not."""
    return fitted.again is not None and len(fitted.division.training.dev) >= FEW


def _groups(test: Test) -> list[str]:
    """The test queries' groups, in the order of their scores."""
    group = dict(zip(test.part.queries.ids, test.part.groups, strict=True))
    return [group[query] for query in test.part.judgments]


def _stories(trials: Sequence[_Trial], decision: Decision, metric: str) -> Stories | None:
    """The two contenders whose difference tells most about the answer, query by query."""
    named = {trial.contender.name: trial for trial in trials}
    pair = _pair(trials, decision)
    if pair is None:
        return None
    base, winner = named[pair[0]], named[pair[1]]
    before, after = base.scores.values[metric], winner.scores.values[metric]
    order = np.argsort(before - after, kind="stable")
    changes = [Change(int(p), float(before[p]), float(after[p])) for p in order]
    return Stories(
        base=pair[0],
        winner=pair[1],
        won=[change for change in changes[:_TOLD] if change.winner > change.base],
        lost=[change for change in changes[: -_TOLD - 1 : -1] if change.winner < change.base],
        differences=[change.winner - change.base for change in changes],
        base_rankings=base.rankings,
        winner_rankings=winner.rankings,
    )


def _pair(trials: Sequence[_Trial], decision: Decision) -> tuple[str, str] | None:
    """What the answer is about: tuned against untuned, else a change against the plain encoder."""
    chosen = next(t.contender for t in trials if t.contender.name == decision.contender)
    plain = next((t.contender.name for t in trials if t.contender.family == "pretrained"), None)
    if chosen.tuned:
        return decision.best_untuned, chosen.name
    if decision.answer.startswith(f"{SUFFICES} with") and plain:
        return plain, chosen.name
    if decision.best_tuned:
        return decision.best_untuned, decision.best_tuned
    return (plain, chosen.name) if plain and plain != chosen.name else None


def _findings(task: Task, division: Division, encoder: Encoder, worth: float) -> list[Finding]:
    looked = check(task, division=division, encoder=encoder, worth=worth)
    return in_order([*task.findings, *division.findings, *looked])


def _data(
    task: Task, division: Division, languages: Mapping[str, float], use: Mapping[str, Any]
) -> dict[str, Any]:
    ordinal = count_use(task, {**use, "task": task.fingerprint})
    return {
        "source": task.source,
        "read_with": dict(task.read_with),
        "fingerprint": task.fingerprint,
        "documents": len(task.documents),
        "queries": len(task.queries),
        "judged": len(task.judgments),
        "judgments": sum(len(grades) for grades in task.judgments.values()),
        "languages": dict(languages),
        "split": dict(division.how),
        "test_use": {"ordinal": ordinal, "earlier": ordinal - 1},
    }


def loaded_encoders(
    encoders: Sequence[str | Encoder],
    base_url: str | None,
    engine: str,
    texts: Sequence[str],
    progress: Progress,
) -> list[Encoder]:
    """The encoders, those that are only named opened; `texts` are what their engines are tried on.

    Raises OptionError where an option goes with none of them.
    """
    named = [encoder for encoder in encoders if isinstance(encoder, str)]
    hosted = [name for name in named if is_hosted(name)]
    if base_url is not None and not hosted:
        raise OptionError(
            "A base URL goes with a hosted model, and none of the encoders is one. "
            "Write its name as 'openai:MODEL', or leave the base URL out."
        )
    if engine != "auto" and not any(map(is_local, named)):
        raise OptionError(
            f"An engine ({engine}) goes with models that are computed on this machine, and none "
            "of the encoders is one. Leave it out."
        )
    return [
        load_encoder(
            encoder,
            base_url=base_url if encoder in hosted else None,
            engine=engine if is_local(encoder) else "auto",
            texts=texts,
            progress=progress,
        )
        if isinstance(encoder, str)
        else encoder
        for encoder in encoders
    ]


def validate(worth: float, target: float | None, budget: float | None) -> None:
    """Raises OptionError for figures that make no sense."""
    require_worth(worth)
    if target is not None and not 0 < target <= 1:
        raise OptionError(f"The target is {target}, but a metric lies between 0 and 1.")
    if budget is not None and not budget > 0:
        raise OptionError(f"The budget is {budget} seconds; give it some time.")
