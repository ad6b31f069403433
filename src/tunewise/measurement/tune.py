"""tune: an encoder is tuned on examples by hand, delivered if it is better, and measured once."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from tunewise.contenders.contender import encoding
from tunewise.contenders.tuned import blended
from tunewise.data.examples import Examples, Kind, ScoredPairs
from tunewise.encoders import (
    DEFAULT_ENCODER,
    Encoder,
    TransformerEncoder,
    load_encoder,
)
from tunewise.measurement.adapted import tune_adapter
from tunewise.measurement.delivery import base_contender, tuned_contender
from tunewise.measurement.gains import Gain
from tunewise.measurement.keeping import Keep
from tunewise.measurement.kinds import (
    Ground,
    metric_of,
)
from tunewise.measurement.options import Options, Step, check_options, tunable
from tunewise.measurement.prefixes import Prefixes, measure_prefixes
from tunewise.measurement.staging import Stage, in_turn, staged
from tunewise.measurement.tuning import Outcome, Tuning
from tunewise.measurement.uses import count_use
from tunewise.progress import Progress, silent
from tunewise.task import Task
from tunewise.training.choosing import choose_tuned
from tunewise.training.processes import first, processes
from tunewise.training.recipe import Precision
from tunewise.training.tuning import Tuned


def tune(
    data: Examples,
    *,
    rung: Step = "partial",
    encoder: str | Encoder = DEFAULT_ENCODER,
    loss: str | None = None,
    matryoshka: Sequence[int] = (),
    negatives: int | Path = 0,
    keep: Keep = "docstrings",
    keep_loss: float = 0.01,
    budget: float | None = None,
    epochs: int | None = None,
    learning_rate: float | None = None,
    batch: int | None = None,
    precision: Precision | None = None,
    metric: str | None = None,
    track: Sequence[str] = (),
    seed: int = 0,
    progress: Progress = silent,
) -> Tuning:
    """The encoder tuned on these examples, or itself where tuning brings nothing.

    `rung` is "partial", "lora", "full" or "adapter" (of retrieval tasks only). `negatives` is how
    many are mined for each row, or a file of mined ones. `keep` is another task, "docstrings" or
    None: of all points between base and tuned, the best on dev that loses no more than `keep_loss`
    there is delivered. `budget` is seconds, after which training ends with what it came to.
    Everything else is left to the data and to dev unless it is given.

    Training goes on where it was broken off, if it is called again alike; it lies in the cache.
    The test part is measured once, and its uses are counted; `save_tuned` writes what is
    delivered. Under torchrun all processes train and the first measures.

    Raises OptionError for values that make no sense, DataError for data that cannot be learned
    from, EncoderError for an encoder that cannot be tuned, MissingExtra without the extra "tune".

    >>> import tunewise
    >>> tuning = tunewise.tune(tunewise.read_examples("data/"), rung="full")  # doctest: +SKIP
    >>> tunewise.save_tuned(tuning, "tuned/")  # doctest: +SKIP
    """
    began = time.monotonic()
    options = Options(
        rung=rung,
        loss=loss,
        matryoshka=tuple(matryoshka),
        negatives=negatives,
        keep_loss=keep_loss,
        budget=budget,
        epochs=epochs,
        learning_rate=learning_rate,
        batch=batch,
        precision=precision,
        track=tuple(track),
        seed=seed,
    )
    kind = _kind(data)
    check_options(options, kind)
    metric = metric_of(kind, metric)
    base = load_encoder(encoder, texts=trial_texts(data)) if isinstance(encoder, str) else encoder
    if isinstance(data, Task) and rung == "adapter":
        return tune_adapter(data, base, options, metric, progress, began)
    local = tunable(base, options)
    with in_turn(progress):
        stage = staged(data, local, options, metric, keep, progress)
    return _concluded(data, stage, _trained(stage, options, began, progress), progress, began)


def trial_texts(data: Examples) -> Sequence[str]:
    """The texts on which the quickest engine may be looked for.

    None where several processes train together: each would find its own.
    """
    return data.documents.texts if isinstance(data, Task) and processes() == 1 else ()


@dataclass(frozen=True)
class _Runs:
    """The run, the same without Matryoshka if that was asked for, and the options of both."""

    tuned: Tuned
    plain: Tuned | None
    options: Options


def _kind(data: Examples) -> Kind:
    if isinstance(data, Task):
        return "retrieval"
    return "scored" if isinstance(data, ScoredPairs) else "labelled"


def _trained(stage: Stage, options: Options, began: float, progress: Progress) -> _Runs:
    until = None if options.budget is None else began + options.budget
    train = partial(
        choose_tuned,
        stage.encoder,
        stage.ground.lesson,
        exam=stage.ground.exam,
        keep=stage.other.exam,
        track=options.track,
        until=until,
        progress=progress,
    )
    tuned = train(stage.candidates)
    plain = None
    if options.matryoshka and not tuned.cut:
        plain = train([replace(tuned.recipe, matryoshka=())])
    return _Runs(tuned, plain, options)


def _concluded(
    data: Examples, stage: Stage, runs: _Runs, progress: Progress, began: float
) -> Tuning:
    """What is delivered, measured on the test part by the first process."""
    options, ground, measures = runs.options, stage.ground, first()
    outcome = _delivered(data, stage, runs.tuned, options, progress)
    gains, prefixes, use = _measured(data, stage, runs, outcome) if measures else ((), None, 0)
    return Tuning(
        rung=options.rung,
        kind=ground.kind,
        metric=ground.metric,
        encoder=stage.encoder,
        outcome=outcome,
        gains=gains,
        measured_on=ground.measured_on,
        loss=stage.loss,
        run=runs.tuned,
        other=stage.other,
        prefixes=prefixes,
        findings=ground.findings,
        notes=_notes(stage, runs),
        data=_data(data, ground, use),
        options=options,
        seconds=time.monotonic() - began,
        training_seconds=runs.tuned.seconds + (runs.plain.seconds if runs.plain else 0.0),
    )


def _delivered(
    data: Examples, stage: Stage, tuned: Tuned, options: Options, progress: Progress
) -> Outcome:
    """The best point of the frontier that costs no more elsewhere than allowed, or the base."""
    ground, base = stage.ground, base_contender(stage.encoder, data, progress)
    point = tuned.best(loss=options.keep_loss)
    if not first():
        return Outcome(base, base, False, "the first process measures")
    if not point.share:
        costly = tuned.best().share > 0
        why = (
            f"every step toward the tuned weights costs more than {options.keep_loss:g} on the "
            "other task"
            if costly
            else f"the time was up after {tuned.steps:,} of {tuned.of_steps:,} steps, too few "
            "to do better on dev"
            if tuned.cut
            else "no tuned weights did better on dev"
        )
        return Outcome(base, base, False, f"{why}: the base is delivered")
    made = blended(stage.encoder, tuned, point.share, ground.lesson.columns[1])
    before, after = (ground.dev(encoding(one, progress)) for one in (stage.encoder, made))
    if after < before:
        why = (
            f"on all of dev what was tuned falls short of the base ({ground.metric} {after:.3f}, "
            f"base {before:.3f}): the base is delivered"
        )
        return Outcome(base, base, False, why, dev=(before, after))
    reason = f"better on dev than the base ({ground.metric} {after:.3f}, base {before:.3f})"
    if after == before:
        reason = f"as good on all of dev as the base ({ground.metric} {after:.3f})"
    settings = tuned.settings(point.share)
    contender = tuned_contender(made, data, options.rung, settings, progress)
    return Outcome(contender, base, True, reason, point.share, (before, after))


def _measured(
    data: Examples, stage: Stage, runs: _Runs, outcome: Outcome
) -> tuple[tuple[Gain, ...], Prefixes | None, int]:
    """Gains, what prefixes keep, and which use of the test part this is (0 where dev is used)."""
    ground, base = stage.ground, encoding(stage.encoder)
    given = outcome.contender.encoder
    assert given is not None  # noqa: S101 - both kinds of contender have one
    final = encoding(given) if outcome.improved else base
    plain = _without(stage, runs) if runs.options.matryoshka else None
    used = [stage.encoder.stamp, given.stamp, *([plain.stamp] if plain else [])]
    what = {"tune": used, "data": data.fingerprint, "seed": runs.options.seed}
    use = count_use(data, what) if ground.measured_on == "test" else 0
    gains, prefixes = ground.gains(base, final), None
    if runs.options.matryoshka:
        prefixes = measure_prefixes(
            ground,
            runs.options.matryoshka,
            stage.encoder.dimension,
            base=base,
            without=None if plain is None else encoding(plain),
            tuned=final,
            why=_why_not(runs, outcome),
        )
    return gains, prefixes, use


def _without(stage: Stage, runs: _Runs) -> TransformerEncoder | None:
    """What the same recipe gives without Matryoshka; None where there was no time for it."""
    if runs.plain is None:
        return None
    point = runs.plain.best(loss=runs.options.keep_loss)
    if not point.share:
        return stage.encoder
    return blended(stage.encoder, runs.plain, point.share, stage.ground.lesson.columns[1])


def _why_not(runs: _Runs, outcome: Outcome) -> str:
    if not outcome.improved:
        return "the base is delivered, which was not trained for it"
    if outcome.share < 1:
        return (
            f"the weights are only {100 * outcome.share:.0f} % of the way to those trained for it"
        )
    rows = runs.tuned.rows
    return f"{rows:,} rows may be too few to put so much into so few dimensions; train for longer"


def _notes(stage: Stage, runs: _Runs) -> tuple[str, ...]:
    tuned, told = runs.tuned, [*stage.notes, *runs.tuned.notes]
    if stage.ground.measured_on == "dev":
        told.append("there is no test part, so figures are of dev, on which choices were made: "
                    "they are too good")  # fmt: skip
    if stage.other.note:
        told.append(stage.other.note)
    if tuned.cut:
        told.append(
            f"the time was up after {tuned.steps:,} of {tuned.of_steps:,} steps: the best look "
            "until then counts; the same command goes on from there"
        )
    elif tuned.steps < tuned.of_steps and not any("became" in note for note in tuned.notes):
        told.append(
            f"training stopped after {tuned.steps:,} of {tuned.of_steps:,} steps: dev had shown "
            f"nothing better for {tuned.recipe.patience} looks"
        )
    if runs.options.matryoshka and runs.plain is None:
        told.append("there was no time for the run without Matryoshka")
    elif runs.plain is not None and runs.plain.cut:
        told.append("the time was up within the run without Matryoshka, which fell short")
    return tuple(dict.fromkeys(told))


def _data(data: Examples, ground: Ground, use: int) -> dict[str, Any]:
    return {
        "source": data.source,
        "read_with": dict(data.read_with),
        "kind": ground.kind,
        "fingerprint": data.fingerprint,
        "units": ground.units,
        "counts": dict(ground.counts),
        "documents": len(data.documents) if isinstance(data, Task) else None,
        "rows": len(ground.lesson),
        "shape": ground.lesson.shape,
        "split": dict(ground.split),
        "test_use": {"ordinal": use, "earlier": use - 1} if use else None,
    }
