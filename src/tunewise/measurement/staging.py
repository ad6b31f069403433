"""Staging: examples read into all that training by hand needs: rows, loss, exams, recipes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tunewise.contenders import Setting
from tunewise.data.examples import Examples, LabelledTexts, ScoredPairs
from tunewise.data.language import detect
from tunewise.data.pairs import Pairs, training_pairs
from tunewise.data.split import Division, divide
from tunewise.encoders import TransformerEncoder, cache_folder
from tunewise.measurement.keeping import Keep, OtherTask, other_task
from tunewise.measurement.kinds import (
    Ground,
    labelled_ground,
    require_parts,
    retrieval_ground,
    scored_ground,
)
from tunewise.measurement.options import Options, check_batch
from tunewise.measurement.untuned import best_untuned
from tunewise.progress import Progress
from tunewise.task import Task
from tunewise.training.choosing import recipes
from tunewise.training.lesson import Lesson, lesson_of_pairs
from tunewise.training.losses import Choice, choose_loss
from tunewise.training.negatives import Negatives, mine, read_negatives
from tunewise.training.processes import processes
from tunewise.training.recipe import Recipe

_PATIENCE = 3600.0  # seconds a process waits for another one that prepares the same


@dataclass(frozen=True)
class Stage:
    """All that training needs, read and chosen."""

    encoder: TransformerEncoder
    ground: Ground
    loss: Choice
    candidates: Sequence[Recipe]
    other: OtherTask
    notes: tuple[str, ...]


@contextmanager
def in_turn(progress: Progress) -> Iterator[None]:
    """Several processes prepare one after the other: what the first encoded the others find."""
    if processes() == 1:
        yield
        return
    from filelock import FileLock

    place = cache_folder() / "tuned"
    place.mkdir(parents=True, exist_ok=True)
    progress("waiting for the other processes", 0, 0)
    with FileLock(place / "preparing.lock", timeout=_PATIENCE):
        yield


def staged(
    data: Examples,
    encoder: TransformerEncoder,
    options: Options,
    metric: str,
    keep: Keep,
    progress: Progress,
) -> Stage:
    """What training by hand needs of these examples.

    Raises DataError for too little to learn from or stop on, OptionError for a loss that does not
    fit and a batch larger than the data.
    """
    notes: tuple[str, ...] = ()
    if isinstance(data, Task):
        division = divide(data, seed=options.seed)
        require_parts(division.how, "queries", data.source)
        lesson, notes = _lesson(data, division, encoder, options, metric, progress)
        choose_loss(lesson.shape, options.loss)
        check_batch(options, len(lesson))
        encoder.encode_documents(data.documents.texts, progress=progress)
        ground = retrieval_ground(data, division, lesson, encoder, metric, seed=options.seed)
    else:
        ground = _other_ground(data, encoder, options)
    choice = choose_loss(ground.lesson.shape, options.loss)
    progress(f"loss {choice.name} ({choice.reason})", 0, 0)
    check_batch(options, len(ground.lesson))
    other = other_task(keep, data, encoder, progress, seed=options.seed)
    rung = options.rung
    assert rung != "adapter"  # noqa: S101 - adapters go another way
    candidates = recipes(encoder, ground.lesson, rung, options.wishes, seed=options.seed)
    return Stage(encoder, ground, choice, candidates, other, notes)


def _other_ground(
    data: ScoredPairs | LabelledTexts, encoder: TransformerEncoder, options: Options
) -> Ground:
    counts = {name: int((data.parts == name).sum()) for name in ("train", "dev", "test")}
    if isinstance(data, ScoredPairs):
        require_parts(counts, "pairs", data.source)
        return scored_ground(data, encoder, seed=options.seed)
    require_parts(counts, "texts", data.source)
    return labelled_ground(data, encoder, seed=options.seed)


def _lesson(
    task: Task,
    division: Division,
    encoder: TransformerEncoder,
    options: Options,
    metric: str,
    progress: Progress,
) -> tuple[Lesson, tuple[str, ...]]:
    """The rows to learn from, and what is to be said of where their negatives come from."""
    training, wanted = division.training, options.negatives
    progress("looking for near-duplicates", 0, 0)
    pairs = training_pairs(training)
    if wanted == 0:
        return lesson_of_pairs(training, pairs, seed=options.seed), ()
    if isinstance(wanted, Path):
        found = read_negatives(wanted, training, pairs=pairs)
        each, told = found.per_query, f"negatives are those of '{wanted}'"
    else:
        found, told = _mined(task, division, pairs, encoder, options, metric, progress)
        each = wanted
    lesson = lesson_of_pairs(training, pairs, found, each, seed=options.seed)
    return lesson, (f"{told}: {len(found):,} for {len(training.train):,} queries",)


def _mined(
    task: Task,
    division: Division,
    pairs: Pairs,
    encoder: TransformerEncoder,
    options: Options,
    metric: str,
    progress: Progress,
) -> tuple[Negatives, str]:
    training, seed = division.training, options.seed
    language = detect(task.documents.texts, seed=seed).main
    setting = Setting(training, [encoder], metric, language, seed, progress)
    chosen = best_untuned(setting)
    progress(f"mining negatives with {chosen.contender.name}", 0, 0)
    rankings = chosen.contender.rank(training.train.queries)
    assert isinstance(options.negatives, int)  # noqa: S101 - a file is read, not mined
    found = mine(training, pairs, rankings, per_query=options.negatives, seed=seed)
    return found, f"negatives were mined with {chosen.contender.name}, {chosen.reason}"
