"""measure_kind: examples of any kind become a verdict, by the one contest that serves all kinds."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewise.encoders import DEFAULT_ENCODER, Encoder, engine_of
from tunewise.errors import DataError, EncoderError, MissingExtra, OptionError
from tunewise.finding import in_order
from tunewise.kinds import Contender, Examples, Kind, Parts, Setting, Shown
from tunewise.learning_curve import Forecast, Point, extrapolate
from tunewise.measurement.budget import (
    BUDGET_SPENT,
    NO_TURN,
    NOTHING_TO_LEARN,
    BudgetSpent,
    told_of,
    until,
)
from tunewise.measurement.measure import loaded_encoders, validate
from tunewise.measurement.repeats import FRACTIONS, SEEDS, TIMES, rows_of_parts
from tunewise.measurement.uses import count_use
from tunewise.metrics import Scores
from tunewise.progress import Progress, silent
from tunewise.verdict import FEW, Decision, Price, Skipped, Standing, decide, otherwise
from tunewise.verdict.of_kind import KindVerdict

_TIMED = 50  # units asked together to see how long one takes


def measure_kind(
    examples: Examples,
    kind: Kind,
    *,
    encoders: Sequence[str | Encoder] = (DEFAULT_ENCODER,),
    base_url: str | None = None,
    engine: str = "auto",
    metric: str | None = None,
    worth: float = 0.02,
    target: float | None = None,
    budget: float | None = None,
    contenders: Sequence[str] | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> KindVerdict:
    """Whether off-the-shelf embeddings suffice for these examples, or tuning pays.

    As `measure`, over another kind of task: `metric` is one that can decide there (None: the usual
    one), `contenders` are words of the kind's table. Everything is chosen on dev; the test part is
    scored once, and its uses are counted.

    Raises OptionError for senseless arguments, DataError for examples that can decide nothing,
    EncoderError for a model that cannot be used.
    """
    began = time.monotonic()
    _deciding(kind, metric)  # a misspelt one is refused before a model is loaded
    words = _words(kind, contenders)
    validate(worth, target, budget)
    parts = kind.divide(examples, seed)
    _require(parts, kind, examples.source)
    loaded = loaded_encoders(encoders, base_url, engine, examples.texts, progress)
    kind = kind if kind.over is None else kind.over(examples, loaded)
    metric = _deciding(kind, metric)
    end = None if budget is None else time.monotonic() + budget
    run = _Run(kind, parts, loaded, metric, seed, progress, end)
    fitted, skipped = run.fitted(words, named=contenders is not None)
    settings = {
        "metric": metric,
        "worth": worth,
        "target": target,
        "budget_seconds": budget,
        "try": None if contenders is None else words,
        "encoders": [encoder.name for encoder in loaded],
        "engines": [engine_of(encoder) or None for encoder in loaded],
        "base_url": base_url,
        "seed": seed,
    }
    return _judged(examples, run, fitted, skipped, settings, began)


def _deciding(kind: Kind, metric: str | None) -> str:
    if metric is None:
        return kind.deciding[0]
    known = {name.casefold(): name for name in kind.deciding}
    if metric.casefold() not in known:
        raise OptionError(
            f"The metric '{metric}' cannot decide over {kind.name}. Choose from "
            f"{', '.join(kind.deciding)}."
        )
    return known[metric.casefold()]


def _words(kind: Kind, contenders: Sequence[str] | None) -> list[str]:
    """The families to try, in the table's order. OptionError for one it does not have."""
    if contenders is None:
        return list(kind.table)
    unknown = [word for word in contenders if word not in kind.table]
    if unknown or not contenders:
        raise OptionError(
            f"There is no contender '{', '.join(unknown)}' for {kind.name}. Choose from "
            f"{', '.join(kind.table)}."
        )
    return [word for word in kind.table if word in contenders]


def _require(parts: Parts, kind: Kind, source: str) -> None:
    if not len(parts.train):
        raise DataError(
            f"'{source}' has no train part, so there is nothing to learn from. Put {kind.units} "
            "into a train part, or give no parts to have all of them divided."
        )
    if len(set(kind.groups(parts.test))) < 2:
        raise DataError(
            f"The test part of '{source}' holds fewer than two {kind.units} that differ, so "
            f"nothing can be measured. Add {kind.units}, or give no parts to have all of them "
            "divided."
        )


