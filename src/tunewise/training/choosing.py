"""choose_tuned: a rung tried with the few recipes worth it, and the one dev likes best."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tunewise.encoders import TransformerEncoder, cache_folder
from tunewise.errors import EncoderError
from tunewise.extras import need
from tunewise.progress import Progress, silent
from tunewise.training.exam import Exam
from tunewise.training.lesson import Lesson
from tunewise.training.losses import choose_loss
from tunewise.training.precision import best_precision
from tunewise.training.recipe import Precision, Recipe, Rung, recipe_for
from tunewise.training.tuning import Tuned, run_name, tune_encoder


@dataclass(frozen=True)
class Wishes:
    """What a user set for tuning by hand; None leaves it to the rung and to dev."""

    loss: str | None = None
    matryoshka: tuple[int, ...] = ()
    epochs: int | None = None
    learning_rate: float | None = None
    batch: int | None = None
    precision: Precision | None = None


NO_WISHES = Wishes()


def need_packages() -> None:
    """Makes sure that what training takes is installed; MissingExtra where it is not."""
    for package in ("accelerate", "datasets", "peft"):
        need(package, extra="tune")


def recipes(
    encoder: TransformerEncoder, lesson: Lesson, rung: Rung, wishes: Wishes, *, seed: int
) -> list[Recipe]:
    """The recipes to choose among on dev.

    Raises EncoderError for an encoder without transformer layers, OptionError for a loss that
    does not fit the lesson.
    """
    layers, width, precision = _size(encoder)
    start = recipe_for(
        rung,
        rows=len(lesson),
        layers=layers,
        width=width,
        precision=wishes.precision or precision,
        seed=seed,
    )
    start = replace(
        start,
        loss=choose_loss(lesson.shape, wishes.loss).name,
        negatives=max(0, len(lesson.columns) - 2),
        matryoshka=wishes.matryoshka,
        epochs=wishes.epochs or start.epochs,
        batch=wishes.batch or start.batch,
    )
    if wishes.learning_rate is not None:
        return [replace(start, learning_rate=wishes.learning_rate)]
    return [start]


def choose_tuned(
    encoder: TransformerEncoder,
    lesson: Lesson,
    candidates: Sequence[Recipe],
    exam: Exam,
    *,
    keep: Exam | None = None,
    track: Sequence[str] = (),
    folder: Path | None = None,
    until: float | None = None,
    progress: Progress = silent,
) -> Tuned:
    """The run whose best point does best on the exam; a tie goes to the earlier recipe.

    Runs lie in `folder`, by default in the cache, each under a name made of all that shapes it, so
    that the same call finds what is finished and goes on with what is not.
    """
    home = folder or cache_folder() / "tuned"
    runs = [
        tune_encoder(
            encoder,
            lesson,
            recipe,
            exam,
            home / run_name(encoder, lesson, recipe, exam, keep),
            keep=keep,
            track=track,
            until=until,
            progress=progress,
        )
        for recipe in candidates
    ]
    return max(runs, key=lambda run: run.best().score)


def _size(encoder: TransformerEncoder) -> tuple[int, int, Precision]:
    """How many layers the encoder has, how wide they are, and the precision it trains in."""
    from tunewise.training.layers import layers_of

    model: Any = encoder.copy()
    layers = layers_of(model, encoder.name)
    if len(layers) < 2:
        raise EncoderError(
            f"The encoder '{encoder.name}' has one layer, too few to tune a part of. "
            "Use --rung adapter."
        )
    width = model.transformers_model.config.hidden_size
    return len(layers), int(width), best_precision(model.device)