@dataclass(frozen=True)
class _Run:
    """One contest: a kind over its parts, with these encoders."""

    kind: Kind
    parts: Parts
    encoders: Sequence[Encoder]
    metric: str
    seed: int
    progress: Progress
    end: float | None = None

    @property
    def setting(self) -> Setting:
        """What contenders may see."""
        train, dev = self.parts.train, self.parts.dev
        return Setting(
            train, dev, self.encoders, self.metric, self._level, self.seed, self.progress
        )

    def _level(self, answers: Any, part: Any) -> float:
        if not len(part):
            return 0.0
        return self.kind.score(answers, part, [self.metric]).mean(self.metric)

    def affordable(self, contenders: Sequence[Contender], times: int) -> bool:
        """Whether they can be fitted so many times more: they take seconds, and there is time."""
        if any(one.family in self.kind.deep for one in contenders):
            return False
        all_ = [one for each in contenders for one in (each, *each.parts.values())]
        seconds = times * sum(one.seconds for one in all_)
        return self.end is None or time.monotonic() + seconds <= self.end

    def fitted(self, words: Sequence[str], *, named: bool) -> tuple[list[Contender], list[Skipped]]:
        """Each family in turn, cheapest first, until `end` (`time.monotonic`)."""
        found: list[Contender] = []
        skipped: list[Skipped] = []
        setting = self.setting
        for word in words:
            if self.end is not None and time.monotonic() > self.end and found:
                skipped.append(self.skipped(word, NO_TURN, "time"))
                continue
            try:
                with until(setting, self.end if found else None) as limited:
                    limited.progress("", 0, 0)
                    new = self.kind.table[word].fit(limited, found)
            except BudgetSpent:
                skipped.append(self.skipped(word, BUDGET_SPENT, "time"))
                continue
            except (MissingExtra, EncoderError) as missing:
                untunable = isinstance(missing, EncoderError) and word in self.kind.deep
                if named or not (untunable or isinstance(missing, MissingExtra)):
                    raise
                cause = "package" if isinstance(missing, MissingExtra) else "other"
                skipped.append(self.skipped(word, str(missing), cause))
                continue
            if not new:
                skipped.append(self.skipped(word, NOTHING_TO_LEARN))
            found += new
        if not any(not one.tuned for one in found):
            raise OptionError(
                "A gain is measured against something untuned, and nothing untuned was. Try one "
                "that is not tuned as well."
            )
        return sorted(found, key=lambda one: (one.tuned, one.reembed)), skipped

    def skipped(self, word: str, why: str, cause: str = "other") -> Skipped:
        """A family that was not measured."""
        return Skipped(word, why, word in ("adapter", *self.kind.deep), cause)

    def again(self, contender: Contender, setting: Setting, fitted: Sequence[Contender]) -> Scores:
        """A tuned contender fitted anew in another setting, on the test part."""
        untuned = [one for one in fitted if not one.tuned]
        return self._fitted_again(contender, setting, untuned)

    def base_again(self, contender: Contender, setting: Setting) -> Scores:
        """An untuned contender, and what it is made of, fitted anew in another setting, on test."""
        parts: list[Contender] = []
        for family in dict.fromkeys(part.family for part in contender.parts.values()):
            parts += self.kind.table[family].fit(setting, parts)
        return self._fitted_again(contender, setting, parts)

    def _fitted_again(
        self, contender: Contender, setting: Setting, earlier: Sequence[Contender]
    ) -> Scores:
        new = self.kind.table[contender.family].fit(setting, earlier)
        same = next(one for one in new if one.name == contender.name)
        return self.scored(same, [self.metric])

    def scored(self, contender: Contender, metrics: Sequence[str]) -> Scores:
        """A contender on the test part."""
        answers = contender.answer(self.kind.asked(self.parts.test))
        return self.kind.score(answers, self.parts.test, metrics)

    def seeds(self, contender: Contender, fitted: Sequence[Contender]) -> tuple[Scores, ...]:
        """Scores of a finalist trained with other seeds; none where that would take too long."""
        if not self.affordable([contender], SEEDS - 1):
            return ()
        settings = [replace(self.setting, seed=self.seed + more) for more in range(1, SEEDS)]
        return tuple(self.again(contender, setting, fitted) for setting in settings)

    def forecast(
        self,
        contender: Contender,
        untuned: Contender,
        scores: Mapping[str, Scores],
        fitted: Sequence[Contender],
        worth: float,
    ) -> Forecast:
        """What more labels would bring a contender that trains in seconds.

        Untuned contenders of most kinds learn from labels too: each gain is over the one that had
        as many.
        """
        train, base = self.parts.train, scores[untuned.name]
        points = [Point(len(train), gains_over(base, scores[contender.name], self.metric))]
        for rows in rows_of_parts(len(train), self.seed):
            setting = replace(self.setting, train=self.kind.take(train, rows))
            found = self.again(contender, setting, fitted)
            plain = self.base_again(untuned, setting)
            points.append(Point(len(rows), gains_over(plain, found, self.metric)))
        return extrapolate(
            points,
            self.kind.groups(self.parts.test),
            rung=contender.name,
            metric=self.metric,
            worth=worth,
            seed=self.seed,
            most=base.bounds.get(self.metric, (0.0, 1.0))[1] - base.mean(self.metric),
        )


def _judged(
    examples: Examples,
    run: _Run,
    fitted: Sequence[Contender],
    skipped: Sequence[Skipped],
    settings: dict[str, Any],
    began: float,
) -> KindVerdict:
    """The contenders on the test part, and what that says."""
    kind, judged = run.kind, run.parts.test
    groups, asked = kind.groups(judged), kind.asked(judged)
    answers, scores, prices = {}, {}, {}
    for one in fitted:
        run.progress(f"scoring {one.name}", 0, 0)
        answers[one.name] = one.answer(asked)
        scores[one.name] = kind.score(answers[one.name], judged, kind.metrics)
        prices[one.name] = _timed(one, run)
    rule = {key: settings[key] for key in ("metric", "worth", "target", "seed")}
    rule["units"] = kind.units
    standings = _repeated(run, fitted, scores, groups, rule)
    decision = decide(standings, groups, **rule, **told_of(skipped))
    known = (decision.contender, decision.best_tuned)
    fitted = [kind.finish(one, run.setting) if one.name in known else one for one in fitted]
    chosen = next(one for one in fitted if one.name == decision.contender)
    return KindVerdict(
        kind=kind,
        decision=decision,
        contenders=fitted,
        standings=standings,
        groups=groups,
        prices=prices,
        skipped=skipped,
        forecast=_forecast(run, fitted, scores, decision, settings["worth"]),
        changes=otherwise(decision, standings, groups, **rule),
        findings=in_order([*run.parts.findings]),
        shown=Shown(run.parts.train, judged, chosen, answers, scores, run.parts.dev),
        data=_data(examples, run, settings),
        settings=settings,
        seconds=time.monotonic() - began,
    )


def _repeated(
    run: _Run,
    fitted: Sequence[Contender],
    scores: Mapping[str, Scores],
    groups: Sequence[str],
    rule: Mapping[str, Any],
) -> list[Standing]:
    """Every contender's standing, the finalists' with what other seeds give."""
    standings = [_standing(one, scores[one.name], run) for one in fitted]
    first = decide(standings, groups, **rule)
    finalists = (first.best_tuned, first.contender)
    return [
        replace(standing, repeats=run.seeds(one, fitted))
        if one.tuned and one.name in finalists
        else standing
        for standing, one in zip(standings, fitted, strict=True)
    ]


def _forecast(
    run: _Run,
    fitted: Sequence[Contender],
    scores: Mapping[str, Scores],
    decision: Decision,
    worth: float,
) -> Forecast | None:
    """What more labels would bring the best tuned contender, if it trains in seconds."""
    known = {one.name: one for one in fitted}
    tuned, untuned = known.get(decision.best_tuned or ""), known[decision.best_untuned]
    if tuned is None or not run.affordable([tuned, untuned], len(FRACTIONS) * TIMES):
        return None
    return run.forecast(tuned, untuned, scores, fitted, worth)


def gains_over(base: Scores, found: Scores, metric: str) -> NDArray[np.float64]:
    """What each unit gains (n,), so that the mean is the gain also where that is a statistic."""
    gains = found.of(metric) - base.of(metric)
    return np.asarray(gains - gains.mean() + (found.mean(metric) - base.mean(metric)))


def _standing(one: Contender, scores: Scores, run: _Run) -> Standing:
    dev = run.parts.dev
    answered = one.answer(run.kind.asked(dev)) if len(dev) else None
    return Standing(
        name=one.name,
        tuned=one.tuned,
        dev=0.0
        if answered is None
        else run.kind.score(answered, dev, [run.metric]).mean(run.metric),
        scores=scores,
        rung=one.rung,
        plain=one.plain,
        dev_units=len(dev),
        same_as=one.same_as if len(dev) >= FEW else None,
    )


def _timed(one: Contender, run: _Run) -> Price:
    """What the contender takes: a few units together, encoded at the speed that was measured."""
    rows = np.arange(min(_TIMED, len(run.parts.test)))
    asked = run.kind.asked(run.kind.take(run.parts.test, rows))
    began = time.perf_counter()
    one.answer(asked)
    each = (time.perf_counter() - began) / max(len(rows), 1)
    speed = getattr(one.encoder, "speed", None)
    encoding = None if speed is None else speed("documents")
    return Price(
        fit_seconds=one.seconds,
        encode_seconds_per_1000_documents=None if encoding is None else 1000 * encoding,
        query_ms=1000 * (each + (encoding or 0.0)),
        rank_ms=1000 * each,
    )


def _data(examples: Examples, run: _Run, settings: dict[str, Any]) -> dict[str, Any]:
    stamps = [encoder.stamp for encoder in run.encoders]
    use = {**settings, "stamps": stamps, "task": examples.fingerprint}
    ordinal = count_use(examples, use)
    how = run.parts.how
    return {
        "source": examples.source,
        "read_with": dict(examples.read_with),
        "fingerprint": examples.fingerprint,
        "texts": run.parts.texts,
        "split": dict(how),
        "test_use": {"ordinal": ordinal, "earlier": ordinal - 1},
    }
